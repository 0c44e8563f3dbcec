"""Linear algebra of nested effects: model -> family -> base family -> lab -> shared parameters, leaf by leaf.

The Gauss-Newton system of the skill model couples each model only to its family, each family only to its base family,
each base family only to its lab, and all of them to a small block of shared parameters (slopes and benchmark
parameters). A base family has, beside its effect on the skills, intercepts of its own: what it scores on a benchmark
beyond its skills. Eliminating models, then families, base families and labs costs time linear in their number and
leaves one small dense system. The same elimination, read backwards, gives every posterior covariance that the fit and
the forecasts need.

Shapes: d skills, M models, F families, B base families, L labs, J benchmarks, q = d + J unknowns of a base family, I
benchmark parameters of which the first J are the intercepts, G = p*d + I shared parameters (slopes first).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import Groups, sandwich, spd_factor, spd_inverse, spd_solve, stacked
from obslaws.skill.response import Effect, Response

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Steps = tuple[Array, Array, Array, Array, Array]

__all__ = ["Nesting", "System"]


class Nesting:
    """Who belongs to whom.

    Parameters
    ----------
    family : ndarray of int, shape (M,)
        Family of each model.
    base : ndarray of int, shape (F,)
        Base family of each family.
    lab : ndarray of int, shape (B,)
        Lab of each base family.
    """

    def __init__(self, family: NDArray[np.intp], base: NDArray[np.intp], lab: NDArray[np.intp]) -> None:
        self.family, self.base, self.lab = family, base, lab
        self.n_bases, self.n_labs = len(lab), int(lab.max(initial=-1)) + 1
        self.models_of_family = Groups(family, len(base))
        self.families_of_base = Groups(base, self.n_bases)
        self.models_of_base = Groups(base[family], self.n_bases)
        self.bases_of_lab = Groups(lab, self.n_labs)

    @property
    def n_families(self) -> int:
        """F."""
        return len(self.base)

    @property
    def base_of_model(self) -> NDArray[np.intp]:
        """Base family of each model, shape (M,)."""
        return self.models_of_base.index

    def branch(self, base: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Nesting]:
        """Models and families of one base family, and the nesting among them alone."""
        families = np.flatnonzero(self.base == base)
        models = np.flatnonzero(self.base_of_model == base)
        renumbered = np.searchsorted(families, self.family[models])
        top = np.zeros(1, dtype=np.intp)
        return models, families, Nesting(renumbered, np.zeros(len(families), dtype=np.intp), top)


class System:
    """One Gauss-Newton system, eliminated.

    Parameters
    ----------
    nesting : Nesting
    covariates : ndarray of shape (M, p)
        Standardised covariates of the models.
    data : ndarray of shape (M, d, d)
        Curvature of the likelihood in each model's skills.
    prior : ndarray of shape (M, d, d)
        Precision of each model's skills around their expectation.
    coupling : ndarray of shape (M, d, I)
        Curvature between a model's skills and the benchmark parameters, intercepts first.
    own : ndarray of shape (B, J, I)
        Curvature of the likelihood between intercepts and benchmark parameters, from the models of each base family.
    shared : ndarray of shape (G, G)
        Curvature of the shared parameters from likelihood and prior; overwritten by what is left of it once models,
        families, base families and labs are eliminated.
    family_precision, base_precision, lab_precision : ndarray of shape (d, d)
        Prior precision of a family around its base family, of a base family around its lab, and of a lab around zero.
    own_precision : ndarray of shape (J,)
        Prior precision of a base family's own intercepts.
    """

    def __init__(
        self,
        nesting: Nesting,
        covariates: Array,
        data: Array,
        prior: Array,
        coupling: Array,
        own: Array,
        shared: Array,
        family_precision: Array,
        base_precision: Array,
        lab_precision: Array,
        own_precision: Array,
    ) -> None:
        n_models, d, n_items = coupling.shape
        n_own = own.shape[1]
        k = self.n_slopes = covariates.shape[1] * d
        self.nesting, self.covariates, self.prior, self.coupling = nesting, covariates, prior, coupling
        self.family_precision, self.base_precision = family_precision, base_precision
        self.intercepts = slice(k, k + n_own)
        self.curvature = data + prior
        self.model_inverse = spd_inverse(self.curvature)
        self.pull = self.model_inverse @ prior  # how a model follows its expectation
        followed = np.empty((n_models, d, k + n_items))  # and how it follows all shared parameters, sign turned
        _by_covariate(covariates, -self.pull, followed[:, :, :k])
        self.yielding = np.matmul(self.model_inverse, coupling, out=followed[:, :, k:])  # and gives way to benchmarks'
        kept = prior - prior @ self.pull  # what is left of the prior once the model is eliminated
        link = np.empty((n_models, d, d + k + n_items))
        link[:, :, :d] = kept
        _by_covariate(covariates, kept, link[:, :, d : d + k])
        carried = np.matmul(prior, self.yielding, out=link[:, :, d + k :])
        by_family = nesting.models_of_family.sum(link)
        self.family_link = by_family[:, :, d:]
        self.family_inverse = spd_inverse(by_family[:, :, :d] + family_precision)
        self.family_pull = self.family_inverse @ family_precision
        family_yielding = self.family_inverse @ self.family_link
        passed = np.empty_like(by_family)
        passed[:, :, :d] = family_precision - family_precision @ self.family_pull
        passed[:, :, d:] = family_precision @ family_yielding
        by_base = nesting.families_of_base.sum(passed)
        block, self.base_link = (
            np.empty((nesting.n_bases, d + n_own, d + n_own)),
            np.empty((nesting.n_bases, d + n_own, k + n_items)),
        )
        self.base_link[:, :d] = by_base[:, :, d:]
        rows = -nesting.models_of_base.products(coupling[:, :, :n_own], followed)
        rows -= nesting.families_of_base.products(self.family_link[:, :, self.intercepts], family_yielding)
        rows[:, :, k:] += own
        self.base_link[:, d:] = rows
        block[:, :d, :d] = by_base[:, :, :d] + base_precision
        block[:, :d, d:] = self.base_link[:, :d, self.intercepts]
        block[:, d:, :d] = np.swapaxes(block[:, :d, d:], 1, 2)
        block[:, d:, d:] = rows[:, :, self.intercepts] + np.diag(own_precision)
        self.base_inverse = spd_inverse(block)
        self.base_pull = self.base_inverse[:, :, :d] @ base_precision  # how a base family follows its lab
        held = base_precision - base_precision @ self.base_pull[:, :d]
        self.lab_block = nesting.bases_of_lab.sum(held) + lab_precision
        # a base family gives way to the shared parameters, and its lab with it
        self.lab_link = nesting.bases_of_lab.sum(np.swapaxes(self.base_pull, 1, 2) @ self.base_link)
        self.lab_inverse = spd_inverse(self.lab_block)
        self._logdets: list[float] = []  # of the inverses: models, families, base families, labs
        self.shared = self._eliminated(shared, kept, carried)

    def _eliminated(self, out: Array, kept: Array, carried: Array) -> Array:
        x, k = self.covariates, self.n_slopes
        (n_models, p), d, n_items = x.shape, kept.shape[1], carried.shape[2]
        outer = (x[:, :, None] * x[:, None, :]).reshape(n_models, p * p)
        slopes = (outer.T @ kept.reshape(n_models, d * d)).reshape(p, p, d, d)
        out[:k, :k] += slopes.transpose(0, 2, 1, 3).reshape(k, k)
        cross = (x.T @ carried.reshape(n_models, d * n_items)).reshape(k, n_items)
        out[:k, k:] += cross
        out[k:, :k] += cross.T
        for part, link, inverse in (
            (out[k:, k:], self.coupling, self.model_inverse),
            (out, self.family_link, self.family_inverse),
            (out, self.base_link, self.base_inverse),
            (out, self.lab_link, self.lab_inverse),
        ):
            square, logdet = _square(link, inverse)
            part -= square
            self._logdets.append(logdet)
        return out

    def top(self, lab: int) -> Array:
        """Curvature of one lab and the shared parameters together, all else eliminated; shape (d + G, d + G)."""
        block, link = self.lab_block[lab], self.lab_link[lab]
        return np.block([[block, link], [link.T, self.shared + link.T @ self.lab_inverse[lab] @ link]])

    def top_gradient(self, gradients: Steps, lab: int) -> Array:
        """Right-hand side that goes with `top`, shape (d + G,)."""
        lab_moved, rhs = self.reduce(gradients)[3:]
        return np.concatenate([self.lab_block[lab] @ lab_moved[lab], rhs + lab_moved[lab] @ self.lab_link[lab]])

    def joined(self, curvature: Array) -> None:
        """Take in what others say of the only lab and of the shared parameters, in place.

        Parameters
        ----------
        curvature : ndarray of shape (d + G, d + G)
        """
        d, own = self.curvature.shape[1], self.top(0)
        both = own + curvature
        self.lab_block, self.lab_link = both[None, :d, :d], both[None, :d, d:]
        self.lab_inverse = spd_inverse(self.lab_block)
        square, self._logdets[3] = _square(self.lab_link, self.lab_inverse)
        self.shared = both[d:, d:] - square

    @cached_property
    def factor(self) -> Array:
        """Cholesky factor of what is left for the shared parameters."""
        return spd_factor(self.shared)

    @cached_property
    def shared_cov(self) -> Array:
        """Posterior covariance of the shared parameters, shape (G, G)."""
        return spd_solve(self.factor, np.eye(len(self.shared)))

    def logdet(self) -> float:
        """Log determinant of models, families, base families and labs (not the shared block)."""
        return -sum(self._logdets)

    def reduce(self, gradients: Steps) -> Steps:
        """Eliminate the right-hand side.

        Parameters
        ----------
        gradients : tuple of ndarray
            Downhill directions of models (M, d), families (F, d), base families (B, q), labs (L, d), shared parameters
            (G,).

        Returns
        -------
        tuple of ndarray
            What each block would move at fixed parents, and the right-hand side left for the shared parameters.
        """
        model_gradient, family_gradient, base_gradient, lab_gradient, shared_gradient = gradients
        nesting, k, d = self.nesting, self.n_slopes, model_gradient.shape[1]
        moved = _apply(self.model_inverse, model_gradient)
        lifted = _apply(self.prior, moved)
        family_rhs = family_gradient + nesting.models_of_family.sum(lifted)
        family_moved = _apply(self.family_inverse, family_rhs)
        base_rhs = base_gradient.copy()
        base_rhs[:, :d] += nesting.families_of_base.sum(family_moved @ self.family_precision)
        n_own = base_rhs.shape[1] - d
        own = (moved[:, None, :] @ self.coupling[:, :, :n_own])[:, 0]
        family_own = (family_moved[:, None, :] @ self.family_link[:, :, self.intercepts])[:, 0]
        base_rhs[:, d:] -= nesting.models_of_base.sum(own) + nesting.families_of_base.sum(family_own)
        base_moved = _apply(self.base_inverse, base_rhs)
        lab_rhs = lab_gradient + nesting.bases_of_lab.sum(base_moved[:, :d] @ self.base_precision)
        lab_moved = _apply(self.lab_inverse, lab_rhs)
        rhs = shared_gradient.copy()
        rhs[:k] += (self.covariates.T @ lifted).ravel()
        rhs[k:] -= moved.ravel() @ stacked(self.coupling)
        rhs -= family_moved.ravel() @ stacked(self.family_link)
        rhs -= base_moved.ravel() @ stacked(self.base_link)
        rhs -= lab_moved.ravel() @ stacked(self.lab_link)
        return moved, family_moved, base_moved, lab_moved, rhs

    def expand(self, moved: Array, family_moved: Array, base_moved: Array, lab_moved: Array, shared: Array) -> Steps:
        """Recover the steps of all blocks from the answer of `reduce` and the step of the shared parameters (G,)."""
        k, x, nesting, d = self.n_slopes, self.covariates, self.nesting, moved.shape[1]
        lab = lab_moved - _apply(self.lab_inverse, self.lab_link @ shared)
        base = base_moved - _apply(self.base_inverse, self.base_link @ shared)
        base += _apply(self.base_pull, lab[nesting.lab])
        seen = np.tile(shared, (nesting.n_bases, 1))  # a base family's own intercepts add to those of all
        seen[:, self.intercepts] += base[:, d:]
        family = family_moved + _apply(self.family_pull, base[nesting.base, :d])
        family -= _apply(self.family_inverse, _apply(self.family_link, seen[nesting.base]))
        expected = family[nesting.family] + x @ shared[:k].reshape(x.shape[1], d)
        held = _apply(self.yielding, seen[nesting.base_of_model, k:])
        return moved + _apply(self.pull, expected) - held, family, base, lab, shared

    def solve(self, gradients: Steps, damping: float = 0.0) -> Steps:
        """Newton step for all parameters, the shared block damped in the manner of Levenberg and Marquardt.

        Parameters
        ----------
        gradients : tuple of ndarray
            As in `reduce`.
        damping : float
            Factor on the diagonal of the shared block.

        Returns
        -------
        tuple of ndarray
            Steps of models (M, d), families (F, d), base families (B, q), labs (L, d), shared parameters (G,).
        """
        return self.step(self.reduce(gradients), damping)

    def step(self, reduced: Steps, damping: float = 0.0) -> Steps:
        """Newton step from what `reduce` left of the gradients, see `solve`."""
        root = spd_factor(self.shared + np.diag(damping * np.diag(self.shared))) if damping else self.factor
        return self.expand(*reduced[:-1], spd_solve(root, reduced[-1]))

    def response(self, slopes_only: bool = False) -> Response:
        """How skills and effects follow the shared parameters and the base families, and what they vary beyond that.

        Parameters
        ----------
        slopes_only : bool
            Leave the benchmark parameters out, which saves most of the work where they are held fixed.

        Returns
        -------
        Response
        """
        return self._response(self.n_slopes) if slopes_only else self._whole_response

    @cached_property
    def _whole_response(self) -> Response:
        return self._response(len(self.shared))

    def _response(self, reach: int) -> Response:
        k, x, d, nesting = self.n_slopes, self.covariates, self.curvature.shape[1], self.nesting
        n_own = self.base_inverse.shape[1] - d
        lab = -self.lab_inverse @ self.lab_link[:, :, :reach]
        base = self.base_pull @ lab[nesting.lab] - self.base_inverse @ self.base_link[:, :, :reach]
        above, stray = self.lab_inverse[nesting.lab], self.base_pull[:, :d] - np.eye(d)
        base_noise = self.base_inverse + sandwich(self.base_pull, above)
        departure = self.base_inverse[:, :d, :d] + sandwich(stray, above)
        family_follow = np.concatenate(
            [self.family_pull, -self.family_inverse @ self.family_link[:, :, self.intercepts]], axis=2
        )
        family = family_follow @ base[nesting.base] - self.family_inverse @ self.family_link[:, :, :reach]
        deviation_follow, deviation = family_follow.copy(), family - base[nesting.base, :d]
        deviation_follow[:, :, :d] -= np.eye(d)
        expected = family[nesting.family]
        for i in range(d):  # what the covariates add to a skill goes by its own slopes
            expected[:, i, i:k:d] += x
        expected_follow = family_follow[nesting.family]
        follow = self.pull @ expected_follow
        follow[:, :, d:] -= self.yielding[:, :, :n_own]
        model = self.pull @ expected - self.yielding[:, :, :n_own] @ base[nesting.base_of_model, d:]
        model[:, :, k:] -= self.yielding[:, :, : reach - k]
        above, stray = self.family_inverse[nesting.family], self.pull - np.eye(d)
        return Response(
            model=Effect(model, follow, self.model_inverse + sandwich(self.pull, above)),
            residual=Effect(model - expected, follow - expected_follow, self.model_inverse + sandwich(stray, above)),
            family=Effect(family, family_follow, self.family_inverse),
            deviation=Effect(deviation, deviation_follow, self.family_inverse),
            base=base,
            base_noise=base_noise,
            departure=base[:, :d] - lab[nesting.lab],
            departure_noise=departure,
            lab=lab,
            lab_noise=self.lab_inverse,
        )


def _by_covariate(x: Array, blocks: Array, out: Array) -> None:
    """Write blocks times each covariate, side by side: (M, p), (M, d, d) -> (M, d, p*d)."""
    np.multiply(np.repeat(x, blocks.shape[2], axis=1)[:, None], np.tile(blocks, (1, 1, x.shape[1])), out=out)


def _square(link: Array, inverse: Array) -> tuple[Array, float]:
    """Sum of link' inverse link over the blocks, and of the log determinants: (n, d, G), (n, d, d) -> (G, G).

    As a square it takes half of the products.
    """
    root = np.linalg.cholesky(inverse)
    half = stacked(np.swapaxes(root, 1, 2) @ link)
    return np.asarray(half.T @ half), 2.0 * float(np.log(np.einsum("nii->ni", root)).sum())


def _apply(blocks: Array, vectors: Array) -> Array:
    """Each block times its own vector: (n, a, b), (n, b) -> (n, a)."""
    return (blocks @ vectors[:, :, None])[:, :, 0]
