"""What a sigmoid law believes about a score: its curve, the doubt about the curve, and how models scatter around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from obslaws.downstream.law import LawFit
from obslaws.links import logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ShareForecast", "share_forecast"]


@dataclass(frozen=True)
class ShareForecast:
    """Forecast shares of n models under one law or several of equal weight.

    Parameters
    ----------
    logit, logit_sd : ndarray of shape (n_laws, n)
        Along the curve, with the doubt about its coefficients (delta method) and the scatter of models along it.
    floor : ndarray of shape (n_laws,)
    scatter : ndarray of shape (n_laws,)
        Standard deviation of the rest of the training residuals, as a share.
    stretch : float
        Factor on all widths, learned by forecasting inside the training models; 1 is what the fit itself claims.
    """

    logit: Array
    logit_sd: Array
    floor: Array
    scatter: Array
    stretch: float = 1.0

    @property
    def point(self) -> Array:
        """Mean over the laws; shape (n,)."""
        return np.asarray(self._curve(self.logit).mean(axis=0))

    def _curve(self, logit: Array) -> Array:
        floor = self.floor[:, None]
        return np.asarray(floor + (1.0 - floor) * logistic(logit))

    def quantile(self, level: float) -> Array:
        """Quantile of each score, as a share.

        Parameters
        ----------
        level : float
            In (0, 1).

        Returns
        -------
        ndarray of shape (n,)
            What varies along the curve is carried through it, so that it cannot leave the range; the rest and the
            disagreement of several laws are added in squares.
        """
        z = self.stretch * float(ndtri(level))
        each = self._curve(self.logit)
        along = np.abs(self._curve(self.logit + z * self.logit_sd) - each)
        apart = z * (each - self.point) if len(each) > 1 else np.zeros_like(each)
        wide = along**2 + (z * self.scatter[:, None]) ** 2 + apart**2
        return np.asarray(self.point + np.sign(z) * np.sqrt(wide.mean(axis=0)))


def share_forecast(fits: list[LawFit], x: list[Array], stretch: float = 1.0) -> ShareForecast:
    """Forecast from fitted laws.

    Parameters
    ----------
    fits : list of LawFit
    x : list of ndarray of shape (n, k)
        Predictors of each law.
    stretch : float

    Returns
    -------
    ShareForecast
        NaN for models whose predictors are unknown.
    """
    logit, doubt, scatter = [], [], []
    for fit, rows in zip(fits, x, strict=True):
        k = rows.shape[1]
        design = np.column_stack([np.ones(len(rows)), rows])
        cov = fit.cov[: k + 1, : k + 1]
        logit.append(fit.logit(rows))
        along, everywhere = fit.scatter
        doubt.append(np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", design, cov, design), 0.0) + along**2))
        scatter.append(everywhere)
    return ShareForecast(
        np.stack(logit), np.stack(doubt), np.array([f.floor for f in fits]), np.array(scatter), stretch
    )
