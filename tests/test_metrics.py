import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obslaws.metrics import (
    bias,
    coverage,
    crps,
    decision_accuracy,
    interval_metrics,
    item_noise,
    mae,
    mae_groups,
    medae,
    paired_bootstrap,
    point_metrics,
    r2,
    rank_correlation,
    rmse,
    share_interval,
    width,
    within,
)  # fmt: skip

CELLS = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from("abc")),
    min_size=1,
    max_size=40,
)


@given(CELLS)
def test_mae_groups_is_the_plain_loop(cells):
    score, forecast, group = (list(column) for column in zip(*cells, strict=True))
    per_group = []
    for label in sorted(set(group)):
        errors = [100 * abs(f - s) for s, f, g in cells if g == label]
        per_group.append(sum(errors) / len(errors))
    assert mae_groups(score, forecast, group) == pytest.approx(sum(per_group) / len(per_group), abs=1e-9)
    assert mae(score, forecast) == pytest.approx(sum(100 * abs(f - s) for s, f, _ in cells) / len(cells), abs=1e-9)


def test_errors_are_points():
    score, forecast = np.array([0.5, 0.5, 0.5]), np.array([0.6, 0.5, 0.2])
    assert mae(score, forecast) == pytest.approx(40 / 3)
    assert medae(score, forecast) == pytest.approx(10)
    assert rmse(score, forecast) == pytest.approx(np.sqrt(1000 / 3))
    assert bias(score, forecast) == pytest.approx(-20 / 3)  # too low on the whole
    assert set(point_metrics(score, forecast)) == {"mae", "medae", "rmse", "bias"}


def test_coverage_counts_the_ends_and_width_is_the_median():
    score, lower, upper = np.array([0.1, 0.5, 0.9]), np.array([0.1, 0.4, 0.0]), np.array([0.2, 0.5, 0.8])
    assert coverage(score, lower, upper) == pytest.approx(2 / 3)
    assert width(lower, upper) == pytest.approx(10)
    assert interval_metrics(score, lower, upper) == {
        "coverage": coverage(score, lower, upper),
        "width": width(lower, upper),
    }


def test_crps_is_the_integral_for_a_normal():
    # closed form for a standard normal at its mean: (sqrt 2 - 1) / sqrt pi
    from scipy.special import ndtri

    shares = np.linspace(0.001, 0.999, 999)
    told = crps([0.0], ndtri(shares)[None, :], shares)
    assert told == pytest.approx(100 * (np.sqrt(2) - 1) / np.sqrt(np.pi), rel=2e-3)


def test_crps_of_points_is_the_mean_absolute_error():
    score, forecast = np.array([0.2, 0.9]), np.array([0.5, 0.7])
    quantiles = np.tile(forecast[:, None], (1, 9))
    shares = np.array([0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975])
    assert crps(score, quantiles, shares) == pytest.approx(mae(score, forecast), rel=0.01)


def test_decisions_ranks_and_shares():
    score, forecast = [0.1, 0.2, 0.3, 0.5, 0.5], [0.1, 0.3, 0.2, 0.4, 0.4]
    assert decision_accuracy(score, forecast, list("aaabb")) == pytest.approx(2 / 3)
    assert decision_accuracy([0.1, 0.2], [0.3, 0.3], ["a", "a"]) == 0.5
    assert np.isnan(decision_accuracy([0.1, 0.2], [0.3, 0.3], ["a", "b"]))
    assert within(score, forecast, 5) == pytest.approx(1 / 5)
    assert r2([0.0, 1.0], [0.0, 1.0]) == 1 and r2([0.0, 1.0], [0.5, 0.5]) == 0 and np.isnan(r2([0.5], [0.4]))
    assert rank_correlation([0.1, 0.2, 0.3], [0.2, 0.3, 0.9]) == pytest.approx(1)


def test_noise_of_counts():
    assert item_noise([0.5, 0.5, 0.5], [100, 400, np.nan]) == pytest.approx((5 + 2.5) / 2)
    assert np.isnan(item_noise([0.5], [np.nan]))


def test_paired_bootstrap_draws_groups():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(30), rng.integers(1, 9, size=30))
    one = rng.exponential(4, size=len(group))
    same = paired_bootstrap(one, one, group, by_group=True)
    assert (same["difference"], same["lower"], same["upper"], same["wins"]) == (0, 0, 0, 0)
    other = one + 1 + rng.normal(size=len(group))
    told = paired_bootstrap(one, other, group, by_group=False)
    assert told["difference"] == pytest.approx((one - other).mean())
    assert told["lower"] < told["difference"] < told["upper"] < 0
    by_group = paired_bootstrap(one, other, group, by_group=True)
    means = [(one - other)[group == g].mean() for g in range(30)]
    assert by_group["difference"] == pytest.approx(np.mean(means))
    # the spread of the draws is that of a mean over 30 groups
    assert by_group["upper"] - by_group["lower"] == pytest.approx(2 * 1.96 * np.std(means) / np.sqrt(30), rel=0.1)


def test_a_share_of_cells_that_stand_alone_has_wilsons_interval():
    from statsmodels.stats.proportion import proportion_confint

    inside = np.arange(2000) % 10 > 0
    told = share_interval(inside, np.arange(2000))
    np.testing.assert_allclose(told, proportion_confint(1800, 2000, method="wilson"), atol=2e-4)


@pytest.mark.parametrize(("n_groups", "share"), [(8, 0.8), (20, 0.9), (40, 0.95)])
def test_the_interval_of_a_share_holds_where_groups_are_hit_together(n_groups, share):
    rng = np.random.default_rng(0)
    held, alone = [], []
    for _ in range(400):
        group = np.repeat(np.arange(n_groups), rng.integers(1, 12, n_groups))
        chance = rng.beta(3 * share, 3 * (1 - share), n_groups)  # of each group: correlation of 1 / 4
        inside = rng.random(len(group)) < chance[group]
        for found, by in ((held, group), (alone, np.arange(len(group)))):
            lower, upper = share_interval(inside, by)
            found.append(lower <= share <= upper)
    assert 0.91 <= np.mean(held) <= 0.98
    assert np.mean(alone) < 0.88


def test_the_interval_of_a_share_at_its_ends():
    assert np.isnan(share_interval([True, False], ["a", "a"])).all()
    lower, upper = share_interval([True] * 60, np.repeat(np.arange(6), 10))
    assert 0.3 < lower < 0.6 and upper == 1.0  # six groups say no more than six draws
    assert share_interval([False] * 60, np.repeat(np.arange(6), 10)) == pytest.approx((1 - upper, 1 - lower))
