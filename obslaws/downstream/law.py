"""The sigmoid law of a downstream score, and its exact least-squares or Huber fit.

``share = floor + (1 - floor) * logistic(intercept + weights . x)``, where share is the score's way from the lower to
the upper end of its range (not clipped: guessing badly is negative). Pure functions of arrays; the caller knows what x
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import FitError
from obslaws.links import logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FLOOR_MAX", "LawFit", "SigmoidLaw", "covariance", "curve", "fit_exact", "objective", "scatter"]

FLOOR_MAX = 0.2
_SPREAD = 30.0  # logits per standard deviation of x beyond which a curve is a step


@dataclass(frozen=True)
class SigmoidLaw:
    """What shape is fitted, and by which loss.

    Parameters
    ----------
    has_floor : bool
        Whether the floor is free in [0, 0.2]; otherwise it is 0 (the paper's ``sigmoid-parametric`` and ``sigmoid``).
    delta : float
        Residual, as a share, beyond which Huber's loss is linear; infinite for least squares.
    ridge : float
        Penalty on the squared weights, in units of squared standard deviations of x, relative to the mean loss.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, equation 3 and section 4; h there is 1 - floor.
    """

    has_floor: bool = False
    delta: float = np.inf
    ridge: float = 0.0


@dataclass(frozen=True)
class LawFit:
    """A fitted law over k predictors.

    Parameters
    ----------
    law : SigmoidLaw
        What was fitted.
    intercept, floor : float
        Logit at x = 0; share that remains where the logit falls without bound.
    weights : ndarray of shape (k,)
        Logits per unit of x.
    cov : ndarray of shape (k + 1, k + 1) or (k + 2, k + 2)
        Covariance of (intercept, weights[, floor]) by the sandwich-free normal approximation at the minimum.
    scatter : tuple of float
        How training models scatter about the curve: standard deviation in logits along it, and in shares everywhere.
    mse : float
        Mean squared residual over the training models, squared shares.
    objective : float
        Sum of losses without penalty: half the sum of squares for small residuals.
    converged : bool
        Whether the gradient vanishes at the end, bounds taken into account.
    n_iter : int
        Evaluations of the winning start.
    n_starts, n_agreeing : int
        Starts tried, and those that ended at the lowest objective.
    """

    law: SigmoidLaw
    intercept: float
    weights: Array
    floor: float
    cov: Array
    scatter: tuple[float, float]
    mse: float
    objective: float
    converged: bool
    n_iter: int
    n_starts: int
    n_agreeing: int

    @property
    def params(self) -> Array:
        """Intercept, weights and, where it is free, the floor; shape (k + 1,) or (k + 2,)."""
        tail = [self.floor] if self.law.has_floor else []
        return np.concatenate([[self.intercept], self.weights, tail])

    def logit(self, x: Array) -> Array:
        """Logit of each model.

        Parameters
        ----------
        x : ndarray of shape (n, k)

        Returns
        -------
        ndarray of shape (n,)
        """
        return np.asarray(self.intercept + x @ self.weights, dtype=float)

    def predict(self, x: Array) -> Array:
        """Forecast share of each model.

        Parameters
        ----------
        x : ndarray of shape (n, k)

        Returns
        -------
        ndarray of shape (n,)
        """
        return np.asarray(self.floor + (1.0 - self.floor) * logistic(self.logit(x)))


def curve(params: Array, x: Array, has_floor: bool) -> tuple[Array, Array]:
    """Shares of the law and their derivatives.

    Parameters
    ----------
    params : ndarray of shape (k + 1,) or (k + 2,)
        Intercept, weights and, with `has_floor`, the floor.
    x : ndarray of shape (n, k)
    has_floor : bool

    Returns
    -------
    share : ndarray of shape (n,)
    slopes : ndarray of shape (n, len(params))
        Derivative of each share with respect to each parameter.
    """
    k = x.shape[1]
    floor = params[k + 1] if has_floor else 0.0
    s = logistic(params[0] + x @ params[1 : k + 1])
    steep = (1.0 - floor) * s * (1.0 - s)
    slopes = np.empty((len(x), len(params)))
    slopes[:, 0] = steep
    slopes[:, 1 : k + 1] = steep[:, None] * x
    if has_floor:
        slopes[:, k + 1] = 1.0 - s
    return floor + (1.0 - floor) * s, slopes


def objective(params: Array, x: Array, share: Array, law: SigmoidLaw) -> float:
    """Sum of Huber losses, half squares near zero; no penalty.

    Parameters
    ----------
    params : ndarray
        As in `curve`.
    x : ndarray of shape (n, k)
    share : ndarray of shape (n,)
    law : SigmoidLaw

    Returns
    -------
    float
    """
    r = np.abs(curve(params, x, law.has_floor)[0] - share)
    if np.isinf(law.delta):
        return float(0.5 * r @ r)
    return float(np.where(r <= law.delta, 0.5 * r * r, law.delta * (r - 0.5 * law.delta)).sum())


def fit_exact(x: Array, share: Array, law: SigmoidLaw, starts: Sequence[Array] = ()) -> LawFit:
    """Minimise over several starts, with analytic derivatives and tight tolerances.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        Predictors; centred and scaled inside, so that units do not matter.
    share : ndarray of shape (n,)
        Score's way through its range.
    law : SigmoidLaw
    starts : sequence of ndarray
        Further starting points, in the units of x.

    Returns
    -------
    LawFit
        The lowest of all minima found.

    Raises
    ------
    FitError
        Fewer than two models, or predictors that are not finite.
    """
    from scipy.optimize import least_squares

    n, k = x.shape
    if n < 2:
        raise FitError(f"A sigmoid law needs at least two training models; found {n}. Move the cutoff.")
    if not (np.isfinite(x).all() and np.isfinite(share).all()):
        raise FitError("A sigmoid law needs finite predictors and scores; leave models without them out.")
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (x - mean) / scale
    penalty = np.sqrt(law.ridge * n)
    pad = np.zeros((k if law.ridge else 0, k + 1 + law.has_floor))
    if law.ridge:
        pad[:, 1 : k + 1] = penalty * np.eye(k)

    def residuals(p: Array) -> Array:
        r = curve(p, z, law.has_floor)[0] - share
        if np.isfinite(law.delta):
            r = np.sign(r) * np.sqrt(2.0 * _huber(np.abs(r), law.delta))
        return np.concatenate([r, penalty * p[1 : k + 1]]) if law.ridge else r

    def jacobian(p: Array) -> Array:
        fitted, slopes = curve(p, z, law.has_floor)
        if np.isfinite(law.delta):
            r = np.abs(fitted - share)
            far = r > law.delta
            slopes = slopes * np.where(far, law.delta / np.sqrt(2.0 * _huber(r, law.delta) + 1e-300), 1.0)[:, None]
        return np.concatenate([slopes, pad]) if law.ridge else slopes

    # a predictor that separates the models perfectly has no finite best weight: _SPREAD logits per sd are a step
    low = np.concatenate([[-np.inf], np.full(k, -np.inf), [0.0] if law.has_floor else []])
    high = np.concatenate([[np.inf], np.full(k, np.inf), [FLOOR_MAX] if law.has_floor else []])
    # without bounds MINPACK finds the same minima in a fraction of the time; it needs as many residuals as coefficients
    how = {"method": "lm"} if not law.has_floor and len(share) >= k + 1 else {"method": "trf", "bounds": (low, high)}
    found = []
    for start in [*_starts(z, share, law.has_floor), *(_scaled(s, mean, scale) for s in starts)]:
        inside = np.clip(start, low, high)
        found.append(
            least_squares(
                residuals, inside, jacobian, x_scale=1.0, xtol=1e-14, ftol=1e-15, gtol=1e-14, max_nfev=2000, **how,
            )
        )  # fmt: skip
    best = min(found, key=lambda one: one.cost)
    agreeing = sum(one.cost <= best.cost * (1 + 1e-6) + 1e-15 for one in found)
    return _told(best, x, share, law, mean, scale, len(found), agreeing)


def _huber(r: Array, delta: float) -> Array:
    return np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta))


def _starts(z: Array, share: Array, has_floor: bool) -> list[Array]:
    """Logit regressions at three clips, and a flat curve: near to far from saturation."""
    k = z.shape[1]
    design = np.column_stack([np.ones(len(z)), z])
    tail = [0.01] if has_floor else []
    points = []
    for margin in (0.003, 0.03, 0.1):
        clipped = np.clip(share, margin, 1.0 - margin)
        coef = np.linalg.lstsq(design, np.log(clipped / (1.0 - clipped)), rcond=None)[0]
        points.append(np.concatenate([coef, tail]))
    level = float(np.clip(share.mean(), 0.01, 0.99))
    points.append(np.concatenate([[np.log(level / (1.0 - level))], np.zeros(k), tail]))
    return points


def _scaled(params: Array, mean: Array, scale: Array) -> Array:
    k = len(mean)
    out = np.array(params, dtype=float)
    out[0] += mean @ params[1 : k + 1]
    out[1 : k + 1] *= scale
    return out


def _told(
    best: object, x: Array, share: Array, law: SigmoidLaw, mean: Array, scale: Array, n_starts: int, agreeing: int
) -> LawFit:
    p = np.array(best.x)  # type: ignore[attr-defined]
    k = len(mean)
    gradient = best.grad  # type: ignore[attr-defined]
    free = np.ones(len(p), dtype=bool)
    if law.has_floor:
        at = p[-1]
        free[-1] = not ((at <= 1e-10 and gradient[-1] > 0) or (at >= FLOOR_MAX - 1e-10 and gradient[-1] < 0))
    scale_of = 1e-7 + np.sqrt(2.0 * best.cost) * np.linalg.norm(best.jac, axis=0)  # type: ignore[attr-defined]
    converged = bool((np.abs(gradient[free]) <= 1e-5 * scale_of[free]).all() and np.abs(p[1 : k + 1]).max() < _SPREAD)
    back = p.copy()
    back[1 : k + 1] /= scale
    back[0] -= mean @ back[1 : k + 1]
    fitted, slopes = curve(back, x, law.has_floor)
    return LawFit(
        law, float(back[0]), back[1 : k + 1], float(back[k + 1]) if law.has_floor else 0.0,
        covariance(slopes, fitted - share, free, law, scale), scatter(slopes, fitted - share),
        float(((fitted - share) ** 2).mean()),
        objective(back, x, share, law), converged, int(best.nfev), n_starts, agreeing,  # type: ignore[attr-defined]
    )  # fmt: skip


def covariance(slopes: Array, residual: Array, free: NDArray[np.bool_], law: SigmoidLaw, scale: Array) -> Array:
    """Covariance of the coefficients: residual variance times the inverse information, penalty included.

    Parameters
    ----------
    slopes : ndarray of shape (n, p)
        From `curve`, in the units of x.
    residual : ndarray of shape (n,)
    free : ndarray of bool, shape (p,)
        False for a floor on its bound, which gets no variance.
    law : SigmoidLaw
    scale : ndarray of shape (k,)
        Standard deviations of x, in which the penalty is stated.

    Returns
    -------
    ndarray of shape (p, p)

    References
    ----------
    .. [1] Seber and Wild (1989), Nonlinear Regression, section 2.1.
    """
    n, p = slopes.shape
    k = len(scale)
    information = slopes.T @ slopes
    information[1 : k + 1, 1 : k + 1] += law.ridge * n * np.diag(scale**2)
    part = information[np.ix_(free, free)]
    freedom = max(n - np.trace(np.linalg.pinv(part) @ (slopes.T @ slopes)[np.ix_(free, free)]), 1.0)
    out = np.zeros((p, p))
    out[np.ix_(free, free)] = np.linalg.pinv(part) * (residual @ residual) / freedom
    return out


def scatter(slopes: Array, residual: Array) -> tuple[float, float]:
    """Split the residual variance into a part that follows the steepness of the curve and a part that is everywhere.

    A model that departs from the law by some logits departs by many points where the curve is steep and by none where
    it is flat; what is left is measurement.

    Parameters
    ----------
    slopes : ndarray of shape (n, p)
        From `curve`; the first column is the steepness.
    residual : ndarray of shape (n,)

    Returns
    -------
    (float, float)
        Standard deviation in logits, and in shares: non-negative least squares of the squared residuals, scaled by the
        degrees of freedom.
    """
    from scipy.optimize import nnls

    n, p = slopes.shape
    design = np.column_stack([slopes[:, 0] ** 2, np.ones(n)])
    span = np.maximum(design.max(axis=0), 1e-12)
    logit, everywhere = nnls(design / span, residual**2 * n / max(n - p, 1))[0] / span
    return float(np.sqrt(logit)), float(np.sqrt(everywhere))
