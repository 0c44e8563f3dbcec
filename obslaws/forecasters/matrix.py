"""BenchPress-like completion of the matrix of logits: factors with ridge, blended with lines between benchmarks.

It knows no covariates: a model without scores gets the benchmark's mean logit, with the benchmark's whole spread.
Intervals are normal with the error of filling in cells that were hidden from the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.forecasters.held_out import cell_spread
from obslaws.forecasters.naive import fallback
from obslaws.links import clipped_logit, logistic
from obslaws.peers.completion import Completion, complete, pairwise, row_factors

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["MatrixCompletion"]

MARGIN = 0.005


class MatrixCompletion(Forecaster):
    """Logits as benchmark offset + model offset + low rank, blended with regressions of benchmark on benchmark.

    Parameters
    ----------
    n_skills : int
        Rank beside the offsets.
    ridge : float
        Penalty on factors and loadings, in units of the error variance of standardised logits.
    blend : float
        Weight of the regressions where one answers, in [0, 1]; 0 for the factors alone.

    Attributes
    ----------
    fit_ : Completion
        See `obslaws.peers.completion`.

    References
    ----------
    .. [1] BenchPress (2026), github.com/anadim/llm-benchmark-matrix: 0.6 of regressions on the five best columns and
       0.4 of a rank-2 completion, both on logits clipped at half a point. There the completion is stopped early; here
       it has a ridge and converges.

    Examples
    --------
    >>> MatrixCompletion().name
    'matrix'
    """

    name: ClassVar[str] = "matrix"

    def __init__(self, n_skills: int = 2, ridge: float = 1.0, blend: float = 0.6) -> None:
        if n_skills < 0 or ridge <= 0 or not 0 <= blend <= 1:
            raise UsageError(
                f"matrix: n_skills is {n_skills}, ridge {ridge:g}, blend {blend:g}; expected a rank of 0 or more, a "
                "ridge above 0 and a blend between 0 and 1."
            )
        self.n_skills = n_skills
        self.ridge = ridge
        self.blend = blend

    def _fit(self, panel: Panel) -> None:
        scores = panel.scores.to_numpy(dtype=float)
        self.fallback_ = fallback(panel)
        self.learnt_ = np.isfinite(scores).any(axis=0)
        self.sd_ = cell_spread(scores, self._fill, self.fallback_.sd)
        self._learn(scores)

    def _learn(self, scores: Array) -> None:
        self.logits_ = clipped_logit(scores, margin=MARGIN)
        here = np.isfinite(scores)
        count = np.maximum(here.sum(axis=0), 1)
        self.centre_ = np.nansum(self.logits_, axis=0) / count
        spread = np.sqrt(np.nansum((self.logits_ - self.centre_) ** 2, axis=0) / count)
        self.scale_ = np.where(spread > 1e-6, spread, 1.0)
        standard = (self.logits_ - self.centre_) / self.scale_
        self.fit_: Completion = complete(standard, min(self.n_skills, *scores.shape), self.ridge)

    def _answer(self, known: Array) -> Array:
        """Scores of rows from what is known of them; an entry's own value takes part in its factors only."""
        logits = clipped_logit(known, margin=MARGIN)
        factors = row_factors(self.fit_, (logits - self.centre_) / self.scale_)
        filled = logistic(self.fit_.values(factors) * self.scale_ + self.centre_)
        lines = logistic(pairwise(self.logits_, logits))
        return np.where(np.isfinite(lines), self.blend * lines + (1.0 - self.blend) * filled, filled)

    def _fill(self, scores: Array) -> Array:
        self._learn(scores)
        here: NDArray[np.bool_] = np.isfinite(scores)
        row, column = np.asarray(here.any(axis=1)), np.asarray(here.any(axis=0))
        return np.where(row[:, None] & column, self._answer(scores), np.nan)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        known = scores.to_numpy(dtype=float)
        here = np.isfinite(known)
        told = (here.sum(axis=1, keepdims=True) - here) > 0
        return NormalPredictive(
            np.where(self.learnt_, self._answer(known), mean),
            np.where(told & self.learnt_, self.sd_, sd),
            np.where(self.learnt_, np.where(told, "own scores", "pooled"), basis),
        )
