"""Composite abilities: is a score on both skills at once held back by the weaker of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from obslaws.errors import FitError
from obslaws.panel import Panel

__all__ = ["WeakestLink", "weakest_link"]

_APART = 0.03  # fraction; closer pairs have no weak side


@dataclass(frozen=True)
class WeakestLink:
    """Where cross scores lie between the two single scores.

    Parameters
    ----------
    models : DataFrame
        model, weak, strong, cross, position: -1 at the weaker skill, +1 at the stronger, below -1 under both.
    summary : dict
        n_models, n_apart (single scores more than 3 points apart), below_both, nearer_weak, nearer_strong, above_both,
        median_position with lower and upper (bootstrap over families), weight_weak, weight_strong (regression of the
        cross score on both), mean_single, mean_cross.
    """

    models: pd.DataFrame
    summary: dict[str, Any]


def weakest_link(
    panel: Panel, single_a: str, single_b: str, cross: str, level: float = 0.9, random_state: int = 0
) -> WeakestLink:
    """Compare a cross benchmark with the two that it combines, floors taken off and ceilings at 1.

    Parameters
    ----------
    panel : Panel
    single_a, single_b, cross : str
        Benchmarks, all fractions.
    level : float
        Coverage of the interval of the median position.
    random_state : int

    Returns
    -------
    WeakestLink

    Raises
    ------
    UnknownNameError
        No such benchmark.
    FitError
        Fewer than five models have all three scores.

    References
    ----------
    .. [1] Zhong et al. (2024), arXiv:2409.19951, "law of the weakest link": 38 of 58 cross scores lay below both
       single ones and the other 20 nearer the weaker.
    """
    part = panel.select(benchmarks=[single_a, single_b, cross])
    scores = part.scores.dropna()
    if len(scores) < 5:
        raise FitError(
            f"weakest link: {len(scores)} models have {single_a!r}, {single_b!r} and {cross!r}, expected at least 5."
        )
    floors = part.benchmarks["score_floor"].to_numpy(dtype=float)
    values = (scores.to_numpy(dtype=float) - floors) / (1 - floors)
    weak, strong = values[:, :2].min(axis=1), values[:, :2].max(axis=1)
    both = values[:, 2]
    apart = strong - weak > _APART
    position = np.where(apart, (2 * both - weak - strong) / np.where(apart, strong - weak, 1.0), np.nan)
    models = pd.DataFrame({"model": scores.index, "weak": weak, "strong": strong, "cross": both, "position": position})
    summary: dict[str, Any] = {"n_models": len(models), "n_apart": int(apart.sum())}
    at = position[apart]
    for label, hit in (
        ("below_both", at < -1),
        ("nearer_weak", (at >= -1) & (at < 0)),
        ("nearer_strong", (at >= 0) & (at <= 1)),
        ("above_both", at > 1),
    ):
        summary[label] = int(hit.sum())
    summary["median_position"] = float(np.median(at)) if len(at) else np.nan
    summary["lower"], summary["upper"] = _interval(
        at, part.models.loc[scores.index, "family"].to_numpy(dtype=str)[apart], level, random_state
    )
    design = np.column_stack([np.ones(len(both)), weak, strong])
    slopes = np.linalg.lstsq(design, both, rcond=None)[0]
    summary |= {"weight_weak": float(slopes[1]), "weight_strong": float(slopes[2])}
    summary |= {"mean_single": float((weak + strong).mean() / 2), "mean_cross": float(both.mean())}
    return WeakestLink(models, summary)


def _interval(at: np.ndarray, family: np.ndarray, level: float, random_state: int) -> tuple[float, float]:
    """Resample families; positions have heavy tails where the single scores are close, so the median is reported."""
    if len(at) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(random_state)
    labels, codes = np.unique(family, return_inverse=True)
    members = [at[codes == i] for i in range(len(labels))]
    draws = [
        np.median(np.concatenate([members[i] for i in rng.integers(len(labels), size=len(labels))])) for _ in range(500)
    ]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
