"""What moves with what in an eliminated system of nested effects, and how far it strays beyond that.

Records, made by `obslaws.skill.tree.System.response` and read by the fit and the forecasts. Shapes as there: d skills,
B base families of q unknowns, L labs, G shared parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import sandwich, stacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Effect", "Response"]


@dataclass(frozen=True)
class Effect:
    """How one kind of quantity, such as the skills of the models, moves with what stands above it.

    Parameters
    ----------
    response : ndarray of shape (n, d, G)
        By the shared parameters, base families moving along; G counts the slopes alone if only those were asked for.
    follow : ndarray of shape (n, d, q)
        By the unknowns of the base family at fixed shared parameters.
    inner : ndarray of shape (n, d, d)
        Covariance at fixed base family and shared parameters.
    """

    response: Array
    follow: Array
    inner: Array

    def covariance(self, base_noise: Array, shared_cov: Array) -> Array:
        """Posterior covariance of each quantity.

        Parameters
        ----------
        base_noise : ndarray of shape (n, q, q)
            Covariance of the base family of each, at fixed shared parameters.
        shared_cov : ndarray of shape (G, G)

        Returns
        -------
        ndarray of shape (n, d, d)
        """
        (n, d, width), spread = self.response.shape, stacked(self.response) @ shared_cov
        wide = spread.reshape(n, d, width) @ np.swapaxes(self.response, 1, 2)
        return self.inner + sandwich(self.follow, base_noise) + wide


@dataclass(frozen=True)
class Response:
    """What follows what in one eliminated system.

    Parameters
    ----------
    model, residual : Effect
        Skills of the models; what neither covariates nor family explain of them.
    family, deviation : Effect
        Effects of the families; their deviation from the base family.
    base : ndarray of shape (B, q, G)
        How base families follow the shared parameters.
    base_noise : ndarray of shape (B, q, q)
        Covariance of base families at fixed shared parameters.
    departure, departure_noise : ndarray of shape (B, d, G), (B, d, d)
        The same of what sets base families apart from their labs.
    lab, lab_noise : ndarray of shape (L, d, G), (L, d, d)
        The same of labs.
    """

    model: Effect
    residual: Effect
    family: Effect
    deviation: Effect
    base: Array
    base_noise: Array
    departure: Array
    departure_noise: Array
    lab: Array
    lab_noise: Array
