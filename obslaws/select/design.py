"""A design problem: units to choose from, what each costs and tells, and how good a set of them is.

A regression on capabilities S, fitted to some models, has an information matrix M = S'S of these models, which adds up
over models. Every criterion here is a convex function of M that falls as models are added:

- V: mean variance of the forecasts of all candidates, trace(S'S M^-1) over the whole pool (Ruan et al. 2024);
- A: summed variance of the coefficients, trace(M^-1);
- D: log volume of their confidence region, -log det M;
- I: mean variance of forecasts spread evenly over the box that the candidates span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["CRITERIA", "Design", "make_design"]

CRITERIA = ("V", "A", "D", "I")
_SINGULAR = 1e-12  # determinant over what it could be at most for the trace; below, some direction was not seen


@dataclass(frozen=True)
class Design:
    """Units with their information in a basis where V, A and I are all the trace of the inverse.

    Parameters
    ----------
    criterion : {"V", "A", "D", "I"}
    information : ndarray of shape (n_units, k, k)
        What each unit adds to M.
    cost : ndarray of shape (n_units,)
        What each costs; models or FLOP.
    n_models : ndarray of int, shape (n_units,)
    is_required : ndarray of bool, shape (n_units,)
        Units that are in every set.
    """

    criterion: str
    information: Array
    cost: Array
    n_models: NDArray[np.intp]
    is_required: NDArray[np.bool_]

    @property
    def k(self) -> int:
        """Count of capabilities."""
        return int(self.information.shape[1])

    def loss(self, information: Array) -> Array:
        """Judge sums of information; smaller is better, infinite where a direction is not seen at all.

        Parameters
        ----------
        information : ndarray of shape (..., k, k)

        Returns
        -------
        ndarray of shape (...)
        """
        k = self.k
        upper = [information[..., i, j] for i in range(k) for j in range(i, k)]
        if k > 3:
            return self._loss_by_roots(information)
        value: Array = self.loss_of_entries(np.stack(upper))
        return value

    def loss_of_entries(self, entries: Array) -> Array:
        """Judge sums of information given by their upper triangles: many at once, in closed form.

        Parameters
        ----------
        entries : ndarray of shape (k (k + 1) / 2, n)
            Upper triangles, row by row.

        Returns
        -------
        ndarray of shape (n,)
        """
        if self.k > 3:
            return self._loss_by_roots(self._matrices(entries))
        with np.errstate(all="ignore"):
            if self.k == 1:
                minors, det, trace = np.ones_like(entries[0]), entries[0], entries[0]
            elif self.k == 2:
                a, b, c = entries
                trace = a + c
                minors, det = trace, a * c - b * b
            else:
                a, b, c, d, e, f = entries
                trace = a + d + f
                first = d * f - e * e
                det = a * first - b * (b * f - c * e) + c * (b * e - c * d)
                minors = first + a * (d + f) - b * b - c * c
            value: Array = -np.log(det) if self.criterion == "D" else minors / det
            out: Array = np.where(det > _SINGULAR * (trace / self.k) ** self.k, value, np.inf)
        return out

    def slope(self, information: Array) -> Array:
        """Differentiate the loss of one set by its information.

        Parameters
        ----------
        information : ndarray of shape (k, k)
            Positive definite.

        Returns
        -------
        ndarray of shape (k, k)
            Negative definite.
        """
        inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        return -inverse if self.criterion == "D" else -inverse @ inverse

    def exact_loss(self, chosen: NDArray[np.bool_]) -> float:
        """Judge one set with care for rounding.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_units,)

        Returns
        -------
        float
        """
        return float(self._loss_by_roots(self.information[chosen].sum(axis=0)))

    def entries(self) -> Array:
        """Upper triangles of the units' information, shape (k (k + 1) / 2, n_units)."""
        rows, columns = np.triu_indices(self.k)
        return np.ascontiguousarray(self.information[:, rows, columns].T)

    def _matrices(self, entries: Array) -> Array:
        out = np.empty((entries.shape[1], self.k, self.k))
        rows, columns = np.triu_indices(self.k)
        out[:, rows, columns] = out[:, columns, rows] = entries.T
        return out

    def _loss_by_roots(self, information: Array) -> Array:
        roots = np.linalg.eigvalsh(information)
        with np.errstate(all="ignore"):
            value = -np.log(roots).sum(axis=-1) if self.criterion == "D" else (1 / roots).sum(axis=-1)
        return np.where(roots[..., 0] > _SINGULAR * roots[..., -1], value, np.inf)


def make_design(
    capabilities: Array,
    unit_of: NDArray[np.intp],
    cost: Array,
    criterion: str = "V",
    is_required: NDArray[np.bool_] | None = None,
) -> Design:
    """Set a design problem up.

    Parameters
    ----------
    capabilities : ndarray of shape (n, k)
        Of the candidates; centred here on their mean, as in the paper.
    unit_of : ndarray of int, shape (n,)
        Unit of each model, 0 to n_units - 1: its family, or itself.
    cost : ndarray of shape (n,)
        Of each model; 1, or FLOP.
    criterion : {"V", "A", "D", "I"}
    is_required : ndarray of bool, shape (n_units,), optional

    Returns
    -------
    Design

    Raises
    ------
    UnknownNameError
        Another criterion.
    UsageError
        Candidates that do not span all directions.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 5, equation 8.
    .. [2] Pukelsheim (2006), Optimal Design of Experiments, chapter 6; Atkinson, Donev and Tobias (2007), Optimum
       Experimental Designs, with SAS, chapter 10.
    """
    if criterion not in CRITERIA:
        raise UnknownNameError("criterion", criterion, CRITERIA)
    s = capabilities - capabilities.mean(axis=0)
    moments = s.T @ s
    roots = np.linalg.eigvalsh(moments)
    if not roots[0] > _SINGULAR * roots[-1]:
        raise UsageError(
            f"{len(s)} candidates do not spread along all of their {s.shape[1]} capabilities; "
            "take fewer components or more models."
        )
    if criterion == "V":
        weight = moments
    elif criterion == "I":
        low, high = s.min(axis=0), s.max(axis=0)
        middle = (low + high) / 2
        weight = np.diag((high - low) ** 2 / 12) + np.outer(middle, middle)
    else:
        weight = np.eye(s.shape[1])
    # trace(W M^-1) = trace((R^-1 M R^-T)^-1) with W = R R': in this basis the weight is the identity
    basis = np.linalg.solve(np.linalg.cholesky(weight), s.T).T
    n_units = int(unit_of.max()) + 1
    information = np.zeros((n_units, s.shape[1], s.shape[1]))
    np.add.at(information, unit_of, basis[:, :, None] * basis[:, None, :])
    return Design(
        criterion,
        information,
        np.bincount(unit_of, weights=cost, minlength=n_units).astype(float),
        np.bincount(unit_of, minlength=n_units),
        np.zeros(n_units, dtype=bool) if is_required is None else is_required,
    )
