"""A table of scores, CSV or TSV: long (columns benchmark and score) or wide (a column per benchmark).

Benchmarks stand under their ids, scores are fractions. What `obslaws import --output` writes is such a table.
"""

from __future__ import annotations

import csv
import io

from obslaws.errors import SchemaError
from obslaws.results.base import Identity, Measurement, Reading, plain, plain_id
from obslaws.results.cells import count, day, integer, number
from obslaws.results.document import Document

__all__ = ["NAME", "SHAPE", "matches", "parse"]

NAME = "table"
SHAPE = "a CSV or TSV with columns benchmark, score[, model], or with one column per benchmark"
LONG = ("benchmark", "score", "model", "stderr", "n_items", "n_shots", "setting", "date", "task")
_WIDE = ("model", "setting", "date")


def matches(document: Document) -> bool:
    """Take every table."""
    return document.kind == "table"


def parse(document: Document) -> Reading:
    """Read the rows; empty cells of a wide table are benchmarks that were not run.

    Parameters
    ----------
    document : Document

    Returns
    -------
    Reading

    Raises
    ------
    SchemaError
        No rows, a column that is missing, doubled or unknown, or a row of another length.
    """
    rows = _rows(document)
    fixed = {*LONG, *_WIDE}
    header = [low if (low := name.strip().lower()) in fixed else name.strip() for name in rows[0]]
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        raise SchemaError(f"{document.name}: column {min(doubled)!r} stands twice. Keep one.")
    long = "benchmark" in header or "score" in header
    if long:
        _check_long(header, document.name)
    found: list[Measurement] = []
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise SchemaError(f"{document.name}, row {line}: {len(row)} cells, the header has {len(header)}.")
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        found += [_long(cells, line)] if long else _wide(cells, line)
    models = {m.model for m in found}
    return Reading(tuple(found), Identity(models.pop()) if len(models) == 1 else Identity())


def _rows(document: Document) -> list[list[str]]:
    first = document.data.lstrip("\n").partition("\n")[0]
    separator = "\t" if "\t" in first else (";" if ";" in first and "," not in first else ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(document.data), delimiter=separator) if any(map(str.strip, row))]
    except csv.Error as error:
        raise SchemaError(f"{document.name}: no readable table ({error}).") from None
    if len(rows) < 2:
        raise SchemaError(f"{document.name}: no rows below the header; expected {SHAPE}.")
    return rows


def _check_long(header: list[str], name: str) -> None:
    found = ", ".join(map(repr, map(plain, header)))
    for column in ("benchmark", "score"):
        if column not in header:
            raise SchemaError(
                f"{name}: column {column!r} is missing; found {found}. Expected benchmark, score[, model]."
            )
    unknown = [column for column in header if column not in LONG]
    if unknown:
        raise SchemaError(f"{name}: unknown column {plain(unknown[0])!r}; a long table may have {', '.join(LONG)}.")


def _long(cells: dict[str, str], line: int) -> Measurement:
    return Measurement(
        plain(cells["benchmark"]), "score", cells["score"], stderr=number(cells.get("stderr")),
        n_items=count(cells.get("n_items")), n_shots=integer(cells.get("n_shots")), scale=1.0,
        model=plain_id(cells.get("model", "")), setting=plain(cells.get("setting", "")), date=day(cells.get("date")),
        where=f"row {line}",
    )  # fmt: skip


def _wide(cells: dict[str, str], line: int) -> list[Measurement]:
    model, setting, date = (cells.get(column, "") for column in _WIDE)
    return [
        Measurement(
            plain(name), "score", cell, scale=1.0, model=plain_id(model), setting=plain(setting), date=day(date),
            where=f"row {line}",
        )
        for name, cell in cells.items()
        if name not in _WIDE and cell
    ]  # fmt: skip
