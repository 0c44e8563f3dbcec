"""The default forecaster: latent skills with nested family effects, one configuration for every table.

Nothing is for the user to choose: variances by empirical Bayes, which also shrinks skills that a table does not
support; the stretch of the intervals by forecasts replayed inside the training data.
"""

from __future__ import annotations

import copy
import dataclasses
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np
import pandas as pd
from threadpoolctl import ThreadpoolController

from obslaws.errors import UsageError
from obslaws.forecasters.base import Forecaster, complete_columns, complete_queries
from obslaws.forecasters.large import LargePredictive, is_large, posterior
from obslaws.forecasters.nested import by_family, kin_names, nesting_of
from obslaws.forecasters.new_benchmark import LEAST, NewBenchmark, WithNew
from obslaws.forecasters.stretch import Stretch
from obslaws.forecasters.told import Told, checked_scores, rows_of
from obslaws.panel import Panel
from obslaws.skill.covariates import CovariateScale, Siblings, raw_covariates
from obslaws.skill.doubt import curve_doubt
from obslaws.skill.fit import Fit, fit_skills
from obslaws.skill.floors import credible_floor
from obslaws.skill.posterior import LatentPredictive, condition
from obslaws.skill.predict import Relatives, logits
from obslaws.skill.problem import Data, Priors
from obslaws.skill.sparse_fit import SparseFit, fit_cells
from obslaws.skill.sparse_surface import SparseSurface
from obslaws.skill.surface import DenseSurface
from obslaws.skill.update import Kin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.forecasters.told import Name
    from obslaws.skill.covariates import Columns
    from obslaws.skill.predict import JointLogits
    from obslaws.skill.sparse_update import SparseUpdate
    from obslaws.skill.surface import Surface
    from obslaws.skill.update import Update

    Array = NDArray[np.float64]

__all__ = ["SkillForecaster"]

_MOST_SKILLS = 4  # empirical Bayes shrinks those that a table does not support
_SPARSE = 0.5  # share of cells below which one of the fits does with a skill less: docs/backtests.md, "Sparse boards"
_FIRMER = 3.0  # sd of ceilings in one fit over that in the other: docs/backtests.md, "Room above the best models"
_FEW, _SPARING = 20, 0.25  # scores of a benchmark, and their share of the median's: docs/skills.md, "A new benchmark"
_DRAWS = 400  # of the parameters of a benchmark with few scores, per fit
_MOST_KNOWN = 3  # few families are larger; their intervals are stretched as those of a family with three known models


class SkillForecaster(Forecaster):
    """Latent-skill model with estimated shrinkage, ceilings and intervals.

    Parameters
    ----------
    n_skills : int, optional
        Number of skills; by default four, or one fewer than there are benchmarks.
    priors : Priors, optional
        Weak priors of the fit.
    calibrate : bool
        Whether intervals are stretched by replayed forecasts.
    tol : float
        A fit stops when three rounds raise its evidence by no more, log units.
    few : int
        A benchmark with at most so many scores, and at most a quarter of what the median one has, is forecast as a new
        one for all models with scores on others: its curve is learned apart, with what theirs are like. 0 for none.

    Attributes
    ----------
    fits_ : list of Fit
        The fits that are averaged.
    weights_ : ndarray of shape (n_fits,)
        Their weights.
    is_large_ : bool
        Whether the panel was too large for the solver that keeps every covariance, and the sparse one took over.
    surfaces_ : list of Surface
        What each fit says of families, benchmarks and skills.
    stretch_ : Stretch
        Factors on the spread of intervals, learned as forecasts ask for them.
    few_ : ndarray of int
        Benchmarks that are forecast as new ones.

    Examples
    --------
    >>> from obslaws.simulate import simulate_panel
    >>> panel = simulate_panel(n_families=8, random_state=0).panel
    >>> SkillForecaster().fit(panel).forecast(panel.models.tail(1)).shape
    (6, 8)
    """

    name: ClassVar[str] = "skill"

    def __init__(
        self,
        n_skills: int | None = None,
        priors: Priors | None = None,
        calibrate: bool = True,
        tol: float = 0.5,
        few: int = _FEW,
    ) -> None:
        self.n_skills = n_skills
        self.priors = priors
        self.calibrate = calibrate
        self.tol = tol
        self.few = few

    def _fit(self, panel: Panel) -> None:
        # thousands of small products: threads cost more than they bring, and move the last bits
        with _libraries().limit(limits=1, user_api="blas"):
            self._fit_panel(panel)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> LatentPredictive | WithNew:
        with _libraries().limit(limits=1, user_api="blas"):
            joint = self._predictive(queries, scores)
            if not len(self.few_) or self.told_.models:
                return joint
            # checked on models that the fit has other scores of; what is told since moves the joint posterior alone
            fitted = self.fractions_.scores.reindex(queries.index).notna().to_numpy()
            rows = np.flatnonzero(fitted.any(axis=1) & ~(scores.notna().to_numpy() & ~fitted).any(axis=1))
            if not len(rows):
                return joint
            drawn = {j: one.scores(queries.iloc[rows]) for j, one in self._new_benchmarks().items()}
        n_benchmarks = scores.shape[1]
        return WithNew(joint, np.arange(n_benchmarks), drawn, rows, n_benchmarks)

    def plain(self) -> Self:
        """Give the same fit with all benchmarks forecast from the joint posterior, those with few scores too."""
        out = copy.copy(self)
        out.few_ = self.few_[:0]
        return out

    def _with_few(self, count: NDArray[np.intp]) -> NDArray[np.intp]:
        """Choose the benchmarks that have few scores, by how many each has; none where too few others are left."""
        found = np.flatnonzero((count > 0) & (count <= min(self.few, _SPARING * np.median(count[count > 0]))))
        return found if len(count) - len(found) >= LEAST else found[:0]

    def _new_benchmarks(self) -> dict[int, NewBenchmark]:
        """Learn benchmarks with few scores from skills that the others tell, once a forecast asks for them."""
        if not self._new:
            panel = self.fractions_
            names = list(panel.scores.columns)
            others = panel.select(benchmarks=[name for j, name in enumerate(names) if j not in self.few_])
            skill = SkillForecaster(self.n_skills, self.priors, calibrate=False, tol=self.tol, few=0).fit(others)
            self._new |= {int(j): NewBenchmark.learn(skill, panel, names[j], _DRAWS, 0) for j in self.few_}
        return self._new

    def _fit_panel(self, panel: Panel) -> None:
        panel = by_family(panel)
        models = complete_queries(panel.models)
        self.siblings_ = Siblings.learn(models)
        raw = raw_covariates(models, self.siblings_)
        self.scale_ = CovariateScale.learn(raw)
        covariates, unknown = self.scale_.apply(raw)
        self.family_index_, self.base_index_, self.lab_index_, nesting = nesting_of(models)
        benchmarks = panel.benchmarks
        n_items, ceiling = (
            benchmarks[name].to_numpy(dtype=float) if name in benchmarks else np.full(len(benchmarks), np.nan)
            for name in ("n_items", "ceiling")
        )
        scores = panel.scores.to_numpy(dtype=float)
        self.data_ = Data(
            scores,
            covariates,
            unknown,
            credible_floor(scores, benchmarks["score_floor"].to_numpy(dtype=float)),
            np.where(np.isnan(n_items), np.inf, n_items),
            nesting,
            raw[:, 0] / np.log(2.0),
            ceiling,
        )
        self.row_ = {model: row for row, model in enumerate(panel.models.index)}
        self.fits_ = self._fits()
        self.weights_ = np.full(len(self.fits_), 1.0 / len(self.fits_))
        # a large fit stands in for a dense one, see `_fits`
        self.surfaces_: list[Surface] = [
            SparseSurface(fit) if isinstance(fit, SparseFit) else DenseSurface(fit)
            for fit in cast("list[Fit | SparseFit]", self.fits_)
        ]
        # fits that are repeated for their errors need not be as close to the end
        blank = SkillForecaster(self.n_skills, self.priors, False, 10.0 * self.tol, 0) if self.calibrate else None
        self.stretch_ = Stretch(self.fits_, self.weights_, self.data_.size, panel, blank)
        scored = np.asarray(np.isfinite(self.data_.scores).any(axis=1))
        self._n_known = np.bincount(nesting.family[scored], minlength=nesting.n_families)
        self._scored = scored
        self._column = {name: j for j, name in enumerate(panel.scores.columns)}
        self._names = kin_names(panel.models.index, models)
        base = nesting.base_of_model
        kin = nesting.family, base, nesting.lab[base]
        self._fitted = Relatives(np.arange(len(models)), *kin, self.data_.size, covariates, unknown)
        self.told_ = Told.nothing(self.fits_, self.data_.n_items, self._fitted)
        self.few_, self._new = self._with_few(np.isfinite(scores).sum(axis=0)), dict[int, NewBenchmark]()

    def _fits(self) -> list[Fit]:
        """Two fits that differ in everything that a table cannot settle.

        One lets floors lie below the score of guessing, since weak models do score there on some benchmarks, and takes
        size x tokens into account; the other holds floors at guessing and ceilings near where they usually lie, does
        without the product, and counts what integrating the skills leaves on the room between floor and ceiling. Their
        average is steadier than either. Where most cells are missing the number of skills is another such thing: the
        first does with one less.
        """
        free = self.priors or Priors()
        seen = np.isfinite(self.data_.scores)
        n_skills = self.n_skills or max(1, min(_MOST_SKILLS, seen.shape[1] - 1))
        additive = self.scale_.columns(["size x tokens"])
        held = dataclasses.replace(
            free,
            floor_logit=8.0,
            floor_logit_sd=1e-3,
            ceiling_logit_sd=free.ceiling_logit_sd / _FIRMER,
            known_ceiling_logit_sd=free.known_ceiling_logit_sd / _FIRMER,
            room_weight=1.0,
            without=additive,
        )
        self.is_large_ = is_large(self.data_, n_skills)
        if self.is_large_:
            large = fit_cells(self.data_, n_skills, free)
            # stands in for the dense fits: `surfaces_` answer for either kind
            return cast("list[Fit]", [large, fit_cells(self.data_, n_skills, held, start=large)])
        if self.n_skills is None and n_skills > 1 and seen[:, seen.any(axis=0)].mean() < _SPARSE:
            return [fit_skills(self.data_, d, p, tol=self.tol) for d, p in ((n_skills - 1, free), (n_skills, held))]
        first = fit_skills(self.data_, n_skills, free, tol=self.tol)
        return [first, fit_skills(self.data_, n_skills, held, tol=self.tol, start=first)]

    def update(self, scores: pd.DataFrame, models: pd.DataFrame | None = None) -> Self:
        """Tell new scores, of known models or of new ones, without a refit.

        All models that share skills, family or base family with those told of move as well, and so do the benchmarks'
        parameters. What does not move: the variances, and what siblings of nearly the same size carry over. On a large
        panel (`is_large_`) only the base families of those told of move.

        Parameters
        ----------
        scores : DataFrame of shape (n_models, n_benchmarks)
            Indexed by model; any benchmarks of the panel, fractions or in their units, NaN where not told.
        models : DataFrame, optional
            Covariates (as the queries of `forecast`) of the models that the panel does not hold.

        Returns
        -------
        SkillForecaster
            A fitted forecaster that knows the scores; this one stays as it is.

        Raises
        ------
        UnknownNameError, UsageError
            As `obslaws.forecasters.told.checked_scores`; or a new model of which nothing is told but its name, or two
            rows of one in `models`.
        """
        self._check_fitted()
        values, told = checked_scores(scores, self._column, self.units_), self.told_
        names = list(scores.index)
        row = np.array([self.row_.get(name, -1) for name in names])
        since = told.values(names)
        before = np.where(row[:, None] >= 0, self.data_.scores[row], since)
        before = np.where(np.isnan(before), since, before)
        again = np.argwhere(np.isfinite(values) & np.isfinite(before))
        if len(again):
            at, j = again[0]
            raise UsageError(
                f"update: {names[at]!r} has a score on {list(self._column)[j]!r} already. An update adds scores; to "
                "replace one, change the panel and fit again."
            )
        who, kinship = self._places(names, row, models)
        is_new = np.array([at < 0 or not self._scored[at] for at in row])
        out = copy.copy(self)
        out.told_ = told.add(kinship, who, is_new, values)
        return out

    def _places(
        self, asked: list[str], row: NDArray[np.intp], models: pd.DataFrame | None
    ) -> tuple[Relatives, list[Name]]:
        """Collect what the fit, earlier updates, or `models` know of models to be told of, and their families."""
        told = self.told_
        places: dict[str, tuple[Relatives, Sequence[Name], int]] = {
            name: (self._fitted, self._names, at) if at >= 0 else (told.who, told.models, told.row.get(name, -1))
            for name, at in zip(asked, row, strict=True)
        }
        new = [name for name, (*_, at) in places.items() if at < 0]
        if new:
            given = {} if models is None else rows_of(models.index)
            strange = [name for name in new if name not in given]
            if models is None or strange:
                raise UsageError(f"update: nothing is known of {strange[0]!r}; give its family and size with `models`.")
            queries = complete_columns(models, [given[name] for name in new])
            names = kin_names(new, queries)
            who = self._relatives(names, queries)
            places |= {name: (who, names, at) for at, name in enumerate(new)}
        first, *others = (who.take(np.array([at])) for who, _, at in places.values())
        return first.join(*others), [names[at] for _, names, at in places.values()]

    def relatives(self, queries: pd.DataFrame) -> Relatives:
        """Tell what the fit knows of models: themselves, their families, base families, labs and covariates.

        Parameters
        ----------
        queries : DataFrame of shape (n, n_covariates)
            With all covariate columns.

        Returns
        -------
        Relatives
        """
        columns = complete_columns(queries)
        return self._relatives(kin_names(queries.index, columns), columns)

    def kin(self, models: pd.DataFrame) -> Kin:
        """Tell what the fit knows of models, and which of what it does not know they share.

        Parameters
        ----------
        models : DataFrame of shape (n, n_covariates)
            With all covariate columns.

        Returns
        -------
        Kin
        """
        labels = [pd.factorize(np.asarray(column))[0] for column in zip(*kin_names(models.index, models), strict=True)]
        return Kin(self.relatives(models), *labels)

    def joint(self, who: Relatives) -> list[JointLogits]:
        """Joint posterior of each model's logits under each fit, before any score that the fit has not seen.

        Parameters
        ----------
        who : Relatives
            From `relatives`.

        Returns
        -------
        list of JointLogits
            One per fit.
        """
        return [surface.joint(who) for surface in self.surfaces_]

    def _relatives(self, names: list[Name], queries: Columns) -> Relatives:
        """Do as `relatives`, for models whose names and covariates were read already."""
        raw = raw_covariates(queries, self.siblings_)
        covariates, unknown = self.scale_.apply(raw)
        indices = self.row_, self.family_index_, self.base_index_, self.lab_index_
        places = [[index.get(n, -1) for index, n in zip(indices, kin, strict=True)] for kin in names]
        row, family, base, lab = np.array(places, dtype=np.intp).reshape(-1, 4).T
        return Relatives(row, family, base, lab, raw[:, 0] / np.log(2.0), covariates, unknown)

    def _predictive(self, queries: pd.DataFrame, scores: pd.DataFrame) -> LatentPredictive:
        known = scores.to_numpy(dtype=float)
        columns, told = complete_columns(queries), self.told_
        names = kin_names(queries.index, columns)
        who = self._relatives(names, columns)
        row, family, base = who.row, who.family, who.base
        since = told.values(queries.index)
        fitted = np.where(row[:, None] >= 0, self.data_.scores[np.maximum(row, 0)], np.nan)
        fresh = np.where(np.isnan(fitted) & np.isnan(since), known, np.nan)  # what neither fit nor update has seen
        kin = told.kin(names, who)
        # a score on a part of the questions says less; the panel's own scores are on all of them
        n_items = scores.attrs.get("n_items", {})
        asked = np.fmin(self.data_.n_items, np.array([n_items.get(name, np.nan) for name in self._column], dtype=float))
        if self.is_large_:
            parts = [posterior(update, kin, fresh, asked) for update in cast("list[SparseUpdate]", told.updates)]
        else:
            parts = [self._logits(kin, fresh, asked, update) for update in cast("list[Update]", told.updates)]
        asymptotes = [update.asymptotes for update in told.updates]
        own = np.isfinite(known).any(axis=1) | np.isfinite(since).any(axis=1)
        n_told, n_kin = told.count(columns["family"], 1), told.count(columns["base_family"], 2)
        by_family, by_base = (family >= 0) | (n_told > 0), (base >= 0) | (n_kin > 0)
        by_lab = (who.lab >= 0) | (told.count([lab for *_, lab in names], 3) > 0)
        by_lab &= not self.is_large_  # a large fit leaves labs out
        basis = np.select(
            [own, by_family, by_base, by_lab], ["own scores", "family", "base family", "lab"], "pooled"
        )  # fmt: skip
        n_known = np.where(
            by_family,
            np.where(family >= 0, self._n_known[np.maximum(family, 0)], 0) + n_told,
            np.where(by_base, 1, 0),
        )
        n_given = (np.isfinite(fresh) | np.isfinite(since)).sum(axis=1)
        is_fitted = np.asarray(np.isfinite(fitted).any(axis=1))
        is_between = np.zeros(known.shape, dtype=bool)
        if not self.is_large_:
            is_between = self.fits_[0].residuals.enclose(family, who.size)
        stretch = self.stretch_.factors(np.minimum(n_known, _MOST_KNOWN), n_given, queries, is_fitted, is_between)
        shift = self.stretch_.shifts(n_given, queries)[:, None]
        parts = [(logit + shift * sd, sd) for logit, sd in parts]
        sd, open_var = np.stack([sd for _, sd in parts]), None
        if not self.is_large_:
            doubt, open_var = self._doubt(row, np.isfinite(fitted) | np.isfinite(since) | np.isfinite(known))
            sd = np.sqrt(sd**2 + doubt)
        answered = np.isfinite(self.data_.scores).any(axis=0) | np.isfinite(known).any(axis=0)
        answered |= np.isfinite(told.scores).any(axis=0)
        return (LargePredictive if self.is_large_ else LatentPredictive)(
            np.stack([logit for logit, _ in parts]), sd,
            np.stack([floor for floor, _ in asymptotes]), np.stack([ceiling for _, ceiling in asymptotes]),
            np.stack([f.variances.noise for f in self.fits_]), self.weights_, self.data_.n_items,
            self.fits_[0].problem.priors.dof,
            stretch, np.where(answered, basis[:, None], "none"),
            open_var,
        )  # fmt: skip

    def _doubt(self, row: NDArray[np.intp], told: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Doubt about the curves, of scored models where their score is not known; shapes (K, n, J)."""
        out = np.zeros((2, len(self.fits_), *told.shape))
        seen = np.flatnonzero((row >= 0) & self._scored[np.maximum(row, 0)])
        for k, fit in enumerate(self.fits_ if len(seen) else []):
            out[:, k, seen] = curve_doubt(fit, row[seen])
        return out[0] * ~told, out[1] * ~told

    def _logits(self, kin: Kin, fresh: Array, asked: Array, update: Update) -> tuple[Array, Array]:
        """Posterior mean and sd of the queries' logits under one fit and what was told since; shapes (n, J)."""
        fit = update.fit
        mean, cov = update.apply(*logits(fit, kin.who), kin)
        noise, dof = fit.variances.told_noise, fit.problem.priors.dof
        mean, cov = condition(mean, cov, fresh, *update.asymptotes, noise, asked, dof)
        return mean, np.sqrt(np.maximum(np.einsum("mjj->mj", cov), 1e-12))


@cache
def _libraries() -> ThreadpoolController:
    """Find the libraries that may start threads, once: the search takes milliseconds."""
    return ThreadpoolController()
