"""Benchmarks that few models were scored on: skills from the other benchmarks, the new curve from a few scores.

In: a panel with one or more sparsely measured benchmarks. Out: forecasts on these for all models, with the width that
three or ten scores justify; on all other benchmarks the default forecaster answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from obslaws.errors import FitError, UnknownNameError
from obslaws.forecasters.base import Forecaster, NormalPredictive, Predictive, complete_queries
from obslaws.forecasters.skill import SkillForecaster, kin_names
from obslaws.links import logistic
from obslaws.skill.floors import credible_floor
from obslaws.skill.onboarding import onboard
from obslaws.skill.update import Kin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.panel import Panel
    from obslaws.skill.onboarding import Draws

    Array = NDArray[np.float64]

__all__ = ["OnboardingForecaster"]

_LEAST = 3  # other benchmarks that skills are learned from
_COPIES = 8  # scores drawn per draw of the parameters
_AT_ONCE = 2000  # models whose scores are drawn together
_KEPT = 1001  # of each one's drawn scores where there are more models: evenly spaced by rank


class OnboardingForecaster(Forecaster):
    """Skill forecaster that treats sparsely measured benchmarks as new ones.

    Parameters
    ----------
    few : int
        A benchmark with at most so many scores is new, as long as three others are not.
    new : sequence of str, optional
        The new benchmarks by name, instead.
    n_draws : int
        Posterior draws per fit.
    random_state : int

    Attributes
    ----------
    skill_ : SkillForecaster
        Fitted to the other benchmarks.
    new_ : list of str
    draws_ : dict of str to list of Draws
        Of the last forecast, one per fit.
    """

    name: ClassVar[str] = "onboard"

    def __init__(
        self, few: int = 20, new: Sequence[str] | None = None, n_draws: int = 400, random_state: int = 0
    ) -> None:
        self.few, self.new, self.n_draws, self.random_state = few, new, n_draws, random_state
        self._only_new = False

    def _fit(self, panel: Panel) -> None:
        counts = panel.scores.notna().sum()
        names = list(panel.scores.columns)
        if self.new is None:
            found = [name for name in names if 0 < counts[name] <= self.few]
            self.new_ = found if len(names) - len(found) >= _LEAST else []
        else:
            for name in self.new:
                if name not in names:
                    raise UnknownNameError("benchmark", name, names)
            self.new_ = list(self.new)
            if len(names) - len(self.new_) < _LEAST:
                raise FitError(
                    f"Panel {panel.name!r}: {len(names) - len(self.new_)} benchmarks beside the new ones; skills need "
                    f"at least {_LEAST}. Take a view with more benchmarks."
                )
            if (counts[self.new_] == 0).any():
                raise FitError(f"Panel {panel.name!r}: no score on {counts[self.new_].idxmin()!r}; tell some.")
        old = [name for name in names if name not in self.new_]
        self.skill_ = SkillForecaster().fit(panel.select(benchmarks=old))
        self.draws_: dict[str, list[Draws]] = {}

    def forecast(
        self,
        queries: pd.DataFrame,
        scores: pd.DataFrame | None = None,
        benchmarks: Sequence[str] | None = None,
        level: float = 0.9,
    ) -> pd.DataFrame:
        """Forecast scores with intervals, see `Forecaster.forecast`; the other benchmarks cost nothing unless asked."""
        self._only_new = benchmarks is not None and set(benchmarks) <= set(self.new_)
        try:
            return super().forecast(queries, scores, benchmarks, level)
        finally:
            self._only_new = False

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> Predictive:
        old = self.skill_.panel_.scores.columns
        known: Predictive
        if self._only_new:
            nothing = np.full((len(queries), len(old)), np.nan)
            known = NormalPredictive(nothing, nothing, np.full(nothing.shape, "none"))
        else:
            known = self.skill_.predict(queries, scores[old])
        with threadpool_limits(1, user_api="blas"):
            drawn = {name: self._sample(name, queries) for name in self.new_}
        return _Onboarded(known, list(self.fractions_.scores.columns), drawn, queries)

    def _sample(self, name: str, queries: pd.DataFrame) -> Array:
        """Scores drawn for each query on a new benchmark, ascending; shape (S, n)."""
        column = self.fractions_.scores[name].dropna()
        told = complete_queries(self.fractions_.models.loc[column.index])
        facts: dict[Any, Any] = self.fractions_.benchmarks.loc[name].to_dict()
        n_items = float(facts["n_items"]) if pd.notna(facts.get("n_items")) else np.inf
        known = column.to_numpy(dtype=float)
        floor = float(credible_floor(known[:, None], np.array([float(facts["score_floor"])]))[0])
        both = self._kin(pd.concat([told, queries]))
        skill, rng = self.skill_, np.random.default_rng(self.random_state)
        self.draws_[name] = [
            onboard(
                surface, both.take(np.arange(len(told))), known, floor, n_items,
                round(2 * self.n_draws * weight), self.random_state, float(facts.get("ceiling", np.nan)),
            )
            for surface, weight in zip(skill.surfaces_, skill.weights_, strict=True)
        ]  # fmt: skip
        rows = np.arange(len(told), len(both))
        if len(rows) <= _AT_ONCE:
            return np.sort(self._drawn(name, both.take(rows), n_items, rng), axis=0)
        some = (both.take(rows[first : first + _AT_ONCE]) for first in range(0, len(rows), _AT_ONCE))
        return np.concatenate([_thinned(np.sort(self._drawn(name, s, n_items, rng), axis=0)) for s in some], axis=1)

    def _drawn(self, name: str, asked: Kin, n_items: float, rng: np.random.Generator) -> Array:
        """Scores drawn for models on a new benchmark, shape (S, n)."""
        parts = []
        for draws in self.draws_[name]:
            mean, sd = draws.logits(asked)
            shape = (_COPIES, *mean.shape)
            logit = mean + sd * rng.standard_normal(shape)
            expected = draws.floor[:, None] + (draws.ceiling - draws.floor)[:, None] * logistic(logit)
            p = np.clip(expected, 0.01, 0.99)
            noise = np.sqrt(draws.noise[:, None] ** 2 + p * (1.0 - p) / n_items)
            scores = expected + noise * rng.standard_t(draws.likelihood.dof, shape)
            parts.append(scores.reshape(-1, shape[2]))
        return np.clip(np.concatenate(parts), 0.0, 1.0)

    def _kin(self, models: pd.DataFrame) -> Kin:
        labels = [pd.factorize(np.asarray(column))[0] for column in zip(*kin_names(models.index, models), strict=True)]
        return Kin(self.skill_.relatives(models), *labels)


def _thinned(ascending: Array) -> Array:
    """Keep of each column's ascending values some that are evenly spaced by rank."""
    return ascending[np.linspace(0, len(ascending) - 1, _KEPT).round().astype(int)]


@dataclass(frozen=True)
class _Onboarded(Predictive):
    """Predictions of the default forecaster, with sampled ones for the new benchmarks."""

    known: Predictive
    columns: list[str]
    drawn: dict[str, Array]
    queries: pd.DataFrame

    @cached_property
    def basis(self) -> NDArray[np.str_]:  # type: ignore[override]
        """Who answered, shape (n, J)."""
        new = np.full(len(self.queries), "new benchmark")
        return np.asarray(self._merged(self.known.basis, dict.fromkeys(self.drawn, new)))

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`."""
        new = {name: np.quantile(scores, share, axis=0) for name, scores in self.drawn.items()}
        return np.asarray(self._merged(self.known.quantile(share), new), dtype=np.float64)

    @cached_property
    def point(self) -> Array:
        """Point forecast: medians."""
        new = {name: np.quantile(scores, 0.5, axis=0) for name, scores in self.drawn.items()}
        return np.asarray(self._merged(self.known.point, new), dtype=np.float64)

    def _merged(self, known: Array | NDArray[np.str_], new: dict[str, Array] | dict[str, NDArray[np.str_]]) -> Array:
        rest = iter(known.T)
        return np.column_stack([new[name] if name in new else next(rest) for name in self.columns])
