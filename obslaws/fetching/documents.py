"""Many small files of a dataset on the hub, a part at a time: folders are listed at one pinned commit, the rest waits.

Files that the newest snapshot has read are not asked for; of the others the most wanted ones come, several at once.
A run that is stopped half-way keeps what came: every file is in the hub's own cache and the next run finds it there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from obslaws.errors import SourceError
from obslaws.fetching.hub import Counter, cached_file, download
from obslaws.fetching.limits import MAX_DOCUMENT, safe_name
from obslaws.fetching.network import Budget, Fetched, Network, Wanted
from obslaws.sources import Source
from obslaws.sources.live import Documents

__all__ = ["fetch_documents", "select"]

_AT_ONCE = 6


def fetch_documents(
    source: Source, network: Network, cache: Path, tell: Callable[[int, int], None], dry_run: bool, wanted: Wanted
) -> Fetched:
    """Pin, list, choose and download.

    Parameters
    ----------
    source : Source
        Its `live` names a dataset, `files` the patterns of paths (key: folder that is listed) and `documents` the rest.
    network : Network
        Limits and endpoint.
    cache : Path
        Folder where the choice is noted for work without network.
    tell : callable
        Is called with (bytes so far, bytes in all).
    dry_run : bool
        List and choose only.
    wanted : Wanted
        What is known already, and how much may come.

    Returns
    -------
    Fetched
        `names` are the paths, one per file; `n_left` counts the wanted ones that did not come.

    Raises
    ------
    SourceError
        One line with the cause; not for a fault after the first file, which is told in `cut`.
    """
    live, documents = source.live, source.live.documents if source.live else None
    if live is None or documents is None:
        raise SourceError(f"{source.id}: does not come in documents.")
    note = cache / "hub" / f"{source.id}.json"
    if network.is_offline():
        return _from_cache(source, live.hub, note, documents, wanted)
    from huggingface_hub import HfApi

    budget, api = Budget(network, source.id), HfApi(endpoint=network.hub_endpoint())
    info = budget.retry(
        lambda: api.dataset_info(live.hub, expand=["sha", "lastModified"], timeout=network.timeout),
        f"dataset {live.hub}",
    )
    commit = str(info.sha)
    modified = info.last_modified.date().isoformat() if info.last_modified else ""
    listed = _listing(budget, api, live.hub, commit, live.files, source.id)
    chosen, n_left = select(list(listed), documents, wanted)
    address = f"{live.hub}@{commit}"
    missing = sum(listed[n].size or 0 for n in chosen if cached_file(live.hub, n, commit) is None)
    if dry_run:
        return Fetched({}, commit, address, {}, missing, modified, n_left=n_left + len(chosen))
    came = Counter(missing, tell)
    paths, cut = _download_all(budget, live.hub, [listed[n] for n in chosen], commit, came)
    done = [n for n in chosen if n in paths]
    _write_note(note, {"commit": commit, "names": done, "modified": modified})
    hashes = {name: hashlib.sha256(paths[name].read_bytes()).hexdigest() for name in done}
    return Fetched(
        {documents.frame: tuple(paths[n] for n in done)}, commit, address, hashes, came.n_bytes, modified,
        {documents.frame: tuple(done)}, n_left + len(chosen) - len(done), cut,
    )  # fmt: skip


def select(names: list[str], documents: Documents, wanted: Wanted) -> tuple[list[str], int]:
    """Choose the documents to bring now.

    Parameters
    ----------
    names : list of str
        All that are listed.
    documents : Documents
        Which of them the source reads.
    wanted : Wanted
        What is known, what matters, how many.

    Returns
    -------
    chosen : list of str
        In the order in which they are wanted.
    n_left : int
        How many more are wanted.
    """
    fresh = [n for n in documents.choose(names) if n not in wanted.known]
    if wanted.since:
        fresh = [n for n in fresh if documents.day(n) == "" or documents.day(n) >= wanted.since]
    first = {model.lower() for model in wanted.models}
    if documents.kind == "files" and first:
        fresh.sort(key=lambda name: not _about(name, first))
    limit = documents.limit if wanted.limit is None else wanted.limit
    return fresh[:limit], max(0, len(fresh) - limit)


def _about(name: str, models: set[str]) -> bool:
    parts = name.lower().split("/")
    return any(f"{owner}/{model}" in models for owner, model in pairwise(parts))


def _listing(budget: Budget, api: Any, hub: str, commit: str, folders: Any, source: str) -> dict[str, Any]:
    from huggingface_hub.errors import EntryNotFoundError

    listed: dict[str, Any] = {}

    def tree(folder: str) -> list[Any]:
        try:
            return list(api.list_repo_tree(hub, folder or None, recursive=True, revision=commit, repo_type="dataset"))
        except EntryNotFoundError:
            return []  # a board that the collection no longer has

    for folder, pattern in folders.items():
        for entry in budget.retry(lambda f=folder: tree(f), f"folder {folder or '/'} of {hub}"):  # type: ignore[misc]
            if getattr(entry, "blob_id", None) is None or not fnmatchcase(entry.path, pattern):
                continue
            safe_name(entry.path, source)
            if (entry.size or 0) > MAX_DOCUMENT:
                continue
            listed[entry.path] = SimpleNamespace(
                rfilename=entry.path, size=entry.size, blob_id=entry.blob_id, lfs=entry.lfs
            )
    if not listed:
        patterns = ", ".join(dict.fromkeys(folders.values()))
        raise SourceError(f"{source}: no file {patterns} in {hub}. The upstream moved: adapt its live route.")
    return listed


def _download_all(
    budget: Budget, hub: str, items: list[Any], commit: str, came: Counter
) -> tuple[dict[str, Path], str]:
    paths: dict[str, Path] = {}
    faults: list[SourceError] = []

    def bring(item: Any) -> None:
        if faults:
            return
        if budget.left() < 0:
            faults.append(SourceError(f"{budget.source}: stopped after {budget.network.deadline:g} s."))
            return
        try:
            paths[item.rfilename] = download(budget, hub, item, commit, came)
        except SourceError as error:
            faults.append(error)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bring, items))
    if faults and not paths:
        raise faults[0]
    return paths, str(faults[0]).removeprefix(f"{budget.source}: ") if faults else ""


def _write_note(note: Path, told: dict[str, Any]) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    aside = note.with_suffix(".aside")
    aside.write_text(json.dumps(told), encoding="utf-8")
    aside.replace(note)


def _from_cache(source: Source, hub: str, note: Path, documents: Documents, wanted: Wanted) -> Fetched:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        paths = {name: cached_file(hub, name, told["commit"]) for name in told["names"]}
    except (OSError, ValueError, KeyError, TypeError):
        told, paths = {}, {}
    there = {name: path for name, path in paths.items() if path is not None}
    if not there:
        raise SourceError(f"{source.id}: offline, and {hub} is not in the cache. Refresh once with network.")
    chosen, n_left = select(list(there), documents, wanted)
    hashes = {name: hashlib.sha256(there[name].read_bytes()).hexdigest() for name in chosen}
    files = {documents.frame: tuple(there[name] for name in chosen)}
    return Fetched(
        files, told["commit"], f"{hub}@{told['commit']}", hashes, 0, told.get("modified", ""),
        {documents.frame: tuple(chosen)}, n_left,
    )  # fmt: skip
