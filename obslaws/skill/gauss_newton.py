"""One Gauss-Newton step for all unknowns of a large sparse panel, by preconditioned conjugate gradients.

Own intercepts are eliminated exactly. The preconditioner solves skills, effects and slopes together at fixed benchmark
parameters (`obslaws.skill.branches`) and each benchmark's parameters at fixed skills; what couples the two, and models
of one base family through their own intercepts, is left to the iterations. The product with the preconditioner follows
by recurrence, so that each iteration costs one pass over the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.stacks import apply
from obslaws.skill.state import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.branches import Branches
    from obslaws.skill.sparse import Linear, SparseProblem
    from obslaws.skill.state import Penalty, Variances

    Array = NDArray[np.float64]
    Unknowns = tuple[Array, Array, Array, Array, Array]

__all__ = ["Step", "downhill", "newton_step", "tightened"]

_FARTHEST = 1.0  # logits


@dataclass(frozen=True)
class Step:
    """A step of all unknowns, in the layout of the linear algebra.

    Parameters
    ----------
    effects : tuple of ndarray
        Models (d, M), families (d, F), base families (d, B), slopes (p, d), benchmark parameters (J, d + 3).
    own : ndarray of shape (P,)
    n_products : int
        How often the system was multiplied.
    """

    effects: Unknowns
    own: Array
    n_products: int

    def taken(self, state: State, length: float = 1.0) -> State:
        """Go from a state."""
        model, family, base, slopes, items = (length * part for part in self.effects)
        return State(
            (state.skills.T + model).T,
            (state.family.T + family).T,
            (state.base.T + base).T,
            state.lab,
            state.own + length * self.own,
            state.slopes + slopes,
            state.intercepts + items[:, 0],
            state.loadings + items[:, 1:-2],
            state.ceiling_logits + items[:, -2],
            state.floor_logits + items[:, -1],
        )


def downhill(
    problem: SparseProblem, state: State, variances: Variances, precision: Array, penalty: Penalty, linear: Linear
) -> Unknowns:
    """Negative gradient of the objective, own intercepts eliminated."""
    cells = problem.cells
    stray, deviation = problem.strays(state)
    held = apply(precision, stray)
    leaning = np.asarray(np.linalg.solve(variances.family, deviation), dtype=np.float64)
    items = linear.gradient - problem.items(state) * problem.diagonal
    items[:, 1:-2] -= penalty.gradient(state.loadings)
    items[:, -2:] -= penalty.room
    return (
        linear.by_model - held,
        cells.models_of_family.sum(held) - leaning,
        cells.families_of_base.sum(leaning) - np.linalg.solve(variances.base, state.base.T),
        problem.covariates @ held.T - state.slopes / variances.slope[:, None],
        items,
    )


def newton_step(
    problem: SparseProblem,
    loadings: Array,
    linear: Linear,
    tree: Branches,
    penalty: Penalty,
    gradient: Unknowns,
    limits: Array,
    tol: float = 0.2,
    max_products: int = 4,
    items: bool = True,
) -> Step:
    """Solve the Gauss-Newton system.

    Parameters
    ----------
    problem : SparseProblem
    loadings : ndarray of shape (J, d)
    linear : Linear
    tree : Branches
    penalty : Penalty
    gradient : tuple of ndarray
        From `downhill`.
    limits : ndarray of shape (J, 2)
        How far ceiling and floor logit may move.
    tol : float
        Residual at which to stop, as a share of the first, in the norm of the preconditioner.
    max_products : int
    items : bool
        Whether benchmark parameters move.

    Returns
    -------
    Step
        Downhill also where the iterations end early.
    """
    blocks = problem.item_blocks(linear.blocks, penalty)
    inverse = np.linalg.inv(blocks) if items else np.zeros_like(blocks)

    def precondition(rhs: Unknowns) -> Unknowns:
        return (*tree.solve(rhs[:4]), (inverse @ rhs[4][:, :, None])[:, :, 0])

    if not items:
        gradient = (*gradient[:4], np.zeros_like(gradient[4]))
    residual = gradient
    along = precondition(residual)
    size = first = _dot(residual, along)
    image, step, n_products = residual, _moved(residual, -1.0, residual), 0
    while n_products < max_products and size > 0.0:
        model, parameters = _remainder(problem, loadings, linear, tree, along[0], along[4])
        if not items:
            parameters = np.zeros_like(parameters)
        product = (image[0] + model, *image[1:4], image[4] + parameters)
        n_products += 1
        length = size / _dot(along, product)
        step = _moved(step, length, along)
        residual = _moved(residual, -length, product)
        turned = precondition(residual)
        before, size = size, _dot(residual, turned)
        if size <= tol * tol * first:
            break
        along = _moved(turned, size / before, along)
        image = _moved(residual, size / before, image)
    model, family, base, slopes, parameters = step
    parameters = _limited(parameters, blocks, limits)
    own = _own(problem, loadings, linear, model, parameters)
    return Step((model, family, base, slopes, parameters), own, n_products)


def _limited(items: Array, blocks: Array, limits: Array) -> Array:
    """Hold the asymptotes within their limits; intercept and loadings of the benchmark give way accordingly.

    Few cells may say next to nothing of a ceiling: one benchmark's wide step must not shorten that of all others.
    """
    excess = np.clip(items[:, -2:], -limits, limits) - items[:, -2:]
    give = -np.linalg.solve(blocks[:, :-2, :-2], blocks[:, :-2, -2:] @ excess[:, :, None])[:, :, 0]
    return items + np.concatenate([give, excess], axis=1)


def tightened(limits: Array, before: Array, now: Array) -> Array:
    """Halve the limit of an asymptote that turned back, and widen that of others, up to 1 logit; each (J, 2)."""
    return np.where(before * now < 0.0, 0.5 * limits, np.minimum(1.5 * limits, _FARTHEST))


def _remainder(
    problem: SparseProblem, loadings: Array, linear: Linear, tree: Branches, skills: Array, items: Array
) -> tuple[Array, Array]:
    """Multiply by the system less its preconditioner: skills (d, M) and benchmark parameters (J, d + 3)."""
    cells, out, back = problem.cells, np.empty(problem.cells.n_cells), np.zeros_like(items)
    for c in cells.columns():
        by = linear.sensitivity[:, c.cells]
        moved = items[c.number] @ by
        moved += by[0] * (loadings[c.number] @ skills.take(c.model, axis=1))
        held = np.add.reduceat(by[0] * moved, c.starts) / linear.pair_curvature[c.pairs]
        moved -= by[0] * held.take(c.pair)
        back[c.number] = by @ moved
        out[c.cells] = by[0] * moved
    back -= (linear.blocks @ items[:, :, None])[:, :, 0]
    return cells.by_model(out, loadings) - apply(tree.data, skills), back


def _own(problem: SparseProblem, loadings: Array, linear: Linear, skills: Array, items: Array) -> Array:
    """Step of the own intercepts that goes with one of everything else, shape (P,)."""
    out = np.empty(problem.cells.n_pairs)
    for c in problem.cells.columns():
        by = linear.sensitivity[:, c.cells]
        moved = items[c.number] @ by
        moved += by[0] * (loadings[c.number] @ skills.take(c.model, axis=1))
        out[c.pairs] = np.add.reduceat(by[0] * moved, c.starts)
    return (linear.pair_gradient - out) / linear.pair_curvature


def _dot(left: Unknowns, right: Unknowns) -> float:
    return float(sum(np.vdot(a, b) for a, b in zip(left, right, strict=True)))


def _moved(start: Unknowns, length: float, along: Unknowns) -> Unknowns:
    return tuple(a + length * b for a, b in zip(start, along, strict=True))  # type: ignore[return-value]
