"""Principal capabilities: directions of the score matrix along which models differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd

from obslaws.capability.base import Array, CapabilityModel
from obslaws.capability.imputation import Imputation, impute
from obslaws.capability.likelihood import FactorModel, fit_factor_model
from obslaws.errors import FitError, UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["WAYS", "CapabilityPCA"]

WAYS = ("likelihood", "drop", "ruan2024")


class CapabilityPCA(CapabilityModel):
    """Principal components of centred, unscaled scores.

    Benchmarks keep their own spread, so one with a wide range weighs more, as in the paper.

    Parameters
    ----------
    n_components : int
        Capabilities wanted; fewer are learned where models or benchmarks are fewer.
    missing : {"likelihood", "drop", "ruan2024"}
        What becomes of missing scores: integrated out, so that the axes maximise the exact likelihood of the observed
        cells under probabilistic principal components; or their models are left out of the fit, with missing
        capabilities; or they are filled in by the paper's iterated rank-1 reconstruction, see
        `obslaws.capability.imputation`. All three agree where no score is missing.
    rotation : {"varimax", "quartimax", "oblimin", "geomin"}, optional
        Turns the axes, scaled to capabilities of unit variance; see `obslaws.capability.rotation`.
    n_starts, random_state : int, int
        Of the rotation.
    tol, max_iter : float, int
        Of the likelihood (largest derivative per cell) and of the imputation (largest move of a missing cell).

    Attributes
    ----------
    mean_ : ndarray of shape (J,)
        Mean score of each benchmark, fractions.
    components_ : ndarray of shape (k, J)
        Orthonormal axes, signs chosen so that the loadings of each sum to a positive number.
    loadings_ : DataFrame of shape (J, k)
        The same, benchmarks x capabilities. With a rotation: fractions of a score per standard deviation of a skill.
    rotation_ : Rotation or None
    explained_variance_ : ndarray of shape (k,)
        Variance along each axis, before any rotation, squared fractions; denominator n - 1.
    explained_variance_ratio_ : ndarray of shape (k,)
        Share of the total variance.
    n_models_ : int
        Models that the axes were learned from.
    noise_variance_ : float
        Variance of a score about the axes, squared fractions; by maximum likelihood with ``"likelihood"``, else the
        mean of the variances beyond the last axis.
    model_ : FactorModel or None
        With ``"likelihood"``: the distribution that missing scores are expected from.
    imputation_ : Imputation or None
        With ``"ruan2024"``.
    n_iter_ : int
        Steps of the fit, passes of the imputation; 1 without either.
    converged_ : bool
        Whether the likelihood reached its maximum, the imputed cells came to rest.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 3.2.
    .. [2] Tipping and Bishop (1999), Probabilistic principal component analysis, JRSS B 61, 611-622.

    Examples
    --------
    >>> scores = pd.DataFrame({"arc": [0.3, 0.5, 0.7], "gsm8k": [0.1, 0.4, 0.6]}, index=["a/s", "a/m", "a/l"])
    >>> CapabilityPCA(n_components=1).fit_transform(scores).round(2)
         capability_1
    a/s         -0.33
    a/m          0.03
    a/l          0.31
    """

    model_: FactorModel | None
    imputation_: Imputation | None

    def __init__(
        self,
        n_components: int = 3,
        missing: Literal["likelihood", "drop", "ruan2024"] = "likelihood",
        tol: float = 1e-8,
        max_iter: int = 1000,
        rotation: str | None = None,
        n_starts: int = 30,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.missing = missing
        self.rotation = rotation
        self.n_starts = n_starts
        self.random_state = random_state
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: pd.DataFrame | ArrayLike, y: object = None) -> Self:
        """Learn the axes.

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
            An unknown way with missing scores, or fewer than one component.
        FitError
            Fewer than two models to learn from, or a benchmark without any score.

        Warns
        -----
        ConvergenceWarning
            The likelihood still rose, the imputation moved, or the rotation turned at the last step.
        """
        if self.missing not in WAYS:
            raise UsageError(f"missing is {self.missing!r}; expected {', '.join(map(repr, WAYS))}.")
        if self.n_components < 1:
            raise UsageError(f"n_components is {self.n_components}; expected at least 1.")
        scores = self._learn_scores(X)
        self.imputation_, self.model_, self.n_iter_, self.converged_ = None, None, 1, True
        if self.missing == "ruan2024":
            self._impute(scores)
        if self.missing == "likelihood":
            self._maximise(scores)
        if self.model_ is not None and np.isnan(scores).any():
            self._axes_of_model(self.model_, scores)
        else:
            self._axes_of_rows(self._fill(scores))
        self._keep_loadings(self.components_.T * self._unit())
        return self

    def _impute(self, scores: Array) -> None:
        self.imputation_ = impute(scores, tol=self.tol, max_iter=self.max_iter)
        self.n_iter_, self.converged_ = self.imputation_.n_iter, self.imputation_.converged
        if not self.converged_:
            self._warn(
                f"Imputed scores still moved after {self.max_iter} passes; raise max_iter or tol ({self.tol:g})."
            )

    def _maximise(self, scores: Array) -> None:
        # more axes than the models can carry would leave no noise, and a likelihood without bound
        n_factors = min(self.n_components, scores.shape[1] - 1, max(1, len(scores) - 2))
        self.model_ = fit_factor_model(scores, n_factors, "shared", self.tol, self.max_iter)
        self.n_iter_, self.converged_ = self.model_.n_iter, self.model_.converged
        if not self.converged_:
            self._warn(
                f"The likelihood still rose after {self.n_iter_} steps; raise max_iter ({self.max_iter}) "
                f"or tol ({self.tol:g})."
            )

    def _axes_of_model(self, model: FactorModel, scores: Array) -> None:
        self.n_models_ = n = int((~np.isnan(scores)).any(axis=1).sum())
        self.mean_ = model.mean
        roots, axes = np.linalg.eigh(model.covariance)
        self._keep(roots[::-1] * n / (n - 1), axes[:, ::-1].T, n)
        self.noise_variance_ = float(model.noise[0])

    def _axes_of_rows(self, filled: Array) -> None:
        complete = filled[~np.isnan(filled).any(axis=1)]
        if len(complete) < 2:
            raise FitError(
                f"Principal components need two models with all scores; found {len(complete)} of {len(filled)}. "
                "Leave sparse benchmarks out, or keep every model with missing='likelihood'."
            )
        self.n_models_ = n = len(complete)
        self.mean_ = complete.mean(axis=0)
        _, singular, axes = np.linalg.svd(complete - self.mean_, full_matrices=False)
        self._keep(singular**2 / (n - 1), axes, n)
        left_out = singular[len(self.components_) :] ** 2
        self.noise_variance_ = float(left_out.sum() / n / max(1, filled.shape[1] - len(self.components_)))

    def _keep(self, variance: Array, axes: Array, n: int) -> None:
        k = min(self.n_components, len(axes), n)
        self.components_ = axes[:k] * np.where(axes[:k].sum(axis=1) < 0, -1.0, 1.0)[:, None]
        self.explained_variance_ = variance[:k]
        total = variance.sum()
        self.explained_variance_ratio_ = variance[:k] / total if total > 0 else np.zeros(k)

    def _unit(self) -> Array:
        """Give the standard deviations of the capabilities where a rotation wants them alike, else 1."""
        variance = self.explained_variance_
        return np.ones_like(variance) if self.rotation is None else np.sqrt(np.maximum(variance, 0.0))

    def _place(self, scores: Array) -> Array:
        unit = self._unit()
        return (self._fill(scores) - self.mean_) @ self.components_.T / np.where(unit > 0, unit, 1.0)

    def _fill(self, scores: Array) -> Array:
        if self.imputation_ is not None:
            return self.imputation_.fill(scores, self.tol, self.max_iter)
        return scores if self.model_ is None else self.model_.fill(scores)
