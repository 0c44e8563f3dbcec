"""What a freshly parsed source must withstand before it may replace its last good rows."""

from __future__ import annotations

import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import benchmarks_table
from obslaws.schema import TABLES, check_table
from obslaws.snapshot import Snapshot
from obslaws.sources import Parsed

__all__ = ["check_parsed"]

_SHRUNK = 0.5  # a board loses rows now and then, not half of them
_UNIT = 5.0  # re-evaluations move a median by a few per cent, another unit by a factor of 100
_LEAST_COMMON = 8


def check_parsed(source: str, parsed: Parsed, base: Snapshot | None) -> None:
    """Refuse tables that are empty, out of range, in another unit, or much smaller than before.

    Parameters
    ----------
    source : str
        Source id.
    parsed : Parsed
        What came.
    base : Snapshot, optional
        The last good rows; None when the source is new.

    Raises
    ------
    SourceError
        Table empty, shrunk, or its unit changed.
    SchemaError
        A value out of range; the message names model and benchmark.
    """
    if not parsed.n_rows or not (len(parsed.scores) or len(parsed.facts)):
        raise SourceError(f"{source}: the table is empty. Expected rows; the upstream is being rebuilt, try later.")
    known = benchmarks_table()
    units = dict(zip(known["benchmark"], known["unit"], strict=True))
    strange = sorted(set(parsed.scores["benchmark"]) - set(known["benchmark"]))
    if strange:
        raise SourceError(f"{source}: benchmark {strange[0]!r} is not in names/benchmarks.csv. Add it there.")
    check_table(parsed.facts.assign(source=source).drop_duplicates(TABLES["facts"].key), "facts")
    if len(parsed.scores):
        scores = parsed.scores.assign(source=source).drop_duplicates(TABLES["scores"].key)
        check_table(scores.reset_index(drop=True), "scores", units=units)
    _check_claims(source, parsed.facts)
    if base is not None and source in base.manifest["sources"]:
        _check_size(source, parsed, base)
        _check_units(source, parsed.scores, base)


def _check_claims(source: str, facts: pd.DataFrame) -> None:
    for name, column in TABLES["models"].columns.items():
        if column.kind != "number":
            continue
        mine = facts[facts["attribute"] == name]
        values = pd.to_numeric(mine["value"], errors="coerce").astype("float64")
        bad = ~values.between(column.low, column.high)
        if bad.any():
            row = mine[bad].iloc[0]
            raise SourceError(
                f"{source}: {row['model']} has {name} {row['value']}, expected {column.about} between {column.low:g} "
                f"and {column.high:g}. The unit changed: adapt its parse()."
            )


def _check_size(source: str, parsed: Parsed, base: Snapshot) -> None:
    before = base.manifest["sources"][source]["rows_read"]
    if parsed.n_rows < _SHRUNK * before:
        raise SourceError(
            f"{source}: {parsed.n_rows:,} rows, in snapshot {base.name} there were {before:,}. "
            "Expected at least half as many; the upstream is broken off or being rebuilt, try later."
        )


def _check_units(source: str, scores: pd.DataFrame, base: Snapshot) -> None:
    old = base.scores[base.scores["source"] == source]
    if old.empty or scores.empty:
        return
    cell = ["model", "benchmark"]
    old = old[[*cell, "score"]].astype(dict.fromkeys(cell, "str"))
    before = old.groupby(cell, as_index=False)["score"].median()
    both = before.merge(scores.groupby(cell, as_index=False)["score"].median(), on=cell, suffixes=("_before", "_now"))
    for name, part in both.dropna().groupby("benchmark"):
        was, now = float(part["score_before"].median()), float(part["score_now"].median())
        if len(part) >= _LEAST_COMMON and was > 0 and not 1 / _UNIT < now / was < _UNIT:
            raise SourceError(
                f"{source}: the median of {str(name)!r} over the models known before went from {was:.3g} to {now:.3g}. "
                "The unit changed, or another metric is meant: adapt its parse()."
            )
