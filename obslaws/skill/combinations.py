"""Covariances of everything in an eliminated system with a few linear combinations of it, for the rows asked for.

In: a system, and combinations that lie along one branch of its tree each. Out: their covariances with the shared
parameters, and with whichever models, families, base families and labs are asked for later; those of all of them are
never formed. Called by updates, which tell the joint posterior new scores.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import spd_solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.tree import System

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Combinations", "Covariances"]


@dataclass(frozen=True)
class Combinations:
    """Sums of unknowns with coefficients, n of them; who takes part in one belongs to one another.

    Parameters
    ----------
    model, family, base, lab : ndarray of int, shape (n,)
        Row of the one model, family, base family, lab that takes part, -1 for none.
    by_model, by_family, by_lab : ndarray of shape (n, d)
        Their coefficients; not read for -1.
    by_base : ndarray of shape (n, q)
    shared : ndarray of shape (n, G)
        Coefficients of the shared parameters.
    """

    model: Index
    family: Index
    base: Index
    lab: Index
    by_model: Array
    by_family: Array
    by_base: Array
    by_lab: Array
    shared: Array


@dataclass(frozen=True)
class Covariances:
    """What n combinations have in common with everything else.

    Beyond what goes by the shared parameters, a combination moves only its own lab and what lies below.

    Parameters
    ----------
    system : System
    shared : ndarray of shape (n, G)
        Covariances with the shared parameters.
    model, family, base, lab : ndarray of int, shape (n,)
        The branch of each combination, down to where it takes part; -1 beyond.
    model_moves, family_moves, base_moves, lab_moves : ndarray of shape (n, d), for base families (n, q)
        What each adds there to what follows from above.
    """

    system: System
    shared: Array
    model: Index
    family: Index
    base: Index
    lab: Index
    model_moves: Array
    family_moves: Array
    base_moves: Array
    lab_moves: Array

    @classmethod
    def nothing(cls, system: System) -> Covariances:
        """No combination yet."""
        d, q, none = system.curvature.shape[1], system.base_inverse.shape[1], np.zeros(0, dtype=np.intp)
        moves = (np.zeros((0, width)) for width in (d, d, q, d))
        return cls(system, np.zeros((0, len(system.shared))), none, none, none, none, *moves)

    @classmethod
    def of(cls, system: System, some: Combinations) -> Covariances:
        """Solve the system for each combination, where most of the gradient is zero."""
        response, nesting = system.response(), system.nesting
        by_model, by_family, by_base, by_lab = (
            np.where((at >= 0)[:, None], by, 0.0)
            for at, by in (
                (some.model, some.by_model), (some.family, some.by_family), (some.base, some.by_base),
                (some.lab, some.by_lab),
            )
        )  # fmt: skip
        family = np.where(some.model >= 0, nesting.family[some.model], some.family)
        base = np.where(some.base >= 0, some.base, np.where(family >= 0, nesting.base[family], -1))
        lab = np.where(base >= 0, nesting.lab[base], some.lab)
        # what takes part speaks of the shared parameters and of the base family; a row that takes none adds zeros
        parts = ((by_model, response.model, some.model), (by_family, response.family, family))
        rhs = some.shared + sum(_times(by, effect.response[at]) for by, effect, at in parts)
        rhs += _times(by_base, response.base[base]) + _times(by_lab, response.lab[some.lab])
        branch = by_base + sum(_times(by, effect.follow[at]) for by, effect, at in parts)
        by_family = by_family + _times(by_model, system.pull[some.model])
        above = by_lab + np.where((base >= 0)[:, None], _times(branch, system.base_pull[base]), 0.0)
        return cls(
            system,
            spd_solve(system.factor, rhs.T).T,
            some.model, family, base, lab,
            _times(by_model, system.model_inverse[some.model]),
            _times(by_family, system.family_inverse[family]),
            _times(branch, system.base_inverse[base]),
            _times(above, system.lab_inverse[lab]),
        )  # fmt: skip

    def join(self, other: Covariances) -> Covariances:
        """Put others of the same system behind these."""
        names = [part.name for part in fields(self) if part.name != "system"]
        columns = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in names)
        return Covariances(self.system, *columns)

    def models(self, rows: Index) -> Array:
        """Covariances with the skills of some models, shape (n, len(rows), d)."""
        system, effect = self.system, self.system.response().model
        family = system.nesting.family[rows]
        out = effect.response[rows] @ self.shared.T + self._by_base(effect.follow[rows], system.nesting.base[family])
        out += system.pull[rows] @ _where(self.family, family, self.family_moves)
        out += _where(self.model, rows, self.model_moves)
        return out.transpose(2, 0, 1)

    def families(self, rows: Index) -> Array:
        """Covariances with the effects of some families, shape (n, len(rows), d)."""
        effect = self.system.response().family
        out = effect.response[rows] @ self.shared.T
        out += self._by_base(effect.follow[rows], self.system.nesting.base[rows])
        out += _where(self.family, rows, self.family_moves)
        return out.transpose(2, 0, 1)

    def bases(self, rows: Index) -> Array:
        """Covariances with the unknowns of some base families, shape (n, len(rows), q)."""
        return (self.system.response().base[rows] @ self.shared.T + self._branches(rows)).transpose(2, 0, 1)

    def labs(self, rows: Index) -> Array:
        """Covariances with the effects of some labs, shape (n, len(rows), d)."""
        out = self.system.response().lab[rows] @ self.shared.T + _where(self.lab, rows, self.lab_moves)
        return out.transpose(2, 0, 1)

    def _branches(self, bases: Index) -> Array:
        """Give the moves of base families beyond those by the shared parameters, shape (len(bases), q, n)."""
        follows = self.system.base_pull[bases] @ _where(self.lab, self.system.nesting.lab[bases], self.lab_moves)
        return np.asarray(follows + _where(self.base, bases, self.base_moves))

    def _by_base(self, follow: Array, bases: Index) -> Array:
        return np.asarray(follow @ self._branches(bases))


def _times(vectors: Array, blocks: Array) -> Array:
    """Each vector times its own block: (n, a), (n, a, b) -> (n, b)."""
    return np.asarray((vectors[:, None, :] @ blocks)[:, 0])


def _where(mine: Index, rows: Index, moves: Array) -> Array:
    """Give the moves (n, a) of those whose row is asked for, zeros for others; shape (len(rows), a, n)."""
    return np.asarray((rows[:, None] == mine)[:, None, :] * moves.T)
