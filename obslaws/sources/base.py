"""What every source has in common: who it is, which files it is read from, and what its `parse` gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import canonical

__all__ = ["Parsed", "Source", "as_text", "claims", "need_columns", "no_scores", "numbers", "scores_of", "stack"]

CLAIM_COLUMNS = ["model", "attribute", "value", "basis", "document"]
SCORE_COLUMNS = ["model", "revision", "precision", "benchmark", "score", "setting", "date"]


@dataclass(frozen=True)
class Parsed:
    """A source's tables, tidy, and what became of its rows.

    Parameters
    ----------
    scores : DataFrame of shape (n_scores, 7)
        Columns model, revision, precision, benchmark, score (raw fraction), setting, date.
    facts : DataFrame of shape (n_claims, 5)
        Columns model, attribute, value (text), basis, document.
    n_rows : int
        Rows read.
    dropped : dict of str to int
        Rows left out, by reason.
    notes : dict of str to int
        Cells and values (not rows) left out or changed, by reason.
    """

    scores: pd.DataFrame
    facts: pd.DataFrame
    n_rows: int
    dropped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """One upstream: identity, licence, files, and the pure function that reads them.

    Parameters
    ----------
    id, title, url, revision, retrieved : str
        Who it is; `revision` is the upstream commit, `retrieved` the UTC date of the copy.
    licence, citation : str
        Terms under which the numbers were published, and whom to cite.
    files : tuple of str
        Paths relative to the folder with the upstream copies.
    parse : callable
        Takes one text frame per file, keyed by the file's stem, and gives `Parsed`; touches neither disk nor network.
    """

    id: str
    title: str
    url: str
    revision: str
    retrieved: str
    licence: str
    citation: str
    files: tuple[str, ...]
    parse: Callable[[Mapping[str, pd.DataFrame]], Parsed]

    def read(self, folder: Path) -> dict[str, pd.DataFrame]:
        """Read the source's files, every cell as text.

        Parameters
        ----------
        folder : Path
            Folder with the upstream copies.

        Returns
        -------
        dict of str to DataFrame
            Keyed by the stem of the file name.

        Raises
        ------
        SourceError
            A file is not there.
        """
        frames = {}
        for name in self.files:
            path = folder / name
            if not path.is_file():
                raise SourceError(f"{self.id}: no file {name!r} in {folder}. Expected the upstream copy of {self.url}.")
            frames[path.stem] = _read(path)
        return frames


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".yaml":
        return pd.DataFrame({"line": path.read_text(encoding="utf-8").splitlines()})
    # text first: sources mix numbers with commas, units and empty strings, and each parse() says what it accepts
    return pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])


def need_columns(frame: pd.DataFrame, columns: list[str], where: str) -> None:
    """Refuse a table that no longer looks as it did.

    Parameters
    ----------
    frame : DataFrame
        As read.
    columns : list of str
        Columns that the parser uses.
    where : str
        Source and file, for the message.

    Raises
    ------
    SourceError
        Names the first missing column and what was found.
    """
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        found = ", ".join(map(repr, list(frame.columns)[:12]))
        raise SourceError(
            f"{where}: column {missing[0]!r} is gone; found {found}. The upstream changed: adapt its parse()."
        )


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
    DataFrame of shape (n_scores, 7)
        Empty cells make no row.
    """
    keep = [c for c in ("revision", "precision", "setting", "date") if c in frame]
    parts = []
    for column, benchmark in columns.items():
        part = frame[["model", *keep]].assign(benchmark=benchmark, score=frame[column].astype("float64") / scale)
        parts.append(part[part["score"].notna()])
    out = pd.concat(parts, ignore_index=True)
    out["model"] = out["model"].map(canonical)
    return out.reindex(columns=SCORE_COLUMNS)


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
    DataFrame of shape (0, 7)
    """
    return pd.DataFrame({c: pd.Series(dtype="float64" if c == "score" else "str") for c in SCORE_COLUMNS})


def numbers(values: pd.Series, scale: float = 1.0) -> pd.Series:
    """Turn text into numbers; thousands separators are allowed, other text becomes missing.

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
    plain = values.astype("str").str.replace(",", "", regex=False)
    out = pd.to_numeric(plain, errors="coerce").astype("float64") * scale
    return out.where(np.isfinite(out))
