"""From fetched files to the frames that a source's parse() expects."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from obslaws.errors import SourceError
from obslaws.fetching.limits import MAX_COLUMNS, read_parquet, read_zip
from obslaws.fetching.network import Fetched
from obslaws.sources import Source
from obslaws.sources.base import read_file

__all__ = ["read_fetched"]


def read_fetched(source: Source, fetched: Fetched) -> dict[str, pd.DataFrame]:
    """Read the files within limits and put them into the layout of the source's copies.

    Parameters
    ----------
    source : Source
        With a live route.
    fetched : Fetched
        Its files.

    Returns
    -------
    dict of str to DataFrame
        For `source.parse`.

    Raises
    ------
    SourceError
        A file is damaged, empty, absurdly large, or no longer looks as it did.
    """
    frames: dict[str, pd.DataFrame] = {}
    for name, paths in fetched.files.items():
        if name in fetched.names:
            texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
            frames[name] = pd.DataFrame({"name": list(fetched.names[name]), "text": texts}, dtype="str")
        elif paths[0].suffix == ".zip":
            for member, content in read_zip(paths[0], source.id).items():
                frames[member] = _read_text(content, f"{source.id}, {member}")
        else:
            frames[name] = pd.concat([_read(path, source.id, name) for path in paths], ignore_index=True)
    for name, frame in frames.items():
        if frame.empty:
            raise SourceError(f"{source.id}: table {name!r} is empty. Expected rows; the upstream is being rebuilt.")
    layout = source.live.layout if source.live else None
    return dict(layout(frames)) if layout else frames


def _read(path: Path, source: str, name: str) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return read_parquet(path, source)
    if path.suffix == ".csv":
        return _read_text(path.read_bytes(), f"{source}, {name}")
    return read_file(path)


def _read_text(content: bytes, where: str) -> pd.DataFrame:
    if content[:4096].split(b"\n")[0].count(b",") > MAX_COLUMNS:
        raise SourceError(f"{where}: more than {MAX_COLUMNS:,} columns; refused before it was decoded.")
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False, na_values=[""])
        _check_last_row(content, len(frame.columns), where)
        return frame
    except (ValueError, UnicodeDecodeError) as error:  # ParserError and EmptyDataError are ValueErrors
        said = " ".join(str(error).split())[:120]
        raise SourceError(f"{where} is damaged ({said}). Expected comma-separated text; refresh again.") from error


def _check_last_row(content: bytes, n_columns: int, where: str) -> None:
    """Refuse a table whose last row has fewer cells than the heading, or ends inside a quoted one: it was cut."""
    text = content.decode("utf-8", errors="replace")
    rows = csv.reader(io.StringIO(text), strict=True)
    n_rows, n_cells = 0, n_columns
    try:
        for row in rows:
            n_rows, n_cells = (n_rows + 1, len(row)) if row else (n_rows, n_cells)
    except csv.Error:
        n_cells = 0
    if n_cells < n_columns:
        raise SourceError(
            f"{where} broke off in row {n_rows:,}: it has {n_cells} cells, the heading {n_columns}. Try again."
        )
