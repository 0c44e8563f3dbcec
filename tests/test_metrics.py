import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obslaws.metrics import bias, coverage, interval_metrics, mae, mae_groups, medae, point_metrics, rmse, width

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
