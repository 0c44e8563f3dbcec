"""How to behave on the network: time limits, retries, what is wanted, and what a fetch brings back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from obslaws.errors import SourceError
from obslaws.fetching.causes import cause_of, is_transient, wait_asked_for

__all__ = ["Budget", "Fetched", "Network", "Wanted"]

T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """Time limits and where to ask.

    Parameters
    ----------
    endpoint : str, optional
        Address of the hub; `HF_ENDPOINT` or the public hub by default. It is passed with every call.
    offline : bool
        Use only what is in the cache; `HF_HUB_OFFLINE` has the same effect.
    timeout : float
        Seconds that a server may stay silent.
    deadline : float
        Seconds that one source may take in all.
    tries : int
        How often a request is made before a passing fault counts.
    pause : float
        Seconds before the second try; doubled with each further one.
    """

    endpoint: str | None = None
    offline: bool = False
    timeout: float = 10.0
    deadline: float = 180.0
    tries: int = 4
    pause: float = 1.0

    def hub_endpoint(self) -> str:
        """Address of the hub, without a slash at the end."""
        return (self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")

    def is_offline(self) -> bool:
        """Tell whether requests are forbidden, by us or by the hub's own variable."""
        return self.offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


@dataclass(frozen=True)
class Wanted:
    """Which part of a source that comes in documents is wanted.

    Parameters
    ----------
    known : frozenset of str
        Names of documents that the newest snapshot has read already.
    models : tuple of str
        Models that matter, the first ones most.
    since : str
        ISO day; documents older than it are not wanted. Empty for any.
    limit : int, optional
        How many at most; by default what the source says.
    """

    known: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()
    since: str = ""
    limit: int | None = None


@dataclass(frozen=True)
class Fetched:
    """Files of one source, on disk.

    Parameters
    ----------
    files : dict of str to tuple of Path
        Frame -> its files; several are shards of one table.
    revision : str
        Commit on the hub, or ``sha256:...`` of the files.
    address : str
        Where they came from.
    hashes : dict of str to str
        Path or address upstream -> SHA-256.
    n_bytes : int
        Bytes that came over the network now; 0 when the cache had everything.
    modified : str
        ISO day of the last change upstream, empty when unknown.
    names : dict of str to tuple of str
        Frame of documents -> their names, one per file.
    n_left : int
        Documents that are wanted and did not come: for the next refresh.
    cut : str
        Why it stopped before the limit; empty when it did not.
    is_untold : bool
        Whether a text came without any word on its length, so that a loss at its end would not show.
    """

    files: dict[str, tuple[Path, ...]]
    revision: str
    address: str
    hashes: dict[str, str] = field(default_factory=dict)
    n_bytes: int = 0
    modified: str = ""
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    n_left: int = 0
    cut: str = ""
    is_untold: bool = False


class Budget:
    """Seconds left for one source, and the retries that fit into them.

    Parameters
    ----------
    network : Network
        Limits.
    source : str
        Id, for messages.
    """

    def __init__(self, network: Network, source: str) -> None:
        self.network, self.source = network, source
        self._end = time.monotonic() + network.deadline

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._end - time.monotonic()

    def retry(self, call: Callable[[], T], what: str) -> T:
        """Call until it succeeds, fails for good, or time is up.

        Parameters
        ----------
        call : callable
            Without arguments.
        what : str
            Address, for the message.

        Returns
        -------
        object
            What the call gives.

        Raises
        ------
        SourceError
            One line: what was asked of whom, what came, what to do.
        """
        for attempt in range(1, self.network.tries + 1):
            try:
                return call()
            except SourceError:
                raise
            except Exception as error:
                asked = wait_asked_for(error)
                wait = self.network.pause * 2 ** (attempt - 1) if asked is None else asked
                tries = f", {attempt} tries" if attempt > 1 else ""
                if not is_transient(error) or attempt == self.network.tries:
                    raise SourceError(f"{self.source}: {what}: {cause_of(error)}{tries}.") from error
                if wait > self.left():
                    late = f"the next try in {wait:.0f} s would pass the limit of {self.network.deadline:g} s"
                    raise SourceError(f"{self.source}: {what}: {cause_of(error)}{tries}; {late}.") from error
                time.sleep(wait)
        raise SourceError(f"{self.source}: {what}: no try was allowed. Set tries to 1 or more.")
