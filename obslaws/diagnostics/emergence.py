"""Emergence: does a score stay at guessing and then rise, and is the jump one of the ability or of the metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from obslaws.errors import UsageError
from obslaws.panel import Panel
from obslaws.quantities import counted

__all__ = ["Emergence", "emergence", "emergence_table", "resolution_loss"]

Array = NDArray[np.float64]

_AT_CHANCE = 2.0  # standard errors
_LEAST = 5  # models on either side of the threshold
_LEAST_FIT = 8
_STEPS = 100


@dataclass(frozen=True)
class Emergence:
    """Emergence of one benchmark.

    Parameters
    ----------
    n_models : int
    share_at_chance : float
        Models within two standard errors of guessing, or below.
    threshold : float
        log10 FLOP that best parts models at guessing from those above it.
    below_at_chance, above_chance : float
        Share of smaller models at guessing, and of larger ones above it.
    emergent : bool
        In the sense of Wei et al. (2022): at least five models below of which nine tenths only guess, at least five
        above of which nine tenths do not, and so not to be foretold from the smaller ones.
    curvature, curvature_lower, curvature_upper : float
        Quadratic coefficient of ln(-ln p) in log10 compute, p the score rescaled between guessing and 1, with its 95 %
        interval (families as clusters).
    growth : str
        Class of Hu et al. (2023), definition 1: ``accelerated`` (concave), ``by the law`` (no curvature shown),
        ``slower`` (convex), or ``untested``.
    """

    n_models: int
    share_at_chance: float
    threshold: float
    below_at_chance: float
    above_chance: float
    emergent: bool
    curvature: float
    curvature_lower: float
    curvature_upper: float
    growth: str


def emergence(
    log10_flop: Array, score: Array, family: NDArray[np.str_], score_floor: float, n_items: float = np.nan
) -> Emergence:
    """Diagnose one benchmark.

    Parameters
    ----------
    log10_flop, score : ndarray of shape (n_models,)
        No missing values.
    family : ndarray of shape (n_models,)
    score_floor : float
        Expected score of guessing.
    n_items : float
        Questions; where unknown, 500 are assumed for the standard error of guessing.

    Returns
    -------
    Emergence

    References
    ----------
    .. [1] Wei et al. (2022), arXiv:2206.07682, definition; the rule of nine tenths is ours.
    .. [2] Hu et al. (2023), arXiv:2310.03262, definition 1.
    """
    n, items = len(score), n_items if n_items == n_items and n_items > 0 else 500.0
    se = np.sqrt(max(score_floor, 0.5 / items) * (1 - score_floor) / items)
    at_chance = score <= score_floor + _AT_CHANCE * se
    nothing = Emergence(n, np.nan, np.nan, np.nan, np.nan, False, np.nan, np.nan, np.nan, "untested")
    if n < _LEAST_FIT:
        return nothing
    order = np.argsort(log10_flop, kind="stable")
    x, guess = log10_flop[order], at_chance[order]
    right = np.cumsum(guess)[:-1] + np.cumsum((~guess)[::-1])[::-1][1:]  # models on their side of a cut after i
    cut = int(np.argmax(right))
    threshold = float((x[cut] + x[cut + 1]) / 2)
    below, above = guess[: cut + 1], ~guess[cut + 1 :]
    emergent = len(below) >= _LEAST and len(above) >= _LEAST and below.mean() >= 0.9 and above.mean() >= 0.9
    middle, low, high, growth = _curvature(log10_flop, score, family, score_floor)
    return Emergence(
        n, float(guess.mean()), threshold, float(below.mean()), float(above.mean()), bool(emergent),
        middle, low, high, growth,
    )  # fmt: skip


def _curvature(
    log10_flop: Array, score: Array, family: NDArray[np.str_], floor: float
) -> tuple[float, float, float, str]:
    """Fit p = exp(-exp(c0 + c1 x + c2 x^2)) on the scale of the score, where noise near guessing does no harm.

    Leaving out scores near guessing and regressing ln(-ln p) keeps the lucky ones of them, which bends the line.
    """
    from scipy.stats import t as student

    untested = (np.nan, np.nan, np.nan, "untested")
    labels, codes = np.unique(family, return_inverse=True)
    x, y = log10_flop - log10_flop.mean(), (score - floor) / (1 - floor)
    if len(labels) < _LEAST_FIT or np.ptp(x) < 1.0 or np.std(y) == 0:
        return untested
    design = np.column_stack([np.ones(len(x)), x, x**2])
    middle = np.clip(y, 0.02, 0.98)
    theta = np.append(np.linalg.lstsq(design[:, :2], np.log(-np.log(middle)), rcond=None)[0], 0.0)
    value, jacobian = _bent(theta, design)
    best, damping = float(((y - value) ** 2).sum()), 1e-2
    for _ in range(_STEPS):
        gram = jacobian.T @ jacobian
        scale = np.diag(gram) + 1e-12
        step = np.linalg.solve(gram + damping * np.diag(scale) + 1e-12 * np.eye(3), jacobian.T @ (y - value))
        fresh, slopes = _bent(theta + step, design)
        loss = float(((y - fresh) ** 2).sum())
        if loss < best:
            done = best - loss < 1e-10 * best
            theta, value, jacobian, best, damping = theta + step, fresh, slopes, loss, damping * 0.2
            if done:
                break
        else:
            damping *= 5
            if damping > 1e8:
                break
    gram = jacobian.T @ jacobian
    if np.linalg.cond(gram) > 1e10:
        return untested
    inverse, g = np.linalg.inv(gram), len(labels)
    parts = np.zeros((g, 3))
    np.add.at(parts, codes, jacobian * (y - value)[:, None])
    cov = inverse @ (parts.T @ parts) @ inverse * g / (g - 1)
    wide = student.ppf(0.975, g - 1) * np.sqrt(cov[2, 2])
    low, high = float(theta[2] - wide), float(theta[2] + wide)
    return float(theta[2]), low, high, "accelerated" if high < 0 else "slower" if low > 0 else "by the law"


def _bent(theta: Array, design: Array) -> tuple[Array, Array]:
    eta = np.clip(design @ theta, -30, 5)
    inner = np.exp(eta)
    value = np.exp(-inner)
    return value, -(value * inner)[:, None] * design


def emergence_table(panel: Panel) -> pd.DataFrame:
    """Diagnose every benchmark of a panel that is a fraction.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    DataFrame
        benchmark and the fields of `Emergence`; ratings, dollars and minutes have no guessing and are left out.
    """
    flop = np.log10(panel.models["train_flop"].to_numpy(dtype=float))
    family = panel.models["family"].to_numpy(dtype=str)
    rows = []
    for name, facts in panel.benchmarks[panel.benchmarks["unit"] == "fraction"].iterrows():
        score = panel.scores[name].to_numpy(dtype=float)
        known = ~np.isnan(score) & ~np.isnan(flop)
        items = float(facts["n_items"]) if "n_items" in facts and pd.notna(facts["n_items"]) else np.nan
        told = emergence(flop[known], score[known], family[known], float(facts["score_floor"]), items)
        rows.append({"benchmark": name, **vars(told)})
    return pd.DataFrame(rows)


def resolution_loss(scale: ArrayLike, stages: dict[str, ArrayLike]) -> pd.DataFrame:
    """Ask how well a metric still follows scale after each step from log-probability to accuracy.

    Parameters
    ----------
    scale : array_like of shape (n_models,)
        Compute or any other scale.
    stages : dict of str to array_like of shape (n_models,)
        Metric of each stage, the finest first, e.g. answer loss, then accuracy.

    Returns
    -------
    DataFrame
        stage, spearman and kendall (rank correlation with scale, of either sign), loss (fall of |spearman| from the
        first stage), share_ties.

    Raises
    ------
    UsageError
        Fewer than three models.

    References
    ----------
    .. [1] Schaeffer et al. (2024), arXiv:2406.04391, correlations along the chain from log-probability to accuracy.
    """
    from scipy.stats import kendalltau, rankdata, spearmanr

    x = np.asarray(scale, dtype=float)
    if len(x) < 3:
        raise UsageError(f"resolution_loss: {counted(len(x), 'model')}, expected at least 3.")
    rows: list[dict[str, float | str]] = []
    first = np.nan
    for name, values in stages.items():
        y = np.asarray(values, dtype=float)
        rank = abs(float(spearmanr(x, y).statistic))
        first = rank if not rows else first
        ties = 1 - len(np.unique(rankdata(y))) / len(y)
        tau = abs(float(kendalltau(x, y).statistic))
        rows.append({"stage": name, "spearman": rank, "kendall": tau, "loss": first - rank, "share_ties": ties})
    return pd.DataFrame(rows)
