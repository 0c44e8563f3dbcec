"""Sloth (Maia Polo et al. 2024) as a forecaster: skills from size, tokens and family, scores from skills.

Exactly the paper's objective, by an optimiser of ours. The paper gives no intervals: ours are normal with the residual
spread of each benchmark, and the spread of the families' intercepts on top for a family that was not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive, complete_queries
from obslaws.forecasters.naive import fallback
from obslaws.forecasters.regression import translog
from obslaws.forecasters.settings import choose
from obslaws.links import inverse
from obslaws.peers.lowrank import Factors, LowRank, fit_low_rank

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["Sloth"]


class Sloth(Forecaster):
    """Factor model on the translog of size and tokens.

    Parameters
    ----------
    n_skills : int
        Skills, no more than there are benchmarks.
    intercept : {"family", "shared"}
        Whether each family has intercepts of its own.
    link : {"logistic"}
        From skills to scores.

    Attributes
    ----------
    fit_ : LowRank or None
        See `obslaws.peers.lowrank`; None when no model with scores has known size and tokens.
    families_ : dict of str to int
        Row of each family in the intercepts.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540.

    Examples
    --------
    >>> Sloth(n_skills=2).name
    'sloth'
    """

    name: ClassVar[str] = "sloth"

    def __init__(self, n_skills: int = 3, intercept: str = "family", link: str = "logistic") -> None:
        if n_skills < 1:
            raise UsageError(f"sloth: n_skills is {n_skills}; expected 1 or more.")
        self.n_skills = n_skills
        self.intercept = choose("sloth", "intercept", intercept, ("family", "shared"))
        self.link = choose("sloth", "link", link, ("logistic",))

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        models = complete_queries(panel.models)
        terms, scores = translog(models), panel.scores.to_numpy(dtype=float)
        rows = np.isfinite(terms).all(axis=1) & np.isfinite(scores).any(axis=1)
        self.learnt_ = np.isfinite(scores[rows]).any(axis=0)
        self.fit_: LowRank | None = None
        if not rows.any():
            return
        names = models["family"].to_numpy(dtype=str)[rows]
        labels, family = np.unique(names, return_inverse=True)
        self.families_ = {str(label): k for k, label in enumerate(labels)}
        bases = dict(zip(names, models["base_family"].astype(str).to_numpy()[rows], strict=True))
        self.bases_ = np.array([bases[label] for label in labels])
        if self.intercept == "shared":
            family = np.zeros_like(family)
        self.floor_ = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)[self.learnt_]
        data = Factors(scores[rows][:, self.learnt_], terms[rows], family, self.floor_)
        self.fit_ = fit_low_rank(data, self.n_skills)
        answers = self._scores(self.fit_.skills(data.covariates, family))
        self.sd_ = self._residual_spread(data.scores - answers, int(family.max()) + 1)

    def _scores(self, skills: Array) -> Array:
        assert self.fit_ is not None
        return inverse(skills @ self.fit_.loadings.T + self.fit_.offsets, self.floor_)

    def _residual_spread(self, residuals: Array, n_intercepts: int) -> Array:
        """Root mean square with the parameters that each benchmark pays for; the fallback's where none is left."""
        assert self.fit_ is not None
        n = np.isfinite(residuals).sum(axis=0)
        n_skills = self.fit_.loadings.shape[1]
        shared = n_skills * (n_intercepts + self.fit_.slopes.shape[0]) / residuals.shape[1]
        left = n - shared - n_skills - 1
        spread = np.sqrt(np.nansum(residuals**2, axis=0) / np.maximum(left, 1.0))
        return np.where(left >= 1, spread, self.fallback_.sd[self.learnt_])

    def _intercepts(self, queries: pd.DataFrame) -> tuple[Array, Array, NDArray[np.object_]]:
        """Intercepts of each query, their variance, and whose they are: (n, d), (n, d), (n,)."""
        assert self.fit_ is not None
        known = self.fit_.intercepts
        if self.intercept == "shared":
            everyone = np.broadcast_to(known[0], (len(queries), known.shape[1]))
            return everyone, np.zeros_like(everyone), np.full(len(queries), "pooled", dtype=object)
        spread = known.var(axis=0, ddof=1) if len(known) > 1 else np.ones(known.shape[1])
        mean = np.tile(known.mean(axis=0), (len(queries), 1))
        variance = np.tile(spread, (len(queries), 1))
        basis = np.full(len(queries), "pooled", dtype=object)
        for i, (family, base) in enumerate(zip(queries["family"], queries["base_family"].astype(str), strict=True)):
            if family in self.families_:
                mean[i], variance[i], basis[i] = known[self.families_[family]], 0.0, "family"
            elif (kin := self.bases_ == base).any():
                mean[i], basis[i] = known[kin].mean(axis=0), "base family"
        return mean, variance, basis

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = translog(queries)
        able = np.isfinite(terms).all(axis=1)
        if self.fit_ is None or not able.any():
            return NormalPredictive(mean, sd, basis)
        intercepts, variance, who = self._intercepts(queries.iloc[np.flatnonzero(able)])
        skills = intercepts + terms[able] @ self.fit_.slopes
        at = np.ix_(able, self.learnt_)
        mean[at] = self._scores(skills)
        carried = np.zeros((int(able.sum()), int(self.learnt_.sum())))
        for k in range(skills.shape[1]):
            step = np.zeros_like(skills)
            step[:, k] = np.sqrt(variance[:, k])
            carried += ((self._scores(skills + step) - self._scores(skills - step)) / 2.0) ** 2
        sd[at] = np.sqrt(self.sd_**2 + carried)
        basis[at] = who[:, None]
        return NormalPredictive(mean, sd, basis)
