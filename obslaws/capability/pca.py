"""Principal capabilities: directions of the score matrix along which models differ most."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from obslaws.capability.imputation import impute
from obslaws.errors import ConvergenceWarning, FitError, UsageError

__all__ = ["CapabilityPCA"]

Array = NDArray[np.float64]


class CapabilityPCA(TransformerMixin, BaseEstimator):
    """Principal components of centred, unscaled scores.

    Benchmarks keep their own spread, so one with a wide range weighs more, as in the paper.

    Parameters
    ----------
    n_components : int
        Capabilities wanted; fewer are learned where models or benchmarks are fewer.
    missing : {"drop", "ruan2024"}
        Models with missing scores: left out of the fit, with missing capabilities; or filled in by the paper's
        iterated rank-1 reconstruction, see `obslaws.capability.imputation`.
    tol, max_iter : float, int
        Of the imputation.

    Attributes
    ----------
    mean_ : ndarray of shape (J,)
        Mean score of each benchmark, fractions.
    components_ : ndarray of shape (k, J)
        Orthonormal axes, signs chosen so that the loadings of each sum to a positive number.
    loadings_ : DataFrame of shape (J, k)
        The same, benchmarks x capabilities.
    explained_variance_ : ndarray of shape (k,)
        Variance along each axis, squared fractions; denominator n - 1.
    explained_variance_ratio_ : ndarray of shape (k,)
        Share of the total variance.
    n_models_ : int
        Models that the axes were learned from.
    imputation_ : Imputation or None
    n_iter_ : int
        Passes over the training models; 1 without an imputation.
    converged_ : bool
        Whether the imputed cells came to rest.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 3.2.

    Examples
    --------
    >>> scores = pd.DataFrame({"arc": [0.3, 0.5, 0.7], "gsm8k": [0.1, 0.4, 0.6]}, index=["a/s", "a/m", "a/l"])
    >>> CapabilityPCA(n_components=1).fit_transform(scores).round(2)
         capability_1
    a/s         -0.33
    a/m          0.03
    a/l          0.31
    """

    def __init__(
        self,
        n_components: int = 3,
        missing: Literal["drop", "ruan2024"] = "drop",
        tol: float = 1e-10,
        max_iter: int = 1000,
    ) -> None:
        self.n_components = n_components
        self.missing = missing
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []  # a frame has no single dtype
        return tags

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
            The imputation still moved after `max_iter` passes.
        """
        if self.missing not in ("drop", "ruan2024"):
            raise UsageError(f"missing is {self.missing!r}; expected 'drop' or 'ruan2024'.")
        if self.n_components < 1:
            raise UsageError(f"n_components is {self.n_components}; expected at least 1.")
        scores = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        self.imputation_, self.n_iter_, self.converged_ = None, 1, True
        if self.missing == "ruan2024":
            self.imputation_ = impute(scores, tol=self.tol, max_iter=self.max_iter)
            self.n_iter_, self.converged_ = self.imputation_.n_iter, self.imputation_.converged
            if not self.converged_:
                warnings.warn(
                    f"Imputed scores still moved after {self.max_iter} passes; raise max_iter or tol ({self.tol:g}).",
                    ConvergenceWarning,
                    stacklevel=2,
                )
        filled = self._filled(scores)
        complete = filled[~np.isnan(filled).any(axis=1)]
        if len(complete) < 2:
            raise FitError(
                f"Principal components need two models with all scores; found {len(complete)} of {len(scores)}. "
                "Leave sparse benchmarks out, or fill in with missing='ruan2024'."
            )
        self.n_models_ = len(complete)
        self.mean_ = complete.mean(axis=0)
        _, singular, axes = np.linalg.svd(complete - self.mean_, full_matrices=False)
        k = min(self.n_components, len(singular))
        variance = singular**2 / (len(complete) - 1)
        self.components_ = axes[:k] * np.where(axes[:k].sum(axis=1) < 0, -1.0, 1.0)[:, None]
        self.explained_variance_ = variance[:k]
        total = variance.sum()
        self.explained_variance_ratio_ = variance[:k] / total if total > 0 else np.zeros(k)
        names = getattr(self, "feature_names_in_", np.arange(scores.shape[1]))
        self.loadings_ = pd.DataFrame(self.components_.T, pd.Index(names, name="benchmark"), self._names())
        return self

    def transform(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """Place models on the axes.

        Parameters
        ----------
        X : DataFrame or array_like of shape (n, J)
            Scores, columns as in the fit.

        Returns
        -------
        DataFrame of shape (n, k)
            Columns capability_1, ...; rows as in `X`. Missing where a score is missing and nothing fills it in.
        """
        check_is_fitted(self)
        scores = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame((self._filled(scores) - self.mean_) @ self.components_.T, index, self._names())

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the capabilities.

        Parameters
        ----------
        input_features : object
            Ignored.

        Returns
        -------
        ndarray of str, shape (k,)
        """
        check_is_fitted(self)
        return np.asarray(self._names(), dtype=object)

    def _filled(self, scores: Array) -> Array:
        if self.imputation_ is None:
            return scores
        return self.imputation_.fill(scores, self.tol, self.max_iter)

    def _names(self) -> list[str]:
        return [f"capability_{number}" for number in range(1, len(self.components_) + 1)]
