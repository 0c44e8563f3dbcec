"""Better places for families in a factor model whose loadings, offsets and slopes stand.

Huber's loss is nearly the absolute error: a family fits some benchmarks and gives up others, and no small step changes
which. Here every family is offered the places at which one benchmark is given up, and takes the best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from obslaws.links import clipped_logit, logistic
from obslaws.peers.blocks import solve
from obslaws.peers.huber import THRESHOLD, derivatives

__all__ = ["Places"]

Array = NDArray[np.float64]

MARGIN = 0.01  # of the logits that places are computed from
RIDGE = 1e-3  # share of a block's mean diagonal


class Places:
    """Places for the families of one data set; models along the last axis.

    Parameters
    ----------
    above : ndarray of shape (J, n)
        Scores less their floors; anything finite where a score is missing.
    known : ndarray of shape (J, n)
        1 where a cell counts, 0 where it does not.
    span : ndarray of shape (J, 1)
        From floor to 1.
    member : ndarray of shape (n, F)
        1 where a model belongs to a family.
    """

    def __init__(self, above: Array, known: Array, span: Array, member: Array) -> None:
        self.above, self.known, self.span, self.member = above, known, span, member
        self.family = member.argmax(axis=1)
        self.models, self.every = (np.arange(size) for size in member.shape)
        share = np.clip(above / span, MARGIN, 1.0 - MARGIN)
        self.logits = clipped_logit(share, margin=MARGIN)
        self.weight = known * (span * share * (1.0 - share)) ** 2
        self.by_family = self.weight @ member

    def better(self, alpha: Array, by_covariates: Array, L: Array, b: Array) -> Array:
        """Move families to where their scores are fitted better.

        Parameters
        ----------
        alpha : ndarray of shape (F, d)
            Intercepts.
        by_covariates : ndarray of shape (d, n)
            Skills less intercepts.
        L : ndarray of shape (J, d)
            Loadings.
        b : ndarray of shape (J,)
            Offsets.

        Returns
        -------
        ndarray of shape (F, d)
            For no family is the loss higher than at `alpha`.
        """
        offered = self._offered(by_covariates, L, b)
        places = np.ascontiguousarray(np.concatenate([alpha[None], offered]).transpose(2, 0, 1))
        share, r, loss = self._at(places, by_covariates, L, b)
        # indexing with lists of indices would leave an order in memory that makes all that follows slow: `take`
        pick = np.zeros((2, len(alpha)), dtype=np.intp)
        pick[1] = 1 + loss[1:].argmin(axis=0)
        families, models = pick * len(alpha) + self.every, pick[:, self.family] * len(self.family) + self.models
        places, loss = places.reshape(len(places), -1).take(families, axis=1), loss.take(families)
        share, r = (part.reshape(len(L), -1).take(models, axis=1) for part in (share, r))
        moved = places + self._own_step(share, r, L)
        best = np.concatenate([loss, self._at(moved, by_covariates, L, b)[2]]).argmin(axis=0)
        return np.concatenate([places, moved], axis=1)[:, best, self.every].T

    def _offered(self, by_covariates: Array, L: Array, b: Array) -> Array:
        """Least squares of logits, with all benchmarks and (leave-one-out formula) without each; (1 + J, F, d)."""
        J, d = L.shape
        blocks = ((L[:, :, None] * L[:, None, :]).reshape(J, d * d).T @ self.by_family).reshape(d, d, -1)
        diagonal = np.einsum("kkf->kf", blocks)
        diagonal += RIDGE * diagonal.mean(axis=0) + 1e-9
        pull = solve(blocks, np.repeat(L[:, :, None], self.by_family.shape[1], axis=2))
        right = (self.weight * (self.logits - b[:, None] - L @ by_covariates)) @ self.member
        whole = (pull * right[:, None]).sum(axis=0)
        leverage = self.by_family * (pull * L[:, :, None]).sum(axis=1)
        rest = (right - self.by_family * (L @ whole)) / np.maximum(1.0 - leverage, 0.01)
        out = np.concatenate([whole[None], whole - pull * rest[:, None]])
        return out.transpose(0, 2, 1)

    def _at(self, places: Array, by_covariates: Array, L: Array, b: Array) -> tuple[Array, Array, Array]:
        d, many, _ = places.shape
        theta = (places.take(self.family, axis=2) + by_covariates[:, None]).reshape(d, -1)
        share = logistic(L @ theta + b[:, None]).reshape(len(L), many, -1)
        r = self.above[:, None] - self.span[:, None] * share
        size = np.abs(r)
        small = np.minimum(size, THRESHOLD)
        loss = (self.known[:, None] * small * (size - 0.5 * small)).sum(axis=0) @ self.member
        return share, r, loss

    def _own_step(self, share: Array, r: Array, L: Array) -> Array:
        """Gauss-Newton for each family alone, at each of its places; shape (d, places, F)."""
        J, d = L.shape
        many = share.shape[1]
        rate = self.span[:, None] * share * (1.0 - share)
        known = self.known[:, None]
        first, second = derivatives(r, known)
        first *= rate
        rate *= rate
        second *= rate
        g, c = first.reshape(J, -1), second.reshape(J, -1)
        outer = (L[:, :, None] * L[:, None, :]).reshape(J, d * d)
        summed = np.concatenate([outer.T @ c, L.T @ g]).reshape(-1, share.shape[2]) @ self.member
        sums = summed.reshape(d * d + d, many, -1)
        blocks = sums[: d * d].reshape(d, d, many, -1)
        diagonal = np.einsum("kksf->ksf", blocks)
        diagonal += RIDGE * (diagonal + 1.0)
        return solve(blocks, sums[None, d * d :])[0]
