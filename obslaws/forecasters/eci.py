"""Epoch's capability index as a forecaster: one capability per model, a slope and a difficulty per benchmark.

It knows no covariates: a model without scores gets what a model of middling capability would get, with the benchmark's
whole spread. Intervals are normal with the error of filling in cells that were hidden from the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.forecasters.held_out import cell_spread
from obslaws.forecasters.naive import fallback
from obslaws.peers.irt import capability, fit_two_parameter

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = ["CapabilityIndex"]


class CapabilityIndex(Forecaster):
    """Two-parameter logistic model of Epoch AI's capability index, with their ridge.

    Attributes
    ----------
    fit_ : TwoParameter
        See `obslaws.peers.irt`.

    References
    ----------
    .. [1] Epoch AI (2025). Epoch Capabilities Index, https://epoch.ai/eci

    Examples
    --------
    >>> CapabilityIndex().name
    'eci'
    """

    name: ClassVar[str] = "eci"

    def _fit(self, panel: Panel) -> None:
        scores = panel.scores.to_numpy(dtype=float)
        self.fallback_ = fallback(panel)
        self.fit_ = fit_two_parameter(scores)
        self.sd_ = cell_spread(scores, _fill, self.fallback_.sd)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        known = scores.to_numpy(dtype=float)
        learnt = np.isfinite(self.fit_.slopes)
        answers = np.where(learnt, self.fit_.scores(capability(self.fit_, known)), mean)
        told = _told_elsewhere(known)
        return NormalPredictive(
            answers,
            np.where(told & learnt, self.sd_, sd),
            np.where(learnt, np.where(told, "own scores", "pooled"), basis),
        )


def _told_elsewhere(known: NDArray[np.float64]) -> NDArray[np.bool_]:
    here = np.isfinite(known)
    return (here.sum(axis=1, keepdims=True) - here) > 0


def _fill(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    fit = fit_two_parameter(scores)
    return fit.scores(fit.capabilities)  # NaN for a model or a benchmark that is left without scores
