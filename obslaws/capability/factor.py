"""Factor analysis of scores: few capabilities that all benchmarks share, and for each benchmark a noise of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from obslaws.capability.base import Array, CapabilityModel
from obslaws.capability.likelihood import NOISE_FLOOR, FactorModel, fit_factor_model
from obslaws.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["CapabilityFactors"]


class CapabilityFactors(CapabilityModel):
    """Factor analysis by the exact likelihood of the observed scores.

    Unlike principal components it does not mind the unit or the spread of a benchmark, and it tells what is special to
    one benchmark (its noise) from what benchmarks share.

    Parameters
    ----------
    n_components : int
        Capabilities wanted; fewer are learned where benchmarks are fewer than one more.
    rotation : {"varimax", "quartimax", "oblimin", "geomin"}, optional
        Turns the axes; without one the first explains most of the shared variance, and so on.
    n_starts, random_state : int, int
        Of the rotation.
    tol, max_iter : float, int
        Largest derivative of the likelihood per cell that counts as zero; most steps.

    Attributes
    ----------
    loadings_ : DataFrame of shape (J, k)
        In standard deviations of a benchmark per standard deviation of a capability. Columns sum to a positive number,
        most explained variance first.
    communalities_, noise_variance_ : ndarray of shape (J,)
        Share of each benchmark's variance that the capabilities explain, and the rest as squared fractions.
    explained_variance_ratio_ : ndarray of shape (k,)
        Share of the standardised benchmarks' variance that each capability explains, after the rotation.
    heywood_ : ndarray of bool, shape (J,)
        Benchmarks whose noise ended at its floor, a share of 0.005 of their variance: one capability has become the
        benchmark itself. Take fewer, or more benchmarks.
    model_ : FactorModel
        The fitted distribution of scores, unrotated.
    rotation_ : Rotation or None
    n_models_ : int
        Models with at least one score.
    n_iter_, converged_ : int, bool
        Of the likelihood.

    References
    ----------
    .. [1] Rubin and Thayer (1982), EM algorithms for ML factor analysis, Psychometrika 47, 69-76.
    .. [2] Joereskog (1967), Some contributions to maximum likelihood factor analysis, Psychometrika 32, 443-482.

    Examples
    --------
    >>> from obslaws.panel import load_panel
    >>> fitted = CapabilityFactors(n_components=2, rotation="oblimin").fit(load_panel("ruan2024").scores)
    >>> fitted.loadings_.shape, fitted.converged_
    ((8, 2), True)
    """

    def __init__(
        self,
        n_components: int = 3,
        rotation: str | None = None,
        n_starts: int = 30,
        random_state: int = 0,
        tol: float = 1e-7,
        max_iter: int = 2000,
    ) -> None:
        self.n_components = n_components
        self.rotation = rotation
        self.n_starts = n_starts
        self.random_state = random_state
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: pd.DataFrame | ArrayLike, y: object = None) -> Self:
        """Learn loadings and noises.

        Parameters
        ----------
        X : DataFrame or array_like of shape (n, J)
            Scores, models x benchmarks; fractions, NaN not evaluated.
        y : object
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        UsageError
            Fewer than one component, or fewer than two benchmarks.
        FitError
            Fewer than two models to learn from, or a benchmark without any score.

        Warns
        -----
        ConvergenceWarning
            The likelihood still rose, or the rotation still turned, at the last step.
        """
        if self.n_components < 1:
            raise UsageError(f"n_components is {self.n_components}; expected at least 1.")
        scores = self._learn_scores(X)
        width = scores.shape[1]
        if width < 2:
            raise UsageError(
                f"Factor analysis needs two benchmarks that can share something; found {width} feature(s)."
            )
        found = fit_factor_model(scores, min(self.n_components, width - 1), "own", self.tol, self.max_iter)
        self.n_iter_, self.converged_ = found.n_iter, found.converged
        if not found.converged:
            self._warn(
                f"The likelihood still rose after {self.n_iter_} steps; raise max_iter ({self.max_iter}) "
                f"or tol ({self.tol:g})."
            )
        variance = np.diag(found.covariance)
        standard = found.loadings / np.sqrt(variance)[:, None]
        # principal axes of the standardised loadings: the likelihood leaves the orientation open
        axes = np.linalg.svd(standard, full_matrices=False)[2].T
        axes = axes * np.where((standard @ axes).sum(axis=0) < 0, -1.0, 1.0)
        self.model_ = FactorModel(
            found.mean, found.loadings @ axes, found.noise, found.log_likelihood, found.n_iter, found.converged
        )
        self.n_models_ = int((~np.isnan(scores)).any(axis=1).sum())
        self.noise_variance_ = found.noise
        self.communalities_ = 1.0 - found.noise / variance
        spread = np.nanvar(scores, axis=0)
        self.heywood_ = found.noise <= 1.001 * NOISE_FLOOR * np.where(spread > 0, spread, 1.0)
        self._keep_loadings(standard @ axes)
        loadings = self.loadings_.to_numpy()
        correlation = np.eye(loadings.shape[1]) if self.rotation_ is None else self.rotation_.correlation
        self.explained_variance_ratio_ = (correlation * (loadings.T @ loadings)).sum(axis=1) / width
        return self

    def std_errors(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """Say how unsure the capabilities are, given the scores that a model has.

        Parameters
        ----------
        X : DataFrame or array_like of shape (n, J)
            Scores, columns as in the fit.

        Returns
        -------
        DataFrame of shape (n, k)
            Posterior standard deviations, the loadings taken as known; 1, the prior's, for a model without any score.
        """
        import pandas as pd

        scores, index = self._checked(X)
        spread = self.model_.factors(scores)[1]
        turn = np.eye(spread.shape[1]) if self.rotation_ is None else self.rotation_.turn
        variance = np.einsum("ka,nkl,la->na", turn, spread, turn)
        return pd.DataFrame(np.sqrt(variance), index, self._names())

    def _place(self, scores: Array) -> Array:
        return self.model_.factors(scores)[0]

    def _fill(self, scores: Array) -> Array:
        return self.model_.fill(scores)
