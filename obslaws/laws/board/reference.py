"""A yardstick: the size that an earlier generation of models needs for a score.

Scores against size and tokens, fitted to the base models of a reference period on the scale of the score, so that
models which only guess do not bend the curve. Turned round, it tells how large a model of that period, trained on a
given number of tokens, would have had to be.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.errors import FitError
from obslaws.laws.intervals import bootstrap
from obslaws.laws.registry import law
from obslaws.links import clipped_logit
from obslaws.panel import Panel

__all__ = ["equivalent_log_size", "reference_planes"]

Array = NDArray[np.float64]

_LEAST = 12  # models above guessing
_ABOVE = 0.05  # of the score, from where on it tells of size


def reference_planes(panel: Panel, benchmark: str, until: str, weights: Array) -> Array:
    """Fit score against size and tokens, once for every set of weights.

    Parameters
    ----------
    panel : Panel
    benchmark : str
    until : str
        Last release day of the reference period.
    weights : ndarray of shape (n_draws, n_models)
        How often each model counts.

    Returns
    -------
    ndarray of shape (n_draws + 1, 3)
        Intercept and slopes of `size_tokens_sigmoid`; the first row counts every model once.

    Raises
    ------
    FitError
        Fewer than 12 base models of the period score 5 points above guessing, or size does not raise the score.
    """
    models = panel.models
    early = pd.to_datetime(models["release_date"]) <= pd.Timestamp(until)
    usable = early & models["variant"].eq("base") & models["n_params"].notna() & models["n_tokens"].notna()
    keep = (usable & panel.scores[benchmark].notna()).to_numpy()
    floor = float(panel.benchmarks["score_floor"][benchmark])
    score = panel.scores.loc[keep, benchmark].to_numpy(dtype=float)
    above = int((score > floor + _ABOVE).sum())
    if above < _LEAST:
        raise FitError(
            f"reference: {above} base models until {until} score more than 5 points above guessing on {benchmark!r}, "
            f"expected {_LEAST}. Choose a later end of the period, or another benchmark."
        )
    points = {"n_params": models.loc[keep, "n_params"], "n_tokens": models.loc[keep, "n_tokens"], "score_floor": floor}
    fit = law("size_tokens_sigmoid").fit(points, score, delta=0.5, n_starts=20)
    if fit.params["b"] < 1e-3:
        raise FitError(f"reference: on {benchmark!r} larger models of the period until {until} do not score higher.")
    if not len(weights):
        return fit.z[None]
    return np.vstack([fit.z[None], bootstrap(fit.problem, fit.z[None], weights[:, keep], fit.weights).z])


def equivalent_log_size(panel: Panel, benchmark: str, planes: Array, n_tokens: float = 1e12) -> Array:
    """Turn scores into sizes of the reference generation.

    Parameters
    ----------
    panel : Panel
    benchmark : str
    planes : ndarray of shape (n_draws, 3)
        From `reference_planes`.
    n_tokens : float
        Tokens of the reference model.

    Returns
    -------
    ndarray of shape (n_draws, n_models)
        Natural logarithm of parameters; NaN where the score is missing or within 5 points of guessing.
    """
    floor = float(panel.benchmarks["score_floor"][benchmark])
    score = panel.scores[benchmark].to_numpy(dtype=float)
    logit = np.where(score > floor + _ABOVE, clipped_logit(score, floor), np.nan)
    a, b, c = (planes[:, j, None] for j in range(3))
    return np.asarray(np.log(1e9) + (logit - a - c * np.log(n_tokens / 1e12)) / np.maximum(b, 1e-3))
