"""Single values of a results file, read without surprise: what is no number is NaN, what is no mapping is empty."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

__all__ = ["count", "day", "day_in_name", "integer", "mapping", "number"]

_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})T\d{2}[-:]\d{2}")


def mapping(value: object) -> dict[str, Any]:
    """Give a mapping as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def number(value: object) -> float:
    """Read a number, also from text; NaN for "N/A", None, true and everything else.

    Examples
    --------
    >>> number("0.25"), number("N/A"), number(True)
    (0.25, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return float("nan")
    try:
        return float(value)
    except (ValueError, OverflowError):
        return float("nan")


def count(value: object) -> float:
    """Read a positive, finite count; NaN for -1, which harnesses write for unknown."""
    found = number(value)
    return found if 0 < found < float("inf") else float("nan")


def integer(value: object, otherwise: int | None = None) -> int | None:
    """Read a whole number of at least 0."""
    found = number(value)
    return int(found) if 0 <= found < 1e6 and found == int(found) else otherwise


def day(value: object) -> str:
    """Read a day from Unix seconds or ISO text; empty where there is none.

    Examples
    --------
    >>> day(1768964383.86), day("2025-01-15T10:30:00Z"), day("soon")
    ('2026-01-21', '2025-01-15', '')
    """
    seconds = number(value)
    try:
        if seconds == seconds:
            return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds > 1e8 else ""
        return datetime.fromisoformat(str(value)).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def day_in_name(name: str) -> str:
    """Find the day in a file name such as ``results_2024-05-16T21-03-53.28.json``; empty where there is none."""
    found = _STAMP.search(name)
    return day(found[1]) if found else ""
