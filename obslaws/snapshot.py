"""Dated tables that travel with the package: find them, load them, say where they come from.

A snapshot is a folder ``data/snapshots/<date>`` with ``models``, ``benchmarks``, ``scores`` and ``facts`` as parquet
and a ``manifest.json`` that names every source, its licence and what became of its rows. Loading reads only the tables
asked for. ``python -m obslaws.snapshot freeze FOLDER`` makes a new one from upstream copies (`obslaws.freezing`).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from obslaws.errors import SourceError, UnknownNameError

__all__ = ["Snapshot", "data_root", "list_snapshots", "load_snapshot"]


def data_root() -> Path:
    """Find the data that travel with the package.

    Returns
    -------
    Path
        Folder with ``snapshots``, ``views`` and ``protocols``: inside an installed package, beside it in a clone.

    Raises
    ------
    SourceError
        Neither is there: the installation is broken.
    """
    here = Path(__file__).resolve().parent
    for root in (here / "_data", here.parent / "data"):
        if root.is_dir():
            return root
    raise SourceError(f"No data beside {here}. Expected {here / '_data'}: install the package again.")


@dataclass(frozen=True)
class Snapshot:
    """Tables frozen on one day; each is read when it is first asked for.

    Parameters
    ----------
    folder : Path
        Where the files are.
    manifest : dict
        Sources, licences, rows, hashes; see ``manifest.json``.

    Attributes
    ----------
    models : DataFrame of shape (n_models, 25)
        One row per model; columns of the schema.
    benchmarks : DataFrame of shape (n_benchmarks, 11)
        One row per benchmark.
    scores : DataFrame of shape (n_scores, 9)
        Tidy; text columns are categories.
    facts : DataFrame of shape (n_claims, 6)
        Every claim of every source, the losing ones too.
    """

    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def date(self) -> str:
        """Day of the snapshot, ISO 8601."""
        return str(self.manifest["date"])

    @property
    def hash(self) -> str:
        """First twelve digits of the SHA-256 over the four tables."""
        return str(self.manifest["hash"])

    @property
    def provenance(self) -> dict[str, str]:
        """Date and hash, for captions."""
        return {"snapshot": self.date, "hash": self.hash}

    @cached_property
    def models(self) -> pd.DataFrame:
        """Table of models."""
        return self._read("models")

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """Table of benchmarks."""
        return self._read("benchmarks")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Table of scores."""
        return self._read("scores")

    @cached_property
    def facts(self) -> pd.DataFrame:
        """Table of claims."""
        return self._read("facts")

    def scores_from(self, sources: list[str], benchmarks: list[str]) -> pd.DataFrame:
        """Read only the scores of some sources and benchmarks; faster than the whole table.

        Parameters
        ----------
        sources : list of str
            Source ids.
        benchmarks : list of str
            Benchmark ids.

        Returns
        -------
        DataFrame of shape (n_scores, 9)
            Rows of ``scores``.
        """
        wanted = [("source", "in", sources), ("benchmark", "in", benchmarks)]
        table = pq.read_table(self.folder / "scores.parquet", filters=wanted, partitioning=None)
        return table.to_pandas(date_as_object=False)

    def _read(self, name: str) -> pd.DataFrame:
        return pq.read_table(self.folder / f"{name}.parquet", partitioning=None).to_pandas(date_as_object=False)


def list_snapshots() -> list[str]:
    """Name the snapshots that are here, the newest last.

    Returns
    -------
    list of str
        Dates.
    """
    return sorted(path.parent.name for path in (data_root() / "snapshots").glob("*/manifest.json"))


def load_snapshot(name: str | None = None) -> Snapshot:
    """Load a snapshot; its tables are read when first used.

    Parameters
    ----------
    name : str, optional
        Its date; the newest by default.

    Returns
    -------
    Snapshot

    Raises
    ------
    UnknownNameError
        No such snapshot; the nearest is offered.

    Examples
    --------
    >>> load_snapshot().benchmarks.benchmark[0]
    'mmlu'
    """
    known = list_snapshots()
    if not known:
        raise SourceError(
            f"No snapshot in {data_root() / 'snapshots'}. Expected at least one: install the package again."
        )
    name = known[-1] if name is None else name
    if name not in known:
        raise UnknownNameError("snapshot", name, known)
    folder = data_root() / "snapshots" / name
    return Snapshot(folder, json.loads((folder / "manifest.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    from obslaws.freezing import main

    sys.exit(main(sys.argv[1:]))
