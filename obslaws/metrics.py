"""Error, bias, interval coverage and width: arrays in, numbers out.

Scores come in as fractions; errors and widths go out in points (100 x fraction), shares as fractions. Every function
takes arrays of one shape without missing values; none knows what a model or a forecaster is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SOURCE_DISAGREEMENT",
    "bias",
    "coverage",
    "crps",
    "decision_accuracy",
    "interval_metrics",
    "item_noise",
    "mae",
    "mae_groups",
    "medae",
    "paired_bootstrap",
    "point_metrics",
    "r2",
    "rank_correlation",
    "rmse",
    "share_interval",
    "width",
    "within",
]

POINTS = 100.0
SOURCE_DISAGREEMENT = 2.2  # points; median over cells that a curated and a crowd record both hold


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


def share_interval(inside: ArrayLike, group: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Tell how far chance may have moved a share of cells, where the cells of a group are hit or missed together.

    Wilson's interval with the effective number of cells: the one whose independent draws would vary as much as the
    groups do, made smaller by Student's t for the few groups that say so.

    Parameters
    ----------
    inside : array_like of bool, shape (n_cells,)
    group : array_like of shape (n_cells,)
        Such as the model's family.
    level : float
        Nominal, in (0, 1).

    Returns
    -------
    lower, upper : float
        In [0, 1]; NaN for a single group. Where all cells are inside or none is, each group counts as one draw.

    References
    ----------
    .. [1] Korn and Graubard (1998), Survey Methodology 24: 193-201: the effective number.
    .. [2] Dean and Pagano (2015), Journal of Survey Statistics and Methodology 3: 484-503: Wilson's interval with it.

    Examples
    --------
    >>> [round(end, 3) for end in share_interval([True] * 9 + [False], range(10))]
    [0.523, 0.987]
    """
    from scipy.special import ndtri, stdtrit

    hit = np.asarray(inside, dtype=float)
    labels, at = np.unique(np.asarray(group), return_inverse=True)
    n, g = len(hit), len(labels)
    if g < 2:
        return np.nan, np.nan
    share = hit.mean()
    stray = np.bincount(at, hit - share)
    spread = g / (g - 1.0) * np.square(stray).sum() / n**2
    z = ndtri(0.5 + 0.5 * level)
    effective = min(share * (1.0 - share) / spread, float(n)) if spread > 0 else float(g)
    effective *= (z / stdtrit(g - 1, 0.5 + 0.5 * level)) ** 2
    centre = (share + z**2 / (2.0 * effective)) / (1.0 + z**2 / effective)
    reach = z * np.sqrt(share * (1.0 - share) / effective + (z / (2.0 * effective)) ** 2) / (1.0 + z**2 / effective)
    return float(max(centre - reach, 0.0)), float(min(centre + reach, 1.0))


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


def r2(score: ArrayLike, forecast: ArrayLike) -> float:
    """Share of the variance of all scores that the forecasts explain: 1 is perfect, 0 the mean of the scores.

    Parameters
    ----------
    score, forecast : array_like of shape (n_cells,)
        Fractions.

    Returns
    -------
    float
        NaN where the scores do not vary.
    """
    score = np.asarray(score, dtype=float)
    total = np.square(score - score.mean()).sum()
    return float(1.0 - np.square(score - np.asarray(forecast, dtype=float)).sum() / total) if total > 0 else np.nan


def rank_correlation(score: ArrayLike, forecast: ArrayLike) -> float:
    """Spearman's correlation of scores and forecasts over all cells; NaN where one of them does not vary."""
    from scipy.stats import spearmanr

    score, forecast = np.asarray(score, dtype=float), np.asarray(forecast, dtype=float)
    if len(score) < 2 or np.ptp(score) == 0 or np.ptp(forecast) == 0:
        return np.nan
    return float(spearmanr(score, forecast).statistic)


def within(score: ArrayLike, forecast: ArrayLike, points: float) -> float:
    """Share of forecasts that err by no more than some points."""
    return float((np.abs(_errors(score, forecast)) <= points).mean())


def decision_accuracy(score: ArrayLike, forecast: ArrayLike, benchmark: ArrayLike) -> float:
    """Share of pairs of models on one benchmark whose order is forecast right.

    Parameters
    ----------
    score, forecast : array_like of shape (n_cells,)
        Fractions.
    benchmark : array_like of shape (n_cells,)
        Pairs are formed within it.

    Returns
    -------
    float
        Pairs of equal scores do not count, equal forecasts count half; NaN without a pair.

    References
    ----------
    .. [1] Magnusson et al. (2025). DataDecide, arXiv 2504.11393, section 2: decision accuracy.

    Examples
    --------
    >>> decision_accuracy([0.1, 0.2, 0.3], [0.1, 0.3, 0.2], ["a", "a", "a"]).__round__(3)
    0.667
    """
    score, forecast = np.asarray(score, dtype=float), np.asarray(forecast, dtype=float)
    labels = np.asarray(benchmark)
    right = pairs = 0.0
    for label in np.unique(labels):
        at = labels == label
        truth = np.sign(score[at][:, None] - score[at])
        told = np.sign(forecast[at][:, None] - forecast[at])
        counted = truth > 0
        pairs += counted.sum()
        right += 0.5 * (1.0 + told[counted]).sum()
    return float(right / pairs) if pairs else np.nan


def crps(score: ArrayLike, quantiles: ArrayLike, shares: ArrayLike) -> float:
    """Continuous ranked probability score in points, from quantiles: twice the mean pinball loss over all shares.

    Parameters
    ----------
    score : array_like of shape (n_cells,)
        Fractions.
    quantiles : array_like of shape (n_cells, n_shares)
        Of each cell's predictive distribution.
    shares : array_like of shape (n_shares,)
        Rising, in (0, 1). Between them the loss is taken as straight; beyond the ends the last quantile holds.

    Returns
    -------
    float
        The mean absolute error where the distributions are points.

    References
    ----------
    .. [1] Gneiting and Raftery (2007), JASA 102: 359-378, section 4.2: the score as an integral over quantiles.
    """
    share = np.concatenate([[0.0], np.asarray(shares, dtype=float), [1.0]])
    miss = np.asarray(score, dtype=float)[:, None] - np.asarray(quantiles, dtype=float)
    miss = np.pad(miss, ((0, 0), (1, 1)), mode="edge")
    loss = np.where(miss >= 0, share, share - 1.0) * miss
    return float(2.0 * POINTS * (np.diff(share) * (loss[:, 1:] + loss[:, :-1]) / 2.0).sum(axis=1).mean())


def item_noise(score: ArrayLike, n_items: ArrayLike) -> float:
    """Mean standard error from the finite number of questions, in points; over the cells whose count is known.

    Parameters
    ----------
    score : array_like of shape (n_cells,)
        Fractions.
    n_items : array_like of shape (n_cells,)
        Questions, NaN where unknown.

    Returns
    -------
    float
        sqrt(p (1 - p) / n); NaN where no count is known. No forecast can err less than about 0.8 times this on average.
    """
    p, n = np.asarray(score, dtype=float), np.asarray(n_items, dtype=float)
    known = np.isfinite(n)
    return float(POINTS * np.sqrt(p[known] * (1.0 - p[known]) / n[known]).mean()) if known.any() else np.nan


def paired_bootstrap(
    error: ArrayLike, other: ArrayLike, group: ArrayLike, by_group: bool, n_draws: int = 4000, random_state: int = 0
) -> dict[str, float]:
    """Difference of two forecasters' absolute errors on the same cells, with an interval from drawing groups anew.

    Parameters
    ----------
    error, other : array_like of shape (n_cells,)
        Absolute errors of either, in points.
    group : array_like of shape (n_cells,)
        Cells of a group err together: it is drawn as a whole.
    by_group : bool
        Whether each group counts the same (as in `mae_groups`) or by its cells (as in `mae`).
    n_draws, random_state : int
        Of the bootstrap.

    Returns
    -------
    dict
        difference (error - other: negative when the first is better), lower and upper of the 95 % interval, wins (share
        of groups in which the first is better), n_groups.

    References
    ----------
    .. [1] Efron and Tibshirani (1993). An Introduction to the Bootstrap, section 13.3: percentile intervals.
    """
    labels, at = np.unique(np.asarray(group), return_inverse=True)
    counts = np.bincount(at).astype(float)
    sums = np.bincount(at, np.asarray(error, dtype=float) - np.asarray(other, dtype=float))
    weight = np.ones_like(counts) if by_group else counts
    total = sums / counts if by_group else sums
    rng = np.random.default_rng(random_state)
    drawn = rng.multinomial(len(labels), np.full(len(labels), 1.0 / len(labels)), size=n_draws)
    draws = (drawn @ total) / (drawn @ weight)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return {
        "difference": float(total.sum() / weight.sum()),
        "lower": float(lower),
        "upper": float(upper),
        "wins": float((sums < 0).mean()),
        "n_groups": len(labels),
    }
