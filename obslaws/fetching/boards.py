"""Leaderboards of the hub's benchmark datasets, by its API: one call lists the datasets, one brings each board."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from obslaws.errors import SourceError
from obslaws.fetching.network import Budget, Fetched, Network
from obslaws.names import hand_table
from obslaws.sources import Source

__all__ = ["fetch_boards"]


def fetch_boards(
    source: Source, network: Network, cache: Path, tell: Callable[[int, int], None], dry_run: bool = False
) -> Fetched:
    """Bring the board of every benchmark dataset that ``names/hub_boards.csv`` knows; the others are listed only.

    Parameters
    ----------
    source : Source
        Its `live` has one frame, ``boards``.
    network : Network
        Limits and endpoint.
    cache : Path
        Folder for the answers.
    tell : callable
        Is called with (boards so far, boards in all).
    dry_run : bool
        Only list the datasets.

    Returns
    -------
    Fetched
        One JSON document per dataset, named by it.

    Raises
    ------
    SourceError
        One line with the cause. A board that is refused is a document that says so, if others came.
    """
    folder = cache / "boards"
    address = f"{network.hub_endpoint()}/datasets"
    if network.is_offline():
        paths = sorted(folder.glob("*.json"))
        if not paths:
            raise SourceError(f"{source.id}: offline, and no board is in the cache. Refresh once with network.")
        return _fetched(address, {path.stem.replace("__", "/"): path for path in paths}, 0)
    from huggingface_hub import HfApi

    budget, api = Budget(network, source.id), HfApi(endpoint=network.hub_endpoint())
    listed = budget.retry(lambda: [d.id for d in api.list_datasets(benchmark=True)], "list of benchmark datasets")
    known = [d for d in sorted(listed) if d in set(hand_table("hub_boards")["dataset"])]
    if dry_run:
        return Fetched({}, "", address)
    folder.mkdir(parents=True, exist_ok=True)
    answers: dict[str, Any] = {d: {"dataset": d, "entries": None} for d in sorted(set(listed) - set(known))}
    faults: list[SourceError] = []
    for at, dataset in enumerate(known):
        tell(at, len(known))
        try:
            entries = budget.retry(
                lambda d=dataset: api.get_dataset_leaderboard(d, base_model_only=False, timeout=network.timeout),  # type: ignore[misc]
                f"board of {dataset}",
            )
            answers[dataset] = {"dataset": dataset, "entries": [_entry(e) for e in entries]}
        except SourceError as error:
            faults.append(error)
    if len(faults) == len(known) and faults:
        raise faults[0]
    tell(len(known), len(known))
    n_bytes = 0
    for dataset, answer in answers.items():
        path = folder / f"{dataset.replace('/', '__')}.json"
        aside = path.with_suffix(f".{os.getpid()}.aside")
        aside.write_text(json.dumps(answer, ensure_ascii=False, sort_keys=True, default=str), encoding="utf-8")
        aside.replace(path)
        n_bytes += path.stat().st_size
    told = {dataset: folder / f"{dataset.replace('/', '__')}.json" for dataset in sorted(answers)}
    for path in set(folder.glob("*.json")) - set(told.values()):
        path.unlink()  # a board that is gone, or was refused: an old answer would pass for today's
    cut = str(faults[0]).removeprefix(f"{source.id}: ") if faults else ""
    return _fetched(address, told, n_bytes, cut)


def _entry(entry: Any) -> dict[str, Any]:
    return {"model": entry.model_id, "value": entry.value, "verified": entry.verified, "notes": entry.notes,
            "file": entry.filename}  # fmt: skip


def _fetched(address: str, paths: dict[str, Path], n_bytes: int, cut: str = "") -> Fetched:
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
    return Fetched(
        {"boards": tuple(paths.values())}, f"sha256:{digest}", address, hashes, n_bytes, "",
        {"boards": tuple(paths)}, 0, cut,
    )  # fmt: skip
