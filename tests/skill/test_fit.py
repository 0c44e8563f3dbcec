"""The fit: its evidence rises and settles, and nothing but the data decides where."""

import dataclasses

import numpy as np
import pytest

from obslaws.simulate import simulate_board, simulate_panel
from obslaws.skill.fit import _standardised, fit_skills
from obslaws.skill.problem import Priors, Variances
from obslaws.skill.tree import Nesting


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, 2)


def expected(fit):
    return fit.problem.curve(fit.state)[1]


@pytest.mark.parametrize("seed", range(4))
def test_evidence_rises_and_settles(make_data, seed):
    found = fit_skills(make_data(simulate_panel(n_families=8, missing=0.1, random_state=seed).panel), 2)
    assert found.converged
    assert found.n_iter < 40
    assert found.evidence == max(found.trace)
    # rounds alternate between a Gauss-Newton step and variances, so close to the end the evidence may swing
    # by about the tolerance of 0.5 log units; further away it only rises
    assert np.diff(found.trace).min() > -1.0
    assert found.evidence > found.trace[0] + 50


def test_a_fit_that_is_cut_short_says_so(data):
    assert not fit_skills(data, 2, max_iter=3).converged


def test_bit_for_bit(data, fit):
    again = fit_skills(data, 2)
    for part in (
        "skills",
        "family",
        "base",
        "lab",
        "own",
        "slopes",
        "intercepts",
        "loadings",
        "ceiling_logits",
        "floor_logits",
    ):
        np.testing.assert_array_equal(getattr(again.state, part), getattr(fit.state, part))
    for field in dataclasses.fields(Variances):
        np.testing.assert_array_equal(getattr(again.variances, field.name), getattr(fit.variances, field.name))
    assert again.trace == fit.trace


def test_order_of_models_does_not_matter(data, fit):
    """Sums in another order round differently; the rounds may amplify 1e-16, hence 1e-6."""
    order = np.random.default_rng(0).permutation(len(data.scores))
    turned = dataclasses.replace(
        data,
        scores=data.scores[order],
        covariates=data.covariates[order],
        covariate_cov=data.covariate_cov[order],
        nesting=Nesting(data.nesting.family[order], data.nesting.base, data.nesting.lab),
    )
    again = fit_skills(turned, 2)
    assert again.n_iter == fit.n_iter
    np.testing.assert_allclose(expected(again), expected(fit)[order], atol=1e-6)
    np.testing.assert_allclose(again.evidence, fit.evidence, atol=1e-4)


def test_unit_of_size_and_tokens_does_not_matter(simulated, make_data, fit):
    """Standardisation removes the unit up to rounding of the logs."""
    panel = simulated.panel
    models = panel.models.assign(
        n_params=panel.models["n_params"] / 1e9,
        n_active_params=panel.models["n_active_params"] / 1e9,
        n_tokens=panel.models["n_tokens"] / 1e12,
    )
    again = fit_skills(make_data(dataclasses.replace(panel, models=models)), 2)
    np.testing.assert_allclose(expected(again), expected(fit), atol=1e-6)


def test_order_of_labs_does_not_matter(data, fit):
    """Sums in another order, as above."""
    nesting = data.nesting
    turned = dataclasses.replace(
        data, nesting=Nesting(nesting.family, nesting.base, nesting.n_labs - 1 - nesting.lab)
    )  # fmt: skip
    again = fit_skills(turned, 2)
    np.testing.assert_allclose(expected(again), expected(fit), atol=1e-6)
    np.testing.assert_allclose(again.state.lab, fit.state.lab[::-1], atol=1e-5)


def test_labs_that_differ_are_found(labs_apart):
    """Effects of labs take the sides that they were given, and the evidence asks for labs: base families alone cost."""
    fit = fit_skills(labs_apart, 1)
    effects = fit.state.lab[:, 0] * np.sign(fit.state.loadings.sum())
    assert effects[1::2].min() > effects[::2].max()
    assert fit.variances.lab.item() > fit.variances.base.item()
    nesting = labs_apart.nesting
    for lab in (np.arange(nesting.n_bases), np.arange(nesting.n_bases) % 4):  # each its own; labs across those given
        other = dataclasses.replace(labs_apart, nesting=Nesting(nesting.family, nesting.base, lab))
        assert fit.evidence > fit_skills(other, 1).evidence + 2


def test_order_of_benchmarks_does_not_matter(data, fit):
    order = np.arange(data.scores.shape[1])[::-1]
    turned = dataclasses.replace(
        data,
        scores=data.scores[:, order],
        score_floor=data.score_floor[order],
        n_items=data.n_items[order],
        known_ceiling=data.known_ceiling[order],
    )
    np.testing.assert_allclose(expected(fit_skills(turned, 2)), expected(fit)[:, order], atol=1e-6)


def test_standardising_changes_no_expectation(fit):
    """Scale and rotation are free between skills and loadings: fixing them may not move anything that is measured."""
    skills = fit.state.skills - fit.state.skills.mean(axis=0)
    moment = skills.T @ skills / len(skills)
    state, variances, penalty = _standardised(fit.state, fit.variances, fit.penalty, moment)
    np.testing.assert_allclose(np.cov(state.skills.T, bias=True), np.eye(2), atol=1e-10)
    np.testing.assert_allclose(fit.problem.curve(state)[1], expected(fit), atol=1e-12)
    for name in ("model", "family", "base", "lab"):
        on_logits = [
            s.loadings @ getattr(v, name) @ s.loadings.T for s, v in ((state, variances), (fit.state, fit.variances))
        ]
        np.testing.assert_allclose(*on_logits, atol=1e-10)
    np.testing.assert_allclose(penalty.value(state), fit.penalty.value(fit.state), rtol=1e-8)


def test_going_on_from_a_fit_only_gains(data, fit):
    again = fit_skills(data, 2, start=fit)
    assert again.n_iter < 12
    assert again.evidence > fit.evidence - 0.5


def test_asymptotes_and_variances_are_sane(fit, data):
    assert (fit.floors <= data.score_floor).all()
    assert ((data.score_floor < fit.ceilings) & (fit.ceilings < 1)).all()
    var = fit.variances
    for matrix in (var.model, var.family, var.base, var.lab, fit.shared_cov):
        assert np.linalg.eigvalsh(matrix).min() > 0
    assert (var.noise > 0).all()


def test_a_broken_run_moves_little(data):
    """Student-t noise: one score of chance level where 0.8 is expected costs less than ten lost measurements would."""
    clean = fit_skills(data, 2)
    at = np.unravel_index(np.nanargmax(data.scores), data.scores.shape)
    scores, without = data.scores.copy(), data.scores.copy()
    scores[at], without[at] = data.score_floor[at[1]] + 0.02, np.nan
    broken = fit_skills(dataclasses.replace(data, scores=scores), 2)
    gone = fit_skills(dataclasses.replace(data, scores=without), 2)
    others = np.arange(len(scores)) != at[0]
    moved = np.abs(expected(broken) - expected(clean))[others].mean()
    assert moved < 0.02
    assert np.abs(expected(broken) - expected(gone))[others].mean() < 0.02


def test_what_a_model_can_score_at_most_is_heard(data):
    """Told of a benchmark on which the strong have no scores, it moves their forecasts; where they have, hardly any."""
    j, scores = 1, data.scores.copy()
    order = np.argsort(expected(fit_skills(data, 2))[:, j])
    strong = order[len(order) // 2 :]
    scores[strong, j] = np.nan
    ends = []
    for most in (np.nan, 0.8, 1.0):
        known = np.full(scores.shape[1], np.nan)
        known[j] = most
        fit = fit_skills(dataclasses.replace(data, scores=scores, known_ceiling=known), 2)
        assert fit.ceilings[j] < (1.0 if np.isnan(most) else most)
        ends.append((fit.ceilings[j], expected(fit)[order[-3:], j].mean()))
    (_, open_ended), (low, held), (high, free) = ends
    assert low > 0.72, "near what was told, not half of it"
    assert high > 0.93
    assert held < open_ended < free


def test_priors_are_heard(data):
    """Floors held at the score of guessing by a prior that leaves no room."""
    held = fit_skills(data, 1, dataclasses.replace(Priors(), floor_logit=8.0, floor_logit_sd=1e-3))
    np.testing.assert_allclose(held.floors, data.score_floor, rtol=1e-3)
    assert held.n_skills == 1


@pytest.mark.slow
def test_curves_rise_as_steeply_as_they_do(make_data):
    """What integrating skills leaves on loadings alone makes curves too gentle and ceilings too high.

    Counted on the room as well, ceilings and slopes per size are right on average over eight boards of 20 benchmarks.
    """
    found = {}
    for weight in (0.0, 1.0):
        rises, ceilings = [], []
        for seed in range(8):
            board = simulate_board(600, 20, fill=0.6, random_state=seed)
            data, truth = make_data(board.panel), board.truth
            fit = fit_skills(data, 3, Priors(room_weight=weight))
            logits = truth.intercepts + truth.skills @ truth.loadings.T
            told = fit.state.intercepts + fit.state.skills @ fit.state.loadings.T
            rises.append(np.mean([np.polyfit(logits[:, j], told[:, j], 1)[0] for j in range(20)]))
            ceilings.append((fit.ceilings - truth.ceilings).mean())
        found[weight] = np.mean(rises), np.mean(ceilings)
    assert found[0.0][0] < found[1.0][0]
    assert abs(found[1.0][1]) < 0.015 < found[0.0][1]
