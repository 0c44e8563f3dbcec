"""Skills that can be named: loadings of standardised skills, turned to a named rotation, with intervals.

In: the surfaces of a forecaster's fits. Out: rotated loadings with posterior draws. Skills are determined up to a
rotation only, so each draw is standardised anew and turned as near to the estimate as it goes before it is compared
(Schonemann 1966); the intervals then say how sure loadings are on these axes, not how sure the axes are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.capability.rotation import rotate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.capability.rotation import Rotation
    from obslaws.skill.surface import Surface

    Array = NDArray[np.float64]

__all__ = ["NamedSkills", "named_skills", "skill_name"]


@dataclass(frozen=True)
class NamedSkills:
    """Rotated skills; J benchmarks, d skills, S draws.

    Parameters
    ----------
    rotation : Rotation
        Loadings in logits per standard deviation of a skill among the fitted models, most explained variance first.
    draws : ndarray of shape (S, J, d)
        Posterior draws of the loadings, on the same axes.
    coefficients : ndarray of shape (1 + S, p, d)
        Of each skill by the standardised covariates, the estimate first, then the draws.
    names : tuple of str
        By leading benchmarks.
    """

    rotation: Rotation
    draws: Array
    coefficients: Array
    names: tuple[str, ...]


def named_skills(
    surfaces: Sequence[Surface],
    weights: Array,
    benchmarks: Sequence[str],
    rotation: str = "oblimin",
    n_draws: int = 2000,
    n_starts: int = 30,
    random_state: int = 0,
) -> NamedSkills:
    """Rotate the skills of averaged fits.

    Parameters
    ----------
    surfaces : sequence of Surface
        One per fit.
    weights : ndarray of shape (n_fits,)
    benchmarks : sequence of str
        For the names.
    rotation : str
        Key of `obslaws.capability.rotation.ROTATIONS`.
    n_draws : int
        Over all fits together.
    n_starts : int
        Random starts of the rotation.
    random_state : int

    Returns
    -------
    NamedSkills
    """
    rng = np.random.default_rng(random_state)
    n_skills = max(one.n_skills for one in surfaces)
    points = [one.standardised(n_skills) for one in surfaces]
    reference = next(point[0] for one, point in zip(surfaces, points, strict=True) if one.n_skills == n_skills)
    aligned, drawn, slopes, point_slopes = [], [], [], []
    for one, (loadings, slope), weight in zip(surfaces, points, weights, strict=True):
        point, point_slope = _aligned(loadings[None], slope[None], reference)
        loadings, slope = _aligned(*one.drawn(max(1, round(n_draws * weight)), n_skills, rng), reference)
        aligned.append(weight * point[0])
        point_slopes.append(weight * point_slope[0])
        drawn.append(loadings)
        slopes.append(slope)
    found = rotate(np.sum(aligned, axis=0), rotation, n_starts, random_state)
    back = np.linalg.inv(found.turn).T
    names = tuple(skill_name(column, benchmarks) for column in found.loadings.T)
    every = np.concatenate([np.sum(point_slopes, axis=0)[None], *slopes]) @ found.turn
    return NamedSkills(found, np.concatenate(drawn) @ back, every, names)


def skill_name(loadings: Array, benchmarks: Sequence[str]) -> str:
    """Name a skill by the benchmarks that load most on it.

    Parameters
    ----------
    loadings : ndarray of shape (J,)
    benchmarks : sequence of str

    Returns
    -------
    str
        The leading benchmark, and up to two more with at least two thirds of its loading.

    Examples
    --------
    >>> skill_name(np.array([0.1, 1.2, 0.9]), ["ifeval", "math_lvl5", "gsm8k"])
    'math_lvl5+gsm8k'
    """
    order = np.argsort(-loadings, kind="stable")[:3]
    return "+".join(benchmarks[j] for j in order if loadings[j] >= 2.0 / 3.0 * loadings[order[0]])


def _aligned(loadings: Array, slopes: Array, reference: Array) -> tuple[Array, Array]:
    left, _, right = np.linalg.svd(np.swapaxes(loadings, 1, 2) @ reference)
    turn = left @ right
    return loadings @ turn, slopes @ turn
