"""Filling in of missing scores by iterated low-rank reconstruction, learned on one set of models, applied to any.

The procedure of Ruan, Maddison and Hashimoto (2024), appendix on missing values: standardise over the observed cells,
start at the mean, and let the leading principal components of the filled matrix redraw the missing cells until these
stop moving. The authors' code waits for the whole matrix to equal its reconstruction, which never happens, and so runs
all of its 1000 passes; the missing cells settle within some twenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Imputation", "impute"]


@dataclass(frozen=True)
class Imputation:
    """What was learned from the training models; J benchmarks, r components.

    Parameters
    ----------
    mean, scale : ndarray of shape (J,)
        Of the observed cells; fractions. Population standard deviation, 1 for a constant benchmark.
    centre : ndarray of shape (J,)
        Column means of the filled, standardised matrix.
    axes : ndarray of shape (r, J)
        Its leading principal axes.
    n_iter : int
        Passes over the training models.
    converged : bool
        Whether the missing cells moved by less than the tolerance in the last pass.
    """

    mean: Array
    scale: Array
    centre: Array
    axes: Array
    n_iter: int
    converged: bool

    def fill(self, scores: Array, tol: float = 1e-10, max_iter: int = 1000) -> Array:
        """Fill in missing scores of any models, each by itself, with everything learned held fixed.

        Parameters
        ----------
        scores : ndarray of shape (n, J)
            Fractions, NaN missing.
        tol, max_iter : float, int
            As in `impute`.

        Returns
        -------
        ndarray of shape (n, J)
            Observed cells unchanged; imputed ones between 0 and 1.
        """
        missing = np.isnan(scores)
        z = np.where(missing, 0.0, (scores - self.mean) / self.scale)
        for _ in range(max_iter if missing.any() else 0):
            redrawn = self.centre + (z - self.centre) @ self.axes.T @ self.axes
            moved = np.abs(redrawn - z)[missing].max()
            z[missing] = redrawn[missing]
            if moved < tol:
                break
        return np.where(missing, np.clip(self.mean + self.scale * z, 0.0, 1.0), scores)


def impute(scores: Array, rank: int = 1, tol: float = 1e-10, max_iter: int = 1000) -> Imputation:
    """Learn how to fill in missing scores.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        Fractions, NaN missing; every benchmark needs one observed score.
    rank : int
        Principal components of the reconstruction; 1 in the paper.
    tol : float
        Largest move of a missing cell, in standard deviations of its benchmark, that counts as standing still.
    max_iter : int
        Most passes.

    Returns
    -------
    Imputation

    Raises
    ------
    FitError
        A benchmark without any observed score.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), Observational Scaling Laws and the Predictability of Language Model
       Performance, arXiv 2405.10938, section 3.2 and appendix; rank 1.

    Examples
    --------
    >>> scores = np.array([[0.2, 0.1], [0.4, 0.3], [0.6, np.nan]])
    >>> found = impute(scores)
    >>> found.converged
    True
    >>> found.fill(scores)[2, 1].round(2)
    np.float64(0.5)
    """
    missing = np.isnan(scores)
    blank = missing.all(axis=0)
    if blank.any():
        columns = ", ".join(map(str, np.flatnonzero(blank)))
        raise FitError(
            f"Imputation: no observed score in column {columns}. Leave the benchmark out, or add its scores."
        )
    mean = np.nanmean(scores, axis=0)
    scale = np.nanstd(scores, axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    z = np.where(missing, 0.0, (scores - mean) / scale)
    for n_iter in range(1, max_iter + 1):
        centre = z.mean(axis=0)
        axes = np.linalg.svd(z - centre, full_matrices=False)[2][:rank]
        if not missing.any():
            return Imputation(mean, scale, centre, axes, n_iter, True)
        redrawn = centre + (z - centre) @ axes.T @ axes
        moved = np.abs(redrawn - z)[missing].max()
        z[missing] = redrawn[missing]
        if moved < tol:
            return Imputation(mean, scale, centre, axes, n_iter, True)
    return Imputation(mean, scale, centre, axes, max_iter, False)
