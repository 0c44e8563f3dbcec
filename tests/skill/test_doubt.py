"""Doubt about curves that are extrapolated: against one vector of all unknowns, and where it must not speak."""

from dataclasses import replace

import numpy as np
import pytest

from obslaws.skill import doubt
from obslaws.skill.doubt import curve_doubt
from obslaws.skill.fit import fit_skills


@pytest.fixture(scope="module")
def fit(data):
    """Two benchmarks are known for the weaker models alone."""
    scores = data.scores.copy()
    strong = np.nanmean(scores, axis=1) > np.nanmedian(np.nanmean(scores, axis=1))
    scores[np.ix_(strong, [1, 3])] = np.nan
    return fit_skills(replace(data, scores=scores), 2)


@pytest.fixture(scope="module")
def oracle(fit, dense_of):
    return dense_of(fit)


def expected(fit, oracle, m, j):
    """How far a logit varies by its benchmark's curve, the others held, and its covariance with the ceiling."""
    nesting = fit.problem.data.nesting
    base = nesting.base_of_model[m]
    by_all = oracle.row(m, nesting.family[m], base, nesting.lab[base], None, j)
    shared = np.arange(oracle.at[3], oracle.at[8])
    rest = np.setdiff1d(np.arange(oracle.at[-1]), shared)
    precision = np.linalg.inv(oracle.cov)
    follow = -np.linalg.solve(precision[np.ix_(rest, rest)], precision[np.ix_(rest, shared)])
    by_shared = np.zeros(oracle.at[-1])
    by_shared[shared] = by_all[shared] + by_all[rest] @ follow
    items = oracle.items(j)
    others = np.linalg.inv(oracle.cov[np.ix_(shared, shared)])[np.ix_(items - shared[0], items - shared[0])]
    curve = items[:3]
    spread = by_shared[curve] @ np.linalg.inv(others)[:3, :3] @ by_shared[curve]
    return spread, by_all @ oracle.cov[:, items[3]], oracle.cov[items[3], items[3]]


def extrapolated(fit):
    """Models whose logit no scored model of the benchmark reaches, or all of them exceed; one cell at a time."""
    state, base, mask = fit.state, fit.problem.data.nesting.base_of_model, fit.problem.mask
    logit = state.intercepts + state.own[base] + state.skills @ state.loadings.T
    out = np.zeros(mask.shape, dtype=bool)
    for m, j in np.ndindex(mask.shape):
        scored = logit[mask[:, j], j]
        out[m, j] = not scored.min() <= logit[m, j] <= scored.max()
    return out


def test_against_one_vector_of_all_unknowns(fit, oracle):
    rows = np.arange(len(fit.state.skills))
    logit_var, score_var = curve_doubt(fit, rows)
    mask, cells, outside = fit.problem.mask, fit.cells, extrapolated(fit)
    assert 5 < outside.sum() < 0.6 * outside.size
    assert not (outside & mask).any()
    for j in range(mask.shape[1]):
        spread, with_end, end_var = np.array([expected(fit, oracle, m, j) for m in rows]).T
        beyond = np.maximum(spread - spread[mask[:, j]].mean(), 0.0)
        np.testing.assert_allclose(logit_var[:, j], (doubt._STEEP - 1.0) * beyond * outside[:, j], rtol=1e-6, atol=1e-9)
        net = cells.lift[:, j] + cells.slope[:, j] * with_end / end_var
        np.testing.assert_allclose(score_var[:, j], net**2 * end_var * outside[:, j], rtol=1e-6, atol=1e-12)


def test_rows_are_asked_for_by_number(fit):
    every = curve_doubt(fit, np.arange(len(fit.state.skills)))
    some = curve_doubt(fit, np.array([4, 1]))
    for whole, part in zip(every, some, strict=True):
        np.testing.assert_array_equal(part, whole[[4, 1]])


def test_weight_of_one_adds_nothing_to_logits(fit, monkeypatch):
    monkeypatch.setattr(doubt, "_STEEP", 1.0)
    logit_var, score_var = curve_doubt(fit, np.arange(len(fit.state.skills)))
    assert not logit_var.any()
    np.testing.assert_array_equal(score_var > 0.0, extrapolated(fit))
