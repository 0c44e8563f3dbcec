"""Posterior of the logits: against draws from the joint posterior of everything, and for each kind of relative."""

import numpy as np
import pytest

from obslaws.skill.fit import fit_skills
from obslaws.skill.predict import Relatives, fitted_logits, logits


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, 2)


def relatives(data, rows, row=True, family=True, base=True, lab=True):
    none = np.full(len(rows), -1)
    base_of_model = data.nesting.base_of_model[rows]
    return Relatives(
        rows if row else none,
        data.nesting.family[rows] if family else none,
        base_of_model if base else none,
        data.nesting.lab[base_of_model] if lab else none,
        np.full(len(rows), np.nan),  # test_neighbours asks with sizes
        data.covariates[rows],
        data.covariate_cov[rows],
    )


def posterior(fit, who):
    return logits(fit, who)


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
        for what in ((True,), (False,), (False, False), (False, False, False), (False, False, False, False))
    ]
    spread = [np.median(np.sqrt(np.einsum("mjj->mj", cov))) for cov in known]
    assert spread == sorted(spread)
    assert spread[-1] > 1.2 * spread[0]


def test_a_stranger_has_the_prior_of_effects(fit, data):
    """Without any relative the means are those of the covariates alone."""
    rows = np.array([1, 2])
    mean, _ = posterior(fit, relatives(data, rows, False, False, False, False))
    state = fit.state
    np.testing.assert_allclose(mean, state.intercepts + data.covariates[rows] @ state.slopes @ state.loadings.T)


def test_a_new_family_takes_its_base_family_along(fit, data):
    rows = np.array([0])
    base = data.nesting.base_of_model[0]
    mean, _ = posterior(fit, relatives(data, rows, False, False))
    state = fit.state
    skills = state.base[base] + data.covariates[rows] @ state.slopes
    np.testing.assert_allclose(mean, state.intercepts + state.own[base] + skills @ state.loadings.T)


def test_a_new_base_family_takes_its_lab_along(fit, data):
    rows = np.array([0])
    lab = data.nesting.lab[data.nesting.base_of_model[0]]
    mean, _ = posterior(fit, relatives(data, rows, False, False, False))
    state = fit.state
    skills = state.lab[lab] + data.covariates[rows] @ state.slopes
    np.testing.assert_allclose(mean, state.intercepts + skills @ state.loadings.T)


def test_every_kind_of_relative_is_a_row_of_the_dense_joint_posterior(fit, data, dense_of):
    """A model itself, and new ones of its family, of its base family, of its lab, and of nobody."""
    dense, var, n_benchmarks = dense_of(fit), fit.variances, data.scores.shape[1]
    rows, loadings = np.arange(len(data.scores)), fit.state.loadings
    own = np.diag(var.own)
    priors = np.zeros((2, 2)), var.model, var.model + var.family, var.model + var.family + var.base
    priors = *priors, priors[-1] + var.lab
    for n, prior in enumerate(priors):
        who = relatives(data, rows, *[False] * n)
        mean, cov = posterior(fit, who)
        unknown = np.swapaxes(fit.state.slopes, 0, 1) @ who.covariate_cov @ fit.state.slopes if n else np.zeros(())
        for m in rows:
            place = who.row[m], who.family[m], who.base[m], who.lab[m], who.covariates[m]
            g = np.array([dense.row(*place, j) for j in range(n_benchmarks)])
            inner = prior + (unknown[m] if n else 0.0)
            wanted = g @ dense.cov @ g.T + loadings @ inner @ loadings.T + (own if n >= 3 else 0.0)
            np.testing.assert_allclose(cov[m], wanted, rtol=1e-6, atol=1e-9)
            effect = fit.state.own[who.base[m]] if n < 3 else 0.0
            wanted = fit.state.intercepts + effect + loadings @ dense.skills(*place)
            np.testing.assert_allclose(mean[m], wanted, atol=1e-10)


def test_a_lab_that_is_far_up_lifts_its_new_base_families(labs_apart):
    """Of four labs two stand higher: new base families of theirs stand higher than strangers, and narrower."""
    fit, rows = fit_skills(labs_apart, 1), np.arange(len(labs_apart.scores))
    of_lab = posterior(fit, relatives(labs_apart, rows, False, False, False))
    stranger = posterior(fit, relatives(labs_apart, rows, False, False, False, False))
    up = labs_apart.nesting.lab[labs_apart.nesting.base_of_model] % 2 == 1
    gain = (of_lab[0] - stranger[0]).mean(axis=1)
    assert gain[up].min() > 0 > gain[~up].max()
    narrower = np.einsum("mjj->mj", of_lab[1]) / np.einsum("mjj->mj", stranger[1])
    assert narrower.max() < 0.95
