"""Benchmarks that few models were scored on: skills from the other benchmarks, the new curve from a few scores.

In: a panel with one or more sparsely measured benchmarks. Out: forecasts on these for all models, with the width that
three or ten scores justify; on all other benchmarks the default forecaster answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from obslaws.errors import FitError, UnknownNameError
from obslaws.forecasters.base import Forecaster, NormalPredictive, Predictive
from obslaws.forecasters.new_benchmark import LEAST, NewBenchmark, WithNew
from obslaws.forecasters.skill import SkillForecaster

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from obslaws.panel import Panel

__all__ = ["OnboardingForecaster"]


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
    learned_ : dict of str to NewBenchmark
        What was learned of each, once a forecast asked for it.
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
            self.new_ = found if len(names) - len(found) >= LEAST else []
        else:
            for name in self.new:
                if name not in names:
                    raise UnknownNameError("benchmark", name, names)
            self.new_ = list(self.new)
            if len(names) - len(self.new_) < LEAST:
                raise FitError(
                    f"Panel {panel.name!r}: {len(names) - len(self.new_)} benchmarks beside the new ones; skills need "
                    f"at least {LEAST}. Take a view with more benchmarks."
                )
            if (counts[self.new_] == 0).any():
                raise FitError(f"Panel {panel.name!r}: no score on {counts[self.new_].idxmin()!r}; tell some.")
        old = [name for name in names if name not in self.new_]
        self.skill_ = SkillForecaster().fit(panel.select(benchmarks=old))
        self.learned_: dict[str, NewBenchmark] = {}

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
        names, old = list(self.fractions_.scores.columns), self.skill_.panel_.scores.columns
        known: Predictive
        if self._only_new:
            nothing = np.full((len(queries), len(old)), np.nan)
            known = NormalPredictive(nothing, nothing, np.full(nothing.shape, "none"))
        else:
            known = self.skill_.predict(queries, scores[old])
        with threadpool_limits(1, user_api="blas"):
            drawn = {names.index(name): one.scores(queries) for name, one in self._learned().items()}
        columns = np.array([names.index(name) for name in old], dtype=np.intp)
        return WithNew(known, columns, drawn, np.arange(len(queries)), len(names), says_so=True)

    def _learned(self) -> dict[str, NewBenchmark]:
        for name in self.new_:
            if name not in self.learned_:
                self.learned_[name] = NewBenchmark.learn(
                    self.skill_, self.fractions_, name, self.n_draws, self.random_state
                )
        return self.learned_
