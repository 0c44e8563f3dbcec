"""A new benchmark from a few scored models: its curve is learned with what the other benchmarks' curves are like.

In: a fit over other benchmarks and the scores of k models on the new one. Out: draws of the new benchmark's parameters
with the logits of all other models under each. The prior is empirical Bayes over the benchmarks of the fit; with three
scores the posterior is far from normal, so it is sampled: importance sampling whose proposal is adapted in a few rounds
(Cappe et al. 2008), deterministic for a seed. Skills of told and asked models are uncertain together, at the present
parameters of the other benchmarks, which fix the axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from obslaws.links import logistic
from obslaws.skill.blocks import spd_factor, spd_solve
from obslaws.skill.update import skills_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]

__all__ = ["Draws", "Prior", "learn_prior", "onboard", "skill_covariances"]

_ROUNDS, _SIZE, _CHUNK = 5, 3000, 250
_LEVELS = ("lab", "base", "family", "model")
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
    """Equally weighted draws from the posterior; K draws, n asked models.

    Parameters
    ----------
    logit, logit_sd : ndarray of shape (K, n)
    floor, ceiling, noise : ndarray of shape (K,)
        Asymptotes, fractions; sd of the noise beyond item sampling, fraction.
    parameters : ndarray of shape (K, d + 6)
    effective : float
        Effective number of the weighted draws that they were taken from.
    """

    logit: Array
    logit_sd: Array
    floor: Array
    ceiling: Array
    noise: Array
    parameters: Array
    effective: float


def learn_prior(fit: Fit, is_ceiling_known: bool = False) -> Prior:
    """Learn what benchmarks are like from those of a fit.

    The covariance is shrunk to its diagonal as by three more benchmarks. Asymptotes that the data left open are pulled
    to their weak prior in the fit; their posterior variance is added back. A new benchmark may ask for something that
    none of the others does, as one of instruction following would among tests of knowledge: how much is learned by
    taking each benchmark in turn for the new one and asking how unsure the others leave its logit.

    Parameters
    ----------
    fit : Fit
        At least two benchmarks.
    is_ceiling_known : bool
        Whether the most that a model can score on the new benchmark is known: its ceiling then has the prior that those
        of other such benchmarks have.

    Returns
    -------
    Prior
    """
    state, variances = fit.state, fit.variances
    n_benchmarks, d = state.loadings.shape
    each = np.column_stack([
        state.intercepts, state.loadings, state.ceiling_logits, state.floor_logits,
        0.5 * np.log(variances.own), 0.5 * np.log(_untold(fit)), 0.5 * np.log(variances.noise),
    ])  # fmt: skip
    open_var = np.diag(fit.shared_cov)[-2 * n_benchmarks :].reshape(2, n_benchmarks).mean(axis=1)
    centred = each - each.mean(axis=0)
    scatter = centred.T @ centred
    cov = (scatter + 3.0 * np.diag(np.diag(scatter)) / n_benchmarks) / (n_benchmarks + 2.0)
    cov[[d + 1, d + 2], [d + 1, d + 2]] += open_var
    cov = cov * (1.0 + 1.0 / n_benchmarks) + 1e-6 * np.eye(len(cov))
    mean = each.mean(axis=0)
    if is_ceiling_known:
        priors = fit.problem.priors
        mean[d + 1], cov[d + 1], cov[:, d + 1] = priors.known_ceiling_logit, 0.0, 0.0
        cov[d + 1, d + 1] = priors.known_ceiling_logit_sd**2
    levels = (variances.model, variances.family, variances.base)
    split = np.array([np.einsum("ja,ab,jb->", state.loadings, level, state.loadings) for level in levels])
    return Prior(mean, cov, float(max(n_benchmarks - 1, 4)), split / split.sum())


def _untold(fit: Fit) -> Array:
    """Mean variance over models of each benchmark's logit given the scores on the others; shape (J,)."""
    problem, state, variances = fit.problem, fit.state, fit.variances
    loadings, curvature = state.loadings, problem.cells(state, variances.noise).curvature
    pairs = loadings[:, :, None] * loadings[:, None, :]
    told = np.einsum("mj,jab->mab", curvature, pairs)
    prior = np.linalg.inv(variances.model + variances.family + variances.base)
    out = np.empty(len(loadings))
    for j, loading in enumerate(loadings):
        others = told - curvature[:, j, None, None] * pairs[j] + prior
        seen = problem.mask[:, j]
        # a model without other scores says nothing of how well others tell
        seen = seen & (problem.mask.sum(axis=1) > 1) if (seen & (problem.mask.sum(axis=1) > 1)).any() else seen
        rest = np.linalg.solve(others[seen], np.broadcast_to(loading, (int(seen.sum()), len(loading)))[:, :, None])
        out[j] = (rest[:, :, 0] @ loading).mean() if seen.any() else loading @ np.linalg.inv(prior) @ loading
    return np.maximum(out, 1e-6)


def onboard(
    fit: Fit,
    told: Kin,
    scores: Array,
    asked: Kin,
    score_floor: float,
    n_items: float,
    n_draws: int = 400,
    seed: int = 0,
    ceiling: float = np.nan,
) -> Draws:
    """Learn a new benchmark from k scores, and ask for the logits of n models.

    Parameters
    ----------
    fit : Fit
    told : Kin
        k models.
    scores : ndarray of shape (k,)
        Fractions.
    asked : Kin
        n models.
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
    rng, prior = np.random.default_rng(seed), learn_prior(fit, bool(np.isfinite(ceiling)))
    most = ceiling if np.isfinite(ceiling) else 1.0
    new = _Likelihood(fit, told, scores, score_floor, most, n_items, prior.split)
    parameters, weights = _adapted(prior, new, rng)
    at = np.searchsorted(np.cumsum(weights), (rng.random() + np.arange(n_draws)) / n_draws)
    parameters = parameters[np.minimum(at, len(parameters) - 1)]
    logit, sd = new.predict(parameters, asked)
    floors, ceilings = new.asymptotes(parameters)
    return Draws(logit, sd, floors, ceilings, np.exp(parameters[:, -1]), parameters, float(1.0 / (weights**2).sum()))


def skill_covariances(fit: Fit, left: Kin, right: Kin) -> Array:
    """Posterior covariance of the skills of models, benchmark parameters held.

    Parameters
    ----------
    fit : Fit
    left, right : Kin
        m and n models.

    Returns
    -------
    ndarray of shape (m, n, d, d)
    """
    one, two = _parts(fit, left), _parts(fit, right)
    out = np.einsum("mag,gh,nbh->mnab", one["response"], _slopes_cov(fit), two["response"], optimize=True)
    for level in _LEVELS:
        same = one[f"{level}_id"][:, None] == two[f"{level}_id"]
        rows, columns = np.nonzero(same)
        follow, other = one[f"{level}_follow"][rows], two[f"{level}_follow"][columns]
        out[rows, columns] += follow @ one[f"{level}_noise"][rows] @ np.swapaxes(other, 1, 2)
    return np.asarray(out)


def _parts(fit: Fit, kin: Kin) -> dict[str, Array]:
    """How skills of models follow slopes and each level above them; what the fit knows first, then priors."""
    system, who, n = fit.system, kin.who, len(kin)
    nesting, variances, response = system.nesting, fit.variances, system.response(slopes_only=True)
    d, k = fit.n_skills, system.n_slopes
    q = response.base.shape[1]
    family = np.where(who.row >= 0, nesting.family[who.row], who.family)
    base = np.where(family >= 0, nesting.base[family], who.base)
    eye = np.broadcast_to(np.eye(d), (n, d, d))
    seen, kept, kin_only = who.row >= 0, (who.row < 0) & (family >= 0), (family < 0) & (base >= 0)
    lab = np.where(base >= 0, nesting.lab[base], who.lab)
    by_slopes = (who.covariates[:, None, :, None] * np.eye(d)[None, :, None, :]).reshape(n, d, k)
    slopes = by_slopes + np.where(((base < 0) & (lab >= 0))[:, None, None], response.lab[lab], 0.0)
    slopes = np.where(kin_only[:, None, None], by_slopes + response.base[base, :d], slopes)
    slopes = np.where(kept[:, None, None], by_slopes + response.family.response[family], slopes)
    slopes = np.where(seen[:, None, None], response.model.response[who.row], slopes)
    top = np.zeros((n, d, q))
    top[:, :, :d] = np.eye(d)
    top = np.where(kept[:, None, None], response.family.follow[family], top)
    top = np.where(seen[:, None, None], response.model.follow[who.row], top)
    prior = np.zeros((q, q))
    prior[:d, :d], prior[d:, d:] = variances.base, np.diag(variances.own)
    own = variances.model + fit.state.slopes.T @ who.covariate_cov @ fit.state.slopes
    known = (family >= 0)[:, None, None]
    pulled = np.where((base >= 0)[:, None, None], system.base_pull[base], np.eye(q, d))
    ids = _identities(fit, kin)
    return {
        "response": slopes,
        "lab_follow": top @ pulled,
        "lab_noise": np.where((lab >= 0)[:, None, None], response.lab_noise[lab], variances.lab),
        "lab_id": ids["lab"],
        "base_follow": top,
        "base_noise": np.where((base >= 0)[:, None, None], system.base_inverse[base], prior),
        "base_id": ids["base"],
        "family_follow": np.where(seen[:, None, None], system.pull[who.row], eye),
        "family_noise": np.where(known, system.family_inverse[family], variances.family),
        "family_id": ids["family"],
        "model_follow": eye,
        "model_noise": np.where(seen[:, None, None], system.model_inverse[who.row], own),
        "model_id": ids["model"],
    }


def _identities(fit: Fit, kin: Kin) -> dict[str, NDArray[np.intp]]:
    """Numbers of model, family, base family, lab: those of the fit where it knows them, else the labels, further up."""
    nesting, who = fit.system.nesting, kin.who
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


class _Likelihood:
    """Likelihood of the told scores, skills and own intercepts integrated out around their expectation."""

    def __init__(
        self, fit: Fit, told: Kin, scores: Array, score_floor: float, most: float, n_items: float, split: Array
    ) -> None:
        self.split = split
        self.fit, self.told, self.y, self.guess, self.n_items = fit, told, scores, score_floor, n_items
        self.room = most - score_floor
        self.skills, _ = skills_of(fit, told.who)
        self.d, self.dof = fit.n_skills, fit.problem.priors.dof
        self.cov = skill_covariances(fit, told, told)
        self.same = self._related(told)

    def asymptotes(self, phi: Array) -> tuple[Array, Array]:
        d = self.d
        return self.guess * logistic(phi[:, d + 2]), self.guess + self.room * logistic(phi[:, d + 1])

    def _related(self, kin: Kin) -> tuple[Array, Array]:
        """Which models share a base family with the told ones, and how much of what is untold; each of shape (m, k)."""
        one, two = _identities(self.fit, kin), _identities(self.fit, self.told)
        model, family, base = (one[n][:, None] == two[n] for n in ("model", "family", "base"))
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
        cov += self._shared(phi, self.same)
        cov *= slope[:, :, None] * slope[:, None, :]
        at = np.arange(len(self.y))
        cov[:, at, at] += np.exp(2.0 * phi[:, -1])[:, None] + p * (1.0 - p) / self.n_items
        return self.y - expected, slope, cov

    def _shared(self, phi: Array, same: tuple[Array, Array]) -> Array:
        """Covariance of what the benchmark has of its own, shape (S, m, k)."""
        own, untold = np.exp(2.0 * phi[:, self.d + 3]), np.exp(2.0 * phi[:, self.d + 4])
        return own[:, None, None] * same[0] + untold[:, None, None] * same[1]

    def log_density(self, phi: Array) -> Array:
        """Student-t with the noise's degrees of freedom, shape (S,)."""
        out = [self._log_density(phi[i : i + _CHUNK]) for i in range(0, len(phi), _CHUNK)]
        return np.concatenate(out)

    def _log_density(self, phi: Array) -> Array:
        residual, _, scale = self._linear(phi)
        return _log_student(residual, scale, self.dof)

    def predict(self, phi: Array, asked: Kin) -> tuple[Array, Array]:
        """Means and sds of the asked models' logits under each draw; shapes (S, n)."""
        fit, d = self.fit, self.d
        skills, _ = skills_of(fit, asked.who)
        across, alone = skill_covariances(fit, asked, self.told), _own_covariances(fit, asked)
        same = self._related(asked)
        mean, sd = np.empty((len(phi), len(asked))), np.empty((len(phi), len(asked)))
        for i in range(0, len(phi), _CHUNK):
            some = slice(i, i + _CHUNK)
            weight = phi[some, 1 : d + 1]
            own = np.exp(2.0 * phi[some, d + 3]) + np.exp(2.0 * phi[some, d + 4])
            residual, slope, scale = self._linear(phi[some])
            cross = np.einsum("sa,njab,sb->snj", weight, across, weight, optimize=True)
            cross += self._shared(phi[some], same)
            cross *= slope[:, None, :]
            gain = np.swapaxes(np.linalg.solve(scale, np.swapaxes(cross, 1, 2)), 1, 2)
            mean[some] = phi[some, :1] + weight @ skills.T + (gain @ residual[:, :, None])[:, :, 0]
            var = np.einsum("sa,nab,sb->sn", weight, alone, weight, optimize=True) + own[:, None]
            sd[some] = np.sqrt(np.maximum(var - (gain * cross).sum(axis=2), 1e-12))
        return mean, sd


def _own_covariances(fit: Fit, kin: Kin) -> Array:
    """Posterior covariance of each model's skills, shape (n, d, d)."""
    parts = _parts(fit, kin)
    out = parts["response"] @ _slopes_cov(fit) @ np.swapaxes(parts["response"], 1, 2)
    for level in _LEVELS:
        follow = parts[f"{level}_follow"]
        out = out + follow @ parts[f"{level}_noise"] @ np.swapaxes(follow, 1, 2)
    return np.asarray(out)


def _slopes_cov(fit: Fit) -> Array:
    """Posterior covariance of the slopes, benchmark parameters held."""
    k, shared = fit.system.n_slopes, fit.system.shared
    return spd_solve(spd_factor(shared[:k, :k]), np.eye(k))


def _adapted(prior: Prior, new: _Likelihood, rng: np.random.Generator) -> tuple[Array, Array]:
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
