"""Every reproduction by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pandas as pd

from obslaws.errors import UnknownNameError
from obslaws.laws.reproductions import losses, scores
from obslaws.laws.reproductions.base import Finding, table
from obslaws.laws.runs import has_runs

__all__ = ["REPRODUCTIONS", "available", "reproduce"]

# each is named like the table of runs that it needs
REPRODUCTIONS: dict[str, Callable[[], list[Finding]]] = {
    "chinchilla": losses.chinchilla,
    "gadre": losses.gadre,
    "gemstones": losses.gemstones,
    "routed": losses.routed,
    "misfitting": losses.misfitting,
    "rectified": scores.rectified,
    "openclip": scores.openclip,
    "step_law": scores.step_law,
    "loss_to_loss": scores.loss_to_loss,
    "ladder": scores.ladder,
}


def available() -> list[str]:
    """List the reproductions whose runs can be loaded here.

    Returns
    -------
    list of str
    """
    return [name for name in REPRODUCTIONS if has_runs(name)]


def reproduce(name: str) -> pd.DataFrame:
    """Run a reproduction.

    Parameters
    ----------
    name : str
        Key of `REPRODUCTIONS`.

    Returns
    -------
    DataFrame
        reproduction, quantity, published, margin, ours, holds, note.

    Raises
    ------
    UnknownNameError
        No such reproduction.
    """
    if name not in REPRODUCTIONS:
        raise UnknownNameError("reproduction", name, REPRODUCTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return table(name, REPRODUCTIONS[name]())
