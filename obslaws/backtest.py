"""Replay a forecaster on what it may not see: split, refit, compare forecast with what came.

In: a protocol and a forecaster, by name. Out: every held-out cell beside its forecast, and what they add up to. Called
by the command line and the scoreboard. The folds may run in several processes; the numbers do not depend on how many.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.folds import Fold
from obslaws.forecasters import forecaster as make_forecaster
from obslaws.forecasters.base import Forecaster, Predictive, check_level
from obslaws.metrics import (
    crps,
    decision_accuracy,
    interval_metrics,
    item_noise,
    mae_groups,
    paired_bootstrap,
    point_metrics,
    r2,
    rank_correlation,
    share_interval,
    within,
)
from obslaws.outcomes import Outcome, outcome, totals
from obslaws.panel import Panel, load_panel
from obslaws.parallel import Workers, run_pieces
from obslaws.protocols import Groups, Protocol, load_protocol, with_options
from obslaws.splits import check_panel, plan
from obslaws.targets import TargetTable

__all__ = [
    "CELL_COLUMNS", "LEVELS", "PREDICTORS", "BacktestResult", "answer_fold", "backtest", "protocol_forecaster",
    "run_fold",
]  # fmt: skip

PREDICTORS = ("compute", "size", "pc1", "pc2", "pc3", "pc4")
CELL_COLUMNS = ("fold", "model", "family", "benchmark", "score", "forecast", "lower", "upper", "basis")
LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)


@dataclass(frozen=True)
class BacktestResult:
    """Every held-out cell beside its forecast.

    Parameters
    ----------
    protocol, forecaster : str
        Names.
    level : float
        Nominal coverage of the intervals.
    seconds : float
        Wall time of all fits and forecasts.
    cells : DataFrame of shape (n_cells, 9)
        Columns fold, model, family, benchmark, score, forecast, lower, upper, basis; fractions.
    quantiles : DataFrame of shape (n_cells, 9)
        Quantiles of each cell's predictive distribution; columns are the shares.
    n_items : ndarray of shape (n_cells,)
        Questions of each cell's benchmark, NaN where unknown.
    by_group : bool
        Whether the folds are the test groups, which err together; else the models' families do.
    outcomes : tuple of Outcome
        For protocols with targets: one per target, training errors and coefficients included.
    """

    protocol: str
    forecaster: str
    level: float
    seconds: float
    cells: pd.DataFrame
    quantiles: pd.DataFrame
    n_items: np.ndarray
    by_group: bool
    outcomes: tuple[Outcome, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Add the cells up.

        Returns
        -------
        dict
            protocol, forecaster, level, n_models, n_cells, n_abstained (cells about which nothing was known); mae,
            mae_groups, medae, rmse, bias, crps and the median width in points (100 x fraction); coverage, within_3,
            within_5, within_10 and decision_accuracy as shares; r2 and rank_correlation; intervals with coverage and
            width at 80, 90 and 95 %; noise, the mean standard error from the number of questions, in points, and the
            share of cells that it is known for; seconds; per_benchmark and per_group with the plain measures. For
            protocols with targets also targets (one record each, see `obslaws.outcomes.Outcome.summary`) and total
            (see `obslaws.outcomes.totals`).
        """
        answered = self.cells["forecast"].notna().to_numpy()
        cells = self.cells[answered]
        told: dict[str, Any] = {}
        if self.outcomes:
            told = {"total": totals([self.outcomes])[0], "targets": [one.summary() for one in self.outcomes]}
        return told | {
            "protocol": self.protocol,
            "forecaster": self.forecaster,
            "level": self.level,
            **_measures(cells),
            **self._accuracy(answered),
            "seconds": self.seconds,
            "per_benchmark": {
                str(name): {**_measures(part), "mae_groups": mae_groups(part["score"], part["forecast"], part["fold"])}
                for name, part in cells.groupby("benchmark", sort=False)
            },
            "per_group": {str(name): _measures(part) for name, part in cells.groupby("fold", sort=False)},
        }

    def of(self, models: Sequence[str]) -> dict[str, Any]:
        """Add up the cells of some models: n_models, n_cells, and the plain measures of `summary`."""
        cells = self.cells
        return _measures(cells[cells["forecast"].notna() & cells["model"].isin(models)])

    def _accuracy(self, answered: np.ndarray) -> dict[str, Any]:
        """Measure more than the plain measures; nothing where no cell was answered."""
        cells, quantiles, n_items = self.cells[answered], self.quantiles[answered], self.n_items[answered]
        if cells.empty:
            return {"mae_groups": float("nan"), "n_abstained": len(self.cells)}
        score, forecast = cells["score"], cells["forecast"]
        return {
            "mae_groups": mae_groups(score, forecast, cells["fold"]),
            "n_abstained": int(cells["basis"].eq("none").sum()),
            "r2": r2(score, forecast),
            "rank_correlation": rank_correlation(score, forecast),
            **{f"within_{points}": within(score, forecast, points) for points in (3, 5, 10)},
            "decision_accuracy": decision_accuracy(score, forecast, cells["benchmark"]),
            "crps": crps(score, quantiles, list(quantiles.columns)),
            "intervals": {f"{100 * level:g}": self._holds(cells, quantiles, level) for level in LEVELS},
            "noise": item_noise(score, n_items),
            "noise_known": float(np.isfinite(n_items).mean()),
        }

    def _holds(self, cells: pd.DataFrame, quantiles: pd.DataFrame, level: float) -> dict[str, float]:
        """Measure the intervals of one level, and how far chance may have moved their coverage."""
        low, high = (quantiles[share] for share in _ends(level))
        inside = (low <= cells["score"]) & (cells["score"] <= high)
        lower, upper = share_interval(inside, cells[self._group])
        return {
            **interval_metrics(cells["score"], low, high),
            "coverage_lower": lower,
            "coverage_upper": upper,
        }

    @property
    def _group(self) -> str:
        """Column of the cells whose entries err together."""
        return "fold" if self.by_group else "family"

    def against(self, other: BacktestResult) -> dict[str, Any]:
        """Compare the absolute errors with another forecaster's on the same cells, by a paired bootstrap over groups.

        Parameters
        ----------
        other : BacktestResult
            Of the same protocol and panel.

        Returns
        -------
        dict
            forecaster, other; and what `obslaws.metrics.paired_bootstrap` gives: difference of the errors in points
            (negative: the first is better), lower and upper of its 95 % interval, wins, n_groups.

        Raises
        ------
        UsageError
            The two answered for other cells.
        """
        key = ["fold", "model", "benchmark"]
        if not self.cells[key].equals(other.cells[key]):
            raise UsageError(
                f"{self.forecaster} was asked about {len(self.cells)} cells and {other.forecaster} about "
                f"{len(other.cells)}, not the same ones. Compare backtests of one protocol on one panel."
            )
        mine, theirs = (100.0 * (r.cells["forecast"] - r.cells["score"]).abs() for r in (self, other))
        told = paired_bootstrap(mine, theirs, self.cells[self._group], self.by_group)
        return {"forecaster": self.forecaster, "other": other.forecaster, **told}


def _ends(level: float) -> tuple[float, float]:
    return round((1.0 - level) / 2.0, 6), round((1.0 + level) / 2.0, 6)


def _measures(cells: pd.DataFrame) -> dict[str, Any]:
    if cells.empty:  # a law on compute, where nobody's compute is known
        unknown = dict.fromkeys(("mae", "medae", "rmse", "bias", "coverage", "width"), float("nan"))
        return {"n_models": 0, "n_cells": 0, **unknown}
    return {
        "n_models": int(cells["model"].nunique()),
        "n_cells": len(cells),
        **point_metrics(cells["score"], cells["forecast"]),
        **interval_metrics(cells["score"], cells["lower"], cells["upper"]),
    }


def backtest(
    protocol: str | Protocol,
    panel: Panel | None = None,
    forecaster: str | Forecaster = "skill",
    *,
    observed: int | None = None,
    groups: Groups | None = None,
    revealed: int | None = None,
    cutoff: str | None = None,
    cells: pd.DataFrame | None = None,
    benchmarks: Sequence[str] | None = None,
    targets: TargetTable | None = None,
    level: float = 0.9,
    jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Hide part of a panel, forecast it, compare.

    Parameters
    ----------
    protocol : str or Protocol
        What to hide; see `obslaws.protocols.protocol_names`.
    panel : Panel, optional
        By default the protocol's own view of the newest snapshot.
    forecaster : str or Forecaster
        Name in the registry, or an instance whose settings every fold copies. With targets also ``compute``, ``size``,
        ``pc1`` to ``pc4`` or a benchmark: the paper's law on that predictor.
    observed : int, optional
        Models of each tested family that stay in training, smallest first (``leave-family-out``).
    groups : mapping of str to tuple of str, optional
        Test groups as families (``leave-family-out``); see `obslaws.protocols.read_groups`.
    revealed : int, optional
        Scores that are told (``new-model``, ``rolling-origin``, ``leave-benchmark-out``).
    cutoff : str, optional
        A day (``date-cutoff``) or FLOP (``compute-cutoff``).
    cells : DataFrame, optional
        Columns fold, model, benchmark (``cells``); see `obslaws.protocols.read_cells`.
    benchmarks : sequence of str, optional
        Cut the panel to these, for training and test; with targets, forecast only these.
    targets : TargetTable, optional
        Scores to be forecast, for protocols with targets; by default the protocol's own view.
    level : float
        Nominal coverage of the intervals, in (0, 1).
    jobs, backend, scheduler
        Who runs the folds, see `obslaws.parallel.Workers`; the numbers are the same.
    progress : callable, optional
        Called with (folds done, folds in all), first with 0.

    Returns
    -------
    BacktestResult

    Raises
    ------
    UnknownNameError
        Protocol, forecaster, family, model or benchmark not known; the nearest is offered.
    UsageError
        Options or a panel that do not fit the protocol, or nothing to hold out.
    FitError
        A fold leaks, or leaves nothing to train on.

    Examples
    --------
    >>> backtest("sloth-v2-1", forecaster="mean").summary()["n_cells"]  # doctest: +SKIP
    222
    """
    check_level(level)
    workers = Workers(jobs, backend, scheduler)
    record = load_protocol(protocol) if isinstance(protocol, str) else protocol
    if panel is not None:
        check_panel(record, panel)
    record = with_options(record, observed, groups, revealed, cutoff)
    if panel is None:
        panel = load_panel(record.view)
    model = protocol_forecaster(record, forecaster, panel) if isinstance(forecaster, str) else forecaster
    folds = plan(record, panel, benchmarks, cells, targets)
    start = time.perf_counter()
    parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    outcomes: list[Outcome] = []
    report = progress or (lambda done, total: None)
    report(0, len(folds))
    name = forecaster if isinstance(forecaster, str) else model.label or model.name
    units = {task.target: task.score_range[1] for task in record.tasks}
    pieces = ((fold, model, level, name, units.get(fold.name)) for fold in folds)
    for answered, spread, one in run_pieces(run_fold, pieces, workers):
        parts.append((answered, spread))
        outcomes += [] if one is None else [one]
        report(len(parts), len(folds))
    seconds = time.perf_counter() - start
    answers, quantiles = (pd.concat(side, ignore_index=True) for side in zip(*parts, strict=True))
    n_items = np.full(len(answers), np.nan)
    if "n_items" in panel.benchmarks:
        n_items = panel.benchmarks["n_items"].reindex(answers["benchmark"]).to_numpy(dtype=float)
    by_group = record.split == "leave-family-out"
    return BacktestResult(record.id, name, level, seconds, answers, quantiles, n_items, by_group, tuple(outcomes))


def protocol_forecaster(record: Protocol, name: str, panel: Panel) -> Forecaster:
    """Make the forecaster that a name means under a protocol, with the protocol's settings.

    Parameters
    ----------
    record : Protocol
    name : str
    panel : Panel
        For names of benchmarks, where the protocol has targets.

    Returns
    -------
    Forecaster
        Not fitted.

    Raises
    ------
    UnknownNameError
        The nearest name is offered.
    """
    settings = record.settings
    if record.tasks and (name in PREDICTORS or name in panel.scores.columns):
        return make_forecaster("observational-paper", **{**settings.get("observational-paper", {}), "predictor": name})
    return make_forecaster(name, **settings.get(name, {}))


class _Remembering(Predictive):
    """Works each quantile out once: a mixture's takes longer than its fit."""

    def __init__(self, inner: Predictive) -> None:
        self.inner, self.basis = inner, inner.basis
        self.known: dict[float, np.ndarray] = {}

    def quantile(self, share: float) -> np.ndarray:
        """Quantile, see `Predictive.quantile`."""
        key = round(share, 9)
        if key not in self.known:
            self.known[key] = self.inner.quantile(share)
        return self.known[key]

    @property
    def point(self) -> np.ndarray:
        """Point forecast of the inner one, which need not be a quantile."""
        return self.inner.point


def run_fold(
    fold: Fold, model: Forecaster, level: float, name: str = "", unit: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, Outcome | None]:
    """Fit one fold and forecast what it holds out.

    Parameters
    ----------
    fold : Fold
    model : Forecaster
        Is copied, not changed.
    level : float
    name : str
        What the forecaster is called in the outcome.
    unit : float, optional
        Top of the target's score range, for protocols with targets.

    Returns
    -------
    tuple
        As `BacktestResult.cells` and `BacktestResult.quantiles`; and the outcome where there is a target.

    Raises
    ------
    FitError
        The fold leaks.
    """
    fold.check()
    return answer_fold(fold, copy.deepcopy(model).fit(fold.train), level, name, unit)


def answer_fold(
    fold: Fold, fitted: Forecaster, level: float, name: str = "", unit: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, Outcome | None]:
    """Forecast what a fold holds out with a forecaster that is fitted to its training data; see `run_fold`."""
    predictive = _Remembering(fitted.predict(fold.queries, fold.revealed))
    answers = fitted.tidy(predictive, fold.queries, list(fold.held_out.columns), level)
    at = fold.train.scores.columns.get_indexer(fold.held_out.columns)
    quantiles = pd.DataFrame({share: predictive.quantile(share)[:, at].ravel() for share in SHARES})
    one = None if unit is None else outcome(fold, fitted, name, unit, level)
    answers = answers.assign(fold=fold.name, score=fold.held_out.to_numpy().ravel())
    asked = answers["score"].notna()
    return answers.loc[asked, [*CELL_COLUMNS]], quantiles[asked.to_numpy()], one
