"""Student's t: distribution function and density together, and how the errors of forecasts differ from a normal."""

from __future__ import annotations

from math import gamma, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["heavy", "student_t", "widened", "widening"]

# chosen on forecasts of development groups: docs/backtests.md, "How intervals are made"
_TAIL_DOF = 4.0
_AGREE = 0.95  # the bounds of nine tenths


def heavy(deviate: Array, dof: float = _TAIL_DOF) -> Array:
    """Turn standard normal deviates into those that the logits of forecasts have, in posterior standard deviations.

    Families differ in how well a law holds, and one posterior standard deviation stands for them all: errors are more
    often small than a normal says, and more often large. Student's t with four degrees of freedom, at the scale that
    leaves the central nine tenths where the normal has them.

    Parameters
    ----------
    deviate : ndarray
        Any shape.
    dof : float
        Degrees of freedom.

    Returns
    -------
    ndarray
        Odd and increasing in `deviate`; 1.645 stays.
    """
    return np.asarray(-np.sign(deviate) * _scale(dof) * stdtrit(dof, ndtr(-np.abs(deviate))))


def widened(deviate: Array, factor: Array, dof: float = _TAIL_DOF) -> Array:
    """Tell what standard normal deviates become when the forecasts they are of are spread wider.

    Parameters
    ----------
    deviate : ndarray
        Any shape.
    factor : ndarray
        On the spread; broadcast against `deviate`.
    dof : float
        Degrees of freedom of `heavy`, which the spread is of.

    Returns
    -------
    ndarray
    """
    return np.asarray(ndtri(stdtr(dof, heavy(deviate, dof) / (factor * _scale(dof)))))


def widening(levels: Array, variance: float, dof: float = _TAIL_DOF) -> float:
    """Factor that intervals need because the scale of what they hold is itself uncertain.

    Half-widths that hold a share of Student-t deviates hold less of them once the logarithm of their scale varies. To
    second order in its standard deviation the logarithm of the half-width t must grow by half the variance times the
    elasticity of the density there, less one.

    Parameters
    ----------
    levels : ndarray
        Shares that intervals promise; the factor is the geometric mean over them.
    variance : float
        Of the logarithm of the scale.
    dof : float
        Degrees of freedom.

    Returns
    -------
    float
    """
    square = stdtrit(dof, 0.5 + np.asarray(levels) / 2.0) ** 2
    elasticity = (dof + 1.0) * square / (dof + square)
    return float(np.exp(0.5 * variance * (elasticity - 1.0).mean()))


def _scale(dof: float) -> float:
    """Scale at which Student's t has the normal's central nine tenths."""
    return float(ndtri(_AGREE) / stdtrit(dof, _AGREE))


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
