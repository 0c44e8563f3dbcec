"""New benchmarks: joint skills against a dense inverse, the sampler against the truth it was drawn from."""

import numpy as np
import pytest

from obslaws.links import inverse
from obslaws.simulate import simulate_panel
from obslaws.skill.fit import fit_skills
from obslaws.skill.onboarding import learn_prior, onboard
from obslaws.skill.predict import Relatives
from obslaws.skill.surface import DenseSurface
from obslaws.skill.update import Kin

D = 2


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, D)


def kin_of(fit, rows):
    """Models that the fit holds."""
    data, rows = fit.problem.data, np.asarray(rows)
    nesting = data.nesting
    base = nesting.base_of_model[rows]
    known = rows, nesting.family[rows], base, nesting.lab[base]
    return Kin(Relatives(*known, data.size[rows], data.covariates[rows], data.covariate_cov[rows]), *known)


def newcomers(fit):
    """A new sibling of model 3, a new family of its base, two of one new family, and three new base families.

    The new family's base family and the first of the three others are of one new lab; the next is of model 3's lab, the
    last of a lab of its own.
    """
    data, nesting = fit.problem.data, fit.problem.data.nesting
    f, b = nesting.family[3], nesting.base_of_model[3]
    p = data.covariates.shape[1]
    x = np.random.default_rng(0).standard_normal((7, p))
    known = np.full((4, 7), -1)
    known[1, 0], known[2, :2], known[3, [0, 1, 5]] = f, b, nesting.lab[b]
    return Kin(
        Relatives(*known, np.full(7, np.nan), x, np.zeros((7, p, p))),
        model=np.arange(7),
        family=np.array([0, 1, 2, 2, 3, 4, 5]),
        base=np.array([0, 0, 1, 1, 2, 3, 4]),
        lab=np.array([0, 0, 1, 1, 1, 0, 2]),
    )


def test_joint_skills_are_blocks_of_the_dense_inverse(fit, dense_of):
    dense, var = dense_of(fit), fit.variances
    free = np.r_[0 : dense.at[4], dense.at[8] : dense.at[9]]  # benchmark parameters held
    cov = np.linalg.inv(np.linalg.inv(dense.cov)[np.ix_(free, free)])
    rows, new = kin_of(fit, [3, 4, 0, 7]), newcomers(fit)
    maps = []
    for m in rows.who.row:
        one = np.zeros((D, dense.at[9]))
        one[:, m * D : m * D + D] = np.eye(D)
        maps.append(one[:, free])
    for family, base, lab, x in zip(new.who.family, new.who.base, new.who.lab, new.who.covariates, strict=True):
        one = np.zeros((D, dense.at[9]))
        one[:, dense.at[3] : dense.at[4]] = np.kron(x, np.eye(D))
        at = dense.above(family, base, lab)
        one[:, at] = np.eye(D)[:, : len(at)]
        maps.append(one[:, free])
    wanted = np.array([[a @ cov @ b.T for b in maps] for a in maps])
    levels = ("family", var.family), ("base", var.base), ("lab", var.lab)
    for i in range(7):
        wanted[4 + i, 4 + i] += var.model
        for j in range(7):
            unseen = True
            for level, variance in levels:
                known, label = getattr(new.who, level), getattr(new, level)
                unseen = unseen and known[i] < 0 and known[j] < 0
                wanted[4 + i, 4 + j] += variance * (unseen and label[i] == label[j])
    both = DenseSurface(fit).together(rows.join(new))
    np.testing.assert_allclose(both.covariances(both), wanted, rtol=1e-6, atol=1e-9)


def test_prior_is_what_the_benchmarks_are_like(fit):
    prior = learn_prior(DenseSurface(fit))
    np.testing.assert_allclose(prior.mean[1 : 1 + D], fit.state.loadings.mean(axis=0))
    assert np.linalg.eigvalsh(prior.cov)[0] > 0


def left_out(simulated, make_data, j):
    """A fit to all benchmarks but one, and the scores of that one."""
    names = [name for i, name in enumerate(simulated.panel.scores.columns) if i != j]
    fit = fit_skills(make_data(simulated.panel.select(benchmarks=names)), D)
    return fit, simulated.panel.scores.to_numpy()[:, j], simulated.panel.benchmarks.iloc[j]


def test_with_many_scores_it_finds_the_curve(make_data):
    simulated = simulate_panel(n_families=18, n_benchmarks=7, random_state=3)
    fit, scores, facts = left_out(simulated, make_data, 1)
    told = np.arange(0, len(scores), 2)
    asked = np.arange(1, len(scores), 2)
    found = onboard(DenseSurface(fit), kin_of(fit, told), scores[told], facts["score_floor"], facts["n_items"], 100)
    logit, _ = found.logits(kin_of(fit, asked))
    expected = inverse(logit, found.floor[:, None], found.ceiling[:, None]).mean(axis=0)
    error = np.abs(expected - simulated.truth.expected[asked, 1])
    assert np.median(error) < 0.015, "told every second model"
    assert found.effective > 50


def test_a_known_ceiling_bounds_the_curve(make_data):
    simulated = simulate_panel(n_families=9, random_state=0)
    fit, scores, facts = left_out(simulated, make_data, 0)
    told, surface = np.argsort(scores)[:4], DenseSurface(fit)
    one, other = (
        onboard(surface, kin_of(fit, told), scores[told], facts["score_floor"], np.inf, 200, seed=1, ceiling=most)
        for most in (0.7, 1.0)
    )
    assert one.ceiling.max() < 0.7
    assert 0.9 < np.median(other.ceiling) < 1.0


def test_same_seed_same_draws(make_data):
    simulated = simulate_panel(n_families=9, random_state=0)
    fit, scores, facts = left_out(simulated, make_data, 0)
    told = [0, 4, 9]
    one, two = (onboard(DenseSurface(fit), kin_of(fit, told), scores[told], 0.0, np.inf, 50, seed=1) for _ in range(2))
    np.testing.assert_array_equal(*(draws.logits(kin_of(fit, np.arange(8)))[0] for draws in (one, two)))
    assert one.parameters.shape == (50, D + 6)
    assert facts["n_items"] > 0
