"""What every source has in common: who it is, which files it is read from, and what its `parse` gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from obslaws.errors import SourceError

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
    """

    scores: pd.DataFrame
    facts: pd.DataFrame
    n_rows: int
    dropped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    names: pd.DataFrame = field(default_factory=_no_names)


Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Live:
    """Where a source is published today, as data: `obslaws.fetching` goes there and nobody else does.

    Parameters
    ----------
    files : mapping of str to str
        Frame that `parse` expects -> where its file is: a pattern of paths in the hub repository (``data/*.parquet``;
        shards are put below each other), or an address when `hub` is empty. Every CSV of a zip is a frame.
    hub : str
        Dataset id on the Hugging Face Hub; empty for plain HTTP.
    layout : callable, optional
        Pure function from the frames as published to the frames that `parse` expects.
    frozen : tuple of str
        Benchmarks that the upstream no longer publishes; a refresh takes their rows over from the newest snapshot.
    max_bytes : int
        Size of one file above which it is refused.
    """

    files: Mapping[str, str]
    hub: str = ""
    layout: Callable[[Frames], Frames] | None = None
    frozen: tuple[str, ...] = ()
    max_bytes: int = 64_000_000

    @property
    def address(self) -> str:
        """Where a person finds it."""
        return f"https://huggingface.co/datasets/{self.hub}" if self.hub else next(iter(self.files.values()))


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
        Parquet as it is; YAML as one row per line; anything else as comma-separated text.

    Returns
    -------
    DataFrame
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
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
