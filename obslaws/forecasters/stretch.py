"""How far the skill model's intervals must be stretched, learned from forecasts replayed inside the training data.

A posterior is as narrow as the model could justify if it held exactly. Two exercises tell how much wider the truth
is. Forecasts inside what is known: each base family in turn is treated as new, with some of its models known. Forecasts
beyond it, for models that are newer than all training data or trained with more compute: the fit is repeated on what
lies before some days of the past, or below some amounts of compute, and asked about what comes after. Either way only
the training data of the fit take part. The factor is that of split conformal prediction, with cells of one base family
counted for less than they number; beyond the data it is the plain quantile, because the repeated fits saw less than the
present one. It never narrows. On a large panel both exercises run on a sample of the base families.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from obslaws.forecasters.large import replayed, spoken_for
from obslaws.skill.posterior import LatentPredictive
from obslaws.skill.replay import replay
from obslaws.skill.sparse_fit import SparseFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel
    from obslaws.skill.fit import Fit

    Array = NDArray[np.float64]

__all__ = ["Stretch"]

_LEVEL, _DEVIATE = 0.9, 1.6448536  # intervals are stretched to cover nine tenths; the others go along
_ORIGINS = (0.55, 0.7, 0.85)  # shares of the models, by day or by compute, that each repeated fit may see
_FEWEST, _FEWEST_MODELS = 3, 10  # base families that must speak; models that are worth a split


class Stretch:
    """Factors on the spread of intervals, each learned when it is first asked for.

    Parameters
    ----------
    fits : sequence of Fit
        The fits that are averaged.
    weights : ndarray of shape (n_fits,)
    size : ndarray of shape (M,)
        What orders the models of a family, e.g. log parameters; NaN unknown.
    panel : Panel
        The training data.
    blank : Forecaster, optional
        An unfitted forecaster with the same settings and no calibration; without one nothing is stretched.
    """

    def __init__(
        self, fits: Sequence[Fit], weights: Array, size: Array, panel: Panel, blank: Forecaster | None
    ) -> None:
        self.fits, self.weights, self.size, self.blank = fits, weights, size, blank
        self.large = cast("list[SparseFit]", [fit for fit in fits if isinstance(fit, SparseFit)])
        self.panel = spoken_for(panel) if self.large else panel
        self._by_kin: dict[int, float] = {}
        self._beyond: dict[str, float] = {}
        self.frontiers = _frontiers(self.panel)
        if self.large:  # the forecasts of a sample are repeated, but what lies beyond lies beyond all models
            every = _frontiers(panel)
            self.frontiers = {name: replace(some, last=every[name].last) for name, some in self.frontiers.items()}

    def factors(self, n_known: NDArray[np.intp], queries: pd.DataFrame) -> Array:
        """Factor for each query.

        Parameters
        ----------
        n_known : ndarray of int, shape (n,)
            Models of the family, or base family, whose scores are known.
        queries : DataFrame of n rows
            With ``release_date`` and ``train_flop``, missing where unknown.

        Returns
        -------
        ndarray of shape (n,)
            1 or more.
        """
        if self.blank is None:
            return np.ones(len(n_known))
        out = np.array([self.by_kin(int(n)) for n in n_known])
        for name, values in _orders(queries).items():
            beyond = values > self.frontiers[name].last
            if beyond.any():
                out[beyond] = np.maximum(out[beyond], self.beyond(name))
        return out

    def by_kin(self, n_known: int) -> float:
        """Factor when `n_known` models of the family are known."""
        if n_known not in self._by_kin:
            self._by_kin[n_known] = self._replayed(n_known)
        return self._by_kin[n_known]

    def beyond(self, order: str) -> float:
        """Factor for models released after all training data (``"day"``), or with more compute (``"compute"``)."""
        if order not in self._beyond:
            self._beyond[order] = self._repeated(self.frontiers[order])
        return self._beyond[order]

    def _replayed(self, n_observed: int) -> float:
        if self.large:
            found = replayed(self.large, self.weights, self.size, n_observed)
            return 1.0 if found is None else _factor(*found)
        replays = [r for fit in self.fits if (r := replay(fit, self.size, n_observed)) is not None]
        if len(replays) < len(self.fits):
            return 1.0
        first, problem = replays[0], self.fits[0].problem
        predictive = LatentPredictive(
            np.stack([r.logit for r in replays]), np.stack([r.logit_sd for r in replays]),
            np.stack([f.floors for f in self.fits]), np.stack([f.ceilings for f in self.fits]),
            np.stack([f.variances.noise for f in self.fits]), self.weights, problem.data.n_items,
            problem.priors.dof, np.ones_like(first.logit), np.full(first.logit.shape, ""),
        )  # fmt: skip
        return _factor(predictive.normal_score(first.scores), first.group)

    def _repeated(self, frontier: _Frontier) -> float:
        panel, values, placed = self.panel, frontier.values, frontier.placed
        if self.blank is None or placed.sum() < _FEWEST_MODELS:
            return 1.0
        ordered = np.sort(values[placed])
        cuts = [ordered[int(share * len(ordered))] for share in _ORIGINS]
        base = panel.models["base_family"].factorize()[0]
        deviates, groups = [], []
        for start, end in itertools.pairwise([*cuts, np.inf]):
            before, after = placed & (values < start), placed & (values >= start) & (values < end)
            if not (before.any() and after.any()):
                continue
            asked, scores = panel.select(after), panel.scores.to_numpy(dtype=float)
            there = np.isfinite(scores[before]).any(axis=0)
            fitted = copy.deepcopy(self.blank).fit(panel.select(before))
            predictive = cast("LatentPredictive", fitted.predict(asked.models))
            deviates.append(predictive.normal_score(np.where(there, scores[after], np.nan)))
            groups.append(base[after])
        return _factor(np.concatenate(deviates), np.concatenate(groups), finite=False) if deviates else 1.0


@dataclass(frozen=True)
class _Frontier:
    """Where the training models stand along one order.

    Parameters
    ----------
    values : ndarray of shape (M,)
        NaN unknown.
    placed : ndarray of bool, shape (M,)
        Models with a value and a score.
    last : float
        Largest value of those; inf when there is none, since nothing is then known to lie beyond.
    """

    values: Array
    placed: NDArray[np.bool_]
    last: float

    @classmethod
    def of(cls, values: Array, scored: NDArray[np.bool_]) -> _Frontier:
        placed = np.isfinite(values) & scored
        return cls(values, placed, float(values[placed].max()) if placed.any() else np.inf)


def _frontiers(panel: Panel) -> dict[str, _Frontier]:
    scored = panel.scores.notna().any(axis=1).to_numpy()
    return {name: _Frontier.of(values, scored) for name, values in _orders(panel.models).items()}


def _orders(models: pd.DataFrame) -> dict[str, Array]:
    """Days of release and training compute (FLOP) of models, NaN unknown."""
    days = pd.to_datetime(models["release_date"]).to_numpy().astype("datetime64[D]")
    since = np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(float))
    return {"day": since, "compute": models["train_flop"].to_numpy(dtype=float)}


def _factor(deviates: Array, group: NDArray[np.intp], finite: bool = True) -> float:
    """Factor that makes nine tenths of the deviates fall inside; 1 when too few base families speak.

    With `finite`, of one more than were seen, as split conformal prediction has it.
    """
    deviates = np.abs(deviates)
    seen = np.isfinite(deviates)
    if len(np.unique(group[seen.any(axis=1)])) < _FEWEST:
        return 1.0
    share = min(_LEVEL * (1.0 + 1.0 / _independent(deviates, group)), 0.98) if finite else _LEVEL
    return max(float(np.quantile(deviates[seen], share) / _DEVIATE), 1.0)


def _independent(deviates: Array, group: NDArray[np.intp]) -> float:
    """Count independent cells: models of one base family err together, so that many cells say less than they number.

    The design effect of cluster sampling (Kish 1965, section 5.4), with the intraclass correlation of the absolute
    deviates from a one-way analysis of variance.

    Parameters
    ----------
    deviates : ndarray of shape (n, J)
        Absolute standard deviates, NaN where there is none.
    group : ndarray of int, shape (n,)

    Returns
    -------
    float
        Between the number of groups and the number of cells.
    """
    rows, _ = np.nonzero(np.isfinite(deviates))
    values, labels = deviates[np.isfinite(deviates)], np.unique(group[rows], return_inverse=True)[1]
    n, sizes = len(values), np.bincount(labels)
    means = np.bincount(labels, weights=values) / sizes
    within = ((values - means[labels]) ** 2).sum() / max(n - len(sizes), 1)
    between = (sizes * (means - values.mean()) ** 2).sum() / max(len(sizes) - 1, 1)
    usual = (n - (sizes**2).sum() / n) / max(len(sizes) - 1, 1)
    correlation = np.clip((between - within) / (between + (usual - 1.0) * within), 0.0, 1.0)
    return float(n / (1.0 + ((sizes**2).sum() / n - 1.0) * correlation))
