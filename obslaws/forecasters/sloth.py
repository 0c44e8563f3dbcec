"""Sloth (Maia Polo et al. 2024) as a forecaster: skills from size, tokens and family, scores from skills.

Exactly the paper's objective: with the logistic link by an optimiser of ours, with the learned link by the authors'
procedure. The paper gives no intervals: ours are normal with the residual spread of each benchmark, and the spread of
the families' intercepts on top for a family that was not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, NormalPredictive, complete_queries
from obslaws.forecasters.kin import Kin
from obslaws.forecasters.naive import fallback
from obslaws.forecasters.regression import compute_terms, translog
from obslaws.forecasters.settings import choose
from obslaws.links import inverse
from obslaws.peers.lowrank import Factors, fit_low_rank
from obslaws.peers.stages import train

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]
    Curve = Callable[[Array, Array], Array]

__all__ = ["Sloth"]


class Sloth(Forecaster):
    """Factor model on the translog of size and tokens.

    Parameters
    ----------
    n_skills : int
        Skills, no more than there are benchmarks.
    intercept : {"family", "shared"}
        Whether each family has intercepts of its own.
    link : {"trained", "logistic"}
        From skills to scores: a monotone network per benchmark with a trained floor, or the logistic above the floor.
        The logistic is fitted by damped Gauss-Newton from fixed starts (`obslaws.peers.lowrank`), in a tenth of a
        second; networks by Adam as the authors do (`obslaws.peers.stages`), in seconds.
    inputs : {"size-tokens", "compute"}
        What skills are a function of.
    joint : bool
        Whether the benchmarks share skills; if not, each is fitted alone with one skill.
    random_state : int
        Of the learned link's start; 42 in the paper's experiments.
    slope : {"shared", "family"}
        Whether each family has slopes of its own; an unseen one takes their mean.

    Attributes
    ----------
    fits_ : list of (ndarray of int, callable)
        Benchmarks and the function from intercepts' shares and terms to their scores, one entry per fit.
    objective_ : float
        Huber's loss, averaged over fits.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540.

    Examples
    --------
    >>> Sloth(n_skills=2, link="logistic").name
    'sloth'
    """

    name: ClassVar[str] = "sloth"

    def __init__(
        self,
        n_skills: int = 3,
        intercept: str = "family",
        link: str = "trained",
        inputs: str = "size-tokens",
        joint: bool = True,
        random_state: int = 42,
        slope: str = "shared",
    ) -> None:
        if n_skills < 1:
            raise UsageError(f"sloth: n_skills is {n_skills}; expected 1 or more.")
        self.n_skills = n_skills
        self.intercept = choose(self.name, "intercept", intercept, ("family", "shared"))
        self.link = choose(self.name, "link", link, ("trained", "logistic"))
        self.inputs = choose(self.name, "inputs", inputs, ("size-tokens", "compute"))
        self.joint = joint
        self.random_state = random_state
        self.slope = choose(self.name, "slope", slope, ("shared", "family"))

    def _terms(self, models: pd.DataFrame) -> Array:
        if self.inputs == "size-tokens":
            # tokens come first in the paper's code: the order decides what start each slope gets
            return translog(models)[:, [1, 0, 2]] if self.link == "trained" else translog(models)
        return np.log(10.0) * (compute_terms(models) + 1.0)  # in 1e21 FLOP as the paper has it

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        # one order for every panel of the same models: a long descent may end elsewhere when sums round differently
        order = np.argsort(panel.models.index.to_numpy(dtype=str), kind="stable")
        models = complete_queries(panel.models.iloc[order])
        terms, scores = self._terms(models), panel.scores.to_numpy(dtype=float)[order]
        rows = np.isfinite(terms).all(axis=1) & np.isfinite(scores).any(axis=1)
        self.fits_: list[tuple[NDArray[np.intp], Curve]] = []
        self.sd_ = self.fallback_.sd.copy()
        if not rows.any():
            return
        models, scores = models.iloc[np.flatnonzero(rows)], scores[rows]
        self.kin_, self.slopes_ = (Kin.learn(models, kind == "shared") for kind in (self.intercept, self.slope))
        terms = self._slopes(self.slopes_.weights(models)[0], terms[rows])
        floor = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)
        learnt = np.flatnonzero(np.isfinite(scores).any(axis=0))
        losses = []
        for at in [learnt] if self.joint else learnt[:, None]:
            here = np.isfinite(scores[:, at]).any(axis=1)
            data = Factors(scores[here][:, at], terms[here], self.kin_.family[here], floor[at])
            curve, loss, n_skills = self._curve(data, np.unique(self.slopes_.family[here]))
            self.fits_.append((at, curve))
            losses.append(loss)
            errors = data.scores - curve(np.eye(self.kin_.n_intercepts)[data.family], data.covariates)
            paid = n_skills * (len(np.unique(data.family)) + terms.shape[1]) / len(at) + n_skills + 1
            left = np.isfinite(errors).sum(axis=0) - paid
            spread = np.sqrt(np.nansum(errors**2, axis=0) / np.maximum(left, 1.0))
            self.sd_[at] = np.where(left >= 1, spread, self.sd_[at])
        self.objective_ = float(np.mean(losses))

    def _curve(self, data: Factors, sloped: NDArray[np.intp]) -> tuple[Curve, float, int]:
        """Fit one group of benchmarks: from intercepts' shares and terms to scores, Huber's loss, number of skills.

        `sloped` are those of the slopes that the models with a score have.
        """
        seen, family = np.unique(data.family, return_inverse=True)
        n_slopes = self.slopes_.n_intercepts

        def design(weights: Array, terms: Array) -> Array:
            """Give a family that this group of benchmarks has not seen the means of those that it has."""
            slopes = _among(terms.reshape(len(terms), n_slopes, -1), sloped)
            return np.concatenate([_among(weights[:, :, None], seen), slopes], axis=1)

        covariates = _among(data.covariates.reshape(len(family), n_slopes, -1), sloped)
        data = Factors(data.scores, covariates, family, data.score_floor)
        if self.link == "trained":
            # the paper trains the floors of its laws of compute from the first stage on
            learned = train(data, self.n_skills, self.random_state, train_floor=self.inputs == "compute")
            n_skills = learned.coefficients.shape[1]
            return lambda weights, terms: learned.scores(design(weights, terms)), learned.objective, n_skills
        basic = fit_low_rank(data, self.n_skills)
        lines = np.concatenate([basic.intercepts, basic.slopes])

        def logistic(weights: Array, terms: Array) -> Array:
            return inverse(design(weights, terms) @ lines @ basic.loadings.T + basic.offsets, data.score_floor)

        return logistic, basic.objective, basic.loadings.shape[1]

    def _slopes(self, families: Array, terms: Array) -> Array:
        """Terms once per slope, shared by the families' weights; shape (n_models, n_slopes * p)."""
        return (families[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = self._terms(queries)
        able = np.flatnonzero(np.isfinite(terms).all(axis=1))
        if not self.fits_ or not len(able):
            return NormalPredictive(mean, sd, basis)
        weights, who = self.kin_.weights(queries.iloc[able])
        slopes = self.slopes_.weights(queries.iloc[able])[0]
        strange = np.flatnonzero((who != "family") & (self.intercept == "family"))
        for benchmarks, curve in self.fits_:
            at = np.ix_(able, benchmarks)
            mean[at] = curve(weights, self._slopes(slopes, terms[able]))
            spread = np.tile(self.sd_[benchmarks], (len(able), 1))
            if len(strange) and self.kin_.n_intercepts > 1:
                # as each family in turn would do: the spread over families at the query's own size and tokens
                everyone = np.eye(self.kin_.n_intercepts)
                for i in strange:
                    own = everyone if self.slope == "family" else np.ones((len(everyone), 1))
                    as_each = curve(everyone, self._slopes(own, np.tile(terms[able][i], (len(everyone), 1))))
                    spread[i] = np.sqrt(spread[i] ** 2 + as_each.var(axis=0, ddof=1))
            sd[at] = spread
            basis[at] = who[:, None]
        return NormalPredictive(mean, sd, basis)


def _among(shares: Array, seen: NDArray[np.intp]) -> Array:
    """Split what belongs to families (m, F, k) that were not seen evenly among those that were; shape (m, F' * k)."""
    own = shares[:, seen]
    lost = shares.sum(axis=1, keepdims=True) - own.sum(axis=1, keepdims=True)
    return (own + lost / len(seen)).reshape(len(shares), -1)
