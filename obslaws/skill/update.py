"""Scores that come after the fit: told to the joint posterior of all models, without a refit.

A fit leaves one normal distribution over the skills of all models, the effects of families, base families and labs, own
intercepts, slopes and benchmark parameters. A new score is one more observation of it: one solve with the eliminated
system tells how everything else moves with what was observed. A score speaks of the logit and of the benchmark's
asymptotes together, so what is observed is their tilted sum: the logit, plus the asymptotes in units of the logit, by
their slopes where the fit expects the score. Models, families, base families and labs that the fit has never seen
enter through their priors. Called by the forecaster; `obslaws.skill.predict` gives the prior logits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from obslaws.links import logistic
from obslaws.skill.combinations import Combinations, Covariances
from obslaws.skill.posterior import settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.predict import Relatives

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Kin", "Update", "skills_of"]


@dataclass(frozen=True)
class Kin:
    """Models, and which of what the fit does not know they share.

    Parameters
    ----------
    who : Relatives
        What the fit knows of each of n models.
    model, family, base, lab : ndarray of int, shape (n,)
        Labels: two models of one label are the same model, of the same family, base family, lab. Read only where the
        fit does not know model, family, base family or lab.
    """

    who: Relatives
    model: Index
    family: Index
    base: Index
    lab: Index

    def __len__(self) -> int:
        return len(self.model)

    def take(self, rows: Index) -> Kin:
        """Take some of the models, in the order of `rows`."""
        return Kin(self.who.take(rows), self.model[rows], self.family[rows], self.base[rows], self.lab[rows])

    def join(self, other: Kin) -> Kin:
        """Put the others behind these models."""
        labels = ((getattr(self, n), getattr(other, n)) for n in ("model", "family", "base", "lab"))
        return Kin(self.who.join(other.who), *(np.concatenate(pair) for pair in labels))


@dataclass(frozen=True)
class Update:
    """Observations told to one fit after it was made; n of them so far.

    Parameters
    ----------
    fit : Fit
    n_items : ndarray of shape (J,)
    kin : Kin
        Model of each observation.
    benchmark : ndarray of int, shape (n,)
    scores : ndarray of shape (n,)
        Fractions.
    solved : Covariances
        How models, families, base families, labs and shared parameters move with each observation.
    tilt : ndarray of shape (n, 2)
        What ceiling and floor logits add to the observed logit.
    mean : ndarray of shape (n,)
        Observed logits as the fit expects them.
    cov : ndarray of shape (n, n)
        Covariance of the tilted logits before any was observed.
    pull : ndarray of shape (n,)
        What each observation adds to everything that moves with it.
    worth : ndarray of shape (n, n)
        What the observations together take from the covariance.
    """

    fit: Fit
    n_items: Array
    kin: Kin
    benchmark: Index
    scores: Array
    solved: Covariances
    tilt: Array
    mean: Array
    cov: Array
    pull: Array
    worth: Array

    @classmethod
    def nothing(cls, fit: Fit, n_items: Array, kin: Kin) -> Self:
        """No observation yet; `kin` is any models, of which none is taken."""
        none, at = np.zeros(0), np.zeros(0, dtype=np.intp)
        return cls(
            fit, n_items, kin.take(at), at, none, Covariances.nothing(fit.system),
            np.zeros((0, 2)), none, np.zeros((0, 0)), none, np.zeros((0, 0)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.scores)

    def told(self, kin: Kin, benchmark: Index, scores: Array) -> Self:
        """Add observations.

        Parameters
        ----------
        kin : Kin
            Model of each of the k new observations.
        benchmark : ndarray of int, shape (k,)
        scores : ndarray of shape (k,)
            Fractions.

        Returns
        -------
        Update
            With n + k observations, all of them weighed anew: an outlier is only seen beside the others.
        """
        fit = self.fit
        all_kin = self.kin.join(kin)
        at, y = np.concatenate([self.benchmark, benchmark]), np.concatenate([self.scores, scores])
        skills, base = skills_of(fit, kin.who)
        mean = _expected(fit, kin.who, skills, base)[np.arange(len(kin)), benchmark]
        floor, ceiling = fit.problem.asymptotes(fit.state)
        tilt = _tilt(fit, mean, benchmark, floor[benchmark], ceiling[benchmark])
        new = Covariances.of(fit.system, _combinations(fit, kin.who, skills, base, benchmark, tilt))
        grown = replace(self, kin=all_kin, benchmark=at, scores=y, solved=self.solved.join(new))
        across = grown.covariance(kin)[np.arange(len(kin)), benchmark]  # (k, n + k)
        by_ceiling, by_floor = grown._with_asymptotes()
        across += tilt[:, :1] * by_ceiling[:, benchmark].T + tilt[:, 1:] * by_floor[:, benchmark].T
        n = len(self)
        cov = np.empty((len(y), len(y)))
        cov[:n, :n], cov[n:], cov[:n, n:] = self.cov, across, across[:, :n].T
        mean, tilt = np.concatenate([self.mean, mean]), np.concatenate([self.tilt, tilt])
        gap, noise, worth = settle(
            mean, cov, y, floor[at], ceiling[at], fit.variances.told_noise[at], self.n_items[at],
            fit.problem.priors.dof,
        )  # fmt: skip
        pull = np.asarray(np.linalg.solve(cov + np.diag(noise), gap), dtype=np.float64)
        taken = np.asarray(np.linalg.inv(cov + np.diag(worth)), dtype=np.float64)
        return replace(grown, tilt=tilt, mean=mean, cov=cov, pull=pull, worth=taken)

    @property
    def asymptotes(self) -> tuple[Array, Array]:
        """Floor and ceiling of each benchmark after all that was told, fractions; each of shape (J,)."""
        state = self.fit.state
        ceiling, floor = (moves.T @ self.pull for moves in self._with_asymptotes())
        moved = replace(state, ceiling_logits=state.ceiling_logits + ceiling, floor_logits=state.floor_logits + floor)
        return self.fit.problem.asymptotes(moved)

    def _with_asymptotes(self) -> tuple[Array, Array]:
        """Covariance of each observation with ceiling and floor logits, each of shape (n, J)."""
        shared, n_benchmarks = self.solved.shared, len(self.fit.state.loadings)
        return shared[:, -2 * n_benchmarks : -n_benchmarks], shared[:, -n_benchmarks:]

    def covariance(self, kin: Kin) -> Array:
        """Covariance of the logits of models with what was observed, before it was.

        Parameters
        ----------
        kin : Kin
            m models.

        Returns
        -------
        ndarray of shape (m, J, n)
        """
        fit, j = self.fit, self.benchmark
        loadings, intercepts = fit.state.loadings, fit.system.intercepts
        n_benchmarks, d = loadings.shape
        theta, base = skills_of(fit, kin.who)
        moved = _moved_skills(kin.who, base, self.solved)  # (n, m, d)
        shared = self.solved.shared
        by_loading = shared[:, intercepts.stop : intercepts.stop + n_benchmarks * d].reshape(-1, n_benchmarks, d)
        out = moved @ loadings.T + theta @ np.swapaxes(by_loading, 1, 2) + shared[:, None, intercepts]
        related = base >= 0
        out[:, related] += self.solved.bases(base[related])[:, :, d:]
        out = out.transpose(1, 2, 0)
        skills, own = _unseen(fit, kin, self.kin)
        out += np.swapaxes((skills @ loadings[j][:, :, None])[:, :, :, 0] @ loadings.T, 1, 2)
        at = np.arange(len(j))
        out[:, j, at] += own * fit.variances.own[j]
        return out

    def apply(self, mean: Array, cov: Array, kin: Kin) -> tuple[Array, Array]:
        """Condition the logits of models on all that was told.

        Parameters
        ----------
        mean : ndarray of shape (m, J)
        cov : ndarray of shape (m, J, J)
        kin : Kin
            The m models.

        Returns
        -------
        tuple of ndarray
            Means and covariances of the same shapes.
        """
        if not len(self):
            return mean, cov
        cross = self.covariance(kin)
        return mean + cross @ self.pull, cov - cross @ self.worth @ np.swapaxes(cross, 1, 2)


def skills_of(fit: Fit, who: Relatives) -> tuple[Array, Index]:
    """Expect skills of models, shape (m, d), with the base family that the fit knows them by, -1 for none."""
    state, nesting = fit.state, fit.system.nesting
    base = np.where(who.family >= 0, nesting.base[who.family], who.base)
    effect = np.where((who.lab >= 0)[:, None], state.lab[who.lab], 0.0)
    effect = np.where((base >= 0)[:, None], state.base[base], effect)
    effect = np.where((who.family >= 0)[:, None], state.family[who.family], effect)
    skills = np.where((who.row >= 0)[:, None], state.skills[who.row], effect + who.covariates @ state.slopes)
    return skills, base


def _moved_skills(who: Relatives, bases: Index, moves: Covariances) -> Array:
    """Covariances of the skills of m models with n observations, shape (n, m, d); base families from `skills_of`.

    As far as the fit knows them, by their nearest relative and their covariates.
    """
    n, d = moves.model_moves.shape
    out = np.empty((n, len(who), d))
    is_new, alone = who.row < 0, (who.row < 0) & (who.family < 0)
    parts = (
        (~is_new, moves.models, who.row),
        (is_new & ~alone, moves.families, who.family),
        (alone & (bases >= 0), moves.bases, bases),
        (alone & (bases < 0) & (who.lab >= 0), moves.labs, who.lab),
        (alone & (bases < 0) & (who.lab < 0), None, who.lab),
    )
    for chosen, of, rows in parts:
        if chosen.any():
            out[:, chosen] = 0.0 if of is None else of(rows[chosen])[:, :, :d]
    slopes = moves.shared[:, : who.covariates.shape[1] * d].reshape(n, -1, d)
    out[:, is_new] += who.covariates[is_new] @ slopes
    return out


def _expected(fit: Fit, who: Relatives, skills: Array, base: Index) -> Array:
    """Logits of models as the fit expects them, shape (m, J); skills and base families from `skills_of`."""
    state = fit.state
    own = np.where((base >= 0)[:, None], state.own[base], 0.0)
    carried = fit.residuals.carried(who.row, who.family, who.size)
    return state.intercepts + own + skills @ state.loadings.T + carried


def _tilt(fit: Fit, logit: Array, benchmark: Index, floor: Array, ceiling: Array) -> Array:
    """Ceiling and floor logits in units of the logit, by the slopes of the expected score; shape (n, 2)."""
    problem, state = fit.problem, fit.state
    share = logistic(logit)
    slope = np.maximum((ceiling - floor) * share * (1.0 - share), 1e-4)
    room = ceiling - problem.data.score_floor[benchmark]
    lift = share * room * (1.0 - logistic(state.ceiling_logits[benchmark]))
    sink = (1.0 - share) * floor * (1.0 - logistic(state.floor_logits[benchmark]))
    return np.column_stack([lift / slope, sink / slope])


def _combinations(fit: Fit, who: Relatives, skills: Array, bases: Index, benchmark: Index, tilt: Array) -> Combinations:
    """Write each model's tilted logit as a linear combination of the unknowns of the fit, for one benchmark each.

    Skills and base families of the models are those of `skills_of`.
    """
    (n_benchmarks, d), k, at = fit.state.loadings.shape, fit.system.n_slopes, np.arange(len(benchmark))
    weight, is_new = fit.state.loadings[benchmark], who.row < 0
    shared, own = np.zeros((len(at), len(fit.system.shared))), np.zeros((len(at), d + n_benchmarks))
    shared[is_new, :k] = (who.covariates[is_new, :, None] * weight[is_new, None, :]).reshape(-1, k)
    shared[at, k + benchmark] = 1.0
    shared[at[:, None], k + n_benchmarks + benchmark[:, None] * d + np.arange(d)] = skills
    shared[at, benchmark - 2 * n_benchmarks], shared[at, benchmark - n_benchmarks] = tilt.T
    own[at, d + benchmark] = 1.0
    alone = is_new & (who.family < 0)
    own[alone, :d] = weight[alone]
    by_family = np.where((is_new & (who.family >= 0))[:, None], weight, 0.0)
    lab = np.where(bases < 0, who.lab, -1)
    return Combinations(who.row, who.family, bases, lab, weight, by_family, own, weight, shared)


def _unseen(fit: Fit, left: Kin, right: Kin) -> tuple[Array, NDArray[np.bool_]]:
    """Tell what two models share unseen by it: covariance of skills (m, n, d, d), whether own intercepts (m, n)."""
    state, variances, nesting = fit.state, fit.variances, fit.system.nesting

    def unknown(kin: Kin) -> list[NDArray[np.bool_]]:
        who = kin.who
        base = np.where(who.family >= 0, nesting.base[who.family], who.base)
        return [who.row < 0, (who.row < 0) & (who.family < 0), base < 0, (base < 0) & (who.lab < 0)]

    (model, family, base, lab), (other_model, other_family, other_base, other_lab) = unknown(left), unknown(right)
    same = (left.model[:, None] == right.model) & model[:, None] & other_model
    kin = (left.family[:, None] == right.family) & family[:, None] & other_family
    top = (left.base[:, None] == right.base) & base[:, None] & other_base
    above = (left.lab[:, None] == right.lab) & lab[:, None] & other_lab
    own = variances.model + state.slopes.T @ right.who.covariate_cov @ state.slopes
    skills = same[:, :, None, None] * own
    skills = skills + kin[:, :, None, None] * variances.family
    both = top & family[:, None] & other_family
    skills = skills + both[:, :, None, None] * variances.base
    return skills + above[:, :, None, None] * variances.lab, top
