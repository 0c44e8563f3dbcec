"""A sample of base families that speaks for a large panel: every so-manieth, with all of its models and scores.

Where a fit starts from, and where forecasts are replayed. Deterministic: the same panel gives the same sample.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.state import Data
from obslaws.skill.tree import Nesting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.sparse import SparseProblem
    from obslaws.skill.sparse_fit import SparseFit
    from obslaws.skill.state import State, Variances

    Index = NDArray[np.intp]

__all__ = ["adopted", "part_of", "sampled_bases", "shifted"]


def sampled_bases(n_bases: int, n_wanted: int) -> Index:
    """Pick base families at equal distances, all if no more are there; shape (n,)."""
    n_wanted = min(n_bases, max(n_wanted, 1))
    return np.flatnonzero(np.arange(n_bases) * n_wanted % n_bases < n_wanted)


def part_of(data: Data, bases: Index) -> tuple[Index, Index, Data]:
    """Cut out some base families.

    Parameters
    ----------
    data : Data
    bases : ndarray of int
        Ascending.

    Returns
    -------
    tuple
        Rows of their models, rows of their families, and the smaller data.
    """
    nesting = data.nesting
    families = np.flatnonzero(np.isin(nesting.base, bases))
    rows = np.flatnonzero(np.isin(nesting.base_of_model, bases))
    family = np.searchsorted(families, nesting.family[rows])
    base = np.searchsorted(bases, nesting.base[families])
    lab = np.unique(nesting.lab[bases], return_inverse=True)[1].astype(np.intp)
    return (
        rows,
        families,
        replace(
            data,
            scores=data.scores[rows],
            covariates=data.covariates[rows],
            covariate_cov=data.covariate_cov[rows],
            nesting=Nesting(family, base, lab),
            size=data.size[rows],
        ),
    )


def adopted(problem: SparseProblem, fit: SparseFit) -> State:
    """Start from another fit's benchmarks and slopes, every model where its covariates expect it."""
    cells, d, state = problem.cells, problem.d, fit.state
    return replace(
        state,
        skills=(state.slopes.T @ problem.covariates).T,
        family=np.zeros((d, cells.n_families)).T,
        base=np.zeros((d, cells.n_bases)).T,
        own=np.zeros(cells.n_pairs),
    )


def shifted(fit: SparseFit, before: SparseFit, after: SparseFit) -> tuple[State, Variances]:
    """Move a fit as other priors moved the fit to its sample: asymptotes, intercepts, and variances of benchmarks.

    Loadings, skills and effects, whose axes are free, follow by fitting.
    """
    state, old, new, variances = fit.state, before.state, after.state, fit.variances
    moved = replace(
        state,
        intercepts=state.intercepts + new.intercepts - old.intercepts,
        ceiling_logits=state.ceiling_logits + new.ceiling_logits - old.ceiling_logits,
        floor_logits=new.floor_logits.copy(),
    )
    return moved, replace(
        variances,
        own=variances.own * after.variances.own / before.variances.own,
        noise=variances.noise * after.variances.noise / before.variances.noise,
        slope=after.variances.slope,
    )
