"""How many capabilities: hide cells, forecast them from the rest, and see where more capabilities stop to help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from obslaws.capability.factor import CapabilityFactors
from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

__all__ = ["CAPABILITY_MODELS", "ComponentChoice", "cell_folds", "choose_n_components"]

CAPABILITY_MODELS: dict[str, type[CapabilityPCA] | type[CapabilityFactors]] = {
    "pca": CapabilityPCA,
    "factor": CapabilityFactors,
}

_TOL = 1e-5  # of the fits: errors of forecasts have settled long before the likelihood has


@dataclass(frozen=True)
class ComponentChoice:
    """Errors on hidden cells by number of capabilities, and the number chosen.

    Parameters
    ----------
    n_components : int
        The smallest number whose error is within one standard error of the least.
    n_best : int
        The number with the least error.
    table : DataFrame of shape (n_numbers, 5)
        n_components; rmse (fraction) and medae (fraction) over the hidden cells; worse, the mean squared error above
        the least one, and worse_se, its standard error over models.
    """

    n_components: int
    n_best: int
    table: pd.DataFrame


def cell_folds(observed: NDArray[np.bool_], n_folds: int, random_state: int) -> NDArray[np.intp]:
    """Deal the observed cells of each model out over folds.

    Parameters
    ----------
    observed : ndarray of bool, shape (n, J)
    n_folds : int
    random_state : int

    Returns
    -------
    ndarray of int, shape (n, J)
        Fold of each observed cell, -1 elsewhere. A model with two scores or more never loses all of them to one fold.
    """
    rng = np.random.default_rng(random_state)
    folds = np.full(observed.shape, -1)
    for row, seen in enumerate(observed):
        columns = rng.permutation(np.flatnonzero(seen))
        folds[row, columns] = (rng.integers(n_folds) + np.arange(len(columns))) % n_folds
    return folds


def choose_n_components(
    scores: pd.DataFrame,
    model: Literal["pca", "factor"] = "pca",
    numbers: Iterable[int] | None = None,
    n_folds: int = 10,
    random_state: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ComponentChoice:
    """Choose the number of capabilities by forecasts of hidden cells.

    Parameters
    ----------
    scores : DataFrame of shape (n, J)
        Fractions, NaN not evaluated.
    model : {"pca", "factor"}
        Principal components (by likelihood) or factor analysis.
    numbers : iterable of int, optional
        Numbers to try; by default 1 to J - 1, at most 8, and for factor analysis only those that leave the covariances
        more numbers than it has itself.
    n_folds : int
        Each cell is hidden once, with a share of 1 / n_folds of the others.
    random_state : int
        Of the folds.
    progress : callable, optional
        Takes (fits done, fits to do).

    Returns
    -------
    ComponentChoice

    Raises
    ------
    UsageError
        Fewer than two folds, or a number that the benchmarks cannot carry.
    UnknownNameError
        No such model of capabilities.

    References
    ----------
    .. [1] Wold (1978), Cross-validatory estimation of the number of components, Technometrics 20, 397-405.
    .. [2] Breiman et al. (1984), Classification and Regression Trees, section 3.4: the one-standard-error rule.
    """
    if model not in CAPABILITY_MODELS:
        raise UnknownNameError("capability model", model, CAPABILITY_MODELS)
    table = scores.to_numpy(dtype=float)
    most = table.shape[1] - 1
    tried = _by_default(model, table.shape[1]) if numbers is None else sorted(set(numbers))
    if not tried or tried[0] < 1 or tried[-1] > most:
        raise UsageError(f"numbers of capabilities {tried}: expected some from 1 to {most}, one less than benchmarks.")
    if n_folds < 2:
        raise UsageError(f"n_folds is {n_folds}; expected at least 2.")
    folds = cell_folds(~np.isnan(table), n_folds, random_state)
    errors = np.full((len(tried), *table.shape), np.nan)
    for fold in range(n_folds):
        hidden = folds == fold
        seen = np.where(hidden, np.nan, table)
        for at, number in enumerate(tried):
            expected = CAPABILITY_MODELS[model](n_components=number, tol=_TOL).fit(seen).fill(seen).to_numpy()
            errors[at][hidden] = (expected - table)[hidden]
            if progress is not None:
                progress(fold * len(tried) + at + 1, n_folds * len(tried))
    return _choose(tried, errors)


def _by_default(model: str, width: int) -> list[int]:
    """Ledermann (1937): k factors of J benchmarks are determined while (J - k)^2 is at least J + k."""
    numbers = range(1, min(width - 1, 8) + 1)
    return [k for k in numbers if model == "pca" or k == 1 or (width - k) ** 2 >= width + k]


def _choose(tried: list[int], errors: NDArray[np.float64]) -> ComponentChoice:
    """Compare squared errors model by model, for the cells of one model err together."""
    square = errors**2
    known = ~np.isnan(square[0])  # a model whose only score was hidden has no forecast under any number
    n_cells = known.sum()
    loss = np.where(known, square, 0.0).sum(axis=(1, 2)) / n_cells
    best = int(np.argmin(loss))
    by_model = np.where(known, square - square[best], 0.0).sum(axis=2)
    spread = by_model.std(axis=1, ddof=1) * np.sqrt(by_model.shape[1]) / n_cells
    worse = loss - loss[best]
    chosen = int(np.flatnonzero(worse <= spread)[0])
    table = pd.DataFrame(
        {
            "n_components": tried,
            "rmse": np.sqrt(loss),
            "medae": np.nanmedian(np.abs(errors), axis=(1, 2)),
            "worse": worse,
            "worse_se": spread,
        }
    )
    return ComponentChoice(tried[chosen], tried[best], table)
