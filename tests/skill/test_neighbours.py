"""Residuals carried over to siblings, beside a textbook's formulas and a simulated family that bends."""

from dataclasses import replace

import numpy as np
import pytest

from obslaws.links import clipped_logit, logistic
from obslaws.simulate import simulate_panel
from obslaws.skill.fit import fit_skills
from obslaws.skill.neighbours import RANGE, Residuals, closeness, enclosed
from obslaws.skill.predict import Relatives, logits

SHARE = 0.8


@pytest.fixture(scope="module")
def fit(data):
    return fit_skills(data, 2)


def dense_kriging(fit, family, size):
    """Simple kriging by its formula: one family, one benchmark at a time, one cell after the other."""
    data, state, noise = fit.problem.data, fit.state, fit.variances.noise
    cells = fit.problem.cells(state, noise)
    rows = [m for m in range(len(data.scores)) if data.nesting.family[m] == family and np.isfinite(data.size[m])]
    rows = [m for m in rows if fit.problem.mask[m].any()]

    def kernel(a, b):
        r = np.sqrt(3) * abs(a - b) / RANGE
        return (1 + r) * np.exp(-r)

    stray = np.array([state.skills[m] - data.covariates[m] @ state.slopes - state.family[family] for m in rows])
    k = np.array([[SHARE * kernel(data.size[a], data.size[b]) for b in rows] for a in rows])
    across = np.array([SHARE * kernel(size, data.size[m]) for m in rows])
    skills = across @ np.linalg.inv(k + (1 - SHARE) * np.eye(len(rows))) @ stray
    out = state.loadings @ skills
    for j in range(data.scores.shape[1]):
        usual = np.mean([cells.slope[m, j] ** 2 for m in range(len(data.scores)) if fit.problem.mask[m, j]])
        here = [m for m in rows if fit.problem.mask[m, j]]
        if not here:
            continue
        slope = cells.slope[here, j]
        bend = SHARE * noise[j] / usual * np.array([[kernel(data.size[a], data.size[b]) for b in here] for a in here])
        cov = slope[:, None] * slope * bend + np.diag(cells.variance[here, j] - SHARE * noise[j])
        to = SHARE * noise[j] / usual * np.array([kernel(size, data.size[m]) for m in here]) * slope
        out[j] += to @ np.linalg.inv(cov) @ (fit.problem.y - fit.problem.curve(state)[1])[here, j]
    return out


def test_it_is_simple_kriging(fit):
    families = range(fit.problem.data.nesting.n_families)
    for size in (31.0, 33.7):
        found = fit.residuals.carried(np.array([-1] * len(families)), np.array(families), np.full(len(families), size))
        wanted = np.array([dense_kriging(fit, family, size) for family in families])
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_siblings_enclose_what_lies_between_them(fit):
    data, residuals = fit.problem.data, fit.residuals
    family = int(np.argmax(np.bincount(data.nesting.family)))
    sizes = data.size[residuals.siblings(family)]
    low, high = sizes.min(), sizes.max()
    asked = np.array([low - 1.0, low, (low + high) / 2.0, high, np.nan])
    np.testing.assert_array_equal(
        residuals.enclose(np.full(5, family), asked)[:, 0], [False, False, True, False, False]
    )
    assert not residuals.enclose(np.full(5, -1), asked).any()


def test_siblings_enclose_on_benchmarks_that_they_were_scored_on():
    sizes = np.array([1.0, 2.0, 4.0])
    seen = np.array([[True, False, True, False], [True, True, False, False], [True, True, False, False]])
    found = enclosed(np.array([1.5, 3.0, 4.0 - 1e-9]), sizes, seen)
    np.testing.assert_array_equal(found, [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert not enclosed(np.array([1.0]), sizes[:0], seen[:0]).any()


def test_nothing_is_carried_without_a_size_a_family_or_from_far(fit):
    data = fit.problem.data
    far = np.nanmax(data.size) + 60.0
    who = np.array([-1, -1, -1]), np.array([0, -1, 0]), np.array([np.nan, data.size[0], far])
    np.testing.assert_allclose(fit.residuals.carried(*who), 0.0, atol=1e-12)


def test_a_fitted_model_takes_only_what_its_own_scores_do_not_tell(fit):
    data, n = fit.problem.data, len(fit.problem.data.scores)
    found = fit.residuals.carried(np.arange(n), data.nesting.family, data.size)
    seen = np.isfinite(data.scores)
    assert (found[seen] == 0.0).all()
    lacking = ~seen & np.isfinite(data.size)[:, None]
    assert lacking.any() and (found[lacking] != 0.0).all()
    whole = replace(fit.residuals, by_skill=np.full(seen.shape, 100.0))
    np.testing.assert_array_equal(found, whole.carried(np.arange(n), data.nesting.family, data.size))


def test_logits_hold_what_is_carried_over(fit):
    data, row = fit.problem.data, int(np.flatnonzero(np.isfinite(fit.problem.data.size))[2])
    f = data.nesting.family[[row]]
    nobody = np.array([-1])
    kin = nobody, f, data.nesting.base[f], nobody
    told, untold = (
        Relatives(*kin, size, data.covariates[[row]], np.zeros_like(data.covariate_cov[[row]]))
        for size in (data.size[[row]] + 0.4, np.array([np.nan]))
    )
    (mean, cov), (plain, same) = logits(fit, told), logits(fit, untold)
    np.testing.assert_allclose(mean - plain, fit.residuals.carried(nobody, f, told.size), atol=1e-12)
    np.testing.assert_array_equal(cov, same)


def test_correlation_falls_with_distance():
    distance = np.linspace(0.0, 10.0, 50)
    found = closeness(distance)
    assert found[0] == 1.0 and (np.diff(found) < 0).all() and found[-1] < 0.01


@pytest.mark.parametrize("bent", [True, False])
def test_a_bend_of_a_family_on_a_benchmark_is_followed(make_data, bent):
    """The larger half of one family is better at one benchmark: a hidden model between two of them is, too."""
    panel = simulate_panel(n_families=24, noise=0.01, random_state=2).panel
    data = make_data(panel)
    most = np.bincount(data.nesting.family).argmax()
    family = np.flatnonzero(data.nesting.family == most)
    order = family[np.argsort(data.size[family])]
    size = data.size.copy()
    size[order] = 30.0 + 0.5 * np.arange(len(order))  # half a doubling from one to the next
    scores = data.scores.copy()
    high = order[len(order) // 2 :]
    scores[high, 0] = logistic(clipped_logit(scores[high, 0], margin=0.01) + (1.5 if bent else 0.0))
    hidden, truth = high[1], scores[high[1], 0]
    scores[hidden] = np.nan
    fit = fit_skills(replace(data, scores=scores, size=size), 2)
    carried = fit.residuals.carried(np.array([hidden]), np.array([most]), size[[hidden]])[0, 0]
    floor, ceiling = fit.problem.asymptotes(fit.state)
    plain = fit.problem.curve(fit.state)[0][hidden, 0]
    without = floor[0] + (ceiling[0] - floor[0]) * plain
    with_kin = floor[0] + (ceiling[0] - floor[0]) * logistic(np.log(plain / (1 - plain)) + carried)
    if bent:
        assert abs(with_kin - truth) < 0.6 * abs(without - truth)
    else:
        assert abs(with_kin - without) < 0.03


def test_a_problem_of_one_branch_gives_that_branch(fit):
    """A replay asks a part of the data: with nothing hidden the residuals are those of the whole."""
    data, n = fit.problem.data, len(fit.problem.data.scores)
    whole = fit.residuals.carried(np.full(n, -1), data.nesting.family, data.size)
    for base in range(data.nesting.n_bases):
        models, families, part = fit.problem.branch(base)
        state = replace(
            fit.state, skills=fit.state.skills[models], family=fit.state.family[families],
            base=fit.state.base[[base]], own=fit.state.own[[base]],
        )  # fmt: skip
        cells = part.cells(state, fit.variances.noise)
        found = Residuals.of(part, state, fit.variances, cells, fit.steep)
        carried = found.carried(np.full(len(models), -1), part.data.nesting.family, part.data.size)
        np.testing.assert_allclose(carried, whole[models], atol=1e-10)
