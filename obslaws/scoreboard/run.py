"""Run the races piece by piece; a piece that is done stays done, whatever happens to the rest.

A piece is one fold of one race with one forecaster. Its result is a file named after all that it depends on: what
trains, what is asked, who answers, and the code that answers. The file appears whole or not at all, so that a run which
was killed goes on where it stopped, and a run after a change redoes what the change touches. Pieces with the same
training data, such as those of one month with one, three and five scores told, share a fit.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.backtest import SHARES, answer_fold
from obslaws.errors import StorageError
from obslaws.forecasters import forecaster as make_forecaster
from obslaws.parallel import Workers, run_pieces
from obslaws.scoreboard.races import folds_of

if TYPE_CHECKING:
    from obslaws.folds import Fold
    from obslaws.scoreboard.races import Race

__all__ = ["Outcome", "address", "run_races"]

LEVEL = 0.9
CODE = ("backtest.py", "folds.py", "links.py", "forecasters", "skill", "peers", "capability")
"""What of the package decides what a forecaster answers."""


@dataclass(frozen=True)
class Outcome:
    """One forecaster in one race.

    Parameters
    ----------
    race : Race
    forecaster : str
    cells : DataFrame of shape (n_cells, 9 + n_shares)
        Columns of `obslaws.backtest.CELL_COLUMNS`; then quantiles, named by their shares.
    seconds : float
        Of all fits and forecasts, one after the other; those of an earlier run where a piece was done then.
    n_folds : int
    by_group : bool
        See `obslaws.scoreboard.races.folds_of`.
    """

    race: Race
    forecaster: str
    cells: pd.DataFrame
    seconds: float
    n_folds: int
    by_group: bool


def run_races(
    races: Sequence[Race],
    forecasters: Sequence[str],
    folder: Path,
    *,
    snapshot: str | None = None,
    every: int = 1,
    workers: Workers | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Run every forecaster in every race.

    Parameters
    ----------
    races, forecasters
        Who runs where.
    folder : Path
        Of the results of pieces; made when it is not there.
    snapshot : str, optional
        Name of the snapshot; the embedded one by default.
    every : int
        Only the first of every so many folds of races with more than two.
    workers : Workers, optional
        Who does the work.
    progress : callable, optional
        Called with (pieces done, pieces in all).

    Returns
    -------
    list of Outcome
        Race by race.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot keep results here: {error.strerror or error}.") from error
    asked: list[tuple[Race, str, list[Path], bool]] = []
    todo: dict[tuple[str, str], dict[Path, Fold]] = {}  # by training data and forecaster
    for race in races:
        folds, by_group = folds_of(race, snapshot)
        folds = folds[::every] if len(folds) > 2 else folds
        trained = [_digest([fold.train.models, fold.train.scores, fold.train.benchmarks]) for fold in folds]
        for name in forecasters:
            paths = []
            for fold, train in zip(folds, trained, strict=True):
                path = folder / f"{address(_content(fold, train), name)}.parquet"
                paths.append(path)
                if not path.exists():
                    todo.setdefault((train, name), {})[path] = fold
            asked.append((race, name, paths, by_group))
    total = sum(len(paths) for _, _, paths, _ in asked)
    done = total - sum(len(pieces) for pieces in todo.values())
    report = progress or (lambda done, total: None)
    report(done, total)
    work = [(name, list(pieces.values()), list(pieces)) for (_, name), pieces in todo.items()]
    for n_done in run_pieces(_run_pieces, work, workers or Workers()):
        done += n_done
        report(done, total)
    return [_outcome(*one) for one in asked]


def _run_pieces(name: str, folds: list[Fold], paths: list[Path]) -> int:
    """Fit once and answer every fold; the first one's seconds hold the fit."""
    start = time.process_time()
    for fold in folds:
        fold.check()
    fitted = make_forecaster(name).fit(folds[0].train)
    for fold, path in zip(folds, paths, strict=True):
        cells, quantiles, _ = answer_fold(fold, fitted, LEVEL)
        seconds, start = time.process_time() - start, time.process_time()
        frame = cells.reset_index(drop=True).join(quantiles.reset_index(drop=True).rename(columns="{:g}".format))
        _write_whole(frame.assign(seconds=seconds), path)
    return len(paths)


def _write_whole(frame: pd.DataFrame, path: Path) -> None:
    at, aside = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    os.close(at)
    try:
        frame.to_parquet(aside, index=False)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _outcome(race: Race, name: str, paths: list[Path], by_group: bool) -> Outcome:
    parts = [pd.read_parquet(path) for path in paths]
    seconds = sum(float(part["seconds"].iloc[0]) for part in parts if len(part))
    cells = pd.concat([part.drop(columns="seconds") for part in parts], ignore_index=True)
    return Outcome(race, name, cells, seconds, len(parts), by_group)


def address(content: str, forecaster: str) -> str:
    """Name a piece by all that decides its result.

    Parameters
    ----------
    content : str
        Digest of the fold.
    forecaster : str
        Name with settings.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    told = "\n".join((content, forecaster, _code(), repr(SHARES), repr(LEVEL)))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _content(fold: Fold, train: str) -> str:
    asked = [fold.queries, fold.held_out, *([] if fold.revealed is None else [fold.revealed])]
    return _digest(asked, fold.name, train)


def _digest(tables: Sequence[pd.DataFrame], *names: str) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    for table in tables:
        digest.update(table.to_csv(lineterminator="\n").encode())
    return digest.hexdigest()


@cache
def _code() -> str:
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for place in CODE:
        files = [package / place] if place.endswith(".py") else sorted((package / place).glob("*.py"))
        for path in files:
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
