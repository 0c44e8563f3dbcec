"""Scores on a benchmark that few models were scored on: drawn, with its curve learned from these few.

In: a fitted `SkillForecaster` of other benchmarks, and the panel that holds the few scores. Out: scores drawn for any
models, and a predictive distribution made of them beside another one's answers. Called by the forecasters `skill` and
`onboard`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from obslaws.forecasters.base import Predictive, complete_queries
from obslaws.links import logistic
from obslaws.skill.floors import credible_floor
from obslaws.skill.onboarding import onboard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.panel import Panel
    from obslaws.skill.onboarding import Draws
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["LEAST", "NewBenchmark", "WithNew"]

LEAST = 3  # other benchmarks that skills are learned from
_COPIES = 8  # scores drawn per draw of the parameters
_AT_ONCE = 2000  # models whose scores are drawn together
_KEPT = 1001  # of each one's drawn scores where there are more models: evenly spaced by rank


@dataclass(frozen=True)
class NewBenchmark:
    """A benchmark with few scores, learned.

    Parameters
    ----------
    skill : SkillForecaster
        Fitted to other benchmarks.
    told : DataFrame of shape (k, n_covariates)
        Its scored models.
    draws : list of Draws
        Of its parameters, one per fit of `skill`.
    n_items : float
        Questions, inf where unknown.
    random_state : int
    """

    skill: SkillForecaster
    told: pd.DataFrame
    draws: list[Draws]
    n_items: float
    random_state: int

    @classmethod
    def learn(cls, skill: SkillForecaster, panel: Panel, name: str, n_draws: int, random_state: int) -> NewBenchmark:
        """Learn a benchmark from its scores.

        Parameters
        ----------
        skill : SkillForecaster
            Fitted to other benchmarks.
        panel : Panel
            With the scores, fractions.
        name : str
            Of the benchmark.
        n_draws : int
            Per fit.
        random_state : int

        Returns
        -------
        NewBenchmark
        """
        column = panel.scores[name].dropna()
        told, known = complete_queries(panel.models.loc[column.index]), column.to_numpy(dtype=float)
        facts: dict[Any, Any] = panel.benchmarks.loc[name].to_dict()
        n_items = float(facts["n_items"]) if pd.notna(facts.get("n_items")) else np.inf
        floor = float(credible_floor(known[:, None], np.array([float(facts["score_floor"])]))[0])
        draws = [
            onboard(
                surface, skill.kin(told), known, floor, n_items, round(2 * n_draws * weight), random_state,
                float(facts.get("ceiling", np.nan)),
            )
            for surface, weight in zip(skill.surfaces_, skill.weights_, strict=True)
        ]  # fmt: skip
        return cls(skill, told, draws, n_items, random_state)

    def scores(self, queries: pd.DataFrame) -> Array:
        """Scores drawn for each of n models, ascending; shape (S, n)."""
        both = self.skill.kin(pd.concat([self.told, queries]))  # so that models of both count as one
        rows = np.arange(len(self.told), len(both))
        if len(rows) <= _AT_ONCE:
            return np.sort(self._drawn(both.take(rows)), axis=0)
        some = (both.take(rows[first : first + _AT_ONCE]) for first in range(0, len(rows), _AT_ONCE))
        return np.concatenate([_thinned(np.sort(self._drawn(part), axis=0)) for part in some], axis=1)

    def _drawn(self, asked: Kin) -> Array:
        rng, parts = np.random.default_rng(self.random_state), []
        for draws in self.draws:
            mean, sd = draws.logits(asked)
            n_draws, n = mean.shape
            shape = _COPIES, n_draws, 1  # the same deviates for every model: no answer depends on who else is asked
            logit = mean + sd * rng.standard_normal(shape)
            expected = draws.floor[:, None] + (draws.ceiling - draws.floor)[:, None] * logistic(logit)
            p = np.clip(expected, 0.01, 0.99)
            noise = np.sqrt(draws.noise[:, None] ** 2 + p * (1.0 - p) / self.n_items)
            scores = expected + noise * rng.standard_t(draws.likelihood.dof, shape)
            parts.append(scores.reshape(-1, n))
        return np.clip(np.concatenate(parts), 0.0, 1.0)


def _thinned(ascending: Array) -> Array:
    """Keep of each column's ascending values some that are evenly spaced by rank."""
    return ascending[np.linspace(0, len(ascending) - 1, _KEPT).round().astype(int)]


@dataclass(frozen=True)
class WithNew(Predictive):
    """Another's predictions, with drawn ones for new benchmarks.

    Parameters
    ----------
    known : Predictive
        Over n models and the benchmarks that it answers for.
    columns : ndarray of int
        Where these stand among the J benchmarks.
    drawn : mapping of int to ndarray of shape (S, m)
        Scores on new benchmarks by where they stand, ascending.
    rows : ndarray of int, shape (m,)
        The models that they were drawn for.
    n_benchmarks : int
        J.
    says_so : bool
        Whether the basis of drawn ones is ``"new benchmark"``.
    """

    known: Predictive
    columns: Index
    drawn: Mapping[int, Array]
    rows: Index
    n_benchmarks: int
    says_so: bool = field(default=False, kw_only=True)

    @cached_property
    def basis(self) -> NDArray[np.str_]:  # type: ignore[override]
        """Who answered, shape (n, J)."""
        known = self.known.basis.astype(object)
        out = np.full((len(known), self.n_benchmarks), "none", dtype=object)
        out[:, self.columns] = known
        for j in self.drawn if self.says_so else ():
            out[self.rows, j] = "new benchmark"
        return out.astype(str)

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`."""
        new = {j: np.quantile(scores, share, axis=0) for j, scores in self.drawn.items()}
        return self._merged(self.known.quantile(share), new)

    @cached_property
    def point(self) -> Array:
        """Point forecast: medians."""
        return self._merged(self.known.point, {j: np.quantile(d, 0.5, axis=0) for j, d in self.drawn.items()})

    def normal_score(self, scores: Array) -> Array:
        """Express each measured score as a standard normal deviate under the prediction; shape (n, J)."""
        below = {j: (d <= scores[self.rows, j]).mean(axis=0) for j, d in self.drawn.items()}
        least = 0.5 / max((len(d) for d in self.drawn.values()), default=1)
        new = {j: np.where(np.isnan(scores[self.rows, j]), np.nan, ndtri(np.clip(share, least, 1.0 - least)))
               for j, share in below.items()}  # fmt: skip
        return self._merged(self.known.normal_score(scores[:, self.columns]), new)  # type: ignore[attr-defined]

    def _merged(self, known: Array, new: Mapping[int, Array]) -> Array:
        out = np.full((len(known), self.n_benchmarks), np.nan)
        out[:, self.columns] = known
        for j, values in new.items():
            out[self.rows, j] = values
        return out
