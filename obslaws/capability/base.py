"""What the capability models share: frames indexed by model, names of capabilities, a rotation on top."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from obslaws.capability.rotation import Rotation, rotate
from obslaws.errors import ConvergenceWarning

__all__ = ["CapabilityModel"]

Array = NDArray[np.float64]


class CapabilityModel(TransformerMixin, BaseEstimator):
    """Base of the transformers from scores to capabilities.

    A subclass learns ``loadings_`` in `fit`, says in `_place` where models stand on its own axes, and in `_fill` what
    it expects of missing cells.
    """

    loadings_: pd.DataFrame
    rotation_: Rotation | None
    rotation: str | None
    n_starts: int
    random_state: int

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []  # a frame has no single dtype
        return tags

    def transform(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """Place models on the axes.

        Parameters
        ----------
        X : DataFrame or array_like of shape (n, J)
            Scores, columns as in the fit; fractions, NaN not evaluated.

        Returns
        -------
        DataFrame of shape (n, k)
            Columns capability_1, ... (skill_1, ... after a rotation); rows as in `X`. Missing for a model without any
            score, and wherever the model of capabilities has no answer to a missing cell.
        """
        scores, index = self._checked(X)
        placed = self._place(scores)
        if self.rotation_ is not None:
            placed = placed @ self.rotation_.turn
        return pd.DataFrame(placed, index, self._names())

    def fill(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """Fill in missing scores with their expectation given the model's other scores.

        Parameters
        ----------
        X : DataFrame or array_like of shape (n, J)
            Scores, columns as in the fit; fractions, NaN not evaluated.

        Returns
        -------
        DataFrame of shape (n, J)
            Observed cells unchanged.
        """
        scores, index = self._checked(X)
        return pd.DataFrame(self._fill(scores), index, pd.Index(self.loadings_.index, name=None))

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

    @abstractmethod
    def _place(self, scores: Array) -> Array: ...

    @abstractmethod
    def _fill(self, scores: Array) -> Array: ...

    def _checked(self, X: pd.DataFrame | ArrayLike) -> tuple[Array, pd.Index | None]:
        check_is_fitted(self)
        scores = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return scores, X.index if isinstance(X, pd.DataFrame) else None

    def _learn_scores(self, X: pd.DataFrame | ArrayLike) -> Array:
        return validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)

    def _keep_loadings(self, loadings: Array) -> None:
        """Store loadings, benchmarks x capabilities, rotated where a rotation is asked for."""
        self.rotation_ = None
        if self.rotation is not None:
            self.rotation_ = rotate(loadings, self.rotation, self.n_starts, self.random_state)
            loadings = self.rotation_.loadings
            if not self.rotation_.converged:
                self._warn(f"Rotation {self.rotation} stopped after {self.rotation_.n_iter} steps, short of a minimum.")
        names = getattr(self, "feature_names_in_", np.arange(len(loadings)))
        self.n_capabilities_ = loadings.shape[1]
        self.loadings_ = pd.DataFrame(loadings, pd.Index(names, name="benchmark"), self._names())

    def _names(self) -> list[str]:
        kind = "capability" if self.rotation_ is None else "skill"
        return [f"{kind}_{number}" for number in range(1, self.n_capabilities_ + 1)]

    @staticmethod
    def _warn(words: str) -> None:
        warnings.warn(words, ConvergenceWarning, stacklevel=4)
