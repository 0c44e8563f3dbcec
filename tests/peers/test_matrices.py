"""Epoch's index, completion and the beta model on tables whose truth is known."""

import numpy as np
import pytest

from obslaws.links import logistic
from obslaws.peers.beta import fit_beta
from obslaws.peers.completion import complete, pairwise, row_factors
from obslaws.peers.irt import capability, fit_two_parameter
from obslaws.peers.lowrank import Factors
from obslaws.peers.separate import fit_law


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    C, D, a = rng.normal(size=60), rng.normal(size=12), rng.uniform(0.5, 2, size=12)
    scores = logistic(a * (C[:, None] - D))
    return scores, np.where(rng.uniform(size=scores.shape) < 0.5, scores, np.nan)


def test_two_parameter_model_fills_in_what_it_made(answers):
    whole, seen = answers
    fit = fit_two_parameter(seen)
    np.testing.assert_allclose(fit.scores(fit.capabilities), whole, atol=0.05)  # the ridge draws a little
    # a model's capability is that of its own scores, others as fitted
    np.testing.assert_allclose(capability(fit, seen), fit.capabilities, atol=2e-3)


def test_two_parameter_optimum_is_flat(answers):
    _, seen = answers
    fit = fit_two_parameter(seen)
    here = np.isfinite(seen)

    def objective(C, D, a):
        error = np.where(here, np.clip(np.nan_to_num(seen), 1e-3, 1 - 1e-3) - logistic(a * (C[:, None] - D)), 0)
        free = np.arange(12) != here.sum(axis=0).argmax()
        return (error**2).sum() + fit.ridge * ((C**2).sum() + (D**2).sum() + (a[free] ** 2).sum())

    best = objective(fit.capabilities, fit.difficulties, fit.slopes)
    assert best == pytest.approx(fit.objective)
    rng = np.random.default_rng(1)
    anchor = here.sum(axis=0).argmax()
    for _ in range(20):
        moves = [1e-3 * rng.normal(size=n) for n in (60, 12, 12)]
        moves[2][anchor] = 0.0
        assert objective(fit.capabilities + moves[0], fit.difficulties + moves[1], fit.slopes + moves[2]) > best


def test_nothing_known_gives_the_middle_model(answers):
    _, seen = answers
    fit = fit_two_parameter(seen)
    assert capability(fit, np.full((1, 12), np.nan))[0] == np.median(fit.capabilities)


def test_completion_is_a_minimum_and_answers_new_rows_alike():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(40, 1)) + rng.normal(size=(40, 2)) @ rng.normal(size=(2, 9)) * 0.5
    Z[rng.uniform(size=Z.shape) < 0.3] = np.nan
    fit = complete(Z, 2, 0.5, tolerance=1e-12, max_iter=5000)
    np.testing.assert_allclose(row_factors(fit, Z), fit.factors, atol=1e-4)
    here, centre = np.isfinite(Z), np.zeros((9, 3))
    centre[:, 0] = 1

    def objective(factors, loadings, offsets):
        error = np.where(here, np.nan_to_num(Z) - offsets - factors @ loadings.T, 0)
        return (error**2).sum() + 0.5 * ((factors**2).sum() + ((loadings - centre) ** 2).sum())

    best = objective(fit.factors, fit.loadings, fit.offsets)
    for _ in range(20):
        moves = [1e-3 * rng.normal(size=p.shape) for p in (fit.factors, fit.loadings, fit.offsets)]
        assert objective(*(p + m for p, m in zip((fit.factors, fit.loadings, fit.offsets), moves, strict=True))) > best


def test_lines_between_columns_are_the_plain_regressions():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(30, 1)) + 0.3 * rng.normal(size=(30, 4))
    Z[rng.uniform(size=Z.shape) < 0.2] = np.nan
    answers = pairwise(Z, Z)
    i, j = 3, 2
    weights, told = [], []
    for k in (0, 1, 3):
        both = np.isfinite(Z[:, k]) & np.isfinite(Z[:, j])
        x, y = Z[both, k], Z[both, j]
        slope, intercept = np.polyfit(x, y, 1)
        if np.isfinite(Z[i, k]):
            weights.append(np.corrcoef(x, y)[0, 1] ** 2)
            told.append(slope * Z[i, k] + intercept)
    assert answers[i, j] == pytest.approx(np.average(told, weights=weights))


@pytest.mark.parametrize("train_floor", [False, True])
def test_one_law_finds_its_own_curve(train_floor):
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    score = 0.2 + 0.8 * logistic(0.3 + 1.5 * x)
    law = fit_law(np.column_stack([np.ones(80), x]), score, 0.1 if train_floor else 0.2, train_floor)
    np.testing.assert_allclose(law.weights, [0.3, 1.5], atol=1e-2)
    assert law.floor == pytest.approx(0.2, abs=1e-2)


def test_beta_model_finds_slopes_and_precision():
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(40), 5)
    X = rng.normal(size=(200, 2))
    theta = rng.normal(size=40)[family] + X @ np.array([0.8, 0.3])
    mu = 0.2 + 0.8 * logistic(np.outer(theta, [1.0, 0.7, 1.3]) + np.array([0.0, 0.5, -0.5]))
    scores = rng.beta(60 * mu, 60 * (1 - mu))
    fit = fit_beta(Factors(scores, X, family, np.full(3, 0.2)), 1)
    sign = np.sign(fit.loadings.sum())
    np.testing.assert_allclose(
        fit.slopes[:, 0] @ np.diag([sign, sign]) / fit.slopes[0, 0] / sign, [1.0, 0.375], atol=0.1
    )
    np.testing.assert_allclose(fit.loadings[:, 0] / fit.loadings[0, 0], [1.0, 0.7, 1.3], atol=0.12)
    np.testing.assert_allclose(fit.precisions, 60, rtol=0.35)
