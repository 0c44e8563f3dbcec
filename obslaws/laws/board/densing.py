"""Capability density, and how fast the best of it doubles.

Density is the size that a reference generation needs for a model's scores over the model's size (Xiao et al. 2024,
arXiv:2412.04315, equations 2 to 4). Their reference series was not released; ours is the earlier part of the snapshot
itself, so that this is a re-estimate of the trend and not a replication of the densities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.errors import FitError, UsageError
from obslaws.laws.board.reference import equivalent_log_size, reference_planes
from obslaws.panel import Panel
from obslaws.quantities import counted

__all__ = ["DensingTrend", "capability_density", "densing_sensitivity", "densing_trend"]

Array = NDArray[np.float64]

# of the five benchmarks of the source the snapshot holds three; on MATH the reference generation only guesses
BENCHMARKS = ("mmlu", "bbh")
SINCE, UNTIL = "2023-02-01", "2023-12-31"
_EPOCH = pd.Timestamp("2023-01-01")


@dataclass(frozen=True)
class DensingTrend:
    """The line through the running maximum of log density.

    Parameters
    ----------
    slope : float
        A_t, per day.
    lower, upper : float
        Ends of its interval: families resampled, reference refitted.
    level : float
    r2 : float
        Of the line through the running maximum.
    n_models, n_frontier : int
    draws : ndarray of shape (n_draws,)
    densities : DataFrame
        What `capability_density` returned.
    frontier : DataFrame
        model, days, log_density of the running maximum.
    """

    slope: float
    lower: float
    upper: float
    level: float
    r2: float
    n_models: int
    n_frontier: int
    draws: Array
    densities: pd.DataFrame
    frontier: pd.DataFrame

    def doubling_months(self) -> tuple[float, float, float]:
        """Months in which the best density doubles: estimate, lower, upper; infinite where a slope is not positive."""
        with np.errstate(divide="ignore"):
            months = [np.log(2) / s / 30.4375 if s > 0 else np.inf for s in (self.slope, self.upper, self.lower)]
        return float(months[0]), float(months[1]), float(months[2])


def capability_density(
    panel: Panel,
    benchmarks: tuple[str, ...] = BENCHMARKS,
    until: str = UNTIL,
    variants: tuple[str, ...] = ("base",),
    weights: Array | None = None,
) -> tuple[pd.DataFrame, Array]:
    """Compute the density of every model.

    Parameters
    ----------
    panel : Panel
    benchmarks : tuple of str
        Log densities are averaged over those that a model has.
    until : str
        End of the reference period.
    variants : tuple of str
        Kinds of models to rate.
    weights : ndarray of shape (n_draws, n_models), optional
        Bootstrap samples for the reference.

    Returns
    -------
    densities : DataFrame
        model, family, release_date, days (since 2023-01-01), n_params, log_density, n_benchmarks; by date.
    drawn : ndarray of shape (n_draws, n_rated_models)
        Log densities under each sample's reference, same order.
    """
    samples = np.empty((0, len(panel.models))) if weights is None else weights
    sizes = np.stack([equivalent_log_size(panel, b, reference_planes(panel, b, until, samples)) for b in benchmarks])
    n_known = (~np.isnan(sizes[:, 0])).sum(axis=0)
    total = np.nansum(sizes, axis=0) / np.where(n_known > 0, n_known, np.nan)
    log_density = total - np.log(panel.models["n_params"].to_numpy(dtype=float))
    out = pd.DataFrame(
        {
            "model": panel.models.index,
            "family": panel.models["family"].to_numpy(),
            "release_date": pd.to_datetime(panel.models["release_date"]).to_numpy(),
            "n_params": panel.models["n_params"].to_numpy(),
            "log_density": log_density[0],
            "n_benchmarks": n_known,
        }
    )
    out["days"] = (out["release_date"] - _EPOCH).dt.days
    known = panel.models["variant"].isin(variants).to_numpy() & out["release_date"].notna() & out["log_density"].notna()
    rated = out[known].sort_values(["release_date", "model"])
    return rated.reset_index(drop=True), log_density[1:, rated.index.to_numpy()]


def densing_trend(
    panel: Panel,
    benchmarks: tuple[str, ...] = BENCHMARKS,
    until: str = UNTIL,
    since: str = SINCE,
    variants: tuple[str, ...] = ("base",),
    level: float = 0.9,
    n_draws: int = 500,
    random_state: int = 0,
) -> DensingTrend:
    """Fit the trend of the best density.

    Parameters
    ----------
    panel, benchmarks, until, variants
        As in `capability_density`.
    since : str
        First release day that counts.
    level : float
        Coverage of the interval.
    n_draws : int
        Bootstrap samples of families, for the reference and for the frontier.
    random_state : int

    Returns
    -------
    DensingTrend

    Raises
    ------
    UsageError
        Fewer than three models with a density since that day.
    FitError
        The reference period does not carry a benchmark.
    """
    rng = np.random.default_rng(random_state)
    codes, families = pd.factorize(panel.models["family"])
    counts = rng.multinomial(len(families), np.full(len(families), 1 / len(families)), size=n_draws)
    densities, drawn = capability_density(panel, benchmarks, until, variants, counts[:, codes].astype(float))
    late = (densities["release_date"] >= pd.Timestamp(since)).to_numpy()
    recent = densities[late]
    if len(recent) < 3:
        raise UsageError(f"densing: {counted(len(recent), 'model')} with a density since {since}, expected at least 3.")
    days = recent["days"].to_numpy(dtype=float)
    slope, r2, frontier = _trend(days, recent["log_density"].to_numpy())
    of_family = families.get_indexer(pd.Index(recent["family"]))
    draws = []
    for count, log_density in zip(counts, drawn[:, late], strict=True):
        present = count[of_family] > 0
        if len(np.unique(days[present])) > 2:
            draws.append(_trend(days[present], log_density[present])[0])
    found = np.array(draws)
    lower, upper = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]) if len(found) else (np.nan, np.nan)
    best = recent.iloc[frontier][["model", "days", "log_density"]].reset_index(drop=True)
    return DensingTrend(slope, float(lower), float(upper), level, r2, len(recent), len(best), found, densities, best)


def _trend(days: Array, log_density: Array) -> tuple[float, float, NDArray[np.intp]]:
    """Fit a line to the running maximum; days ascend."""
    frontier = np.flatnonzero(log_density >= np.maximum.accumulate(log_density))
    last_of_day = np.append(np.diff(days[frontier]) > 0, True)
    frontier = frontier[last_of_day]
    x, y = days[frontier], log_density[frontier]
    if len(x) < 2:
        return 0.0, np.nan, frontier
    slope, at_zero = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float(((y - slope * x - at_zero) ** 2).sum()) / spread if spread > 0 else np.nan
    return float(slope), r2, frontier


def densing_sensitivity(panel: Panel, n_draws: int = 200) -> pd.DataFrame:
    """Repeat the trend under other choices: benchmarks, reference period, first day, kinds of models.

    Parameters
    ----------
    panel : Panel
    n_draws : int
        Bootstrap samples of each.

    Returns
    -------
    DataFrame
        choice, slope, lower, upper (90 %), doubling_months, doubling_lower, doubling_upper, r2, n_models, n_frontier,
        reason (why there is no trend).
    """
    choices: list[tuple[str, dict[str, Any]]] = [
        ("default", {}),
        *((f"{name} only", {"benchmarks": (name,)}) for name in (*BENCHMARKS, "mmlu_pro", "math_lvl5")),
        ("with gsm8k", {"benchmarks": (*BENCHMARKS, "gsm8k")}),
        ("mmlu, reference until mid 2023", {"benchmarks": ("mmlu",), "until": "2023-07-31"}),
        ("reference until mid 2024", {"until": "2024-06-30"}),
        ("base and chat", {"variants": ("base", "chat")}),
        ("since August 2023", {"since": "2023-08-01"}),
    ]
    rows: list[dict[str, Any]] = []
    for label, changed in choices:
        try:
            trend = densing_trend(panel, n_draws=n_draws, **changed)
        except FitError as error:
            rows.append({"choice": label, "reason": str(error)})
            continue
        middle, low, high = trend.doubling_months()
        rows.append(
            {
                "choice": label, "slope": trend.slope, "lower": trend.lower, "upper": trend.upper,
                "doubling_months": middle, "doubling_lower": low, "doubling_upper": high,
                "r2": trend.r2, "n_models": trend.n_models, "n_frontier": trend.n_frontier,
                "reason": "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
