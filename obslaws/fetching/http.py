"""Files by plain HTTP: asked for only when they changed, never larger than allowed, whole or not at all.

The cache holds each body under its SHA-256 and, beside it, what the server said about it. A body is written aside and
renamed, the note after it, so a kill at any moment leaves the last good file.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any

from obslaws._version import __version__
from obslaws.errors import SourceError
from obslaws.fetching.causes import BrokenOff
from obslaws.fetching.network import Budget, Fetched, Network
from obslaws.sources import Source

__all__ = ["fetch_http"]

_CHUNK = 1 << 16


def fetch_http(
    source: Source, network: Network, cache: Path, tell: Callable[[int, int], None], dry_run: bool = False
) -> Fetched:
    """Ask for every file of a source.

    Parameters
    ----------
    source : Source
        Its `live` names addresses.
    network : Network
        Limits.
    cache : Path
        Folder for the bodies.
    tell : callable
        Is called with (bytes so far, bytes in all, 0 when unknown).
    dry_run : bool
        Ask for the headers only; `files` is then empty.

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
    budget = Budget(network, source.id)
    folder = cache / "http"
    folder.mkdir(parents=True, exist_ok=True)

    def bring(url: str, only_ask: bool) -> tuple[_Known, int]:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise SourceError(f"{source.id}: address {url!r} is not http or https; refused.")
        known = _Known(folder, url)
        if network.is_offline():
            if not known.path:
                raise SourceError(f"{source.id}: offline, and {url} is not in the cache. Refresh once with network.")
            return known, 0
        if only_ask:
            return known, budget.retry(lambda: _ask(url, known, network), url)
        return known, budget.retry(lambda: _get(url, known, network, budget, live.max_bytes, tell), url)

    addresses: Mapping[str, str] = live.files
    if live.listing:
        page, _ = bring(next(iter(live.files.values())), only_ask=False)
        addresses = live.listing(page.path.read_text(encoding="utf-8", errors="replace") if page.path else "")
    files: dict[str, tuple[Path, ...]] = {}
    hashes: dict[str, str] = {}
    n_bytes, modified, is_untold = 0, "", False
    for frame, url in addresses.items():
        known, came = bring(url, only_ask=dry_run)
        n_bytes += came
        modified = max(modified, known.modified)
        is_untold |= bool(known.note.get("untold"))
        if known.path and not dry_run:
            files[frame] = (known.path,)
            hashes[url] = known.note["sha256"]
    digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
    revision = next(iter(hashes.values())) if len(hashes) == 1 else digest
    return Fetched(
        files, f"sha256:{revision}" if hashes else "", live.address, hashes, n_bytes, modified, is_untold=is_untold
    )


class _Known:
    """What the cache has of one address."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.endless = ""  # digest of a text that came without a length and without an end to its last line
        self._note_path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
        self.note: dict[str, Any] = {}
        try:
            note = json.loads(self._note_path.read_text(encoding="utf-8"))
            path = folder / note["file"]
            if note["url"] == url and hashlib.sha256(path.read_bytes()).hexdigest() == note["sha256"]:
                self.note = note
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not there, or damaged: ask for all of it

    @property
    def path(self) -> Path | None:
        return self.folder / self.note["file"] if self.note else None

    @property
    def modified(self) -> str:
        try:
            return parsedate_to_datetime(self.note["last_modified"]).date().isoformat()
        except (KeyError, TypeError, ValueError):
            return ""

    def conditions(self) -> dict[str, str]:
        wanted = {"If-None-Match": self.note.get("etag"), "If-Modified-Since": self.note.get("last_modified")}
        return {name: value for name, value in wanted.items() if value}

    def keep(self, aside: Path, digest: str, headers: Any, untold: bool) -> None:
        suffix = PurePosixPath(urllib.parse.urlsplit(self.url).path).suffix.lower()
        old = self.path
        path = self.folder / f"{digest}{suffix if suffix.isascii() and len(suffix) < 9 else ''}"
        aside.replace(path)
        note = {"url": self.url, "file": path.name, "sha256": digest, "etag": headers.get("ETag"),
                "last_modified": headers.get("Last-Modified"), "untold": untold}  # fmt: skip
        written = self._note_path.with_suffix(f".{os.getpid()}.aside")
        written.write_text(json.dumps(note), encoding="utf-8")
        written.replace(self._note_path)
        self.note = note
        if old and old != path and not any(old.name in n.read_text() for n in self.folder.glob("*.json")):
            old.unlink(missing_ok=True)


def _open(url: str, headers: dict[str, str], timeout: float, method: str = "GET") -> http.client.HTTPResponse:
    asked = urllib.request.Request(url, headers={"User-Agent": f"obslaws/{__version__}", **headers}, method=method)
    # no file:, ftp: or data: handlers, whatever a redirect says; proxies of the environment are honoured
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler, urllib.request.UnknownHandler, urllib.request.HTTPHandler,
        urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPSHandler, urllib.request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener.open(asked, timeout=timeout)


def _ask(url: str, known: _Known, network: Network) -> int:
    try:
        with _open(url, known.conditions(), network.timeout, "HEAD") as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection open until it is collected
        if error.code == 304:
            return 0
        raise


def _get(url: str, known: _Known, network: Network, budget: Budget, most: int, tell: Callable[[int, int], None]) -> int:
    try:
        answer = _open(url, known.conditions(), network.timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and known.path:
            return 0
        raise
    aside = known.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.{os.getpid()}.aside"
    try:
        with answer, aside.open("wb") as out:
            untold = answer.length is None and not answer.chunked
            digest, n_bytes = _save(answer, out, url, budget, most, tell)
        if untold:
            _check_end(aside, url, digest, known)
        known.keep(aside, digest, answer.headers, untold)
        return n_bytes
    finally:
        aside.unlink(missing_ok=True)


def _check_end(path: Path, url: str, digest: str, known: _Known) -> None:
    """Doubt a text that came without a length and does not end its last line, unless it comes the same way twice."""
    is_text = PurePosixPath(urllib.parse.urlsplit(url).path).suffix.lower() in (".csv", ".tsv", ".yml", ".yaml")
    if is_text and not path.read_bytes().endswith(b"\n") and known.endless != digest:
        known.endless = digest
        raise BrokenOff("no length was announced, and the last line has no end")


def _save(
    answer: Any, out: Any, url: str, budget: Budget, most: int, tell: Callable[[int, int], None]
) -> tuple[str, int]:
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise SourceError(f"{budget.source}: {url} came packed ({encoding}), which was not asked for; refused.")
    announced = answer.headers.get("Content-Length")
    total = int(announced) if announced and announced.isdigit() else None
    if total is not None and total > most:
        raise SourceError(_too_large(budget.source, url, total, most))
    digest, n_bytes = hashlib.sha256(), 0
    while chunk := answer.read(_CHUNK):
        n_bytes += len(chunk)
        if n_bytes > most:
            raise SourceError(_too_large(budget.source, url, n_bytes, most))
        if budget.left() < 0:
            raise SourceError(
                f"{budget.source}: {url} took longer than {budget.network.deadline:g} s. Try again later."
            )
        digest.update(chunk)
        out.write(chunk)
        tell(n_bytes, total or 0)
    if total is not None and n_bytes != total:
        raise BrokenOff(f"{n_bytes:,} bytes came, {total:,} were announced")
    return digest.hexdigest(), n_bytes


def _too_large(source: str, url: str, n_bytes: int, most: int) -> str:
    return (
        f"{source}: {url} has {n_bytes:,} bytes or more, expected at most {most:,}; refused. "
        "If the upstream really grew, raise max_bytes in its live route."
    )
