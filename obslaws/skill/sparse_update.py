"""Scores that come after a fit to a large panel: the base families that they speak of are placed anew.

The counterpart of `obslaws.skill.update` where no joint posterior is kept. In: a fit, and scores told since with what
the fit knows of their models. Out: logits of any model. Skills, effects and own intercepts of a base family of which
something was told are fitted again to all of its scores, those of models and families that the fit has never seen
among them. Benchmark parameters, slopes and variances stay: one base family among thousands does not move them. Called
by the forecaster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from obslaws.skill.predict import Relatives
from obslaws.skill.sample import part_of
from obslaws.skill.sparse import SparseProblem
from obslaws.skill.sparse_predict import Logits, logits_of, placed
from obslaws.skill.state import told_noise
from obslaws.skill.tree import Nesting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.sparse_fit import SparseFit
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["SparseUpdate"]


@dataclass(frozen=True)
class SparseUpdate:
    """Observations told to one fit to a large panel; n of them so far.

    Parameters
    ----------
    fit : SparseFit
    kin : Kin
        Model of each observation.
    benchmark : ndarray of int, shape (n,)
    scores : ndarray of shape (n,)
        Fractions.
    part : Part, optional
        The base families that they speak of; none before anything was told.
    """

    fit: SparseFit
    kin: Kin
    benchmark: Index
    scores: Array
    part: Part | None = None

    @classmethod
    def nothing(cls, fit: SparseFit, kin: Kin) -> Self:
        """No observation yet; `kin` is any models, of which none is taken."""
        none = np.zeros(0, dtype=np.intp)
        return cls(fit, kin.take(none), none, np.zeros(0))

    def told(self, kin: Kin, benchmark: Index, scores: Array) -> Self:
        """Add observations; see `obslaws.skill.update.Update.told`."""
        grown = replace(
            self,
            kin=self.kin.join(kin),
            benchmark=np.concatenate([self.benchmark, benchmark]),
            scores=np.concatenate([self.scores, scores]),
        )
        return replace(grown, part=Part.of(grown))

    @property
    def asymptotes(self) -> tuple[Array, Array]:
        """Floor and ceiling of each benchmark, fractions; each of shape (J,)."""
        return self.fit.floors, self.fit.ceilings

    def logits(self, kin: Kin) -> Logits:
        """Posterior of the logits of models, given all that was told."""
        found = logits_of(self.fit, kin.who)
        if self.part is None:
            return found
        who = self.part.relatives(kin)
        here = np.flatnonzero(who.base >= 0)
        return found.with_rows(here, logits_of(self.part.fit, who.take(here)))


@dataclass(frozen=True)
class Part:
    """Some base families, fitted apart from the rest.

    Parameters
    ----------
    fit : SparseFit
        Of these alone.
    nesting : Nesting
        Of the whole panel.
    models, families, bases : tuple of ndarray of int
        Who stands in the part, in its order: rows of the whole panel, then labels of what that does not know; each
        ascending.
    """

    fit: SparseFit
    nesting: Nesting
    models: tuple[Index, Index]
    families: tuple[Index, Index]
    bases: tuple[Index, Index]

    @classmethod
    def of(cls, update: SparseUpdate) -> Self:
        """Place everyone anew whom what was told may move."""
        whole, who, kin = update.fit.problem.data, update.kin.who, update.kin
        base = _known_base(who, whole.nesting)
        rows, families, data = part_of(whole, np.unique(base[base >= 0]))
        (new, first), (new_families, of_family), (new_bases, _) = (
            _unknown(known, label)
            for known, label in ((who.row, kin.model), (who.family, kin.family), (base, kin.base))
        )
        part = cls(
            update.fit, whole.nesting, (rows, new), (families, new_families), (np.unique(base[base >= 0]), new_bases)
        )
        here, nesting = part.relatives(kin), data.nesting
        n, shape = len(rows), (len(rows) + len(new), data.scores.shape[1])
        scores, doubt = np.full(shape, np.nan), np.ones(shape)
        scores[:n] = data.scores
        scores[here.row, update.benchmark] = update.scores
        doubt[here.row, update.benchmark] = told_noise(doubt[here.row, update.benchmark])
        grown = replace(
            data,
            scores=scores,
            covariates=np.concatenate([data.covariates, who.covariates[first]]),
            covariate_cov=np.concatenate([data.covariate_cov, who.covariate_cov[first]]),
            size=np.concatenate([data.size, who.size[first]]),
            nesting=Nesting(
                np.concatenate([nesting.family, here.family[first]]),
                np.concatenate([nesting.base, here.base[of_family]]),
                np.arange(len(part.bases[0]) + len(new_bases)),  # labs are left out
            ),
        )
        fit = update.fit
        return replace(part, fit=placed(fit, SparseProblem(grown, fit.n_skills, fit.problem.priors, doubt)))

    def relatives(self, kin: Kin) -> Relatives:
        """Tell what the part knows of models."""
        who = kin.who
        return replace(
            who,
            row=_place(who.row, kin.model, *self.models),
            family=_place(who.family, kin.family, *self.families),
            base=_place(_known_base(who, self.nesting), kin.base, *self.bases),
        )


def _known_base(who: Relatives, nesting: Nesting) -> Index:
    """Give the base family that the whole panel knows models by, -1 for none; shape (n,)."""
    return np.where(who.family >= 0, nesting.base[who.family], who.base)


def _unknown(known: Index, label: Index) -> tuple[Index, Index]:
    """Labels of what is not known, ascending, and who bears each first."""
    at = np.flatnonzero(known < 0)
    labels, first = np.unique(label[at], return_index=True)
    return labels, at[first]


def _place(known: Index, label: Index, held: Index, new: Index) -> Index:
    """Where each stands: among those held if it is known, else behind them by its label; -1 for neither."""
    beyond = _found(label, new)
    return np.where(known >= 0, _found(known, held), np.where(beyond >= 0, len(held) + beyond, -1))


def _found(values: Index, ascending: Index) -> Index:
    if not len(ascending):
        return np.full(len(values), -1)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.where(ascending[at] == values, at, -1)
