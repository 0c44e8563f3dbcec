"""What a backtest hides: a protocol is a small record, data/protocols/<id>.json; a new one is data, not code.

In: a name, or a user's own file of groups or cells. Out: the record that `obslaws.splits.plan` turns into folds.
Called by backtests and the command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.reading import read_csv

__all__ = ["Groups", "Protocol", "Task", "load_protocol", "protocol_names", "read_cells", "read_groups", "with_options"]

Groups = Mapping[str, tuple[str, ...]]
"""Label of a test group -> its families."""


@dataclass(frozen=True)
class Task:
    """One target of a protocol with the split ``target``: what is forecast, on which scale, and what may be seen.

    Parameters
    ----------
    target : str
        Column of the table of targets.
    score_range : tuple of float
        Scores that count as 0 and as 1: guessing and perfect, in the target's unit.
    cutoff_flop, cutoff_params, cutoff_date : float, float, str, optional
        Models up to this compute, size or release date train (inclusive); unknown values are held out. One of the four.
    top_share : float, optional
        The best-scoring models, as a share of all of them, are held out.
    without : tuple of str
        Benchmarks that may not predict this target.
    """

    target: str
    score_range: tuple[float, float] = (0.0, 1.0)
    cutoff_flop: float | None = None
    cutoff_params: float | None = None
    cutoff_date: str | None = None
    top_share: float | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """Which table, which split.

    Parameters
    ----------
    id, title : str
        Name for the command line, and for people.
    split : str
        A key of `obslaws.splits.SPLITS`.
    view : str
        Panel that is used when none is given.
    benchmarks : tuple of str, optional
        The panel is cut to these; all of it by default.
    n_observed : int
        How many of the smallest models of each tested family stay in training.
    complete_rows : bool
        Only models with a score on every benchmark and known size and tokens take part.
    drop_small_families : bool
        Families with no more than `n_observed` models leave training as well.
    lineage : bool
        Models derived from a held-out model, as far as `base_model` tells, are hidden with it.
    groups : mapping of str to tuple of str, optional
        Label of a test group -> its families; by default the base families.
    cells : Path, optional
        Held-out cells that belong to the record; its folds may ask about a cell again.
    n_revealed : int
        How many scores of each asked model are told to the forecast (``rolling-origin``), or how many models keep
        their score of the new benchmark (``leave-benchmark-out``).
    seed : int
        Decides which scores are told.
    cutoff_date, cutoff_flop : str, float, optional
        From here on is asked about (``date-cutoff``, ``compute-cutoff``).
    targets : str, optional
        View with the scores to be forecast (``target``).
    tasks : tuple of Task
        One fold each (``target``).
    families, not_models, held_out : tuple of str
        Only these families take part (all of them when empty), without these models; and models that are held out
        whatever the cutoff says (``target``).
    settings : mapping of str to dict
        Arguments of a forecaster under this protocol, by its name.
    counts, source, best, peers : dict
        Size of the exercise, where it comes from, and what others reached on it (points).
    """

    id: str
    title: str
    split: str
    view: str = "core"
    benchmarks: tuple[str, ...] | None = None
    n_observed: int = 1
    complete_rows: bool = False
    drop_small_families: bool = False
    lineage: bool = False
    groups: Groups | None = None
    cells: Path | None = None
    n_revealed: int = 0
    seed: int = 0
    cutoff_date: str | None = None
    cutoff_flop: float | None = None
    targets: str | None = None
    tasks: tuple[Task, ...] = ()
    families: tuple[str, ...] = ()
    not_models: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, Any] = field(default_factory=dict)
    peers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_fixed(self) -> bool:
        """Whether the record states its groups or cells, so that its figures can be held against published ones."""
        return self.groups is not None or self.cells is not None


def _folder() -> Path:
    from obslaws.snapshot import data_root

    return data_root() / "protocols"


def protocol_names() -> list[str]:
    """Names of the protocols that travel with the package.

    Returns
    -------
    list of str
        Sorted.
    """
    return sorted(path.stem for path in _folder().glob("*.json"))


def load_protocol(name: str) -> Protocol:
    """Read a protocol's record.

    Parameters
    ----------
    name : str
        ``leave-family-out``, ``cells``, ``sloth-v1-1``, ...

    Returns
    -------
    Protocol

    Raises
    ------
    UnknownNameError
        No such protocol; the nearest is offered.
    """
    names = protocol_names()
    if name not in names:
        raise UnknownNameError("protocol", name, names)
    record = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    strange = set(record) - {f.name for f in fields(Protocol)}
    if strange:
        raise SchemaError(f"protocols/{name}.json: unknown keys {sorted(strange)}; see obslaws.protocols.Protocol.")
    if record.get("benchmarks") is not None:
        record["benchmarks"] = tuple(record["benchmarks"])
    if record.get("groups") is not None:
        record["groups"] = _labelled(record["groups"])
    if record.get("cells") is not None:
        record["cells"] = _folder() / record["cells"]
    for key in ("families", "not_models", "held_out"):
        record[key] = tuple(record.get(key, ()))
    record["tasks"] = tuple(_task(one) for one in record.get("tasks", ()))
    return Protocol(**record)


def _task(record: dict[str, Any]) -> Task:
    low, high = record.get("score_range", (0.0, 1.0))
    return Task(**{**record, "score_range": (float(low), float(high)), "without": tuple(record.get("without", ()))})


def _labelled(groups: list[list[str]]) -> Groups:
    return {group[0]: tuple(group) for group in groups}


def with_options(
    protocol: Protocol,
    observed: int | None = None,
    groups: Groups | None = None,
    revealed: int | None = None,
    cutoff: str | None = None,
) -> Protocol:
    """Set the options that a protocol leaves open.

    Parameters
    ----------
    protocol : Protocol
        As loaded.
    observed : int, optional
        Models of each tested family that stay in training, 0 or more.
    groups : mapping of str to tuple of str, optional
        Label of a test group -> its families.
    revealed : int, optional
        Scores that are told, 0 or more (``new-model``, ``rolling-origin``, ``leave-benchmark-out``).
    cutoff : str, optional
        A day such as ``2024-06-01`` (``date-cutoff``) or FLOP such as ``8.4e22`` (``compute-cutoff``).

    Returns
    -------
    Protocol

    Raises
    ------
    UsageError
        The protocol fixes the option, or the number makes no sense.
    """
    if revealed is not None:
        if protocol.split not in ("rolling-origin", "leave-benchmark-out"):
            raise UsageError(f"Protocol {protocol.id!r} reveals no scores. Use 'new-model' or 'leave-benchmark-out'.")
        if revealed < 0:
            raise UsageError(f"revealed is {revealed}; expected 0 or more scores.")
        protocol = replace(protocol, n_revealed=revealed)
    if cutoff is not None:
        protocol = replace(protocol, **_cutoff(protocol, cutoff))  # type: ignore[arg-type]
    options = {"n_observed": observed, "groups": groups}
    given = {k: v for k, v in options.items() if v is not None and v != getattr(protocol, k)}
    if given and (protocol.is_fixed or protocol.split != "leave-family-out"):
        what = " and ".join("observed" if k == "n_observed" else k for k in given)
        raise UsageError(f"Protocol {protocol.id!r} takes no {what}. Use 'leave-family-out' for a split of your own.")
    if observed is not None and observed < 0:
        raise UsageError(f"observed is {observed}; expected 0 or more models of each tested family.")
    return replace(protocol, **given)  # type: ignore[arg-type]


def _cutoff(protocol: Protocol, text: str) -> dict[str, str | float]:
    if protocol.split == "date-cutoff":
        day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        if pd.isna(day):
            raise UsageError(f"cutoff is {text!r}; expected a day such as 2024-06-01.")
        return {"cutoff_date": text}
    if protocol.split == "compute-cutoff":
        try:
            flop = float(text)
        except ValueError:
            flop = float("nan")
        if not 0 < flop < float("inf"):
            raise UsageError(f"cutoff is {text!r}; expected training compute in FLOP such as 8.4e22.")
        return {"cutoff_flop": flop}
    raise UsageError(f"Protocol {protocol.id!r} has no cutoff. Use 'date-cutoff' or 'compute-cutoff'.")


def read_groups(path: Path) -> Groups:
    """Read test groups: CSV with columns group, family, or a JSON list of lists of families.

    Parameters
    ----------
    path : Path
        Ends in ``.json`` or ``.csv``.

    Returns
    -------
    dict of str to tuple of str
        Label of a test group -> its families, in the order of the file; a list is labelled by its first family.

    Raises
    ------
    SchemaError
        The file has another shape, or a family stands in two groups.
    """
    shape = f"{path.name}: expected columns group, family in a CSV, or a JSON list of lists of families"
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; {shape}.")
    if path.suffix == ".json":
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise SchemaError(f"{shape}; not JSON: {error}.") from None
        if not (
            isinstance(record, list)
            and all(isinstance(g, list) and g and all(isinstance(f, str) for f in g) for g in record)
        ):
            raise SchemaError(f"{shape}; found {type(record).__name__}.")
        groups = _labelled(record)
    else:
        table = _read_text(path, ("group", "family"))
        groups = {str(label): tuple(part["family"]) for label, part in table.groupby("group", sort=False)}
    families = [family for group in groups.values() for family in group]
    doubled = sorted({family for family in families if families.count(family) > 1})
    if doubled or not families:
        raise SchemaError(
            f"{path.name}: families in more than one place: {doubled}. Name each family once, and at least one."
        )
    return groups


def read_cells(path: Path, repeated: bool = False) -> pd.DataFrame:
    """Read held-out cells: CSV with columns fold, model, benchmark.

    Parameters
    ----------
    path : Path
        One row per held-out cell.
    repeated : bool
        Whether several folds may ask about one cell.

    Returns
    -------
    DataFrame of shape (n_cells, 3)
        Text columns fold, model, benchmark.

    Raises
    ------
    SchemaError
        A column or value is missing, or a cell is held out twice.
    """
    table = _read_text(path, ("fold", "model", "benchmark"))
    doubled = table.duplicated(["fold", "model", "benchmark"] if repeated else ["model", "benchmark"])
    if doubled.any():
        at = int(np.flatnonzero(doubled)[0])
        cell = table.iloc[at]
        raise SchemaError(
            f"{path.name}, row {at + 2}: {cell['model']} on {cell['benchmark']} is held out a second time. "
            "Each cell belongs to one fold; remove the row."
        )
    return table


def _read_text(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; expected a CSV with columns {', '.join(columns)}.")
    table = read_csv(path, f"a CSV with columns {', '.join(columns)}", dtype="str", keep_default_na=False)
    missing = [c for c in columns if c not in table]
    if missing:
        raise SchemaError(
            f"{path.name}: no column {missing[0]!r}; found {', '.join(table.columns)}; expected {', '.join(columns)}."
        )
    table = table[[*columns]]
    empty = np.argwhere((table == "").to_numpy())
    if len(empty):
        row, column = empty[0]
        raise SchemaError(f"{path.name}, row {row + 2}, column {columns[column]!r}: empty; expected a name.")
    return table
