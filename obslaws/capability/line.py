"""A straight line of capability in log compute, forwards (what compute buys) and backwards (what it would take).

In: arrays. Out: a frozen `Line` that keeps its covariance. Called by `obslaws.capability.compute_law`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import FitError, UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["REFERENCE_LOG10_FLOP", "Line", "fit_line"]

REFERENCE_LOG10_FLOP = 21.0  # intercepts are capabilities at 1e21 FLOP, as in the paper


@dataclass(frozen=True)
class Line:
    """Capability = intercept + slope * log10(FLOP / 1e21), and a scatter about it.

    Parameters
    ----------
    intercept, slope : float
        Capability at 1e21 FLOP, and per decade of compute.
    cov : ndarray of shape (2, 2)
        Covariance of intercept and slope; NaN where there is no scatter to tell it from.
    scatter : float
        Standard deviation of a model's capability about the line.
    dof : float
        Degrees of freedom of the scatter; 0 for two points, infinite where it is taken as known.
    r2 : float
        Share of the variance of capability that the line explains; NaN for a constant capability.
    n_models : int
    low, high : float
        Range of log10 FLOP that the line was fitted to.
    """

    intercept: float
    slope: float
    cov: Array
    scatter: float
    dof: float
    r2: float
    n_models: int
    low: float
    high: float

    def predict(self, log10_flop: ArrayLike) -> Array:
        """Read the line.

        Parameters
        ----------
        log10_flop : array_like

        Returns
        -------
        ndarray
            Capabilities.
        """
        return self.intercept + self.slope * (np.asarray(log10_flop, dtype=float) - REFERENCE_LOG10_FLOP)

    def invert(self, capability: ArrayLike) -> Array:
        """Find the compute at which the line reaches a capability.

        Parameters
        ----------
        capability : array_like

        Returns
        -------
        ndarray
            log10 FLOP; NaN for a line without slope.
        """
        wanted = np.asarray(capability, dtype=float)
        return REFERENCE_LOG10_FLOP + (wanted - self.intercept) / (self.slope or np.nan)

    def invert_interval(self, capability: ArrayLike, level: float = 0.9, n_models: float = 1) -> tuple[Array, Array]:
        """Bound the compute at which models on the line reach a capability.

        A line's slope divides, so the quotient has no variance and the delta method promises too much, most of all for
        a family of three models. Fieller's set holds every compute at which the capability would not be rejected; it is
        exact for normal scatter. Where the slope itself is not told from zero, the set is unbounded.

        Parameters
        ----------
        capability : array_like
        level : float
            Nominal coverage.
        n_models : float
            The capability is a mean over so many models with the family's scatter; infinite for the line itself.

        Returns
        -------
        lower, upper : ndarray
            log10 FLOP; minus and plus infinity where no compute can be excluded on a side, and both where the line has
            no scatter to tell from.

        References
        ----------
        .. [1] Fieller (1954), Some problems in interval estimation, JRSS B 16, 175-185.
        .. [2] Draper and Smith (1998), Applied Regression Analysis, 3rd ed., section 3.2: inverse regression.
        """
        from scipy import stats

        if not 0 < level < 1:
            raise UsageError(f"level is {level}; expected a number between 0 and 1, e.g. 0.9.")
        wanted = np.asarray(capability, dtype=float)
        if not self.dof > 0 or not np.isfinite(self.cov).all():
            return np.full(wanted.shape, -np.inf), np.full(wanted.shape, np.inf)
        q2 = stats.t.ppf(0.5 + level / 2, self.dof) ** 2
        off = self.intercept - wanted
        # (off + slope x)^2 <= q2 (variance of the line at x + scatter^2 / n_models), a quadratic in x
        square = self.slope**2 - q2 * self.cov[1, 1]
        half = off * self.slope - q2 * self.cov[0, 1]
        rest = off**2 - q2 * (self.cov[0, 0] + self.scatter**2 / n_models)
        if square <= 0:
            return np.full(wanted.shape, -np.inf), np.full(wanted.shape, np.inf)
        root = np.sqrt(np.maximum(half**2 - square * rest, 0.0))
        return (
            REFERENCE_LOG10_FLOP + (-half - root) / square,
            REFERENCE_LOG10_FLOP + (-half + root) / square,
        )


def fit_line(log10_flop: ArrayLike, capability: ArrayLike) -> Line:
    """Fit by ordinary least squares.

    Parameters
    ----------
    log10_flop, capability : array_like of shape (n,)
        At least two models of different compute; nothing missing.

    Returns
    -------
    Line

    Raises
    ------
    FitError
        Fewer than two models, or all of the same compute.

    Examples
    --------
    >>> line = fit_line([21, 22, 23], [0.1, 0.5, 1.0])
    >>> round(line.slope, 3), round(line.r2, 4)
    (0.45, 0.9959)
    """
    x = np.asarray(log10_flop, dtype=float) - REFERENCE_LOG10_FLOP
    y = np.asarray(capability, dtype=float)
    n = len(x)
    spread = float(((x - x.mean()) ** 2).sum()) if n else 0.0
    if n < 2 or not spread > 0:
        raise FitError(
            f"A line in log compute needs two models of different compute; found {n} with {len(np.unique(x))} budgets."
        )
    slope = float((x - x.mean()) @ y / spread)
    intercept = float(y.mean() - slope * x.mean())
    left = y - intercept - slope * x
    total = float(((y - y.mean()) ** 2).sum())
    variance = float(left @ left) / (n - 2) if n > 2 else np.nan
    shape = np.array([[1 / n + x.mean() ** 2 / spread, -x.mean() / spread], [-x.mean() / spread, 1 / spread]])
    return Line(
        intercept=intercept,
        slope=slope,
        cov=variance * shape,
        scatter=float(np.sqrt(variance)),
        dof=float(n - 2),
        r2=1.0 - float(left @ left) / total if total > 0 else np.nan,
        n_models=n,
        low=float(x.min() + REFERENCE_LOG10_FLOP),
        high=float(x.max() + REFERENCE_LOG10_FLOP),
    )
