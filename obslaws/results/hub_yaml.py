"""Evaluation results of a model repository on the Hugging Face Hub: ``.eval_results/*.yaml``.

An entry names a dataset and a task of it, and gives a value without a unit: most benchmarks count from 0 to 100, some
from 0 to 1. So the rule that maps a task must declare its scale.
"""

from __future__ import annotations

import logging
from typing import Any

from obslaws.errors import SchemaError
from obslaws.results.base import Measurement, Reading, plain
from obslaws.results.cells import day, mapping
from obslaws.results.document import Document

__all__ = ["NAME", "SHAPE", "matches", "parse"]

NAME = "hub-yaml"
SHAPE = "Hugging Face .eval_results YAML (a list of dataset and value)"


def matches(document: Document) -> bool:
    """Recognise a list of entries with dataset and value, bare or as the Hub serves them."""
    entries = document.data
    return isinstance(entries, list) and bool(entries) and all(map(_is_entry, entries))


def _is_entry(entry: object) -> bool:
    inner = mapping(mapping(entry).get("data", entry))
    return isinstance(inner.get("dataset"), dict) and "value" in inner


def parse(document: Document) -> Reading:
    """Read every entry.

    Parameters
    ----------
    document : Document

    Returns
    -------
    Reading
        A task is ``dataset id/task id``; the entry's notes are its setting.

    Raises
    ------
    SchemaError
        An entry lacks its dataset or task id.
    """
    found = []
    for at, entry in enumerate(document.data):
        fields = _fields(mapping(entry), f"{document.name}, entry {at + 1}")
        found.append(
            Measurement(
                plain(f"{fields['dataset_id']}/{fields['task_id']}"), "value", fields["value"],
                setting=plain(fields["notes"] or ""), date=day(fields["date"]), where=f"entry {at + 1}",
            )
        )  # fmt: skip
    return Reading(tuple(found), notes=("entries of the Hub are reported by whoever opened the pull request",))


def _fields(entry: dict[str, Any], where: str) -> dict[str, Any]:
    names = ("dataset_id", "task_id", "value", "notes", "date")
    try:
        from huggingface_hub import parse_eval_result_entries
    except ImportError:  # huggingface_hub before 1.4 knows no such entries
        return _by_hand(entry, where)
    noise = logging.getLogger("huggingface_hub")
    level = noise.level
    noise.setLevel(logging.ERROR)
    try:
        [parsed] = parse_eval_result_entries([entry])
    except (KeyError, TypeError, AttributeError, ValueError):
        return _by_hand(entry, where)
    finally:
        noise.setLevel(level)
    return {name: getattr(parsed, name) for name in names}


def _by_hand(entry: dict[str, Any], where: str) -> dict[str, Any]:
    inner = mapping(entry.get("data", entry))
    dataset = mapping(inner.get("dataset"))
    if not dataset.get("id") or not dataset.get("task_id"):
        raise SchemaError(
            f"{where}: dataset needs an id and a task_id; found {', '.join(map(str, dataset)) or 'none'}."
        )
    return {
        "dataset_id": dataset["id"],
        "task_id": dataset["task_id"],
        "value": inner.get("value"),
        "notes": inner.get("notes"),
        "date": inner.get("date"),
    }
