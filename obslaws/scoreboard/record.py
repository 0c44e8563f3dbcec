"""The scoreboard as one CSV file that stands for itself: the rows, what reliability diagrams show, and who made it.

In: outcomes, or a file that `obslaws scoreboard --output` wrote. Out: a `TrackRecord`. Called by the command line and
by `obslaws.report.scoreboard_page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import SchemaError, UsageError
from obslaws.scoreboard.table import add_up, reliability

if TYPE_CHECKING:
    from obslaws.scoreboard.run import Outcome

__all__ = ["TrackRecord", "read_record", "track_record"]

_KEYS = ["race", "forecaster"]
_NUMBERS = (
    "n_folds", "n_cells", "mae", "medae", "crps", "decisions", "coverage_80", "coverage_90", "coverage_95", "width_90",
    "difference", "difference_lower", "difference_upper",
)  # fmt: skip
_MAY_LACK = ("difference", "difference_lower", "difference_upper")
_MADE_BY = ("snapshot", "hash", "version", "command")
_BELOW = "below_"


@dataclass(frozen=True)
class TrackRecord:
    """How every forecaster did in every race.

    Parameters
    ----------
    table : DataFrame
        From `obslaws.scoreboard.table.add_up`; ``seconds`` is missing where a file was read, for no two runs take as
        long.
    reliability : DataFrame
        race, forecaster, share, below: the share of scores at or below the quantile of that share.
    snapshot, hash, version : str
        Of the data and of obslaws.
    command : str
        What makes it again.
    """

    table: pd.DataFrame
    reliability: pd.DataFrame
    snapshot: str
    hash: str
    version: str
    command: str

    @property
    def caption(self) -> str:
        """Where the numbers come from, in one line."""
        return f"snapshot {self.snapshot} ({self.hash}), obslaws {self.version}"

    def to_csv(self) -> str:
        """Write one row per race and forecaster, without ``seconds``; `read_record` reads it back."""
        below = self.reliability.assign(column=[f"{_BELOW}{share:g}" for share in self.reliability["share"]])
        wide = below.pivot(index=_KEYS, columns="column", values="below")[list(dict.fromkeys(below["column"]))]
        rows = self.table.drop(columns="seconds", errors="ignore").merge(wide.reset_index(), on=_KEYS, how="left")
        rows = rows.assign(**{name: getattr(self, name) for name in _MADE_BY})
        return rows.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def track_record(outcomes: Sequence[Outcome], snapshot: str, hash: str, version: str, command: str) -> TrackRecord:
    """Add outcomes up.

    Parameters
    ----------
    outcomes : sequence of Outcome
    snapshot, hash, version, command : str
        As `TrackRecord`.

    Returns
    -------
    TrackRecord
    """
    told = [reliability(one).assign(race=one.race.name, forecaster=one.forecaster) for one in outcomes]
    frame = pd.concat(told, ignore_index=True)[[*_KEYS, "share", "below"]]
    return TrackRecord(add_up(outcomes), frame, snapshot, hash, version, command)


def read_record(path: Path) -> TrackRecord:
    """Read what `obslaws scoreboard --output` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    TrackRecord

    Raises
    ------
    UsageError
        There is no such file; the command that writes it is told.
    SchemaError
        It is another table, has no rows, or rows of several runs.
    """
    cure = f"Write it with: obslaws scoreboard --output {path.name}"
    if not path.is_file():
        raise UsageError(f"{path}: no such file. {cure}, or name the one that you have.")
    try:
        rows = pd.read_csv(path, dtype=dict.fromkeys((*_KEYS, *_MADE_BY), "str"), keep_default_na=True)
    except (ValueError, UnicodeDecodeError) as error:
        raise SchemaError(f"{path}: not a table ({error}). {cure}.") from None
    below = [str(name) for name in rows if str(name).startswith(_BELOW)]
    lacking = [name for name in (*_KEYS, *_NUMBERS, *_MADE_BY) if name not in rows]
    if lacking or not below:
        raise SchemaError(f"{path}: no column {', '.join(map(repr, lacking or [_BELOW + '0.5']))}. {cure}.")
    if rows.empty or rows[[*_KEYS, *_MADE_BY]].isna().any(axis=None):
        raise SchemaError(f"{path}: no rows, or rows without race, forecaster or snapshot. {cure}.")
    made = rows[list(_MADE_BY)].drop_duplicates()
    if len(made) > 1 or rows.duplicated(_KEYS).any():
        raise SchemaError(f"{path}: rows of {len(made)} runs, or one row twice; expected those of one run. {cure}.")
    shares = {name: pd.to_numeric(name.removeprefix(_BELOW), errors="coerce") for name in below}
    numbers = rows[[*_NUMBERS, *below]].apply(pd.to_numeric, errors="coerce")
    wrong = [name for name in numbers if name not in _MAY_LACK and numbers[name].isna().any()]
    wrong += [name for name, share in shares.items() if not 0 < share < 1]
    if wrong:
        raise SchemaError(f"{path}: column {wrong[0]!r} holds what is no number. {cure}.")
    rows[numbers.columns] = numbers
    long = rows.melt(_KEYS, below, "share", "below")
    long["share"] = long["share"].map(shares)
    table = rows.drop(columns=[*below, *_MADE_BY])
    return TrackRecord(table, long, **{str(name): str(value) for name, value in made.iloc[0].items()})
