"""How a forecaster did on one target: errors seen and held out, each model's forecast, what was learned.

In: a fold with a target and a fitted forecaster. Out: an `Outcome`. Called by `observe` and by backtests of protocols
with targets. Errors are of the share: the score's way through its range, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.forecasters.observational import ObservationalForecaster, TargetLaw

if TYPE_CHECKING:
    from obslaws.folds import Fold
    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel

__all__ = ["Outcome", "common_models", "outcome", "totals"]

COLUMNS = ("model", "family", "part", "score", "forecast", "lower", "upper", "equivalent_flop", "position")


@dataclass(frozen=True)
class Outcome:
    """One target, one forecaster.

    Parameters
    ----------
    target, forecaster : str
    unit : float
        Top of the score range: scores of `predictions` are divided by it to give fractions.
    low : float
        Bottom of the range, as a fraction of the top.
    level : float
        Nominal coverage of the intervals.
    predictions : DataFrame of shape (n_models, 9)
        model, family, part (train or test), score, forecast, lower, upper in the target's own unit, equivalent_flop,
        and position: where the model stands on the axis of a figure.
    told : dict
        What the forecaster says it learned; empty for one that does not.
    stopped_mse : float
        Mean squared error of the test models where the paper's search stops short of the minimum; NaN elsewhere.
    axis : str
        What `position` is.
    """

    target: str
    forecaster: str
    unit: float
    low: float
    level: float
    predictions: pd.DataFrame
    told: dict[str, Any]
    stopped_mse: float = float("nan")
    axis: str = "training compute (FLOP)"

    @cached_property
    def _parts(self) -> dict[str, pd.DataFrame]:
        """Predictions by part, indexed by model: every total asks for them again."""
        rows = self.predictions
        return {part: rows[rows["part"] == part].set_index("model") for part in ("train", "test")}

    @cached_property
    def _errors(self) -> dict[str, pd.Series]:
        span = self.unit * (1.0 - self.low)
        return {part: ((rows["forecast"] - rows["score"]) / span).dropna() for part, rows in self._parts.items()}

    def errors(self, part: str, models: pd.Index | None = None) -> pd.Series:
        """Forecast minus score as shares, of the models that have a forecast.

        Parameters
        ----------
        part : {"train", "test"}
        models : Index, optional
            Only these.

        Returns
        -------
        Series of float, indexed by model
        """
        error = self._errors[part]
        return error.copy() if models is None else error.loc[error.index.isin(models)]

    def summary(self, models: pd.Index | None = None) -> dict[str, Any]:
        """Add up.

        Parameters
        ----------
        models : Index, optional
            Test models to which the errors are restricted, for comparisons on common rows.

        Returns
        -------
        dict
            target, predictor, n_train, n_test, n_unanswered, train_mse, test_mse, train_mae, test_mae, medae (test),
            coverage and median width of the test intervals, extrapolation (median distance of the test models beyond
            the strongest training model, in standard deviations of the training logits), and what the forecaster told.
        """
        train, test = self.errors("train"), self.errors("test", models)
        rows = self._parts["test"].loc[test.index]
        inside = (rows["lower"] <= rows["score"]) & (rows["score"] <= rows["upper"])
        asked = (self.predictions["part"] == "test").sum() if models is None else len(models)
        width = (rows["upper"] - rows["lower"]) / (self.unit * (1.0 - self.low))
        out: dict[str, Any] = {
            "target": self.target, "forecaster": self.forecaster,
            "predictor": self.told.get("predictor", self.forecaster),
            "n_train": len(train), "n_test": len(test), "n_unanswered": int(asked - len(test)),
            "train_mse": _mean(train**2), "test_mse": _mean(test**2), "train_mae": _mean(train.abs()),
            "test_mae": _mean(test.abs()), "medae": float(test.abs().median()) if len(test) else float("nan"),
            "level": self.level, "coverage": _mean(inside.astype(float)),
            "width": float(width.median()) if len(test) else float("nan"),
            "extrapolation": self.extrapolation(),
        }  # fmt: skip
        told = {k: v for k, v in self.told.items() if k not in out}
        if "stopped" in told:
            told["stopped"] = {**told["stopped"], "test_mse": self.stopped_mse}
        return out | told

    def extrapolation(self) -> float:
        """Median distance of test models beyond the strongest training forecast, in sds of the training logits."""
        span = self.unit * (1.0 - self.low)
        share = ((self.predictions["forecast"] - self.unit * self.low) / span).clip(1e-6, 1 - 1e-6)
        logit = np.log(share) - np.log1p(-share)
        train, test = (logit[self.predictions["part"] == part].dropna() for part in ("train", "test"))
        spread = train.std()
        if not len(test) or not spread > 0:
            return float("nan")
        return float(np.maximum(test - train.max(), 0.0).median() / spread)


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")


def outcome(fold: Fold, fitted: Forecaster, name: str, unit: float = 1.0, level: float = 0.9) -> Outcome:
    """Ask a fitted forecaster for every model of a fold with a target.

    Parameters
    ----------
    fold : Fold
        From `obslaws.splits.target_fold`.
    fitted : Forecaster
        Fitted to ``fold.train``.
    name : str
        What to call it.
    unit : float
        Top of the score range, in the target's unit.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Outcome
    """
    panel, target = fold.train, fold.name
    answer = fitted.forecast(panel.models, benchmarks=[target], level=level).set_index("model")
    seen = panel.scores[target]
    score = seen.fillna(fold.held_out[target].reindex(seen.index))
    low = float(panel.benchmarks.loc[target, "score_floor"])  # type: ignore[arg-type]
    rows = pd.DataFrame(
        {
            "model": panel.models.index,
            "family": panel.models["family"].to_numpy(),
            "part": np.where(seen.notna(), "train", "test"),
            "score": score.to_numpy() * unit,
            **{c: answer[c].to_numpy() * unit for c in ("forecast", "lower", "upper")},
            "equivalent_flop": np.nan,
            "position": panel.models["train_flop"].to_numpy(dtype=float),
        }
    )
    axis = "training compute (FLOP)"
    told: dict[str, Any] = {}
    stopped_mse = float("nan")
    if isinstance(fitted, ObservationalForecaster):
        told = fitted.report()[0]
        law = fitted.laws_[target]
        predictors = panel.scores.drop(columns=target)
        logit = law.recipe.logit(panel.models, predictors)
        if law.line is not None:
            rows["equivalent_flop"] = law.line.flop(logit)
        rows["position"], axis = _position(law, rows["equivalent_flop"], logit, panel, predictors)
        stopped = law.recipe.where_stopped(panel.models, predictors)
        if stopped is not None:
            share = (score.to_numpy() - low) / (1.0 - low)
            stopped_mse = _mean(pd.Series((stopped - share)[seen.isna().to_numpy()] ** 2).dropna())
    return Outcome(target, name, unit, low, level, rows[[*COLUMNS]], told, stopped_mse, axis)


def _position(
    law: TargetLaw, equivalent: pd.Series, logit: np.ndarray, panel: Panel, predictors: pd.DataFrame
) -> tuple[Any, str]:
    """Where models stand along the law: its one predictor, else the equivalent compute, else the logit."""
    name = law.recipe.name
    if name == "compute":
        return panel.models["train_flop"].to_numpy(dtype=float), "training compute (FLOP)"
    if name == "size":
        return panel.models["n_params"].to_numpy(dtype=float), "parameters (count)"
    if name in predictors:
        return predictors[name].to_numpy(dtype=float), f"score on {name} (fraction)"
    if law.line is not None and law.line.slope > 0:
        return equivalent.to_numpy(), f"equivalent {law.line.family} compute (FLOP)"
    return logit, "logit of the law (log odds)"


def common_models(outcomes: Sequence[Sequence[Outcome]]) -> list[pd.Index]:
    """Find the test models of each target that every forecaster answers for.

    Parameters
    ----------
    outcomes : sequence of sequence of Outcome
        One row per forecaster, the same targets in each.

    Returns
    -------
    list of Index
        One per target. A forecaster without any answer on a target (compute, where nobody's is known) is left aside.
    """
    found = []
    for same in zip(*outcomes, strict=True):
        answered = [models for one in same if len(models := one.errors("test").index)]
        common = answered[0] if answered else pd.Index([])
        for models in answered[1:]:
            common = common.intersection(models)
        found.append(common)
    return found


def totals(outcomes: Sequence[Sequence[Outcome]]) -> list[dict[str, Any]]:
    """Compare forecasters over targets, on the test models that all of them answer for.

    Parameters
    ----------
    outcomes : sequence of sequence of Outcome
        One row per forecaster, the same targets in each.

    Returns
    -------
    list of dict
        Per forecaster: n_targets, n_cells, the sums over targets of the mean squared and mean absolute test error, the
        median absolute error over all cells, and coverage.
    """
    common = common_models(outcomes)
    out = []
    for row in outcomes:
        parts = [one.summary(models) for one, models in zip(row, common, strict=True)]
        cells = pd.concat([one.errors("test", models) for one, models in zip(row, common, strict=True)])
        n_cells = sum(p["n_test"] for p in parts)
        covered = sum(p["coverage"] * p["n_test"] for p in parts if p["n_test"])
        out.append(
            {
                "forecaster": row[0].forecaster,
                "n_targets": len(parts),
                "n_cells": n_cells,
                "test_mse": sum(p["test_mse"] for p in parts),
                "test_mae": sum(p["test_mae"] for p in parts),
                "medae": float(cells.abs().median()) if len(cells) else float("nan"),
                "coverage": covered / n_cells if n_cells else float("nan"),
            }
        )
    return out
