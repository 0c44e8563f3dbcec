"""One interface for all forecasters, and the tidy frame that they answer with.

In: a `Panel` to fit, then queries (models with covariates, known or not to the panel) and any scores already known
them. Out: a `Predictive`, from which `forecast` makes the tidy frame. Called by the command line, backtests, figures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import ndtri

from obslaws.errors import FitError, UnknownNameError, UsageError
from obslaws.panel import COVARIATES
from obslaws.units import Units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = [
    "FORECAST_COLUMNS", "Forecaster", "NormalPredictive", "Predictive", "check_level", "complete_columns",
    "complete_queries",
]  # fmt: skip

FORECAST_COLUMNS = ("model", "family", "benchmark", "forecast", "lower", "upper", "level", "basis")


class Predictive(ABC):
    """What a forecaster believes about unseen scores.

    Attributes
    ----------
    basis : ndarray of str, shape (n_models, n_benchmarks)
        Who answered: ``"own scores"``, ``"family"``, ``"base family"``, ``"lab"``, ``"pooled"``.
    """

    basis: NDArray[np.str_]

    @abstractmethod
    def quantile(self, share: float) -> NDArray[np.float64]:
        """Quantile of each score's predictive distribution.

        Parameters
        ----------
        share : float
            In (0, 1).

        Returns
        -------
        ndarray of shape (n_models, n_benchmarks)
            Fractions.
        """

    @property
    def point(self) -> NDArray[np.float64]:
        """Point forecast: the median, which minimises absolute error; shape (n_models, n_benchmarks)."""
        return self.quantile(0.5)


@dataclass(frozen=True)
class InUnits(Predictive):
    """Predictions in the units of the benchmarks, from predictions in fractions.

    Parameters
    ----------
    fractions : Predictive
    units : Units
    """

    fractions: Predictive
    units: Units

    @property
    def basis(self) -> NDArray[np.str_]:  # type: ignore[override]
        """Who answered, shape (n_models, n_benchmarks)."""
        return self.fractions.basis

    def quantile(self, share: float) -> NDArray[np.float64]:
        """Quantile, see `Predictive.quantile`; in the unit of each benchmark."""
        return self.units.scores(self.fractions.quantile(share))

    @property
    def point(self) -> NDArray[np.float64]:
        """Point forecast; in the unit of each benchmark."""
        return self.units.scores(self.fractions.point)


@dataclass(frozen=True)
class NormalPredictive(Predictive):
    """Normal on the score scale, cut off at 0 and 1.

    Parameters
    ----------
    mean, sd : ndarray of shape (n_models, n_benchmarks)
        Fractions.
    basis : ndarray of str, shape (n_models, n_benchmarks)
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    basis: NDArray[np.str_]

    def quantile(self, share: float) -> NDArray[np.float64]:
        """Quantile, see `Predictive.quantile`."""
        return np.clip(self.mean + ndtri(share) * self.sd, 0.0, 1.0)


class Forecaster(ABC):
    """Base of every forecaster: `fit` a panel, then `forecast` any models on its benchmarks.

    Attributes
    ----------
    name : str
        Key in the registry.
    label : str
        What it was asked for by, with settings (``sloth:d=3,link=logistic``); empty when made by hand.
    panel_ : Panel
        What was learned from.
    units_ : Units
        The scales of its benchmarks.
    fractions_ : Panel
        The same, all benchmarks as fractions.
    """

    name: ClassVar[str]
    label: str = ""

    @abstractmethod
    def _fit(self, panel: Panel) -> None:
        """Learn from a panel that holds at least one score, and nothing but fractions."""

    @abstractmethod
    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> Predictive:
        """Answer for checked queries and their known scores (all benchmarks, as fractions, NaN unknown)."""

    def fit(self, panel: Panel) -> Self:
        """Learn from a panel.

        Parameters
        ----------
        panel : Panel
            NaN scores are left out, never filled in. Ratings and other units are turned into fractions and back, see
            `obslaws.units`.

        Returns
        -------
        self

        Raises
        ------
        FitError
            The panel holds no score.
        """
        if panel.n_cells == 0:
            raise FitError(
                f"Panel {panel.name!r} holds no score ({len(panel.models)} models x {panel.scores.shape[1]} tests). "
                "A fit needs at least one; check the filters of the view, or the scores table."
            )
        self.panel_, self.units_ = panel, Units.learn(panel)
        self.fractions_ = self.units_.panel(panel)
        self._fit(self.fractions_)
        return self

    def predict(self, queries: pd.DataFrame, scores: pd.DataFrame | None = None) -> Predictive:
        """Predictive distribution of every benchmark for each queried model.

        Parameters
        ----------
        queries : DataFrame of shape (n_queries, any)
            Indexed by model; columns of `obslaws.panel.COVARIATES`, of which only ``family`` is required.
        scores : DataFrame, optional
            Scores already known of the queried models: rows as `queries`, any benchmarks of the panel, NaN unknown.
            For models of the fitted panel the scores that it holds are known without being given again.
            ``scores.attrs["n_items"]``, if there, maps benchmarks to the number of questions behind the given scores,
            where they are fewer than the benchmark has; a forecaster that weighs scores trusts them less.

        Returns
        -------
        Predictive
            Over (n_queries, n_benchmarks of the panel).
        """
        self._check_fitted()
        queries = complete_queries(queries)
        benchmarks = self.panel_.scores.columns
        known = self.panel_.scores.reindex(queries.index)
        if scores is not None:
            for name in scores.columns:
                if name not in benchmarks:
                    raise UnknownNameError("benchmark", name, benchmarks)
            given = scores.reindex(index=queries.index, columns=benchmarks)
            known = given.where(given.notna(), known)
            known.attrs["n_items"] = dict(scores.attrs.get("n_items", {}))
        if not self.units_.rated.any():
            return self._predict(queries, known)
        known = known.copy()
        known[:] = self.units_.fractions(known.to_numpy(dtype=float))
        return InUnits(self._predict(queries, known), self.units_)

    def forecast(
        self,
        queries: pd.DataFrame,
        scores: pd.DataFrame | None = None,
        benchmarks: Sequence[str] | None = None,
        level: float = 0.9,
    ) -> pd.DataFrame:
        """Forecast scores with intervals.

        Parameters
        ----------
        queries, scores
            As in `predict`.
        benchmarks : sequence of str, optional
            Which benchmarks to answer for; all of the panel by default.
        level : float
            Nominal coverage of the interval, in (0, 1).

        Returns
        -------
        DataFrame of shape (n_queries * n_benchmarks, 8)
            Columns model, family, benchmark, forecast, lower, upper, level, basis; scores as fractions, or in the unit
            of a benchmark that has another.

        Raises
        ------
        UnknownNameError
            A benchmark that the panel does not hold; the nearest is offered.
        """
        check_level(level)
        self._check_fitted()
        self._columns(benchmarks)
        return self.tidy(self.predict(queries, scores), queries, benchmarks, level)

    def tidy(
        self, predictive: Predictive, queries: pd.DataFrame, benchmarks: Sequence[str] | None = None, level: float = 0.9
    ) -> pd.DataFrame:
        """Write a predictive distribution down as a table, see `forecast`.

        Parameters
        ----------
        predictive : Predictive
            What `predict` gave for these queries.
        queries, benchmarks, level
            As in `forecast`.

        Returns
        -------
        DataFrame of shape (n_queries * n_benchmarks, 8)
        """
        at = self._columns(benchmarks)
        wanted = self.panel_.scores.columns[at]
        lower, upper = predictive.quantile((1.0 - level) / 2.0), predictive.quantile((1.0 + level) / 2.0)
        columns = (
            np.repeat(queries.index.to_numpy(), len(at)),
            np.repeat(queries["family"].to_numpy(), len(at)),
            np.tile(np.asarray(wanted, dtype=object), len(queries)),
            *(answer[:, at].ravel() for answer in (predictive.point, lower, upper)),
            level,
            predictive.basis[:, at].ravel(),
        )
        return pd.DataFrame(dict(zip(FORECAST_COLUMNS, columns, strict=True)))

    def _columns(self, benchmarks: Sequence[str] | None) -> list[int]:
        columns = list(self.panel_.scores.columns)
        for name in () if benchmarks is None else benchmarks:
            if name not in columns:
                raise UnknownNameError("benchmark", name, columns)
        return list(range(len(columns))) if benchmarks is None else [columns.index(name) for name in benchmarks]

    def _check_fitted(self) -> None:
        if not hasattr(self, "panel_"):
            raise FitError(f"{type(self).__name__} is not fitted yet: call fit(panel) first.")


def complete_queries(queries: pd.DataFrame) -> pd.DataFrame:
    """Give queries every covariate column, and derive what follows from the rest.

    Parameters
    ----------
    queries : DataFrame
        Indexed by model, with at least ``family``.

    Returns
    -------
    DataFrame of shape (n_queries, n_covariates)
        A copy; a missing base family is the family, missing active parameters are the total, missing compute is 6 N D.

    Raises
    ------
    UsageError
        No family column, or a size, token count or compute that is not positive and finite.
    """
    base_model = queries["base_model"] if "base_model" in queries else np.nan
    columns = {**complete_columns(queries), "base_model": base_model}
    return pd.DataFrame(columns, index=queries.index, columns=[*COVARIATES])


def complete_columns(queries: pd.DataFrame, rows: Sequence[int] | None = None) -> dict[str, NDArray[Any]]:
    """Do the work of `complete_queries`, for some rows, and leave it in plain arrays: a frame costs a millisecond.

    Parameters
    ----------
    queries : DataFrame
        As in `complete_queries`.
    rows : sequence of int, optional
        Which rows to complete; all by default.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        By covariate: texts as objects, counts as floats, the date as datetime64; no ``base_model``, which no forecaster
        reads.

    Raises
    ------
    UsageError
        As in `complete_queries`.
    """
    if "family" not in queries.columns:
        raise UsageError(f"Queries need a column 'family'; found {', '.join(map(repr, queries.columns)) or 'none'}.")
    at = np.arange(len(queries)) if rows is None else np.asarray(rows, dtype=np.intp)

    def read(column: str, dtype: type | None = None) -> NDArray[Any]:
        given = column in queries
        return queries[column].to_numpy(dtype)[at] if given else np.full(len(at), np.nan, dtype=object)

    out = {column: read(column, object) for column in ("org", "family", "base_family", "variant")}
    for column in ("n_params", "n_active_params", "n_tokens", "train_flop"):
        given = read(column)
        values = given if given.dtype == float else np.asarray(pd.to_numeric(given, errors="coerce"), dtype=float)
        out[column] = values
        bad = (values <= 0) | np.isinf(values)
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            name, value = queries.index[at[first]], values[first]
            raise UsageError(f"{column} of {name!r} is {value:g}; expected a positive, finite count, e.g. 7e9.")
    size, active, flop = out["n_params"], out["n_active_params"], out["train_flop"]
    out["n_active_params"] = active = np.where(np.isnan(active), size, active)
    out["train_flop"] = np.where(np.isnan(flop), 6.0 * active * out["n_tokens"], flop)
    dates = read("release_date")
    out["release_date"] = dates if dates.dtype.kind == "M" else pd.to_datetime(pd.Series(dates)).to_numpy()
    out["base_family"] = np.where(pd.isna(out["base_family"]), out["family"], out["base_family"])
    out["variant"] = np.where(pd.isna(out["variant"]), "unknown", out["variant"])
    return out


def check_level(level: float) -> None:
    """Refuse a level that is no share; 90 for 0.9 is the usual slip.

    Raises
    ------
    UsageError
        With the cure.
    """
    if not 0.0 < level < 1.0:
        cure = f" Did you mean {level / 100:g}?" if 1.0 < level < 100.0 else ""
        raise UsageError(f"level is {level:g}; expected a share between 0 and 1, e.g. 0.9.{cure}")
