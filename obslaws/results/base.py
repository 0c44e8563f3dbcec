"""What a file of results says, before and after its tasks are named: measurements in, a tidy `Results` out.

A parser of a format gives a `Reading`: every number it found, in the words of the file. `obslaws.results.mapping` turns
the tasks into benchmarks, and `Results` is what users hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from obslaws.names import canonical

__all__ = ["COLUMNS", "Identity", "Measurement", "Reading", "Results", "Unmapped", "plain", "plain_id"]

COLUMNS = ("model", "benchmark", "score", "stderr", "n_items", "setting", "date", "task")
_LONGEST = 200  # characters of a name; longer ones are cut, they are meant for people


@dataclass(frozen=True)
class Measurement:
    """One number of a file, in the words of the file.

    Parameters
    ----------
    task, metric, filter : str
        As the file calls them; `filter` is what distinguishes several readings of one metric (empty where the format
        has none).
    value : object
        The number as it stands; anything else is reported when the task is wanted.
    stderr : float
        Standard error in the unit of `value`; NaN unknown.
    n_items : float
        Questions answered, count; NaN unknown.
    n_shots : int, optional
        Examples in the prompt; None unknown.
    version : float, optional
        Version of the task.
    scale : float, optional
        Value that means perfect, as the file or its format declares it: 1 or 100. None where nothing is declared.
    refused : str
        Why the number can be no score, e.g. lower is better; empty where it can.
    format : str
        Format whose rules apply, where it is not the file's own.
    model, setting, date : str
        Model, prompt and day of the run; empty where unknown.
    is_group : bool
        An average that the harness took over other tasks.
    where : str
        Place in the file, e.g. ``row 3``.
    """

    task: str
    metric: str
    value: object
    filter: str = ""
    stderr: float = float("nan")
    n_items: float = float("nan")
    n_shots: int | None = None
    version: float | None = None
    scale: float | None = None
    refused: str = ""
    format: str = ""
    model: str = ""
    setting: str = ""
    date: str = ""
    is_group: bool = False
    where: str = ""


@dataclass(frozen=True)
class Identity:
    """The model that a file is about, as far as the file says."""

    model: str = ""
    revision: str = ""
    precision: str = ""
    n_params: float = float("nan")


@dataclass(frozen=True)
class Reading:
    """All that a parser found.

    Parameters
    ----------
    measurements : tuple of Measurement
    identity : Identity
    notes : tuple of str
        What a reader may want to know.
    cautions : tuple of str
        What makes the numbers less than they seem; they are warned about.
    parts_of : dict of str to str
        Group of a task, where the harness averages tasks.
    is_partial : bool
        Whether questions were left out on purpose.
    """

    measurements: tuple[Measurement, ...]
    identity: Identity = field(default_factory=Identity)
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    parts_of: dict[str, str] = field(default_factory=dict)
    is_partial: bool = False


@dataclass(frozen=True)
class Unmapped:
    """A task of the file that became no score, and why."""

    task: str
    metrics: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Results:
    """A file of results, read.

    Parameters
    ----------
    format : str
        Name of the format, e.g. ``"lm-eval"``.
    file : str
        Name of the file.
    scores : DataFrame of shape (n_scores, 8)
        Columns model, benchmark, score (fraction), stderr, n_items, setting, date and the task it was read from.
    unmapped : tuple of Unmapped
        Tasks that became no score.
    identity : Identity
        The model; empty where the file holds several.
    notes : tuple of str
        What to know about the run, cautions first.
    is_partial : bool
        Whether questions were left out on purpose; `n_items` then counts those that were asked.
    """

    format: str
    file: str
    scores: pd.DataFrame
    unmapped: tuple[Unmapped, ...]
    identity: Identity
    notes: tuple[str, ...]
    is_partial: bool = False


def plain(text: object) -> str:
    r"""Make text of a file fit to be shown: control characters go, and so does what is longer than a name.

    Examples
    --------
    >>> plain("a\x1b[31m name\n")
    'a[31m name'
    """
    kept = "".join(c for c in str(text) if c.isprintable()).strip()
    return kept if len(kept) <= _LONGEST else f"{kept[:_LONGEST]}..."


def plain_id(text: object) -> str:
    """Give the canonical id of a model that a file names."""
    return canonical(plain(text))
