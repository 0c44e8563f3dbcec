"""Records of models by the hub's API: size of the weights, parents, day of creation, licence, reported results.

Owners of several wanted models are asked once for all of theirs, the others model by model. Every answer is kept on
disk at once, so a run that is stopped, cut by its time or refused by the hub goes on where it was. A model that the hub
no longer has is an answer too.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.parse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from obslaws.errors import SourceError
from obslaws.fetching.documents import select
from obslaws.fetching.network import Budget, Fetched, Network, Wanted
from obslaws.sources import Source

__all__ = ["fetch_models"]

_EXPAND: list[Any] = [
    "safetensors",
    "cardData",
    "baseModels",
    "evalResults",
    "createdAt",
    "lastModified",
    "gated",
    "sha",
]
_TOGETHER = 4  # wanted models of one owner from which one listing is cheaper than single calls
_MOST_LISTED = 1_000  # one page


def fetch_models(
    source: Source, network: Network, cache: Path, tell: Callable[[int, int], None], dry_run: bool, wanted: Wanted
) -> Fetched:
    """Ask for the records of models.

    Parameters
    ----------
    source : Source
        Its `live` has documents of kind ``models``.
    network : Network
        Limits and endpoint.
    cache : Path
        Folder for the answers.
    tell : callable
        Is called with (records so far, records in all).
    dry_run : bool
        Only count; no request leaves.
    wanted : Wanted
        Models that matter, those known already, how many at most.

    Returns
    -------
    Fetched
        One JSON document per model, named by the model.

    Raises
    ------
    SourceError
        One line with the cause; not for a fault after the first record, which is told in `cut`.
    """
    documents = source.live.documents if source.live else None
    if documents is None:
        raise SourceError(f"{source.id}: does not come in documents.")
    folder = cache / "models"
    chosen, n_left = select(list(wanted.models), documents, wanted)
    missing = [model for model in chosen if not _path(folder, model).is_file()]
    address = f"{network.hub_endpoint()}/api/models"
    if dry_run:
        return Fetched({}, "", address, n_left=n_left + len(missing))
    n_bytes, cut = 0, ""
    if network.is_offline():
        if chosen and len(missing) == len(chosen):
            raise SourceError(f"{source.id}: offline, and no record is in the cache. Refresh once with network.")
    elif missing:
        folder.mkdir(parents=True, exist_ok=True)
        n_bytes, cut = _ask(Budget(network, source.id), folder, missing, tell)
    done = [model for model in chosen if _path(folder, model).is_file()]
    hashes = {model: hashlib.sha256(_path(folder, model).read_bytes()).hexdigest() for model in done}
    digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
    return Fetched(
        {documents.frame: tuple(_path(folder, model) for model in done)}, f"sha256:{digest}" if done else "", address,
        hashes, n_bytes, "", {documents.frame: tuple(done)}, n_left + len(chosen) - len(done), cut,
    )  # fmt: skip


def _path(folder: Path, model: str) -> Path:
    return folder / f"{urllib.parse.quote(model.lower(), safe='')[:180]}.json"


def _ask(budget: Budget, folder: Path, models: list[str], tell: Callable[[int, int], None]) -> tuple[int, str]:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=budget.network.hub_endpoint())
    waiting, n_bytes = dict.fromkeys(models), 0

    def keep(model: str, record: dict[str, Any]) -> None:
        nonlocal n_bytes
        if model in waiting:
            n_bytes += _write(_path(folder, model), record)
            del waiting[model]
            tell(len(models) - len(waiting), len(models))

    def owned(owner: str) -> list[Any]:
        return list(api.list_models(author=owner, expand=_EXPAND, limit=_MOST_LISTED))

    def one(model: str) -> dict[str, Any]:
        from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

        try:
            return _record(api.model_info(model, expand=_EXPAND, timeout=budget.network.timeout))
        except (RepositoryNotFoundError, HFValidationError):  # gone, or no name that the hub could hold
            return {"id": model, "missing": True}

    try:
        spelt = {model.lower(): model for model in models}
        for owner, n in Counter(model.partition("/")[0] for model in models).items():
            if n >= _TOGETHER:
                for info in budget.retry(lambda o=owner: owned(o), f"models of {owner}"):  # type: ignore[misc]
                    keep(spelt.get(info.id.lower(), ""), _record(info))
        for model in list(waiting):
            if budget.left() < 0:
                return n_bytes, f"stopped after {budget.network.deadline:g} s"
            keep(model, budget.retry(lambda m=model: one(m), f"model {model}"))  # type: ignore[misc]
    except SourceError as error:
        if len(waiting) == len(models):
            raise
        return n_bytes, str(error).removeprefix(f"{budget.source}: ")
    return n_bytes, ""


def _record(info: Any) -> dict[str, Any]:
    card = info.card_data
    parents = info.base_models if isinstance(info.base_models, dict) else {}
    stated = getattr(card, "base_model", None)
    return {
        "id": info.id, "sha": info.sha, "gated": info.gated,
        "created": info.created_at.isoformat() if info.created_at else None,
        "parameters": dict(info.safetensors.parameters) if info.safetensors else {},
        "total": info.safetensors.total if info.safetensors else None,
        "relation": parents.get("relation"),
        "parents": [p["id"] if isinstance(p, dict) else str(p) for p in parents.get("models", [])]
        or ([stated] if isinstance(stated, str) else list(stated or [])),
        "licence": getattr(card, "license", None),
        "results": [
            {"dataset": r.dataset_id, "task": r.task_id, "value": r.value, "date": r.date, "notes": r.notes,
             "signed": r.verify_token is not None}
            for r in info.eval_results or []
        ],
    }  # fmt: skip


def _write(path: Path, record: dict[str, Any]) -> int:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, default=str)
    aside = path.with_suffix(f".{os.getpid()}.aside")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    return len(text.encode())
