"""Dated tables, embedded in the package or refreshed by the user: find them, load them, say where they come from.

A snapshot is a folder ``data/snapshots/<date>`` with ``models``, ``benchmarks``, ``scores`` and ``facts`` as parquet
and a ``manifest.json`` that names every source, its licence and what became of its rows. Loading reads only the tables
asked for. ``python -m obslaws.snapshot freeze FOLDER`` makes a new one from upstream copies (`obslaws.freezing`).

``obslaws refresh`` puts newer ones into the user's own folder (`obslaws.folders`). They are used when named, or when
`OBSLAWS_SNAPSHOT` names them; otherwise the embedded one answers, so that one version of the package gives the same
numbers on every machine, whatever was refreshed there. The name ``latest`` stands for the newest of both.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from obslaws.errors import SourceError, UnknownNameError
from obslaws.folders import snapshots_folder

__all__ = ["LATEST", "Snapshot", "data_root", "list_snapshots", "load_snapshot", "open_snapshot", "snapshot_folders"]

LATEST = "latest"


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
    def name(self) -> str:
        """Name of the folder: the day, with a number after it from the second refresh of a day on."""
        return self.folder.name

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

    def duplicates(self, benchmarks: list[str] | None = None) -> pd.DataFrame:
        """List every cell that was measured more than once: by several sources, settings, revisions or runs.

        Parameters
        ----------
        benchmarks : list of str, optional
            Benchmark ids; all of them by default.

        Returns
        -------
        DataFrame of shape (n_measurements, 10)
            Rows of ``scores`` with `n_measurements`, sorted by model, benchmark and source. What a panel picks of them
            is decided by its view: see `obslaws.views.view_measurements`.
        """
        scores = self.scores if benchmarks is None else self.scores[self.scores["benchmark"].isin(benchmarks)]
        plain = scores.astype({"model": "str", "benchmark": "str", "source": "str"})
        count = plain.groupby(["model", "benchmark"])["score"].transform("size")
        again = plain.assign(n_measurements=count)[count > 1]
        return again.sort_values(["model", "benchmark", "source"], kind="stable", ignore_index=True)

    def review(self) -> pd.DataFrame:
        """Read the names of boards of which it is not certain which model they mean.

        Returns
        -------
        DataFrame of shape (n_names, 6)
            Columns source, raw, model, rule, confidence, nearest; no rows where the snapshot has no such file.
        """
        path = self.folder / "review.csv"
        columns = ["source", "raw", "model", "rule", "confidence", "nearest"]
        return pd.read_csv(path, keep_default_na=False) if path.is_file() else pd.DataFrame(columns=columns)

    def _read(self, name: str) -> pd.DataFrame:
        return pq.read_table(self.folder / f"{name}.parquet", partitioning=None).to_pandas(date_as_object=False)


def list_snapshots() -> list[str]:
    """Name the embedded snapshots and the user's own, the newest last.

    Returns
    -------
    list of str
        Names.
    """
    return list(snapshot_folders())


def snapshot_folders() -> dict[str, Path]:
    """Find the folder of every snapshot, the newest last.

    Returns
    -------
    dict of str to Path
        Name -> folder; the embedded ones cannot be hidden by the user's.
    """
    found: dict[str, Path] = {}
    for root in (data_root() / "snapshots", snapshots_folder()):
        for path in root.glob("[!.]*/manifest.json"):
            found.setdefault(path.parent.name, path.parent)
    return dict(sorted(found.items(), key=lambda item: _age(item[0])))


def _age(name: str) -> tuple[str, int, str]:
    day, _, number = name.partition(".")
    return (day, int(number), "") if number.isdigit() else (day, 0, number)


def load_snapshot(name: str | None = None) -> Snapshot:
    """Load a snapshot; its tables are read when first used.

    Parameters
    ----------
    name : str, optional
        Its name (a date), ``"latest"``, or a folder with a manifest. By default what `OBSLAWS_SNAPSHOT` says, and
        without it the newest embedded one.

    Returns
    -------
    Snapshot

    Raises
    ------
    UnknownNameError
        No such snapshot; the nearest is offered.
    SourceError
        Its manifest cannot be read.

    Examples
    --------
    >>> load_snapshot().benchmarks.benchmark[0]
    'mmlu'
    """
    name = name or os.environ.get("OBSLAWS_SNAPSHOT") or None
    if name and re.search(r"[/\\]", name) and (Path(name) / "manifest.json").is_file():
        return open_snapshot(Path(name))
    known = snapshot_folders()
    embedded = [n for n, folder in known.items() if folder.parent == data_root() / "snapshots"]
    if not embedded:
        raise SourceError(
            f"No snapshot in {data_root() / 'snapshots'}. Expected at least one: install the package again."
        )
    name = embedded[-1] if name is None else list(known)[-1] if name == LATEST else name
    if name not in known:
        raise UnknownNameError("snapshot", name, [*known, LATEST])
    return open_snapshot(known[name])


def open_snapshot(folder: Path) -> Snapshot:
    """Open the snapshot in a folder.

    Parameters
    ----------
    folder : Path
        With ``manifest.json`` and four tables.

    Returns
    -------
    Snapshot

    Raises
    ------
    SourceError
        The manifest is not there or cannot be read.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["date"], manifest["hash"], manifest["tables"], manifest["sources"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"snapshot {folder}: manifest.json cannot be read ({type(error).__name__}: {error}). "
            "Expected date, hash, tables and sources: remove the folder and run obslaws refresh."
        ) from error
    return Snapshot(folder, manifest)


if __name__ == "__main__":
    from obslaws.freezing import main

    sys.exit(main(sys.argv[1:]))
