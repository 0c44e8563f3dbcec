"""The objective's derivatives, and what its curvature is."""

import dataclasses

import numpy as np
import pytest

from obslaws.links import logistic
from obslaws.skill.problem import Priors, Problem


def shapes(state):
    n_shared = state.slopes.size + state.intercepts.size + state.loadings.size + 2 * state.intercepts.size
    bases = (len(state.base), state.base.shape[1] + state.own.shape[1])
    return state.skills.shape, state.family.shape, bases, state.lab.shape, (n_shared,)


def unpack(vector, state):
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes(state)])[:-1]
    return tuple(part.reshape(shape) for part, shape in zip(np.split(vector, cuts), shapes(state), strict=True))


def flat(steps):
    return np.concatenate([step.ravel() for step in steps])


def numeric_gradient(function, n, step=1e-5):
    """Central differences: the error of order step^2 = 1e-10 stays below that of rounding, about 1e-10 relative."""
    out = np.zeros(n)
    for i in range(n):
        move = np.zeros(n)
        move[i] = step
        out[i] = (function(move) - function(-move)) / (2 * step)
    return out


def test_gradients_are_those_of_the_objective(at_random):
    problem, state, variances, precision, penalty = at_random
    here = problem.linearise(state, variances, precision, penalty)
    downhill = flat(here.gradients)

    def objective(vector):
        moved = state.moved(unpack(vector, state))
        return problem.objective(moved, variances, precision, here.cells.variance, penalty)

    found = numeric_gradient(objective, len(downhill))
    np.testing.assert_allclose(-found, downhill, rtol=1e-6, atol=1e-6 * np.abs(downhill).max())


def test_curvature_is_the_gauss_newton_one(at_random):
    """J'WJ from numeric derivatives of the expected scores, weights held, plus the priors' curvature."""
    problem, state, variances, precision, penalty = at_random
    here = problem.linearise(state, variances, precision, penalty)
    n = len(flat(here.gradients))

    def expected(vector):
        return problem.curve(state.moved(unpack(vector, state)))[1].ravel()

    step = 1e-5
    jacobian = np.column_stack([(expected(step * e) - expected(-step * e)) / (2 * step) for e in np.eye(n)])
    weight = here.cells.weight.ravel()
    # the priors are quadratic: differences of their gradient are exact; an objective without cells has nothing else
    empty = dataclasses.replace(problem.data, scores=np.full_like(problem.data.scores, np.nan))
    prior = Problem(empty, problem.d, problem.priors)
    prior.centre = problem.centre

    def prior_gradient(vector):
        moved = state.moved(unpack(vector, state))
        return -flat(prior.linearise(moved, variances, precision, penalty).gradients)

    curvature = np.column_stack([(prior_gradient(e) - prior_gradient(-e)) / 2 for e in np.eye(n)])
    curvature += jacobian.T @ (weight[:, None] * jacobian)
    rhs = np.random.default_rng(0).standard_normal(n)
    wanted = np.linalg.solve(curvature, rhs)
    found = flat(here.system.solve(unpack(rhs, state)))
    # differences of step 1e-5 leave a relative error of 1e-9, times a condition number of about 1e3
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_missing_cells_count_for_nothing(at_random):
    problem, state, variances, precision, penalty = at_random
    here = problem.linearise(state, variances, precision, penalty)
    hidden = ~problem.mask
    assert hidden.any()
    for part in (here.cells.weight, here.cells.residual, here.cells.curvature):
        assert (part[hidden] == 0).all()


def test_asymptotes_stay_inside(at_random):
    problem, state, *_ = at_random
    floor, ceiling = problem.asymptotes(state)
    guessing = problem.data.score_floor
    assert (floor <= guessing).all()
    assert ((guessing < ceiling) & (ceiling < 1)).all()
    share, expected = problem.curve(state)
    own = state.own[problem.data.nesting.base_of_model]
    np.testing.assert_allclose(share, logistic(state.intercepts + own + state.skills @ state.loadings.T))
    assert ((floor <= expected) & (expected <= ceiling)).all()


def test_item_sampling_adds_to_the_noise(at_random):
    problem, *_ = at_random
    noise = np.full(problem.data.scores.shape[1], 1e-4)
    half = problem.cell_variance(np.full(problem.data.scores.shape, 0.5), noise)
    np.testing.assert_allclose(half[0], 1e-4 + 0.25 / problem.data.n_items)
    endless = Problem(dataclasses.replace(problem.data, n_items=np.full(len(noise), np.inf)), 2, Priors())
    np.testing.assert_array_equal(endless.cell_variance(half, noise), np.broadcast_to(noise, half.shape))


def test_unknown_covariates_widen_the_prior(at_random):
    problem, state, variances, precision, _ = at_random
    told = ~problem.data.covariate_cov.any(axis=(1, 2))
    assert told.any()
    assert not told.all()
    np.testing.assert_allclose(precision[told], np.linalg.inv(variances.model)[None].repeat(told.sum(), axis=0))
    gain = np.linalg.inv(precision[~told]) - variances.model
    wanted = state.slopes.T @ problem.data.covariate_cov[~told] @ state.slopes
    np.testing.assert_allclose(gain, wanted, atol=1e-10)


@pytest.mark.parametrize("n_skills", [1, 2, 3])
def test_start_has_the_shapes_of_the_problem(data, n_skills):
    state, variances = Problem(data, n_skills, Priors()).start()
    assert state.skills.shape == (data.scores.shape[0], n_skills)
    assert state.loadings.shape == (data.scores.shape[1], n_skills)
    assert all(np.isfinite(v).all() for v in vars(state).values())
    assert variances.model.shape == variances.lab.shape == (n_skills, n_skills)
    assert state.lab.shape == (data.nesting.n_labs, n_skills)


def test_more_skills_than_benchmarks_start_without_loadings(data):
    facts = {name: getattr(data, name)[:1] for name in ("score_floor", "n_items", "known_ceiling")}
    one = dataclasses.replace(data, scores=data.scores[:, :1], **facts)
    state, _ = Problem(one, 2, Priors()).start()
    assert (state.loadings[:, 1] == 0).all()


def test_the_room_is_penalised_by_what_is_not_known_of_the_logits(at_random):
    """Half the curvature times the variance of the logit, differentiated by the asymptotes at held shares."""
    problem, state, *_ = at_random
    variance = np.random.default_rng(1).uniform(0.1, 0.3, problem.mask.shape)
    share, _ = problem.curve(state)
    weight = problem.cells(state, np.full(problem.mask.shape[1], 1e-4)).weight

    def cost(ceilings, floors):
        moved = dataclasses.replace(
            state, ceiling_logits=state.ceiling_logits + ceilings, floor_logits=state.floor_logits + floors
        )
        floor, ceiling = problem.asymptotes(moved)
        slope = (ceiling - floor) * share * (1.0 - share)
        return (0.5 * weight * slope**2 * variance).sum(axis=0)

    heat = 2.0 * cost(0.0, 0.0)
    wanted = [(cost(1e-5, 0.0) - cost(-1e-5, 0.0)) / 2e-5, (cost(0.0, 1e-5) - cost(0.0, -1e-5)) / 2e-5]
    np.testing.assert_allclose(heat[:, None] * problem.room_slope(state), np.column_stack(wanted), rtol=1e-6, atol=1e-8)
