"""What a law is a function of: principal capabilities, one benchmark, training compute, or size.

Each learns from the training models only (`fit`) and then places any model (`transform`); a model that it cannot place
gets NaN.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd

from obslaws.errors import FitError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["NAMES", "Benchmark", "Components", "Covariate", "Predictor", "predictor"]

NAMES = ("compute", "size", "pc1", "pc2", "pc3", "pc4")
_GUARD = 1e-9  # the paper adds it before taking logarithms


class Predictor(ABC):
    """Coordinates of models, learned from some and computed for any."""

    names: tuple[str, ...]

    @abstractmethod
    def fit(self, models: pd.DataFrame, scores: pd.DataFrame) -> Self:
        """Learn from training models.

        Parameters
        ----------
        models : DataFrame of shape (n, n_covariates)
        scores : DataFrame of shape (n, J)
            Of the predicting benchmarks; NaN not evaluated.

        Returns
        -------
        self
        """

    @abstractmethod
    def transform(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array:
        """Place models.

        Parameters
        ----------
        models, scores : DataFrame
            As in `fit`, of any models.

        Returns
        -------
        ndarray of shape (n, k)
            NaN where something is missing.
        """

    def benchmark_weights(self, weights: Array) -> tuple[dict[str, float], float] | None:
        """Weights of the law in terms of benchmarks, and what they add to its intercept; None where there are none.

        Parameters
        ----------
        weights : ndarray of shape (k,)

        Returns
        -------
        (dict of str to float, float) or None
        """
        return None


class Covariate(Predictor):
    """Natural logarithm of compute in 1e21 FLOP, or of size in 1e9 parameters, as the paper's code takes it.

    Parameters
    ----------
    name : {"compute", "size"}
    """

    def __init__(self, name: Literal["compute", "size"]) -> None:
        self.names = (name,)
        self.column, self.unit = ("train_flop", 1e21) if name == "compute" else ("n_params", 1e9)

    def fit(self, models: pd.DataFrame, scores: pd.DataFrame) -> Self:
        """Nothing to learn, see `Predictor.fit`."""
        return self

    def transform(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array:
        """Logarithms, see `Predictor.transform`."""
        return np.log(models[[self.column]].to_numpy(dtype=float) / self.unit + _GUARD)


class Benchmark(Predictor):
    """Score on one benchmark.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.names = (name,)

    def fit(self, models: pd.DataFrame, scores: pd.DataFrame) -> Self:
        """Nothing to learn, see `Predictor.fit`."""
        return self

    def transform(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array:
        """Scores, see `Predictor.transform`."""
        return scores[[*self.names]].to_numpy(dtype=float)

    def benchmark_weights(self, weights: Array) -> tuple[dict[str, float], float]:
        """Give the weight itself, see `Predictor.benchmark_weights`."""
        return {self.names[0]: float(weights[0])}, 0.0


class Components(Predictor):
    """First principal capabilities of the training models.

    Parameters
    ----------
    n_components : int
    missing : {"likelihood", "ruan2024"}
        What becomes of missing scores, see `obslaws.capability.pca.CapabilityPCA`.

    Attributes
    ----------
    signs_ : ndarray of shape (k,)
        Multiply the capabilities: the loading of largest absolute value is positive, the rule behind the paper's
        published weights (and, through its optimiser's early stop, behind one of its errors).
    """

    def __init__(self, n_components: int, missing: Literal["likelihood", "ruan2024"] = "likelihood") -> None:
        self.n_components = n_components
        self.missing = missing
        self.names = tuple(f"pc{k}" for k in range(1, n_components + 1))

    def fit(self, models: pd.DataFrame, scores: pd.DataFrame) -> Self:
        """Principal components of the training models, see `Predictor.fit`."""
        from obslaws.capability.pca import CapabilityPCA

        evaluated = scores.notna().any(axis=1)
        if evaluated.sum() < self.n_components + 1:
            raise FitError(
                f"{self.n_components} principal components need {self.n_components + 1} training models with scores; "
                f"found {int(evaluated.sum())}. Use fewer components, or a later cutoff."
            )
        if scores.shape[1] < self.n_components:
            raise FitError(
                f"{self.n_components} principal components need as many benchmarks; found {scores.shape[1]}: "
                f"{', '.join(map(str, scores.columns))}."
            )
        self.benchmarks_ = [b for b in scores.columns if scores[b].notna().any()]
        pca = CapabilityPCA(n_components=self.n_components, missing=self.missing)
        self.pca_ = pca.fit(scores.loc[evaluated, self.benchmarks_])
        axes = self.pca_.components_
        self.names = tuple(f"pc{k}" for k in range(1, len(axes) + 1))
        self.signs_ = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        return self

    def transform(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array:
        """Capabilities, see `Predictor.transform`."""
        scores = scores[self.benchmarks_]
        out = np.full((len(scores), len(self.signs_)), np.nan)
        evaluated = scores.notna().any(axis=1).to_numpy()
        if evaluated.any():
            out[evaluated] = self.pca_.transform(scores[evaluated]).to_numpy() * self.signs_
        return out

    def benchmark_weights(self, weights: Array) -> tuple[dict[str, float], float]:
        """Weights times axes, and minus their product with the mean, see `Predictor.benchmark_weights`."""
        by_benchmark = (weights * self.signs_) @ self.pca_.components_
        told = dict(zip(self.benchmarks_, map(float, by_benchmark), strict=True))
        return told, -float(by_benchmark @ self.pca_.mean_)


def predictor(
    name: str, benchmarks: Iterable[str], missing: Literal["likelihood", "ruan2024"] = "likelihood"
) -> Predictor:
    """Make a predictor by name.

    Parameters
    ----------
    name : str
        ``compute``, ``size``, ``pc1`` to ``pc4`` (that many components), or the id of a benchmark.
    benchmarks : iterable of str
        Benchmarks that may be named.
    missing : {"likelihood", "ruan2024"}
        For components.

    Returns
    -------
    Predictor
        Not fitted.

    Raises
    ------
    UnknownNameError
        The nearest name is offered.
    """
    benchmarks = list(benchmarks)
    if name in ("compute", "size"):
        return Covariate(name)  # type: ignore[arg-type]
    if name in benchmarks:
        return Benchmark(name)
    if found := re.fullmatch(r"pc([1-9])", name):
        return Components(int(found[1]), missing)
    raise UnknownNameError("predictor", name, [*NAMES, "skill", *benchmarks])
