"""Better places for families in a factor model whose loadings, offsets and slopes stand.

Huber's loss is nearly the absolute error: a family fits some benchmarks and gives up others, and no small step changes
which. Here every family is offered the places at which one benchmark is given up, and takes the best.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from obslaws.peers.blocks import solve
from obslaws.peers.huber import THRESHOLD, derivatives

__all__ = ["Places"]

Array = NDArray[Any]

MARGIN = 0.01  # of the logits that places are computed from
RIDGE = 1e-3  # share of a block's mean diagonal


class Places:
    """Places for the families of one data set; models along the last axis. Computes in the type of its arrays.

    Parameters
    ----------
    middle : ndarray of shape (J, n)
        Scores less the middle between floor and 1; 0 where a score is missing.
    half : ndarray of shape (J, n)
        From the middle to 1; 0 where a score is missing.
    member : ndarray of shape (n, F)
        1 where a model belongs to a family.
    family : ndarray of int, shape (n,)
        The same, as the family's place.
    """

    def __init__(self, middle: Array, half: Array, member: Array, family: NDArray[np.intp]) -> None:
        self.middle, self.half, self.member, self.family = middle, half, member, family
        self.models, self.every = (np.arange(size) for size in member.shape)
        # scores between their floor and 1, from -1 to 1
        inside = np.minimum(np.maximum(middle / np.maximum(half, 1e-9), 2.0 * MARGIN - 1.0), 1.0 - 2.0 * MARGIN)
        self.logits = 2.0 * np.arctanh(inside)
        self.weight = (half * (1.0 - inside * inside)) ** 2  # squared derivatives but for a factor
        self.by_family = self.weight @ member

    def better(self, alpha: Array, by_covariates: Array, L: Array, b: Array) -> Array:
        """Move families to where their scores are fitted better.

        Parameters
        ----------
        alpha : ndarray of shape (d, F)
            Intercepts.
        by_covariates : ndarray of shape (d, n)
            Skills less intercepts.
        L : ndarray of shape (J, d)
            Loadings.
        b : ndarray of shape (J,)
            Offsets.

        Returns
        -------
        ndarray of shape (d, F)
            For no family is the loss higher than at `alpha`.
        """
        fixed = L @ by_covariates + b[:, None]
        pairs = (L[:, :, None] * L[:, None, :]).reshape(len(L), -1).T
        places = self._offered(fixed, L, pairs)
        places[:, 0] = alpha
        curve, r, loss = self._at(places, fixed, L)
        least = 1 + loss[1:].argmin(axis=0)
        before, taken, offered = loss[0], loss[least, self.every], places[:, least, self.every]
        here = least.take(self.family) * len(self.family) + self.models
        curve, r = (part.reshape(len(L), -1).take(here, axis=1) for part in (curve, r))
        moved = offered + self._own_step(curve, r, L, pairs)
        after = self._at(moved[:, None], fixed, L)[2][0]
        best = np.where(after < taken, moved, offered)
        return np.where(np.minimum(after, taken) < before, best, alpha)

    def _offered(self, fixed: Array, L: Array, pairs: Array) -> Array:
        """Least squares of logits, with all benchmarks and (leave-one-out formula) without each.

        Shape (d, 2 + J, F); the first place is left for the family's own.
        """
        (J, d), F = L.shape, len(self.every)
        systems = np.empty((d, d + J, F), dtype=L.dtype)
        systems[:, :d] = (pairs @ self.by_family).reshape(d, d, F)
        diagonal = systems.reshape(-1, F)[:: d + J + 1]
        diagonal += RIDGE * diagonal.mean(axis=0) + 1e-9
        systems[:, d:] = L.T[:, :, None]
        pull = solve(systems)
        right = (self.weight * (self.logits - fixed)) @ self.member
        out = np.empty((d, 2 + J, F), dtype=L.dtype)
        whole = np.einsum("djf,jf->df", pull, right, out=out[:, 1])
        leverage = self.by_family * np.einsum("djf,jd->jf", pull, L)
        rest = (right - self.by_family * (L @ whole)) / np.maximum(1.0 - leverage, 0.01)
        np.subtract(out[:, 1:2], pull * rest, out=out[:, 2:])
        return out

    def _at(self, places: Array, fixed: Array, L: Array) -> tuple[Array, Array, Array]:
        """Scores from -1 to 1 and residuals (J, places, n), losses (places, F)."""
        J, (d, many, F) = len(L), places.shape
        curve = (L @ places.reshape(d, -1)).reshape(J, many, F).take(self.family, axis=2)
        curve += fixed[:, None]
        curve *= 0.5
        np.tanh(curve, out=curve)
        r = self.half[:, None] * curve
        np.subtract(self.middle[:, None], r, out=r)
        size = np.abs(r)
        small = np.minimum(size, THRESHOLD)
        size -= 0.5 * small
        size *= small
        return curve, r, size.sum(axis=0) @ self.member

    def _own_step(self, curve: Array, r: Array, L: Array, pairs: Array) -> Array:
        """Gauss-Newton for each family alone; shape (d, F)."""
        J, d = L.shape
        rate = self.half * (0.5 - 0.5 * curve * curve)
        first, second = derivatives(r, 1.0)
        first *= rate
        rate *= rate
        second *= rate
        sums = np.concatenate([second, first]) @ self.member
        systems = np.empty((d, d + 1, sums.shape[1]), dtype=L.dtype)
        systems[:, :d] = (pairs @ sums[:J]).reshape(d, d, -1)
        systems[:, d] = L.T @ sums[J:]
        diagonal = systems.reshape(d * (d + 1), -1)[:: d + 2]
        diagonal += RIDGE * (diagonal + 1.0)
        return solve(systems)[:, 0]
