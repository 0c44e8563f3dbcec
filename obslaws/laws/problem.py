"""A law on data, as a minimisation over many parameter vectors at once.

Inside a fit a positive scale is its logarithm and everything else is itself; this scale is called z. Residuals are
those of log output, or of the output in units of its standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.laws.base import Law

__all__ = ["Problem"]

Array = NDArray[np.float64]

_STEP = 1e-30  # of complex differentiation: exact to rounding, whatever the scale


@dataclass(frozen=True)
class Problem:
    """Residuals of a law and their derivatives.

    Parameters
    ----------
    law : Law
    points : dict of str to ndarray of shape (n_points,)
        Inputs.
    y : ndarray of shape (n_points,)
        Outputs; positive in log space.
    space : {"log", "linear"}
    delta : float
        Where the Huber loss turns linear, in units of the residual; infinite for least squares.
    lower, upper : ndarray of shape (n_params,)
        Bounds on the z scale; equal where a parameter is held.
    """

    law: Law
    points: dict[str, Array]
    y: Array
    space: str
    delta: float
    lower: Array
    upper: Array

    @property
    def scale(self) -> float:
        """Unit of linear residuals: standard deviation of the outputs, 1 in log space or for a single value."""
        return 1.0 if self.space == "log" else float(np.std(self.y)) or 1.0

    def theta(self, z: Array) -> Array:
        """Turn z into coefficients; any shape with parameters last."""
        logs = np.array([p.log for p in self.law.params])
        with np.errstate(over="ignore"):
            return np.where(logs, np.exp(np.where(logs, z, 0.0)), z)

    def z(self, theta: Array) -> Array:
        """Turn coefficients into z."""
        logs = np.array([p.log for p in self.law.params])
        return np.where(logs, np.log(np.where(logs, theta, 1.0)), theta)

    def predict(self, z: Array) -> Array:
        """Evaluate the curve for a batch: z of shape (n_batch, n_params), result (n_batch, n_points)."""
        theta = self.theta(z)
        with np.errstate(all="ignore"):
            out = self.law.curve(self.points, *theta.T[:, :, None])
        return np.broadcast_to(np.asarray(out), (len(z), len(self.y)))

    def residuals(self, z: Array) -> tuple[Array, Array]:
        """Compute residuals and their derivatives by z.

        Parameters
        ----------
        z : ndarray of shape (n_batch, n_params)

        Returns
        -------
        residuals : ndarray of shape (n_batch, n_points)
            NaN where the curve is not defined.
        jacobian : ndarray of shape (n_batch, n_params, n_points)
        """
        theta = self.theta(z)
        columns = theta.T[:, :, None]
        with np.errstate(all="ignore"):
            told = self.law.gradient(self.points, *columns)
            shape = (len(z), len(self.y))
            if told is not None:
                value, slopes = told
                jacobian = np.empty((len(z), len(columns), len(self.y)))
                for j, slope in enumerate(slopes):
                    jacobian[:, j] = slope
            else:
                value, jacobian = self._complex_steps(columns, shape)
            for j, param in enumerate(self.law.params):
                if param.log:
                    jacobian[:, j] *= columns[j]
            if self.space == "log":
                residuals = np.log(value / self.y)
                jacobian /= value[:, None, :]
            else:
                residuals = (value - self.y) / self.scale
                jacobian /= self.scale
        return residuals, jacobian

    def _complex_steps(self, columns: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
        value = np.broadcast_to(np.asarray(self.law.curve(self.points, *columns), dtype=float), shape)
        jacobian = np.empty((shape[0], len(columns), shape[1]))
        for j in range(len(columns)):
            stepped = [c if i != j else c + 1j * _STEP for i, c in enumerate(columns)]
            jacobian[:, j] = np.imag(self.law.curve(self.points, *stepped)) / _STEP
        return value, jacobian

    def objective(self, residuals: Array, weights: Array | float = 1.0) -> Array:
        """Sum the Huber loss over points (Huber 1964): r^2/2 up to delta, delta (|r| - delta/2) beyond.

        A sum and not a mean: optimisers stop on absolute tolerances (Besiroglu et al. 2024, section 3).
        """
        size = np.where(np.isfinite(residuals), np.abs(residuals), np.nan)
        inner = np.minimum(size, self.delta)
        with np.errstate(over="ignore"):
            total = np.sum(weights * inner * (size - 0.5 * inner), axis=-1)
        return np.where(np.isfinite(total), total, np.inf)
