"""Effective compute: what an average recipe would have needed for a family's scores, and how that moves with time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from obslaws.errors import FitError
from obslaws.laws.registry import law
from obslaws.links import clipped_logit
from obslaws.panel import Panel
from obslaws.quantities import counted

__all__ = ["EfficiencyTrend", "effective_compute", "efficiency_trend"]

_LEAST = 8


def effective_compute(panel: Panel, benchmarks: list[str] | None = None) -> pd.DataFrame:
    """Compute for every model the compute that the pooled law needs for its scores.

    Parameters
    ----------
    panel : Panel
    benchmarks : list of str, optional
        All with fractions by default; logarithms are averaged over those on which a model is 5 points above guessing
        and 5 below the fitted ceiling.

    Returns
    -------
    DataFrame
        model, family, release_date, train_flop, effective_flop, gain (log10 of their ratio), n_benchmarks.
    """
    one, models = law("compute_sigmoid"), panel.models
    needed = {}
    for name in panel.scores.columns if benchmarks is None else benchmarks:
        if panel.benchmarks.loc[name, "unit"] != "fraction":
            continue
        score = panel.scores[name].to_numpy(dtype=float)
        known = ~np.isnan(score) & models["train_flop"].notna().to_numpy()
        if known.sum() < _LEAST:
            continue
        floor = float(panel.benchmarks["score_floor"][name])
        points = {"train_flop": models.loc[known, "train_flop"], "score_floor": floor}
        fit = one.fit(points, score[known], delta=0.5, n_starts=20)
        slope, midpoint, ceiling = fit.params
        if slope < 0.05:
            continue
        inside = (score > floor + 0.05) & (score < ceiling - 0.05)
        needed[name] = np.where(inside, midpoint + clipped_logit(score, floor, ceiling) / slope, np.nan)
    if not needed:
        raise FitError(f"effective compute: no benchmark has {_LEAST} models with known compute and rises with it.")
    table = pd.DataFrame(needed, index=models.index)
    out = pd.DataFrame(
        {
            "model": models.index,
            "family": models["family"].to_numpy(),
            "release_date": pd.to_datetime(models["release_date"]).to_numpy(),
            "train_flop": models["train_flop"].to_numpy(),
            "effective_flop": 10 ** table.mean(axis=1).to_numpy(),
            "n_benchmarks": table.notna().sum(axis=1).to_numpy(),
        }
    )
    out["gain"] = np.log10(out["effective_flop"] / out["train_flop"])
    return out


@dataclass(frozen=True)
class EfficiencyTrend:
    """How the gain of families moves with their date.

    Parameters
    ----------
    per_year : float
        Decades of effective compute per unit of compute, a year.
    lower, upper : float
        Bootstrap over families.
    level : float
    r2 : float
    families : DataFrame
        family, release_date, gain, n_models.
    """

    per_year: float
    lower: float
    upper: float
    level: float
    r2: float
    families: pd.DataFrame

    @property
    def doubling_months(self) -> float:
        """Months in which one unit of compute becomes worth two; infinite where it does not."""
        return float(12 * np.log10(2) / self.per_year) if self.per_year > 0 else np.inf


def efficiency_trend(
    panel: Panel,
    benchmarks: list[str] | None = None,
    variants: tuple[str, ...] = ("base",),
    level: float = 0.9,
    n_draws: int = 2000,
    random_state: int = 0,
) -> EfficiencyTrend:
    """Regress the mean gain of each family on the date of its first member.

    Parameters
    ----------
    panel, benchmarks
        As in `effective_compute`.
    variants : tuple of str
        Kinds of models that count.
    level : float
    n_draws : int
    random_state : int

    Returns
    -------
    EfficiencyTrend

    Raises
    ------
    FitError
        Fewer than five dated families.
    """
    models = effective_compute(panel, benchmarks)
    kind = panel.models["variant"].isin(variants).to_numpy()
    known = models[kind & models["gain"].notna() & models["release_date"].notna()]
    grouped = known.groupby("family")
    families = pd.DataFrame(
        {"release_date": grouped["release_date"].min(), "gain": grouped["gain"].mean(), "n_models": grouped.size()}
    )
    if len(families) < 5:
        raise FitError(
            f"efficiency: {counted(len(families), 'family', 'families')} with a date and a gain, expected at least 5."
        )
    families = families.sort_values("release_date", kind="stable")
    years = (families["release_date"] - pd.Timestamp("2023-01-01")).dt.days.to_numpy() / 365.25
    gain = families["gain"].to_numpy()
    rng = np.random.default_rng(random_state)
    weights = rng.multinomial(len(gain), np.full(len(gain), 1 / len(gain)), size=n_draws).astype(float)
    slopes = _slopes(years, gain, weights)
    ends = np.quantile(slopes[np.isfinite(slopes)], [(1 - level) / 2, (1 + level) / 2])
    slope = float(_slopes(years, gain, np.ones((1, len(gain))))[0])
    r2 = float(np.corrcoef(years, gain)[0, 1] ** 2)
    return EfficiencyTrend(slope, float(ends[0]), float(ends[1]), level, r2, families.reset_index())


def _slopes(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ (x * y) / total - mean_x * mean_y) / (weights @ x**2 / total - mean_x**2))
