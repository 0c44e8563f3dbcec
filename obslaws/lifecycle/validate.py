"""Hold a snapshot against its manifest and the schema."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from obslaws.errors import SchemaError
from obslaws.fetching.limits import read_parquet
from obslaws.schema import TABLES, check_table
from obslaws.snapshot import Snapshot, open_snapshot

__all__ = ["check_hashes", "validate"]

_CURE = "Remove the folder and run obslaws refresh."


def validate(folder: Path) -> dict[str, int]:
    """Check hashes, rows, the schema of every table and what ties them together.

    Parameters
    ----------
    folder : Path
        A snapshot.

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    SourceError
        The manifest or a table cannot be read.
    SchemaError
        A table differs from what the manifest says, or breaks the schema.
    """
    check_hashes(folder)
    data = open_snapshot(folder)
    tables = {name: _checked(data, name) for name in TABLES}
    units = dict(zip(tables["benchmarks"]["benchmark"], tables["benchmarks"]["unit"], strict=True))
    for name, frame in tables.items():
        check_table(frame, name, units=units)
    where = f"snapshot {data.name}"
    for column, table in (("model", "models"), ("benchmark", "benchmarks")):
        lost = set(tables["scores"][column].unique()) - set(tables[table][column])
        if lost:
            raise SchemaError(f"{where}: scores name the {column} {min(lost)!r}, which {table} has not. Refresh again.")
    strange = set(tables["scores"]["source"].unique()) - set(data.manifest["sources"])
    if strange:
        raise SchemaError(f"{where}: scores of source {min(strange)!r}, which the manifest has not. Refresh again.")
    return {name: len(table) for name, table in tables.items()}


def check_hashes(folder: Path) -> None:
    """Check only that every table is there and is what was written.

    Parameters
    ----------
    folder : Path
        A snapshot.

    Raises
    ------
    SourceError
        The manifest cannot be read.
    SchemaError
        A table is missing or was changed.
    """
    data = open_snapshot(folder)
    for name in TABLES:
        path, told = folder / f"{name}.parquet", data.manifest["tables"].get(name, {})
        where = f"snapshot {data.name}, {path.name}"
        if not path.is_file():
            raise SchemaError(f"{where}: is missing. {_CURE}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != told.get("sha256"):
            raise SchemaError(
                f"{where}: was changed after it was written (another SHA-256 than the manifest's). {_CURE}"
            )


def _checked(data: Snapshot, name: str) -> pd.DataFrame:
    path, told = data.folder / f"{name}.parquet", data.manifest["tables"][name]
    where, cure = f"snapshot {data.name}, {path.name}", _CURE
    frame = read_parquet(path, where)
    if len(frame) != told.get("rows"):
        raise SchemaError(f"{where}: {len(frame):,} rows, the manifest says {told.get('rows')}. {cure}")
    if list(frame.columns) != list(TABLES[name].columns):
        raise SchemaError(f"{where}: columns {list(frame.columns)}, expected {list(TABLES[name].columns)}. {cure}")
    texts = [c for c, spec in TABLES[name].columns.items() if spec.kind == "text"]
    return frame.astype(dict.fromkeys(texts, "str"))
