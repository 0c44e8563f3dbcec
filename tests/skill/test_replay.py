"""Replayed leave-family-out forecasts beside those of a real refit with the same variances."""

import dataclasses

import numpy as np
import pytest

from obslaws.simulate import simulate_panel
from obslaws.skill.covariates import raw_covariates
from obslaws.skill.fit import fit_skills
from obslaws.skill.neighbours import Residuals, steepness
from obslaws.skill.predict import fitted_logits
from obslaws.skill.problem import Problem
from obslaws.skill.replay import _branch_state, larger, middle, rank_within, replay


@pytest.fixture(scope="module")
def panel():
    return simulate_panel(n_families=12, random_state=0).panel


@pytest.fixture(scope="module")
def fit(panel, make_data):
    return fit_skills(make_data(panel), 2)


@pytest.fixture(scope="module")
def size(panel):
    return raw_covariates(panel.models)[:, 0]


def replayed(fit, size, n_observed, **options):
    """All but the smallest of each family hidden; every second size where None are."""
    family = fit.problem.data.nesting.family
    hidden = middle(size, family) if n_observed is None else larger(size, family, n_observed)
    return replay(fit, hidden, **options)


def spread(found):
    return np.sqrt(np.einsum("mjj->mj", found.logit_cov))


def refit(fit, hidden, rounds=25):
    """Mode and posterior of the whole problem without the hidden models, variances as they were."""
    scores = np.where(hidden[:, None], np.nan, fit.problem.data.scores)
    problem = Problem(dataclasses.replace(fit.problem.data, scores=scores), fit.n_skills, fit.problem.priors)
    problem.centre = fit.problem.centre
    state, held, damping = fit.state, (fit.variances, fit.precision), 1e-3
    for _ in range(rounds):
        now = problem.linearise(state, *held, fit.penalty)
        value = problem.objective(state, *held, now.cells.variance, fit.penalty)
        for _ in range(10):
            candidate = state.moved(now.system.solve(now.gradients, damping))
            if problem.objective(candidate, *held, now.cells.variance, fit.penalty) <= value:
                state, damping = candidate, damping / 10
                break
            damping *= 10
    system = problem.linearise(state, *held, fit.penalty).system
    rows, data = np.arange(len(scores)), problem.data
    mean, cov = fitted_logits(state, system, system.shared_cov, rows)
    cells = problem.cells(state, fit.variances.noise)
    residuals = Residuals.of(problem, state, fit.variances, cells, steepness(problem, cells))
    mean += residuals.carried(rows, data.nesting.family, data.size)
    return mean, np.sqrt(np.einsum("mjj->mj", cov))


def beside_refits(fit, size, n_observed):
    """Replayed forecasts less those of a refit, in sd of the refit, and logs of the ratios of their sds."""
    found = replayed(fit, size, n_observed, heavy=1.0)
    astray, wider = [], []
    for group in np.unique(found.group):
        at = found.group == group
        hidden = np.isin(np.arange(len(size)), found.rows[at])
        mean, sd = (part[found.rows[at]] for part in refit(fit, hidden))
        astray.append(((found.logit[at] - mean) / sd).ravel())
        wider.append(np.log(spread(found)[at] / sd).ravel())
    return np.abs(np.concatenate(astray)), np.abs(np.concatenate(wider))


@pytest.mark.parametrize("n_observed", [0, 1, 2, None])
def test_close_to_a_real_refit(fit, size, n_observed):
    """Other branches speak through a quadratic, so a replay errs where their curvature changes: a tenth of a sd."""
    astray, wider = beside_refits(fit, size, n_observed)
    # medians up to 0.09 sd, nine tenths within 0.24 sd; spreads within 16 %, or 25 % where all of a branch is hidden
    # and its own intercepts return to their prior
    assert np.median(astray) < 0.1
    assert np.quantile(astray, 0.9) < 0.25
    assert np.quantile(wider, 0.9) < 0.12


@pytest.mark.parametrize("n_observed", [0, 1])
def test_close_to_a_real_refit_where_labs_tell_much(labs_apart, n_observed):
    """Four base families in each lab: the three others place the hidden one, in a replay as in a refit.

    Medians up to 0.02 sd, nine tenths within 0.11 sd, spreads within 3 %.
    """
    fit = fit_skills(labs_apart, 1)
    astray, wider = beside_refits(fit, labs_apart.covariates[:, 0], n_observed)
    assert np.median(astray) < 0.1
    assert np.quantile(astray, 0.9) < 0.25
    assert np.quantile(wider, 0.9) < 0.12


def test_with_nothing_hidden_a_branch_and_what_others_say_are_the_whole(fit):
    """Exact, lab siblings included: the branch's posterior is that of the fit."""
    problem, labs = fit.problem, fit.problem.data.nesting.lab
    assert (np.bincount(labs) > 1).any() and (np.bincount(labs) == 1).any()
    full = problem.linearise(fit.state, fit.variances, fit.precision, fit.penalty)
    moves = full.system.solve(full.gradients)
    for base, lab in enumerate(labs):
        models, families, part = problem.branch(base)
        state = _branch_state(fit.state, models, families, base, lab)
        own, here = (part.linearise(state, fit.variances, fit.precision[models], fit.penalty) for _ in range(2))
        here.system.joined(full.system.top(lab) - own.system.top(0))
        system = here.system
        mean, cov = fitted_logits(state, system, system.shared_cov, np.arange(len(models)))
        wanted = fitted_logits(fit.state, fit.system, fit.shared_cov, models)
        np.testing.assert_allclose(mean, wanted[0], atol=1e-12)
        np.testing.assert_allclose(cov, wanted[1], rtol=1e-7, atol=1e-9)
        # and a step of the branch is that of the whole
        pull = full.system.top_gradient(full.gradients, lab) - own.system.top_gradient(own.gradients, 0)
        *below, on_lab, on_shared = here.gradients
        step = system.solve((*below, on_lab + pull[: fit.n_skills], on_shared + pull[fit.n_skills :]))
        for one, two in zip(
            step, (moves[0][models], moves[1][families], moves[2][[base]], moves[3][[lab]], moves[4]), strict=True
        ):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-8)


def test_hides_the_larger_models_of_every_family(fit, size, panel):
    found = replayed(fit, size, 1)
    family = fit.problem.data.nesting.family
    smallest = [np.flatnonzero(family == f)[np.argmin(size[family == f])] for f in range(family.max() + 1)]
    assert set(found.rows) == set(range(len(size))) - set(smallest)
    np.testing.assert_array_equal(found.scores, panel.scores.to_numpy()[found.rows])
    np.testing.assert_array_equal(found.group, fit.problem.data.nesting.base_of_model[found.rows])
    assert len(replayed(fit, size, 0).rows) == len(size)


def test_a_replay_is_wider_than_a_fit_and_wider_without_the_family(fit, size):
    _, cov = fitted_logits(fit.state, fit.system, fit.shared_cov, np.arange(len(size)))
    fitted = np.sqrt(np.einsum("mjj->mj", cov))
    none, one = replayed(fit, size, 0), replayed(fit, size, 1)
    assert (spread(one) > fitted[one.rows]).mean() > 0.99
    in_none = [np.flatnonzero(none.rows == row)[0] for row in one.rows]
    assert np.median(spread(none)[in_none] / spread(one)) > 1.2


def test_two_steps_are_nearly_there(fit, size):
    """Steps lead away from the mode that the hidden scores helped to find."""
    two, six = (replayed(fit, size, 1, steps=n, heavy=1.0) for n in (2, 6))
    assert np.quantile(np.abs(two.logit - six.logit) / spread(six), 0.9) < 0.25


def test_without_a_heavy_base_family_the_fit_goes_on(fit, size):
    """Variances, asymptotes and noise follow; each base family here holds a twelfth of the scores."""
    light, found = replayed(fit, size, 1, heavy=1.0), replayed(fit, size, 1)
    np.testing.assert_array_equal(found.rows, light.rows)
    np.testing.assert_array_equal(found.scores, light.scores)
    for group in np.unique(found.group)[::4]:
        at = found.group == group
        scores = fit.problem.data.scores.copy()
        scores[found.rows[at]] = np.nan
        there = fit_skills(dataclasses.replace(fit.problem.data, scores=scores), 2, start=fit)
        _, cov = fitted_logits(there.state, there.system, there.shared_cov, found.rows[at])
        np.testing.assert_allclose(found.logit_cov[at], cov)
        for name, whole in (("floor", there.floors), ("ceiling", there.ceilings), ("noise", there.variances.noise)):
            np.testing.assert_array_equal(getattr(found, name)[at], np.broadcast_to(whole, (at.sum(), len(whole))))
        assert np.abs(there.variances.base - fit.variances.base).max() > 0.0


def test_a_base_family_of_a_third_of_the_table_is_forecast_as_badly_as_a_fresh_fit_does(make_data):
    """One family of twelve models among ten of three, far above the law: two steps from its own mode know too much."""
    panel = simulate_panel(n_families=11, random_state=4).panel
    family = panel.models["family"]
    large = family.isin(family.unique()[:3]).to_numpy()
    models = panel.models.assign(
        family=family.mask(large, "large"), base_family=panel.models["base_family"].mask(large, "large")
    )
    scores = panel.scores + 0.15 * np.outer(large, np.linspace(-1.0, 1.0, panel.scores.shape[1]))
    whole = dataclasses.replace(panel, models=models, scores=scores.clip(0.02, 0.98))
    fit, size = fit_skills(make_data(whole), 2), raw_covariates(models)[:, 0]
    base = fit.problem.data.nesting.base_of_model[large][0]
    hidden = fit.problem.data.scores.copy()
    rows = replayed(fit, size, 0).rows[replayed(fit, size, 0).group == base]
    hidden[rows] = np.nan
    fresh = fit_skills(dataclasses.replace(fit.problem.data, scores=hidden), 2)
    wanted, _ = fitted_logits(fresh.state, fresh.system, fresh.shared_cov, rows)

    def gap(heavy):
        found = replayed(fit, size, 0, heavy=heavy)
        return np.abs(found.logit[found.group == base] - wanted).mean()

    assert gap(0.05) < 0.5 * gap(1.0)


def test_nothing_to_hide(fit, size, make_data):
    assert replayed(fit, size, 10) is None
    alone = simulate_panel(n_families=2, random_state=1).panel
    one_base = fit_skills(make_data(alone), 1)
    sizes = raw_covariates(alone.models)[:, 0]
    assert replayed(one_base, sizes, 0) is None
    assert replayed(one_base, sizes, 1) is not None


def test_rank_within_puts_unknown_sizes_last():
    size = np.array([3.0, np.nan, 1.0, 2.0, 5.0, 4.0])
    family = np.array([0, 0, 0, 2, 2, 1])
    np.testing.assert_array_equal(rank_within(size, family), [1, 2, 0, 0, 1, 0])


def test_the_middle_has_a_smaller_and_a_larger_neighbour():
    size = np.array([3.0, 1.0, 2.0, np.nan, 4.0, 5.0, 2.0, 1.0, 2.0, 7.0])
    family = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 2])
    # of sizes 1, 2, 3, 4 and 5 the second and the fourth; two sizes have no middle
    np.testing.assert_array_equal(np.flatnonzero(middle(size, family)), [2, 4, 6])
