"""What becomes of an option's value that cannot be read: the message names what was found and what was expected.

Which words the command-line library has for it depends on its version; some versions do not name the value at all.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["Program", "clear_message"]

_CHOICE = re.compile(r"(?:Value error, )?(?P<found>'.*?') is not one of (?P<known>.+?)\.?", re.DOTALL)
_NUMBERS = {"float_parsing": "a number", "int_parsing": "a whole number", "int_from_float": "a whole number"}
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


class Program(TyperGroup):
    """The program; errors of all its commands come by here."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command asked for, and say plainly which value of which option could not be read."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = clear_message(error)
            raise


def clear_message(error: typer.BadParameter) -> str:
    """Say what was found and what was expected, with the nearest choice.

    Parameters
    ----------
    error : typer.BadParameter

    Returns
    -------
    str
        The message as it is where it says both already.

    Examples
    --------
    >>> clear_message(typer.BadParameter("Value error, 'jsn' is not one of 'table', 'json', 'csv'."))
    "'jsn' is not one of 'table', 'json', 'csv'. Did you mean 'json'?"
    """
    from obslaws.errors import nearest_names

    if hasattr(error, "param_type"):  # nothing was given; the name of an option alone says little of what it wants
        return error.message or str(getattr(error.param, "help", None) or "")
    if choice := _CHOICE.fullmatch(error.message):
        near = nearest_names(choice["found"].strip("'"), re.findall("'(.*?)'", choice["known"]), most=1)
        offer = f" Did you mean {near[0]!r}?" if near else ""
        return f"{choice['found']} is not one of {choice['known']}.{offer}"
    cause: Any = error.__cause__
    if not hasattr(cause, "errors"):
        return error.message
    told = cause.errors()[0]
    found = str(told.get("input"))
    if told["type"] not in _NUMBERS:
        return f"{found!r}: {error.message.removeprefix('Value error, ')}"
    percent = _PERCENT.fullmatch(found)
    meant = f" Did you mean {float(percent[1]) / 100:g}?" if percent and told["type"] == "float_parsing" else ""
    return f"{found!r} is not {_NUMBERS[told['type']]}.{meant}"
