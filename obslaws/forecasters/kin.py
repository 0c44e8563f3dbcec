"""Whose intercept a model gets: its family's, else the mean of its base family's, else the mean of all.

Called by the peers' forecasters whose laws carry an intercept per family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Kin"]


@dataclass(frozen=True)
class Kin:
    """The families of a training panel.

    Parameters
    ----------
    family : ndarray of int, shape (n,)
        Number of each training model's family; all 0 when one intercept is shared.
    names, bases : ndarray of str, shape (F,)
        Families and their base families.
    shared : bool
        Whether one intercept serves all.
    """

    family: NDArray[np.intp]
    names: NDArray[np.str_]
    bases: NDArray[np.str_]
    shared: bool

    @classmethod
    def learn(cls, models: pd.DataFrame, shared: bool) -> Kin:
        """Give the families of training models numbers, alphabetically."""
        families = models["family"].to_numpy(dtype=str)
        names, family = np.unique(families, return_inverse=True)
        base = dict(zip(families, models["base_family"].astype(str), strict=True))
        bases = np.array([base[name] for name in names], dtype=str)
        return cls(np.zeros_like(family) if shared else family, names, bases, shared)

    @property
    def n_intercepts(self) -> int:
        """Count of intercepts."""
        return 1 if self.shared else len(self.names)

    def weights(self, queries: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        """Share of each intercept in each query's, and whose it is.

        Parameters
        ----------
        queries : DataFrame of shape (m, n_covariates)
            With family and base_family.

        Returns
        -------
        weights : ndarray of shape (m, F)
        basis : ndarray of str, shape (m,)
            ``"family"``, ``"base family"`` or ``"pooled"``.
        """
        weights = np.full((len(queries), self.n_intercepts), 1.0 / self.n_intercepts)
        basis = np.full(len(queries), "pooled", dtype=object)
        if self.shared:
            return weights, basis
        for i, (family, base) in enumerate(zip(queries["family"], queries["base_family"].astype(str), strict=True)):
            own = self.names == family
            kin = own if own.any() else self.bases == base
            if kin.any():
                weights[i] = kin / kin.sum()
                basis[i] = "family" if own.any() else "base family"
        return weights, basis
