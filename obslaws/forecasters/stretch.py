"""How far intervals must be stretched, and forecasts of newer models shifted, as forecasts of the past would have it.

A posterior is as narrow as the model could justify if it held exactly. Two exercises tell how much wider the truth is.
Forecasts inside what is known: each base family in turn is treated as new, with some of its models known, the smallest
or those around every second size: a model between two known siblings is forecast better than one beyond them. Forecasts
beyond it, for models that are newer than all training data or trained with more compute: the fit is repeated on what
lies before some days of the past, or below some amounts of compute, and asked about what comes after. Both are done
again with scores of the asked model told, as many as the forecast is told: each told score narrows the posterior, by
more than the model's errors narrow. Either way only the training data of the fit take part.

The factor is the one that the errors ask for, on average over the levels that are promised, drawn towards the
posterior's own claim where few independent errors speak; cells of one base family count for less than they number.
What is left open of it makes intervals wider. Where what is hidden in a replay took part in the rest of the fit,
narrowing is believed the less, the fewer base families share that part. Beyond what is known the factor is drawn
towards the one within, in place of the claim, and grows the further ahead a model lies. Scores that a model of the fit
was not measured on are forecast at the posterior's claim.

Newer models are mostly better than size, data and date have it, the more so the later they come: by how much the
repeated forecasts fell short, in standard deviations per year, is added to the forecasts of models newer than all
training data. On a large panel both exercises run on a sample of the base families, and the first one tells
no scores.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from obslaws.folds import draw
from obslaws.forecasters.large import replayed, spoken_for
from obslaws.forecasters.past_errors import Beyond, Errors, Factor, errors_of, grown, lag_of
from obslaws.skill.neighbours import enclosed
from obslaws.skill.posterior import LatentPredictive, condition
from obslaws.skill.replay import larger, middle, replay
from obslaws.skill.sparse_fit import SparseFit
from obslaws.skill.state import told_noise
from obslaws.skill.student import widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel
    from obslaws.skill.fit import Fit
    from obslaws.skill.replay import Replay

    Array = NDArray[np.float64]

__all__ = ["DAYS", "MOST_TOLD", "Stretch", "replayed_answers"]

_ORIGINS = (0.55, 0.7, 0.85)  # shares of the models, by day or by compute, that each repeated fit may see
DAYS = 365.25  # in a year
_UNIT = {"day": DAYS, "compute": 1.0}  # leads are told in years and in decades of FLOP
_FEWEST_MODELS = 10  # that are worth a split
MOST_TOLD = 5  # with more own scores than these the factor is the same: few models have many more
_DRAWS, _ENOUGH = 3, 1500  # ways of choosing which scores are told; cells from which on one way says enough


class Stretch:
    """Factors on the spread of intervals, and the shift of newer models, each learned when it is first asked for.

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
        self._by_kin: dict[tuple[int, int], Factor] = {}
        self._beyond: dict[tuple[str, int], Beyond] = {}
        self._errors_between: dict[int, Errors | None] = {}
        self._replays: dict[int | None, tuple[Replay, ...]] = {}
        self._trials: dict[str, list[_Trial]] = {}
        self.frontiers = _frontiers(self.panel)
        if blank is None:  # nothing is learned of what lies beyond, so nothing does
            self.frontiers = {name: replace(some, last=np.inf) for name, some in self.frontiers.items()}
        elif self.large:  # the forecasts of a sample are repeated, but what lies beyond lies beyond all models
            every = _frontiers(panel)
            self.frontiers = {name: replace(some, last=every[name].last) for name, some in self.frontiers.items()}

    def factors(
        self,
        n_known: NDArray[np.intp],
        n_told: NDArray[np.intp],
        queries: pd.DataFrame,
        is_fitted: NDArray[np.bool_] | None = None,
        is_between: NDArray[np.bool_] | None = None,
    ) -> Array:
        """Factor for each query.

        Parameters
        ----------
        n_known : ndarray of int, shape (n,)
            Models of the family, or base family, whose scores are known.
        n_told : ndarray of int, shape (n,)
            Scores of the model itself that are told to the forecast and were not part of the fit.
        queries : DataFrame of n rows
            With ``release_date`` and ``train_flop``, missing where unknown.
        is_fitted : ndarray of bool, shape (n,), optional
            Whether scores of the model itself were part of the fit: replays hide whole models and say nothing of it.
        is_between : ndarray of bool, shape (n, J), optional
            On which benchmarks a smaller and a larger model of the family were part of it.

        Returns
        -------
        ndarray of shape (n,), or (n, J) with `is_between`
        """
        if self.blank is None:
            return np.ones(len(n_known) if is_between is None else is_between.shape)
        fitted = np.zeros(len(n_known), dtype=bool) if is_fitted is None else is_fitted
        inside = [
            Factor() if known else self._kin(int(n), int(k))
            for n, k, known in zip(n_known, n_told, fitted, strict=True)
        ]
        ahead: dict[int, list[float]] = {}
        for name, values in _orders(queries).items():
            for i in np.flatnonzero(values > self.frontiers[name].last).tolist():
                lead = float(self.frontiers[name].lead(values[i]))
                ahead.setdefault(i, []).append(self._learned(name, int(n_told[i])).factor(inside[i], lead).value)
        out = np.array([max(ahead[i]) if i in ahead else one.value for i, one in enumerate(inside)])
        if is_between is None:
            return out
        out = np.repeat(out[:, None], is_between.shape[1], axis=1)
        for i in np.flatnonzero(is_between.any(axis=1) & ~fitted).tolist():
            if i not in ahead:
                out[i, is_between[i]] = self.between(int(n_known[i]), int(n_told[i]))
        return out

    def shifts(self, n_told: NDArray[np.intp], queries: pd.DataFrame) -> Array:
        """How far each query's logits are to be moved, in their standard deviations.

        Nothing within the training data's time.

        Parameters
        ----------
        n_told, queries
            As in `factors`.

        Returns
        -------
        ndarray of shape (n,)
        """
        out = np.zeros(len(n_told))
        lead = self.frontiers["day"].lead(_orders(queries)["day"])
        for k in np.unique(n_told[lead > 0.0]):
            rows = (lead > 0.0) & (n_told == k)
            out[rows] = self.ahead(int(k)).shift(lead[rows])
        return out

    def by_kin(self, n_known: int, n_told: int = 0) -> float:
        """Factor when `n_known` models of the family and `n_told` scores of the model itself are known."""
        return self._kin(n_known, n_told).value

    def between(self, n_known: int, n_told: int = 0) -> float:
        """Factor for a model with a smaller and a larger one among these."""
        return self._between(n_known, n_told).value

    def _between(self, n_known: int, n_told: int) -> Factor:
        """Learn from models between two known ones; their factor is drawn towards that of models beyond them."""
        k, beside = min(n_told, MOST_TOLD), self._kin(n_known, n_told)
        errors = self.errors_between(k)
        if errors is None:  # too few models with so many scores
            return self._between(n_known, k - 1) if k else beside
        return errors.factor(beside.log)

    def errors_between(self, n_told: int = 0) -> Errors | None:
        """Replay forecasts of models between two known ones; None where there are too few."""
        if n_told not in self._errors_between:
            self._errors_between[n_told] = self._replayed(None, n_told)
        return self._errors_between[n_told]

    def _kin(self, n_known: int, n_told: int) -> Factor:
        key = (n_known, min(n_told, MOST_TOLD))
        if key not in self._by_kin:
            errors = self._replayed(*key)
            if errors is not None:
                self._by_kin[key] = errors.factor(took_part=True)
            else:  # too few models with so many scores: the factor of one fewer
                self._by_kin[key] = self._kin(n_known, key[1] - 1) if key[1] else Factor()
        return self._by_kin[key]

    def beyond(self, order: str, n_known: int, n_told: int = 0, lead: float = 0.0) -> float:
        """Factor for models released after all training data (``"day"``), or with more compute (``"compute"``).

        By `lead`, in years or in decades of FLOP.
        """
        return self._learned(order, n_told).factor(self._kin(n_known, n_told), lead).value

    def ahead(self, n_told: int = 0) -> Beyond:
        """Tell what holds of models released after all training data, so many of their own scores told."""
        return self._learned("day", n_told)

    def _learned(self, order: str, n_told: int) -> Beyond:
        key = (order, min(n_told, MOST_TOLD))
        if key not in self._beyond:
            found = self._repeated(*key)
            self._beyond[key] = found or (self._learned(order, key[1] - 1) if key[1] else Beyond())
        return self._beyond[key]

    def _replayed(self, n_observed: int | None, n_told: int) -> Errors | None:
        """Replay forecasts from the smallest models of each family, or (None) from those around every second size."""
        if self.large:  # here nothing is told: the replays of sparse fits keep no covariances
            if n_told or n_observed is None:
                return None
            cells = replayed(self.large, self.weights, self.size, n_observed)
            return None if cells is None else errors_of([cells[0]], [cells[1]])
        if n_observed not in self._replays:
            family = self.fits[0].problem.data.nesting.family
            asked = middle(self.size, family) if n_observed is None else larger(self.size, family, n_observed)
            found = (replay(fit, asked) for fit in self.fits)
            self._replays[n_observed] = tuple(r for r in found if r is not None)
        replays = self._replays[n_observed]
        if len(replays) < len(self.fits):
            return None
        rows, scores = replays[0].rows, replays[0].scores
        if n_observed is None:
            scores = np.where(self._enclosed(rows), scores, np.nan)
        hidden = pd.DataFrame(scores, self.panel.models.index[rows], self.panel.scores.columns)
        deviates, groups = [], []
        for told in _told(hidden, n_told):
            rest = hidden.mask(told).to_numpy()
            asked = np.isfinite(rest).any(axis=1) & (told.sum(axis=1) == n_told)
            given = hidden.where(told).to_numpy()[asked]
            answers = replayed_answers(self.fits, self.weights, replays, asked, given)
            deviates.append(answers.normal_score(rest[asked]))
            groups.append(replays[0].group[asked])
        return errors_of(deviates, groups)

    def _enclosed(self, hidden: NDArray[np.intp]) -> NDArray[np.bool_]:
        """On which benchmarks models lie between two that are not hidden; shape (n, J)."""
        data = self.fits[0].problem.data
        family, seen = data.nesting.family, np.isfinite(data.scores) & np.isfinite(self.size)[:, None]
        seen[hidden] = False
        out = np.zeros((len(hidden), seen.shape[1]), dtype=bool)
        for number in np.unique(family[hidden]):
            asked, kin = family[hidden] == number, family == number
            out[asked] = enclosed(self.size[hidden[asked]], self.size[kin], seen[kin])
        return out

    def _repeated(self, order: str, n_told: int) -> Beyond | None:
        if order not in self._trials:
            self._trials[order] = self._tried(self.frontiers[order])
        deviates, groups, leads, times = [], [], [], []
        for time, trial in enumerate(self._trials[order]):
            for told in _told(trial.scores, n_told):
                rest = trial.scores.mask(told)
                asked = rest.notna().any(axis=1).to_numpy() & (told.sum(axis=1) == n_told)
                if not asked.any():
                    continue
                given = trial.scores.where(told).loc[asked] if n_told else None
                predictive = cast("LatentPredictive", trial.fitted.predict(trial.models.loc[asked], given))
                deviates.append(predictive.normal_score(rest.to_numpy()[asked]))
                groups.append(trial.group[asked])
                leads.append(trial.lead[asked])
                times.append(time)
        lag = 0.0
        if order == "day":  # along compute errors lean to neither side
            parts = list(zip(deviates, groups, leads, strict=True))
            lag = lag_of(parts)
            # each time's errors about what the other times would have had added to its forecasts
            others = [lag_of([part for part, at in zip(parts, times, strict=True) if at != time]) for time in times]
            deviates = [d - one * lead[:, None] for d, one, lead in zip(deviates, others, leads, strict=True)]
        # and as if their spread had grown with the lead
        deviates = [widened(d, grown(lead)[:, None]) for d, lead in zip(deviates, leads, strict=True)]
        errors = errors_of(deviates, groups)
        return None if errors is None else Beyond(errors, lag, float(np.concatenate(leads).max()))

    def _tried(self, frontier: _Frontier) -> list[_Trial]:
        panel, values, placed = self.panel, frontier.values, frontier.placed
        if self.blank is None or placed.sum() < _FEWEST_MODELS:
            return []
        ordered = np.sort(values[placed])
        cuts = [ordered[int(share * len(ordered))] for share in _ORIGINS]
        base = panel.models["base_family"].factorize()[0]
        out = []
        for start in cuts:
            before, after = placed & (values < start), placed & (values >= start)
            if not (before.any() and after.any()):
                continue
            train, asked = panel.select(before), panel.select(after)
            learnt = asked.scores.where(np.broadcast_to(train.scores.notna().any(), asked.scores.shape))
            lead = replace(frontier, last=values[before].max()).lead(values[after])
            out.append(_Trial(copy.deepcopy(self.blank).fit(train), asked.models, learnt, base[after], lead))
        return out


@dataclass(frozen=True)
class _Trial:
    """A fit to what lies before some point, and what lies after it.

    Parameters
    ----------
    fitted : Forecaster
    models : DataFrame of n rows
        The models after it.
    scores : DataFrame of shape (n, J)
        Their scores on benchmarks that the fit has seen.
    group : ndarray of int, shape (n,)
        Their base families.
    lead : ndarray of shape (n,)
        How far beyond everything fitted they lie, years or decades of FLOP.
    """

    fitted: Forecaster
    models: pd.DataFrame
    scores: pd.DataFrame
    group: NDArray[np.intp]
    lead: Array


@dataclass(frozen=True)
class _Frontier:
    """Where the training models stand along one order.

    Parameters
    ----------
    unit : float
        What a lead of one is.
    values : ndarray of shape (M,)
        NaN unknown.
    placed : ndarray of bool, shape (M,)
        Models with a value and a score.
    last : float
        Largest value of those; inf when there is none, since nothing is then known to lie beyond.
    """

    unit: float
    values: Array
    placed: NDArray[np.bool_]
    last: float

    @classmethod
    def of(cls, order: str, values: Array, scored: NDArray[np.bool_]) -> _Frontier:
        placed = np.isfinite(values) & scored
        return cls(_UNIT[order], values, placed, float(values[placed].max()) if placed.any() else np.inf)

    def lead(self, values: Array) -> Array:
        """How far beyond the last of them others lie, in units."""
        return (values - self.last) / self.unit


def replayed_answers(
    fits: Sequence[Fit], weights: Array, replays: Sequence[Replay], asked: NDArray[np.bool_], told: Array
) -> LatentPredictive:
    """Forecasts of some replayed models after some of their scores were told.

    Parameters
    ----------
    fits : sequence of Fit
        The fits that are averaged.
    weights : ndarray of shape (n_fits,)
    replays : sequence of Replay
        One of each fit.
    asked : ndarray of bool, shape (n,)
        Which rows of the replays.
    told : ndarray of shape (n_asked, J)
        Scores that are told, fractions; NaN where not.

    Returns
    -------
    LatentPredictive
        Not stretched.
    """
    data, dof, means, sds = fits[0].problem.data, fits[0].problem.priors.dof, [], []
    floor, ceiling, noise = (
        np.stack([getattr(one, name)[asked] for one in replays]) for name in ("floor", "ceiling", "noise")
    )
    for k, one in enumerate(replays):
        mean, cov = condition(
            one.logit[asked], one.logit_cov[asked], told, floor[k], ceiling[k], told_noise(noise[k]), data.n_items, dof
        )
        means.append(mean)
        sds.append(np.sqrt(np.maximum(np.einsum("mjj->mj", cov), 1e-12)))
    shape = means[0].shape
    return LatentPredictive(
        np.stack(means), np.stack(sds), floor, ceiling, noise, weights, data.n_items, dof, np.ones(shape),
        np.full(shape, ""),
    )  # fmt: skip


def _frontiers(panel: Panel) -> dict[str, _Frontier]:
    scored = panel.scores.notna().any(axis=1).to_numpy()
    return {name: _Frontier.of(name, values, scored) for name, values in _orders(panel.models).items()}


def _orders(models: pd.DataFrame) -> dict[str, Array]:
    """Days of release and log10 of the training compute (FLOP) of models, NaN unknown."""
    days = pd.to_datetime(models["release_date"]).to_numpy().astype("datetime64[D]")
    since = np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(float))
    return {"day": since, "compute": np.log10(models["train_flop"].to_numpy(dtype=float))}


def _told(scores: pd.DataFrame, n_told: int) -> list[NDArray[np.bool_]]:
    """Choose which scores are told, in several ways where there are few; once when there is nothing to choose."""
    few = n_told > 0 and scores.notna().to_numpy().sum() < _ENOUGH
    return [draw(scores, n_told, seed) for seed in range(_DRAWS if few else 1)]
