"""Which benchmarks to evaluate: those after which the expected error of all others is smallest.

In: the joint posterior of a model's logits (`obslaws.select.posterior`), costs, a count or a budget. Out: a set in
the order in which to run it, with the error expected after each step. Small problems are solved exactly; larger
ones greedily, with the posterior updated after every choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.quantities import known_as
from obslaws.reading import read_csv
from obslaws.select.posterior import loss, loss_after_each, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.select.posterior import Joint

    Array = NDArray[np.float64]

__all__ = ["BenchmarkSelection", "rank_next", "read_costs", "select_benchmarks"]

MOST_SETS = 3000
"""Sets up to the last benchmark that are gone through one by one; beyond, the greedy choice stands."""


@dataclass(frozen=True)
class BenchmarkSelection:
    """Benchmarks to evaluate.

    Parameters
    ----------
    steps : DataFrame of shape (n_chosen, 4)
        benchmark, cost, error_left (expected mean absolute error over all targets after this step, those measured
        counting 0; points), reduction (of it by this step).
    error_before : float
        Expected mean absolute error over all targets with nothing more measured, points.
    is_exact : bool
        Whether no other set within the budget is expected to do better.
    n_targets : int
        Benchmarks over which errors are averaged.
    """

    steps: pd.DataFrame
    error_before: float
    is_exact: bool
    n_targets: int


def select_benchmarks(
    joint: Joint,
    benchmarks: Sequence[str],
    count: int | None = None,
    *,
    targets: Array | None = None,
    candidates: NDArray[np.bool_] | None = None,
    costs: Array | None = None,
    budget: float | None = None,
) -> BenchmarkSelection:
    """Choose benchmarks.

    Parameters
    ----------
    joint : Joint
        Over all of `benchmarks`.
    benchmarks : sequence of str
        Their names.
    count : int, optional
        Most benchmarks; as many as the budget pays for when not given.
    targets : ndarray of shape (J,), optional
        How much the error on each counts, 0 for not at all; all the same by default.
    candidates : ndarray of bool, shape (J,), optional
        Which can be chosen; all by default.
    costs : ndarray of shape (J,), optional
        Of evaluating each, in any unit; 1 each by default.
    budget : float, optional
        Most that the chosen may cost together.

    Returns
    -------
    BenchmarkSelection

    Raises
    ------
    UsageError
        Neither count nor budget, or nothing that can be chosen within them.
    """
    J = len(benchmarks)
    weight = np.ones(J) if targets is None else np.asarray(targets, dtype=float)
    able = np.ones(J, dtype=bool) if candidates is None else np.asarray(candidates, dtype=bool)
    costs = np.ones(J) if costs is None else np.asarray(costs, dtype=float)
    able = able & np.isfinite(costs)
    if count is None and budget is None:
        raise UsageError("Say how many benchmarks (count), or what they may cost together (budget).")
    most = int(able.sum()) if count is None else count
    limit = np.inf if budget is None else budget
    able = able & (costs <= limit)
    if most < 1 or not able.any() or not weight.any():
        cost = "" if budget is None else f" and cost no more than {limit:g}"
        raise UsageError(
            f"Nothing can be chosen: {int(able.sum())} of {J} benchmarks are open{cost}, and "
            f"{int((weight > 0).sum())} are to be told. Raise the budget or the count."
        )
    most = min(most, int(able.sum()))
    problem = _Problem(weight, able, costs, limit)
    chosen = min(
        (problem.greedy(joint, most, per_cost) for per_cost in ((False, True) if np.ptp(costs[able]) else (False,))),
        key=lambda one: one[0],
    )
    # the last benchmark of a set is found for all at once, so that sets of one fewer are gone through
    is_exact = sum(comb(int(able.sum()), size) for size in range(most)) <= MOST_SETS
    if is_exact:
        chosen = min(chosen, problem.best(joint, most), key=lambda one: one[0])
    return _in_order(joint, benchmarks, problem, chosen[1], is_exact)


@dataclass(frozen=True)
class _Problem:
    weight: Array
    able: NDArray[np.bool_]
    costs: Array
    limit: float

    def left(self, joint: Joint, chosen: tuple[int, ...]) -> float:
        """Loss with the chosen ones known; the joint has been conditioned on them."""
        told = np.isin(np.arange(len(self.weight)), chosen)
        return float(loss(joint) @ np.where(told, 0.0, self.weight))

    def after_each(self, joint: Joint, chosen: tuple[int, ...]) -> Array:
        """Loss after each candidate, inf where it is chosen already or costs too much."""
        told = np.isin(np.arange(len(self.weight)), chosen)
        total = loss_after_each(joint) @ np.where(told, 0.0, self.weight)
        paid = self.costs[list(chosen)].sum()
        return np.where(self.able & ~told & (paid + self.costs <= self.limit * (1 + 1e-12)), total, np.inf)

    def greedy(self, joint: Joint, most: int, per_cost: bool) -> tuple[float, tuple[int, ...]]:
        chosen: tuple[int, ...] = ()
        now = self.left(joint, chosen)
        while len(chosen) < most:
            after = self.after_each(joint, chosen)
            if not np.isfinite(after).any():
                break
            merit = (after - now) / np.maximum(self.costs, 1e-12) if per_cost else after
            at = int(np.argmin(np.where(np.isfinite(after), merit, np.inf)))
            chosen, now, joint = (*chosen, at), float(after[at]), measured(joint, at)
        return now, chosen

    def best(
        self, joint: Joint, most: int, chosen: tuple[int, ...] = (), beyond: int = 0
    ) -> tuple[float, tuple[int, ...]]:
        """Go through every set; the benchmarks of a set are taken in the order of their numbers."""
        after = self.after_each(joint, chosen)
        at = int(np.argmin(after))
        found = (float(after[at]), (*chosen, at)) if np.isfinite(after[at]) else (self.left(joint, chosen), chosen)
        if len(chosen) + 1 < most:
            for one in range(beyond, len(after)):
                if np.isfinite(after[one]):
                    found = min(
                        found, self.best(measured(joint, one), most, (*chosen, one), one + 1), key=lambda f: f[0]
                    )
        return found


def _in_order(
    joint: Joint, benchmarks: Sequence[str], problem: _Problem, chosen: tuple[int, ...], is_exact: bool
) -> BenchmarkSelection:
    """Put the set into the order in which each step tells most."""
    n_targets = problem.weight.sum()
    before = now = problem.left(joint, ())
    rows: list[tuple[str, float, float, float]] = []
    done: tuple[int, ...] = ()
    rest = set(chosen)
    while rest:
        after = problem.after_each(joint, done)
        at = min(sorted(rest), key=lambda one: after[one])
        rows.append((benchmarks[at], problem.costs[at], after[at] / n_targets, (now - after[at]) / n_targets))
        now, done, joint = after[at], (*done, at), measured(joint, at)
        rest.remove(at)
    steps = pd.DataFrame(rows, columns=["benchmark", "cost", "error_left", "reduction"])
    return BenchmarkSelection(steps, before / n_targets, is_exact, int((problem.weight > 0).sum()))


def rank_next(
    joint: Joint, benchmarks: Sequence[str], known: NDArray[np.bool_], costs: Array | None = None
) -> pd.DataFrame:
    """Rank the benchmarks that a model has no score of by what their score would tell.

    Parameters
    ----------
    joint : Joint
        Conditioned on all that is known of the model.
    benchmarks : sequence of str
    known : ndarray of bool, shape (J,)
        Which are measured.
    costs : ndarray of shape (J,), optional
        1 each by default; NaN for one that cannot be run.

    Returns
    -------
    DataFrame of shape (n_unknown, 7)
        benchmark, cost, error (expected absolute error of its own forecast, points), reduction (of the mean expected
        error over all unknown benchmarks), reduction_others (without its own part), reduction_per_cost, tells_most
        (the other benchmark whose expected error falls most). Best first.

    Raises
    ------
    UsageError
        All is known, or nothing can be run.
    """
    costs = np.ones(len(benchmarks)) if costs is None else np.asarray(costs, dtype=float)
    open_ = ~known & np.isfinite(costs)
    if not open_.any():
        raise UsageError("Nothing to choose from: every benchmark of the panel is measured, or has no cost given.")
    weight = (~known).astype(float) / (~known).sum()
    now = loss(joint)
    falls = (now - loss_after_each(joint)) * weight
    own = falls.diagonal()
    others = falls - np.diag(own)
    total = falls.sum(axis=1)
    frame = pd.DataFrame(
        {
            "benchmark": list(benchmarks),
            "cost": costs,
            "error": now,
            "reduction": total,
            "reduction_others": others.sum(axis=1),
            "reduction_per_cost": total / np.where(costs > 0, costs, np.nan),
            "tells_most": [
                benchmarks[int(j)] if others[i].max() > 0 else "" for i, j in enumerate(others.argmax(axis=1))
            ],
        }
    )[open_]
    by = "reduction" if np.ptp(costs[open_]) == 0 else "reduction_per_cost"
    return frame.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)


def read_costs(path: Path, benchmarks: Sequence[str]) -> Array:
    """Read what evaluations cost: CSV with columns benchmark, cost.

    Parameters
    ----------
    path : Path
    benchmarks : sequence of str
        Those of the panel; one that the file leaves out cannot be chosen.

    Returns
    -------
    ndarray of shape (J,)
        In the unit of the file, NaN where none is given.

    Raises
    ------
    SchemaError
        Another shape, a cost that is not a number of 0 or more, or a second one of a benchmark.
    UnknownNameError
        A benchmark that the panel does not hold; the nearest is offered.
    """
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; expected a CSV with columns benchmark, cost.")
    table = read_csv(path, "a CSV with columns benchmark, cost", dtype="str", keep_default_na=False)
    for column in ("benchmark", "cost"):
        if column not in table:
            raise SchemaError(f"{path.name}: no column {column!r}; expected benchmark, cost.")
    out = np.full(len(benchmarks), np.nan)
    named = table["benchmark"].map(known_as(table["benchmark"], benchmarks, "benchmark", path.name))
    for row, (name, text) in enumerate(zip(named, table["cost"], strict=True), start=2):
        if name not in benchmarks:
            error = UnknownNameError("benchmark", name, benchmarks)
            error.args = (f"{path.name}, row {row}: {error}",)
            raise error
        if not np.isnan(out[list(benchmarks).index(name)]):
            raise SchemaError(f"{path.name}, row {row}: a second cost of {name!r}. Keep one.")
        cost = pd.to_numeric(text, errors="coerce")
        if not (np.isfinite(cost) and cost >= 0):
            raise SchemaError(f"{path.name}, row {row}: cost is {text!r}; expected a number of 0 or more.")
        out[list(benchmarks).index(name)] = cost
    return out
