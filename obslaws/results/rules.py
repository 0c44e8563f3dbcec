"""The rules that turn a task of a file into a benchmark: ``names/tasks.csv``, and a user's own in the same shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import SchemaError, UnknownNameError, UsageError, nearest_names
from obslaws.names import benchmarks_table, hand_table
from obslaws.reading import read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obslaws.results.base import Measurement

__all__ = ["NO_BENCHMARK", "RULE_COLUMNS", "Rule", "benchmark_shots", "benchmark_units", "read_rules"]

RULE_COLUMNS = (
    "format", "task", "metric", "filter", "version", "n_shots", "scale", "benchmark", "n_parts", "part", "note",
)  # fmt: skip
NO_BENCHMARK = "-"  # a task that is known, and known to be another test; the note says why
_NEEDED = ("format", "task", "benchmark")


@dataclass(frozen=True)
class Rule:
    """One row of the table; an empty cell allows anything, but for `n_shots`, where it means the benchmark's own count.

    Parameters
    ----------
    format, task, metric, filter, version : str
        What must be in the file. `task` may hold one ``*``; metric, filter and version may hold alternatives, ``a|b``.
    n_shots : str
        Counts that count as the benchmark, ``0|5``, or ``any``.
    scale : float, optional
        Value that means perfect, where the file does not say.
    benchmark : str
        Id, or ``-`` for a task that is another test. A ``*`` stands for what the one in `task` stands for, and then
        the result must be a known id.
    n_parts : int
        How many numbers are averaged, with equal weights.
    part : str
        Id that each part must have, with a ``*``; empty where parts have none.
    note : str
        Why the rule holds.
    """

    format: str
    task: str
    benchmark: str
    metric: str = ""
    filter: str = ""
    version: str = ""
    n_shots: str = ""
    scale: float | None = None
    n_parts: int = 1
    part: str = ""
    note: str = ""

    def target(self, measurement: Measurement, own_format: str, known: set[str]) -> str | None:
        """Give the benchmark that a task stands for, whatever its metric; None where the rule is about another task."""
        if self.format != (measurement.format or own_format):
            return None
        pattern = re.escape(self.task).replace(r"\*", "(.*)")
        found = re.fullmatch(pattern, measurement.task)
        if found is None or ("*" in self.task and measurement.is_group and self.benchmark != NO_BENCHMARK):
            return None
        star = found[1] if found.groups() else ""
        if self.part and self.part.replace("*", star) not in known:
            return None
        benchmark = self.benchmark.replace("*", star)
        return benchmark if benchmark in known or benchmark == NO_BENCHMARK else None

    def reads(self, measurement: Measurement) -> bool:
        """Say whether metric and filter are the ones wanted."""
        return _allows(self.metric, measurement.metric) and _allows(self.filter, measurement.filter)


def _allows(cell: str, value: str) -> bool:
    return not cell or value in cell.split("|")


def read_rules(own: str | Path | None = None, known: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Read the rules; a user's own come first and so win.

    Parameters
    ----------
    own : str or Path, optional
        CSV with columns format, task, benchmark and any others of ``names/tasks.csv``.
    known : iterable of str
        Benchmark ids that a user's rules may name.

    Returns
    -------
    tuple of Rule

    Raises
    ------
    UsageError
        No such file.
    SchemaError
        A column or a value that is not understood; the message names row and cure.
    UnknownNameError
        A rule for a benchmark that is not known; the nearest is offered.
    """
    built_in = _rules_of(hand_table("tasks"), "names/tasks.csv")
    if own is None:
        return built_in
    path = Path(own)
    shape = f"a CSV with columns {', '.join(RULE_COLUMNS)}"
    if not path.is_file():
        raise UsageError(f"{str(own)!r}: no such file; expected {shape}.")
    table = read_csv(path, shape, dtype="str", keep_default_na=False, na_values=[""])
    rules = _rules_of(table, path.name)
    ids = {NO_BENCHMARK, *known}
    for rule in rules:
        if "*" not in rule.benchmark and rule.benchmark not in ids:
            raise UnknownNameError("benchmark", rule.benchmark, ids - {NO_BENCHMARK})
    return rules + built_in


def _rules_of(table: pd.DataFrame, where: str) -> tuple[Rule, ...]:
    for column in _NEEDED:
        if column not in table.columns:
            raise SchemaError(f"{where}: column {column!r} is missing; expected {', '.join(RULE_COLUMNS)}.")
    for column in table.columns:
        if column not in RULE_COLUMNS:
            near = nearest_names(str(column), RULE_COLUMNS)
            hint = f"Did you mean {near[0]!r}?" if near else f"Expected {', '.join(RULE_COLUMNS)}."
            raise SchemaError(f"{where}: unknown column {column!r}. {hint}")
    rows = table.fillna("").to_dict(orient="records")
    return tuple(
        _rule({str(k): str(v).strip() for k, v in row.items()}, f"{where}, row {i + 2}") for i, row in enumerate(rows)
    )


def _rule(row: dict[str, str], where: str) -> Rule:
    for column in _NEEDED:
        if not row[column]:
            raise SchemaError(f"{where}: {column!r} is empty. Fill it in or remove the row.")
    if row["task"].count("*") > 1:
        raise SchemaError(f"{where}: task {row['task']!r} holds more than one '*'. Keep one.")
    scale, n_parts = row.pop("scale", ""), row.pop("n_parts", "")
    if scale not in ("", "1", "100"):
        raise SchemaError(f"{where}: scale is {scale!r}; expected 1 or 100, or an empty cell.")
    if n_parts and not (n_parts.isdecimal() and int(n_parts) > 0):
        raise SchemaError(f"{where}: n_parts is {n_parts!r}; expected a count, or an empty cell for one.")
    return Rule(scale=float(scale) if scale else None, n_parts=int(n_parts or 1), **row)


@cache
def benchmark_shots() -> dict[str, int]:
    """Give the shot count of every benchmark that has one."""
    table = benchmarks_table().dropna(subset="n_shots")
    return dict(zip(table["benchmark"], table["n_shots"].astype("float64").astype(int), strict=True))


@cache
def benchmark_units() -> dict[str, str]:
    """Give the unit of every benchmark: fraction, or that of a rating."""
    table = benchmarks_table()
    return dict(zip(table["benchmark"], table["unit"].fillna("fraction"), strict=True))
