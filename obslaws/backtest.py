"""Replay a forecaster on what it may not see: split, refit, compare forecast with what came.

In: a protocol and a forecaster, by name. Out: every held-out cell beside its forecast, and what they add up to. Called
by the command line and the scoreboard. The folds may run in several processes; the numbers do not depend on how many.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from obslaws.errors import UsageError
from obslaws.forecasters import forecaster as make_forecaster
from obslaws.forecasters.base import Forecaster, check_level
from obslaws.metrics import interval_metrics, mae_groups, point_metrics
from obslaws.outcomes import Outcome, outcome, totals
from obslaws.panel import Panel, load_panel
from obslaws.protocols import Groups, Protocol, load_protocol, with_options
from obslaws.splits import Fold, plan
from obslaws.targets import TargetTable

__all__ = ["CELL_COLUMNS", "PREDICTORS", "BacktestResult", "backtest", "protocol_forecaster"]

PREDICTORS = ("compute", "size", "pc1", "pc2", "pc3", "pc4")
CELL_COLUMNS = ("fold", "model", "family", "benchmark", "score", "forecast", "lower", "upper", "basis")


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
    outcomes : tuple of Outcome
        For protocols with targets: one per target, training errors and coefficients included.
    """

    protocol: str
    forecaster: str
    level: float
    seconds: float
    cells: pd.DataFrame
    outcomes: tuple[Outcome, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Add the cells up.

        Returns
        -------
        dict
            protocol, forecaster, level, n_models, n_cells; mae, mae_groups, medae, rmse, bias and the median width in
            points (100 x fraction); coverage as a share; seconds; per_benchmark and per_group with the same measures.
            For protocols with targets also targets (one record each, see `obslaws.outcomes.Outcome.summary`) and total
            (see `obslaws.outcomes.totals`).
        """
        cells = self.cells.dropna(subset="forecast")
        told: dict[str, Any] = {}
        if self.outcomes:
            told = {"total": totals([self.outcomes])[0], "targets": [one.summary() for one in self.outcomes]}
        return told | {
            "protocol": self.protocol,
            "forecaster": self.forecaster,
            "level": self.level,
            **_measures(cells),
            "mae_groups": float("nan") if cells.empty else mae_groups(cells["score"], cells["forecast"], cells["fold"]),
            "seconds": self.seconds,
            "per_benchmark": {
                str(name): {**_measures(part), "mae_groups": mae_groups(part["score"], part["forecast"], part["fold"])}
                for name, part in cells.groupby("benchmark", sort=False)
            },
            "per_group": {str(name): _measures(part) for name, part in cells.groupby("fold", sort=False)},
        }


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
    cells: pd.DataFrame | None = None,
    benchmarks: Sequence[str] | None = None,
    targets: TargetTable | None = None,
    level: float = 0.9,
    jobs: int = 1,
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
    cells : DataFrame, optional
        Columns fold, model, benchmark (``cells``); see `obslaws.protocols.read_cells`.
    benchmarks : sequence of str, optional
        Cut the panel to these, for training and test; with targets, forecast only these.
    targets : TargetTable, optional
        Scores to be forecast, for protocols with targets; by default the protocol's own view.
    level : float
        Nominal coverage of the intervals, in (0, 1).
    jobs : int
        Processes; -1 for one per core.
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
        Options that do not fit the protocol, or nothing to hold out.
    FitError
        A fold leaks, or leaves nothing to train on.

    Examples
    --------
    >>> backtest("sloth-v2-1", forecaster="mean").summary()["n_cells"]  # doctest: +SKIP
    222
    """
    check_level(level)
    if jobs == 0 or jobs < -1:
        raise UsageError(f"jobs is {jobs}; expected a number of processes, or -1 for one per core.")
    record = load_protocol(protocol) if isinstance(protocol, str) else protocol
    record = with_options(record, observed, groups)
    if panel is None:
        panel = load_panel(record.view)
    model = protocol_forecaster(record, forecaster, panel) if isinstance(forecaster, str) else forecaster
    folds = plan(record, panel, benchmarks, cells, targets)
    start = time.perf_counter()
    parts, outcomes = [], []
    report = progress or (lambda done, total: None)
    report(0, len(folds))
    name = forecaster if isinstance(forecaster, str) else model.name
    units = {task.target: task.score_range[1] for task in record.tasks}
    for part, one in _run(folds, model, name, units, level, jobs):
        parts.append(part)
        outcomes += [] if one is None else [one]
        report(len(parts), len(folds))
    seconds = time.perf_counter() - start
    return BacktestResult(record.id, name, level, seconds, pd.concat(parts, ignore_index=True), tuple(outcomes))


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


def _run(
    folds: list[Fold], model: Forecaster, name: str, units: Mapping[str, float], level: float, jobs: int
) -> Iterable[tuple[pd.DataFrame, Outcome | None]]:
    arguments = ((fold, model, name, units.get(fold.name), level) for fold in folds)
    if jobs == 1:
        return (_run_fold(*one) for one in arguments)
    from joblib import Parallel, delayed

    tasks: Iterator[Any] = (delayed(_run_fold)(*one) for one in arguments)
    return Parallel(n_jobs=jobs, backend="loky", return_as="generator")(tasks)


def _run_fold(
    fold: Fold, model: Forecaster, name: str, unit: float | None, level: float
) -> tuple[pd.DataFrame, Outcome | None]:
    from threadpoolctl import threadpool_limits

    fold.check()
    # one BLAS thread, here as in a worker: another number of threads may round another way
    with threadpool_limits(1):
        fitted = copy.deepcopy(model).fit(fold.train)
        answers = fitted.forecast(fold.queries, benchmarks=list(fold.held_out.columns), level=level)
        one = None if unit is None else outcome(fold, fitted, name, unit, level)
    answers = answers.assign(fold=fold.name, score=fold.held_out.to_numpy().ravel())
    return answers.loc[answers["score"].notna(), [*CELL_COLUMNS]], one
