"""An append-only file of JSON lines in which every line seals those before it.

Each line holds its number, the seal of the line before it and its own seal, the SHA-256 of everything else on the line.
A changed, removed, added or moved line breaks the chain at a line that `verify` names. What a chain alone cannot tell
is that lines were cut from its end, or that all of it was written anew: for that the last seal has to be known from
elsewhere (a commit, a post), which `verify` takes as `head`. Writers take turns by a lock beside the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from obslaws.errors import RegistryError, StorageError

__all__ = ["NOTHING", "append", "read_chain", "verify"]

NOTHING = "0" * 64
"""What the first line names as the seal of the line before it."""

_OURS = ("line", "previous", "seal")
_PATIENCE = 60.0  # seconds that a writer waits for its turn


def append(path: Path, records: Iterable[dict[str, Any]]) -> str:
    """Add records to the end, all of them or none.

    Parameters
    ----------
    path : Path
        The file; made with its folder when it is not there.
    records : iterable of dict
        What JSON can hold; without the keys line, previous, seal.

    Returns
    -------
    str
        Seal of the last line.

    Raises
    ------
    RegistryError
        The chain is broken, so that nothing may be added before somebody has looked.
    StorageError
        The file cannot be written, or another writer did not finish within a minute.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_PATIENCE):
            known = read_chain(path) if path.exists() else []
            number, seal = len(known), known[-1]["seal"] if known else NOTHING
            lines = []
            for record in records:
                number += 1
                line = {"line": number, "previous": seal, **record}
                seal = _seal(line)
                lines.append(f"{_text({**line, 'seal': seal})}\n")
            # one call, so that a reader sees all of it or nothing
            at = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _write(at, "".join(lines).encode())
                os.fsync(at)
            finally:
                os.close(at)
    except Timeout:
        raise StorageError(
            f"{path}: another writer has held {path.name}.lock for {_PATIENCE:g} s. Try again when it is done."
        ) from None
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path}: nothing was registered: {error.strerror or error}.") from error
    return seal


def read_chain(path: Path) -> list[dict[str, Any]]:
    """Read every line and check the chain.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of dict
        The records with line, previous and seal.

    Raises
    ------
    RegistryError
        No such file, or the chain is broken; the message names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise RegistryError(
            f"{path}: no such registry. `obslaws register` makes one; --registry names another."
        ) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise RegistryError(f"{path}, line {line}: not UTF-8; the line was changed after it was written.") from None
    out: list[dict[str, Any]] = []
    seal = NOTHING
    lines = text.split("\n")
    if lines.pop() != "":
        raise RegistryError(
            f"{path}, line {len(lines) + 1}: does not end; a writer was stopped in the middle, or the line was cut. "
            "Keep a copy and remove that line."
        )
    for number, text in enumerate(lines, start=1):
        record = _record(path, number, text)
        if record["seal"] != _seal({k: v for k, v in record.items() if k != "seal"}):
            raise RegistryError(f"{path}, line {number}: its content does not fit its seal; it was changed.")
        if record["previous"] != seal or record["line"] != number:
            raise RegistryError(
                f"{path}, line {number}: does not follow line {number - 1}; a line before it was changed, moved, added "
                f"or removed (it calls itself line {record['line']})."
            )
        seal = record["seal"]
        out.append(record)
    return out


def verify(path: Path, head: str | None = None) -> list[dict[str, Any]]:
    """Check the chain, and that it still holds a line whose seal is known from elsewhere.

    Parameters
    ----------
    path : Path
    head : str, optional
        A seal that was noted earlier, or its first eight or more characters.

    Returns
    -------
    list of dict
        As `read_chain`.

    Raises
    ------
    RegistryError
        The chain is broken, or holds no line with that seal: its end was cut off, or all of it was written anew.
    """
    records = read_chain(path)
    if head is not None and not (len(head) >= 8 and any(record["seal"].startswith(head) for record in records)):
        raise RegistryError(
            f"{path}: none of its {len(records)} lines has the seal {head!r}. "
            "Its end was cut off, or it was written anew."
        )
    return records


def _record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise RegistryError(f"{path}, line {number}: not JSON ({error.msg}); it was changed.") from None
    if not isinstance(record, dict) or not all(key in record for key in _OURS):
        raise RegistryError(f"{path}, line {number}: expected an object with {', '.join(_OURS)}; it was changed.")
    return record


def _seal(line: dict[str, Any]) -> str:
    return hashlib.sha256(_text(line).encode()).hexdigest()


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _write(at: int, data: bytes) -> None:
    while data:
        data = data[os.write(at, data) :]
