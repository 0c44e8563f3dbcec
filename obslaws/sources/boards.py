"""What boards have in common whose names are not hub ids: names, reasoning efforts as settings, repeated measurements.

A board's rows pass through `board_scores`: identical repetitions are dropped and counted, different measurements of one
cell are all kept and told apart by the setting (``run 2``), because the difference is information about the board.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import model_ids, split_effort
from obslaws.sources.tidy import SCORE_COLUMNS

__all__ = ["as_fraction", "board_scores", "documents", "from_json", "join_settings", "linked", "named"]

_KEY = ["model", "benchmark", "setting"]


def from_json(lines: pd.DataFrame, where: str) -> Any:
    """Read a JSON file from its lines.

    Parameters
    ----------
    lines : DataFrame of shape (n_lines, 1)
        Column line, as `obslaws.sources.Source.read` gives it.
    where : str
        Source and file, for the message.

    Returns
    -------
    dict or list

    Raises
    ------
    SourceError
        Not JSON; says at which line.
    """
    try:
        return json.loads("\n".join(lines["line"].fillna("")))
    except json.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON ({error}). Expected the upstream file: fetch it again.") from error


def documents(frame: pd.DataFrame) -> tuple[list[tuple[str, Any]], int]:
    """Read small JSON documents.

    Parameters
    ----------
    frame : DataFrame of shape (n_documents, 2)
        Columns name and text.

    Returns
    -------
    list of (str, object)
        Name and content.
    int
        Documents that are not JSON.
    """
    out, n_broken = [], 0
    for name, text in zip(frame["name"], frame["text"], strict=True):
        try:
            out.append((str(name), json.loads(text)))
        except (ValueError, RecursionError):
            n_broken += 1
    return out, n_broken


def named(frame: pd.DataFrame, maker: pd.Series | None = None, effort: bool = True) -> pd.DataFrame:
    """Add ids to rows that carry a board's names.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, ...)
        Column raw holds the name; a column setting is kept.
    maker : Series of str, shape (n_rows,), optional
        Organisation as the board states it.
    effort : bool
        Whether a reasoning effort in the name becomes part of the setting.

    Returns
    -------
    DataFrame of shape (n_rows, ...)
        With the columns model and setting; `raw` is without effort.
    """
    parts = frame["raw"].map(lambda name: split_effort(str(name)) if effort else (str(name).strip(), ""))
    raw, level = parts.str[0], parts.str[1]
    out = frame.assign(raw=raw, model=model_ids(raw, maker))
    setting = frame["setting"] if "setting" in frame else pd.Series("", index=frame.index)
    return out.assign(setting=join_settings(setting, level))


def linked(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the hub id from the board's own link, where the link belongs to one name only.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, ...)
        Columns raw (name, perhaps with conditions in brackets) and link.

    Returns
    -------
    DataFrame of shape (n_rows, ...)
        `raw` is the hub id where the link gives one, the conditions stay behind it; a link that two different names
        share (a later release without a repository of its own) counts for neither.
    """
    found = frame["link"].fillna("").str.extract(r"^(?:https://huggingface\.co/)?([\w.-]+/[\w.-]+)/?$")[0]
    names = frame["raw"].map(lambda name: split_effort(str(name))[0])
    alone = names.groupby(found).transform("nunique").eq(1)
    rest = pd.Series([raw.removeprefix(name) for raw, name in zip(frame["raw"], names, strict=True)], index=frame.index)
    return frame.assign(raw=frame["raw"].mask(found.notna() & alone, found + rest))


def join_settings(*parts: pd.Series) -> pd.Series:
    """Write several settings as one text; empty and missing ones leave no trace.

    Parameters
    ----------
    *parts : Series of str, shape (n_rows,)
        Settings.

    Returns
    -------
    Series of str, shape (n_rows,)
        Missing where no part says anything.
    """
    table = pd.concat([p.astype("str").fillna("") for p in parts], axis=1)
    joined = pd.Series(["; ".join(x for x in row if x) for row in table.to_numpy()], index=table.index, dtype="str")
    return joined.where(joined != "")


def as_fraction(values: pd.Series, percent: bool, where: str) -> pd.Series:
    """Turn a column into fractions and refuse one that is in another unit than it was.

    Parameters
    ----------
    values : Series of float
        As upstream has them.
    percent : bool
        Whether upstream writes percentages.
    where : str
        Source and column, for the message.

    Returns
    -------
    Series of float
        Fractions.

    Raises
    ------
    SourceError
        A value beyond the unit, or percentages that never exceed 1.
    """
    top, bottom = values.max(), values.min()
    limit = 100.0 if percent else 1.0
    unit = "percentages" if percent else "fractions"
    if top > limit or bottom < 0:
        found = top if top > limit else bottom
        raise SourceError(
            f"{where}: found {found:g}, expected {unit} between 0 and {limit:g}. The unit changed upstream."
        )
    if percent and 0 < top <= 1 and len(values) > 5:
        raise SourceError(f"{where}: no value above {top:g}, expected percentages. The unit changed upstream.")
    return values / limit


def board_scores(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Make rows of ``scores`` of a board's rows.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, ...)
        Columns raw, model, benchmark, score, and where known setting, stderr, date, revision, precision.

    Returns
    -------
    scores : DataFrame of shape (n_scores, 8)
        Rows without a score are left out; a second measurement of a cell gets the setting ``run 2``.
    names : DataFrame of shape (n_names, 2)
        Columns raw and model.
    n_doubled : int
        Rows that repeat another one to the last digit.
    """
    kept = rows[rows["score"].notna()].reset_index(drop=True)
    for column in SCORE_COLUMNS:
        if column not in kept:
            kept[column] = None
    repeated = kept.duplicated([*_KEY, "score"])
    kept = kept[~repeated].reset_index(drop=True)
    place = kept.fillna({"setting": ""}).groupby(_KEY, sort=False).cumcount() + 1
    again = pd.Series("run " + place.astype("str"), dtype="str").where(place > 1, "")
    text = dict.fromkeys(("model", "revision", "precision", "benchmark", "setting"), "str")
    scores = kept.assign(setting=join_settings(kept["setting"], again))[SCORE_COLUMNS]
    numbers = {"score": "float64", "stderr": "float64"}
    names = kept[["raw", "model"]].drop_duplicates(ignore_index=True).astype("str")
    return scores.astype(text | numbers), names, int(repeated.sum())
