"""A snapshot appears whole or not at all: written aside, checked, renamed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from obslaws.errors import StorageError, UsageError
from obslaws.fetching.causes import cause_of
from obslaws.freezing import write_snapshot
from obslaws.lifecycle.validate import check_hashes
from obslaws.snapshot import list_snapshots

__all__ = ["store"]

_ASIDE = re.compile(r"\.aside-(\d+)-.*")


def store(tables: dict[str, pd.DataFrame], entries: dict[str, Any], date: str, folder: Path, out: Path | None) -> Path:
    """Write a snapshot.

    Parameters
    ----------
    tables : dict of str to DataFrame
        The four tables.
    entries : dict of str to dict
        Sources, for the manifest.
    date : str
        Day, ISO 8601; also the name, with ``.2``, ``.3`` and so on when the day is taken.
    folder : Path
        The user's folder of snapshots.
    out : Path, optional
        Another place, which must be empty or absent.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    UsageError
        `out` is not empty.
    StorageError
        The folder cannot be written; nothing is left behind and every earlier snapshot is as it was.
    """
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--output {str(out)!r} is not an empty folder. Name one that does not exist yet.")
    parent = folder if out is None else out.parent
    aside = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        aside = Path(tempfile.mkdtemp(prefix=f".aside-{os.getpid()}-", dir=parent))
        aside.chmod(0o755)
        write_snapshot(tables, entries, aside, date)
        check_hashes(aside)
        for path in (*aside.iterdir(), aside):
            _sync(path)
        return _rename(aside, out) if out is not None else _claim_name(aside, parent, date)
    except OSError as error:
        raise StorageError(f"{parent}: the snapshot was not written: {cause_of(error)}.") from error
    finally:
        if aside is not None and aside.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _rename(aside: Path, path: Path) -> Path:
    aside.rename(path)
    return path


def _claim_name(aside: Path, folder: Path, date: str) -> Path:
    number = 1
    while True:
        name = date if number == 1 else f"{date}.{number}"
        number += 1
        if name in list_snapshots() or (folder / name).exists():
            continue
        try:
            return _rename(aside, folder / name)
        except OSError:
            if not (folder / name).exists():  # else another refresh was faster: take the next name
                raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what killed refreshes left behind."""
    for path in folder.iterdir():
        found = _ASIDE.fullmatch(path.name)
        if found and not _alive(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
