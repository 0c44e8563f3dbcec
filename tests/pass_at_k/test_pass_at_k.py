"""pass@k: the estimator beside plain counting, truth from simulated problems, forecasts beyond the samples."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import FitError, SchemaError, UnknownNameError, UsageError
from obslaws.pass_at_k.choice import best_for_budget, cheapest_for_coverage
from obslaws.pass_at_k.estimate import coverage, pass_at_k, pass_until
from obslaws.pass_at_k.forecast import METHODS, fit_coverage


def problems(alpha, beta, n_problems=300, n_samples=100, unsolvable=0.0, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(alpha, beta, n_problems) * (rng.random(n_problems) >= unsolvable)
    c = rng.binomial(n_samples, p)
    return pd.DataFrame({"problem": range(n_problems), "n_samples": n_samples, "n_correct": c}), p


def test_estimator_is_the_share_of_subsets_with_a_success():
    """The oracle: every subset of k of n samples, counted."""
    n = 7
    for c in range(n + 1):
        samples = [1] * c + [0] * (n - c)
        for k in range(1, n + 1):
            plain = np.mean([any(subset) for subset in combinations(samples, k)])
            assert pass_at_k([n], [c], [k])[0, 0] == pytest.approx(plain, abs=1e-12)
    assert np.isnan(pass_at_k([n], [2], [8])[0, 0])


def test_estimator_has_no_bias():
    rng = np.random.default_rng(0)
    p, n, k = 0.07, 40, 10
    c = rng.binomial(n, p, 40_000)
    told = pass_at_k(np.full(len(c), n), c, [k])[:, 0]
    assert told.mean() == pytest.approx(1 - (1 - p) ** k, abs=4 * told.std() / np.sqrt(len(c)))


def test_large_counts_do_not_overflow():
    assert pass_at_k([10_000], [1], [5_000])[0, 0] == pytest.approx(0.5)
    assert pass_at_k([10_000], [0], [10_000])[0, 0] == 0.0


def test_until_r_passes():
    rng = np.random.default_rng(1)
    drawn = rng.negative_binomial(2, 0.03, 20_000) + 2
    assert pass_until(drawn, 2).mean() == pytest.approx(0.03, rel=0.05)
    with pytest.raises(UsageError, match="3 passes"):
        pass_until([2.0], 3)


def test_beta_binomial_finds_its_own_parameters():
    counts, _ = problems(0.4, 3.0, n_problems=800)
    fit = fit_coverage(counts, "beta-binomial", n_draws=100)
    for j, (name, true) in enumerate((("alpha", 0.4), ("beta", 3.0))):
        assert abs(fit.params[name] - true) < 4 * fit.draws[:, j].std()
    assert fit.params["unsolvable"] < 1e-10


def test_unsolvable_share_is_found_and_preferred():
    counts, _ = problems(0.8, 4.0, n_problems=800, unsolvable=0.3)
    with_zero, without = fit_coverage(counts, "zero-inflated", 100), fit_coverage(counts, "beta-binomial", 100)
    assert abs(with_zero.params["unsolvable"] - 0.3) < 4 * with_zero.draws[:, 2].std()
    assert with_zero.aic < without.aic - 2
    assert with_zero.coverage([1e6])["coverage"][0] == pytest.approx(0.7, abs=0.06)


def test_forecasts_hold_beyond_the_samples_drawn():
    """Fitted on 100 samples, asked for 3,000; 90 % intervals over 20 simulated benchmarks, binomial error allowed."""
    inside = []
    for seed in range(20):
        counts, p = problems(0.3, 6.0, seed=seed)
        told = fit_coverage(counts, n_draws=60, random_state=seed).coverage([100, 3000])
        truth = [(1 - (1 - p) ** k).mean() for k in (100, 3000)]
        inside.append((told["lower"] <= truth) & (truth <= told["upper"]))
        assert abs(told["coverage"] - truth).max() < 0.1
    assert np.mean(inside) > 0.9 - 3 * np.sqrt(0.09 / 20)


def test_power_law_follows_the_measured_curve():
    counts, _ = problems(0.4, 3.0, n_problems=400)
    fit = fit_coverage(counts, "power-law", n_draws=50)
    k = np.array([1, 10, 100])
    np.testing.assert_allclose(fit.coverage(k)["coverage"], coverage(counts, k), atol=0.05)
    assert fit.params["a"] < 0 > fit.params["b"]


@pytest.mark.parametrize("method", METHODS)
def test_forecast_is_a_rising_share(method):
    counts, _ = problems(0.5, 5.0)
    told = fit_coverage(counts, method, n_draws=40).coverage([1, 10, 100, 1000, 10_000])
    assert told["coverage"].is_monotonic_increasing
    assert told["coverage"].between(0, 1).all()
    assert (told["lower"] <= told["upper"]).all()
    assert told["distance"].round(6).tolist() == [0, 0, 0, 1, 2]


def test_cheap_model_wins_by_sampling_more():
    weak, strong = problems(0.5, 5.0, seed=1)[0], problems(1.5, 3.0, seed=2)[0]
    fits = {"weak": fit_coverage(weak, n_draws=60), "strong": fit_coverage(strong, n_draws=60)}
    poor = best_for_budget(fits, {"weak": 1.0, "strong": 20.0}, budget=10.0)
    assert poor["model"].tolist() == ["weak", "strong"]
    assert poor["k"].tolist() == [10, 0]
    rich = best_for_budget(fits, {"weak": 1.0, "strong": 20.0}, budget=400.0)
    assert rich["best"].sum() == pytest.approx(1.0)
    assert rich["model"][0] == "strong"
    price = cheapest_for_coverage(fits, {"weak": 1.0, "strong": 20.0}, target=0.3)
    assert price["model"][0] == "weak"
    assert (price["cost_lower"] <= price["cost"]).all() and (price["cost"] <= price["cost_upper"]).all()
    never = cheapest_for_coverage({"weak": fit_coverage(problems(0.5, 5, unsolvable=0.5)[0], "zero-inflated", 40)},
                                  {"weak": 1.0}, target=0.95)  # fmt: skip
    assert np.isinf(never["cost"][0])


def test_faults_are_named():
    counts, _ = problems(0.5, 5.0, n_problems=6)
    with pytest.raises(SchemaError, match="no column 'n_correct'"):
        coverage(counts.drop(columns="n_correct"), [1])
    with pytest.raises(SchemaError, match=r"row 2: 101 correct of 100"):
        coverage(counts.assign(n_correct=101), [1])
    with pytest.raises(SchemaError, match="problem '0' comes twice"):
        coverage(counts.assign(problem=0), [1])
    with pytest.raises(SchemaError, match="Expected a whole number"):
        coverage(counts.assign(n_correct=0.5), [1])
    with pytest.raises(FitError, match="0 correct samples"):
        fit_coverage(counts.assign(n_correct=0))
    with pytest.raises(UnknownNameError, match="beta-binomial"):
        fit_coverage(counts, "beta")
    with pytest.raises(UsageError, match="no cost of a sample"):
        best_for_budget({"m": fit_coverage(problems(1, 1)[0], n_draws=5)}, {}, 1.0)
    with pytest.raises(UsageError, match="expected at least 1"):
        pass_at_k([3], [1], [0])
