"""Which way a benchmark goes with scale, tested within families, with the share of false alarms held over all of them.

Families differ for reasons other than scale, and their models are alike: a test that takes models for independent finds
trends everywhere. Where families have several sizes the comparison is within them, each with a level of its own;
otherwise each family is one point. Both tests are exact under normal errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.errors import UsageError
from obslaws.panel import Panel

__all__ = ["TrendTest", "adjusted", "test_trend", "trend_table"]

Array = NDArray[np.float64]

_LEAST_FREE = 8  # degrees of freedom
_LEAST_SPAN = 0.5  # decades of compute
_LEAST_SIDE = 4  # models on either side of a turn


@dataclass(frozen=True)
class TrendTest:
    """Linear and quadratic trend of one benchmark.

    Parameters
    ----------
    n_models, n_families : int
    basis : {"within", "between", "none"}
        Families with a level each, families as points, or too little for a test.
    slope, slope_se : float
        Score per decade of compute.
    p_rise, p_fall : float
        One-sided, of the linear trend.
    p_u, p_arch : float
        Of a U and of an inverted U: of two lines, both must slope as the shape says. 1 where a parabola turns outside.
    turn : float
        log10 FLOP where the two lines part, the turning point of a parabola; NaN where that lies outside the data.
    """

    n_models: int
    n_families: int
    basis: str
    slope: float = np.nan
    slope_se: float = np.nan
    p_rise: float = np.nan
    p_fall: float = np.nan
    p_u: float = np.nan
    p_arch: float = np.nan
    turn: float = np.nan


def test_trend(log10_flop: Array, score: Array, family: NDArray[np.str_]) -> TrendTest:
    """Test one benchmark.

    Parameters
    ----------
    log10_flop, score : ndarray of shape (n_models,)
        No missing values.
    family : ndarray of shape (n_models,)

    Returns
    -------
    TrendTest

    References
    ----------
    .. [1] Simonsohn (2018). Two lines: a valid alternative to the invalid testing of U-shaped relationships with
       quadratic regressions. Advances in Methods and Practices in Psychological Science 1(4), 538-555. A curve that is
       flat and then rises bends a parabola as a U does; two lines tell them apart.
    """
    from scipy.stats import t as student

    labels, codes = np.unique(family, return_inverse=True)
    n, k = len(score), len(labels)
    none = TrendTest(n, k, "none")
    if n < 3 or np.ptp(log10_flop) < _LEAST_SPAN or np.ptp(score) == 0:
        return none
    centre = log10_flop.mean()
    x, y = log10_flop - centre, score
    within = n - k - 3 >= _LEAST_FREE and float(_extent(x, codes, k).max()) >= _LEAST_SPAN
    if not within:
        counts = np.bincount(codes, minlength=k)
        x, y = (np.bincount(codes, v, minlength=k) / counts for v in (x, y))
        codes = np.zeros(k, dtype=int)
        if k - 4 < _LEAST_FREE or np.ptp(x) < _LEAST_SPAN:
            return none
    basis = "within" if within else "between"
    line = _least_squares([x], y, codes)
    if line is None:
        return none
    slope, cov, free = line
    se = float(np.sqrt(cov[0, 0]))
    p_rise = float(student.sf(slope[0] / se, free)) if se > 0 else float(slope[0] <= 0)
    straight = TrendTest(n, k, basis, float(slope[0]), se, p_rise, 1 - p_rise, 1.0, 1.0)
    bent = _least_squares([x, x**2], y, codes)
    if bent is None or bent[0][1] == 0:
        return straight
    turn = -bent[0][0] / (2 * bent[0][1])
    left = x < turn
    if min(left.sum(), (~left).sum()) < _LEAST_SIDE:
        return straight
    both = _least_squares([(x - turn) * left, (x - turn) * ~left, (~left).astype(float)], y, codes)
    if both is None:
        return straight
    tilt, cov, free = both
    ratio = tilt[:2] / np.sqrt(np.diag(cov)[:2])
    p_u = float(max(student.sf(-ratio[0], free), student.sf(ratio[1], free)))
    p_arch = float(max(student.sf(ratio[0], free), student.sf(-ratio[1], free)))
    return replace(straight, p_u=p_u, p_arch=p_arch, turn=float(turn + centre))


test_trend.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's


def _extent(x: Array, codes: NDArray[np.int_], k: int) -> Array:
    high, low = np.full(k, -np.inf), np.full(k, np.inf)
    np.maximum.at(high, codes, x)
    np.minimum.at(low, codes, x)
    return np.asarray(high - low)


def _least_squares(columns: list[Array], y: Array, codes: NDArray[np.int_]) -> tuple[Array, Array, int] | None:
    """Regress with a level per group; None where the columns do not vary within groups."""
    counts = np.bincount(codes)
    design, y = np.column_stack([_demean(v, codes, counts) for v in columns]), _demean(y, codes, counts)
    free = len(y) - len(counts) - design.shape[1]
    length = np.sqrt((design**2).sum(axis=0))
    if free < 1 or (length < 1e-9).any():
        return None
    design = design / length
    gram = design.T @ design
    if np.linalg.cond(gram) > 1e10:
        return None
    inverse = np.linalg.inv(gram)
    found = inverse @ design.T @ y
    variance = float(((y - design @ found) ** 2).sum()) / free
    return found / length, inverse * variance / np.outer(length, length), free


def _demean(v: Array, codes: NDArray[np.int_], counts: NDArray[np.int_]) -> Array:
    return np.asarray(v - (np.bincount(codes, v) / counts)[codes])


def adjusted(p: Array) -> Array:
    """Adjust p-values for the false-discovery rate.

    Parameters
    ----------
    p : ndarray of shape (n_tests,)
        NaN where there was no test; it stays and does not count.

    Returns
    -------
    ndarray of shape (n_tests,)
        q-values: rejecting all q <= r keeps the expected share of false rejections at r, for independent tests and for
        positively dependent ones.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995). Journal of the Royal Statistical Society B 57(1), 289-300.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    m = len(order)
    raw = p[order] * m / np.arange(1, m + 1)
    out[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return out


def trend_table(panel: Panel, rate: float = 0.1) -> pd.DataFrame:
    """Class the trend of every benchmark of a panel.

    The four directions of all benchmarks form one family of tests.

    Parameters
    ----------
    panel : Panel
    rate : float
        False-discovery rate.

    Returns
    -------
    DataFrame of shape (n_benchmarks, 11)
        benchmark, n_models, n_families, basis, slope (score per decade), slope_se, q_rise, q_fall, q_u, q_arch, turn
        (log10 FLOP), trend: ``positive``, ``inverse``, ``U``, ``inverted-U``, ``flat`` (nothing shown) or ``untested``.

    Raises
    ------
    UsageError
        A rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise UsageError(f"rate is {rate}; expected a share between 0 and 1.")
    flop = np.log10(panel.models["train_flop"].to_numpy(dtype=float))
    family = panel.models["family"].to_numpy(dtype=str)
    tests = []
    for name in panel.scores.columns:
        score = panel.scores[name].to_numpy(dtype=float)
        known = ~np.isnan(score) & ~np.isnan(flop)
        tests.append(test_trend(flop[known], score[known], family[known]))
    out = pd.DataFrame([vars(one) for one in tests]).assign(benchmark=list(panel.scores.columns))
    directions = ["rise", "fall", "u", "arch"]
    q = adjusted(out[[f"p_{d}" for d in directions]].to_numpy().ravel()).reshape(-1, 4)
    out[[f"q_{d}" for d in directions]] = q
    out["trend"] = _classes(q, out["basis"].to_numpy(), rate)
    first = ["benchmark", "n_models", "n_families", "basis", "slope", "slope_se"]
    return out[[*first, *(f"q_{d}" for d in directions), "turn", "trend"]]


def _classes(q: Array, basis: NDArray[np.str_], rate: float) -> NDArray[np.str_]:
    shown = np.nan_to_num(q, nan=1.0) <= rate
    conditions = [basis == "none", shown[:, 2], shown[:, 3], shown[:, 0], shown[:, 1]]
    return np.asarray(np.select(conditions, ["untested", "U", "inverted-U", "positive", "inverse"], "flat"))
