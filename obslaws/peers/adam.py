"""The Sloth paper's optimiser: Adam on the whole batch, with a plateau schedule and patience, at three rates.

Several starting rates descend from one point and the fit with the lowest mean absolute error is kept. Parameters are
one flat array in single precision, as the paper's are, so that a step is a dozen of numpy's calls whatever is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from obslaws.peers.huber import THRESHOLD

__all__ = ["EPOCHS", "RATES", "Descent", "Gradient", "Model", "adam", "descend"]

Flat = NDArray[Any]
Gradient = Callable[[Flat], Flat]
Model = Callable[[Flat], tuple[Flat, Gradient]]
"""From parameters to the residuals (any shape, 0 where nothing is known) and a function from the loss's derivatives by
residual to those by parameter. Both may use one memory again at each call."""

RATES = (0.1, 0.01, 0.001)
EPOCHS, PATIENCE, LEAST_GAIN = 100_000, 500, 1e-5
PLATEAU, PLATEAU_GAIN, PLATEAU_FACTOR = 20, 1e-4, 0.95
KEEP_FIRST, KEEP_SECOND, LEAST = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Descent:
    """Where a descent ended.

    Parameters
    ----------
    params : ndarray of shape (m,)
        After the step from the point with the error `mae`: the paper's code stores them one step late.
    mae : float
        Mean absolute residual, fractions.
    rate : float
        Rate at the start.
    epochs : int
        Steps; of all rates where several were tried.
    converged : bool
        Whether patience ended it, not the limit of epochs.
    """

    params: Flat
    mae: float
    rate: float
    epochs: int
    converged: bool


def adam(
    model: Model,
    start: Flat,
    n_known: int,
    lowest: Flat | None = None,
    rates: tuple[float, ...] = RATES,
) -> Descent:
    """Descend once per rate and keep the lowest mean absolute error.

    Parameters
    ----------
    model : callable
        See `Model`.
    start : ndarray of shape (m,)
        Its type is that of the computation.
    n_known : int
        Residuals that count.
    lowest : ndarray of shape (m,), optional
        Parameters are held at or above these after each step.
    rates : tuple of float
        One or more.

    Returns
    -------
    Descent
        With the epochs of all rates.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, and the authors' code: full batch, three rates.
    """
    tried = [descend(model, start, n_known, rate, lowest) for rate in rates]
    best = min(tried, key=lambda one: one.mae)
    epochs = sum(one.epochs for one in tried)
    return Descent(best.params, best.mae, best.rate, epochs, best.converged)


def descend(
    model: Model,
    start: Flat,
    n_known: int,
    rate: float,
    lowest: Flat | None = None,
    max_epochs: int = EPOCHS,
) -> Descent:
    """Descend from one point at one rate.

    The loss is Huber's (see `obslaws.peers.huber`). The rate falls by 5 % after 20 epochs without a relative gain of
    1e-4 in the loss; the descent ends after 500 epochs in which the mean absolute error did not fall by 1e-5.

    Parameters
    ----------
    model, start, n_known, lowest
        See `adam`.
    rate : float
    max_epochs : int

    Returns
    -------
    Descent
    """
    params, kept = start.copy(), start.copy()
    first, second, work = (np.zeros_like(params) for _ in range(3))
    least, since, plateau, since_plateau, step = np.inf, 0, np.inf, 0, rate
    epoch = 0
    while epoch < max_epochs and since < PATIENCE:
        epoch += 1
        residual, back = model(params)
        mae = float(np.abs(residual).sum()) / n_known
        clipped = np.minimum(np.maximum(residual, -THRESHOLD), THRESHOLD)
        flat, whole = clipped.ravel(), residual.ravel()
        loss = float(flat @ whole - 0.5 * (flat @ flat)) / (THRESHOLD * n_known)
        clipped *= 1.0 / (THRESHOLD * n_known)
        gradient = back(clipped)
        np.subtract(gradient, first, out=work)
        work *= 1.0 - KEEP_FIRST
        first += work
        np.multiply(gradient, gradient, out=work)
        work -= second
        work *= 1.0 - KEEP_SECOND
        second += work
        np.sqrt(second, out=work)
        work *= (1.0 - KEEP_SECOND**epoch) ** -0.5
        work += LEAST
        np.divide(first, work, out=work)
        work *= step / (1.0 - KEEP_FIRST**epoch)
        params -= work
        if lowest is not None:
            np.maximum(params, lowest, out=params)
        if mae < least - LEAST_GAIN:
            least, since = mae, 0
            kept[...] = params
        else:
            since += 1
        if loss < plateau * (1.0 - PLATEAU_GAIN):
            plateau, since_plateau = loss, 0
        else:
            since_plateau += 1
            if since_plateau > PLATEAU:
                step, since_plateau = step * PLATEAU_FACTOR, 0
    return Descent(kept, least, rate, epoch, since >= PATIENCE)
