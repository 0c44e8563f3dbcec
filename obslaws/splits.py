"""Split a panel into folds as a protocol says: what trains, who is asked, what came.

In: a protocol and a panel. Out: folds, each checked for leaks. A record names its split; a new split is one function
here. Called by backtests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from obslaws.cutoffs import compute_cutoff, date_cutoff, rolling_origin
from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.folds import Fold, derived, draw
from obslaws.panel import Panel
from obslaws.protocols import Groups, Protocol, Task, read_cells
from obslaws.quantities import counted, known_as
from obslaws.targets import Cut, TargetTable, join_target, snapshot_targets
from obslaws.units import only_fractions

__all__ = ["SPLITS", "Fold", "check_panel", "plan", "plan_targets", "target_fold"]

_OWN_VIEW = (
    "Leave out --panel and --view to run it on its own view, or take a protocol for any panel, e.g. leave-family-out."
)


def plan(
    protocol: Protocol,
    panel: Panel,
    benchmarks: Sequence[str] | None = None,
    cells: pd.DataFrame | None = None,
    targets: TargetTable | None = None,
) -> list[Fold]:
    """Split a panel into folds.

    Parameters
    ----------
    protocol : Protocol
        What to hide.
    panel : Panel
        What there is.
    benchmarks : sequence of str, optional
        The panel is cut to these, training and test alike; after the protocol has chosen its models.
    cells : DataFrame, optional
        Columns fold, model, benchmark; required by the split ``cells`` and refused by the others.
    targets : TargetTable, optional
        Scores to be forecast, for the split ``target``; by default the protocol's own view of the newest snapshot.

    Returns
    -------
    list of Fold
        In the order of the groups; each of them has passed `Fold.check`.

    Raises
    ------
    UsageError
        Nothing to hold out, or an argument that does not belong to the split.
    UnknownNameError
        A group, model or benchmark that the panel does not hold; the nearest is offered.
    """
    if (protocol.split == "cells" and protocol.cells is None) != (cells is not None):
        if cells is not None:
            raise UsageError(f"Protocol {protocol.id!r} takes no table of cells: leave out --cells, or use 'cells'.")
        raise UsageError(
            f"Protocol {protocol.id!r} needs a table of cells: --cells FILE, a CSV with columns fold, model, benchmark."
        )
    if protocol.cells is not None:
        cells = read_cells(protocol.cells, repeated=True)
    if protocol.split == "target":
        return plan_targets(protocol, panel, benchmarks, targets)
    panel = panel.select(benchmarks=protocol.benchmarks)
    if protocol.complete_rows:
        panel = panel.select(_complete(panel))
    folds = SPLITS[protocol.split](protocol, panel, benchmarks, cells)
    folds = _in_points(folds, only_fractions(panel).scores.columns)
    if not folds:
        raise UsageError(f"Protocol {protocol.id!r}: errors are in points, and no fraction would be held out.")
    for fold in folds:
        fold.check()
    return folds


def check_panel(protocol: Protocol, panel: Panel) -> None:
    """Refuse a panel that lacks what a protocol names itself: such a protocol belongs to a view.

    Parameters
    ----------
    protocol : Protocol
        As loaded; groups that a user adds to a protocol are looked up by `plan`.
    panel : Panel

    Raises
    ------
    UsageError
        A family, model or benchmark that the protocol's record names is not in the panel.
    """
    groups = protocol.groups or {}
    cells = None if protocol.cells is None else read_cells(protocol.cells, repeated=True)
    families = set(map(str, panel.models["family"].dropna()))
    if protocol.families and not families.intersection(protocol.families):  # the others only name who takes part
        raise _foreign(protocol, panel, "family", protocol.families, families)
    for kind, named, known in (
        ("family", [family for group in groups.values() for family in group], families),
        ("benchmark", [] if protocol.benchmarks is None else protocol.benchmarks, set(panel.scores.columns)),
        ("model", [] if cells is None else cells["model"].unique(), set(panel.models.index)),
        ("benchmark", [] if cells is None else cells["benchmark"].unique(), set(panel.scores.columns)),
    ):
        if not known.issuperset(named):
            raise _foreign(protocol, panel, kind, named, known)


def _foreign(protocol: Protocol, panel: Panel, kind: str, named: Iterable[str], known: Iterable[str]) -> UsageError:
    absent = [str(name) for name in named if name not in set(known)]
    many = {"family": "families"}.get(kind, f"{kind}s")
    return UsageError(
        f"Protocol {protocol.id!r} belongs to view {protocol.view!r}: of the {many} that it names, panel "
        f"{panel.name!r} lacks {len(absent)}, e.g. {absent[0]!r}. {_OWN_VIEW}"
    )


def _in_points(folds: list[Fold], fractions: pd.Index) -> list[Fold]:
    """Ask about fractions alone, since errors are in points; ratings may train and be told like any score."""
    if all(fold.held_out.columns.isin(fractions).all() for fold in folds):
        return folds
    out = []
    for fold in folds:
        held_out = fold.held_out.where(np.broadcast_to(fold.held_out.columns.isin(fractions), fold.held_out.shape))
        asked = held_out.notna().any(axis=1).to_numpy()
        revealed = None if fold.revealed is None else fold.revealed.loc[asked]
        if asked.any():
            out.append(replace(fold, queries=fold.queries.loc[asked], held_out=held_out.loc[asked], revealed=revealed))
    return out


def _complete(panel: Panel) -> np.ndarray:
    known = panel.models[["n_params", "n_tokens"]].notna().all(axis=1)
    return (panel.scores.notna().all(axis=1) & known).to_numpy()


def _leave_family_out(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    n_observed = protocol.n_observed
    if protocol.drop_small_families:
        panel = panel.select((panel.models.groupby("family")["family"].transform("size") > n_observed).to_numpy())
    if benchmarks is not None:
        panel = panel.select(benchmarks=benchmarks)
    panel = panel.select(panel.scores.notna().any(axis=1).to_numpy())
    models = panel.models
    family_size = models.groupby("family").size()
    # unknown sizes sort last: they are never "the smallest"
    rank = models.sort_values("n_params", kind="stable").groupby("family").cumcount().reindex(models.index)
    beyond = rank >= n_observed
    folds = []
    for label, group in _groups(protocol, models, family_size).items():
        inside = models["family"].isin(group)
        held = (inside & beyond).to_numpy()
        hidden = held.copy()
        if protocol.lineage:
            hidden |= derived(models, set(models.index[held]))
            held = hidden & inside.to_numpy()
        if held.any():
            folds.append(Fold(label, panel.select(~hidden), models.loc[held], panel.scores.loc[held]))
    if not folds:
        raise UsageError(
            f"Protocol {protocol.id!r}: no family of panel {panel.name!r} has more than {n_observed} models with "
            f"scores ({counted(len(models), 'model')}, {counted(len(family_size), 'family', 'families')}), so nothing "
            "can be held out. Lower --observed."
        )
    return folds


def _groups(protocol: Protocol, models: pd.DataFrame, family_size: pd.Series) -> Groups:
    if protocol.groups is None:
        by_base = models.groupby("base_family")["family"].unique().items()
        return {
            str(base): tuple(families)
            for base, families in by_base
            if (family_size[families] > protocol.n_observed).any()
        }
    named = [family for group in protocol.groups.values() for family in group]
    meant = known_as(named, family_size.index, "family")
    for family in named:
        if meant[family] not in family_size.index:
            raise UnknownNameError("family", family, family_size.index)
    return {label: tuple(meant[family] for family in group) for label, group in protocol.groups.items()}


def _cells(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    if cells is None:
        return []
    wanted = list(panel.scores.columns) if benchmarks is None else list(benchmarks)
    for kind, known in (("model", panel.scores.index), ("benchmark", panel.scores.columns)):
        cells = cells.assign(**{kind: cells[kind].map(known_as(cells[kind], known, kind, "cells"))})
        strange = ~cells[kind].isin(known)
        if strange.any():
            raise UnknownNameError(kind, str(cells.loc[strange, kind].iloc[0]), known)
    doubled = cells.duplicated(["model", "benchmark"])
    if protocol.cells is None and doubled.any():
        at = cells[doubled].iloc[0]
        raise SchemaError(f"cells: {at['model']} on {at['benchmark']} is held out a second time. Remove the row.")
    absent = np.isnan(panel.scores.to_numpy()[_positions(panel, cells)])
    if absent.any():
        at = cells[absent].iloc[0]
        raise SchemaError(
            f"cells: panel {panel.name!r} has no score of {at['model']} on {at['benchmark']} "
            f"({int(absent.sum())} such rows). Only measured cells can be held out; remove the row."
        )
    panel = panel.select(benchmarks=wanted)
    folds = []
    for name, part in cells[cells["benchmark"].isin(wanted)].groupby("fold", sort=False):
        mask = np.zeros(panel.scores.shape, dtype=bool)
        mask[_positions(panel, part)] = True
        asked = np.flatnonzero(mask.any(axis=1))
        held_out = panel.scores.where(mask).iloc[asked]
        folds.append(Fold(str(name), panel.hide(mask), panel.models.iloc[asked], held_out))
    if not folds:
        raise UsageError(
            f"Protocol {protocol.id!r}: no row of the cells is on {', '.join(wanted)}; nothing is held out."
        )
    return folds


def _positions(panel: Panel, cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    index, columns = panel.scores.index, panel.scores.columns
    return index.get_indexer(pd.Index(cells["model"])), columns.get_indexer(pd.Index(cells["benchmark"]))


def _leave_benchmark_out(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    known = panel.scores.notna()
    # the same models are told whatever else is asked; as many have to be left as are told
    told = draw(panel.scores.T, protocol.n_revealed, protocol.seed).T
    folds = []
    for name in panel.scores.columns if benchmarks is None else benchmarks:
        if name not in panel.scores.columns:
            raise UnknownNameError("benchmark", name, panel.scores.columns)
        j = panel.scores.columns.get_loc(name)
        mask = np.zeros(panel.scores.shape, dtype=bool)
        mask[:, j] = known[name].to_numpy() & ~told[:, j]
        if mask.sum() <= protocol.n_revealed:
            continue
        asked = np.flatnonzero(mask[:, j])
        held_out = panel.scores.where(mask).iloc[asked]
        folds.append(Fold(str(name), panel.hide(mask), panel.models.iloc[asked], held_out))
    if not folds:
        raise UsageError(
            f"Protocol {protocol.id!r}: no benchmark of panel {panel.name!r} has more than {2 * protocol.n_revealed} "
            "scores. Lower --revealed."
        )
    return folds


def plan_targets(
    protocol: Protocol, panel: Panel, wanted: Sequence[str] | None = None, targets: TargetTable | None = None
) -> list[Fold]:
    """Make one fold per task of a protocol with the split ``target``.

    Parameters
    ----------
    protocol : Protocol
    panel : Panel
        Predictors.
    wanted : sequence of str, optional
        Only these targets.
    targets : TargetTable, optional
        By default the protocol's own view of the newest snapshot.

    Returns
    -------
    list of Fold
        In the order of the tasks; the target is the last column of each training panel.

    Raises
    ------
    UnknownNameError, UsageError
        A target or a rule that does not make sense.
    """
    known = [task.target for task in protocol.tasks]
    for name in wanted or []:
        if name not in known:
            raise UnknownNameError("target", name, known)
    table = targets or snapshot_targets(str(protocol.targets), panel)
    if protocol.families:
        panel = panel.select(panel.models["family"].isin(protocol.families).to_numpy())
    panel = panel.select(~panel.models.index.isin(protocol.not_models))
    if protocol.complete_rows:
        panel = panel.select(_complete(panel))
    return [_task(protocol, task, panel, table) for task in protocol.tasks if not wanted or task.target in wanted]


def _task(protocol: Protocol, task: Task, panel: Panel, table: TargetTable) -> Fold:
    date = None if task.cutoff_date is None else pd.Timestamp(task.cutoff_date)
    cut = Cut(task.cutoff_flop, task.cutoff_params, date, task.top_share)
    try:
        return target_fold(panel, table, task.target, task.score_range, cut, task.without, protocol.held_out)
    except (SchemaError, UnknownNameError, UsageError) as error:
        if panel.name == protocol.view:
            raise
        raise UsageError(
            f"Protocol {protocol.id!r} belongs to view {protocol.view!r} and cannot be run on panel {panel.name!r}: "
            f"{error} {_OWN_VIEW}"
        ) from error


def target_fold(
    panel: Panel,
    table: TargetTable,
    target: str,
    score_range: tuple[float, float],
    cut: Cut,
    without: Sequence[str] = (),
    held_out: Sequence[str] = (),
) -> Fold:
    """Make the fold that asks for the held-out scores of one target.

    Parameters
    ----------
    panel, table, target, score_range, cut, without, held_out
        See `obslaws.targets.join_target`.

    Returns
    -------
    Fold
        Has passed `Fold.check`.
    """
    joined, score = join_target(panel, table, target, score_range, cut, without, held_out)
    asked = joined.scores[target].isna().to_numpy()
    hidden = pd.DataFrame(np.nan, joined.scores.index[asked], joined.scores.columns).assign(**{target: score[asked]})
    fold = Fold(target, joined, joined.models.loc[asked], hidden[[target]])
    fold.check()
    return fold


Split = Callable[[Protocol, Panel, "Sequence[str] | None", "pd.DataFrame | None"], list[Fold]]
SPLITS: dict[str, Split] = {
    "leave-family-out": _leave_family_out,
    "cells": _cells,
    "date-cutoff": date_cutoff,
    "compute-cutoff": compute_cutoff,
    "rolling-origin": rolling_origin,
    "leave-benchmark-out": _leave_benchmark_out,
}
