"""Files of a dataset on the Hugging Face Hub, by the hub's own client, at one pinned commit.

One call pins the branch and lists names, sizes and hashes; each file is then asked for at that commit, which the
client answers from its cache without a request when it is there. The client can serve an older file when the hub
fails, so what came is held against the commit, the size and the hash that the listing named.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from obslaws.errors import SourceError
from obslaws.fetching.limits import safe_name, whole_shards
from obslaws.fetching.network import Budget, Fetched, Network
from obslaws.sources import Source

__all__ = ["Counter", "cached_file", "download", "fetch_hub"]


def fetch_hub(
    source: Source, network: Network, cache: Path, tell: Callable[[int, int], None], dry_run: bool = False
) -> Fetched:
    """Pin, list and download.

    Parameters
    ----------
    source : Source
        Its `live` names a dataset and patterns of paths.
    network : Network
        Limits and endpoint.
    cache : Path
        Folder where the pinned commit is noted for work without network; the files are in the hub's own cache.
    tell : callable
        Is called with (bytes so far, bytes in all).
    dry_run : bool
        Pin and list only; `files` is then empty and `n_bytes` what a download would bring.

    Returns
    -------
    Fetched

    Raises
    ------
    SourceError
        One line with the cause.
    """
    live = source.live
    if live is None:
        raise SourceError(f"{source.id}: has no live route. Known routes are on sources with 'live'.")
    note = cache / "hub" / f"{source.id}.json"
    if network.is_offline():
        return _from_cache(source, live.hub, note)
    from huggingface_hub import HfApi

    budget, endpoint = Budget(network, source.id), network.hub_endpoint()
    api = HfApi(endpoint=endpoint)
    info = budget.retry(
        lambda: api.dataset_info(live.hub, files_metadata=True, timeout=network.timeout), f"dataset {live.hub}"
    )
    commit = str(info.sha)
    listed = {s.rfilename: s for s in info.siblings or []}
    for name in listed:
        safe_name(name, source.id)
    chosen = {frame: whole_shards(source.id, live.hub, pattern, list(listed)) for frame, pattern in live.files.items()}
    wanted = [listed[name] for names in chosen.values() for name in names]
    for item in wanted:
        if item.size and item.size > live.max_bytes:
            raise SourceError(
                f"{source.id}: {item.rfilename} has {item.size:,} bytes, expected at most {live.max_bytes:,}. "
                "If the upstream really grew, raise max_bytes in its live route."
            )
    total = sum(item.size or 0 for item in wanted)
    modified = info.last_modified.date().isoformat() if info.last_modified else ""
    if dry_run:
        missing = sum(item.size or 0 for item in wanted if cached_file(live.hub, item.rfilename, commit) is None)
        return Fetched({}, commit, f"{live.hub}@{commit}", {}, missing, modified)
    came = Counter(total, tell)
    paths = {item.rfilename: download(budget, live.hub, item, commit, came) for item in wanted}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    note.parent.mkdir(parents=True, exist_ok=True)
    aside = note.with_suffix(".aside")
    aside.write_text(json.dumps({"commit": commit, "files": chosen, "modified": modified}), encoding="utf-8")
    aside.replace(note)
    files = {frame: tuple(paths[name] for name in names) for frame, names in chosen.items()}
    return Fetched(files, commit, f"{live.hub}@{commit}", hashes, came.n_bytes, modified)


class Counter:
    """Counts what comes over the network, and passes it on.

    Parameters
    ----------
    total : int
        Bytes that are expected.
    tell : callable
        Is called with (bytes so far, bytes in all).
    """

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        self.total, self.tell, self.n_bytes = total, tell, 0
        self._lock = threading.Lock()

    def bar(self) -> type[Any]:
        """Make the silent bar that the hub's client feeds.

        Returns
        -------
        type
            Kind of bar.
        """
        from huggingface_hub.utils import tqdm

        counter = self

        class Silent(tqdm):
            def __init__(self, *args: Any, **options: Any) -> None:
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": True})

            def update(self, n: float | None = 1) -> bool | None:
                with counter._lock:
                    counter.n_bytes += int(n or 0)
                counter.tell(min(counter.n_bytes, counter.total), counter.total)
                return None

        return Silent


def download(budget: Budget, hub: str, item: Any, commit: str, came: Counter) -> Path:
    """Bring one file at a commit and hold it against what the listing said.

    Parameters
    ----------
    budget : Budget
        Time and retries.
    hub : str
        Dataset id.
    item : object
        Entry of the listing, with rfilename, size, blob_id and lfs.
    commit : str
        Full sha.
    came : Counter
        Counts the bytes.

    Returns
    -------
    Path
        In the hub's cache.

    Raises
    ------
    SourceError
        It could not be had, or is not what was announced, also on a second download.
    """
    from huggingface_hub import hf_hub_download

    network, name = budget.network, item.rfilename
    for force in (False, True):
        found = budget.retry(
            lambda force=force: hf_hub_download(  # type: ignore[misc]
                hub, name, repo_type="dataset", revision=commit, endpoint=network.hub_endpoint(),
                etag_timeout=network.timeout, tqdm_class=came.bar(), force_download=force,
            ),
            f"file {name} of {hub}",
        )  # fmt: skip
        path = Path(found)
        if f"snapshots/{commit}/" not in path.as_posix():
            raise SourceError(
                f"{budget.source}: {hub} answered with another commit than {commit[:12]} (stale). Try again."
            )
        fault = _fault(path, item)
        if fault is None:
            return path
    raise SourceError(f"{budget.source}: file {name} of {hub}: {fault}, also on a second download. Try again later.")


def _fault(path: Path, item: Any) -> str | None:
    """Hold a file against the size and the hash that the listing named."""
    content = path.read_bytes()
    if item.size is not None and len(content) != item.size:
        return f"{len(content):,} bytes came, {item.size:,} were announced"
    if item.lfs is not None:
        told, found = item.lfs.sha256, hashlib.sha256(content).hexdigest()
    else:
        told, found = item.blob_id, hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return None if told in (None, found) else f"its hash is {found[:12]}, announced was {told[:12]}"


def cached_file(hub: str, name: str, commit: str) -> Path | None:
    """Find a file of a dataset in the hub's cache.

    Parameters
    ----------
    hub, name, commit : str
        Dataset id, path, full sha.

    Returns
    -------
    Path or None
        None when it is not there.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub, name, revision=commit, repo_type="dataset")
    return Path(found) if isinstance(found, str) else None


def _from_cache(source: Source, hub: str, note: Path) -> Fetched:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        found = {f: [cached_file(hub, name, told["commit"]) for name in names] for f, names in told["files"].items()}
        files = {f: tuple(p for p in paths if p is not None) for f, paths in found.items()}
    except (OSError, ValueError, KeyError, TypeError):
        files = {}
    if not files or any(len(paths) != len(told["files"][f]) for f, paths in files.items()):
        raise SourceError(f"{source.id}: offline, and {hub} is not in the cache. Refresh once with network.")
    names = [(name, path) for f, paths in files.items() for name, path in zip(told["files"][f], paths, strict=True)]
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names}
    return Fetched(files, told["commit"], f"{hub}@{told['commit']}", hashes, 0, told.get("modified", ""))
