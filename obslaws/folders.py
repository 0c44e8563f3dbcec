"""The user's own folders: refreshed snapshots in one, fetched files in another, registered forecasts beside them.

`OBSLAWS_HOME` moves both; without it they are where the operating system keeps such things.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

__all__ = ["cache_folder", "registry_file", "snapshots_folder"]


def snapshots_folder() -> Path:
    """Find the folder with the user's snapshots; it need not exist.

    Returns
    -------
    Path
        ``$OBSLAWS_HOME/snapshots``, or the data folder of the operating system.
    """
    own = os.environ.get("OBSLAWS_HOME")
    return (Path(own) if own else user_data_path("obslaws", appauthor=False)) / "snapshots"


def cache_folder() -> Path:
    """Find the folder with fetched files; it need not exist, and what is in it can be deleted at any time.

    Returns
    -------
    Path
        ``$OBSLAWS_HOME/cache``, or the cache folder of the operating system.
    """
    own = os.environ.get("OBSLAWS_HOME")
    return Path(own) / "cache" if own else user_cache_path("obslaws", appauthor=False)


def registry_file() -> Path:
    """Find the file with registered forecasts; it need not exist.

    Returns
    -------
    Path
        ``registry.jsonl`` beside the user's snapshots.
    """
    return snapshots_folder().parent / "registry.jsonl"
