"""A user's file, opened with care: size, encoding and structure are checked before anybody looks inside.

Nothing in the file is ever run: JSON by the standard parser, YAML by its safe loader, tables as text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obslaws.errors import SchemaError, UsageError

__all__ = ["Document", "open_document"]

LARGEST = 64 * 2**20  # bytes; the largest results files known, with all subtasks, have 3 MB
_KINDS = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".csv": "table", ".tsv": "table", ".txt": "table"}


@dataclass(frozen=True)
class Document:
    """An opened file.

    Parameters
    ----------
    name : str
        File name, for messages.
    kind : {"json", "yaml", "table"}
        How it is written.
    data : object
        What JSON or YAML holds; the text itself for a table.
    """

    name: str
    kind: str
    data: Any

    @property
    def keys(self) -> set[str]:
        """Top-level keys; empty where the file is no mapping."""
        return set(map(str, self.data)) if isinstance(self.data, dict) else set()


def open_document(path: str | Path) -> Document:
    """Open a file of results.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Document

    Raises
    ------
    UsageError
        No such file, a folder, unreadable, or of a kind that is not understood.
    SchemaError
        Empty, too large, no text, or broken JSON or YAML; the message names the place.
    """
    path = Path(path)
    _check_place(path)
    kind = _KINDS.get(path.suffix.lower())
    if path.suffix.lower() == ".jsonl":
        raise UsageError(f"{path.name}: a .jsonl file holds single answers; give the aggregate, results_<date>.json.")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise SchemaError(f"{path.name}: {size / 2**20:.0f} MB; a results file has at most {LARGEST // 2**20} MB.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise SchemaError(f"{path.name}: no UTF-8 text; expected JSON, YAML, CSV or TSV. Is it compressed?") from None
    if not text.strip():
        raise SchemaError(
            f"{path.name}: empty file; expected a CSV with columns benchmark, score[, model], or a results file."
        )
    if kind is None:
        kind = "json" if text.lstrip()[:1] in ("{", "[") else "table"
    if kind == "json":
        return Document(path.name, kind, _json(text, path.name))
    return Document(path.name, kind, _yaml(text, path.name) if kind == "yaml" else text)


def _check_place(path: Path) -> None:
    if path.is_dir():
        inside = sorted(p.name for p in path.glob("*.json"))[:3]
        found = f"it holds {', '.join(inside)}; give one of them" if inside else "it holds no .json file"
        raise UsageError(f"{str(path)!r} is a folder: {found}.")
    if not path.is_file():
        raise UsageError(f"{str(path)!r}: no such file.")


def _json(text: str, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise SchemaError(f"{name}: key {key[:100]!r} stands twice in one object. Keep one.")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SchemaError(f"{name}: no valid JSON ({error.msg} at {place}). Was the file cut off?") from None
    except RecursionError:
        raise SchemaError(f"{name}: JSON nested too deeply for a results file.") from None
    except SchemaError:
        raise
    except ValueError:  # whole numbers of thousands of digits
        raise SchemaError(f"{name}: holds a number that is too long to be read.") from None


def _yaml(text: str, name: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise SchemaError(f"{name}: no valid YAML{place} ({getattr(error, 'problem', None) or error}).") from None
    except RecursionError:
        raise SchemaError(f"{name}: YAML nested too deeply for a results file.") from None
