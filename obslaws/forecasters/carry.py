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

KIN = (("family", "family"), ("base family", "base_family"))


class CarryForward(Forecaster):
    """The score of the largest known sibling that is not larger; else of the nearest in size.

    Per benchmark, so that a sibling's missing score is taken from the next one. Without a sibling in the family the base
    family is asked, then the benchmark's mean answers. The spread is the root mean square error of the same rule among
    the models of the training panel.
    """

    name = "carry-forward"

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        self.log_size_ = np.log(panel.models["n_params"].to_numpy(dtype=float))
        self.scores_ = panel.scores.to_numpy(dtype=float)
        self.members_ = {
            column: {str(label): np.asarray(rows) for label, rows in panel.models.groupby(column).indices.items()}
            for _, column in KIN
        }
        self.sd_ = {}
        for basis, column in KIN:
            carried = np.full(self.scores_.shape, np.nan)
            for rows in self.members_[column].values():
                for row in rows:
                    carried[row] = self._carry(rows[rows != row], self.log_size_[row])
            errors = carried - self.scores_
            n = (~np.isnan(errors)).sum(axis=0)
            rms = np.sqrt(np.nansum(errors**2, axis=0) / np.maximum(n, 1))
            self.sd_[basis] = np.where(n > 1, rms, self.fallback_.sd)

    def _carry(self, rows: NDArray[np.intp], log_size: float) -> NDArray[np.float64]:
        """Scores carried from siblings to a model of some size; shape (n_benchmarks,), NaN where none has one."""
        out = np.full(self.scores_.shape[1], np.nan)
        sizes = self.log_size_[rows]
        gap = log_size - sizes
        # smaller siblings by nearness, then larger ones; a model of unknown size takes its largest sibling
        order = np.argsort(-np.nan_to_num(sizes, nan=-np.inf), kind="stable")
        if not np.isnan(log_size):
            cost = np.where(gap >= 0, gap, 1e3 - gap)
            order = np.argsort(np.nan_to_num(cost, nan=1e6), kind="stable")
        for row in rows[order]:
            out = np.where(np.isnan(out), self.scores_[row], out)
        return out

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        shape = scores.shape
        mean, sd, basis = (
            np.broadcast_to(part, shape).copy()
            for part in (self.fallback_.mean, self.fallback_.sd, self.fallback_.basis)
        )
        own_row = self.panel_.models.index.get_indexer(queries.index)
        log_size = np.log(queries["n_params"].to_numpy(dtype=float))
        for name, column in reversed(KIN):
            for i, label in enumerate(queries[column].astype(str)):
                rows = self.members_[column].get(label, np.empty(0, dtype=np.intp))
                carried = self._carry(rows[rows != own_row[i]], log_size[i])
                use = ~np.isnan(carried)
                mean[i] = np.where(use, carried, mean[i])
                sd[i] = np.where(use, self.sd_[name], sd[i])
                basis[i] = np.where(use, name, basis[i])
        return NormalPredictive(mean, sd, basis)
