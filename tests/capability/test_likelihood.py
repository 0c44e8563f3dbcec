"""Likelihood of observed cells: against row-by-row densities, finite differences, and simulated truth."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from obslaws.capability.likelihood import fit_factor_model, log_likelihood, missing_patterns
from obslaws.errors import FitError

WIDTH = 5


def simulated(n, seed=0, noise=0.02, holes=0.3):
    rng = np.random.default_rng(seed)
    loadings = np.array([[0.2, 0.0], [0.15, 0.1], [0.1, -0.1], [0.25, 0.05], [0.05, 0.15]])
    mean = np.linspace(0.3, 0.7, WIDTH)
    scores = mean + rng.normal(size=(n, 2)) @ loadings.T + rng.normal(size=(n, WIDTH)) * np.sqrt(noise)
    scores[rng.random(scores.shape) < holes] = np.nan
    return scores, mean, loadings, np.full(WIDTH, noise)


def slow_log_likelihood(scores, mean, covariance):
    """One density per model, of the cells that it has."""
    total = 0.0
    for row in scores:
        seen = ~np.isnan(row)
        if seen.any():
            total += multivariate_normal(mean[seen], covariance[np.ix_(seen, seen)]).logpdf(row[seen])
    return total


def test_likelihood_and_slope_are_those_of_the_slow_sum():
    scores, mean, loadings, noise = simulated(30)
    scores[4] = np.nan
    covariance = loadings @ loadings.T + np.diag(noise)
    value, by_mean, by_covariance = log_likelihood(missing_patterns(scores), mean, covariance)
    assert value == pytest.approx(slow_log_likelihood(scores, mean, covariance), rel=1e-12)
    slope = approx_fprime(mean, lambda at: slow_log_likelihood(scores, at, covariance), 1e-7)
    np.testing.assert_allclose(by_mean, slope, rtol=1e-4, atol=1e-3)
    for i, j in ((0, 0), (1, 3)):
        step = np.zeros_like(covariance)
        step[i, j] = step[j, i] = 1e-6
        up, down = (slow_log_likelihood(scores, mean, covariance + s * step) for s in (1, -1))
        assert (by_covariance * step).sum() == pytest.approx((up - down) / 2, rel=1e-5)


@pytest.mark.parametrize("noise", ["shared", "own"])
def test_the_maximum_is_one(noise):
    scores, *_ = simulated(60)
    fitted = fit_factor_model(scores, 2, noise)
    assert fitted.converged
    covariance = fitted.covariance
    assert fitted.log_likelihood == pytest.approx(slow_log_likelihood(scores, fitted.mean, covariance), rel=1e-10)
    rng = np.random.default_rng(1)
    for _ in range(30):
        loadings = fitted.loadings + rng.normal(size=fitted.loadings.shape) * 1e-3
        own = rng.normal(size=1 if noise == "shared" else WIDTH)
        beside = loadings @ loadings.T + np.diag(fitted.noise * np.exp(0.01 * own))
        assert slow_log_likelihood(scores, fitted.mean, beside) < fitted.log_likelihood


@pytest.mark.parametrize("noise", ["shared", "own"])
def test_truth_comes_back(noise):
    scores, mean, loadings, own = simulated(20_000, seed=2)
    fitted = fit_factor_model(scores, 2, noise)
    np.testing.assert_allclose(fitted.mean, mean, atol=0.01)
    # 14,000 observations of a covariance near 0.06: four standard errors are 0.004
    np.testing.assert_allclose(fitted.covariance, loadings @ loadings.T + np.diag(own), atol=4e-3)


def test_missing_cells_and_factors_are_conditional_expectations():
    scores, *_ = simulated(40)
    scores[3] = np.nan
    fitted = fit_factor_model(scores, 2, "own")
    filled, (mean, spread) = fitted.fill(scores), fitted.factors(scores)
    covariance = fitted.covariance
    for i, row in enumerate(scores):
        seen = ~np.isnan(row)
        gain = np.linalg.pinv(covariance[np.ix_(seen, seen)])
        if not seen.any():
            assert np.isnan(filled[i]).all() and np.isnan(mean[i]).all()
            np.testing.assert_array_equal(spread[i], np.eye(2))
            continue
        off = row[seen] - fitted.mean[seen]
        np.testing.assert_allclose(filled[i], fitted.mean + covariance[:, seen] @ gain @ off, atol=1e-10)
        np.testing.assert_allclose(mean[i], fitted.loadings[seen].T @ gain @ off, atol=1e-10)
        left = np.eye(2) - fitted.loadings[seen].T @ gain @ fitted.loadings[seen]
        np.testing.assert_allclose(spread[i], left, atol=1e-10)


def test_the_unit_of_scores_does_not_matter():
    scores, *_ = simulated(80)
    one, hundred = fit_factor_model(scores, 2, "own"), fit_factor_model(100 * scores, 2, "own")
    np.testing.assert_allclose(hundred.covariance, 1e4 * one.covariance, rtol=1e-5, atol=1e-3)


def test_too_little_to_learn_from():
    scores, *_ = simulated(10)
    scores[:, 2] = np.nan
    with pytest.raises(FitError, match="no observed score in column 2"):
        fit_factor_model(scores, 1, "own")
    with pytest.raises(FitError, match="1 of 3 models have a score"):
        fit_factor_model(np.array([[0.1, 0.2], [np.nan, np.nan], [np.nan, np.nan]]), 1, "own")
