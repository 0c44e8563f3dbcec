"""Predictive distributions against Monte Carlo, and conditioning against numerical integration."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from obslaws.links import logistic
from obslaws.skill.posterior import LatentPredictive, condition


@pytest.fixture(scope="module")
def predictive():
    rng = np.random.default_rng(1)
    fits, n, n_benchmarks = 2, 5, 4
    shape = fits, n, n_benchmarks
    return LatentPredictive(
        logit=rng.normal(0, 1.5, shape), logit_sd=rng.uniform(0.05, 0.8, shape),
        floor=rng.uniform(0, 0.25, (fits, n_benchmarks)), ceiling=rng.uniform(0.8, 1, (fits, n_benchmarks)),
        noise_var=rng.uniform(0.005, 0.02, (fits, n_benchmarks)) ** 2, weight=np.array([0.4, 0.6]),
        n_items=np.array([500.0, 2000.0, np.inf, 100.0]), dof=6.0, stretch=rng.uniform(1, 1.5, (n, n_benchmarks)),
        basis=np.full((n, n_benchmarks), "family"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def draws(predictive):
    """100,000 scores drawn as the docstring says, shape (100000, n, J)."""
    p, rng, size = predictive, np.random.default_rng(2), 100_000
    which = rng.choice(2, size, p=p.weight)
    heavy = rng.standard_t(4.0, (size, *p.logit.shape[1:])) * 1.6448536 / 2.1318468  # bounds of nine tenths agree
    logit = p.logit[which] + p.stretch * p.logit_sd[which] * heavy
    floor, ceiling = p.floor[which][:, None], p.ceiling[which][:, None]
    expected = floor + (ceiling - floor) * logistic(logit)
    clipped = np.clip(expected, 0.01, 0.99)
    scale = np.sqrt(p.noise_var[which][:, None] + clipped * (1 - clipped) / p.n_items) * p.stretch
    return expected + scale * rng.standard_t(p.dof, expected.shape)


@pytest.mark.parametrize("share", [0.025, 0.05, 0.95, 0.975])
def test_quantiles_against_monte_carlo(predictive, draws, share):
    quantile = predictive.quantile(share)
    below = np.where(quantile > 0, (draws <= quantile).mean(axis=0), share)
    # four standard errors of 100,000 draws, and small steps where the noise is small beside the spread of the logit
    np.testing.assert_allclose(below, share, atol=4 * np.sqrt(share * (1 - share) / 1e5) + 0.003)


def test_distribution_function_against_monte_carlo(predictive, draws):
    for score in (0.2, 0.5, 0.8):
        at = np.full(predictive.stretch.shape, score)
        np.testing.assert_allclose(predictive.cdf(at), (draws <= at).mean(axis=0), atol=0.01)


def test_open_ceilings_add_to_the_noise(predictive):
    """The same for all models of a benchmark, it is so much more noise."""
    more = np.array([0.0, 0.001, 0.004, 0.02])
    noisier = replace(predictive, noise_var=predictive.noise_var + more)
    opened = replace(predictive, open_var=np.broadcast_to(more, predictive.logit.shape))
    for share in (0.05, 0.9):
        np.testing.assert_allclose(opened.quantile(share), noisier.quantile(share), rtol=0, atol=1e-8)
    np.testing.assert_array_equal(opened.point, predictive.point)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 0.7, 0.95, 0.99])
def test_quantile_and_distribution_function_are_inverse(predictive, share):
    quantile = predictive.quantile(share)
    # quantiles stop at 0, 1 and the point forecast, which is the mean of two medians
    free = (quantile > 0) & (quantile < 1) & (np.abs(quantile - predictive.point) > 1e-6)
    assert free.any()
    np.testing.assert_allclose(predictive.cdf(quantile)[free], share, atol=1e-6)  # 1e-9 times a density up to 1e3


def test_quantiles_do_not_cross(predictive):
    ladder = np.stack([predictive.quantile(share) for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)])
    assert (np.diff(ladder, axis=0) >= 0).all()
    assert ((ladder >= 0) & (ladder <= 1)).all()


def test_normal_scores_are_standard(predictive, draws):
    """Normal deviates of scores from the distribution itself; 4,000 draws of each of 20 cells."""
    scores = np.stack([predictive.normal_score(draw) for draw in draws[:4000]])
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=4 / np.sqrt(4000) + 0.005)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=4 / np.sqrt(8000) + 0.01)
    missing = draws[0].copy()
    missing[0, 0] = np.nan
    assert np.isnan(predictive.normal_score(missing)[0, 0])


def dense_posterior(mean, cov, scores, floor, ceiling, noise_var, n_items, dof):
    """Posterior moments of two logits on a grid of 801 x 801 points over six prior standard deviations."""
    sd = np.sqrt(np.diag(cov))
    axes = [m + s * np.linspace(-6, 6, 801) for m, s in zip(mean, sd, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    log = -0.5 * np.einsum("...i,ij,...j->...", grid - mean, np.linalg.inv(cov), grid - mean)
    expected = floor + (ceiling - floor) * logistic(grid)
    for j in np.flatnonzero(np.isfinite(scores)):
        p = np.clip(expected[..., j], 0.01, 0.99)
        scale = np.sqrt(noise_var[j] + p * (1 - p) / n_items[j])
        log += student.logpdf(scores[j], dof, expected[..., j], scale)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    centre = np.einsum("ij,ijk->k", weight, grid)
    stray = grid - centre
    return centre, np.einsum("ij,ijk,ijl->kl", weight, stray, stray)


PRIOR = np.array([0.2, -0.3]), np.array([[0.5, 0.35], [0.35, 0.6]])
BENCHMARKS = (
    np.array([0.1, 0.25]), np.array([0.95, 1.0]), np.array([1e-4, 2e-4]), np.array([1000.0, 1319.0]), 6.0
)  # fmt: skip


@pytest.mark.parametrize("scores", [(0.62, np.nan), (0.45, np.nan), (np.nan, 0.5), (0.7, 0.55), (0.6, 0.5)])
def test_conditioning_against_a_dense_integration(scores):
    """Scores near what was expected: within a tenth of a sd of the true posterior mean.

    Laplace's method takes the curvature at the mode of a Student-t, 7/6 of the scale's, where the spread is that of
    variance 6/4: a measured logit comes out narrower by up to sqrt(7/6 * 6/4) = 1.32, an unmeasured one hardly.
    """
    scores = np.array(scores)
    mean, cov = condition(*PRIOR, scores, *BENCHMARKS)
    wanted_mean, wanted_cov = dense_posterior(*PRIOR, scores, *BENCHMARKS)
    wanted_sd = np.sqrt(np.diag(wanted_cov))
    np.testing.assert_allclose((mean - wanted_mean) / wanted_sd, 0, atol=0.1)
    ratio = np.sqrt(np.diag(cov)) / wanted_sd
    measured = np.isfinite(scores)
    assert ((ratio[measured] > 0.75) & (ratio[measured] < 1)).all()
    np.testing.assert_allclose(ratio[~measured], 1, atol=0.01)


@pytest.mark.parametrize("scores", [(0.5, 0.9), (0.97, np.nan), (0.05, np.nan), (0.12, 0.3)])
def test_conditioning_on_a_surprise(scores):
    """Scores outside the asymptotes, or two that disagree: the posterior is skewed, and its mode half a sd off."""
    mean, _ = condition(*PRIOR, np.array(scores), *BENCHMARKS)
    wanted_mean, wanted_cov = dense_posterior(*PRIOR, np.array(scores), *BENCHMARKS)
    np.testing.assert_allclose((mean - wanted_mean) / np.sqrt(np.diag(wanted_cov)), 0, atol=0.5)


def test_conditioning_in_one_dimension():
    mean, cov = np.array([0.0]), np.array([[1.0]])
    grid = np.linspace(-6, 6, 40001)
    expected = logistic(grid)
    scale = np.sqrt(1e-4 + np.clip(expected, 0.01, 0.99) * (1 - np.clip(expected, 0.01, 0.99)) / 500)
    weight = np.exp(-0.5 * grid**2) * student.pdf(0.7, 6.0, expected, scale)
    wanted = (weight * grid).sum() / weight.sum()
    sd = np.sqrt((weight * (grid - wanted) ** 2).sum() / weight.sum())
    found, found_cov = condition(
        mean, cov, np.array([0.7]), np.zeros(1), np.ones(1), np.array([1e-4]), np.array([500.0]), 6.0
    )
    np.testing.assert_allclose((found - wanted) / sd, 0, atol=0.1)
    assert 0.75 < np.sqrt(found_cov[0, 0]) / sd < 1


def test_conditioning_on_nothing_changes_nothing():
    mean, cov = condition(*PRIOR, np.array([np.nan, np.nan]), *BENCHMARKS)
    np.testing.assert_array_equal(mean, PRIOR[0])
    np.testing.assert_array_equal(cov, PRIOR[1])


def test_conditioning_never_widens():
    _, cov = condition(*PRIOR, np.array([0.6, np.nan]), *BENCHMARKS)
    assert np.linalg.eigvalsh(PRIOR[1] - cov).min() > -1e-12
