"""Observed cells of a large sparse panel as flat arrays, sorted so that whatever is summed stands side by side.

Models are sorted by base family and family, cells by benchmark and then by model. So the models of a family, the
families of a base family, the cells of a benchmark, and the cells that share an own intercept (one base family on one
benchmark: a pair) are all runs of neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from obslaws.skill.stacks import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from obslaws.skill.state import Data

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["CellTable", "Column"]


@dataclass(frozen=True)
class Column:
    """Cells and pairs of one benchmark.

    Parameters
    ----------
    number : int
        Which benchmark.
    cells, pairs : slice
        Where its cells and its pairs stand.
    model : ndarray of int, shape (n,)
        Sorted model of each cell.
    pair : ndarray of int, shape (n,)
        Pair of each cell, from 0.
    starts : ndarray of int
        First cell of each pair, from 0.
    """

    number: int
    cells: slice
    pairs: slice
    model: Index
    pair: Index
    starts: Index


class CellTable:
    """The cells of `data`.

    Parameters
    ----------
    data : Data
        Scores NaN where not evaluated.

    Attributes
    ----------
    order : ndarray of int, shape (M,)
        Row of `data` of each sorted model.
    place : ndarray of int, shape (M,)
        Where each row stands among the sorted models.
    family_order, family_place : ndarray of int, shape (F,)
        The same for families.
    models_of_family, families_of_base : Runs
    base_of_model : ndarray of int, shape (M,)
        Base family of each sorted model.
    score : ndarray of shape (N,)
        Fractions.
    model : ndarray of int, shape (N,)
        Sorted model of each cell.
    bounds, pair_bounds : ndarray of int, shape (J + 1,)
        First cell and first pair of each benchmark, and their counts at the end.
    pair_starts, pair_base : ndarray of int, shape (P,)
        First cell of each pair, and its base family.
    """

    def __init__(self, data: Data) -> None:
        nesting, (self.n_models, self.n_benchmarks) = data.nesting, data.scores.shape
        self.n_families, self.n_bases, self.n_labs = nesting.n_families, nesting.n_bases, nesting.n_labs
        self.family_order = np.argsort(nesting.base, kind="stable")
        self.family_place = _inverse(self.family_order)
        family = self.family_place[nesting.family]
        self.order = np.argsort(family, kind="stable")
        self.place = _inverse(self.order)
        self.models_of_family = Runs(family[self.order], self.n_families)
        self.families_of_base = Runs(nesting.base[self.family_order], self.n_bases)
        self.base_of_model = self.families_of_base.label[self.models_of_family.label]
        models, scores, starts, counts, pairs = [], [], [], [], []
        first = 0
        for j in range(self.n_benchmarks):
            column = data.scores[:, j][self.order]
            at = np.flatnonzero(np.isfinite(column))
            runs = Runs(self.base_of_model[at], self.n_bases)
            models.append(at)
            scores.append(column[at])
            starts.append(runs.starts + first)
            pairs.append(runs.filled)
            counts.append((len(at), len(runs.starts)))
            first += len(at)
        self.model, self.score = np.concatenate(models), np.concatenate(scores)
        self.pair_starts, self.pair_base = np.concatenate(starts), np.concatenate(pairs)
        self.bounds, self.pair_bounds = np.concatenate([[(0, 0)], np.cumsum(counts, axis=0)]).T
        is_first = np.zeros(len(self.model), dtype=np.intp)
        is_first[self.pair_starts] = 1
        self._pair = np.cumsum(is_first) - 1
        self._indices, self._indptr = self.model.astype(np.int32), self.bounds.astype(np.int32)

    @property
    def n_cells(self) -> int:
        """N."""
        return len(self.score)

    @property
    def n_pairs(self) -> int:
        """P."""
        return len(self.pair_base)

    @property
    def n_observed(self) -> Index:
        """Cells of each benchmark, shape (J,)."""
        return np.diff(self.bounds)

    def columns(self) -> Iterator[Column]:
        """Go through the benchmarks that have cells."""
        for j in range(self.n_benchmarks):
            cells = slice(self.bounds[j], self.bounds[j + 1])
            pairs = slice(self.pair_bounds[j], self.pair_bounds[j + 1])
            if cells.start < cells.stop:
                pair = self._pair[cells] - pairs.start
                yield Column(j, cells, pairs, self.model[cells], pair, self.pair_starts[pairs] - cells.start)

    def values(self, table: Array) -> Array:
        """Read a table of models and benchmarks, rows as in the data, at every cell: (M, J) -> (N,)."""
        benchmark = np.repeat(np.arange(self.n_benchmarks), self.n_observed)
        return np.asarray(table[self.order[self.model], benchmark])

    def by_model(self, values: Array, rows: Array) -> Array:
        """Sum over each model's cells of a value times the row of the cell's benchmark: (N,), (J, a) -> (a, M)."""
        matrix = csc_array((values, self._indices, self._indptr), shape=(self.n_models, self.n_benchmarks))
        return np.ascontiguousarray((matrix @ rows).T)

    def pair_of(self, base: Index, benchmark: int) -> Index:
        """Pair of each base family on one benchmark, -1 where it has no score there (or for base -1)."""
        lo, hi = self.pair_bounds[benchmark : benchmark + 2]
        known = self.pair_base[lo:hi]
        at = np.searchsorted(known, base)
        inside = at < len(known)
        found = np.zeros(len(base), dtype=bool)
        found[inside] = known[at[inside]] == base[inside]
        return np.where(found, at + lo, -1)


def _inverse(order: Index) -> Index:
    out = np.empty_like(order)
    out[order] = np.arange(len(order))
    return out
