"""Sloth's learned link: a small monotone network per benchmark in place of the logistic, trained with the rest.

score = floor + (1 - floor) * logistic(net(b_j + loading_j . theta)); the net is tanh, two layers of ten tanh units and
a scalar, its weights not negative, its biases free; the floor is trained as well. `obslaws.peers.stages` trains them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.links import logistic
from obslaws.peers.draws import Draws

__all__ = ["Monotone", "fresh_nets"]

Array = NDArray[np.float64]

WIDTH = 10
NUDGE = 1e-5  # a floor is held as a logit, so that 0 becomes this
# the weights and biases of a net as one row, and their shapes
PARTS = ((0, (1, WIDTH)), (WIDTH, (1, WIDTH)), (2 * WIDTH, (WIDTH, WIDTH)), (2 * WIDTH + WIDTH**2, (1, WIDTH)),
         (3 * WIDTH + WIDTH**2, (WIDTH, 1)), (4 * WIDTH + WIDTH**2, (1, 1)))  # fmt: skip
SIZE = 4 * WIDTH + WIDTH**2 + 1


@dataclass(frozen=True)
class Monotone:
    """A fitted factor model with learned links.

    Parameters
    ----------
    coefficients : ndarray of shape (F + p, d)
        Skills of the families' intercepts, then of the covariates.
    benchmarks : ndarray of shape (J, d + 2 + 141)
        Loadings, offset, logit of the floor and net of each benchmark.
    objective : float
    n_iter : int
    """

    coefficients: Array
    benchmarks: Array
    objective: float
    n_iter: int

    def scores(self, design: Array) -> Array:
        """Scores of rows of a design (shares of the intercepts, then covariates); shape (n, J)."""
        d = self.coefficients.shape[1]
        loadings, offset, floor = self.benchmarks[:, :d], self.benchmarks[:, d], logistic(self.benchmarks[:, d + 1])
        nets = self.benchmarks[:, -SIZE:]
        w1, b1, w2, b2, w3, b3 = (nets[:, at : at + a * b].reshape(-1, a, b) for at, (a, b) in PARTS)
        squashed = np.tanh((design @ self.coefficients @ loadings.T + offset).T[:, :, None])
        second = np.tanh(np.tanh(squashed * w1 + b1) @ w2 + b2)
        share = logistic(second @ w3 + b3)[:, :, 0].T
        fitted: Array = floor + (1.0 - floor) * share
        return fitted


def fresh_nets(n_benchmarks: int, random_state: int = 42) -> Array:
    """Draw nets: weights and biases uniform within one over the root of the fan-in, weights in absolute value.

    Parameters
    ----------
    n_benchmarks : int
    random_state : int
        See `obslaws.peers.draws`.

    Returns
    -------
    ndarray of shape (J, 141)
    """
    out = 2.0 * Draws(random_state).uniform(n_benchmarks, SIZE) - 1.0
    for i, (at, (above, units)) in enumerate(PARTS):
        part = out[:, at : at + above * units]
        part /= np.sqrt(1.0 if at < 2 * WIDTH else WIDTH)
        if i % 2 == 0:  # weights are drawn unit by unit of the upper layer
            part[...] = np.abs(part).reshape(-1, units, above).transpose(0, 2, 1).reshape(part.shape)
    return out
