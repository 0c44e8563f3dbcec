"""Updates against one dense covariance of all unknowns, written out cell by cell."""

from dataclasses import replace

import numpy as np
import pytest

from obslaws.skill.fit import fit_skills
from obslaws.skill.posterior import condition, settle
from obslaws.skill.predict import Relatives, logits
from obslaws.skill.problem import Priors
from obslaws.skill.update import Kin, Update

# elimination and one dense inverse differ by rounding alone; condition numbers are near 1e5
EXACT = {"rtol": 1e-6, "atol": 1e-9}
D, N = 2, 12


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, D)


@pytest.fixture(scope="module")
def dense(fit, dense_of):
    return dense_of(fit)


@pytest.fixture(scope="module")
def kin(fit):
    """A fitted model, its new sibling twice, a new family of its base, and new base families.

    Rows 5 to 7 are of one new base family, 8 of another of the same new lab, 9 and 10 of two of the fitted model's lab,
    11 of a lab of its own.
    """
    data = fit.problem.data
    nesting, p = data.nesting, data.covariates.shape[1]
    f, b = nesting.family[3], nesting.base_of_model[3]
    lab = nesting.lab[b]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, p))
    x[0], x[2] = data.covariates[3], x[1]
    spread = np.zeros((N, p, p))
    spread[1] = spread[2] = 0.2 * np.eye(p)
    known = np.full((4, N), -1)
    known[0, 0], known[1, :4], known[2, :5], known[3, [0, 1, 2, 3, 4, 9, 10]] = 3, f, b, lab
    who = Relatives(*known, np.full(N, np.nan), x, spread)
    return Kin(
        who,
        model=np.array([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        family=np.array([0, 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7]),
        base=np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5]),
        lab=np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 2]),
    )


def full_covariance(fit, dense, kin):
    """Covariance of all logits of all models and of what their scores would observe, with what the fit has not seen.

    Shapes (12, J, 12, J): logits with logits, logits with tilted ones, tilted with tilted.
    """
    n, n_benchmarks, who = len(kin), dense.j, kin.who
    places = [
        (*place, j)
        for place in zip(who.row, who.family, who.base, who.lab, who.covariates, strict=True)
        for j in range(n_benchmarks)
    ]
    plain, tilted = (np.array([kind(*place) for place in places]) for kind in (dense.row, dense.tilted))
    extra = np.zeros((n, n_benchmarks, n, n_benchmarks))
    state, var, loadings = fit.state, fit.variances, fit.state.loadings
    for a in range(n):
        for b in range(n):
            shared = np.zeros((D, D))
            if who.row[a] < 0 and who.row[b] < 0:
                if kin.model[a] == kin.model[b]:
                    shared += var.model + state.slopes.T @ who.covariate_cov[a] @ state.slopes
                if who.family[a] < 0 and who.family[b] < 0:
                    shared += var.family * (kin.family[a] == kin.family[b])
                    if who.base[a] < 0 and who.base[b] < 0:
                        shared += var.base * (kin.base[a] == kin.base[b])
                        if who.lab[a] < 0 and who.lab[b] < 0:
                            shared += var.lab * (kin.lab[a] == kin.lab[b])
            extra[a, :, b] += loadings @ shared @ loadings.T
            if who.base[a] < 0 and who.base[b] < 0 and kin.base[a] == kin.base[b]:
                extra[a, :, b] += np.diag(var.own)
    return tuple(
        (one @ dense.cov @ two.T).reshape(extra.shape) + extra
        for one, two in ((plain, plain), (plain, tilted), (tilted, tilted))
    )


CELLS = np.array([0, 1, 3, 4, 5, 6, 8, 9]), np.array([2, 0, 1, 3, 1, 2, 0, 3])
SCORES = np.array([0.62, 0.7, 0.31, 0.55, 0.9, 0.4, 0.66, 0.5])


@pytest.fixture(scope="module")
def update(fit, kin):
    rows, columns = CELLS
    start = Update.nothing(fit, fit.problem.data.n_items, kin)
    first = start.told(kin.take(rows[:2]), columns[:2], SCORES[:2])
    return first.told(kin.take(rows[2:]), columns[2:], SCORES[2:])


def test_covariances_with_what_is_told_are_those_of_the_dense_inverse(fit, dense, kin, update):
    _, across, inner = (cov[:, :, CELLS[0], CELLS[1]] for cov in full_covariance(fit, dense, kin))
    np.testing.assert_allclose(update.covariance(kin), across, **EXACT)
    np.testing.assert_allclose(update.cov, inner[CELLS[0], CELLS[1]], **EXACT)


def test_an_update_is_dense_gaussian_conditioning(fit, dense, kin, update):
    """All logits of all twelve models at once, by the textbook formula, with the same observations."""
    prior_mean, prior_cov = logits(fit, kin.who)
    full, across, inner = full_covariance(fit, dense, kin)
    np.testing.assert_allclose(prior_cov, full[np.arange(N), :, np.arange(N)], **EXACT)
    at = np.ravel_multi_index(CELLS, prior_mean.shape)
    shape, size, j = full.shape, prior_mean.size, CELLS[1]
    joint, across, mean = full.reshape(size, size), across.reshape(size, size)[:, at], prior_mean.ravel()
    inner = inner.reshape(size, size)[np.ix_(at, at)]
    gap, noise, worth = settle(
        mean[at], inner, SCORES, fit.floors[j], fit.ceilings[j], fit.variances.told_noise[j],
        fit.problem.data.n_items[j], fit.problem.priors.dof,
    )  # fmt: skip
    found_mean, found_cov = update.apply(prior_mean, prior_cov, kin)
    np.testing.assert_allclose(
        found_mean.ravel(), mean + across @ np.linalg.solve(inner + np.diag(noise), gap), **EXACT
    )
    left = (joint - across @ np.linalg.solve(inner + np.diag(worth), across.T)).reshape(shape)
    np.testing.assert_allclose(found_cov, left[np.arange(N), :, np.arange(N)], **EXACT)


def test_with_sure_asymptotes_it_is_the_conditioning_of_one_model(data, kin):
    """Scores of one model told by an update, and conditioned on alone: the same numbers."""
    fit = fit_skills(data, D, Priors(ceiling_logit_sd=1e-5, known_ceiling_logit_sd=1e-5, floor_logit_sd=1e-5))
    mean, cov = logits(fit, kin.who)
    n_benchmarks, items = mean.shape[1], data.n_items
    row, scores = np.full(n_benchmarks, 3), np.linspace(0.4, 0.7, n_benchmarks)
    told = Update.nothing(fit, items, kin).told(kin.take(row), np.arange(n_benchmarks), scores)
    found_mean, found_cov = told.apply(mean, cov, kin)
    alone = condition(
        mean[3], cov[3], scores, fit.floors, fit.ceilings, fit.variances.told_noise, items, fit.problem.priors.dof
    )
    np.testing.assert_allclose(found_mean[3], alone[0], atol=1e-6)
    np.testing.assert_allclose(found_cov[3], alone[1], atol=1e-6)


def test_a_score_as_the_neighbours_in_size_lead_to_expect_moves_nothing(fit, kin):
    """What siblings carry over is part of what is expected before the score."""
    size = np.full(N, fit.problem.data.size[3] + 0.3)
    near = replace(kin, who=replace(kin.who, size=size)).take(np.array([3]))
    mean, cov = logits(fit, near.who)
    assert np.abs(mean - logits(fit, kin.take(np.array([3])).who)[0]).max() > 1e-3
    expected = fit.floors + (fit.ceilings - fit.floors) / (1.0 + np.exp(-mean[0]))
    told = Update.nothing(fit, fit.problem.data.n_items, kin).told(near, np.array([1]), expected[[1]])
    np.testing.assert_allclose(told.apply(mean, cov, near)[0], mean, atol=1e-9)


def test_scores_narrow_and_move_siblings(fit, kin, update):
    mean, cov = logits(fit, kin.who)
    found_mean, found_cov = update.apply(mean, cov, kin)
    assert (np.einsum("mjj->mj", cov - found_cov) >= -1e-12).all(), "a score can only narrow"
    assert np.abs(found_mean - mean)[2].max() > 1e-3, "the sibling moves"
    floor, ceiling = update.asymptotes
    assert (floor < ceiling).all()
    assert np.abs(ceiling - fit.ceilings).max() > 1e-4, "and so do ceilings"


def test_order_of_telling_does_not_matter(fit, kin, update):
    rows, columns = CELLS
    back = slice(None, None, -1)
    other = Update.nothing(fit, fit.problem.data.n_items, kin).told(kin.take(rows[back]), columns[back], SCORES[back])
    mean, cov = logits(fit, kin.who)
    for one, two in zip(update.apply(mean, cov, kin), other.apply(mean, cov, kin), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-8)


def test_a_new_base_family_speaks_of_its_lab_and_of_nobody_else(fit, kin):
    """Told of one new base family, another of its new lab moves with the variance of labs, one of a third does not."""
    one = np.array([5]), np.array([1])
    told = Update.nothing(fit, fit.problem.data.n_items, kin).told(kin.take(one[0]), one[1], np.array([0.9]))
    across = told.covariance(kin)[:, :, 0]  # (12, J)
    loadings, lab = fit.state.loadings, fit.variances.lab
    np.testing.assert_allclose(
        across[8] - _with_shared_parameters_alone(fit, kin, told, 8), loadings @ lab @ loadings[1], atol=1e-9
    )
    np.testing.assert_allclose(across[11], _with_shared_parameters_alone(fit, kin, told, 11), atol=1e-9)


def _with_shared_parameters_alone(fit, kin, told, row):
    """The same model as a stranger of a lab that nobody else is of."""
    stranger = kin.take(np.array([row]))
    alone = np.array([99])
    return told.covariance(Kin(stranger.who, alone, alone, alone, alone))[0, :, 0]


def test_a_new_base_family_speaks_of_the_fitted_models_of_its_lab(labs_apart):
    """Told scores far above what its known lab led to expect: the lab follows, fitted models of the lab less so."""
    fit = fit_skills(labs_apart, 1)
    nesting, n = labs_apart.nesting, 4
    of_lab = np.flatnonzero(nesting.lab[nesting.base_of_model] == 2)[0]
    x = np.repeat(labs_apart.covariates[[of_lab]], n, axis=0)
    known = np.full((4, n), -1)
    known[:, 2] = of_lab, nesting.family[of_lab], nesting.base_of_model[of_lab], 2
    known[3] = 2, 2, 2, 1
    kin = Kin(Relatives(*known, np.full(n, np.nan), x, np.zeros((n, *[x.shape[1]] * 2))), *[np.arange(n)] * 4)
    mean, cov = logits(fit, kin.who)
    n_benchmarks = mean.shape[1]
    high = (fit.floors + (fit.ceilings - fit.floors) / (1 + np.exp(-mean[0] - 1.5)))[:n_benchmarks]
    told = Update.nothing(fit, labs_apart.n_items, kin)
    told = told.told(kin.take(np.zeros(n_benchmarks, dtype=int)), np.arange(n_benchmarks), high)
    itself, sibling, fitted, elsewhere = (told.apply(mean, cov, kin)[0] - mean).mean(axis=1)
    assert itself > sibling > 0.05 and sibling > abs(fitted) and sibling > abs(elsewhere)
