"""The posterior of a fitted skill forecaster as polynomials in the covariates, for pages that compute.

At fixed relatives the logits of a new model have a mean that is affine and a covariance that is quadratic in its
standardised covariates, beside what siblings of a size near its own add to the mean. Both polynomials are recovered
here by asking `obslaws.skill.predict.logits` at a few points, so that nothing is copied from it; `check_moments`
compares them with the forecaster's own answer. Called by the explorer's export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from obslaws.errors import FitError
from obslaws.report.packing import packed, plain
from obslaws.skill.neighbours import closeness
from obslaws.skill.posterior import LatentPredictive
from obslaws.skill.predict import Relatives, logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.report.large_moments import LargeMoments
    from obslaws.skill.fit import Fit

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Moments", "check_moments", "latent", "moments"]

_CHUNK = 128  # relatives at a time: bounds the memory, not the result


@dataclass(frozen=True)
class Moments:
    """Logits of a new model under one fit, by its relatives and its standardised covariates x.

    ``mean = level[r] + slope @ x`` and ``cov = constant[r] + sum_a x_a linear[r, a] + sum_{a <= b} x_a x_b square[a, b]
    + slope @ C @ slope.T``, where C is the covariance of the covariates that are not known.

    Parameters
    ----------
    level : ndarray of shape (R, J)
        One row per kind of relatives.
    slope : ndarray of shape (J, p)
    constant : ndarray of shape (R, J, J)
    linear : ndarray of shape (R, p, J, J)
    square : ndarray of shape (p, p, J, J)
        Zero below the diagonal of the first two axes.
    sizes : tuple of ndarray
        Log2 active parameters of the scored siblings of each kind of relatives, n of them each.
    seen : tuple of ndarray of bool
        Which benchmarks each of them was scored on, (n, J).
    pulls : tuple of ndarray
        What each of them adds to the mean at its own size, (n, J); elsewhere times their `closeness`.
    """

    level: Array
    slope: Array
    constant: Array
    linear: Array
    square: Array
    sizes: tuple[Array, ...]
    seen: tuple[NDArray[np.bool_], ...]
    pulls: tuple[Array, ...]

    def at(self, relatives: int, x: Array, unknown: Array, size: float) -> tuple[Array, Array]:
        """Evaluate the polynomials.

        Parameters
        ----------
        relatives : int
            Row.
        x : ndarray of shape (p,)
        unknown : ndarray of shape (p, p)
            Covariance of the unknown covariates.
        size : float
            Log2 active parameters.

        Returns
        -------
        tuple of ndarray
            Mean (J,) and covariance (J, J).
        """
        cov = self.constant[relatives] + np.tensordot(x, self.linear[relatives], axes=1)
        cov = cov + np.tensordot(np.outer(x, x), self.square, axes=2)
        carried = closeness(size - self.sizes[relatives]) @ self.pulls[relatives]
        return self.level[relatives] + self.slope @ x + carried, cov + self.slope @ unknown @ self.slope.T

    def record(self) -> dict[str, Any]:
        """Give the numbers as `templates/arithmetic.js` reads them."""
        upper = np.triu_indices(self.level.shape[1])
        p = self.slope.shape[1]
        pairs = [self.square[a, b][upper] for a in range(p) for b in range(a, p)]
        return {
            "slope": [plain(row) for row in self.slope],
            "square": packed(np.array(pairs).reshape(-1)),
            "level": [plain(row) for row in self.level],
            "cov": [
                packed(np.concatenate([constant[upper], linear[:, upper[0], upper[1]].reshape(-1)]))
                for constant, linear in zip(self.constant, self.linear, strict=True)
            ],
            "pulls": [[plain(row) for row in pull] for pull in self.pulls],
        }


def moments(fit: Fit, family: Index, base: Index) -> Moments:
    """Recover the polynomials of one fit.

    Parameters
    ----------
    fit : Fit
    family, base : ndarray of int, shape (R,)
        Relatives as numbered in the fit; -1 for none. A known family brings its own base family.

    Returns
    -------
    Moments
    """
    p = fit.state.slopes.shape[0]
    steps = np.concatenate([np.zeros((1, p)), np.eye(p)])
    mean0, cov0 = _ask(fit, family[:1], base[:1], np.concatenate([steps, -np.eye(p)]))
    slope = (mean0[0, 1 : p + 1] - mean0[0, 0]).T
    square = np.zeros((p, p, *cov0.shape[2:]))
    for a in range(p):
        square[a, a] = 0.5 * (cov0[0, 1 + a] + cov0[0, 1 + p + a]) - cov0[0, 0]
    pairs = [(a, b) for a in range(p) for b in range(a + 1, p)]
    if pairs:
        _, crossed = _ask(fit, family[:1], base[:1], np.array([np.eye(p)[a] + np.eye(p)[b] for a, b in pairs]))
        for (a, b), cov in zip(pairs, crossed[0], strict=True):
            square[a, b] = cov - cov0[0, 1 + a] - cov0[0, 1 + b] + cov0[0, 0]
    parts = [_ask(fit, family[at : at + _CHUNK], base[at : at + _CHUNK], steps) for at in range(0, len(family), _CHUNK)]
    mean, cov = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    own = square[np.arange(p), np.arange(p)]
    linear = cov[:, 1:] - cov[:, :1] - own
    left = fit.residuals
    kin = [left.siblings(int(f)) for f in family]
    pulls = tuple(left.by_skill[rows] + left.by_benchmark[rows] for rows in kin)
    sizes, seen = tuple(left.size[rows] for rows in kin), tuple(left.seen[rows] for rows in kin)
    return Moments(mean[:, 0], slope, cov[:, 0], linear, square, sizes, seen, pulls)


def check_moments(
    forecaster: SkillForecaster, found: Sequence[Moments | LargeMoments], queries: pd.DataFrame, rows: Index
) -> float:
    """Compare the polynomials with what the forecaster itself answers.

    Parameters
    ----------
    forecaster : SkillForecaster
        Fitted.
    found : sequence of Moments or LargeMoments
        One per fit.
    queries : DataFrame of shape (n, n_covariates)
        New models with all covariate columns.
    rows : ndarray of int, shape (n,)
        Row of each query in `found`.

    Returns
    -------
    float
        Largest difference of a mean or a standard deviation, on the logit scale.

    Raises
    ------
    FitError
        It is above 1e-7: the model is no longer what the polynomials assume.
    """
    answer = latent(forecaster, queries)
    who = forecaster.relatives(queries)
    x, unknown = who.covariates, who.covariate_cov
    worst = 0.0
    for k, one in enumerate(found):
        for i, row in enumerate(rows):
            mean, cov = one.at(int(row), x[i], unknown[i], who.size[i])
            sd = np.sqrt(np.maximum(np.diag(cov), 1e-12))
            worst = max(worst, np.abs(mean - answer.logit[k, i]).max(), np.abs(sd - answer.logit_sd[k, i]).max())
    if not worst < 1e-7:
        raise FitError(
            f"The export of the forecaster differs from its forecasts by {worst:.1e} logits; expected less than 1e-7. "
            "The skill model has changed in a way that obslaws.report.moments does not know."
        )
    return worst


def latent(forecaster: SkillForecaster, queries: pd.DataFrame, scores: pd.DataFrame | None = None) -> LatentPredictive:
    """Ask for the predictive distribution with its latent scale, of benchmarks with few scores too.

    Raises
    ------
    FitError
        The forecaster answers with another distribution than the one that pages compute.
    """
    answer = forecaster.plain().predict(queries, scores)
    if not isinstance(answer, LatentPredictive):
        raise FitError(f"Forecaster {forecaster.name!r} answers with {type(answer).__name__}, not LatentPredictive.")
    return answer


def _ask(fit: Fit, family: Index, base: Index, points: Array) -> tuple[Array, Array]:
    """Ask for means (R, n_points, J) and covariances (R, n_points, J, J) of new models at known covariates.

    Their sizes stay untold beside the covariates: siblings of a size near their own are told of apart.
    """
    n, (n_points, p) = len(family), points.shape
    none = np.full(n * n_points, -1, dtype=np.intp)
    x = np.tile(points, (n, 1))
    kin = np.repeat(family, n_points), np.repeat(base, n_points), none
    who = Relatives(none, *kin, np.full(len(x), np.nan), x, np.zeros((len(x), p, p)))
    mean, cov = logits(fit, who)
    return mean.reshape(n, n_points, -1), cov.reshape(n, n_points, *cov.shape[1:])
