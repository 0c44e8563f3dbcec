"""Least squares on logits: a score as a straight line in compute, or in size and data, one benchmark at a time.

In: a panel. Out: normal predictives. No benchmark learns from another, no family from another beyond the shared slopes:
these are the laws that a joint model has to beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.forecasters.naive import fallback
from obslaws.links import clipped_logit, inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = ["ComputeForecaster", "LogitOLS", "LogitRegression", "SizeTokensForecaster", "compute_terms", "translog"]


def translog(models: pd.DataFrame) -> NDArray[np.float64]:
    """Log size, log tokens and their product.

    Parameters
    ----------
    models : DataFrame of shape (n_models, any)
        With n_params and n_tokens, plain counts.

    Returns
    -------
    ndarray of shape (n_models, 3)
        Natural logarithms, of billions and of trillions; NaN where unknown.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3: the translog production function.
    """
    size = np.log(models["n_params"].to_numpy(dtype=float) / 1e9)
    tokens = np.log(models["n_tokens"].to_numpy(dtype=float) / 1e12)
    return np.column_stack([size, tokens, size * tokens])


def compute_terms(models: pd.DataFrame) -> NDArray[np.float64]:
    """Log10 of training compute in units of 1e22 FLOP; shape (n_models, 1), NaN where unknown."""
    return np.log10(models["train_flop"].to_numpy(dtype=float) / 1e22)[:, None]


@dataclass(frozen=True)
class _Line:
    """Least squares of one benchmark's logits.

    Parameters
    ----------
    coef : ndarray of shape (n_terms,)
    inverse_gram : ndarray of shape (n_terms, n_terms)
        Pseudo-inverse, for leverages.
    logit_sd, score_sd : float
        Residual spread on either scale, corrected for degrees of freedom.
    families : dict of str to int
        Column of each family's intercept; empty for one shared intercept.
    family_sd : float
        Spread of the intercepts, logit scale.
    """

    coef: NDArray[np.float64]
    inverse_gram: NDArray[np.float64]
    logit_sd: float
    score_sd: float
    families: dict[str, int]
    family_sd: float


class LogitRegression(Forecaster):
    """Linear regression of clipped logits, benchmark by benchmark.

    Intervals add residual noise, on the scale of scores, to the uncertainty of the line, carried through the link. A
    family that the benchmark has not seen takes the mean intercept of its base family, or of all, and the spread of
    intercepts widens its interval. A model without the covariates gets the benchmark's mean.

    Parameters
    ----------
    margin : float
        Logits are clipped this far from floor and 1, as a share of the distance between them.
    score_floor : bool
        Whether logits are taken above the score of guessing, or above 0.
    """

    by_family: ClassVar[bool] = False

    def __init__(self, margin: float = 0.01, score_floor: bool = True) -> None:
        self.margin = margin
        self.score_floor = score_floor

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        raise NotImplementedError

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        floor = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)
        self.floor_ = floor if self.score_floor else np.zeros_like(floor)
        terms = self._terms(panel.models)
        families = panel.models["family"].to_numpy(dtype=str)
        scores = panel.scores.to_numpy(dtype=float)
        usable = ~np.isnan(terms).any(axis=1)
        self.lines_: list[_Line | None] = []
        for j in range(scores.shape[1]):
            rows = usable & ~np.isnan(scores[:, j])
            self.lines_.append(self._line(terms[rows], families[rows], scores[rows, j], self.floor_[j]))
        self.base_of_ = dict(zip(families, panel.models["base_family"].astype(str), strict=True))

    def _line(
        self, terms: NDArray[np.float64], families: NDArray[np.str_], score: NDArray[np.float64], floor: float
    ) -> _Line | None:
        if len(score) <= terms.shape[1]:
            return None
        labels, at = np.unique(families if self.by_family else np.zeros(len(score), dtype=str), return_inverse=True)
        design = np.hstack([terms, np.eye(len(labels))[at]])
        logits = clipped_logit(score, floor, margin=self.margin)
        coef, _, rank, _ = np.linalg.lstsq(design, logits, rcond=None)
        fitted = design @ coef
        n_free = len(score) - int(rank)
        if n_free < 1:
            return None
        logit_sd = np.sqrt(np.square(logits - fitted).sum() / n_free)
        score_sd = np.sqrt(np.square(score - inverse(fitted, floor)).sum() / n_free)
        intercepts = coef[terms.shape[1] :]
        return _Line(
            coef,
            np.linalg.pinv(design.T @ design, hermitian=True),
            float(logit_sd),
            float(score_sd),
            {str(label): terms.shape[1] + k for k, label in enumerate(labels)} if self.by_family else {},
            float(intercepts.std(ddof=1)) if len(intercepts) > 1 else float(logit_sd),
        )

    def _intercepts(
        self, line: _Line, families: NDArray[np.str_], base_families: NDArray[np.str_]
    ) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
        """Weights of the intercepts for each query, and who they come from."""
        if not self.by_family:
            return np.ones((len(families), 1)), np.full(len(families), "pooled", dtype=object)
        first = len(line.coef) - len(line.families)
        weights = np.full((len(families), len(line.families)), 1.0 / len(line.families))
        basis = np.full(len(families), "pooled", dtype=object)
        for i, (family, base) in enumerate(zip(families, base_families, strict=True)):
            kin = [family] if family in line.families else [f for f in line.families if self.base_of_[f] == base]
            if kin:
                weights[i] = 0.0
                weights[i, [line.families[f] - first for f in kin]] = 1.0 / len(kin)
                basis[i] = "family" if family in line.families else "base family"
        return weights, basis

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        shape = scores.shape
        mean, sd, basis = (
            np.broadcast_to(part, shape).copy()
            for part in (self.fallback_.mean, self.fallback_.sd, self.fallback_.basis)
        )
        terms = self._terms(queries)
        able = ~np.isnan(terms).any(axis=1)
        families = queries["family"].to_numpy(dtype=str)[able]
        base_families = queries["base_family"].to_numpy(dtype=str)[able]
        for j, line in enumerate(self.lines_):
            if line is None:
                continue
            weights, who = self._intercepts(line, families, base_families)
            design = np.hstack([terms[able], weights])
            eta = design @ line.coef
            leverage = np.einsum("ij,jk,ik->i", design, line.inverse_gram, design).clip(min=0.0)
            strange = (who != "family") & self.by_family
            eta_sd = np.sqrt(line.logit_sd**2 * leverage + line.family_sd**2 * strange)
            floor = self.floor_[j]
            carried = (inverse(eta + eta_sd, floor) - inverse(eta - eta_sd, floor)) / 2.0
            mean[able, j] = inverse(eta, floor)
            sd[able, j] = np.sqrt(line.score_sd**2 + carried**2)
            basis[able, j] = who
        return NormalPredictive(mean, sd, basis)


class ComputeForecaster(LogitRegression):
    """Logits on log compute, one line for all families (as Owen 2024, arXiv 2401.04757, does benchmark by benchmark)."""

    name = "compute"

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return compute_terms(models)


class SizeTokensForecaster(LogitRegression):
    """Logits on log size, log tokens and their product, one surface for all families."""

    name = "size-tokens"

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return translog(models)


class LogitOLS(LogitRegression):
    """Logits on log size, log tokens and their product, with an intercept for each family."""

    name = "logit-ols"
    by_family = True

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return translog(models)
