"""What a fit sees, what it moves, and what it assumes: records with next to no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from obslaws.links import logistic
from obslaws.skill.blocks import spd_inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.tree import Nesting, Steps

    Array = NDArray[np.float64]

__all__ = ["HELD", "Data", "Penalty", "Priors", "State", "Variances", "room_slope", "told_noise"]

HELD = 1e-8
"""Variance of a slope that is held at zero: its prior is then as good as exact, and still a number."""

# chosen on LiveBench, thinned out, and the core view: docs/backtests.md, "New models, some scores known"
_DOUBT = 4.0


@dataclass(frozen=True)
class Data:
    """What a fit sees.

    Parameters
    ----------
    scores : ndarray of shape (M, J)
        Fractions, NaN where not evaluated.
    covariates : ndarray of shape (M, p)
        Standardised; an unknown covariate holds its expectation.
    covariate_cov : ndarray of shape (M, p, p)
        Covariance of the unknown covariates; zero where everything is known.
    score_floor : ndarray of shape (J,)
        Expected score of guessing, see `obslaws.skill.floors`.
    n_items : ndarray of shape (J,)
        Questions per benchmark, inf where unknown.
    nesting : Nesting
    size : ndarray of shape (M,)
        Log2 active parameters, NaN where unknown: tells which siblings are neighbours.
    known_ceiling : ndarray of shape (J,)
        The most a model can score, fractions; NaN where scores have to tell.
    """

    scores: Array
    covariates: Array
    covariate_cov: Array
    score_floor: Array
    n_items: Array
    nesting: Nesting
    size: Array
    known_ceiling: Array

    @cached_property
    def room(self) -> Array:
        """From guessing to the most that any model could score, fractions; shape (J,)."""
        return np.where(np.isnan(self.known_ceiling), 1.0, self.known_ceiling) - self.score_floor

    @cached_property
    def vague(self) -> NDArray[np.intp]:
        """Models with unknown covariates."""
        return np.flatnonzero(self.covariate_cov.any(axis=(1, 2)))


@dataclass(frozen=True)
class Priors:
    """Weak priors, the same for every table.

    Parameters
    ----------
    dof : float
        Degrees of freedom of the Student-t noise: leaderboards contain broken runs.
    ceiling_logit, ceiling_logit_sd : float
        Prior of the ceiling as a share of the room above the score of guessing, on the logit scale: 2 is 88 %.
    known_ceiling_logit, known_ceiling_logit_sd : float
        The same where the most that a model can score is known, as a share of the room below that.
    floor_logit, floor_logit_sd : float
        Prior of the floor as a share of the score of guessing, on the logit scale: 2 is 88 %. Models below the level
        of guessing are real: weak models prefer the longest or the first answer.
    intercept_sd : float
        On the logit scale.
    loading_sd, loading_weight : float
        Prior guess of the sd of loadings (logits per skill of unit variance), and the number of benchmarks that it
        counts for.
    noise, noise_weight : float
        Prior guess of the benchmark noise (fraction) and the number of cells it counts for.
    slope, slope_weight : float
        Prior guess of the sd of a covariate's slopes and the number of skills it counts for.
    effect, effect_weight : float
        Prior guess of the sd of effects and the number of effects it counts for.
    own_weight : float
        Number of base families that the mean over benchmarks counts for in each benchmark's variance of own intercepts.
    room_weight : float
        How much of the `Penalty` on the room between floor and ceiling counts. 1 is right on average: without, curves
        end too high and rise too gently. But where no model is near a ceiling yet, 1 puts it just above the best score.
    without : tuple of int
        Columns of the covariates whose slopes are held at zero.
    """

    dof: float = 6.0
    ceiling_logit: float = 2.0
    ceiling_logit_sd: float = 1.5
    known_ceiling_logit: float = 3.0
    known_ceiling_logit_sd: float = 1.0
    floor_logit: float = 2.0
    floor_logit_sd: float = 1.0
    intercept_sd: float = 3.0
    loading_sd: float = 1.0
    loading_weight: float = 4.0
    noise: float = 0.01
    noise_weight: float = 1.0
    slope: float = 0.3
    slope_weight: float = 1.0
    effect: float = 0.1
    effect_weight: float = 1.0
    own_weight: float = 4.0
    room_weight: float = 0.0
    without: tuple[int, ...] = ()

    def ceiling(self, known: Array) -> tuple[Array, Array]:
        """Prior mean and sd of the ceiling logits of benchmarks whose `Data.known_ceiling` is given; each (J,)."""
        is_open = np.isnan(known)
        return (
            np.where(is_open, self.ceiling_logit, self.known_ceiling_logit),
            np.where(is_open, self.ceiling_logit_sd, self.known_ceiling_logit_sd),
        )


@dataclass
class State:
    """Current values of every parameter.

    Parameters
    ----------
    skills : ndarray of shape (M, d)
    family : ndarray of shape (F, d)
    base : ndarray of shape (B, d)
    lab : ndarray of shape (L, d)
    own : ndarray of shape (B, J)
        What a base family scores on a benchmark beyond its skills, on the logit scale.
    slopes : ndarray of shape (p, d)
        Skills per standardised covariate.
    intercepts, ceiling_logits, floor_logits : ndarray of shape (J,)
    loadings : ndarray of shape (J, d)
    """

    skills: Array
    family: Array
    base: Array
    lab: Array
    own: Array
    slopes: Array
    intercepts: Array
    loadings: Array
    ceiling_logits: Array
    floor_logits: Array

    def moved(self, steps: Steps) -> State:
        """Take a step: models (M, d), families (F, d), base families with own intercepts (B, d + J), labs, shared."""
        model, family, base, lab, shared = steps
        k = self.slopes.size
        n_benchmarks, d = self.loadings.shape
        cuts = np.cumsum([k, n_benchmarks, n_benchmarks * d, n_benchmarks])
        slopes, intercepts, loadings, ceilings, floors = np.split(shared, cuts)
        return State(
            self.skills + model,
            self.family + family,
            self.base + base[:, : self.base.shape[1]],
            self.lab + lab,
            self.own + base[:, self.base.shape[1] :],
            self.slopes + slopes.reshape(self.slopes.shape),
            self.intercepts + intercepts,
            self.loadings + loadings.reshape(n_benchmarks, d),
            self.ceiling_logits + ceilings,
            self.floor_logits + floors,
        )


@dataclass(frozen=True)
class Variances:
    """Estimated variances.

    Parameters
    ----------
    model, family, base, lab : ndarray of shape (d, d)
        Prior covariances of residuals, families around base families, base families around labs, labs.
    own : ndarray of shape (J,)
        Prior variance of the own intercepts of base families.
    slope : ndarray of shape (p,)
        Prior variance of the slopes of each covariate.
    noise : ndarray of shape (J,)
        Squared scale of the noise beyond item sampling, squared fractions.
    loading : ndarray of shape (d, d)
        Prior covariance of the loadings around their mean.
    loading_mean : ndarray of shape (d,)
        Their prior mean.
    """

    model: Array
    family: Array
    base: Array
    lab: Array
    own: Array
    slope: Array
    noise: Array
    loading: Array
    loading_mean: Array

    @cached_property
    def family_precision(self) -> Array:
        """Inverse of `family`."""
        return spd_inverse(self.family)

    @cached_property
    def base_precision(self) -> Array:
        """Inverse of `base`."""
        return spd_inverse(self.base)

    @cached_property
    def lab_precision(self) -> Array:
        """Inverse of `lab`."""
        return spd_inverse(self.lab)

    @cached_property
    def loading_precision(self) -> Array:
        """Inverse of `loading`."""
        return spd_inverse(self.loading)

    @property
    def told_noise(self) -> Array:
        """What `told_noise` makes of `noise`, squared fractions; shape (J,)."""
        return told_noise(self.noise)

    def turned(self, root: Array, back: Array) -> Variances:
        """Read them off when skills become ``back @ skills`` and loadings ``loadings @ root``."""
        return replace(
            self,
            model=back @ self.model @ back.T,
            family=back @ self.family @ back.T,
            base=back @ self.base @ back.T,
            lab=back @ self.lab @ back.T,
            loading=root.T @ self.loading @ root,
            loading_mean=self.loading_mean @ root,
        )


@dataclass(frozen=True)
class Penalty:
    """What integrating skills and own intercepts leaves behind on the parameters of the benchmarks.

    Scores vary with what is not known of the logits, the more the steeper the curve is there: half the curvature times
    the variance of the logit, summed over the cells. Of a benchmark that is ``loading' spread loading / 2 + pull .
    loading + room . (ceiling logit, floor logit)``, the last to first order around the present room.

    Parameters
    ----------
    spread : ndarray of shape (J, d, d)
        Weighted covariance of the skills.
    pull : ndarray of shape (J, d)
        Weighted covariance of the skills with own intercepts.
    room : ndarray of shape (J, 2)
        Slope in ceiling and floor logits.
    """

    spread: Array
    pull: Array
    room: Array

    @classmethod
    def nothing(cls, n_benchmarks: int, n_skills: int) -> Self:
        """Before anything is known of the skills."""
        return cls(np.zeros((n_benchmarks, n_skills, n_skills)), np.zeros((n_benchmarks, n_skills)),
                   np.zeros((n_benchmarks, 2)))  # fmt: skip

    def gradient(self, loadings: Array) -> Array:
        """Uphill direction of the loadings, shape (J, d)."""
        return (self.spread @ loadings[:, :, None])[:, :, 0] + self.pull

    def turned(self, back: Array) -> Penalty:
        """Read it off when skills become ``back @ skills``."""
        return Penalty(back @ self.spread @ back.T, self.pull @ back.T, self.room)

    def value(self, state: State) -> float:
        """Log units."""
        asymptotes = np.column_stack([state.ceiling_logits, state.floor_logits])
        along = 0.5 * np.sum((self.gradient(state.loadings) + self.pull) * state.loadings)
        return float(along + np.sum(self.room * asymptotes))


def room_slope(score_floor: Array, floor: Array, ceiling: Array, state: State) -> Array:
    """Differentiate the log of the room between floor and ceiling by the logits of ceiling and floor.

    Parameters
    ----------
    score_floor, floor, ceiling : ndarray of shape (J,)
        The score of guessing, and both asymptotes, fractions.
    state : State

    Returns
    -------
    ndarray of shape (J, 2)
    """
    up = (ceiling - score_floor) * (1.0 - logistic(state.ceiling_logits))
    down = floor * (1.0 - logistic(state.floor_logits))
    return np.column_stack([up, -down]) / (ceiling - floor)[:, None]


def told_noise(noise: Array) -> Array:
    """Squared scale of the noise of a score that is told after the fit, from that of the scores that were fitted.

    Larger: skills and benchmark parameters followed those.

    Parameters
    ----------
    noise : ndarray
        Squared fractions, any shape.

    Returns
    -------
    ndarray
    """
    return _DOUBT * noise
