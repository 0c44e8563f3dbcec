"""All laws by name, found in `obslaws.laws.catalogue`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from obslaws.errors import UnknownNameError
from obslaws.laws import catalogue
from obslaws.laws.base import GROUPS, Law

__all__ = ["all_laws", "law", "list_laws"]


@cache
def all_laws() -> dict[str, Law]:
    """Collect every declared law, in the order of groups, then of declaration.

    Returns
    -------
    dict of str to Law
    """
    found: list[Law] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(catalogue.__path__)):
        content = vars(importlib.import_module(f"{catalogue.__name__}.{module}"))
        found += [c() for c in content.values() if _declared(c, f"{catalogue.__name__}.{module}")]
    order = list(GROUPS)
    return {one.id: one for one in sorted(found, key=lambda one: (order.index(one.group), not one.core))}


def _declared(content: object, module: str) -> bool:
    return (
        isinstance(content, type)
        and issubclass(content, Law)
        and content.__module__ == module
        and "id" in vars(content)
    )


def list_laws(unverified: bool = False) -> list[Law]:
    """List the laws of the catalogue.

    Parameters
    ----------
    unverified : bool
        Also those whose form or coefficients could not be checked against their source.

    Returns
    -------
    list of Law
    """
    return [one for one in all_laws().values() if one.verified or unverified]


def law(name: str) -> Law:
    """Look a law up.

    Parameters
    ----------
    name : str

    Returns
    -------
    Law

    Raises
    ------
    UnknownNameError
        With the nearest names.

    Examples
    --------
    >>> law("chinchilla").formula
    'L = E + A / N^alpha + B / D^beta'
    """
    if name not in all_laws():
        raise UnknownNameError("law", name, all_laws())
    return all_laws()[name]
