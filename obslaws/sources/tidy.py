"""From a source's columns to tidy rows: claims, scores, numbers out of text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from obslaws.names import canonical

__all__ = ["as_text", "claims", "no_scores", "numbers", "scores_of", "stack"]

CLAIM_COLUMNS = ["model", "attribute", "value", "basis", "document"]
SCORE_COLUMNS = ["model", "revision", "precision", "benchmark", "score", "stderr", "setting", "date"]
_NUMBERS = ("score", "stderr")


def as_text(values: pd.Series) -> pd.Series:
    """Write numbers, dates and flags so that reading them back gives the same value.

    Parameters
    ----------
    values : Series
        Numbers, dates, booleans or text.

    Returns
    -------
    Series of str
        Missing stays missing; whole numbers carry no decimal point.
    """
    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "true", False: "false"}).astype("str")
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.strftime("%Y-%m-%d").astype("str")
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64").map(_number, na_action="ignore").astype("str")
    return values.astype("str")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def claims(
    model: pd.Series, attribute: str, values: pd.Series, basis: str | pd.Series, document: str | None = None
) -> pd.DataFrame:
    """Put one column of a source into rows of ``facts``.

    Parameters
    ----------
    model : Series of str, shape (n_rows,)
        Names as the source spells them.
    attribute : str
        Column of ``models`` that the claim is about.
    values : Series of shape (n_rows,)
        Missing values make no claim.
    basis : str or Series
        How the source knows.
    document : str, optional
        Where it was read.

    Returns
    -------
    DataFrame of shape (n_claims, 5)
    """
    frame = pd.DataFrame(
        {
            "model": model.map(canonical),
            "attribute": attribute,
            "value": as_text(values),
            "basis": basis,
            "document": document,
        }
    )
    return frame[frame["value"].notna()].drop_duplicates()


def scores_of(frame: pd.DataFrame, columns: Mapping[str, str], scale: float = 1.0) -> pd.DataFrame:
    """Melt a wide table into rows of ``scores``.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, ...)
        Holds model, and revision, precision, setting, date where known, beside the score columns.
    columns : mapping of str to str
        Column of the source -> benchmark id.
    scale : float
        Divides the values: 100 for percentages.

    Returns
    -------
    DataFrame of shape (n_scores, 8)
        Empty cells make no row.
    """
    keep = [c for c in ("revision", "precision", "setting", "date") if c in frame]
    parts = []
    for column, benchmark in columns.items():
        part = frame[["model", *keep]].assign(benchmark=benchmark, score=frame[column].astype("float64") / scale)
        parts.append(part[part["score"].notna()])
    out = pd.concat(parts, ignore_index=True)
    out["model"] = out["model"].map(canonical)
    out = out.reindex(columns=SCORE_COLUMNS)
    return out.astype({c: "str" for c in ("model", "revision", "precision", "benchmark", "setting")})


def stack(*parts: pd.DataFrame) -> pd.DataFrame:
    """Put claims below each other; without any, an empty table of claims.

    Parameters
    ----------
    *parts : DataFrame
        From `claims`.

    Returns
    -------
    DataFrame of shape (n_claims, 5)
    """
    kept = [p for p in parts if len(p)]
    if not kept:
        return pd.DataFrame({c: pd.Series(dtype="str") for c in CLAIM_COLUMNS})
    return pd.concat(kept, ignore_index=True).astype({c: "str" for c in CLAIM_COLUMNS})


def no_scores() -> pd.DataFrame:
    """Make the scores of a source that has none.

    Returns
    -------
    DataFrame of shape (0, 8)
    """
    return pd.DataFrame({c: pd.Series(dtype="float64" if c in _NUMBERS else "str") for c in SCORE_COLUMNS})


def numbers(values: pd.Series, scale: float = 1.0) -> pd.Series:
    """Turn text into numbers; thousands separators are allowed, other text (``2260275840,2290000001``) becomes missing.

    Parameters
    ----------
    values : Series of str
        As read.
    scale : float
        Multiplies the values, e.g. 1e9 for billions.

    Returns
    -------
    Series of float
    """
    text = values.astype("str").str.strip()
    grouped = text.str.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", na=False)
    plain = text.mask(grouped, text.str.replace(",", "", regex=False))
    out = pd.to_numeric(plain, errors="coerce").astype("float64") * scale
    return out.where(np.isfinite(out))
