"""The law of Ruan, Maddison and Hashimoto (2024), and what their own search makes of it.

The objective is an unscaled sum of tiny squares, so that a quasi-Newton search with its default tolerance ends before
the minimum on flat problems; the published coefficients are the stopped ones. `fit_paper` searches from their start to
their optimiser's own stop. Where that is the minimum it is the fit; where it is not, the minimum is, and the stop is
told beside it.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from obslaws.downstream.law import FLOOR_MAX, LawFit, SigmoidLaw, covariance, curve, fit_exact, objective, scatter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["PAPER_DELTA", "START", "fit_paper"]

PAPER_DELTA = 1.0
START = 0.03


def fit_paper(
    x: Array, share: Array, has_floor: bool, fitter: Literal["robust", "ols"] = "robust"
) -> tuple[LawFit, LawFit | None]:
    """Fit as the paper's code does, from 0 with all weights 0.03, and on to the minimum where its search stops short.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        Principal components, or the natural logarithm of size or compute, unscaled.
    share : ndarray of shape (n,)
        Score's way through its range, not clipped.
    has_floor : bool
        Free floor in [0, 0.2] (their ``sigmoid-parametric``).
    fitter : {"robust", "ols"}
        Huber's loss with delta 1 by BFGS (L-BFGS-B with a floor), or least squares by Levenberg-Marquardt (trust region
        with a floor), each at scipy's default tolerances.

    Returns
    -------
    fit : LawFit
        Where their optimiser stops, if its objective is within one part in ten thousand of the minimum; else the
        minimum.
    stopped : LawFit or None
        Where their optimiser stops short of the minimum.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 4; their repository, commit 4d6e1e4.
    """
    from scipy.optimize import curve_fit, minimize

    k = x.shape[1]
    law = SigmoidLaw(has_floor, PAPER_DELTA if fitter == "robust" else np.inf)
    start = np.concatenate([[0.0], np.full(k, START), [0.0] if has_floor else []])
    bounds = [(None, None)] * (k + 1) + ([(0.0, FLOOR_MAX)] if has_floor else [])
    if fitter == "robust":
        # their derivatives are finite differences, and where those end is part of the published numbers
        method = "L-BFGS-B" if has_floor else "BFGS"
        done = minimize(objective, start, (x, share, law), method=method, bounds=bounds if has_floor else None)
        params, n_iter = np.asarray(done.x), int(done.nit)
    else:
        limits = (
            np.array([-np.inf if low is None else low for low, _ in bounds]),
            np.array([np.inf if high is None else high for _, high in bounds]),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no covariance where a floor lies on its bound; ours is computed below
            params, _, told, *_ = curve_fit(
                lambda _, *p: curve(np.array(p), x, has_floor)[0], np.arange(len(x)), share, start,
                bounds=limits if has_floor else (-np.inf, np.inf), maxfev=10000, full_output=True,
            )  # fmt: skip
        n_iter = int(told["nfev"])
    return _told(params, x, share, law, n_iter)


def _told(params: Array, x: Array, share: Array, law: SigmoidLaw, n_iter: int) -> tuple[LawFit, LawFit | None]:
    k = x.shape[1]
    exact = fit_exact(x, share, law, [params])
    fitted, slopes = curve(params, x, law.has_floor)
    free = np.ones(len(params), dtype=bool)
    if law.has_floor:
        free[-1] = 1e-8 < params[-1] < FLOOR_MAX - 1e-8
    value = objective(params, x, share, law)
    stopped = replace(
        exact, intercept=float(params[0]), weights=params[1 : k + 1],
        floor=float(params[k + 1]) if law.has_floor else 0.0,
        cov=covariance(slopes, fitted - share, free, law, np.ones(k)), scatter=scatter(slopes, fitted - share),
        mse=float(((fitted - share) ** 2).mean()),
        objective=value, converged=value <= exact.objective * 1.0001 + 1e-12, n_iter=n_iter,
    )  # fmt: skip
    return (stopped, None) if stopped.converged else (exact, stopped)
