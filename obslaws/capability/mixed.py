"""Lines of all families at once: intercepts and slopes scatter about common ones, and small families borrow from all.

The variance components are those of statsmodels' mixed model; the lines of the families and their covariances follow
from these in closed form, so that they can be read backwards like any other line.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.capability.line import REFERENCE_LOG10_FLOP, Line, fit_line
from obslaws.errors import ConvergenceWarning, FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["MixedLines", "fit_mixed_lines"]


@dataclass(frozen=True)
class MixedLines:
    """A mixed model of capability in log compute, random intercept and slope by family.

    Parameters
    ----------
    average : Line
        Of the average family.
    families : dict of str to Line
        Of each family: best linear unbiased predictions, with their covariance.
    between : ndarray of shape (2, 2)
        Covariance of intercept (at 1e21 FLOP) and slope between families.
    scatter : float
        Standard deviation of a model about the line of its family.
    converged : bool
    """

    average: Line
    families: dict[str, Line]
    between: Array
    scatter: float
    converged: bool


def fit_mixed_lines(frame: pd.DataFrame) -> MixedLines:
    """Fit by restricted maximum likelihood.

    Parameters
    ----------
    frame : DataFrame of shape (n, 3)
        capability, family, log10_flop; nothing missing.

    Returns
    -------
    MixedLines

    Raises
    ------
    FitError
        Fewer than three families, or the variances cannot be told apart.

    Warns
    -----
    ConvergenceWarning
        The variances lie on a boundary, or the optimiser gave up.

    References
    ----------
    .. [1] Laird and Ware (1982), Random-effects models for longitudinal data, Biometrics 38, 963-974.
    .. [2] Henderson (1975), Best linear unbiased estimation and prediction, Biometrics 31, 423-447: the covariances.
    """
    import statsmodels.api as sm

    if frame["family"].nunique() < 3:
        raise FitError(f"A mixed model needs at least three families; found {frame['family'].nunique()}.")
    # centred, and in units of the scatter of capability: the optimiser's tolerances are absolute
    shift, unit = float(frame["log10_flop"].mean()), float(frame["capability"].std()) or 1.0
    x = sm.add_constant((frame["log10_flop"] - shift).to_numpy())
    y = frame["capability"].to_numpy() / unit
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = sm.MixedLM(y, x, groups=frame["family"].to_numpy(), exog_re=x).fit(reml=True, method="lbfgs")
        except np.linalg.LinAlgError as error:
            raise FitError(f"Mixed model: {error}. Fit per family, or leave families with one model out.") from None
    between, noise = np.asarray(found.cov_re) * unit**2, float(found.scale) * unit**2
    boundary = any("boundary" in str(w.message) or "singular" in str(w.message) for w in caught)
    if boundary or not found.converged:
        why = "a variance between families is zero" if found.converged else "the optimiser gave up"
        warnings.warn(f"Mixed model: {why}; its intervals are rough.", ConvergenceWarning, stacklevel=3)
    groups = {str(f): (x[rows], unit * y[rows]) for f, rows in frame.groupby("family").indices.items()}
    average, lines = _lines(groups, between, noise)
    ends = frame.groupby("family")["log10_flop"].agg(["min", "max"])
    pooled = fit_line(frame["log10_flop"], frame["capability"])
    families = {
        name: replace(
            _line(at, cov, noise, shift, groups[name]), low=float(ends["min"][name]), high=float(ends["max"][name])
        )
        for name, (at, cov) in lines.items()
    }
    whole = _line(*average, noise, shift, (x, unit * y))
    spread = float(np.sqrt(between[0, 0] + noise))
    whole = replace(whole, low=pooled.low, high=pooled.high, scatter=spread)
    return MixedLines(whole, families, _moved(between, shift), float(np.sqrt(noise)), bool(found.converged))


def _lines(
    groups: dict[str, tuple[Array, Array]], between: Array, noise: float
) -> tuple[tuple[Array, Array], dict[str, tuple[Array, Array]]]:
    """Estimate the average line and those of the families, given the variances; each with its covariance."""
    inverse = {f: np.linalg.inv(z @ between @ z.T + noise * np.eye(len(z))) for f, (z, _) in groups.items()}
    cov: Array = np.linalg.inv(np.sum([z.T @ inverse[f] @ z for f, (z, _) in groups.items()], axis=0))
    mean: Array = cov @ np.sum([z.T @ inverse[f] @ y for f, (z, y) in groups.items()], axis=0)
    lines = {}
    for f, (z, y) in groups.items():
        gain = between @ z.T @ inverse[f]
        rest = np.eye(2) - gain @ z
        lines[f] = mean + gain @ (y - z @ mean), rest @ between + rest @ cov @ rest.T
    return (mean, cov), lines


def _line(at: Array, cov: Array, noise: float, shift: float, data: tuple[Array, Array]) -> Line:
    """Move a line from its centred form to an intercept at the reference compute."""
    z, y = data
    move = np.array([[1.0, REFERENCE_LOG10_FLOP - shift], [0.0, 1.0]])
    intercept, slope = move @ at
    total = float(((y - y.mean()) ** 2).sum())
    r2 = 1.0 - float(((y - z @ at) ** 2).sum()) / total if total > 0 else np.nan
    moved = move @ cov @ move.T
    return Line(float(intercept), float(slope), moved, float(np.sqrt(noise)), np.inf, r2, len(y), np.nan, np.nan)


def _moved(between: Array, shift: float) -> Array:
    move = np.array([[1.0, REFERENCE_LOG10_FLOP - shift], [0.0, 1.0]])
    return move @ between @ move.T
