"""Which family a model belongs to, told from its name: ``families.csv`` first, then the stem of the name.

A *family* is one recipe that differs in scale only, base and chat apart (``qwen2.5``, ``qwen2.5-instruct``); a *base
family* is the series that ties base, chat and fine-tuned models together. Organisations that train their own bases are
listed in ``organisations.csv``; everybody else's models carry the owner in the family (``lmsys/vicuna-v1.5``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import pandas as pd

from obslaws.names.spelling import hand_table

__all__ = ["Kinship", "kinship", "size_in_name"]

# 7b, 1.5B, 135M, 1_6b, 7b1 (= 7.1), 8x7b, a14b; never part of a longer word, and v8_1_70b is 70b
_SIZE = r"(?:(?<![a-z0-9._])\d+_\d[bm]|(?<![a-z0-9.])(?:\d+x)?a?\d+(?:\.\d+)?[bm]\d?)(?![a-z0-9])"
_CHAT = re.compile(r"-(?:chat|instruct|it|dpo|sft|rlhf|orpo|zephyr)(?=[-_.]|$)")
_ASIDE = re.compile(r"-(?:deduped|base|\d+k|1m|v\d+(?:\.\d+)*)(?=-|$)")


@dataclass(frozen=True)
class Kinship:
    """What a name tells.

    Parameters
    ----------
    family, base_family : str
        See the module; `base_family` equals `family` where the name tells no more.
    variant : str or None
        ``"base"``, ``"chat"``, ``"fine-tune"`` when decided by hand or by the suffix, None when the name is silent.
    listed : bool
        The organisation is known to train its own bases.
    decided : bool
        A rule of ``families.csv`` spoke; nothing a source says changes it.
    parent : str or None
        The model it was trained from, where the rule names it; ``"-"`` where it says that nobody knows.
    """

    family: str
    base_family: str
    variant: str | None
    listed: bool
    decided: bool = False
    parent: str | None = None


@cache
def _rules() -> dict[str, list[tuple[re.Pattern[str], dict[str, str]]]]:
    """Rules by organisation; those whose organisation is itself a pattern stand under the empty name."""
    table = hand_table("families").drop(columns="why")
    rules: dict[str, list[tuple[re.Pattern[str], dict[str, str]]]] = {}
    for row in table.to_dict("records"):
        told = {str(c): str(v) for c, v in row.items() if pd.notna(v)}
        org = told["pattern"].partition("/")[0].lower()
        plain = re.fullmatch(r"[\w-]+", org) is not None
        rules.setdefault(org if plain else "", []).append((re.compile(told["pattern"], re.IGNORECASE), told))
    return rules


@cache
def _listed() -> frozenset[str]:
    return frozenset(hand_table("organisations")["org"])


@cache
def kinship(model: str) -> Kinship:
    """Tell family, base family and variant from a canonical id.

    Parameters
    ----------
    model : str
        ``org/name``.

    Returns
    -------
    Kinship

    Examples
    --------
    >>> kinship("Qwen/Qwen2.5-7B-Instruct")
    Kinship(family='qwen2.5-instruct', base_family='qwen2.5', variant='chat', listed=True, decided=False, parent=None)
    """
    org, _, name = model.rpartition("/")
    listed = org in _listed()
    stem = _stem(name)
    own = stem if listed else f"{org}/{stem}".lower()
    for pattern, rule in [*_rules().get(org.lower(), []), *(_rules().get("", []) if listed else [])]:
        found = pattern.fullmatch(model)
        if found:
            told = found.expand(rule["family"]).lower() if "family" in rule else own
            series = found.expand(rule["base_family"]).lower() if "base_family" in rule else told
            parent = found.expand(rule["parent"]) if "parent" in rule else None
            variant = rule.get("variant", "unknown")
            return Kinship(told, series, None if variant == "unknown" else variant, listed, True, parent)
    if not listed:
        return Kinship(own, own, None, listed)
    plain = _CHAT.sub("", stem)
    family = own.removesuffix("-base")
    return Kinship(family, _ASIDE.sub("", plain) or family, "chat" if plain != stem else None, listed)


def _stem(name: str) -> str:
    low = name.lower().removesuffix("-hf")
    bare = re.sub(rf"[-_.]?{_SIZE}", "", low)
    return re.sub(r"[-_]{2,}", "-", bare).strip("-_.") or low


def size_in_name(model: str) -> float:
    """Read the number of parameters that a name states.

    Parameters
    ----------
    model : str
        ``org/name`` or name.

    Returns
    -------
    float
        Count; NaN when the name states none, or states experts (8x7B is not 56B).

    Examples
    --------
    >>> size_in_name("stabilityai/stablelm-2-1_6b")
    1600000000.0
    """
    low = model.rpartition("/")[2].lower()
    if re.search(r"\d+x\d|\dx(?=[-_]|$)|moe|-a\d+(?:\.\d+)?[bm]", low):
        return math.nan
    for unit, scale in (("b", 1e9), ("m", 1e6)):
        score = rf"(?<![a-z0-9._])(?P<a>\d+)_(?P<b>\d){unit}"
        plain = rf"(?<![a-z0-9.])(?P<whole>\d+)(?:\.(?P<part>\d+))?{unit}(?P<after>\d)?"
        found = re.search(rf"(?:{score}|{plain})(?![a-z0-9])", low)
        if found:
            whole = found["a"] or found["whole"]
            return float(f"{whole}.{found['b'] or found['part'] or found['after'] or '0'}") * scale
    return math.nan
