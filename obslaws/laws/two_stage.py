"""Accuracy in two stages: the loss of the right answer from size and data, then accuracy from that loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from obslaws.laws.fitter import fit_law
from obslaws.laws.registry import law
from obslaws.laws.results import LawFit

__all__ = ["TwoStageFit", "fit_two_stage"]


@dataclass(frozen=True)
class TwoStageFit:
    """Both stages, fitted.

    Parameters
    ----------
    loss : LawFit
        Answer loss from size and tokens.
    accuracy : LawFit
        Accuracy from answer loss.
    """

    loss: LawFit
    accuracy: LawFit

    def predict(self, x: Any, level: float = 0.9) -> pd.DataFrame:
        """Predict accuracy; the interval of the loss is carried through the second stage and its noise added.

        Parameters
        ----------
        x : DataFrame or mapping
            Inputs of the first stage.
        level : float

        Returns
        -------
        DataFrame
            answer_loss, forecast, lower, upper, level, distance.
        """
        first = self.loss.predict(x, level)
        middle, low, high = (
            self.accuracy.predict({"answer_loss": first[c]}, level) for c in ("forecast", "lower", "upper")
        )
        own = middle["forecast"] - middle["lower"]
        down = np.hypot(own, middle["forecast"] - np.minimum(low["forecast"], high["forecast"]))
        up = np.hypot(own, np.maximum(low["forecast"], high["forecast"]) - middle["forecast"])
        return pd.DataFrame(
            {
                "answer_loss": first["forecast"],
                "forecast": middle["forecast"],
                "lower": middle["forecast"] - down,
                "upper": middle["forecast"] + up,
                "level": level,
                "distance": first["distance"],
            }
        )


def fit_two_stage(
    x: Any,
    answer_loss: ArrayLike,
    loss_points: ArrayLike,
    accuracy_points: ArrayLike,
    loss_law: str = "chinchilla",
    **options: Any,
) -> TwoStageFit:
    """Fit answer loss to finished runs and accuracy to any checkpoints.

    Parameters
    ----------
    x : DataFrame or mapping
        Inputs of `loss_law`, one row per finished run.
    answer_loss : array_like of shape (n_runs,)
        Of the finished runs.
    loss_points, accuracy_points : array_like of shape (n_checkpoints,)
        Pairs for the second stage; checkpoints on the way serve as well.
    loss_law : str
        Law of the first stage.
    **options
        To `obslaws.laws.fitter.fit_law`, both stages.

    Returns
    -------
    TwoStageFit

    References
    ----------
    .. [1] Bhagia et al. (2024), arXiv:2412.04403, sections on the two steps.
    """
    first = fit_law(law(loss_law), x, answer_loss, **options)
    pairs = {"answer_loss": np.asarray(loss_points, dtype=float)}
    return TwoStageFit(first, fit_law(law("answer_sigmoid"), pairs, accuracy_points, delta=np.inf, **options))
