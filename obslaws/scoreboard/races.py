"""Who runs where: the protocols with their options, and the forecasters that answer.

A race is a protocol with its options; running it with a forecaster means refitting on every fold. Called by
`obslaws.scoreboard.run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obslaws.errors import UnknownNameError
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.splits import plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obslaws.folds import Fold

__all__ = ["ENTRANTS", "RACES", "Race", "find_races", "folds_of"]

ENTRANTS = (
    "skill", "mean", "model-mean", "carry-forward", "compute", "size-tokens", "logit-ols", "sloth:link=logistic",
    "latent", "eci", "matrix",
)  # fmt: skip
"""Forecasters of the table, by name. Left out for the time that they take: Sloth's learned link, and ``observational``,
whose laws need scores of the model on other benchmarks."""


@dataclass(frozen=True)
class Race:
    """A protocol with its options.

    Parameters
    ----------
    name : str
        Line of the table: the protocol, with the number of scores told after ``k=``.
    protocol : str
    revealed : int, optional
        Scores that are told.
    """

    name: str
    protocol: str
    revealed: int | None = None


RACES = (
    Race("leave-family-out", "leave-family-out"),
    Race("date-cutoff", "date-cutoff"),
    Race("compute-cutoff", "compute-cutoff"),
    Race("rolling-origin", "rolling-origin"),
    Race("new-model k=1", "new-model", 1),
    Race("new-model k=3", "new-model", 3),
    Race("new-model k=5", "new-model", 5),
    Race("epoch-cells", "epoch-cells"),
    Race("benchpress-cells", "benchpress-cells"),
    Race("leave-benchmark-out k=5", "leave-benchmark-out", 5),
    Race("sloth-v1-1", "sloth-v1-1"),
    Race("sloth-v2-1", "sloth-v2-1"),
)


def find_races(names: Sequence[str] | None) -> tuple[Race, ...]:
    """Choose races by their names or by the names of their protocols.

    Parameters
    ----------
    names : sequence of str, optional
        All by default.

    Returns
    -------
    tuple of Race

    Raises
    ------
    UnknownNameError
        The nearest is offered.
    """
    if names is None:
        return RACES
    found = []
    for name in names:
        these = [race for race in RACES if name in (race.name, race.protocol)]
        if not these:
            raise UnknownNameError("race", name, [race.name for race in RACES])
        found += [race for race in these if race not in found]
    return tuple(found)


def folds_of(race: Race, snapshot: str | None, every: int = 1) -> tuple[list[Fold], bool]:
    """Plan a race.

    Parameters
    ----------
    race : Race
    snapshot : str, optional
        Name of the snapshot; the embedded one by default.
    every : int
        Keep only the first of every so many folds.

    Returns
    -------
    tuple of list of Fold and bool
        The folds, and whether each is a test group whose cells err together (else a model's family is).
    """
    record = with_options(load_protocol(race.protocol), revealed=race.revealed)
    folds = plan(record, load_panel(record.view, snapshot))
    return folds[::every], record.split == "leave-family-out"
