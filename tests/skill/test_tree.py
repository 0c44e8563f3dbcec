"""Elimination leaf by leaf against one dense matrix of all unknowns."""

import itertools

import numpy as np
import pytest
from scipy.linalg import block_diag

from obslaws.skill.blocks import Groups, spd_inverse, spd_logdet
from obslaws.skill.tree import Nesting, System

# elimination and one dense solve differ by rounding alone: condition numbers here are below 1e4
EXACT = {"rtol": 1e-9, "atol": 1e-10}


def spd(rng, *shape):
    root = rng.standard_normal((*shape, shape[-1]))
    return root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(shape[-1])


class Dense:
    """The same system with nothing eliminated, in the order models, families, base families, shared."""

    def __init__(self, d, p=3, n_own=2, n_items=7, seed=0):
        rng = np.random.default_rng(seed)
        family, base = np.array([0, 1, 1, 3, 0, 2, 2, 1, 3]), np.array([1, 0, 1, 2])
        m, f, b = len(family), len(base), 3
        q = d + n_own
        self.nesting, self.d, self.q, self.k = Nesting(family, base, b), d, q, p * d
        self.x = rng.standard_normal((m, p))
        prior, family_precision, base_precision = spd(rng, m, d), spd(rng, d), spd(rng, d)
        own_precision = rng.uniform(0.5, 2.0, n_own)
        cuts = np.cumsum([0, m * d, f * d, b * q, p * d + n_items])
        self.at = [slice(*pair) for pair in itertools.pairwise(cuts)]
        models, families, bases, last = self.at
        shared = block_diag(spd(rng, p * d), spd(rng, n_items))
        full = np.zeros((cuts[-1], cuts[-1]))
        full[last, last] = shared
        # likelihood curvature as a Gauss-Newton one is, J'J; a model's cells see its base family's own intercepts just
        # as they see the shared intercepts, which are the first of the benchmark parameters
        jacobians = rng.standard_normal((m, 4, d + n_items))
        skills, items = jacobians[:, :, :d], jacobians[:, :, d:]
        own_columns = bases.start + np.arange(b)[:, None] * q + d + np.arange(n_own)
        wide = np.zeros((m, 4, cuts[-1]))
        for row in range(m):
            wide[row][:, row * d : (row + 1) * d] = skills[row]
            wide[row][:, own_columns[base[family[row]]]] = items[row][:, :n_own]
            wide[row][:, last.start + self.k :] = items[row]
        full += np.einsum("mri,mrj->ij", wide, wide)
        data, coupling = np.swapaxes(skills, 1, 2) @ skills, np.swapaxes(skills, 1, 2) @ items
        per_model = np.swapaxes(items[:, :, :n_own], 1, 2) @ items
        own = np.stack([per_model[base[family] == at].sum(axis=0) for at in range(b)])
        shared[self.k :, self.k :] += np.einsum("mri,mrj->ij", items, items)
        # residual, deviation and base effect as linear maps of all unknowns, each with its precision
        effect = np.kron(np.eye(b), np.eye(d, q))
        self.residual = np.zeros((m * d, cuts[-1]))
        self.residual[:, models] = np.eye(m * d)
        self.residual[:, families] = -np.kron(np.eye(f)[family], np.eye(d))
        self.residual[:, last][:, : self.k] = -np.kron(self.x, np.eye(d))
        self.deviation = np.zeros((f * d, cuts[-1]))
        self.deviation[:, families] = np.eye(f * d)
        self.deviation[:, bases] = -np.kron(np.eye(b)[base], np.eye(d)) @ effect
        full += self.residual.T @ block_diag(*prior) @ self.residual
        full += self.deviation.T @ np.kron(np.eye(f), family_precision) @ self.deviation
        full[bases, bases] += np.kron(np.eye(b), block_diag(base_precision, np.diag(own_precision)))
        self.full = full
        self.system = System(
            self.nesting, self.x, data, prior, coupling, own, shared.copy(), family_precision, base_precision,
            own_precision,
        )  # fmt: skip
        sizes = (m, d), (f, d), (b, q), (cuts[-1] - cuts[3],)
        self.gradients = tuple(rng.standard_normal(size) for size in sizes)

    def blocks(self, cov, width):
        """Diagonal blocks of a covariance."""
        n = len(cov) // width
        return cov.reshape(n, width, n, width)[np.arange(n), :, np.arange(n), :]


@pytest.fixture(params=[1, 2, 3, 4])
def dense(request):
    return Dense(request.param)


def test_solve_is_the_dense_solve(dense):
    wanted = np.linalg.solve(dense.full, np.concatenate([g.ravel() for g in dense.gradients]))
    found = np.concatenate([step.ravel() for step in dense.system.solve(dense.gradients)])
    np.testing.assert_allclose(found, wanted, **EXACT)


@pytest.mark.parametrize("takes_part", ["model", "family", "base", "shared", "model and family"])
def test_covariance_with_one_combination_is_the_dense_one(dense, takes_part):
    rng, (n_models, _, _, n_shared) = np.random.default_rng(3), (len(g) for g in dense.gradients)
    for row in range(n_models):
        family = dense.nesting.family[row]
        base = dense.nesting.base[family]
        by_model, by_family, by_base = (rng.standard_normal(size) for size in (dense.d, dense.d, dense.q))
        by_family = by_family if "family" in takes_part else np.zeros(dense.d)
        shared, (m, f, b) = rng.standard_normal(n_shared), (row, family, base)
        m, f = (m if "model" in takes_part else -1), (f if takes_part not in ("base", "shared") else -1)
        b = b if takes_part != "shared" else -1
        sparse = [np.zeros_like(g) for g in dense.gradients[:3]]
        for at, part, coefficients in zip((m, f, b), sparse, (by_model, by_family, by_base), strict=True):
            if at >= 0:
                part[at] = coefficients
        wanted = np.linalg.solve(dense.full, np.concatenate([*(p.ravel() for p in sparse), shared]))
        steps = dense.system.covariance_with((m, by_model), (f, by_family), (b, by_base), shared)
        np.testing.assert_allclose(np.concatenate([step.ravel() for step in steps]), wanted, **EXACT)


def test_damping_is_on_the_diagonal_of_what_is_left_for_the_shared_parameters(dense):
    full = dense.full.copy()
    diagonal = np.diag_indices(len(full))
    full[diagonal] += np.r_[np.zeros(dense.at[3].start), 0.7 * np.diag(dense.system.shared)]
    wanted = np.linalg.solve(full, np.concatenate([g.ravel() for g in dense.gradients]))
    found = np.concatenate([step.ravel() for step in dense.system.solve(dense.gradients, damping=0.7)])
    np.testing.assert_allclose(found, wanted, **EXACT)


def test_log_determinant(dense):
    left = np.linalg.slogdet(dense.system.shared)[1]
    np.testing.assert_allclose(dense.system.logdet() + left, np.linalg.slogdet(dense.full)[1], **EXACT)


def test_every_covariance_is_a_block_of_the_dense_inverse(dense):
    cov = np.linalg.inv(dense.full)
    system, response = dense.system, dense.system.response()
    models, families, bases, last = dense.at
    np.testing.assert_allclose(system.shared_cov, cov[last, last], **EXACT)
    residual, deviation = (a @ cov @ a.T for a in (dense.residual, dense.deviation))
    nesting = dense.nesting
    for kind, above, wanted in (
        ("model", nesting.base_of_model, cov[models, models]),
        ("family", nesting.base, cov[families, families]),
        ("residual", nesting.base_of_model, residual),
        ("deviation", nesting.base, deviation),
    ):
        found = getattr(response, kind).covariance(response.base_noise[above], system.shared_cov)
        np.testing.assert_allclose(found, dense.blocks(wanted, dense.d), err_msg=kind, **EXACT)
    found = response.base_noise + response.base @ system.shared_cov @ np.swapaxes(response.base, 1, 2)
    np.testing.assert_allclose(found, dense.blocks(cov[bases, bases], dense.q), **EXACT)
    across = response.model.response.reshape(-1, len(system.shared)) @ system.shared_cov
    np.testing.assert_allclose(across, cov[models, last], **EXACT)


def test_models_and_their_base_family_move_together(dense):
    cov = np.linalg.inv(dense.full)
    system, response = dense.system, dense.system.response()
    models, _, bases, _ = dense.at
    for row, base in enumerate(dense.nesting.base_of_model):
        found = response.model.follow[row] @ response.base_noise[base]
        found = found + response.model.response[row] @ system.shared_cov @ response.base[base].T
        wanted = cov[models, bases][row * dense.d : (row + 1) * dense.d, base * dense.q : (base + 1) * dense.q]
        np.testing.assert_allclose(found, wanted, **EXACT)


def test_response_to_slopes_alone_is_the_first_part(dense):
    whole, part = dense.system.response(), dense.system.response(slopes_only=True)
    np.testing.assert_allclose(part.base, whole.base[:, :, : dense.k], **EXACT)
    for kind in ("model", "residual", "family", "deviation"):
        one, two = getattr(part, kind), getattr(whole, kind)
        np.testing.assert_allclose(one.response, two.response[:, :, : dense.k], **EXACT)
        np.testing.assert_array_equal(one.follow, two.follow)
        np.testing.assert_array_equal(one.inner, two.inner)


def test_branches_share_out_all_models_and_families():
    nesting = Dense(1).nesting
    branches = [nesting.branch(base) for base in range(nesting.n_bases)]
    assert sorted(np.concatenate([models for models, _, _ in branches])) == list(range(9))
    assert sorted(np.concatenate([families for _, families, _ in branches])) == list(range(4))
    for models, families, part in branches:
        np.testing.assert_array_equal(families[part.family], nesting.family[models])
        assert part.n_bases == 1


def test_eliminated_branches_add_up(at_random):
    """What each base family leaves on the shared parameters sums to the whole: the ground that replay stands on."""
    problem, state, variances, precision, penalty = at_random
    whole = problem.linearise(state, variances, precision, penalty)
    shared, rhs = np.zeros_like(whole.system.shared), np.zeros(len(whole.system.shared))
    for base in range(problem.data.nesting.n_bases):
        models, families, part = problem.branch(base)
        there = type(state)(
            state.skills[models], state.family[families], state.base[[base]], state.own[[base]], state.slopes,
            state.intercepts, state.loadings, state.ceiling_logits, state.floor_logits,
        )  # fmt: skip
        own = part.linearise(there, variances, precision[models], penalty)
        shared, rhs = shared + own.system.shared, rhs + own.system.reduce(own.gradients)[3]
    # the priors of the shared parameters are counted once, outside all branches
    empty = type(problem)(
        type(problem.data)(
            np.full_like(problem.data.scores, np.nan), problem.data.covariates, problem.data.covariate_cov,
            problem.data.score_floor, problem.data.n_items, problem.data.nesting,
        ),
        problem.d,
        problem.priors,
    )  # fmt: skip
    empty.centre = problem.centre
    prior = empty.linearise(state, variances, precision, penalty)
    np.testing.assert_allclose(shared + prior.system.shared, whole.system.shared, rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(
        rhs + prior.system.reduce(prior.gradients)[3], whole.system.reduce(whole.gradients)[3], rtol=1e-8, atol=1e-7
    )


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
def test_small_inverses(d):
    blocks = spd(np.random.default_rng(d), 6, d)
    np.testing.assert_allclose(spd_inverse(blocks), np.linalg.inv(blocks), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(spd_logdet(blocks), sum(np.log(np.linalg.det(b)) for b in blocks), rtol=1e-10)


@pytest.mark.parametrize("index", [[0, 1, 2], [0, 0, 2, 2, 2], [2, 0, 2, 1, 0], [3]])
def test_sums_by_group_are_those_of_a_loop(index):
    values = np.arange(len(index) * 6.0).reshape(len(index), 2, 3)
    wanted = np.zeros((4, 2, 3))
    for group, row in zip(index, values, strict=True):
        wanted[group] += row
    np.testing.assert_array_equal(Groups(np.array(index, dtype=np.intp), 4).sum(values), wanted)


@pytest.mark.parametrize("index", [[0, 1, 2], [0, 0, 2, 2, 2], [2, 0, 2, 1, 0], [3]])
def test_products_by_group_are_those_of_a_loop(index):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((len(index), 2, 3)), rng.standard_normal((len(index), 2, 4))
    wanted = np.zeros((4, 3, 4))
    for group, one, two in zip(index, left, right, strict=True):
        wanted[group] += one.T @ two
    np.testing.assert_allclose(Groups(np.array(index, dtype=np.intp), 4).products(left, right), wanted, rtol=1e-12)
