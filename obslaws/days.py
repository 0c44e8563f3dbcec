"""Days as people write them: read where one day is meant, refused where two are.

`03/04/2025` is the third of April to some and the fourth of March to others; whoever guesses is wrong for half of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

__all__ = ["parse_day", "two_readings"]

_NUMBERS = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d).*", re.DOTALL)


def two_readings(text: object) -> tuple[str, str] | None:
    """Tell which two days a date may be, where day and month cannot be told apart.

    Parameters
    ----------
    text : object
        As somebody wrote it.

    Returns
    -------
    tuple of two str, or None
        The day first, then the month first, as ISO days; None where there is one reading, or none.

    Examples
    --------
    >>> two_readings("03/04/2025"), two_readings("31/01/2025"), two_readings("2025-04-03")
    (('2025-04-03', '2025-03-04'), None, None)
    """
    found = _NUMBERS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if first == second or not (1 <= first <= 12 and 1 <= second <= 12):
        return None
    year += 2000 if year < 100 else 0
    return f"{year:04}-{second:02}-{first:02}", f"{year:04}-{first:02}-{second:02}"


def parse_day(given: str | date, what: str, example: str = "2025-01-31") -> pd.Timestamp:
    """Read a day.

    Parameters
    ----------
    given : str or date
        As somebody wrote it.
    what : str
        What it is the date of, for the message.
    example : str
        How to write one, for the message.

    Returns
    -------
    Timestamp
        Without a zone.

    Raises
    ------
    UsageError
        No date, or one that can be read in two ways.

    Examples
    --------
    >>> parse_day("2025-01-31", "release date")
    Timestamp('2025-01-31 00:00:00')
    """
    if two := two_readings(given):
        raise UsageError(f"{what}: {given!r} may be {two[0]} or {two[1]}; write the one that is meant.")
    try:
        return pd.Timestamp(given).tz_localize(None)
    except ValueError:
        raise UsageError(f"{what}: {given!r} is no date; expected e.g. {example}.") from None
