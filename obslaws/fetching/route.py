"""Which way a source's files come: from the hub, by the hub's API, or by plain HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from obslaws.errors import SourceError
from obslaws.fetching.boards import fetch_boards
from obslaws.fetching.documents import fetch_documents
from obslaws.fetching.http import fetch_http
from obslaws.fetching.hub import fetch_hub
from obslaws.fetching.models import fetch_models
from obslaws.fetching.network import Fetched, Network, Wanted
from obslaws.folders import cache_folder
from obslaws.sources import Source

__all__ = ["fetch"]


def fetch(
    source: Source,
    network: Network | None = None,
    cache: Path | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
    dry_run: bool = False,
    wanted: Wanted | None = None,
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
    wanted : Wanted, optional
        Which documents, for a source that comes in documents.

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
    network, cache = network or Network(), cache or cache_folder()
    if source.live.documents:
        bring = fetch_models if source.live.documents.kind == "models" else fetch_documents
        return bring(source, network, cache, tell, dry_run, wanted or Wanted())
    way = fetch_boards if source.live.boards else fetch_hub if source.live.hub else fetch_http
    return way(source, network, cache, tell, dry_run)
