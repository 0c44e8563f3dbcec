"""What a family was made for beyond general English text, told from its name by ``specialties.csv``.

In: names of families. Out: one of `SPECIALTIES` each. Called where models are described to a forecaster: a code model
scores less on common sense than its compute has it, and that is known before its first score.
"""

from __future__ import annotations

import re
from functools import cache

from obslaws.names.spelling import hand_table

__all__ = ["SPECIALTIES", "specialty"]

SPECIALTIES = ("general", "code", "math", "reasoning", "language")


@cache
def _rules() -> list[tuple[re.Pattern[str], str]]:
    table = hand_table("specialties")
    return [(re.compile(p), str(s)) for p, s in zip(table["pattern"], table["specialty"], strict=True)]


@cache
def specialty(family: object) -> str:
    """Tell what a family was made for.

    Parameters
    ----------
    family : str
        Name of a family, or a missing value.

    Returns
    -------
    str
        One of `SPECIALTIES`, by the first rule whose pattern is found in the name without its owner; without any,
        ``"general"``.

    Examples
    --------
    >>> specialty("qwen2.5-coder"), specialty("qwen2.5")
    ('code', 'general')
    """
    name = str(family).lower().rpartition("/")[2]  # "nan" and "none" hold no pattern
    return next((told for pattern, told in _rules() if pattern.search(name)), "general")
