"""The default forecaster on large sparse panels: when the other solver takes over, and how it answers.

In: what `SkillForecaster` has collected of a panel. Out: the same kind of predictive distribution, from
`obslaws.skill.sparse_fit`. Forecasts by family, pooled, and from known scores work as ever. Labs are left out: base
families lie around zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.skill.posterior import LatentPredictive, condition
from obslaws.skill.sample import sampled_bases
from obslaws.skill.sparse_predict import replay_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from obslaws.panel import Panel
    from obslaws.skill.sparse_fit import SparseFit
    from obslaws.skill.sparse_update import SparseUpdate
    from obslaws.skill.state import Data
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]

__all__ = ["DENSE_PRODUCTS", "LargePredictive", "is_large", "posterior", "replayed", "spoken_for"]

DENSE_PRODUCTS = 1e9
"""Products per round of a fit above which `is_large`: about a second per round on one core, half a minute per fit."""

_REPLAYED = 400  # base families whose forecasts are replayed
_AHEAD_CELLS = 60_000  # cells that forecasts of a later time are repeated on
_AT_ONCE = 20_000  # cells whose distributions are held in memory together


def is_large(data: Data, n_skills: int) -> bool:
    """Tell whether a panel is too large for the solver that keeps every covariance.

    That one multiplies arrays of models x benchmark parameters, and of own intercepts x benchmark parameters of each
    base family; the count of products per round is held against `DENSE_PRODUCTS`. For three skills: above some 500
    models on 100 benchmarks, or 55,000 on 12.

    Parameters
    ----------
    data : Data
    n_skills : int

    Returns
    -------
    bool
    """
    (n_models, n_benchmarks), n_bases = data.scores.shape, data.nesting.n_bases
    parameters, unknowns = (n_skills + 3) * n_benchmarks, n_skills + n_benchmarks
    products = n_models * n_skills * parameters**2 + n_bases * unknowns**2 * (unknowns + parameters)
    return products > DENSE_PRODUCTS


def posterior(update: SparseUpdate, kin: Kin, fresh: Array, asked: Array) -> tuple[Array, Array]:
    """Posterior mean and sd of the queries' logits under one fit, given scores that the fit has not seen.

    Parameters
    ----------
    update : SparseUpdate
        The fit, and what was told since.
    kin : Kin
        Of n queries.
    fresh : ndarray of shape (n, J)
        Fractions, NaN where nothing is known.
    asked : ndarray of shape (J,)
        Questions behind these scores.

    Returns
    -------
    tuple of ndarray
        Shapes (n, J).
    """
    fit, found = update.fit, update.logits(kin)
    mean, sd, noise, dof = found.mean.copy(), found.sd, fit.variances.told_noise, fit.problem.priors.dof
    asymptotes, every = fit.problem.asymptotes(fit.state), np.arange(mean.shape[1])
    for i in np.flatnonzero(np.isfinite(fresh).any(axis=1)):
        mean[i], cov = condition(mean[i], found.block(int(i), every), fresh[i], *asymptotes, noise, asked, dof)
        sd[i] = np.sqrt(np.maximum(np.diag(cov), 1e-12))
    return mean, sd


@dataclass(frozen=True)
class LargePredictive(LatentPredictive):
    """The same distribution for many models: worked out some rows at a time."""

    def cdf(self, scores: Array) -> Array:
        """Probability of a score at or below the given one, see `LatentPredictive.cdf`; only where one is given."""
        out = np.full(scores.shape, np.nan)
        rows, columns = np.nonzero(np.isfinite(scores))
        for first in range(0, len(rows), _AT_ONCE):
            i, j = rows[first : first + _AT_ONCE], columns[first : first + _AT_ONCE]
            # each cell stands as a benchmark of its own
            part = LatentPredictive(
                self.logit[:, i, j][:, None], self.logit_sd[:, i, j][:, None], self.floor[:, j], self.ceiling[:, j],
                self.noise_var[:, j], self.weight, self.n_items[j], self.dof, self.stretch[i, j][None],
                self.basis[i, j][None],
            )  # fmt: skip
            out[i, j] = part.cdf(scores[i, j][None])[0]
        return out

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`."""
        return np.concatenate([part.quantile(share) for part in self._parts()])

    def _parts(self) -> Iterator[LatentPredictive]:
        n, n_benchmarks = self.stretch.shape
        step = max(1, _AT_ONCE // n_benchmarks)
        for first in range(0, max(n, 1), step):
            rows = slice(first, first + step)
            yield LatentPredictive(
                self.logit[:, rows], self.logit_sd[:, rows], self.floor, self.ceiling, self.noise_var, self.weight,
                self.n_items, self.dof, self.stretch[rows], self.basis[rows],
            )  # fmt: skip


def replayed(
    fits: Sequence[SparseFit], weights: Array, size: Array, n_observed: int
) -> tuple[Array, NDArray[np.intp]] | None:
    """Replay forecasts of a sample of base families.

    Parameters
    ----------
    fits : sequence of SparseFit
    weights : ndarray of shape (n_fits,)
    size : ndarray of shape (M,)
        What orders the models of a family; NaN unknown.
    n_observed : int
        Models per family that keep their scores.

    Returns
    -------
    tuple or None
        Standard deviates (n, 1) of the hidden scores and their base families (n,); None when nothing could be hidden.
    """
    cells = [r for fit in fits if (r := replay_cells(fit, size, n_observed, _REPLAYED)) is not None]
    if len(cells) < len(fits):
        return None
    first, problem = cells[0], fits[0].problem
    j = first.benchmark
    # each cell stands as a benchmark of its own
    predictive = LatentPredictive(
        np.stack([r.logit for r in cells])[:, None], np.stack([r.logit_sd for r in cells])[:, None],
        np.stack([f.floors[j] for f in fits]), np.stack([f.ceilings[j] for f in fits]),
        np.stack([f.variances.noise[j] for f in fits]), weights, problem.data.n_items[j], problem.priors.dof,
        np.ones((1, len(j))), np.full((1, len(j)), ""),
    )  # fmt: skip
    return predictive.normal_score(first.scores[None]).T, first.group


def spoken_for(panel: Panel) -> Panel:
    """Cut a panel down to a sample of its base families with no more than some 60,000 cells."""
    base, names = pd.factorize(panel.models["base_family"], sort=True)
    wanted = int(len(names) * _AHEAD_CELLS / panel.n_cells)
    return panel if wanted >= len(names) else panel.select(np.isin(base, sampled_bases(len(names), wanted)))
