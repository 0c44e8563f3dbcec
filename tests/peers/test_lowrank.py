"""The factor model against plain loops, finite differences, and the truth of simulated scores."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from obslaws.links import inverse, logistic
from obslaws.peers import steps
from obslaws.peers.huber import derivatives, huber
from obslaws.peers.lowrank import QUICK, THOROUGH, Factors, LowRank, fit_low_rank, starts
from obslaws.peers.steps import Steps


def simulate(n_families=12, size=5, J=6, d=2, noise=0.0, gaps=0.0, seed=0):
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(n_families), size)
    X = rng.normal(size=(len(family), 3))
    truth = LowRank(rng.normal(size=(n_families, d)), rng.normal(size=(3, d)) * 0.5, rng.normal(size=(J, d)) * 0.7,
                    rng.normal(size=J) * 0.5)  # fmt: skip
    floor = rng.choice([0.0, 0.25], size=J)
    scores = inverse(truth.skills(X, family) @ truth.loadings.T + truth.offsets, floor)
    scores = scores + noise * rng.normal(size=scores.shape)
    scores[rng.uniform(size=scores.shape) < gaps] = np.nan
    return Factors(scores, X, family, floor), truth


def test_huber_is_the_plain_loop():
    rng = np.random.default_rng(1)
    r, known = rng.normal(size=(7, 3)) * 0.03, (rng.uniform(size=(7, 3)) < 0.8).astype(float)
    total = 0.0
    for value, counts in zip(r.ravel(), known.ravel(), strict=True):
        size = abs(value)
        total += counts * (0.5 * size**2 if size <= 0.01 else 0.01 * (size - 0.005)) / 0.01
    assert huber(r, known) == pytest.approx(total / known.sum())
    step = 1e-7
    for i, j in [(0, 0), (3, 1), (6, 2)]:
        moved = r.copy()
        moved[i, j] += step
        assert derivatives(r, known)[0][i, j] == pytest.approx(
            (huber(moved, known) - huber(r, known)) / step * known.sum(), abs=1e-4
        )
    assert (derivatives(r, known)[1] >= 0).all()


@pytest.mark.parametrize("sums", ["a product", "of neighbours"])
def test_one_undamped_step_solves_the_dense_normal_equations(sums, monkeypatch):
    monkeypatch.setattr(steps, "DENSE", np.inf if sums == "a product" else 0)
    data, _ = simulate(n_families=4, size=4, J=3, d=2, noise=0.02, gaps=0.1)
    fit = starts(data, 2)[0]
    ours = Steps(data, 2)
    coefficients = np.concatenate([fit.slopes, fit.intercepts]).T
    items = np.column_stack([fit.loadings, fit.offsets])
    at = ours.at(coefficients, items)
    r, known = at.residual.T, np.isfinite(data.scores).astype(float)
    d_coefficients, d_items = ours.solve(ours.system(at, items), 1e-6)
    d_B, d_alpha = np.split(d_coefficients.T, [3])
    d_L, d_b = d_items[:, :-1], d_items[:, -1]
    # the dense way: a Jacobian by finite differences of all parameters
    parts = [fit.intercepts, fit.slopes, fit.loadings, fit.offsets]
    cuts = np.cumsum([0, *(p.size for p in parts)])

    def residual(z):
        a, B, L, b = (z[i:j].reshape(p.shape) for i, j, p in zip(cuts[:-1], cuts[1:], parts, strict=True))
        answers = inverse((a[data.family] + data.covariates @ B) @ L.T + b, data.score_floor)
        return (known * (np.nan_to_num(data.scores) - answers)).ravel()

    z = np.concatenate([p.ravel() for p in parts])
    J = np.array([(residual(z + 1e-6 * e) - residual(z - 1e-6 * e)) / 2e-6 for e in np.eye(len(z))]).T
    g, c = (part.ravel() for part in derivatives(r, known))
    H = J.T @ (c[:, None] * J)
    dense = np.linalg.solve(H + 1e-6 * np.diag(np.maximum(H.diagonal(), 1e-3)), -J.T @ g)
    ours = np.concatenate([d_alpha.ravel(), d_B.ravel(), d_L.ravel(), d_b])
    # rotations of the skills change no score: compare what the step does
    np.testing.assert_allclose(J @ ours, J @ dense, atol=1e-4)


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_exact_scores_are_found_again(gaps):
    data, _ = simulate(gaps=gaps)
    fit = fit_low_rank(data, 2)
    assert fit.objective < 1e-6
    whole, _ = simulate()
    answers = inverse(fit.skills(whole.covariates, whole.family) @ fit.loadings.T + fit.offsets, whole.score_floor)
    here = np.isfinite(data.scores)
    np.testing.assert_allclose(answers[here], whole.scores[here], atol=1e-3)


def test_no_other_optimiser_gets_lower():
    data, _ = simulate(noise=0.03)
    fit = fit_low_rank(data, 2)
    known = np.ones_like(data.scores)
    parts = [fit.intercepts, fit.slopes, fit.loadings, fit.offsets]
    cuts = np.cumsum([0, *(p.size for p in parts)])

    def objective(z):
        a, B, L, b = (z[i:j].reshape(p.shape) for i, j, p in zip(cuts[:-1], cuts[1:], parts, strict=True))
        theta = a[data.family] + data.covariates @ B
        share = logistic(theta @ L.T + b)
        span = 1 - data.score_floor
        r = data.scores - data.score_floor - span * share
        by_eta = -derivatives(r, known)[0] / r.size * span * share * (1 - share)
        member = np.eye(len(a))[data.family]
        gradient = [member.T @ by_eta @ L, data.covariates.T @ by_eta @ L, by_eta.T @ theta, by_eta.sum(axis=0)]
        return huber(r, known), np.concatenate([p.ravel() for p in gradient])

    z = np.concatenate([p.ravel() for p in parts])
    polished = minimize(objective, z, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    assert fit.objective <= polished.fun * 1.001


def test_the_fit_is_the_same_twice_and_stops_at_a_target():
    data, _ = simulate(noise=0.03)
    one, two = fit_low_rank(data, 2), fit_low_rank(data, 2)
    np.testing.assert_array_equal(one.loadings, two.loadings)
    early = fit_low_rank(data, 2, target=one.objective * 1.05)
    assert one.objective < early.objective <= one.objective * 1.05
    assert early.n_iter < one.n_iter
    shaken = fit_low_rank(data, 2, search=QUICK)
    assert shaken.objective <= one.objective * 1.001


def test_more_skills_than_benchmarks_are_cut():
    data, _ = simulate(J=2)
    assert fit_low_rank(data, 5).loadings.shape == (2, 2)


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_what_single_precision_reaches_is_reached_in_double(gaps):
    data, _ = simulate(noise=0.03, gaps=gaps)
    target = 1.01 * fit_low_rank(data, 2).objective
    fit = fit_low_rank(data, 2, target=target, search=QUICK)
    answers = inverse(fit.skills(data.covariates, data.family) @ fit.loadings.T + fit.offsets, data.score_floor)
    known = np.isfinite(data.scores).astype(float)
    exact = huber(np.nan_to_num(data.scores - answers), known)
    assert exact <= target
    assert fit.objective == pytest.approx(exact, rel=1e-6)


def test_where_the_link_is_nearly_straight_the_start_is_the_fit():
    data, truth = simulate()
    flat = LowRank(truth.intercepts, truth.slopes, 0.02 * truth.loadings, truth.offsets)
    scores = inverse(flat.skills(data.covariates, data.family) @ flat.loadings.T + flat.offsets, data.score_floor)
    ours = Steps(Factors(scores, data.covariates, data.family, data.score_floor), 2)
    assert np.abs(ours.at(*ours.start()).residual).max() < 0.05 * np.ptp(scores, axis=0).min()


@pytest.mark.parametrize("search", [THOROUGH, QUICK])
@pytest.mark.parametrize("case", ["one benchmark", "families of one", "equal covariates", "an empty benchmark", "few"])
def test_thin_tables_are_fitted(case, search):
    data, _ = simulate(n_families=3 if case == "few" else 12, J=1 if case == "one benchmark" else 4, noise=0.02)
    if case == "families of one":
        data = replace(data, family=np.arange(len(data.scores)))
    elif case == "equal covariates":
        data = replace(data, covariates=np.repeat(data.covariates[:, :1], 3, axis=1))
    elif case == "an empty benchmark":
        data.scores[:, 1] = np.nan
    elif case == "few":
        data = Factors(data.scores[::5], data.covariates[::5], data.family[::5], data.score_floor)
    fit = fit_low_rank(data, 2, search=search)
    assert np.isfinite(fit.objective)
    assert np.isfinite(fit.loadings).all()
    assert fit.objective < (0.1 if case == "equal covariates" else 0.03)
