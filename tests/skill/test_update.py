"""Updates against one dense covariance of all unknowns, written out cell by cell."""

import numpy as np
import pytest

from obslaws.skill.fit import fit_skills
from obslaws.skill.posterior import condition, settle
from obslaws.skill.predict import Relatives, logits
from obslaws.skill.problem import Priors
from obslaws.skill.update import Kin, Update

# elimination and one dense inverse differ by rounding alone; condition numbers are near 1e5
EXACT = {"rtol": 1e-6, "atol": 1e-9}
D = 2


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, D)


@pytest.fixture(scope="module")
def dense(fit, dense_of):
    return dense_of(fit)


@pytest.fixture(scope="module")
def kin(fit):
    """A fitted model, its new sibling twice, a new family of its base, and three that share with each other alone."""
    nesting, p = fit.problem.data.nesting, fit.problem.data.covariates.shape[1]
    f, b = nesting.family[3], nesting.base_of_model[3]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, p))
    x[0], x[2] = fit.problem.data.covariates[3], x[1]
    spread = np.zeros((8, p, p))
    spread[1] = spread[2] = 0.2 * np.eye(p)
    known = np.array([3, *[-1] * 7]), np.array([f] * 4 + [-1] * 4), np.array([b] * 5 + [-1] * 3)
    who = Relatives(*known, x, spread)
    model = np.array([0, 1, 1, 2, 3, 4, 5, 6])
    return Kin(who, model, np.array([0, 0, 0, 0, 1, 2, 2, 3]), np.array([0, 0, 0, 0, 0, 1, 1, 1]))


def full_covariance(fit, dense, kin):
    """Covariance of all logits of all models and of what their scores would observe, with what the fit has not seen.

    Shapes (8, J, 8, J): logits with logits, logits with tilted ones, tilted with tilted.
    """
    n, n_benchmarks, who = len(kin), dense.j, kin.who
    places = [
        (*place, j) for place in zip(who.row, who.family, who.base, who.covariates, strict=True) for j in range(4)
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
            extra[a, :, b] += loadings @ shared @ loadings.T
            if who.base[a] < 0 and who.base[b] < 0 and kin.base[a] == kin.base[b]:
                extra[a, :, b] += np.diag(var.own)
    return tuple(
        (one @ dense.cov @ two.T).reshape(extra.shape) + extra
        for one, two in ((plain, plain), (plain, tilted), (tilted, tilted))
    )


CELLS = np.array([0, 1, 3, 4, 5, 6]), np.array([2, 0, 1, 3, 1, 2])
SCORES = np.array([0.62, 0.7, 0.31, 0.55, 0.9, 0.4])


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
    """All logits of all eight models at once, by the textbook formula, with the same observations."""
    prior_mean, prior_cov = logits(fit.state, fit.variances, fit.system, fit.shared_cov, kin.who)
    full, across, inner = full_covariance(fit, dense, kin)
    np.testing.assert_allclose(prior_cov, full[np.arange(8), :, np.arange(8)], **EXACT)
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
    np.testing.assert_allclose(found_cov, left[np.arange(8), :, np.arange(8)], **EXACT)


def test_with_sure_asymptotes_it_is_the_conditioning_of_one_model(data, kin):
    """Scores of one model told by an update, and conditioned on alone: the same numbers."""
    fit = fit_skills(data, D, Priors(ceiling_logit_sd=1e-5, floor_logit_sd=1e-5))
    mean, cov = logits(fit.state, fit.variances, fit.system, fit.shared_cov, kin.who)
    n_benchmarks, items = mean.shape[1], data.n_items
    row, scores = np.full(n_benchmarks, 3), np.linspace(0.4, 0.7, n_benchmarks)
    told = Update.nothing(fit, items, kin).told(kin.take(row), np.arange(n_benchmarks), scores)
    found_mean, found_cov = told.apply(mean, cov, kin)
    alone = condition(
        mean[3], cov[3], scores, fit.floors, fit.ceilings, fit.variances.told_noise, items, fit.problem.priors.dof
    )
    np.testing.assert_allclose(found_mean[3], alone[0], atol=1e-6)
    np.testing.assert_allclose(found_cov[3], alone[1], atol=1e-6)


def test_scores_narrow_and_move_siblings(fit, kin, update):
    mean, cov = logits(fit.state, fit.variances, fit.system, fit.shared_cov, kin.who)
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
    mean, cov = logits(fit.state, fit.variances, fit.system, fit.shared_cov, kin.who)
    for one, two in zip(update.apply(mean, cov, kin), other.apply(mean, cov, kin), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-8)
