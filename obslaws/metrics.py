"""Error, bias, interval coverage and width: arrays in, numbers out.

Scores come in as fractions; errors and widths go out in points (100 x fraction), shares as fractions. Every function
takes arrays of one shape without missing values; none knows what a model or a forecaster is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bias", "coverage", "interval_metrics", "mae", "mae_groups", "medae", "point_metrics", "rmse", "width"]

POINTS = 100.0


def _errors(score: ArrayLike, forecast: ArrayLike) -> NDArray[np.float64]:
    return POINTS * (np.asarray(forecast, dtype=float) - np.asarray(score, dtype=float))


def mae(score: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error over all cells, in points.

    Parameters
    ----------
    score, forecast : array_like of shape (n_cells,)
        Fractions.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mae([0.5, 0.7], [0.6, 0.6]), 9)
    10.0
    """
    return float(np.abs(_errors(score, forecast)).mean())


def medae(score: ArrayLike, forecast: ArrayLike) -> float:
    """Median absolute error over all cells, in points; see `mae`."""
    return float(np.median(np.abs(_errors(score, forecast))))


def rmse(score: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean square error over all cells, in points; see `mae`."""
    return float(np.sqrt(np.square(_errors(score, forecast)).mean()))


def bias(score: ArrayLike, forecast: ArrayLike) -> float:
    """Mean of forecast - score, in points: positive when forecasts are too high; see `mae`."""
    return float(_errors(score, forecast).mean())


def mae_groups(score: ArrayLike, forecast: ArrayLike, group: ArrayLike) -> float:
    """Mean absolute error in points: over the cells of a test group, then over groups.

    A group with many models then counts no more than one with few, as in the comparison of Maia Polo et al. [1]_.

    Parameters
    ----------
    score, forecast : array_like of shape (n_cells,)
        Fractions.
    group : array_like of shape (n_cells,)
        Label of the test group of each cell.

    Returns
    -------
    float

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 5: held-out models of a family group, then groups.

    Examples
    --------
    >>> round(mae_groups([0.5, 0.5, 0.5], [0.6, 0.6, 0.8], ["a", "a", "b"]), 9)
    20.0
    """
    labels, at = np.unique(np.asarray(group), return_inverse=True)
    sums = np.bincount(at, np.abs(_errors(score, forecast)), minlength=len(labels))
    return float((sums / np.bincount(at, minlength=len(labels))).mean())


def coverage(score: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Share of scores inside their interval, ends included.

    Parameters
    ----------
    score, lower, upper : array_like of shape (n_cells,)
        Fractions.

    Returns
    -------
    float
        In [0, 1], to be held against the nominal level.
    """
    score = np.asarray(score, dtype=float)
    return float(((np.asarray(lower) <= score) & (score <= np.asarray(upper))).mean())


def width(lower: ArrayLike, upper: ArrayLike) -> float:
    """Median width of the intervals, in points.

    Parameters
    ----------
    lower, upper : array_like of shape (n_cells,)
        Fractions.

    Returns
    -------
    float
    """
    return float(np.median(POINTS * (np.asarray(upper, dtype=float) - np.asarray(lower, dtype=float))))


def point_metrics(score: ArrayLike, forecast: ArrayLike) -> dict[str, float]:
    """All errors of the point forecasts by name, in points; see `mae`."""
    return {measure.__name__: measure(score, forecast) for measure in (mae, medae, rmse, bias)}


def interval_metrics(score: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> dict[str, float]:
    """Coverage (a share) and median width (points) of the intervals by name; see `coverage`."""
    return {"coverage": coverage(score, lower, upper), "width": width(lower, upper)}
