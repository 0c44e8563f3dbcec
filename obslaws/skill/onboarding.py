"""A new benchmark from a few scored models: its curve is learned with what the other benchmarks' curves are like.

In: a fit over other benchmarks, of either kind, and the scores of k models on the new one. Out: draws of the new
benchmark's parameters, and the logits of any other models under each. The prior is empirical Bayes over the benchmarks
of the fit; with three scores the posterior is far from normal, so it is sampled: importance sampling whose proposal is
adapted in a few rounds (Cappe et al. 2008), deterministic for a seed. Skills of told and asked models are uncertain
together, at the present parameters of the other benchmarks, which fix the axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from obslaws.links import logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.surface import Surface
    from obslaws.skill.together import Together
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]

__all__ = ["Draws", "Prior", "learn_prior", "onboard"]

_ROUNDS, _SIZE, _CHUNK = 5, 3000, 250
_LEAST_UNTOLD = 1e-6
_PRIOR_SHARE = 0.15  # of each proposal; keeps the weights bounded


@dataclass(frozen=True)
class Prior:
    """What curves of benchmarks are like: Student-t over one benchmark's parameters.

    Parameters
    ----------
    mean : ndarray of shape (d + 6,)
        Intercept, loadings, ceiling logit, floor logit, log sds of own intercepts, of what no other benchmark tells,
        of noise.
    cov : ndarray of shape (d + 6, d + 6)
    dof : float
    split : ndarray of shape (3,)
        How what no other benchmark tells divides among model, family and base family; sums to 1.
    """

    mean: Array
    cov: Array
    dof: float
    split: Array


@dataclass(frozen=True)
class Draws:
    """Equally weighted draws from the posterior of a new benchmark; K of them.

    Parameters
    ----------
    floor, ceiling, noise : ndarray of shape (K,)
        Asymptotes, fractions; sd of the noise beyond item sampling, fraction.
    parameters : ndarray of shape (K, d + 6)
        As in `Prior`.
    effective : float
        Effective number of the weighted draws that they were taken from.
    likelihood : Likelihood
        Of the told scores.
    """

    floor: Array
    ceiling: Array
    noise: Array
    parameters: Array
    effective: float
    likelihood: Likelihood

    def logits(self, asked: Kin) -> tuple[Array, Array]:
        """Means and sds of the logits of n models under each draw; shapes (K, n)."""
        return self.likelihood.predict(self.parameters, asked)


def learn_prior(surface: Surface, is_ceiling_known: bool = False) -> Prior:
    """Learn what benchmarks are like from those of a fit.

    The covariance is shrunk to its diagonal as by three more benchmarks. Asymptotes that the data left open are pulled
    to their weak prior in the fit; their posterior variance is added back. A new benchmark may ask for something that
    none of the others does, as one of instruction following would among tests of knowledge: how much is learned by
    taking each benchmark in turn for the new one and asking how unsure the others leave its logit.

    Parameters
    ----------
    surface : Surface
        Of a fit to at least two benchmarks.
    is_ceiling_known : bool
        Whether the most that a model can score on the new benchmark is known: its ceiling then has the prior that those
        of other such benchmarks have.

    Returns
    -------
    Prior
    """
    fit = surface.fit
    state, variances, untold = fit.state, fit.variances, np.maximum(surface.untold(), _LEAST_UNTOLD)
    n_benchmarks, d = state.loadings.shape
    each = np.column_stack([
        state.intercepts, state.loadings, state.ceiling_logits, state.floor_logits,
        0.5 * np.log(variances.own), 0.5 * np.log(untold), 0.5 * np.log(variances.noise),
    ])  # fmt: skip
    centred = each - each.mean(axis=0)
    scatter = centred.T @ centred
    cov = (scatter + 3.0 * np.diag(np.diag(scatter)) / n_benchmarks) / (n_benchmarks + 2.0)
    cov[[d + 1, d + 2], [d + 1, d + 2]] += surface.open_asymptotes().mean(axis=1)
    cov = cov * (1.0 + 1.0 / n_benchmarks) + 1e-6 * np.eye(len(cov))
    mean = each.mean(axis=0)
    if is_ceiling_known:
        priors = fit.problem.priors
        mean[d + 1], cov[d + 1], cov[:, d + 1] = priors.known_ceiling_logit, 0.0, 0.0
        cov[d + 1, d + 1] = priors.known_ceiling_logit_sd**2
    levels = (variances.model, variances.family, variances.base)
    split = np.array([np.einsum("ja,ab,jb->", state.loadings, level, state.loadings) for level in levels])
    return Prior(mean, cov, float(max(n_benchmarks - 1, 4)), split / split.sum())


def onboard(
    surface: Surface,
    told: Kin,
    scores: Array,
    score_floor: float,
    n_items: float,
    n_draws: int = 400,
    seed: int = 0,
    ceiling: float = np.nan,
) -> Draws:
    """Learn a new benchmark from k scores.

    Parameters
    ----------
    surface : Surface
        Of a fit to the other benchmarks.
    told : Kin
        k models.
    scores : ndarray of shape (k,)
        Fractions.
    score_floor : float
        Expected score of guessing, fraction.
    n_items : float
        Questions, inf where unknown.
    n_draws : int
    seed : int
    ceiling : float
        The most a model can score, fraction; NaN where scores have to tell.

    Returns
    -------
    Draws
    """
    rng, prior = np.random.default_rng(seed), learn_prior(surface, bool(np.isfinite(ceiling)))
    most = ceiling if np.isfinite(ceiling) else 1.0
    new = Likelihood(surface, told, scores, score_floor, most, n_items, prior.split)
    parameters, weights = _adapted(prior, new, rng)
    at = np.searchsorted(np.cumsum(weights), (rng.random() + np.arange(n_draws)) / n_draws)
    parameters = parameters[np.minimum(at, len(parameters) - 1)]
    floors, ceilings = new.asymptotes(parameters)
    return Draws(floors, ceilings, np.exp(parameters[:, -1]), parameters, float(1.0 / (weights**2).sum()), new)


class Likelihood:
    """Likelihood of the told scores, skills and own intercepts integrated out around their expectation.

    Parameters
    ----------
    surface, told, scores, score_floor, n_items
        As in `onboard`.
    most : float
        The most a model can score, fraction.
    split : ndarray of shape (3,)
        As in `Prior`.
    """

    def __init__(
        self, surface: Surface, told: Kin, scores: Array, score_floor: float, most: float, n_items: float, split: Array
    ) -> None:
        self.surface, self.split = surface, split
        self.y, self.guess, self.n_items, self.room = scores, score_floor, n_items, most - score_floor
        self.told = surface.together(told)
        self.d, self.dof = surface.n_skills, surface.fit.problem.priors.dof
        self.skills, self.cov, self.shared = self.told.mean, self.told.covariances(self.told), self._related(self.told)

    def asymptotes(self, phi: Array) -> tuple[Array, Array]:
        """Floor and ceiling under each of S parameters, fractions; each of shape (S,)."""
        d = self.d
        return self.guess * logistic(phi[:, d + 2]), self.guess + self.room * logistic(phi[:, d + 1])

    def _related(self, these: Together) -> tuple[Array, Array]:
        """Which models share a base family with the told ones, and how much of what is untold; each of shape (m, k)."""
        model, family, base = (these.same(self.told, level) for level in ("model", "family", "base"))
        return base.astype(float), self.split[0] * model + self.split[1] * family + self.split[2] * base

    def _linear(self, phi: Array) -> tuple[Array, Array, Array]:
        """Residuals (S, k), slopes (S, k) and scale matrices (S, k, k) of the told scores."""
        d = self.d
        weight, (floor, ceiling) = phi[:, 1 : d + 1], self.asymptotes(phi)
        share = logistic(phi[:, :1] + weight @ self.skills.T)
        room = (ceiling - floor)[:, None]
        expected, slope = floor[:, None] + room * share, room * share * (1.0 - share)
        p = np.clip(expected, 0.01, 0.99)
        cov = np.einsum("sa,ijab,sb->sij", weight, self.cov, weight, optimize=True)
        cov += self._own(phi, self.shared)
        cov *= slope[:, :, None] * slope[:, None, :]
        at = np.arange(len(self.y))
        cov[:, at, at] += np.exp(2.0 * phi[:, -1])[:, None] + p * (1.0 - p) / self.n_items
        return self.y - expected, slope, cov

    def _own(self, phi: Array, shared: tuple[Array, Array]) -> Array:
        """Covariance of what the benchmark has of its own, shape (S, m, k)."""
        own, untold = np.exp(2.0 * phi[:, self.d + 3]), np.exp(2.0 * phi[:, self.d + 4])
        return own[:, None, None] * shared[0] + untold[:, None, None] * shared[1]

    def log_density(self, phi: Array) -> Array:
        """Student-t with the noise's degrees of freedom, shape (S,)."""
        out = [self._log_density(phi[i : i + _CHUNK]) for i in range(0, len(phi), _CHUNK)]
        return np.concatenate(out)

    def _log_density(self, phi: Array) -> Array:
        residual, _, scale = self._linear(phi)
        return _log_student(residual, scale, self.dof)

    def predict(self, phi: Array, asked: Kin) -> tuple[Array, Array]:
        """Means and sds of the asked models' logits under each draw; shapes (S, n)."""
        d, these = self.d, self.surface.together(asked)
        across, alone, shared = these.covariances(self.told), these.own(), self._related(these)
        mean, sd = np.empty((len(phi), len(asked))), np.empty((len(phi), len(asked)))
        for i in range(0, len(phi), _CHUNK):
            some = slice(i, i + _CHUNK)
            weight = phi[some, 1 : d + 1]
            own = np.exp(2.0 * phi[some, d + 3]) + np.exp(2.0 * phi[some, d + 4])
            residual, slope, scale = self._linear(phi[some])
            cross = np.einsum("sa,njab,sb->snj", weight, across, weight, optimize=True)
            cross += self._own(phi[some], shared)
            cross *= slope[:, None, :]
            gain = np.swapaxes(np.linalg.solve(scale, np.swapaxes(cross, 1, 2)), 1, 2)
            mean[some] = phi[some, :1] + weight @ these.mean.T + (gain @ residual[:, :, None])[:, :, 0]
            var = np.einsum("sa,nab,sb->sn", weight, alone, weight, optimize=True) + own[:, None]
            sd[some] = np.sqrt(np.maximum(var - (gain * cross).sum(axis=2), 1e-12))
        return mean, sd


def _adapted(prior: Prior, new: Likelihood, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of the parameters with normalised weights, from a proposal that has been fitted to the posterior."""
    centre, spread = prior.mean, prior.cov
    drawn, weights = np.zeros((0, len(centre))), np.zeros(0)
    for step in range(_ROUNDS):
        n_prior = _SIZE if step == 0 else round(_PRIOR_SHARE * _SIZE)
        drawn = _student(prior.mean, prior.cov, prior.dof, n_prior, rng)
        if step:
            drawn = np.concatenate([drawn, _student(centre, spread, 6.0, _SIZE - n_prior, rng)])
        log_prior = _log_student(drawn - prior.mean, prior.cov[None], prior.dof)
        log_proposal = log_prior
        if step:
            fitted = _log_student(drawn - centre, spread[None], 6.0)
            log_proposal = np.logaddexp(np.log(_PRIOR_SHARE) + log_prior, np.log(1.0 - _PRIOR_SHARE) + fitted)
        likelihood = new.log_density(drawn)
        raised = 1.0
        while True:  # early rounds see a tempered likelihood, so that more than a few draws count
            log_weights = log_prior + raised * likelihood - log_proposal
            weights = np.exp(log_weights - log_weights.max())
            weights /= weights.sum()
            if step == _ROUNDS - 1 or (weights**2).sum() < 1.0 / (20.0 * len(centre)) or raised < 1e-3:
                break
            raised *= 0.7
        centre = weights @ drawn
        off = drawn - centre
        spread = 1.2 * (off * weights[:, None]).T @ off + 1e-9 * np.eye(len(centre))
    return drawn, weights


def _student(mean: Array, cov: Array, dof: float, n: int, rng: np.random.Generator) -> Array:
    root = np.linalg.cholesky(cov)
    scale = np.sqrt(dof / rng.chisquare(dof, n))[:, None]
    return np.asarray(mean + scale * (rng.standard_normal((n, len(mean))) @ root.T))


def _log_student(residual: Array, scale: Array, dof: float) -> Array:
    """Log density of multivariate Student-t for residuals (S, k) and scale matrices (S or 1, k, k)."""
    k = residual.shape[1]
    solved = np.linalg.solve(scale, residual[:, :, None])[:, :, 0]
    square = (residual * solved).sum(axis=1)
    constant = gammaln((dof + k) / 2.0) - gammaln(dof / 2.0) - 0.5 * k * np.log(dof * np.pi)
    return np.asarray(constant - 0.5 * np.linalg.slogdet(scale)[1] - 0.5 * (dof + k) * np.log1p(square / dof))
