"""Posterior of the logits: against draws from the joint posterior of everything, and for each kind of relative."""

import numpy as np
import pytest

from obslaws.skill.fit import fit_skills
from obslaws.skill.predict import Relatives, fitted_logits, logits


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, 2)


def relatives(data, rows, row=True, family=True, base=True):
    none = np.full(len(rows), -1)
    return Relatives(
        rows if row else none,
        data.nesting.family[rows] if family else none,
        data.nesting.base_of_model[rows] if base else none,
        data.covariates[rows],
        data.covariate_cov[rows],
    )


def posterior(fit, who):
    return logits(fit.state, fit.variances, fit.system, fit.shared_cov, who)


def test_models_of_the_fit_are_asked_for_by_row(fit, data):
    rows = np.array([0, 3, 5])
    mean, cov = fitted_logits(fit.state, fit.system, fit.shared_cov, rows)
    again = posterior(fit, relatives(data, rows))
    np.testing.assert_allclose(mean, again[0])
    np.testing.assert_allclose(cov, again[1])


def test_moments_against_draws(fit, data):
    """Skills, own intercepts and benchmark parameters drawn jointly: the first-order moments are those of the draws.

    Products of two small deviations are left out, a few per cent of the spread here.
    """
    rng, row, n, system = np.random.default_rng(0), 4, 100_000, fit.system
    response, k, d = system.response(), fit.system.n_slopes, 2
    base, n_benchmarks = data.nesting.base_of_model[row], data.scores.shape[1]
    shared = rng.multivariate_normal(np.zeros(len(fit.shared_cov)), fit.shared_cov, n)
    above = rng.multivariate_normal(np.zeros(d + n_benchmarks), response.base_noise[base], n)
    inner = rng.multivariate_normal(np.zeros(d), response.model.inner[row], n)
    skills = shared @ response.model.response[row].T + above @ response.model.follow[row].T + inner
    own = (shared @ response.base[base].T + above)[:, d:]
    moved = shared[:, k + n_benchmarks : k + n_benchmarks * (1 + d)].reshape(-1, n_benchmarks, d)
    drawn = np.einsum("nd,njd->nj", fit.state.skills[row] + skills, fit.state.loadings + moved)
    drawn += fit.state.intercepts + shared[:, k : k + n_benchmarks] + fit.state.own[base] + own
    mean, cov = (part[0] for part in fitted_logits(fit.state, system, fit.shared_cov, np.array([row])))
    sd = np.sqrt(np.diag(cov))
    np.testing.assert_allclose((drawn.mean(axis=0) - mean) / sd, 0, atol=0.25)
    np.testing.assert_allclose(np.sqrt(np.diag(np.cov(drawn.T))) / sd, 1, atol=0.1)


def test_less_known_is_wider(fit, data):
    rows = np.arange(len(data.scores))
    known = [
        posterior(fit, relatives(data, rows, *what))[1]
        for what in ((True,), (False, True), (False, False, True), (False, False, False))
    ]
    spread = [np.median(np.sqrt(np.einsum("mjj->mj", cov))) for cov in known]
    assert spread == sorted(spread)
    assert spread[-1] > 1.2 * spread[0]


def test_a_stranger_has_the_prior_of_effects(fit, data):
    """Without any relative the means are those of the covariates alone."""
    rows = np.array([1, 2])
    mean, _ = posterior(fit, relatives(data, rows, False, False, False))
    state = fit.state
    np.testing.assert_allclose(mean, state.intercepts + data.covariates[rows] @ state.slopes @ state.loadings.T)


def test_a_new_family_takes_its_base_family_along(fit, data):
    rows = np.array([0])
    base = data.nesting.base_of_model[0]
    mean, _ = posterior(fit, relatives(data, rows, False, False, True))
    state = fit.state
    skills = state.base[base] + data.covariates[rows] @ state.slopes
    np.testing.assert_allclose(mean, state.intercepts + state.own[base] + skills @ state.loadings.T)
