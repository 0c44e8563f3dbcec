"""Elimination leaf by leaf against one dense matrix of all unknowns."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag

from obslaws.skill.blocks import Groups, spd_inverse, spd_logdet
from obslaws.skill.combinations import Combinations, Covariances
from obslaws.skill.tree import Nesting, System

# elimination and one dense solve differ by rounding alone: condition numbers here are below 1e4
EXACT = {"rtol": 1e-9, "atol": 1e-10}
EVERY = ("models", "families", "bases", "labs")


def spd(rng, *shape):
    root = rng.standard_normal((*shape, shape[-1]))
    return root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(shape[-1])


class Dense:
    """The same system with nothing eliminated, in the order models, families, base families, labs, shared.

    Lab 0 has three base families, lab 1 has one.
    """

    def __init__(self, d, p=3, n_own=2, n_items=7, seed=0, labs=(0, 1, 0, 0)):
        rng = np.random.default_rng(seed)
        family, base = np.array([0, 1, 1, 3, 0, 2, 2, 1, 3, 4]), np.array([1, 0, 1, 2, 3])
        lab = np.array(labs)
        m, f, b, n_labs = len(family), len(base), len(lab), max(labs) + 1
        q = d + n_own
        self.nesting, self.d, self.q, self.k = Nesting(family, base, lab), d, q, p * d
        self.x = rng.standard_normal((m, p))
        prior, family_precision, base_precision, lab_precision = spd(rng, m, d), *(spd(rng, d) for _ in range(3))
        own_precision = rng.uniform(0.5, 2.0, n_own)
        cuts = np.cumsum([0, m * d, f * d, b * q, n_labs * d, p * d + n_items])
        self.at = [slice(*pair) for pair in itertools.pairwise(cuts)]
        models, families, bases, labs, last = self.at
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
        # residual, deviation and departure as linear maps of all unknowns, each with its precision
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
        self.departure = np.zeros((b * d, cuts[-1]))
        self.departure[:, bases] = effect
        self.departure[:, labs] = -np.kron(np.eye(n_labs)[lab], np.eye(d))
        full += self.departure.T @ np.kron(np.eye(b), base_precision) @ self.departure
        full[bases, bases] += np.kron(np.eye(b), block_diag(np.zeros((d, d)), np.diag(own_precision)))
        full[labs, labs] += np.kron(np.eye(n_labs), lab_precision)
        self.full = full
        self.system = System(
            self.nesting, self.x, data, prior, coupling, own, shared.copy(), family_precision, base_precision,
            lab_precision, own_precision,
        )  # fmt: skip
        sizes = (m, d), (f, d), (b, q), (n_labs, d), (cuts[-1] - cuts[4],)
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


@pytest.mark.parametrize(
    "takes_part", ["model", "family", "base", "lab", "shared", "model and family", "base and lab", "model and lab"]
)
def test_covariance_with_one_combination_is_the_dense_one(dense, takes_part):
    rng, (n_models, _, _, _, n_shared) = np.random.default_rng(3), (len(g) for g in dense.gradients)
    for row in range(n_models):
        family = dense.nesting.family[row]
        base = dense.nesting.base[family]
        d, parts = dense.d, takes_part.split(" and ")
        coefficients = [rng.standard_normal(size) for size in (d, d, dense.q, d)]
        shared = rng.standard_normal(n_shared)
        places = [row, family, base, dense.nesting.lab[base]]
        # a base family takes part with its own intercept wherever a model or a family of it does
        taken = ["model" in parts, "family" in parts, parts[0] not in ("lab", "shared"), "lab" in parts]
        nodes = [(at if is_in else -1, by) for at, by, is_in in zip(places, coefficients, taken, strict=True)]
        sparse = [np.zeros_like(g) for g in dense.gradients[:4]]
        for (at, by), part in zip(nodes, sparse, strict=True):
            if at >= 0:
                part[at] = by
        wanted = np.linalg.solve(dense.full, np.concatenate([*(p.ravel() for p in sparse), shared]))
        rows, coefficients = zip(*((np.array([at]), by[None]) for at, by in nodes), strict=True)
        found = Covariances.of(dense.system, Combinations(*rows, *coefficients, shared[None]))
        every = (getattr(found, of)(np.arange(len(part))) for of, part in zip(EVERY, dense.gradients[:4], strict=True))
        steps = [*(part[0].ravel() for part in every), found.shared[0]]
        np.testing.assert_allclose(np.concatenate(steps), wanted, **EXACT)
        twice = Covariances.nothing(dense.system).join(found).join(found)
        np.testing.assert_allclose(twice.models(np.array([row]))[1], found.models(np.array([row]))[0], **EXACT)


def eliminated(full, kept):
    """Schur complement: what is left of a matrix when all but `kept` is eliminated, and what carries a gradient along.

    Returns
    -------
    tuple of ndarray
        The matrix left, and the linear map from the whole right-hand side to the one left.
    """
    rest = np.setdiff1d(np.arange(len(full)), kept)
    pull = np.linalg.solve(full[np.ix_(rest, rest)], full[np.ix_(rest, kept)])
    carry = np.zeros((len(kept), len(full)))
    carry[:, kept], carry[:, rest] = np.eye(len(kept)), -pull.T
    return full[np.ix_(kept, kept)] - full[np.ix_(kept, rest)] @ pull, carry


@pytest.mark.parametrize("lab", [0, 1])
def test_one_lab_and_the_shared_parameters_are_a_schur_complement(dense, lab):
    labs, last = (np.arange(len(dense.full))[at] for at in dense.at[3:])
    kept = np.concatenate([labs.reshape(-1, dense.d)[lab], last])
    wanted, carry = eliminated(dense.full, kept)
    rhs = np.concatenate([g.ravel() for g in dense.gradients])
    np.testing.assert_allclose(dense.system.top(lab), wanted, **EXACT)
    np.testing.assert_allclose(dense.system.top_gradient(dense.gradients, lab), carry @ rhs, **EXACT)


def test_what_others_say_of_the_only_lab_joins_in():
    """A system of one lab with a quadratic added to lab and shared parameters, as a replay adds it."""
    for d in (1, 2, 3):
        dense = Dense(d, labs=[0, 0, 0, 0])
        full, (_, _, _, labs, last) = dense.full.copy(), dense.at
        together = slice(labs.start, last.stop)
        extra = spd(np.random.default_rng(9), together.stop - together.start)
        full[together, together] += extra
        dense.system.joined(extra)
        rhs = np.concatenate([g.ravel() for g in dense.gradients])
        found = np.concatenate([step.ravel() for step in dense.system.solve(dense.gradients)])
        np.testing.assert_allclose(found, np.linalg.solve(full, rhs), **EXACT)
        dense.full = full
        test_every_covariance_is_a_block_of_the_dense_inverse(dense)
        test_log_determinant(dense)


def test_damping_is_on_the_diagonal_of_what_is_left_for_the_shared_parameters(dense):
    full = dense.full.copy()
    diagonal = np.diag_indices(len(full))
    full[diagonal] += np.r_[np.zeros(dense.at[4].start), 0.7 * np.diag(dense.system.shared)]
    wanted = np.linalg.solve(full, np.concatenate([g.ravel() for g in dense.gradients]))
    found = np.concatenate([step.ravel() for step in dense.system.solve(dense.gradients, damping=0.7)])
    np.testing.assert_allclose(found, wanted, **EXACT)


def test_log_determinant(dense):
    left = np.linalg.slogdet(dense.system.shared)[1]
    np.testing.assert_allclose(dense.system.logdet() + left, np.linalg.slogdet(dense.full)[1], **EXACT)


def test_every_covariance_is_a_block_of_the_dense_inverse(dense):
    cov = np.linalg.inv(dense.full)
    system, response = dense.system, dense.system.response()
    models, families, bases, labs, last = dense.at
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
    departure = dense.departure @ cov @ dense.departure.T
    for kind, wanted, width in (
        ("base", cov[bases, bases], dense.q), ("departure", departure, dense.d), ("lab", cov[labs, labs], dense.d)
    ):  # fmt: skip
        by_shared, noise = getattr(response, kind), getattr(response, f"{kind}_noise")
        found = noise + by_shared @ system.shared_cov @ np.swapaxes(by_shared, 1, 2)
        np.testing.assert_allclose(found, dense.blocks(wanted, width), err_msg=kind, **EXACT)
    across = response.model.response.reshape(-1, len(system.shared)) @ system.shared_cov
    np.testing.assert_allclose(across, cov[models, last], **EXACT)
    across = response.lab.reshape(-1, len(system.shared)) @ system.shared_cov
    np.testing.assert_allclose(across, cov[labs, last], **EXACT)


def test_models_and_their_base_family_move_together(dense):
    cov = np.linalg.inv(dense.full)
    system, response = dense.system, dense.system.response()
    models, _, bases, *_ = dense.at
    for row, base in enumerate(dense.nesting.base_of_model):
        found = response.model.follow[row] @ response.base_noise[base]
        found = found + response.model.response[row] @ system.shared_cov @ response.base[base].T
        wanted = cov[models, bases][row * dense.d : (row + 1) * dense.d, base * dense.q : (base + 1) * dense.q]
        np.testing.assert_allclose(found, wanted, **EXACT)


def test_response_to_slopes_alone_is_the_first_part(dense):
    whole, part = dense.system.response(), dense.system.response(slopes_only=True)
    for kind in ("base", "departure", "lab"):
        np.testing.assert_allclose(getattr(part, kind), getattr(whole, kind)[:, :, : dense.k], **EXACT)
        np.testing.assert_array_equal(getattr(part, f"{kind}_noise"), getattr(whole, f"{kind}_noise"))
    for kind in ("model", "residual", "family", "deviation"):
        one, two = getattr(part, kind), getattr(whole, kind)
        np.testing.assert_allclose(one.response, two.response[:, :, : dense.k], **EXACT)
        np.testing.assert_array_equal(one.follow, two.follow)
        np.testing.assert_array_equal(one.inner, two.inner)


def test_branches_share_out_all_models_and_families():
    nesting = Dense(1).nesting
    branches = [nesting.branch(base) for base in range(nesting.n_bases)]
    assert sorted(np.concatenate([models for models, _, _ in branches])) == list(range(10))
    assert sorted(np.concatenate([families for _, families, _ in branches])) == list(range(5))
    for models, families, part in branches:
        np.testing.assert_array_equal(families[part.family], nesting.family[models])
        assert part.n_bases == part.n_labs == 1


def test_eliminated_branches_add_up(at_random):
    """What each base family leaves on its lab and the shared parameters sums to the whole: what replay stands on."""
    problem, state, variances, precision, penalty = at_random
    whole, d, nesting = problem.linearise(state, variances, precision, penalty), problem.d, problem.data.nesting
    # the priors of the shared parameters are counted once, outside all branches; those of effects without any cell are
    # eliminated without leaving anything
    data = replace(problem.data, scores=np.full_like(problem.data.scores, np.nan))
    empty = type(problem)(data, problem.d, problem.priors)
    empty.centre = problem.centre
    prior = empty.linearise(state, variances, precision, penalty)
    n_labs, n_shared = nesting.n_labs, len(prior.system.shared)
    lab_prior = variances.lab_precision
    top, rhs = np.zeros((n_labs * d + n_shared,) * 2), np.zeros(n_labs * d + n_shared)
    top[: n_labs * d, : n_labs * d] = np.kron(np.eye(n_labs), lab_prior)
    top[n_labs * d :, n_labs * d :] = prior.system.shared
    rhs[: n_labs * d] = -(state.lab @ lab_prior).ravel()
    rhs[n_labs * d :] = prior.system.reduce(prior.gradients)[4]
    for base in range(nesting.n_bases):
        models, families, part = problem.branch(base)
        lab = nesting.lab[base]
        there = replace(
            state, skills=state.skills[models], family=state.family[families], base=state.base[[base]],
            lab=state.lab[[lab]], own=state.own[[base]],
        )  # fmt: skip
        own = part.linearise(there, variances, precision[models], penalty)
        kept = np.r_[lab * d + np.arange(d), n_labs * d + np.arange(n_shared)]
        held = np.zeros(d + n_shared)
        held[:d] = -state.lab[lab] @ lab_prior  # a branch counts the prior of its lab, which is counted above already
        top[np.ix_(kept, kept)] += own.system.top(0) - block_diag(lab_prior, np.zeros((n_shared, n_shared)))
        rhs[kept] += own.system.top_gradient(own.gradients, 0) - held
    for lab in range(n_labs):
        kept = np.r_[lab * d + np.arange(d), n_labs * d + np.arange(n_shared)]
        wanted, carry = eliminated(top, kept)
        np.testing.assert_allclose(whole.system.top(lab), wanted, rtol=1e-8, atol=1e-7)
        np.testing.assert_allclose(whole.system.top_gradient(whole.gradients, lab), carry @ rhs, rtol=1e-8, atol=1e-7)


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
