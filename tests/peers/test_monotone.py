import numpy as np
import pytest

from obslaws.peers.huber import huber
from obslaws.peers.lowrank import Factors, fit_low_rank
from obslaws.peers.monotone import SIZE, _forward, _is_weight, _Steps, fit_monotone, fresh_nets


@pytest.fixture(scope="module")
def saturating():
    """Scores that flatten at 0.6: the logistic with a ceiling of 1 cannot follow."""
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(10), 6)
    X = rng.normal(size=(60, 3))
    theta = rng.normal(size=10)[family] + X @ np.array([1.0, 0.5, 0.0])
    curves = [0.6 / (1 + np.exp(-2 * theta)), 0.25 + 0.75 / (1 + np.exp(-theta)), 0.9 / (1 + np.exp(1 - theta))]
    return Factors(np.column_stack(curves), X, family, np.array([0.0, 0.25, 0.0]))


def test_gradients_are_those_of_finite_differences(saturating):
    basic = fit_low_rank(saturating, 1, max_iter=3)
    design = np.concatenate([np.eye(10)[saturating.family], saturating.covariates], axis=1)
    coefficients = np.concatenate([basic.intercepts, basic.slopes])
    benchmarks = np.concatenate([basic.loadings, basic.offsets[:, None], np.zeros((3, 1)), fresh_nets(3)], axis=1)
    steps = _Steps(design, saturating.scores)
    at, value = steps._at(coefficients, benchmarks)
    positive = np.concatenate([np.zeros(3, dtype=bool), _is_weight()])
    system = steps._system(at, benchmarks, positive, free=True)
    by_benchmark = np.stack([one.gradient for one in system])
    gradient = np.zeros((design.shape[1], 1))
    for one, loading in zip(system, basic.loadings, strict=True):
        gradient[one.columns] += np.outer(one.by_design, loading)
    n = saturating.scores.size

    def loss(c, b):
        return huber(saturating.scores - _forward(design, c, b).fitted, steps.known)

    for j, k in [(0, 0), (0, 1), (1, 2), (2, 5), (0, 20), (1, 60), (2, 125), (1, 135), (0, SIZE + 2)]:
        moved = benchmarks.copy()
        moved[j, k] += 1e-6
        assert -by_benchmark[j, k] / n == pytest.approx((loss(coefficients, moved) - value) / 1e-6, abs=2e-5)
    for q in (0, 5, 11):
        moved = coefficients.copy()
        moved[q, 0] += 1e-6
        assert -gradient[q, 0] / n == pytest.approx((loss(moved, benchmarks) - value) / 1e-6, abs=2e-5)


def test_a_learned_link_follows_a_ceiling(saturating):
    basic = fit_low_rank(saturating, 1)
    trained = fit_monotone(saturating, basic)
    assert trained.objective < 0.5 * basic.objective
    assert (trained.benchmarks[:, -SIZE:][:, _is_weight()] >= 0).all()


def test_links_rise_and_stay_between_floor_and_one(saturating):
    trained = fit_monotone(saturating, fit_low_rank(saturating, 1))
    rows = np.zeros((50, 13))
    rows[:, 0] = 1.0
    rows[:, 10] = np.linspace(-20, 20, 50)
    scores = trained.scores(rows)
    assert (scores > 0).all() and (scores < 1).all()
    steps = np.diff(scores, axis=0) * np.sign(trained.benchmarks[:, 0] * trained.coefficients[10, 0])
    assert (steps >= -1e-12).all()


def test_seeds_decide_the_nets_and_nothing_else(saturating):
    np.testing.assert_array_equal(fresh_nets(3), fresh_nets(3))
    assert not np.array_equal(fresh_nets(3), fresh_nets(3, random_state=1))
    one, two = (fit_monotone(saturating, fit_low_rank(saturating, 1)) for _ in range(2))
    np.testing.assert_array_equal(one.benchmarks, two.benchmarks)


def test_where_nets_have_died_nothing_fails(saturating):
    """All weights at zero: no skill moves any score, so there is no curvature to divide by."""
    basic = fit_low_rank(saturating, 1, max_iter=3)
    design = np.concatenate([np.eye(10)[saturating.family], saturating.covariates], axis=1)
    coefficients = np.concatenate([basic.intercepts, basic.slopes])
    dead = np.where(_is_weight(), 0.0, fresh_nets(3))
    benchmarks = np.concatenate([basic.loadings, basic.offsets[:, None], np.zeros((3, 1)), dead], axis=1)
    steps = _Steps(design, saturating.scores)
    found = steps.descend(coefficients, benchmarks, 1e-4, 20, -np.inf, free=True)
    assert np.isfinite(found.coefficients).all() and np.isfinite(found.benchmarks).all()
    assert found.objective < steps._at(coefficients, benchmarks)[1]
