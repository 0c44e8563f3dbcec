"""Sloth (Maia Polo et al. 2024) as a forecaster: skills from size, tokens and family, scores from skills.

Exactly the paper's objective, by an optimiser of ours or by the paper's. The paper gives no intervals: ours are normal
with the residual spread of each benchmark, and the spread of the families' intercepts on top for a family that was not
seen.
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
from obslaws.peers.monotone import fit_monotone
from obslaws.peers.stages import first_stage, second_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

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
    inputs : {"size-tokens", "compute"}
        What skills are a function of.
    joint : bool
        Whether the benchmarks share skills; if not, each is fitted alone with one skill.
    random_state : int
        Of the networks before training; with ``search="adam"`` of the random start too.
    search : {"gauss-newton", "adam"}
        How the minimum is sought. Ours is damped Gauss-Newton from fixed starts. ``"adam"`` is the authors' procedure,
        see `obslaws.peers.adam`: both stages from a random start, at three rates, the lowest training error kept. With
        the learned link it ends lower and nearer to the authors' errors, and takes 3 to 10 s a fit.

    Attributes
    ----------
    fits_ : list of (ndarray of int, callable)
        Benchmarks and the function from designs to their scores, one entry per fit.
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
        search: str = "gauss-newton",
    ) -> None:
        if n_skills < 1:
            raise UsageError(f"sloth: n_skills is {n_skills}; expected 1 or more.")
        self.n_skills = n_skills
        self.intercept = choose(self.name, "intercept", intercept, ("family", "shared"))
        self.link = choose(self.name, "link", link, ("trained", "logistic"))
        self.inputs = choose(self.name, "inputs", inputs, ("size-tokens", "compute"))
        self.joint = joint
        self.random_state = random_state
        self.search = choose(self.name, "search", search, ("gauss-newton", "adam"))

    def _terms(self, models: pd.DataFrame) -> Array:
        return translog(models) if self.inputs == "size-tokens" else np.log(10.0) * compute_terms(models)

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        # one order for every panel of the same models: a long descent may end elsewhere when sums round differently
        order = np.argsort(panel.models.index.to_numpy(dtype=str), kind="stable")
        models = complete_queries(panel.models.iloc[order])
        terms, scores = self._terms(models), panel.scores.to_numpy(dtype=float)[order]
        rows = np.isfinite(terms).all(axis=1) & np.isfinite(scores).any(axis=1)
        self.fits_: list[tuple[NDArray[np.intp], Callable[[Array], Array]]] = []
        self.sd_ = self.fallback_.sd.copy()
        self.between_ = np.zeros(0)
        if not rows.any():
            return
        models, terms, scores = models.iloc[np.flatnonzero(rows)], terms[rows], scores[rows]
        self.kin_ = Kin.learn(models, self.intercept == "shared")
        floor = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)
        learnt = np.flatnonzero(np.isfinite(scores).any(axis=0))
        losses = []
        for at in [learnt] if self.joint else learnt[:, None]:
            here = np.isfinite(scores[:, at]).any(axis=1)
            data = Factors(scores[here][:, at], terms[here], self.kin_.family[here], floor[at])
            curve, loss, n_skills = self._curve(data)
            self.fits_.append((at, curve))
            losses.append(loss)
            errors = data.scores - curve(self._design(np.eye(self.kin_.n_intercepts)[data.family], data.covariates))
            paid = n_skills * (len(np.unique(data.family)) + terms.shape[1]) / len(at) + n_skills + 1
            left = np.isfinite(errors).sum(axis=0) - paid
            spread = np.sqrt(np.nansum(errors**2, axis=0) / np.maximum(left, 1.0))
            self.sd_[at] = np.where(left >= 1, spread, self.sd_[at])
        self.objective_ = float(np.mean(losses))

    def _curve(self, data: Factors) -> tuple[Callable[[Array], Array], float, int]:
        """Fit one group of benchmarks: function from designs to scores, Huber's loss, number of skills."""
        seen, family = np.unique(data.family, return_inverse=True)
        data = Factors(data.scores, data.covariates, family, data.score_floor)
        n_intercepts = self.kin_.n_intercepts
        adam = self.search == "adam"
        if adam:
            basic = first_stage(data, self.n_skills, self.random_state)
        else:
            basic = fit_low_rank(data, self.n_skills)
        keep = np.concatenate([seen, n_intercepts + np.arange(data.covariates.shape[1])])

        def narrow(design: Array) -> Array:
            """Give a family that this group of benchmarks has not seen the mean of those that it has."""
            own = design[:, seen]
            lost = 1.0 - own.sum(axis=1, keepdims=True)
            return np.concatenate([own + lost / len(seen), design[:, keep[len(seen) :]]], axis=1)

        if self.link == "trained":
            trained = (second_stage if adam else fit_monotone)(data, basic, self.random_state)
            return lambda design: trained.scores(narrow(design)), trained.objective, basic.loadings.shape[1]
        weights = np.concatenate([basic.intercepts, basic.slopes])
        return (
            lambda design: inverse(narrow(design) @ weights @ basic.loadings.T + basic.offsets, data.score_floor),
            basic.objective,
            basic.loadings.shape[1],
        )

    def _design(self, weights: Array, terms: Array) -> Array:
        return np.concatenate([weights, terms], axis=1)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = self._terms(queries)
        able = np.flatnonzero(np.isfinite(terms).all(axis=1))
        if not self.fits_ or not len(able):
            return NormalPredictive(mean, sd, basis)
        weights, who = self.kin_.weights(queries.iloc[able])
        strange = np.flatnonzero((who != "family") & (self.intercept == "family"))
        for benchmarks, curve in self.fits_:
            at = np.ix_(able, benchmarks)
            mean[at] = curve(self._design(weights, terms[able]))
            spread = np.tile(self.sd_[benchmarks], (len(able), 1))
            if len(strange) and self.kin_.n_intercepts > 1:
                # as each family in turn would do: the spread over families at the query's own size and tokens
                everyone = np.eye(self.kin_.n_intercepts)
                for i in strange:
                    as_each = curve(self._design(everyone, np.tile(terms[able][i], (len(everyone), 1))))
                    spread[i] = np.sqrt(spread[i] ** 2 + as_each.var(axis=0, ddof=1))
            sd[at] = spread
            basis[at] = who[:, None]
        return NormalPredictive(mean, sd, basis)
