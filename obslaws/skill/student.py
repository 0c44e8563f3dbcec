"""Student's t: distribution function and density together, by the finite sum where degrees of freedom are even."""

from __future__ import annotations

from math import gamma, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["student_t"]


def student_t(deviate: Array, dof: float) -> tuple[Array, Array]:
    """Distribution function and density of Student's t.

    Parameters
    ----------
    deviate : ndarray
        Any shape.
    dof : float
        Degrees of freedom; even ones are several times faster.

    Returns
    -------
    tuple of ndarray
        Probability at or below `deviate`, and density there; shapes of `deviate`.

    References
    ----------
    .. [1] Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.7.4: a sum of powers of the cosine.
    """
    square = deviate * deviate
    cosine = dof / (dof + square)  # squared
    peak = gamma((dof + 1.0) / 2.0) / (sqrt(dof * pi) * gamma(dof / 2.0))
    whole = int(dof // 2)
    if dof == 2 * whole:
        density = peak * np.sqrt(cosine)
        term, total = 1.0, np.ones_like(cosine)
        for i in range(1, whole):
            term *= (2.0 * i - 1.0) / (2.0 * i)
            total += term * cosine**i
        below = 0.5 + 0.5 * deviate / np.sqrt(dof + square) * total
        return below, density * cosine**whole
    return stdtr(dof, deviate), peak * cosine ** ((dof + 1.0) / 2.0)
