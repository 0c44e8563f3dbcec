"""Carry a sibling's score forward: what one says who looks the nearest smaller model up in the leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.forecasters.naive import fallback

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = ["CarryForward"]

KIN = (("base family", "base_family"), ("family", "family"))


class CarryForward(Forecaster):
    """The score of the largest known sibling that is not larger; else of the nearest in size.

    Per benchmark, so that a sibling's missing score is taken from the next one. Without a sibling in the family the
    base family is asked, then the benchmark's mean answers. The spread grows with the distance in size, as fast as it
    does among the siblings of the training panel.
    """

    name = "carry-forward"

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        self.log_size_ = np.log(panel.models["n_params"].to_numpy(dtype=float))
        self.scores_ = panel.scores.to_numpy(dtype=float)
        self.siblings_ = {
            column: {str(label): np.asarray(rows) for label, rows in panel.models.groupby(column).indices.items()}
            for _, column in KIN
        }
        self.variance_ = {column: self._variance(column) for _, column in KIN}

    def _variance(self, column: str) -> NDArray[np.float64]:
        """Squared error of carrying a score as a line in the squared distance in log size.

        Parameters
        ----------
        column : str
            Covariate that siblings share.

        Returns
        -------
        ndarray of shape (2, n_benchmarks)
            Variance at the same size, and its growth; that of the fallback where fewer than two pairs were seen.
        """
        n_benchmarks = self.scores_.shape[1]
        sums = np.zeros((5, n_benchmarks))
        for rows in self.siblings_[column].values():
            gap = self.log_size_[rows][None, :] - self.log_size_[rows][:, None]
            one, other = np.nonzero((gap >= 0) & ~np.eye(len(rows), dtype=bool))
            error = (self.scores_[rows[other]] - self.scores_[rows[one]]) ** 2
            squared_gap = np.where(np.isnan(error), np.nan, gap[one, other][:, None] ** 2)
            terms = (np.isfinite(error), squared_gap, error, squared_gap**2, squared_gap * error)
            sums += np.array([np.nansum(term, axis=0) for term in terms])
        n = np.maximum(sums[0], 1.0)
        mean_gap, mean_error, mean_gap2, mean_product = sums[1:] / n
        slope = (mean_product - mean_gap * mean_error) / np.maximum(mean_gap2 - mean_gap**2, 1e-12)
        slope = np.clip(slope, 0.0, mean_error / np.maximum(mean_gap, 1e-12))  # neither end below zero
        few = sums[0] < 2
        constant = np.where(few, self.fallback_.sd**2, mean_error - slope * mean_gap)
        return np.vstack([np.maximum(constant, 0.0), np.where(few, 0.0, slope)])

    def _carry(self, rows: NDArray[np.intp], log_size: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores carried from siblings to a model of some size, and how far; NaN where none has a score."""
        sizes = self.log_size_[rows]
        largest = np.nan_to_num(sizes, nan=-np.inf)
        gap = np.nan_to_num(log_size - sizes, nan=np.inf)
        # not larger, by nearness; then larger, by nearness; a model of unknown size takes its largest sibling
        order = np.argsort(-largest, kind="stable") if np.isnan(log_size) else np.lexsort((np.abs(gap), gap < 0))
        scores = np.full(self.scores_.shape[1], np.nan)
        distance = np.full(self.scores_.shape[1], np.nan)
        for k in order:
            take = np.isnan(scores)
            scores[take] = self.scores_[rows[k], take]
            distance[take] = gap[k] if np.isfinite(gap[k]) else 0.0
        return scores, distance

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        own_row = self.panel_.models.index.get_indexer(queries.index)
        log_size = np.log(queries["n_params"].to_numpy(dtype=float))
        for name, column in KIN:
            constant, growth = self.variance_[column]
            for i, label in enumerate(queries[column].astype(str)):
                rows = self.siblings_[column].get(label, np.empty(0, dtype=np.intp))
                carried, distance = self._carry(rows[rows != own_row[i]], log_size[i])
                use = ~np.isnan(carried)
                mean[i, use] = carried[use]
                sd[i, use] = np.sqrt(constant + growth * distance**2)[use]
                basis[i, use] = name
        return NormalPredictive(mean, sd, basis)
