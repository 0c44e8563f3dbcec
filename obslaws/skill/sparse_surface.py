"""Logits as functions of the covariates under a fit to a large panel: the counterpart of `DenseSurface`.

In: a `SparseFit`. Out: what a `Surface` tells. Skills, effects and slopes vary together as their elimination has it;
each benchmark's intercept and loadings vary by themselves, and so does each own intercept: that is what the fit keeps.
Called by the forecaster, for `obslaws.questions`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.belief import branches
from obslaws.skill.sparse_predict import logits_of
from obslaws.skill.surface import OwnIntercepts, Surface, normal_draws
from obslaws.skill.together import Level, Together, by_slopes, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.branches import Branches
    from obslaws.skill.predict import JointLogits, Relatives
    from obslaws.skill.sparse_fit import SparseFit
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["SparseSurface"]


class SparseSurface(Surface):
    """A `SparseFit`, without joint covariances of benchmarks."""

    fit: SparseFit

    def joint(self, who: Relatives) -> JointLogits:
        """Joint posterior of logits, see `Surface.joint`."""
        return logits_of(self.fit, who)

    def together(self, kin: Kin) -> Together:
        """Skills of models, see `Surface.together`; labs are left out of such fits."""
        fit, cells, who, d, tree = self.fit, self.fit.problem.cells, kin.who, self.n_skills, self._tree
        state, variances, nesting = fit.state, fit.variances, fit.problem.data.nesting
        family = np.where(who.row >= 0, nesting.family[who.row], who.family)
        base = np.where(family >= 0, nesting.base[family], who.base)
        model, branch = cells.place[who.row], cells.family_place[family]  # where not known, nothing of them is used
        seen, known, rooted = who.row >= 0, family >= 0, base >= 0

        def where(known: NDArray[np.bool_], stack: Array, at: Index, other: Array) -> Array:
            return np.where(known[:, None, None], np.moveaxis(stack[:, :, at], 2, 0), other)

        eye = np.broadcast_to(np.eye(d), (len(kin), d, d))
        pull, family_pull = where(seen, tree.pull, model, eye), where(known, tree.family_pull, branch, eye)
        through, above = by_slopes(who.covariates, d), np.zeros((len(kin), d, len(tree.slopes)))
        above = where(known, self._follow[0], branch, where(rooted, self._follow[1], base, above))
        effect = np.where(rooted[:, None], state.base[base], 0.0)
        effect = np.where(known[:, None], state.family[branch], effect)
        mean = np.where(seen[:, None], state.skills[model], effect + who.covariates @ state.slopes)
        own = variances.model + state.slopes.T @ who.covariate_cov @ state.slopes
        number = numbered(nesting, kin)
        levels = {
            "base": (pull @ family_pull, where(rooted, tree.base_inverse, base, variances.base)),
            "family": (pull, where(known, tree.family_inverse, branch, variances.family)),
            "model": (eye, where(seen, tree.model_inverse, model, own)),
        }
        parts = {name: Level(follow, noise, number[name]) for name, (follow, noise) in levels.items()}
        return Together(mean, pull @ (through + above), tree.slopes_cov(), parts)

    def untold(self) -> Array:
        """How unsure other benchmarks leave each one, see `Surface.untold`."""
        fit, problem = self.fit, self.fit.problem
        state, variances, cells = fit.state, fit.variances, problem.cells
        curvature = problem.linearise(state, variances, problem.share(state)).curvature
        told = np.moveaxis(problem.model_curvature(curvature, state.loadings), 2, 0)
        spread = variances.model + variances.family + variances.base
        prior, count = np.linalg.inv(spread), np.bincount(cells.model, minlength=cells.n_models)
        out = np.einsum("ja,ab,jb->j", state.loadings, spread, state.loadings)
        for c in cells.columns():
            loading = state.loadings[c.number]
            others = told[c.model] - curvature[c.cells, None, None] * np.outer(loading, loading) + prior
            # a model without other scores says nothing of how well others tell
            more = count[c.model] > 1
            others = others[more] if more.any() else others
            rest = np.linalg.solve(others, np.broadcast_to(loading, (len(others), len(loading)))[:, :, None])
            out[c.number] = (rest[:, :, 0] @ loading).mean()
        problem.put_away()
        return out

    def open_asymptotes(self) -> Array:
        """Tell how open ceilings and floors are, see `Surface.open_asymptotes`."""
        return np.einsum("jaa->aj", self.fit.items_cov)[-2:]

    def lines(self, at: Index, family: int = -1, base: int = -1) -> tuple[Array, Array]:
        """Lines of some benchmarks for a family, see `Surface.lines`."""
        fit, cells, d = self.fit, self.fit.problem.cells, self.fit.n_skills
        state, loadings = fit.state, fit.state.loadings[at]
        effect, spread, follow = np.zeros(d), np.zeros((d, d)), np.zeros((d, len(fit.slopes_cov)))
        if family >= 0:
            f = cells.family_place[family]
            effect, spread, follow = state.family[f], fit.belief.spreads.family[:, :, f], self._follow[0][:, :, f]
            base = int(cells.families_of_base.label[f])
        elif base >= 0:
            effect, spread, follow = state.base[base], fit.belief.spreads.base[:, :, base], self._follow[1][:, :, base]
        own, own_var = np.zeros(len(at)), np.zeros(len(at))
        if base >= 0:
            pair = np.array([cells.pair_of(np.array([base]), int(j))[0] for j in at])
            own = np.where(pair >= 0, state.own[pair], 0.0)
            own_var = np.where(pair >= 0, fit.belief.own[pair], fit.variances.own[at])
        units = np.vstack([effect, state.slopes])  # of skills, per coefficient
        mean = loadings @ units.T
        mean[:, 0] += state.intercepts[at] + own
        by_slopes = np.vstack([follow, np.eye(len(fit.slopes_cov))])
        moving = by_slopes @ fit.slopes_cov @ by_slopes.T
        moving[:d, :d] += spread
        (n, width), moving = mean.shape, moving.reshape(len(units), d, len(units), d)
        cov = np.einsum("ja,xayb,kb->jxky", loadings, moving, loadings, optimize=True)
        by_items = self._by_items(units)
        j = np.arange(n)
        cov[j, :, j] += by_items @ fit.items_cov[at][:, : d + 1, : d + 1] @ by_items.T
        cov[j, 0, j, 0] += own_var
        return mean, cov.reshape(n * width, n * width)

    def contrast(self, weights: Array) -> tuple[Array, Array]:
        """Weighted sum of coefficients, see `Surface.contrast`."""
        fit, d = self.fit, self.fit.n_skills
        loadings, gain = fit.state.loadings, weights[1:] @ fit.state.slopes
        by_slopes = np.kron(weights[1:], np.eye(d))
        var = np.einsum("ja,ab,jb->j", loadings, by_slopes @ fit.slopes_cov @ by_slopes.T, loadings, optimize=True)
        by_items = np.r_[weights[0], gain]
        var += by_items @ fit.items_cov[:, : d + 1, : d + 1] @ by_items
        return weights[0] * fit.state.intercepts + loadings @ gain, var

    def gains(self, basket: Array, step: Array) -> tuple[Array, Array]:
        """Tell what families and a step add, see `Surface.gains`."""
        fit, cells, d = self.fit, self.fit.problem.cells, self.fit.n_skills
        place, loading = cells.family_place, basket @ fit.state.loadings
        effect, gain = fit.state.family[place], step[1:] @ fit.state.slopes
        follow, spread = self._follow[0][:, :, place], fit.belief.spreads.family[:, :, place]
        by_slopes = np.stack([
            np.einsum("a,akf->fk", loading, follow),
            np.broadcast_to(loading @ np.kron(step[1:], np.eye(d)), (len(place), len(fit.slopes_cov))),
        ], axis=1)  # fmt: skip
        cov = by_slopes @ fit.slopes_cov @ np.swapaxes(by_slopes, 1, 2)
        # loadings of different benchmarks vary independently
        by_items = np.stack([effect, np.broadcast_to(gain, effect.shape)], axis=1)
        cov += by_items @ np.tensordot(basket**2, fit.items_cov[:, 1 : d + 1, 1 : d + 1], axes=1) @ np.swapaxes(
            by_items, 1, 2
        )  # fmt: skip
        cov[:, 0, 0] += np.einsum("a,abf,b->f", loading, spread, loading)
        base = cells.families_of_base.label[place]
        pair_basket = np.repeat(basket, np.diff(cells.pair_bounds))
        own = np.bincount(cells.pair_base, pair_basket * fit.state.own, cells.n_bases)
        # an own intercept that no score speaks of has its prior
        told = fit.belief.own - np.repeat(fit.variances.own, np.diff(cells.pair_bounds))
        own_var = basket**2 @ fit.variances.own + np.bincount(cells.pair_base, pair_basket**2 * told, cells.n_bases)
        cov[:, 0, 0] += own_var[base]
        mean = np.column_stack([effect @ loading + own[base], np.full(len(place), loading @ gain)])
        return mean, cov

    def own(self) -> OwnIntercepts:
        """Own intercepts of the base families on the benchmarks that they were scored on."""
        cells = self.fit.problem.cells
        benchmark = np.repeat(np.arange(cells.n_benchmarks), np.diff(cells.pair_bounds))
        order = np.lexsort((benchmark, cells.pair_base))
        return OwnIntercepts(
            cells.pair_base[order], benchmark[order], self.fit.state.own[order], self.fit.belief.own[order]
        )

    def standardised(self, n_skills: int) -> tuple[Array, Array]:
        """Give loadings and slopes, see `Surface.standardised`."""
        state, root, more = self.fit.state, self._root, ((0, 0), (0, n_skills - self.n_skills))
        return np.pad(state.loadings @ root, more), np.pad(state.slopes @ np.linalg.inv(root).T, more)

    def drawn(self, n_draws: int, n_skills: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draws of both, see `Surface.drawn`; thousands of models keep the skills where they are."""
        fit, d, root = self.fit, self.n_skills, self._root
        state, more = fit.state, ((0, 0), (0, 0), (0, n_skills - self.n_skills))
        slopes = normal_draws(state.slopes.ravel(), fit.slopes_cov, n_draws, rng).reshape(n_draws, *state.slopes.shape)
        spread = np.linalg.cholesky(fit.items_cov[:, 1 : d + 1, 1 : d + 1])
        loadings = state.loadings + np.einsum("jab,sjb->sja", spread, rng.standard_normal((n_draws, len(spread), d)))
        return np.pad(loadings @ root, more), np.pad(slopes @ np.linalg.inv(root).T, more)

    @cached_property
    def _root(self) -> Array:
        """Root of the covariance of the skills among the models, what is not known of them included; shape (d, d)."""
        spread = self.fit.belief.spreads.model.mean(axis=2)
        return np.asarray(np.linalg.cholesky(np.cov(self.fit.state.skills.T, bias=True).reshape(spread.shape) + spread))

    @cached_property
    def _follow(self) -> tuple[Array, Array]:
        """How families (d, k, F) and base families (d, k, B) move with the slopes."""
        return self._tree.by_slopes()

    @cached_property
    def _tree(self) -> Branches:
        """Models, families, base families and slopes, eliminated at the mode."""
        fit, problem = self.fit, self.fit.problem
        precision = problem.model_precision(fit.variances, fit.state.slopes)
        linear = problem.linearise(fit.state, fit.variances, problem.share(fit.state))
        tree = branches(problem, fit.state, fit.variances, precision, linear, fit.belief.others)
        problem.put_away()
        return tree

    @staticmethod
    def _by_items(units: Array) -> Array:
        """Differentiate each coefficient by a benchmark's intercept and loadings, (1 + p, 1 + d)."""
        return np.column_stack([np.r_[1.0, np.zeros(len(units) - 1)], units])
