"""What a freshly parsed source must withstand before it may replace its last good rows."""

from __future__ import annotations

import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import benchmarks_table
from obslaws.schema import TABLES, check_table
from obslaws.snapshot import Snapshot
from obslaws.sources import Parsed

__all__ = ["check_parsed"]

_SHRUNK = 0.9  # a board loses rows now and then, not a tenth of them
_UNIT = 5.0  # re-evaluations move a median by a few per cent, another unit by a factor of 100
_LEAST_COMMON = 8


def check_parsed(
    source: str, parsed: Parsed, base: Snapshot | None, grows: bool = False, untold: bool = False, shrink: bool = False
) -> None:
    """Refuse tables that are empty, out of range, in another unit, or much smaller than before.

    Parameters
    ----------
    source : str
        Source id.
    parsed : Parsed
        What came.
    base : Snapshot, optional
        The last good rows; None when the source is new.
    grows : bool
        Whether these are some documents only, whose rows are added to the last good ones.
    untold : bool
        Whether a file came without a word on its length: then not one row may be missing.
    shrink : bool
        Accept that there are fewer rows than before.

    Raises
    ------
    SourceError
        Table empty, shrunk, or its unit changed.
    SchemaError
        A value out of range; the message names model and benchmark.
    """
    empty = not (len(parsed.scores) or len(parsed.facts))
    if not parsed.n_rows or (empty and not grows):
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
        if not (grows or shrink):
            _check_size(source, parsed, base, untold)
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


def _check_size(source: str, parsed: Parsed, base: Snapshot, untold: bool) -> None:
    before = base.manifest["sources"][source]["rows_read"]
    if parsed.n_rows < (1.0 if untold else _SHRUNK) * before:
        least = "at least as many, since it came without its length" if untold else f"at least {_SHRUNK:.0%} of them"
        raise SourceError(
            f"{source}: {parsed.n_rows:,} rows, in snapshot {base.name} there were {before:,}. Expected {least}; the "
            "upstream is broken off or being rebuilt: try later, or take it as it is with --accept-shrink."
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
