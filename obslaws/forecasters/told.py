"""What a fitted skill forecaster was told after its fit: scores of known models, and of new ones.

In: names, what is known of the models, and scores. Out: updated posteriors, one per fit of the ensemble. Called by
`SkillForecaster.update` and by the forecasts after it; plain arrays and dictionaries: an update takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from obslaws.errors import UnknownNameError, UsageError
from obslaws.skill.sparse_fit import SparseFit
from obslaws.skill.sparse_update import SparseUpdate
from obslaws.skill.update import Kin, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.predict import Relatives
    from obslaws.units import Units

    Array = NDArray[np.float64]
    Name = tuple[str, str, str, str]

__all__ = ["Told", "checked_scores", "rows_of"]


@dataclass(frozen=True)
class Told:
    """Scores told since the fit, and the posterior that they leave.

    Parameters
    ----------
    updates : tuple of Update or SparseUpdate
        One per fit, large ones by the latter.
    who : Relatives
        What the fit knows of each of the n models told of.
    models : tuple of (str, str, str, str)
        Name, family, base family and lab of each.
    scores : ndarray of shape (n, J)
        What was told, NaN elsewhere.
    is_new : ndarray of bool, shape (n,)
        Whether the fit had no score of the model.
    row : dict of str to int
        Place of each model by name.
    """

    updates: tuple[Update | SparseUpdate, ...]
    who: Relatives
    models: tuple[Name, ...]
    scores: Array
    is_new: NDArray[np.bool_]
    row: Mapping[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def nothing(cls, fits: Sequence[Fit | SparseFit], n_items: Array, who: Relatives) -> Self:
        """Start with nothing told; `who` is any models, of which none is taken."""
        none = np.zeros(len(who.row), dtype=np.intp)
        kin = Kin(who, none, none, none, none)
        updates = tuple(
            SparseUpdate.nothing(fit, kin) if isinstance(fit, SparseFit) else Update.nothing(fit, n_items, kin)
            for fit in fits
        )
        nobody = kin.take(np.zeros(0, dtype=np.intp)).who
        return cls(updates, nobody, (), np.zeros((0, len(n_items))), np.zeros(0, dtype=bool))

    def add(self, models: Sequence[Name], who: Relatives, is_new: NDArray[np.bool_], scores: Array) -> Self:
        """Tell scores.

        Parameters
        ----------
        models : sequence of (str, str, str, str)
            Name, family, base family and lab of k models, each once.
        who : Relatives
        is_new : ndarray of bool, shape (k,)
        scores : ndarray of shape (k, J)
            NaN where not told.

        Returns
        -------
        Told
        """
        at = [i for i, (name, *_) in enumerate(models) if name not in self.row]
        joined = self.who.join(who.take(np.array(at, dtype=np.intp)))
        row = {**self.row, **{models[i][0]: len(self.models) + n for n, i in enumerate(at)}}
        held = np.concatenate([self.scores, np.full((len(at), scores.shape[1]), np.nan)])
        places = [row[name] for name, *_ in models]
        held[places] = np.where(np.isfinite(scores), scores, held[places])
        grown = replace(
            self,
            who=joined,
            models=(*self.models, *(models[i] for i in at)),
            scores=held,
            is_new=np.concatenate([self.is_new, is_new[at]]),
            row=row,
        )
        rows, columns = np.nonzero(np.isfinite(scores))
        kin = grown.kin(models, who).take(rows)
        told = tuple(update.told(kin, columns, scores[rows, columns]) for update in self.updates)
        return replace(grown, updates=told)

    def kin(self, models: Iterable[Name], who: Relatives) -> Kin:
        """Label models by those told of: of one model, family, base family, lab; -1 for what no score was told of."""
        labels = [
            {name: i for i, name in reversed(list(enumerate(column)))} for column in zip(*self.models, strict=True)
        ]
        if not labels:
            none = np.full(len(who.row), -1)
            return Kin(who, none, none, none, none)
        columns = zip(*models, strict=True)
        return Kin(who, *(np.array([known.get(n, -1) for n in c]) for known, c in zip(labels, columns, strict=True)))

    def values(self, models: Iterable[str]) -> Array:
        """Scores told of these models, NaN where none; shape (n, J)."""
        out = np.full((len(names := list(models)), self.scores.shape[1]), np.nan)
        for i, name in enumerate(names):
            if name in self.row:
                out[i] = self.scores[self.row[name]]
        return out

    def count(self, names: Iterable[str], place: int) -> NDArray[np.intp]:
        """Count models first scored after the fit, by family (`place` 1), base family (2) or lab (3); shape (n,)."""
        new = [model[place] for model, is_new in zip(self.models, self.is_new, strict=True) if is_new]
        return np.array([new.count(name) for name in names], dtype=np.intp)


def rows_of(names: Iterable[str]) -> dict[str, int]:
    """Find the row of each model of a table by its name.

    Raises
    ------
    UsageError
        A model named twice.
    """
    rows: dict[str, int] = {}
    for at, name in enumerate(names):
        if rows.setdefault(name, at) != at:
            raise UsageError(f"update: two rows of {name!r}; give one row per model.")
    return rows


def checked_scores(scores: pd.DataFrame, benchmarks: Mapping[str, int], units: Units) -> Array:
    """Refuse scores that cannot be told.

    Parameters
    ----------
    scores : DataFrame
        Indexed by model, columns benchmarks; fractions or in the unit of the benchmark, NaN not told.
    benchmarks : mapping of str to int
        Column of each benchmark of the fit.
    units : Units
        Of the benchmarks of the fit.

    Returns
    -------
    ndarray of shape (n_models, J)
        Fractions.

    Raises
    ------
    UnknownNameError
        A benchmark that the fit does not hold; the nearest is offered.
    UsageError
        No score, one outside [0, 1], or a model named twice.
    """
    asked = list(scores.columns)
    for name in asked:
        if name not in benchmarks:
            raise UnknownNameError("benchmark", name, benchmarks)
    values = np.full((len(rows_of(scores.index)), len(benchmarks)), np.nan)
    values[:, [benchmarks[name] for name in asked]] = scores.to_numpy(dtype=float)
    if not np.isfinite(values).any():
        raise UsageError("update: no score given. Expected at least one fraction; NaN means not evaluated.")
    shares = values[:, ~units.rated]
    seen = shares[np.isfinite(shares)]
    if len(seen) and (seen.min() < 0.0 or seen.max() > 1.0):
        worst = seen.max() if seen.max() > 1.0 else seen.min()
        raise UsageError(f"update: a score of {worst:g}; expected fractions in [0, 1]. Divide percentages by 100.")
    return units.fractions(values)
