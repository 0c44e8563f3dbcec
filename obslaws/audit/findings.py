"""From deviates to findings: what is too surprising to be chance, with false discoveries kept few, and why it may be.

In: `Expected` of a panel. Out: a table of suspicious scores and models, the most surprising first, each with a reason
in words. The spread of the deviates is measured on the panel itself: most scores are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import false_discovery_control

from obslaws.quantities import format_count

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from obslaws.audit.expected import Expected
    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["FINDING_COLUMNS", "findings", "tail_probabilities"]

FINDING_COLUMNS = (
    "kind", "model", "family", "benchmark", "score", "expected", "lower", "upper", "deviate", "p", "q", "reason",
)  # fmt: skip
_ORDINARY = 0.05  # p-value above which a score that was asked about needs no reason
_ENOUGH = 20  # deviates that tell their own spread


def tail_probabilities(deviates: Array) -> Array:
    """Two-sided p-values of normal deviates whose spread is measured on their middle.

    Parameters
    ----------
    deviates : ndarray
        Of scores under their predictive distributions, whose noise is Student-t: tails heavier than normal are in them
        already. NaN where there is none.

    Returns
    -------
    ndarray
        Of the same shape. The spread is that which the 90 % quantile of the absolute deviates tells, at least 1, so
        that up to a tenth of the scores may be wrong without being taken for the rule.

    Examples
    --------
    >>> tail_probabilities(np.array([0.0, 1.96, -1.96])).round(3)
    array([1.  , 0.05, 0.05])
    """
    size = np.abs(deviates)
    known = size[np.isfinite(size)]
    spread = max(1.0, float(np.quantile(known, 0.9)) / ndtri(0.95)) if len(known) >= _ENOUGH else 1.0
    return np.asarray(2.0 * ndtr(-size / spread))


def findings(
    panel: Panel,
    expected: Expected,
    false_discoveries: float = 0.05,
    top: int | None = None,
    models: Collection[str] | None = None,
) -> pd.DataFrame:
    """List what is suspicious.

    Parameters
    ----------
    panel : Panel
    expected : Expected
        Of the panel.
    false_discoveries : float
        Most of the findings that may be right scores after all, on average (Benjamini and Hochberg).
    top : int, optional
        The most surprising so many instead, whatever their q-values.
    models : collection of str, optional
        Only what concerns these, whatever its q-value, which is that among the scores of all models. Where p is above
        0.05 there is nothing to explain, and the reason says so.

    Returns
    -------
    DataFrame of shape (n_findings, 12)
        kind (``score`` or ``model``), model, family, benchmark (missing for a model), score, expected, lower, upper
        (95 %), deviate (normal), p, q, reason; the smallest p first.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57: 289-300.
    """
    cells, rows = tail_probabilities(expected.deviate), tail_probabilities(expected.row_deviate)
    scores = panel.scores.to_numpy(dtype=float)
    out = []
    at = np.argwhere(np.isfinite(cells))
    q_cells = _control(cells[tuple(at.T)])
    q_rows = np.full(len(rows), np.nan)
    q_rows[np.isfinite(rows)] = _control(rows[np.isfinite(rows)])
    for (i, j), q in zip(at, q_cells, strict=True):
        out.append(("score", i, j, cells[i, j], q))
    out += [("model", i, -1, rows[i], q_rows[i]) for i in np.flatnonzero(np.isfinite(rows))]
    out.sort(key=lambda one: (one[3], one[1], one[2]))
    if models is not None:
        out = [one for one in out if panel.models.index[one[1]] in models]
    elif top is None:
        out = [one for one in out if one[4] <= false_discoveries]
    table = []
    for kind, i, j, p, q in out[:top]:
        model = str(panel.models.index[i])
        family = str(panel.models["family"].iloc[i])
        if kind == "score":
            told = (scores[i, j], expected.point[i, j], expected.lower[i, j], expected.upper[i, j])
            deviate, name = expected.deviate[i, j], str(panel.scores.columns[j])
            reason = _score_reason(panel, expected, scores, i, j)
        else:
            told, deviate, name = (np.nan,) * 4, expected.row_deviate[i], None
            reason = _model_reason(panel, expected, scores, i)
        if models is not None and p > _ORDINARY:
            reason = "as expected"
        table.append((kind, model, family, name, *told, deviate, p, q, reason))
    return pd.DataFrame(table, columns=[*FINDING_COLUMNS])


def _control(p: Array) -> Array:
    return np.asarray(false_discovery_control(p)) if len(p) else p


def _score_reason(panel: Panel, expected: Expected, scores: Array, i: int, j: int) -> str:
    score, point = scores[i, j], expected.point[i, j]
    low, high = expected.lower[i, j], expected.upper[i, j]
    if score > 1.0 or (score < 0.02 and low <= 100.0 * score <= high):
        return "unit: 100 times as much would fit"
    floor = float(panel.benchmarks["score_floor"].iloc[j])
    if score < point and score <= floor + 0.02:
        return f"broken run: no better than guessing ({floor:.2f}) where {point:.2f} was expected"
    above = score > point
    kin = (panel.models["base_family"] == panel.models["base_family"].iloc[i]).to_numpy().copy()
    kin[i] = False
    others = expected.deviate[kin, j]
    others = others[np.isfinite(others)]
    alike = int((others > 1.0).sum() if above else (others < -1.0).sum())
    if len(others) >= 2 and alike / len(others) >= 0.5:
        words = "trained for it, or contaminated" if above else "another prompt or protocol"
        return f"whole series {'above' if above else 'below'} ({alike} of {len(others)} siblings too): {words}"
    twin = _same_elsewhere(panel, scores, i, j)
    if twin is not None:
        return f"source swap: the very value of {twin}"
    if above:
        return "alone above its own other scores: contamination, or a score of another protocol"
    return "alone below its own other scores: broken run, answers not parsed, or a score of another protocol"


def _same_elsewhere(panel: Panel, scores: Array, i: int, j: int) -> str | None:
    same = np.flatnonzero((np.abs(scores[:, j] - scores[i, j]) < 1e-12) & (np.arange(len(scores)) != i))
    return str(panel.models.index[same[0]]) if len(same) == 1 and 0.0 < scores[i, j] < 1.0 else None


def _model_reason(panel: Panel, expected: Expected, scores: Array, i: int) -> str:
    factor, above = expected.size_factor[i], expected.row_deviate[i] > 0
    twins = np.flatnonzero((np.abs(scores - scores[i]) < 1e-12).sum(axis=1) >= max(3, np.isfinite(scores[i]).sum() / 2))
    twins = twins[twins != i]
    if len(twins):
        return f"source swap or copy: the scores of {panel.models.index[twins[0]]}"
    words = "above" if above else "below"
    # scores above what the size says fit a larger size; where the two disagree, size is not what is wrong
    if np.isfinite(factor) and (factor >= 3.0 if above else factor <= 1.0 / 3.0):
        size = float(panel.models["n_params"].iloc[i])
        fits = format_count(size * factor)
        return (
            f"size mislabelled, or rows swapped: {words} its siblings, as if of {fits} instead of {format_count(size)}"
        )
    return f"all scores {words} what siblings, size and data say: rows swapped, or another model of this name"
