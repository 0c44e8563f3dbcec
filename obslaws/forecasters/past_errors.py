"""What errors of forecasts of the past ask of new ones: wider or narrower intervals, and a shift.

In: standard deviates of measured scores under their forecasts, with the base families that they are from. Out: the
factor that spreads are multiplied by, with what is left open of it, and how far forecasts fell short. Called by
`obslaws.forecasters.stretch`, which makes the forecasts of the past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from obslaws.skill.student import heavy, widening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["GROWTH", "Beyond", "Errors", "Factor", "errors_of", "grown", "lag_of"]

_LEVELS = np.array([0.8, 0.9, 0.95])  # what is promised
# docs/backtests.md, "How intervals are made": independent errors that the claim counts for without any
_CLAIM = 10.0
_SHARING = 20.0  # base families from which on more than half of a replay's narrowing is believed
_VARIANCE = 1.8  # of the logarithm of the factor times the independent errors that it is learned from
_FEWEST = 3  # base families that must speak
GROWTH = 2.0  # of the variance of errors per year, or per decade of FLOP, ahead of the data
_FURTHEST = 2.0  # shifts grow up to so many times the longest lead of the repeated forecasts


@dataclass(frozen=True)
class Factor:
    """A factor on the spread, and how uncertain it is.

    Parameters
    ----------
    log : float
        Its logarithm.
    variance : float
        Of the logarithm.
    """

    log: float = 0.0
    variance: float = 0.0

    @property
    def value(self) -> float:
        """What spreads are multiplied by: the factor, widened by what is left open of it."""
        return float(np.exp(self.log)) * widening(_LEVELS, self.variance)


@dataclass(frozen=True)
class Errors:
    """What the errors of forecasts of the past ask for.

    Parameters
    ----------
    log : float
        Logarithm of the factor that makes shares of 80, 90 and 95 % of them fall inside, on average over the three.
    n : float
        How many independent errors they are worth.
    n_groups : int
        Base families that they are from.
    """

    log: float
    n: float
    n_groups: int

    def factor(self, claim: float = 0.0, took_part: bool = False) -> Factor:
        """Draw what the errors ask for towards what is claimed without them.

        The claim counts for ten independent errors: its logarithm has a standard deviation of some 0.4 (that of such a
        quantile has a variance of some 1.8 / n).

        Parameters
        ----------
        claim : float
            Logarithm of the factor that is claimed.
        took_part : bool
            Whether what was hidden took part in the rest of the fit: a negative logarithm then counts for g / (g + 20)
            of that, by the number of base families.

        Returns
        -------
        Factor
        """
        weight = self.n + _CLAIM
        log = (self.n * self.log + _CLAIM * claim) / weight
        if took_part and log < 0.0:
            log *= self.n_groups / (self.n_groups + _SHARING)
        return Factor(log, _VARIANCE / weight)


@dataclass(frozen=True)
class Beyond:
    """What repeated forecasts say of those beyond the training data.

    Leads are in years, or in decades of training FLOP.

    Parameters
    ----------
    errors : Errors, optional
        Of their deviates, had their spread been `grown`; None where too few speak.
    lag : float
        How far forecasts fell short, in standard deviations per unit of lead.
    reach : float
        Longest lead of the repeated forecasts.
    """

    errors: Errors | None = None
    lag: float = 0.0
    reach: float = 0.0

    def factor(self, inside: Factor, lead: float = 0.0) -> Factor:
        """Give the factor so far ahead; at the end of the data it is drawn towards the one of forecasts within."""
        near = inside if self.errors is None else self.errors.factor(inside.log)
        return replace(near, log=near.log + float(np.log(grown(lead))))

    def shift(self, lead: Array) -> Array:
        """Give the standard deviations to be added so far ahead: in proportion, up to `furthest`."""
        return self.lag * np.minimum(lead, self.furthest)

    @property
    def furthest(self) -> float:
        """Lead from which on the shift grows no more."""
        return _FURTHEST * self.reach


def grown(lead: Array | float) -> Array:
    """Tell how much wider forecasts must be so far ahead than at the end of the data.

    What moves all models and is not foreseen adds up like the steps of a random walk: the variance grows in proportion.

    Parameters
    ----------
    lead : ndarray or float
        Years, or decades of FLOP; not negative.

    Returns
    -------
    ndarray
        Factors on the spread.
    """
    return np.sqrt(1.0 + GROWTH * np.asarray(lead))


def errors_of(deviates: Sequence[Array], groups: Sequence[NDArray[np.intp]]) -> Errors | None:
    """Tell what standard deviates ask for.

    Parameters
    ----------
    deviates : sequence of ndarray of shape (n, J)
        Parts that may ask about a cell again: the cells of the largest part are those that are counted. NaN for none.
    groups : sequence of ndarray of int, shape (n,)
        Base family of each row.

    Returns
    -------
    Errors or None
        None when too few base families speak.
    """
    parts = [(np.abs(d), g) for d, g in zip(deviates, groups, strict=True) if len(d)]
    if not parts:
        return None
    absolute, group = (np.concatenate(column) for column in zip(*parts, strict=True))
    seen = np.isfinite(absolute)
    n_groups = len(np.unique(group[seen.any(axis=1)]))
    if n_groups < _FEWEST:
        return None
    n = _independent(*max(parts, key=lambda part: np.isfinite(part[0]).sum()))
    found, claimed = heavy(np.quantile(absolute[seen], _LEVELS)), heavy(ndtri(0.5 + _LEVELS / 2.0))
    return Errors(float(np.log(found / claimed).mean()), n, n_groups)


def lag_of(parts: Sequence[tuple[Array, NDArray[np.intp], Array]]) -> float:
    """Regress mean deviates of base families on how far ahead they lie; none is claimed.

    The claim of no lag counts for as many base families as in `Errors` for errors. Those of the largest part are
    counted, since later parts ask about some of them again.

    Parameters
    ----------
    parts : sequence of tuple of ndarray
        Deviates (n, J), base families (n,), and how far ahead (n,).

    Returns
    -------
    float
        Standard deviations per unit of lead; 0 when too few base families speak.
    """
    means, reach, counts = [], [], []
    for part, group, lead in parts:
        heard = [one for one in np.unique(group) if np.isfinite(part[group == one]).any()]
        means += [np.nanmean(part[group == one]) for one in heard]
        reach += [lead[group == one].mean() for one in heard]
        counts.append(len(heard))
    x, y = np.array(reach), np.array(means)
    return float(x @ y / (x @ x) * max(counts) / (max(counts) + _CLAIM)) if len(x) >= _FEWEST else 0.0


def _independent(deviates: Array, group: NDArray[np.intp]) -> float:
    """Count independent cells: models of one base family err together, so that many cells say less than they number.

    The design effect of cluster sampling (Kish 1965, section 5.4), with the intraclass correlation of the absolute
    deviates from a one-way analysis of variance.

    Parameters
    ----------
    deviates : ndarray of shape (n, J)
        Absolute standard deviates, NaN where there is none.
    group : ndarray of int, shape (n,)

    Returns
    -------
    float
        Between the number of groups and the number of cells.
    """
    rows, _ = np.nonzero(np.isfinite(deviates))
    values, labels = deviates[np.isfinite(deviates)], np.unique(group[rows], return_inverse=True)[1]
    n, sizes = len(values), np.bincount(labels)
    means = np.bincount(labels, weights=values) / sizes
    within = ((values - means[labels]) ** 2).sum() / max(n - len(sizes), 1)
    between = (sizes * (means - values.mean()) ** 2).sum() / max(len(sizes) - 1, 1)
    usual = (n - (sizes**2).sum() / n) / max(len(sizes) - 1, 1)
    correlation = np.clip((between - within) / (between + (usual - 1.0) * within), 0.0, 1.0)
    return float(n / (1.0 + ((sizes**2).sum() / n - 1.0) * correlation))
