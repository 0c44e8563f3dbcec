"""Refresh: fetch every live source at once, keep what cannot be had, freeze a new snapshot."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from obslaws.errors import ObslawsError, UnknownNameError, UsageError
from obslaws.fetching import Fetched, Network, Wanted, fetch, read_fetched
from obslaws.fetching.causes import cause_of
from obslaws.folders import snapshots_folder
from obslaws.freezing import assemble, entry_of, packaged_hash
from obslaws.lifecycle.carry import carried_entry, carry, grown_entry
from obslaws.lifecycle.checks import check_parsed
from obslaws.lifecycle.storing import store
from obslaws.names import DOUBTFUL
from obslaws.snapshot import LATEST, Snapshot, load_snapshot
from obslaws.sources import SOURCES, Parsed, Source

__all__ = ["Outcome", "Refreshed", "refresh"]

_AT_ONCE = 4
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one source.

    Parameters
    ----------
    source : str
        Id.
    status : {"refreshed", "partial", "unchanged", "carried", "failed", "found"}
        `partial`: a fault came after the first documents, which are kept; `unchanged`: the revision that the newest
        snapshot has already; `carried`: not asked for, nothing new, or older than `since`; `failed`: its last good rows
        stay; `found`: a dry run.
    revision : str
        Upstream.
    n_bytes : int
        Downloaded, or to be downloaded in a dry run.
    n_rows : int
        Rows read.
    seconds : float
        Wall time.
    cause : str
        Why it failed, or why it stayed.
    n_left : int
        Documents that wait for the next refresh, of a source that comes in documents.
    """

    source: str
    status: str
    revision: str = ""
    n_bytes: int = 0
    n_rows: int = 0
    seconds: float = 0.0
    cause: str = ""
    n_left: int = 0


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did.

    Parameters
    ----------
    outcomes : tuple of Outcome
        In the order of the registry.
    base : str
        Snapshot that it started from.
    folder : Path or None
        The new snapshot; None when nothing changed, or in a dry run.
    """

    outcomes: tuple[Outcome, ...]
    base: str
    folder: Path | None = None

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The sources that failed."""
        return tuple(o for o in self.outcomes if o.status == "failed")

    @property
    def partial(self) -> tuple[Outcome, ...]:
        """The sources of which a fault let only a part come."""
        return tuple(o for o in self.outcomes if o.status == "partial")

    def frame(self) -> pd.DataFrame:
        """Outcomes as a table.

        Returns
        -------
        DataFrame of shape (n_sources, 8)
        """
        return pd.DataFrame([vars(o) for o in self.outcomes])


@dataclass
class _Came:
    """What a thread brings: a fetch and its tables, or the reason why not."""

    source: Source
    fetched: Fetched | None = None
    parsed: Parsed | None = None
    error: BaseException | None = None
    seconds: float = 0.0


@dataclass
class _Parts:
    parsed: dict[str, Parsed] = field(default_factory=dict)
    entries: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Order:
    """What was ordered, for every source alike."""

    base: Snapshot
    network: Network
    date: str
    since: str | None
    dry_run: bool
    limit: int | None
    shrink: bool

    def wanted(self, source: Source) -> Wanted:
        documents = source.live.documents if source.live else None
        if documents is None:
            return Wanted()
        read = self.base.manifest["sources"].get(source.id, {}).get("files", {})
        return Wanted(
            frozenset(read), tuple(documents.models(self.base.models, self.base.scores)), self.since or "", self.limit
        )


def refresh(
    sources: Iterable[str] | None = None,
    *,
    since: str | None = None,
    dry_run: bool = False,
    network: Network | None = None,
    base: Snapshot | None = None,
    out: Path | None = None,
    date: str | None = None,
    registry: dict[str, Source] | None = None,
    limit: int | None = None,
    accept_shrink: bool = False,
    tell: Tell = lambda source, done, total: None,
) -> Refreshed:
    """Bring live sources up to date and freeze the result.

    Parameters
    ----------
    sources : iterable of str, optional
        Source ids; by default all live ones but those that come on request only.
    since : str, optional
        ISO day; sources that did not change upstream since then stay as they are.
    dry_run : bool
        Only look what there is.
    network : Network, optional
        Time limits, endpoint, offline.
    base : Snapshot, optional
        Whose rows stand in for sources that are not refreshed; the newest by default.
    out : Path, optional
        Folder for the snapshot, instead of a dated one in the user's data.
    date : str, optional
        Day of the snapshot; today (UTC) by default.
    registry : dict of str to Source, optional
        `obslaws.sources.SOURCES` by default.
    limit : int, optional
        How many documents a source that comes in documents brings at most; by default what the source says.
    accept_shrink : bool
        Take tables that have fewer rows than the newest snapshot's.
    tell : callable
        Is called with (source, bytes so far, bytes in all), from several threads.

    Returns
    -------
    Refreshed
        Failures are in it; a failing source never loses the others.

    Raises
    ------
    UnknownNameError
        No such source.
    UsageError
        A source without live route was named, a day is no ISO day, or `limit` is below 1.
    StorageError
        The snapshot could not be written.
    """
    registry = SOURCES if registry is None else registry
    wanted = _wanted(registry, sources)
    date, since = _day(date, "date") or datetime.now(UTC).date().isoformat(), _day(since, "since")
    network = network or Network()
    base = base or load_snapshot(LATEST)
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}, expected a count of at least 1.")
    outcomes: dict[str, Outcome] = {}
    parts = _Parts()
    ordered = _Order(base, network, date, since, dry_run, limit, accept_shrink)
    for came in _bring(wanted, ordered, tell):
        outcomes[came.source.id] = _judge(came, ordered, parts)
    order = [s for s in registry if s in outcomes or s in base.manifest["sources"] or not registry[s].files]
    if dry_run:
        return Refreshed(tuple(outcomes[s] for s in order if s in outcomes), base.name)
    for source in (registry[s] for s in order if s not in outcomes and not registry[s].files):
        parts.parsed[source.id] = source.parse({})
        parts.entries[source.id] = entry_of(source, parts.parsed[source.id], packaged_hash(source))
    earlier = _keep(parts, base, registry, order, outcomes)
    told = tuple(outcomes.get(s) or Outcome(s, "carried", cause="not asked for") for s in order)
    if not any(o.status in ("refreshed", "partial", "unchanged") for o in told) and any(
        o.status == "failed" for o in told
    ):
        return Refreshed(told, base.name)
    parsed = {s: parts.parsed[s] for s in order if s in parts.parsed}
    entries = {s: parts.entries[s] for s in order if s in parts.entries}
    if _nothing_new(entries, base) and out is None:
        return Refreshed(told, base.name)
    review = base.review()
    doubtful = set(review.loc[review["rule"].isin(DOUBTFUL), "model"])
    settled = [str(m) for m in base.models["model"] if m not in doubtful]
    folder = store(assemble(parsed, entries, earlier, settled), entries, date, snapshots_folder(), out)
    return Refreshed(told, base.name, folder)


def _wanted(registry: dict[str, Source], names: Iterable[str] | None) -> list[Source]:
    live = {name: source for name, source in registry.items() if source.live}
    if names is None:
        return [source for source in live.values() if source.live and not source.live.on_request]
    chosen = []
    for name in names:
        if name not in registry:
            raise UnknownNameError("source", name, list(live))
        if name not in live:
            raise UsageError(f"source {name!r} was published once and is not refreshed. Live ones: {', '.join(live)}.")
        chosen.append(registry[name])
    return [source for source in live.values() if source in chosen]


def _day(text: str | None, what: str) -> str | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError as error:
        raise UsageError(f"{what} is {text!r}, expected a day such as 2026-01-31.") from error


def _bring(wanted: list[Source], ordered: _Order, tell: Tell) -> list[_Came]:
    """Fetch several sources at once; one that hangs is left behind when its time is up."""
    done: queue.Queue[_Came] = queue.Queue()
    gate = threading.Semaphore(_AT_ONCE)
    started: dict[str, float] = {}
    base, since, dry_run, network = ordered.base, ordered.since, ordered.dry_run, ordered.network

    def work(source: Source) -> None:
        with gate:
            start = started[source.id] = time.monotonic()
            came = _Came(source)
            try:
                came.fetched = fetched = fetch(
                    source, network, tell=lambda n, of: tell(source.id, n, of), dry_run=dry_run,
                    wanted=ordered.wanted(source),
                )  # fmt: skip
                nothing = not any(fetched.files.values())
                if not dry_run and not nothing and not (since and "" < fetched.modified < since):
                    came.parsed = source.parse(read_fetched(source, fetched))
                    grows = bool(fetched.cut or (source.live and source.live.documents))
                    check_parsed(source.id, came.parsed, base, grows, fetched.is_untold, ordered.shrink)
            except Exception as error:
                came.error = error
            came.seconds = time.monotonic() - start
            done.put(came)

    for source in wanted:
        threading.Thread(target=work, args=(source,), daemon=True, name=f"refresh-{source.id}").start()
    waiting, came = {source.id: source for source in wanted}, []
    while waiting:
        try:
            one = done.get(timeout=0.1)
        except queue.Empty:
            now = time.monotonic()
            late = [s for s in waiting if now - started.get(s, now) > network.deadline]
            for name in late:
                gate.release()  # its thread may hang for ever; the next one takes its place
                words = (
                    f"{name}: nothing came within {network.deadline:g} s; the server is slow or down, try again later."
                )
                came.append(_Came(waiting.pop(name), error=TimeoutError(words), seconds=network.deadline))
            continue
        if waiting.pop(one.source.id, None):
            came.append(one)
    return came


def _judge(came: _Came, ordered: _Order, parts: _Parts) -> Outcome:
    source, fetched, parsed = came.source, came.fetched, came.parsed
    outcome = Outcome(source.id, "failed", seconds=came.seconds)
    if came.error is not None or fetched is None:
        return replace(outcome, cause=_cause(source.id, came.error))
    outcome = replace(outcome, revision=fetched.revision, n_bytes=fetched.n_bytes, n_left=fetched.n_left)
    if ordered.dry_run:
        return replace(outcome, status="found")
    if parsed is None:
        old = ordered.since and "" < fetched.modified < ordered.since
        why = f"unchanged upstream since {fetched.modified}" if old else "every document was read before"
        return replace(outcome, status="carried", cause=why)
    known = ordered.base.manifest["sources"].get(source.id, {})
    same = known.get("revision") == fetched.revision and set(fetched.hashes) <= set(known.get("files", {}))
    # the day on which this revision was first fetched, so that the same revision gives the same manifest
    retrieved = known["retrieved"] if same else ordered.date
    url = source.live.address if source.live else source.url
    parts.parsed[source.id] = parsed
    parts.entries[source.id] = entry_of(
        source, parsed, fetched.hashes, url=url, revision=fetched.revision, retrieved=retrieved
    )
    status = "partial" if fetched.cut else "unchanged" if same else "refreshed"
    return replace(outcome, status=status, n_rows=parsed.n_rows, cause=fetched.cut)


def _cause(source: str, error: BaseException | None) -> str:
    if isinstance(error, ObslawsError) or type(error) is TimeoutError:
        text = " ".join(str(error).split())
        return text.removeprefix(f"{source}: ")
    if isinstance(error, OSError):
        return f"{cause_of(error)}."
    told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return f"its tables could not be read ({told}). The upstream changed: adapt its parse()."


def _keep(
    parts: _Parts, base: Snapshot, registry: dict[str, Source], order: list[str], outcomes: dict[str, Outcome]
) -> dict[str, Parsed]:
    """Fill in from the base what was not refreshed, and what its upstream no longer publishes.

    Gives back the earlier rows of the sources that grow, by source id: they are added when all names are resolved.
    """
    stay = [s for s in order if s not in parts.parsed and s in base.manifest["sources"]]
    lives = {s: registry[s].live for s in parts.parsed}
    frozen = {s: live.frozen for s, live in lives.items() if live and live.frozen}
    cut = {s for s, outcome in outcomes.items() if outcome.status == "partial"}  # what did not come stays as it was
    grown = [s for s, live in lives.items() if live and (live.documents or s in cut) and s in base.manifest["sources"]]
    earlier = carry(base, grown, {})
    for source in grown:
        parts.entries[source] = grown_entry(base, source, parts.entries[source])
    for source, kept in carry(base, stay, frozen).items():
        if source in stay:
            parts.parsed[source] = kept
            failed = outcomes[source].cause if source in outcomes and outcomes[source].status == "failed" else ""
            parts.entries[source] = carried_entry(base, source, failed)
        else:
            fresh = parts.parsed[source]
            parts.parsed[source] = replace(fresh, scores=pd.concat([fresh.scores, kept.scores], ignore_index=True))
            parts.entries[source]["frozen_part"] = {
                "benchmarks": list(frozen[source]), "scores": len(kept.scores),
                "from": base.manifest["sources"][source].get("frozen_part", {}).get("from", base.name),
            }  # fmt: skip
    return earlier


def _nothing_new(entries: dict[str, Any], base: Snapshot) -> bool:
    def essence(entry: dict[str, Any]) -> dict[str, Any]:
        return {k: entry.get(k) for k in ("revision", "files", "rows_read")}

    old = base.manifest["sources"]
    return set(entries) <= set(old) and all(essence(entry) == essence(old[s]) for s, entry in entries.items())
