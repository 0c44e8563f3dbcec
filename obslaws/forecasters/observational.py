"""Observational scaling laws as forecasters: a score from the other benchmarks, from compute, or from size.

Fitted to a panel with a target (`obslaws.targets.join_target`) they forecast that column only; on any other panel each
benchmark is forecast from the others. ``paper`` is the configuration of Ruan, Maddison and Hashimoto (2024) to the last
detail that moves a number; ``default`` is ours. Models without scores are answered by a law on compute, benchmarks with
few scores by their mean.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from obslaws.downstream.default import default_recipe
from obslaws.downstream.equivalent import EquivalentLine, equivalent_line
from obslaws.downstream.law import LawFit
from obslaws.downstream.predictive import ShareForecast
from obslaws.downstream.recipes import Recipe, paper_recipe
from obslaws.errors import FitError, UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive, Predictive, complete_queries
from obslaws.forecasters.naive import fallback
from obslaws.targets import target_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["ObservationalForecaster", "PaperForecaster", "TargetLaw"]

LINKS = ("logistic", "logistic-floor")
_FEWEST = 5  # scores below which a benchmark of any panel gets its mean and no law


@dataclass(frozen=True)
class TargetLaw:
    """What was learned of one target.

    Parameters
    ----------
    target : str
    recipe : Recipe
        Fitted laws with their predictors.
    low : float
        Bottom of the score range; the top is 1.
    line : EquivalentLine or None
    """

    target: str
    recipe: Recipe
    low: float
    line: EquivalentLine | None

    @property
    def fit(self) -> LawFit:
        """The law, or the first of several."""
        return self.recipe.fits[0]


@dataclass(frozen=True)
class _Laws(Predictive):
    """Forecasts of laws, each with the cells that it answers for, over those of a rule that always answers."""

    rest: NormalPredictive
    answers: list[tuple[int, NDArray[np.bool_], ShareForecast, float]]
    basis: NDArray[np.str_]

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`."""
        return self._filled(self.rest.quantile(share), lambda forecast: forecast.quantile(share))

    @property
    def point(self) -> Array:
        """Point forecast, see `Predictive.point`: the curve itself."""
        return self._filled(self.rest.point, lambda forecast: forecast.point)

    def _filled(self, out: Array, answer: Any) -> Array:
        for column, rows, forecast, low in self.answers:
            out[rows, column] = np.clip(low + (1.0 - low) * answer(forecast)[rows], 0.0, 1.0)
        return out


class ObservationalForecaster(Forecaster):
    """Sigmoid law of a downstream score, on principal capabilities or on one covariate.

    Parameters
    ----------
    predictor : str, optional
        ``compute``, ``size``, ``pc1`` to ``pc4``, or a benchmark; by default the capabilities that the configuration
        takes: one to three, chosen on the training models (`obslaws.downstream.default`).
    link : {"logistic", "logistic-floor"}, optional
        Whether the floor is free in [0, 0.2]; what the configuration takes by default.
    reference_family : str, optional
        Of the equivalent-FLOP line.
    missing : {"ruan2024", "likelihood"}
        What becomes of missing scores of predicting benchmarks, see `obslaws.capability.pca.CapabilityPCA`.

    Attributes
    ----------
    laws_ : dict of str to TargetLaw
        By target.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), Observational scaling laws, arXiv 2405.10938, section 4.
    """

    name: ClassVar[str] = "observational"

    def __init__(
        self,
        predictor: str | None = None,
        link: str | None = None,
        reference_family: str | None = None,
        missing: Literal["likelihood", "ruan2024"] = "ruan2024",
    ) -> None:
        self.predictor = predictor
        self.link = link
        self.reference_family = reference_family
        self.missing = missing

    def _recipe(self, predictor: str | None, models: pd.DataFrame, scores: pd.DataFrame, share: Array) -> Recipe:
        return default_recipe(predictor, models, scores, share, self.link == "logistic-floor", self.missing)

    def _fit(self, panel: Panel) -> None:
        if self.link is not None and self.link not in LINKS:
            raise UsageError(f"link is {self.link!r}; expected one of {', '.join(LINKS)}.")
        self.target_ = target_column(panel)
        self.laws_: dict[str, TargetLaw] = {}
        self._compute_laws: dict[str, TargetLaw] = {}
        if self.target_ is not None:
            self.laws_[self.target_] = self._law(panel, self.target_)

    def _law(self, panel: Panel, target: str, predictor: str | None = None) -> TargetLaw:
        value = panel.scores[target]
        train = value.notna().to_numpy()
        low = float(panel.benchmarks.loc[target, "score_floor"])  # type: ignore[arg-type]
        share = ((value[train] - low) / (1.0 - low)).to_numpy(dtype=float)
        predictors = panel.scores.drop(columns=target)
        models = complete_queries(panel.models)
        try:
            recipe = self._recipe(predictor or self.predictor, models[train], predictors[train], share)
        except FitError as error:
            raise FitError(f"Target {target!r}, {int(train.sum())} training models: {error}") from None
        line = None
        if recipe.on_capabilities:
            line = equivalent_line(models, recipe.logit(models, predictors), self.reference_family)
        return TargetLaw(target, recipe, low, line)

    def _learn_all(self) -> None:
        """Without a target: a law for every benchmark that can carry one, and one on compute for models unscored."""
        for target in self.fractions_.scores.columns:
            for laws, predictor in ((self.laws_, None), (self._compute_laws, "compute")):
                if target not in laws and self.fractions_.scores[target].notna().sum() > _FEWEST:
                    with suppress(FitError):
                        laws[target] = self._law(self.fractions_, target, predictor)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> Predictive:
        names = list(self.fractions_.scores.columns)
        mean, sd, basis = fallback(self.fractions_).repeat(len(queries))
        if self.target_ is None:
            self._learn_all()
        else:  # a law that cannot answer says so
            at = names.index(self.target_)
            mean[:, at], basis[:, at] = np.nan, "none"
        answers = []
        for laws in (self._compute_laws, self.laws_):
            for target, law in laws.items():
                at = names.index(target)
                forecast = law.recipe.forecast(queries, scores.drop(columns=target))
                rows = np.isfinite(forecast.point)
                answers.append((at, rows, forecast, law.low))
                basis[rows, at] = "own scores" if law.recipe.on_capabilities else "pooled"
        return _Laws(NormalPredictive(mean, sd, basis), answers, basis)

    def report(self) -> list[dict[str, Any]]:
        """Tell what was learned, one record per target, ready for JSON.

        Returns
        -------
        list of dict
            target, predictor, coefficients (intercept, weights, floor; benchmark_weights and benchmark_intercept where
            the law can be written in benchmarks), std_errors, equivalent_flop (family, slope_per_log10, offset,
            n_models), converged, objective, n_starts, n_agreeing; laws where several are averaged; stopped
            (objective, train_mse, coefficients), where the paper's search stops short of the minimum.
        """
        return [_told(law) for law in self.laws_.values()]


class PaperForecaster(ObservationalForecaster):
    """The paper's configuration: rank-1 imputation, three components, its start and its optimiser.

    Where that optimiser stops short of the minimum, the minimum is the law, and the stop is told beside it.

    Parameters
    ----------
    predictor, link, reference_family
        As in `ObservationalForecaster`; ``pc3`` and ``logistic`` by default.
    fitter : {"robust", "ols"}
        The paper's two, see `obslaws.downstream.paper.fit_paper`.
    """

    name: ClassVar[str] = "observational-paper"

    def __init__(
        self,
        predictor: str | None = None,
        link: str | None = None,
        reference_family: str | None = None,
        fitter: Literal["robust", "ols"] | None = None,
    ) -> None:
        super().__init__(predictor, link, reference_family)
        self.fitter = fitter

    def _recipe(self, predictor: str | None, models: pd.DataFrame, scores: pd.DataFrame, share: Array) -> Recipe:
        has_floor = self.link == "logistic-floor"
        fitter = self.fitter or ("ols" if has_floor else "robust")
        return paper_recipe(
            predictor or f"pc{min(3, max(scores.shape[1], 1))}", models, scores, share, has_floor, fitter
        )


def _told(law: TargetLaw) -> dict[str, Any]:
    fit, recipe, line = law.fit, law.recipe, law.line
    names = recipe.predictors[0].names
    told: dict[str, Any] = {
        "target": law.target,
        "predictor": recipe.name,
        "coefficients": _coefficients(fit, names) | _in_benchmarks(recipe),
        "std_errors": _errors(fit, names),
        "equivalent_flop": None
        if line is None
        else {
            "family": line.family, "slope_per_log10": line.slope, "offset": line.offset, "n_models": line.n_models,
        },
        "converged": fit.converged,
        "objective": fit.objective,
        "n_starts": fit.n_starts,
        "n_agreeing": fit.n_agreeing,
    }  # fmt: skip
    if (stop := recipe.stopped) is not None:
        told["stopped"] = {
            "objective": stop.objective, "train_mse": stop.mse, "coefficients": _coefficients(stop, names),
        }  # fmt: skip
    if recipe.choice:
        told["choice"] = recipe.choice
    return told


def _coefficients(fit: LawFit, names: tuple[str, ...]) -> dict[str, Any]:
    weights = {name: float(w) for name, w in zip(names, fit.weights, strict=True)}
    return {"intercept": fit.intercept, "weights": weights, "floor": fit.floor}


def _errors(fit: LawFit, names: tuple[str, ...]) -> dict[str, Any]:
    sd = np.sqrt(np.diag(fit.cov))
    out: dict[str, Any] = {"intercept": float(sd[0]), "weights": dict(zip(names, map(float, sd[1:]), strict=False))}
    return out | ({"floor": float(sd[-1])} if fit.law.has_floor else {})


def _in_benchmarks(recipe: Recipe) -> dict[str, Any]:
    found = recipe.predictors[0].benchmark_weights(recipe.fits[0].weights)
    if found is None:
        return {}
    return {"benchmark_weights": found[0], "benchmark_intercept": recipe.fits[0].intercept + found[1]}
