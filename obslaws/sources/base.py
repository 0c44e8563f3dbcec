"""What every source has in common: who it is, which files it is read from, and what its `parse` gives back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.live import Live

__all__ = ["Live", "Parsed", "Source", "need_columns", "read_file"]


def _no_names() -> pd.DataFrame:
    return pd.DataFrame({"raw": pd.Series(dtype="str"), "model": pd.Series(dtype="str")})


@dataclass(frozen=True)
class Parsed:
    """A source's tables, tidy, and what became of its rows.

    Parameters
    ----------
    scores : DataFrame of shape (n_scores, 8)
        Columns model, revision, precision, benchmark, score (raw fraction or the benchmark's unit), stderr, setting,
        date.
    facts : DataFrame of shape (n_claims, 5)
        Columns model, attribute, value (text), basis, document.
    n_rows : int
        Rows read.
    dropped : dict of str to int
        Rows left out, by reason.
    notes : dict of str to int
        Cells and values (not rows) left out or changed, by reason.
    names : DataFrame of shape (n_names, 2)
        Columns raw and model, for boards whose names are not hub ids: what the board wrote and the id made of it.
    is_board : bool
        Whether models are named by a board, also where `names` lists none because they were resolved before.
    """

    scores: pd.DataFrame
    facts: pd.DataFrame
    n_rows: int
    dropped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    names: pd.DataFrame = field(default_factory=_no_names)
    is_board: bool = False


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
    live : Live, optional
        Where it is published today; None for what was published once and does not change.
    bundled : bool
        Whether there is a copy to freeze for the snapshot of the package; the others come with a refresh only.
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
    live: Live | None = None
    bundled: bool = True

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
            frames[path.stem] = read_file(path)
        return frames


def read_file(path: Path) -> pd.DataFrame:
    """Read one file of an upstream copy.

    Parameters
    ----------
    path : Path
        Parquet as it is; JSON and YAML as one row per line; JSON lines, each an object with name and document, as one
        row per document; anything else as comma-separated text.

    Returns
    -------
    DataFrame
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        texts = [json.dumps(line["document"], ensure_ascii=False) for line in lines]
        return pd.DataFrame({"name": [line["name"] for line in lines], "text": texts}, dtype="str")
    if path.suffix in (".json", ".yaml", ".yml"):
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
