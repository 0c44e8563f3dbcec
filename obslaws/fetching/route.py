"""Which way a source's files come: from the hub or by plain HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from obslaws.errors import SourceError
from obslaws.fetching.http import fetch_http
from obslaws.fetching.hub import fetch_hub
from obslaws.fetching.network import Fetched, Network
from obslaws.folders import cache_folder
from obslaws.sources import Source

__all__ = ["fetch"]


def fetch(
    source: Source,
    network: Network | None = None,
    cache: Path | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
    dry_run: bool = False,
) -> Fetched:
    """Bring the files of a source from where it is published today.

    Parameters
    ----------
    source : Source
        With a live route.
    network : Network, optional
        Time limits and endpoint.
    cache : Path, optional
        The user's cache folder by default.
    tell : callable
        Is called with (bytes so far, bytes in all).
    dry_run : bool
        Only look what there is; nothing is written.

    Returns
    -------
    Fetched
        With a file that did not change since the last time, nothing is downloaded.

    Raises
    ------
    SourceError
        One line with the cause.
    """
    if source.live is None:
        raise SourceError(f"{source.id}: was published once and has no live route. It stays as the snapshot has it.")
    way = fetch_hub if source.live.hub else fetch_http
    return way(source, network or Network(), cache or cache_folder(), tell, dry_run)
