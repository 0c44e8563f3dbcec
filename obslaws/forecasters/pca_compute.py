"""Principal components of scores, each a line in log compute: Ruan et al.'s law as the Sloth paper compares it.

No link, no floor, no clipping: components of centred raw scores, regressed on log compute and the family, and back.
Scores that are missing count as their benchmark's mean. Intervals are normal with the residual spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive, complete_queries
from obslaws.forecasters.kin import Kin
from obslaws.forecasters.naive import fallback
from obslaws.forecasters.regression import compute_terms
from obslaws.forecasters.settings import choose

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["ComponentLaws"]


class ComponentLaws(Forecaster):
    """Principal components as lines in log compute with an intercept per family.

    Parameters
    ----------
    n_skills : int
        Components.
    intercept : {"family", "shared"}
        Whether each family has an intercept of its own.
    slope : {"shared", "family"}
        Whether each family has a slope of its own; an unseen one takes their mean.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 4: "PCA + FLOPs".
    .. [2] Ruan, Maddison, Hashimoto (2024), arXiv 2405.10938, section 3.
    """

    name: ClassVar[str] = "pca-compute"

    def __init__(self, n_skills: int = 3, intercept: str = "family", slope: str = "shared") -> None:
        if n_skills < 1:
            raise UsageError(f"pca-compute: n_skills is {n_skills}; expected 1 or more.")
        self.n_skills = n_skills
        self.intercept = choose(self.name, "intercept", intercept, ("family", "shared"))
        self.slope = choose(self.name, "slope", slope, ("shared", "family"))

    def _design(self, models: pd.DataFrame, terms: Array) -> Array:
        if self.slope == "family":
            terms = self.families_.weights(models)[0] * terms
        return np.concatenate([self.kin_.weights(models)[0], terms], axis=1)

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        models = complete_queries(panel.models)
        terms, scores = compute_terms(models), panel.scores.to_numpy(dtype=float)
        rows = np.isfinite(terms).all(axis=1) & np.isfinite(scores).any(axis=1)
        self.answers_ = bool(rows.any())
        if not self.answers_:
            return
        known = models.iloc[np.flatnonzero(rows)]
        self.kin_, self.families_ = (Kin.learn(known, shared) for shared in (self.intercept == "shared", False))
        self.learnt_ = np.isfinite(scores[rows]).any(axis=0)
        filled = np.where(np.isfinite(scores[rows]), scores[rows], self.fallback_.mean)[:, self.learnt_]
        self.centre_ = filled.mean(axis=0)
        right = np.linalg.svd(filled - self.centre_, full_matrices=False)[2][: self.n_skills]
        design = self._design(known, terms[rows])
        lines = np.linalg.lstsq(design, (filled - self.centre_) @ right.T, rcond=1e-8)[0]
        self.weights_ = lines @ right
        errors = scores[rows][:, self.learnt_] - self.centre_ - design @ self.weights_
        paid = len(right) * (design.shape[1] / right.shape[1] + 1.0)
        left = np.isfinite(errors).sum(axis=0) - paid
        spread = np.sqrt(np.nansum(errors**2, axis=0) / np.maximum(left, 1.0))
        self.sd_ = np.where(left >= 1, spread, self.fallback_.sd[self.learnt_])
        levels = self.weights_[: self.kin_.n_intercepts]
        self.between_ = levels.std(axis=0, ddof=1) if len(levels) > 1 else np.zeros(levels.shape[1])

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = compute_terms(queries)
        able = np.flatnonzero(np.isfinite(terms).all(axis=1))
        if not self.answers_ or not len(able):
            return NormalPredictive(mean, sd, basis)
        asked, at = queries.iloc[able], np.ix_(able, np.flatnonzero(self.learnt_))
        who = self.kin_.weights(asked)[1]
        strange = ((who != "family") & (self.intercept == "family"))[:, None]
        mean[at] = self.centre_ + self._design(asked, terms[able]) @ self.weights_
        sd[at] = np.sqrt(self.sd_**2 + strange * self.between_**2)
        basis[at] = who[:, None]
        return NormalPredictive(mean, sd, basis)
