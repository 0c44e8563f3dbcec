"""From the names that boards give to canonical ids: maker, spelling, and what is no part of the name.

Boards write ``gpt-4o-2024-08-06``, ``Claude 3.5 Sonnet (high)`` or ``meta/llama-3.1-8b-instruct``. `model_id` makes an
``org/name`` of it with the hand tables ``reviewed.csv``, ``models.csv`` and ``makers.csv``; whether that id is a model
that other sources know is decided when a snapshot is made (`obslaws.names.resolution`).
"""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

from obslaws.names.spelling import canonical, hand_table

__all__ = ["UNKNOWN_MAKER", "decided_by_hand", "model_id", "model_ids", "split_effort"]

UNKNOWN_MAKER = "unknown"
_LEVEL = r"none|minimal|low|medium|high|xhigh|max|unknown"
_THINKING = r"(?:no-?|non-)?thinking(?:-(?:\d+k|auto|high|low|medium|minimal))*"
_EFFORT = re.compile(
    rf"(?P<name>.+?)(?:_(?P<a>(?:{_LEVEL}|thinking|\d+k|\d{{4,}}k?))"
    rf"|-(?P<b>(?:{_LEVEL}|{_THINKING})(?:-effort)?)|\s*\((?P<c>[^)]*(?:high|low|medium|minimal|thinking|reasoning|think)[^)]*)\))",
    re.IGNORECASE,
)
# only these makers sell one model at several efforts; "mistral-medium" and "qwen3-...-thinking" are models of their own
_SOLD_BY_EFFORT = re.compile(r"(?:[\w-]+/)?(?:claude|gemini|grok|gpt-5|gpt-oss|o[134](?:$|[-_ ]))", re.IGNORECASE)


def split_effort(raw: str) -> tuple[str, str]:
    """Take the reasoning effort off a name: it is a setting of the run, not another model.

    Parameters
    ----------
    raw : str
        As the board has it.

    Returns
    -------
    name, effort : str
        The effort is empty where the name states none.

    Examples
    --------
    >>> split_effort("gpt-5-2025-08-07_high")
    ('gpt-5-2025-08-07', 'high')
    >>> split_effort("claude-3-7-sonnet-20250219-thinking-64k")
    ('claude-3-7-sonnet-20250219', 'thinking-64k')
    >>> split_effort("mistral-medium")
    ('mistral-medium', '')
    """
    found = _EFFORT.fullmatch(raw.strip())
    if not found:
        return raw.strip(), ""
    if not found["a"] and not found["c"] and not _SOLD_BY_EFFORT.match(raw):
        return raw.strip(), ""
    return found["name"], (found["a"] or found["b"] or found["c"]).lower()


@cache
def _labels() -> dict[str, str]:
    table = hand_table("makers")
    mine = table[table["kind"] == "label"]
    return dict(zip(mine["pattern"], mine["org"], strict=True))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    table = hand_table("makers")
    mine = table[table["kind"] == "name"]
    return tuple((re.compile(p, re.IGNORECASE), o) for p, o in zip(mine["pattern"], mine["org"], strict=True))


@cache
def _reviewed() -> dict[str, str]:
    table = hand_table("reviewed")
    return dict(zip(table["raw"].str.lower(), table["model"], strict=True))


def decided_by_hand(raw: str) -> str | None:
    """Look a name up in the tables of hand decisions.

    Parameters
    ----------
    raw : str
        As the board has it; an owner before a slash is looked up with and without.

    Returns
    -------
    str or None
        The canonical id; None where nobody decided.
    """
    owner, _, name = raw.strip().rpartition("/")
    whole = _reviewed().get(raw.strip().lower()) or canonical(raw)
    if "/" in whole and whole != raw.strip():
        return whole
    part = _reviewed().get(name.lower()) or canonical(name)
    org = _labels().get(owner.lower(), owner)
    same_maker = "/" in part and part.partition("/")[0].lower() == org.lower()
    return part if owner and same_maker else None


@cache
def model_id(raw: str, maker: str | None = None) -> str:
    """Make an id of a board's name.

    Parameters
    ----------
    raw : str
        As the board has it, without effort.
    maker : str, optional
        Organisation as the board states it.

    Returns
    -------
    str
        ``org/name``. Hand decisions win; then a maker that is stated; then the maker whose names look like this one;
        else the maker ``unknown``.

    Examples
    --------
    >>> model_id("Claude 3.5 Sonnet"), model_id("meta/llama-3-70b")
    ('anthropic/Claude-3.5-Sonnet', 'meta-llama/llama-3-70b')
    """
    raw = raw.strip()
    decided = decided_by_hand(raw)
    if decided:
        return decided
    owner, _, name = raw.rpartition("/")
    said = owner.rpartition("/")[2] or maker or ""
    # several names in one label ("OpenAI,Microsoft"): the first counts
    said = said if said.lower() in _labels() else said.partition(",")[0].strip()
    if said and said.lower() != UNKNOWN_MAKER:
        org = _labels().get(said.lower()) or re.sub(r"[\s/]+", "-", said)
    else:
        org = next((org for pattern, org in _patterns() if pattern.match(name)), UNKNOWN_MAKER)
    slug = re.sub(r"[\s/:@]+", "-", re.sub(r"[()\[\],]", " ", name).strip()).strip("-")
    return f"{org}/{slug or 'unnamed'}"


def model_ids(raw: pd.Series, maker: pd.Series | None = None) -> pd.Series:
    """Make ids of a column of names, see `model_id`.

    Parameters
    ----------
    raw : Series of str, shape (n_rows,)
        As the board has them.
    maker : Series of str, shape (n_rows,), optional
        As the board states it; may be missing.

    Returns
    -------
    Series of str, shape (n_rows,)
    """
    if maker is None:
        return raw.map(lambda name: model_id(str(name))).astype("str")
    pairs = zip(raw, maker, strict=True)
    made = [model_id(str(name), None if pd.isna(org) else str(org)) for name, org in pairs]
    return pd.Series(made, index=raw.index, dtype="str")
