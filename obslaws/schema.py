"""The tables: columns, types, units, keys and allowed ranges, stated once; `check_table` holds any frame against them.

Every snapshot, every panel folder and every parser of a source passes through here. Units: sizes and tokens are plain
counts, compute is FLOP, scores are raw fractions (a rating keeps the unit named in `benchmarks`), dates are days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from obslaws.days import two_readings
from obslaws.errors import SchemaError, nearest_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "BASES", "TABLES", "VARIANTS", "Column", "Table", "check_table", "empty_table"]

Kind = Literal["text", "number", "flag", "date"]

VARIANTS = ("base", "chat", "fine-tune", "merge", "unknown")
BASES = ("reported", "measured", "name", "base_model", "formula", "estimated")
ATTRIBUTES = ("n_params", "n_active_params", "n_tokens", "train_flop", "release_date")


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in which unit, and what it may not be.

    Parameters
    ----------
    kind : {"text", "number", "flag", "date"}
        Type of the values.
    about : str
        Meaning, with the unit.
    required : bool
        Whether a table without the column is refused; a missing optional column is filled with missing values.
    nullable : bool
        Whether single values may be missing.
    low, high : float
        Inclusive range of a number.
    choices : tuple of str
        The only texts allowed; empty for any.
    cure : str
        What to do about a value out of range.
    """

    kind: Kind
    about: str
    required: bool = False
    nullable: bool = True
    low: float = -np.inf
    high: float = np.inf
    choices: tuple[str, ...] = ()
    cure: str = "Correct the value or leave the cell empty."


@dataclass(frozen=True)
class Table:
    """A named set of columns with its key."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)


def _text(about: str, **options: Any) -> Column:
    return Column("text", about, **options)


_SIZE_CURE = "Sizes and tokens are plain positive counts, e.g. 7e9; leave the cell empty when unknown."
_SCORE_CURE = "Scores are fractions; divide percentages by 100, or give the benchmark its unit in 'benchmarks'."


def _attribute(about: str, low: float, high: float, prefix: str) -> dict[str, Column]:
    return {
        prefix: Column("number", about, low=low, high=high, cure=_SIZE_CURE),
        f"{_stem(prefix)}_source": _text(f"source of {prefix}"),
        f"{_stem(prefix)}_basis": _text(f"how {prefix} is known", choices=BASES),
    }


def _stem(attribute: str) -> str:
    return "flop" if attribute == "train_flop" else attribute


MODELS = Table(
    "models",
    ("model",),
    {
        "model": _text("canonical id, org/name", required=True, nullable=False),
        "org": _text("organisation that released the weights"),
        "family": _text("models of one recipe that differ in scale", required=True, nullable=False),
        "base_family": _text("series that ties base, chat and fine-tuned models together"),
        "variant": _text("kind of training after pre-training", choices=VARIANTS),
        "base_model": _text("model that this one was trained from; empty for roots"),
        **_attribute("trained parameters, count", 1e3, 1e14, "n_params"),
        **_attribute("parameters used per token, count", 1e3, 1e14, "n_active_params"),
        **_attribute("pre-training tokens, count", 1e6, 1e15, "n_tokens"),
        **_attribute("training compute, FLOP", 1e12, 1e30, "train_flop"),
        "release_date": Column("date", "day on which the weights were released"),
        "release_date_source": _text("source of release_date"),
        "release_date_basis": _text("how release_date is known", choices=BASES),
        "is_moe": Column("flag", "mixture of experts"),
        "is_merge": Column("flag", "merge of other models"),
        "is_flagged": Column("flag", "flagged by the leaderboard, e.g. for contamination"),
        "is_official": Column("flag", "released by the organisation that trained the base"),
    },
)

BENCHMARKS = Table(
    "benchmarks",
    ("benchmark",),
    {
        "benchmark": _text("id", required=True, nullable=False),
        "title": _text("name for people"),
        "metric": _text("what is counted, e.g. acc_norm"),
        "unit": _text("'fraction', or the unit of a rating"),
        "score_floor": Column(
            "number",
            "score of guessing, fraction",
            low=0.0,
            high=0.999,
            cure="A floor is a fraction below 1, e.g. 0.25 with four options.",
        ),
        "ceiling": Column(
            "number",
            "the most a model can score where that is known, fraction: 1 where a program made questions and answers",
            low=1e-3,
            high=1.0,
            cure="A ceiling is a fraction; leave it empty where only scores can tell.",
        ),
        "n_items": Column("number", "questions, count", low=1, cure="Give the number of questions, or leave it empty."),
        "n_shots": Column("number", "examples in the prompt, count", low=0, cure="Give a count, or leave it empty."),
        "harness": _text("program that ran the test"),
        "domain": _text("what the test is about"),
        "source": _text("source id, or document"),
    },
)

SCORES = Table(
    "scores",
    ("model", "revision", "precision", "benchmark", "setting", "source"),
    {
        "model": _text("canonical id, org/name", required=True, nullable=False),
        "revision": _text("commit of the weights"),
        "precision": _text("number format in which the model was run"),
        "benchmark": _text("benchmark id", required=True, nullable=False),
        "score": Column(
            "number",
            "raw score; fraction unless the benchmark has another unit",
            required=True,
            low=0.0,
            high=1.0,
            cure=_SCORE_CURE,
        ),
        "stderr": Column(
            "number", "standard error of the score, same unit", low=0.0, cure="Leave it empty when unknown."
        ),
        "setting": _text("prompt, template or condition that is part of the key"),
        "source": _text("source id"),
        "date": Column("date", "day of the evaluation or submission"),
    },
)

FACTS = Table(
    "facts",
    ("model", "attribute", "source", "value"),
    {
        "model": _text("canonical id, org/name", required=True, nullable=False),
        "attribute": _text("column of 'models' that the claim is about", required=True, nullable=False),
        "value": _text("the claim, as text in the column's unit", required=True, nullable=False),
        "basis": _text("how it is known", choices=BASES),
        "source": _text("source id", required=True, nullable=False),
        "document": _text("title and address of the document it was read in"),
    },
)

TABLES: dict[str, Table] = {t.name: t for t in (MODELS, BENCHMARKS, SCORES, FACTS)}


def empty_table(name: str) -> pd.DataFrame:
    """Make a table without rows, with every column of the schema in its type.

    Parameters
    ----------
    name : {"models", "benchmarks", "scores", "facts"}
        Which table.

    Returns
    -------
    DataFrame
        No rows, all columns.
    """
    return pd.DataFrame({c: _missing(column, 0) for c, column in TABLES[name].columns.items()})


def check_table(
    frame: pd.DataFrame, name: str, where: str | None = None, units: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Hold a frame against the schema; give it back with typed columns in the schema's order, or say what is wrong.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns of the schema in any order; optional ones may be absent, unknown ones are refused.
    name : {"models", "benchmarks", "scores", "facts"}
        Which table it is meant to be.
    where : str, optional
        File name or source, for the message.
    units : mapping of str to str, optional
        Unit per benchmark; scores of benchmarks whose unit is not ``"fraction"`` may exceed 1.

    Returns
    -------
    DataFrame of shape (n_rows, n_schema_columns)
        A typed copy.

    Raises
    ------
    SchemaError
        Names file, row, column, value, expectation and cure.

    Examples
    --------
    >>> check_table(pd.DataFrame({"model": ["a/b"], "benchmark": ["mmlu"], "score": [0.4]}), "scores").score.tolist()
    [0.4]
    """
    table = TABLES[name]
    where = where or name
    _check_columns(frame, table, where)
    typed = {}
    for column_name, column in table.columns.items():
        if column_name in frame.columns:
            typed[column_name] = _typed(frame[column_name], column, column_name, where)
        else:
            typed[column_name] = pd.Series(_missing(column, len(frame)), index=frame.index)
    out = pd.DataFrame(typed, index=frame.index).reset_index(drop=True)
    _check_ranges(out, table, where, units or {})
    _check_key(out, table, where)
    return out


def _missing(column: Column, n_rows: int) -> pd.Series:
    if column.kind == "number":
        return pd.Series(np.full(n_rows, np.nan))
    if column.kind == "flag":
        return pd.Series(np.zeros(n_rows, dtype=bool))
    if column.kind == "date":
        return pd.Series(np.full(n_rows, np.datetime64("NaT"), dtype="datetime64[s]"))
    return pd.Series([None] * n_rows, dtype="str")


def _check_columns(frame: pd.DataFrame, table: Table, where: str) -> None:
    missing = [c for c, column in table.columns.items() if column.required and c not in frame.columns]
    if missing:
        near = nearest_names(missing[0], map(str, frame.columns))
        hint = f" Rename {near[0]!r}?" if near else f" Add it: {table.columns[missing[0]].about}."
        if table.name == "scores" and {"benchmark", "score"}.isdisjoint(frame.columns) and "model" in frame.columns:
            hint = " A column per benchmark? Write a row per score: model,benchmark,score."
        raise SchemaError(
            f"{where}: column {missing[0]!r} is missing; "
            f"found {', '.join(map(repr, frame.columns)) or 'no columns'}.{hint}"
        )
    unknown = [c for c in frame.columns if c not in table.columns]
    if unknown:
        near = nearest_names(str(unknown[0]), table.columns)
        hint = f"Did you mean {near[0]!r}?" if near else f"Columns of {table.name!r}: {', '.join(table.columns)}."
        raise SchemaError(f"{where}: unknown column {unknown[0]!r}. {hint}")
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise SchemaError(f"{where}: column {doubled[0]!r} stands twice. Keep one.")


def _row(position: int) -> str:
    return f"row {position + 2}"  # as an editor shows a CSV: line 1 is the header


_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_FLAGS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


def _typed(values: pd.Series, column: Column, name: str, where: str) -> pd.Series:
    out: pd.Series
    if column.kind == "number":
        out = pd.to_numeric(values, errors="coerce").astype("float64")
        wrong = out.isna() & values.notna()
        comma = wrong.any() and _DECIMAL_COMMA.fullmatch(str(values[wrong].iloc[0]))
        _refuse_first(wrong, values, name, where, "a number", "Write 0.5, not 0,5." if comma else column.cure)
    elif column.kind == "date":
        twice = {value: two for value in values.dropna().unique() if (two := two_readings(value))}
        for value, (day_first, month_first) in twice.items():
            expected = f"one day; it may be {day_first} or {month_first}"
            _refuse_first(values == value, values, name, where, expected, "Write the one that is meant.")
        parsed = pd.to_datetime(values, errors="coerce", utc=True, format="mixed")
        out = parsed.dt.tz_localize(None).dt.normalize().astype("datetime64[s]")
        wrong, cure = out.isna() & values.notna(), "Correct it or leave it empty."
        _refuse_first(wrong, values, name, where, "a date such as 2024-09-19", cure)
    elif column.kind == "flag":
        read = values.where(values.notna(), False).astype("str").map(_FLAGS)
        _refuse_first(read.isna(), values, name, where, "true or false", "Correct it or leave it empty.")
        out = read.astype(bool)
    else:
        out = values.astype("str").where(values.notna(), None).astype("str")
        if column.choices:
            wrong, allowed = out.notna() & ~out.isin(column.choices), ", ".join(column.choices)
            _refuse_first(wrong, values, name, where, f"one of {allowed}", "Use one of them.")
    if not column.nullable:
        empty = out.isna()
        if column.kind == "text":
            empty |= out.astype("str").str.strip() == ""
        _refuse_first(empty, values, name, where, column.about, "Fill it in or remove the row.")
    return out


def _refuse_first(bad: pd.Series, values: pd.Series, name: str, where: str, expected: str, cure: str) -> None:
    at = np.flatnonzero(bad.to_numpy(dtype=bool))
    if len(at):
        more = f" ({len(at)} such values)" if len(at) > 1 else ""
        raise SchemaError(
            f"{where}, {_row(at[0])}, column {name!r}: found {values.iloc[at[0]]!r}{more}, expected {expected}. {cure}"
        )


def _check_ranges(frame: pd.DataFrame, table: Table, where: str, units: Mapping[str, str]) -> None:
    for name, column in table.columns.items():
        if column.kind != "number":
            continue
        values = frame[name].to_numpy()
        bad = np.isinf(values) | (values < column.low) | (values > column.high)
        if table.name == "scores" and name == "score":
            rated = frame["benchmark"].isin([b for b, unit in units.items() if unit != "fraction"]).to_numpy()
            bad &= ~(rated & np.isfinite(values))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            label = f" ({frame['model'].iloc[at]}, {frame['benchmark'].iloc[at]})" if table.name == "scores" else ""
            more = f" and {int(bad.sum()) - 1} more" if bad.sum() > 1 else ""
            raise SchemaError(
                f"{where}, {_row(at)}, column {name!r}{label}: found {values[at]:g}{more}, "
                f"expected {column.about} between {column.low:g} and {column.high:g}. {column.cure}"
            )


def _check_key(frame: pd.DataFrame, table: Table, where: str) -> None:
    key = list(table.key)
    doubled = frame.duplicated(key, keep=False).to_numpy()
    if doubled.any():
        first = int(np.flatnonzero(doubled)[0])
        same = np.flatnonzero((frame[key].fillna("") == frame.loc[first, key].fillna("")).all(axis=1).to_numpy())
        row = frame.iloc[first].to_dict()
        shown = ", ".join(f"{k}={row[k]!s}" for k in key if pd.notna(row[k]))
        raise SchemaError(
            f"{where}, {_row(first)} and {_row(int(same[1]))}: duplicate key ({shown}). "
            f"The key is ({', '.join(key)}): keep one row or tell them apart."
        )
