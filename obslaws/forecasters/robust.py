"""The Sloth paper's baselines: one logistic law per benchmark, by Huber's loss, from compute or from size and tokens.

`compute-huber` is their "FLOPs" with a fitted floor, `size-tokens-huber` their law of size and tokens with the floor
held. The paper gives no intervals: ours are normal with the residual spread, and the spread of the families'
intercepts on top for a family that was not seen.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.forecasters.base import Forecaster, NormalPredictive, complete_queries
from obslaws.forecasters.kin import Kin
from obslaws.forecasters.naive import fallback
from obslaws.forecasters.regression import compute_terms, translog
from obslaws.forecasters.settings import choose
from obslaws.peers.separate import Law, fit_law

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["RobustCompute", "RobustSizeTokens"]


class _Robust(Forecaster):
    """Laws of one benchmark each.

    Parameters
    ----------
    intercept : {"family", "shared"}
        Whether each family has an intercept of its own.
    slope : {"shared", "family"}
        Whether each family has slopes of its own; an unseen one takes their mean.
    floor : {"trained", "fixed"}
        Whether the floor is fitted, or held at the score of guessing.
    """

    def __init__(self, intercept: str = "family", slope: str = "shared", floor: str = "trained") -> None:
        self.intercept = choose(self.name, "intercept", intercept, ("family", "shared"))
        self.slope = choose(self.name, "slope", slope, ("shared", "family"))
        self.floor = choose(self.name, "floor", floor, ("trained", "fixed"))

    @abstractmethod
    def _terms(self, models: pd.DataFrame) -> Array:
        """Covariates of the law, shape (n_models, p); NaN where unknown."""

    def _design(self, weights: Array, terms: Array, families: Array) -> Array:
        if self.slope == "family":
            terms = (families[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
        return np.concatenate([weights, terms], axis=1)

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        models = complete_queries(panel.models)
        terms, scores = self._terms(models), panel.scores.to_numpy(dtype=float)
        floors = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)
        usable = np.isfinite(terms).all(axis=1)
        self.laws_: list[tuple[Law, Kin, Kin, float, float] | None] = []
        for j, floor in enumerate(floors):
            rows = np.flatnonzero(usable & np.isfinite(scores[:, j]))
            if not len(rows):
                self.laws_.append(None)
                continue
            kin, families = (Kin.learn(models.iloc[rows], shared) for shared in (self.intercept == "shared", False))
            n_slopes = terms.shape[1] * (families.n_intercepts if self.slope == "family" else 1)
            left = len(rows) - kin.n_intercepts - n_slopes - (self.floor == "trained")
            own = models.iloc[rows]
            design = self._design(kin.weights(own)[0], terms[rows], families.weights(own)[0])
            law = fit_law(design, scores[rows, j], floor, self.floor == "trained")
            errors = scores[rows, j] - law.scores(design)
            spread = np.sqrt((errors**2).sum() / left) if left >= 1 else self.fallback_.sd[j]
            levels = law.weights[: kin.n_intercepts]
            self.laws_.append(
                (law, kin, families, float(spread), float(levels.std(ddof=1)) if len(levels) > 1 else 0.0)
            )

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = self._terms(queries)
        able = np.flatnonzero(np.isfinite(terms).all(axis=1))
        asked = queries.iloc[able]
        for j, found in enumerate(self.laws_):
            if found is None or not len(able):
                continue
            law, kin, families, spread, between = found
            weights, who = kin.weights(asked)
            design = self._design(weights, terms[able], families.weights(asked)[0])
            step = np.zeros(len(law.weights))
            step[: kin.n_intercepts] = between
            up, down = (Law(law.weights + sign * step, law.floor, 0.0, 0).scores(design) for sign in (1.0, -1.0))
            strange = (who != "family") & (self.intercept == "family")
            mean[able, j] = law.scores(design)
            sd[able, j] = np.sqrt(spread**2 + strange * ((up - down) / 2.0) ** 2)
            basis[able, j] = who
        return NormalPredictive(mean, sd, basis)


class RobustCompute(_Robust):
    """Logistic law of log compute with a fitted floor: "FLOPs" of Maia Polo et al. (2024)."""

    name: ClassVar[str] = "compute-huber"

    def _terms(self, models: pd.DataFrame) -> Array:
        # in 1e21 FLOP as the paper has it: with slopes by family and one intercept, where zero lies matters
        return np.log(10.0) * (compute_terms(models) + 1.0)


class RobustSizeTokens(_Robust):
    """Logistic law of size, tokens and their product, floor held ("Size and Tokens", Maia Polo et al. 2024)."""

    name: ClassVar[str] = "size-tokens-huber"

    def __init__(self, intercept: str = "family", slope: str = "shared", floor: str = "fixed") -> None:
        super().__init__(intercept, slope, floor)

    def _terms(self, models: pd.DataFrame) -> Array:
        return translog(models)
