"""How the skills of models vary together, benchmark parameters held.

In: what a fit knows of slopes, labs, base families, families and models. Out: expected skills of any models, those
that it has never seen among them, and their joint covariances. A `Surface` makes it for its kind of fit; called by
`obslaws.skill.onboarding`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.skill.tree import Nesting
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Level", "Together", "by_slopes", "numbered"]


@dataclass(frozen=True)
class Level:
    """What varies at one level of the nesting, and how the skills of n models follow it.

    Parameters
    ----------
    follow : ndarray of shape (n, d, q)
    noise : ndarray of shape (n, q, q)
        Covariance at fixed levels above.
    number : ndarray of int, shape (n,)
        Models of one number share it.
    """

    follow: Array
    noise: Array
    number: Index


@dataclass(frozen=True)
class Together:
    """Skills of n models.

    Parameters
    ----------
    mean : ndarray of shape (n, d)
        Expected skills.
    response : ndarray of shape (n, d, k)
        How they follow the slopes.
    slopes_cov : ndarray of shape (k, k)
        Posterior covariance of the slopes.
    levels : mapping of str to Level
        ``"base"``, ``"family"`` and ``"model"``, and ``"lab"`` where a fit has labs.
    """

    mean: Array
    response: Array
    slopes_cov: Array
    levels: Mapping[str, Level]

    def __len__(self) -> int:
        return len(self.mean)

    def same(self, other: Together, level: str) -> NDArray[np.bool_]:
        """Which of these models share a level with which of the others; shape (n, m)."""
        return np.asarray(self.levels[level].number[:, None] == other.levels[level].number)

    def covariances(self, other: Together) -> Array:
        """Posterior covariance with the skills of m other models under the same fit, shape (n, m, d, d)."""
        out = np.einsum("mag,gh,nbh->mnab", self.response, self.slopes_cov, other.response, optimize=True)
        for name, mine in self.levels.items():
            rows, columns = np.nonzero(self.same(other, name))
            follow, theirs = mine.follow[rows], other.levels[name].follow[columns]
            out[rows, columns] += follow @ mine.noise[rows] @ np.swapaxes(theirs, 1, 2)
        return np.asarray(out)

    def own(self) -> Array:
        """Posterior covariance of each model's skills, shape (n, d, d)."""
        out = self.response @ self.slopes_cov @ np.swapaxes(self.response, 1, 2)
        for level in self.levels.values():
            out = out + level.follow @ level.noise @ np.swapaxes(level.follow, 1, 2)
        return np.asarray(out)


def by_slopes(covariates: Array, d: int) -> Array:
    """How d skills follow the slopes through the covariates alone: (n, p) -> (n, d, p*d)."""
    blocks = covariates[:, None, :, None] * np.eye(d)[None, :, None, :]
    return np.asarray(blocks.reshape(len(covariates), d, -1))


def numbered(nesting: Nesting, kin: Kin) -> dict[str, Index]:
    """Give model, family, base family and lab the numbers of the fit; what it does not know, by label, further up.

    Parameters
    ----------
    nesting : Nesting
        Of the data of the fit.
    kin : Kin
        n models.

    Returns
    -------
    dict of str to ndarray of int, shape (n,)
    """
    who = kin.who
    family = np.where(who.row >= 0, nesting.family[who.row], who.family)
    base = np.where(family >= 0, nesting.base[family], who.base)
    lab = np.where(base >= 0, nesting.lab[base], who.lab)
    beyond = len(nesting.family) + nesting.n_families + nesting.n_bases + nesting.n_labs
    return {
        name: np.where(known >= 0, known, beyond + label)
        for name, known, label in (
            ("model", who.row, kin.model), ("family", family, kin.family), ("base", base, kin.base),
            ("lab", lab, kin.lab),
        )
    }  # fmt: skip
