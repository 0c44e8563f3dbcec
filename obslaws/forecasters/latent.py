"""Cai et al. (2025) as a forecaster: beta scores, skills with random family effects, prediction intervals.

A family that was not seen takes an effect from the prior. Quantiles are those of the beta distribution, averaged over
the posterior of the family's effect by quasi-Monte Carlo nodes; the error of loadings and slopes is left out (their
plug-in version).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.special import betainc, betaln

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive, Predictive, complete_queries
from obslaws.forecasters.kin import Kin
from obslaws.forecasters.naive import fallback
from obslaws.forecasters.regression import translog
from obslaws.links import inverse
from obslaws.peers.beta import BetaModel, fit_beta
from obslaws.peers.lowrank import Factors

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["BetaMixture", "LatentBeta"]

NODES = 32
STEPS = 60


@dataclass(frozen=True)
class BetaMixture(Predictive):
    """Equal mixture of beta distributions, or a normal where none was fitted.

    Parameters
    ----------
    means : ndarray of shape (n_nodes, n_models, n_benchmarks)
    precisions : ndarray of shape (n_benchmarks,)
    fitted : ndarray of bool, shape (n_models, n_benchmarks)
        Where the mixture answers.
    other : NormalPredictive
        Answers elsewhere.
    basis : ndarray of str, shape (n_models, n_benchmarks)
    """

    means: Array
    precisions: Array
    fitted: NDArray[np.bool_]
    other: NormalPredictive
    basis: NDArray[np.str_]

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`; by Newton's method between bounds, to 1e-8."""
        fitted = self.fitted
        means = self.means[:, fitted]  # (n_nodes, n_cells)
        precision = np.broadcast_to(self.precisions, fitted.shape)[fitted]
        a, b = means * precision, (1.0 - means) * precision
        scale = betaln(a, b)
        low, high, found = np.zeros(len(precision)), np.ones(len(precision)), means.mean(axis=0)
        at = np.arange(len(found))
        for _ in range(STEPS):
            x = found[at]
            over = betainc(a, b, x).mean(axis=0) - share
            low[at], high[at] = np.where(over < 0.0, x, low[at]), np.where(over < 0.0, high[at], x)
            density = np.exp((a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x) - scale).mean(axis=0)
            there = x - over / np.maximum(density, 1e-300)
            there = np.where((there > low[at]) & (there < high[at]), there, 0.5 * (low[at] + high[at]))
            found[at] = there
            far = (np.abs(there - x) > 1e-8) & (high[at] - low[at] > 1e-8)
            if not far.any():
                break
            at, a, b, scale = at[far], a[:, far], b[:, far], scale[:, far]
        out = np.array(self.other.quantile(share))
        out[fitted] = found
        return out


class LatentBeta(Forecaster):
    """Factor model with random family effects and beta noise.

    Parameters
    ----------
    n_skills : int
        Skills, no more than there are benchmarks.

    Attributes
    ----------
    fit_ : BetaModel or None
        See `obslaws.peers.beta`; None when no model with scores has known size and tokens.

    References
    ----------
    .. [1] Cai et al. (2025), arXiv 2512.06553.

    Examples
    --------
    >>> LatentBeta().name
    'latent'
    """

    name: ClassVar[str] = "latent"

    def __init__(self, n_skills: int = 4) -> None:
        if n_skills < 1:
            raise UsageError(f"latent: n_skills is {n_skills}; expected 1 or more.")
        self.n_skills = n_skills

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        models = complete_queries(panel.models)
        order = np.argsort(models.index.to_numpy(dtype=str), kind="stable")
        models, scores = models.iloc[order], panel.scores.to_numpy(dtype=float)[order]
        terms = translog(models)
        rows = np.isfinite(terms).all(axis=1) & np.isfinite(scores).any(axis=1)
        self.fit_: BetaModel | None = None
        if not rows.any():
            return
        self.kin_ = Kin.learn(models.iloc[np.flatnonzero(rows)], shared=False)
        self.learnt_ = np.isfinite(scores[rows]).any(axis=0)
        self.centre_, spread = terms[rows].mean(axis=0), terms[rows].std(axis=0)
        self.spread_ = np.where(spread > 1e-9, spread, 1.0)
        self.floor_ = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)[self.learnt_]
        x = (terms[rows] - self.centre_) / self.spread_
        self.fit_ = fit_beta(Factors(scores[rows][:, self.learnt_], x, self.kin_.family, self.floor_), self.n_skills)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> Predictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        other = NormalPredictive(mean, sd, basis)
        terms = translog(queries)
        able = np.isfinite(terms).all(axis=1)
        fit = self.fit_
        if fit is None or not able.any():
            return other
        d = fit.loadings.shape[1]
        weights, who = self.kin_.weights(queries)
        own, kin = (np.array([basis == wanted for basis in who]) for wanted in ("family", "base family"))
        # a sibling family's effect says half of what an own one would; a stranger's nothing
        effect = np.where(
            own[:, None], weights @ fit.effects, 0.5 * np.outer(kin, np.ones(d)) * (weights @ fit.effects)
        )
        variance = np.broadcast_to(np.eye(d), (len(queries), d, d)).copy()
        variance[own] = np.einsum("mf,fkl->mkl", weights[own], fit.effect_cov)
        variance[kin] *= 0.75
        root = np.linalg.cholesky(variance + 1e-12 * np.eye(d))
        x = np.nan_to_num((terms - self.centre_) / self.spread_)
        drawn = effect + np.einsum("mkl,nl->nmk", root, _nodes(d))
        answers = inverse((drawn + x @ fit.slopes) @ fit.loadings.T + fit.offsets, self.floor_)
        shape = (NODES, len(queries), mean.shape[1])
        means, precisions = np.full(shape, 0.5), np.ones(mean.shape[1])
        means[:, :, self.learnt_] = np.clip(answers, 1e-4, 1.0 - 1e-4)
        precisions[self.learnt_] = fit.precisions
        fitted = np.outer(able, self.learnt_)
        return BetaMixture(means, precisions, fitted, other, np.where(fitted, who[:, None], basis))


def _nodes(n_skills: int) -> Array:
    """Place standard normal nodes evenly (Halton), the same at every call; shape (n_nodes, n_skills)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    uniform = qmc.Halton(n_skills, scramble=False).random(NODES + 1)[1:]
    nodes: Array = ndtri(uniform)
    return (nodes - nodes.mean(axis=0)) / nodes.std(axis=0)
