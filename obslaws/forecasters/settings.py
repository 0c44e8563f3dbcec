"""Settings of a forecaster as text: ``d=3,link=logistic`` becomes the arguments of its class.

The arguments of the class are the settings there are; the type of an argument's default says how its value is read.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from obslaws.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from obslaws.forecasters.base import Forecaster

__all__ = ["choose", "read_settings", "split_names"]

SHORT = {"d": "n_skills"}
FLAGS = {"yes": True, "no": False}


def split_names(text: str) -> list[str]:
    """Split a list of forecasters with settings: a part without a name of its own belongs to the one before it.

    Parameters
    ----------
    text : str
        ``skill,sloth:d=3,link=logistic,eci``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> split_names("skill,sloth:d=3,link=logistic,eci")
    ['skill', 'sloth:d=3,link=logistic', 'eci']
    """
    out: list[str] = []
    for part in (p.strip() for p in text.split(",")):
        if out and "=" in part and ":" not in part:
            out[-1] += f",{part}"
        elif part:
            out.append(part)
    return out


def read_settings(kind: type[Forecaster], text: str) -> dict[str, Any]:
    """Read settings.

    Parameters
    ----------
    kind : type
        Class of the forecaster; only arguments whose default is a number, a flag or a word can be set.
    text : str
        ``key=value``, separated by commas; flags are ``yes`` or ``no``; ``d`` is short for ``n_skills``.

    Returns
    -------
    dict
        Arguments of the class.

    Raises
    ------
    UnknownNameError
        No such setting; the nearest is offered.
    UsageError
        The value is of another type than the setting.
    """
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(kind).parameters.items()
        if isinstance(parameter.default, (bool, int, float, str))
    }
    out: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, sign, value = part.partition("=")
        if not sign:
            raise UsageError(f"Setting {part!r} of {kind.name!r}: expected key=value, e.g. {kind.name}:d=3.")
        key = SHORT.get(key, key)
        if key not in defaults:
            raise UnknownNameError(f"setting of {kind.name!r}", key, defaults)
        out[key] = _value(kind.name, key, value, defaults[key])
    return out


def _value(name: str, key: str, text: str, default: object) -> Any:
    if isinstance(default, bool):
        return FLAGS[choose(name, key, text, tuple(FLAGS))]
    if isinstance(default, str):
        return text
    try:
        return int(text) if isinstance(default, int) else float(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise UsageError(f"Setting {key!r} of {name!r} is {text!r}; expected {kind}.") from None


def choose(name: str, key: str, value: str, choices: tuple[str, ...]) -> str:
    """Refuse a word that is not among the choices.

    Parameters
    ----------
    name, key, value : str
        Forecaster, setting, and what was given.
    choices : tuple of str

    Returns
    -------
    str
        `value`.

    Raises
    ------
    UsageError
        The message lists the choices.
    """
    if value not in choices:
        raise UsageError(f"Setting {key!r} of {name!r} is {value!r}; expected {' or '.join(choices)}.")
    return value
