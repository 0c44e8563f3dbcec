"""One benchmark's line: least squares of clipped logits, shared slopes, an intercept per family.

In: arrays of one benchmark. Out: a frozen record with what intervals need. Called by the regressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.links import clipped_logit, inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Line", "fit_line"]


@dataclass(frozen=True)
class Line:
    """Least squares of one benchmark's logits: shared slopes, an intercept for each family (or one for all).

    Parameters
    ----------
    slopes : ndarray of shape (n_terms,)
    inverse_gram : ndarray of shape (n_terms, n_terms)
        Pseudo-inverse of the scatter of the terms within families; times the variance, the covariance of the slopes.
    families : dict of str to int
        Row of each family in the three arrays that follow.
    intercepts : ndarray of shape (n_families,)
    centres : ndarray of shape (n_families, n_terms)
        Mean terms of each family.
    counts : ndarray of shape (n_families,)
    logit_sd, score_sd : float
        Residual spread on either scale, corrected for degrees of freedom.
    """

    slopes: NDArray[np.float64]
    inverse_gram: NDArray[np.float64]
    families: dict[str, int]
    intercepts: NDArray[np.float64]
    centres: NDArray[np.float64]
    counts: NDArray[np.float64]
    logit_sd: float
    score_sd: float

    @property
    def family_sd(self) -> float:
        """Spread of the intercepts, logit scale."""
        return float(self.intercepts.std(ddof=1)) if len(self.intercepts) > 1 else self.logit_sd


def fit_line(
    terms: NDArray[np.float64],
    families: NDArray[np.str_],
    score: NDArray[np.float64],
    floor: float,
    margin: float,
) -> Line | None:
    """Fit shared slopes within families, then the intercepts.

    Parameters
    ----------
    terms : ndarray of shape (n_models, n_terms)
        Without missing values.
    families : ndarray of str, shape (n_models,)
    score : ndarray of shape (n_models,)
        Fractions, without missing values.
    floor, margin : float
        See `obslaws.links.clipped_logit`.

    Returns
    -------
    Line or None
        None when no degree of freedom is left to judge the fit by. Directions in which no family varies get slope 0.

    References
    ----------
    .. [1] Frisch and Waugh (1933), Econometrica 1: partial regression equals regression with dummies.
    """
    if len(score) == 0:
        return None
    labels, at = np.unique(families, return_inverse=True)
    counts = np.bincount(at).astype(float)
    logits = clipped_logit(score, floor, margin=margin)
    centres = np.column_stack([np.bincount(at, column) for column in terms.T]) / counts[:, None]
    levels = np.bincount(at, logits) / counts
    left, stretch, right = np.linalg.svd(terms - centres[at], full_matrices=False)
    kept = stretch > 1e-8 * max(float(stretch.max(initial=0.0)), 1e-8)
    left, stretch, right = left[:, kept], stretch[kept], right[kept]
    n_free = len(score) - len(labels) - len(stretch)
    if n_free < 1:
        return None
    slopes = right.T @ (left.T @ (logits - levels[at]) / stretch)
    intercepts = levels - centres @ slopes
    fitted = terms @ slopes + intercepts[at]
    return Line(
        slopes,
        (right.T / stretch**2) @ right,
        {str(label): k for k, label in enumerate(labels)},
        intercepts,
        centres,
        counts,
        float(np.sqrt(np.square(logits - fitted).sum() / n_free)),
        float(np.sqrt(np.square(score - inverse(fitted, floor)).sum() / n_free)),
    )
