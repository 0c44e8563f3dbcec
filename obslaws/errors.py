"""Every exception and warning of the package: one small tree, to be caught as narrowly or as widely as one likes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "AssumptionWarning",
    "ConvergenceWarning",
    "ExtrapolationWarning",
    "FitError",
    "MeasurementWarning",
    "ObslawsError",
    "ObslawsWarning",
    "RegistryError",
    "SchemaError",
    "SourceError",
    "StorageError",
    "UnknownNameError",
    "UsageError",
    "nearest_names",
]

_SHORTEST = 3  # letters that may stand for a name that begins with them


class ObslawsError(Exception):
    """Base of every error that tells the user what to do; the command line prints it as one line."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message, not what it was made of: workers hand their errors over in this way."""
        return _remade, (type(self), self.args), self.__dict__


class SourceError(ObslawsError):
    """An upstream could not be reached, or no longer looks as it did."""


class StorageError(ObslawsError, OSError):
    """A folder of the user's could not be written."""


class SchemaError(ObslawsError, ValueError):
    """A table breaks the schema."""


class FitError(ObslawsError, ValueError):
    """The data cannot carry the fit that was asked for."""


class UsageError(ObslawsError, ValueError):
    """An argument does not make sense."""


class DomainElsewhereError(UsageError):
    """A panel has no benchmark of a domain, and views of the snapshot have.

    Parameters
    ----------
    message : str
    views : tuple of str
        Views with all that was named, the one that shares most benchmarks with the panel first; empty if there is none.
    """

    def __init__(self, message: str, views: tuple[str, ...]) -> None:
        super().__init__(message)
        self.views = views


class RegistryError(ObslawsError, ValueError):
    """A registry of forecasts is not there, or is not what was written."""


class UnknownNameError(ObslawsError, KeyError):
    """A name that is not known; the message offers the nearest ones.

    Parameters
    ----------
    kind : str
        What the name was meant to be: ``"benchmark"``, ``"family"``, ``"view"``.
    name : str
        What was asked for.
    known : iterable of str
        What there is.
    near : iterable of str, optional
        What is offered, where the nearest spelling is not all that may have been meant.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], near: Iterable[str] | None = None) -> None:
        known = sorted(map(str, known))
        near = nearest_names(name, known) if near is None else list(near)
        offer = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        listing = ", ".join(known) if len(known) <= 20 else f"{', '.join(known[:20])} and {len(known) - 20} more"
        super().__init__(f"No {kind} named {name!r}.{offer} Known: {listing or 'none'}.")

    def __str__(self) -> str:
        return str(self.args[0])


class ObslawsWarning(UserWarning):
    """Base of every warning."""


class AssumptionWarning(ObslawsWarning):
    """Something was not said, or not said clearly, and was taken to be so and so."""


class ConvergenceWarning(ObslawsWarning):
    """A fit stopped before its tolerance was met."""


class ExtrapolationWarning(ObslawsWarning):
    """A forecast lies far outside the data it rests on."""


class MeasurementWarning(ObslawsWarning):
    """A score was not measured quite as its benchmark is."""


def _remade(kind: type[ObslawsError], args: tuple[Any, ...]) -> ObslawsError:
    return kind.__new__(kind, *args)


def nearest_names(name: str, known: Iterable[str], most: int = 2) -> list[str]:
    """Offer the known names that look most like a wrong one, ignoring case; if none does, those that begin with it.

    Parameters
    ----------
    name : str
        The name that was not found.
    known : iterable of str
        The names that exist.
    most : int
        How many to offer at most.

    Returns
    -------
    list of str
        Nearest first; empty when nothing is close.

    Examples
    --------
    >>> nearest_names("hellaswga", ["hellaswag", "mmlu"]), nearest_names("slot", ["cells", "sloth-v1-1"])
    (['hellaswag'], ['sloth-v1-1'])
    """
    by_lower, wrong = {k.lower(): k for k in known}, name.lower()
    near = difflib.get_close_matches(wrong, by_lower, n=most, cutoff=0.6)
    longer = [k for k in by_lower if len(wrong) >= _SHORTEST and k.startswith(wrong)]
    return [by_lower[k] for k in near or longer[:most]]
