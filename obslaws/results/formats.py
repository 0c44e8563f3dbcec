"""The formats that are understood, and how a file is recognised: by its shape, never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from obslaws.errors import SchemaError
from obslaws.results import every_eval_ever, hub_yaml, lighteval, lm_eval, table
from obslaws.results.base import plain

if TYPE_CHECKING:
    from obslaws.results.base import Reading
    from obslaws.results.document import Document

__all__ = ["FORMATS", "ResultsFormat", "detect"]


class ResultsFormat(Protocol):
    """What a module of a format has."""

    NAME: str
    SHAPE: str

    def matches(self, document: Document) -> bool:
        """Say whether the document has the shape."""

    def parse(self, document: Document) -> Reading:
        """Read it."""


# the first that matches wins; the shapes exclude each other but for the bars in lighteval's names
_ROOMS: tuple[ResultsFormat, ...] = (lighteval, lm_eval, every_eval_ever, hub_yaml, table)
FORMATS: dict[str, ResultsFormat] = {room.NAME: room for room in _ROOMS}


def detect(document: Document) -> str:
    """Recognise the format of an opened file.

    Parameters
    ----------
    document : Document

    Returns
    -------
    str
        A key of `FORMATS`.

    Raises
    ------
    SchemaError
        Of no known format; the message says what was found and what is understood.
    """
    for name, room in FORMATS.items():
        if room.matches(document):
            return name
    understood = "; ".join(room.SHAPE for room in FORMATS.values())
    raise SchemaError(f"{document.name}: {_found(document)}. Understood are: {understood}.")


def _found(document: Document) -> str:
    data = document.data
    if isinstance(data, dict):
        keys = ", ".join(repr(plain(key)) for key in list(data)[:8]) or "none"
        return f"unknown format, {document.kind.upper()} with the keys {keys}"
    if isinstance(data, list):
        first = f" of {type(data[0]).__name__}" if data else ""
        return f"unknown format, a {document.kind.upper()} list{first} with {len(data)} entries"
    return f"unknown format, {document.kind.upper()} that holds only {type(data).__name__}"
