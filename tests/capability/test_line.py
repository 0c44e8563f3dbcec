"""A line in log compute: against scipy, and backwards with intervals that cover."""

import numpy as np
import pytest
from scipy.stats import linregress

from obslaws.capability.line import Line, fit_line
from obslaws.errors import FitError, UsageError


def test_least_squares_are_those_of_scipy():
    rng = np.random.default_rng(0)
    x = rng.uniform(20, 25, 9)
    y = 0.3 * x + rng.normal(0, 0.1, 9)
    line, theirs = fit_line(x, y), linregress(x - 21, y)
    assert (line.slope, line.intercept) == pytest.approx((theirs.slope, theirs.intercept))
    assert line.r2 == pytest.approx(theirs.rvalue**2)
    assert np.sqrt(np.diag(line.cov)) == pytest.approx([theirs.intercept_stderr, theirs.stderr])
    assert (line.low, line.high, line.dof) == (x.min(), x.max(), 7)


def test_backwards_is_forwards():
    line = fit_line([21, 22, 24], [0.1, 0.4, 0.9])
    np.testing.assert_allclose(line.invert(line.predict([20, 23.5])), [20, 23.5])
    lower, upper = line.invert_interval(line.predict([20.0, 22.0, 23.5]), 0.8)
    assert (lower < [20, 22, 23.5]).all() and (upper > [20, 22, 23.5]).all()


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 8])
@pytest.mark.parametrize("slope", [0.1, 0.5])
def test_interval_backwards_covers(n, slope):
    """4,000 families: a weak slope makes many sets unbounded, and those cover too. Binomial error: 4 x 0.0047."""
    rng = np.random.default_rng(n)
    covered, bounded = [], []
    for _ in range(4000):
        x = rng.uniform(22, 24, n)
        truth = rng.uniform(21, 25)
        line = fit_line(x, slope * (x - 21) + rng.normal(0, 0.1, n))
        lower, upper = line.invert_interval(slope * (truth - 21) + rng.normal(0, 0.1), 0.9)
        covered.append(lower <= truth <= upper)
        bounded.append(np.isfinite(upper - lower))
    wide = not all(bounded)  # a set of two rays is given as the whole line, which covers more than asked
    assert np.mean(covered) == pytest.approx(0.9, abs=0.019) or (wide and np.mean(covered) > 0.9)


def test_more_models_narrow_the_interval():
    line = fit_line([21, 22, 23, 24], [0.1, 0.45, 0.8, 1.3])
    widths = [np.diff(line.invert_interval(0.6, 0.9, n)).item() for n in (1, 4, np.inf)]
    assert widths[0] > widths[1] > widths[2]


def test_a_slope_that_may_be_zero_bounds_nothing():
    line = fit_line([21, 22, 23], [0.1, 0.2, 0.1])
    assert line.invert_interval(0.15) == (-np.inf, np.inf)
    two = fit_line([21, 22], [0.1, 0.2])
    assert np.isnan(two.scatter)
    assert two.invert_interval(0.15) == (-np.inf, np.inf)
    flat = Line(0.1, 0.0, np.eye(2), 0.1, 3, np.nan, 5, 21, 22)
    assert np.isnan(flat.invert(0.2))


def test_errors():
    with pytest.raises(FitError, match="two models of different compute; found 3 with 1 budgets"):
        fit_line([22, 22, 22], [0.1, 0.2, 0.3])
    with pytest.raises(UsageError, match="level is 90"):
        fit_line([21, 22, 24], [0.1, 0.4, 0.9]).invert_interval(0.5, level=90)
