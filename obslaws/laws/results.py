"""What a fit of a law returns: numbers first, then how far they can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.errors import ExtrapolationWarning, UnknownNameError, UsageError
from obslaws.laws.base import Law
from obslaws.laws.intervals import condition_number, covariance, profile_interval, reaches_bound
from obslaws.laws.likelihood import log_likelihood, residual_scale
from obslaws.laws.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from obslaws.laws.checklist import Checklist

__all__ = ["ILL_CONDITIONED", "LawFit"]

Array = NDArray[np.float64]

ILL_CONDITIONED = 1e4  # of the scaled derivatives; Chinchilla's 245 points have 5e2
_FAR = 1.0  # decades beyond the data


@dataclass(frozen=True)
class LawFit:
    """A fitted law.

    Parameters
    ----------
    law : Law
    params : Series of shape (n_params,)
        Estimates, in the units of the law.
    problem : Problem
        Data, residuals and bounds behind the estimates.
    z : ndarray of shape (n_params,)
        The same on the scale of the fit.
    weights : ndarray of shape (n_points,)
    objective : float
        Sum of the Huber losses.
    converged : bool
    n_iter : int
    starts : dict
        n_starts, share_best (within 1 % of the best objective), spread (range of each parameter among those), seconds.
    draws : DataFrame of shape (n_draws, n_params)
        Bootstrap estimates; empty without a bootstrap.
    clusters : ndarray of int, optional
    counts : tuple of (str, int)
        Points before and after every filter.
    options : dict
        What the fit was asked to do.
    """

    law: Law
    params: pd.Series
    problem: Problem
    z: Array
    weights: Array
    objective: float
    converged: bool
    n_iter: int
    starts: Mapping[str, Any]
    draws: pd.DataFrame
    clusters: NDArray[np.int_] | None = None
    counts: tuple[tuple[str, int], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        """Count of points."""
        return len(self.problem.y)

    @property
    def coefficients(self) -> dict[str, float]:
        """Estimates by name, as `Law.evaluate` takes them."""
        return dict(zip(self.law.param_names, map(float, self.params.to_numpy()), strict=True))

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which parameters were not fitted."""
        return np.asarray(self.problem.lower == self.problem.upper)

    @cached_property
    def at_bound(self) -> dict[str, str]:
        """Fitted parameters that ended at a bound, and at which."""
        out = {}
        for j, name in enumerate(self.law.param_names):
            span = self.problem.upper[j] - self.problem.lower[j]
            if span > 0 and self.z[j] - self.problem.lower[j] <= 1e-6 * span:
                out[name] = "lower"
            elif span > 0 and self.problem.upper[j] - self.z[j] <= 1e-6 * span:
                out[name] = "upper"
        return out

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which parameters have a standard error: neither held nor at a bound."""
        return ~self.held & ~np.isin(self.law.param_names, list(self.at_bound))

    @cached_property
    def cov_z(self) -> Array:
        """Covariance on the scale of the fit, shape (n_params, n_params); NaN for what is not free."""
        return covariance(self.problem, self.z, self.free, self.weights, self.clusters)

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance in the units of the law (delta method for scales that were fitted as logarithms)."""
        slope = np.where([p.log for p in self.law.params], self.params.to_numpy(), 1.0)
        names = list(self.law.param_names)
        return pd.DataFrame(self.cov_z * np.outer(slope, slope), names, names)

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors in the units of the law."""
        return pd.Series(np.sqrt(np.diag(self.cov.to_numpy())), self.params.index)

    @cached_property
    def condition(self) -> float:
        """Condition number of the derivatives at the optimum, columns scaled."""
        return condition_number(self.problem, self.z, self.free)

    @cached_property
    def fitted(self) -> Array:
        """Output of the law at the points, shape (n_points,)."""
        return np.asarray(self.problem.predict(self.z[None])[0], dtype=float)

    @property
    def residuals(self) -> Array:
        """Residuals: of log output, or of output in its own unit, shape (n_points,)."""
        y = self.problem.y
        return np.log(self.fitted / y) if self.problem.space == "log" else self.fitted - y

    @cached_property
    def quality(self) -> dict[str, float]:
        """In-sample figures: r2, rmse, mean_abs_rel_error, log_likelihood (of the output), aicc, bic."""
        y, error, n = self.problem.y, self.fitted - self.problem.y, self.n_points
        k = int((~self.held).sum()) + 1  # and the scale of the noise
        likelihood = float(log_likelihood(self.objective, float(self.weights.sum()), self.problem.delta))
        likelihood -= float(np.log(y).sum()) if self.problem.space == "log" else n * np.log(self.problem.scale)
        spread = float(((y - y.mean()) ** 2).sum())
        with np.errstate(divide="ignore"):
            relative = float(np.mean(np.abs(error / y)))
        return {
            "r2": 1 - float((error**2).sum()) / spread if spread > 0 else np.nan,
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mean_abs_rel_error": relative,
            "log_likelihood": likelihood,
            "aicc": 2 * k - 2 * likelihood + (2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf),
            "bic": k * np.log(n) - 2 * likelihood,
        }

    def conf_int(self, level: float = 0.95, method: str | None = None) -> pd.DataFrame:
        """Give an interval for every parameter.

        Parameters
        ----------
        level : float
            Nominal coverage.
        method : {"wald", "profile", "bootstrap"}, optional
            From the covariance, the profile of the objective, or the quantiles of the draws; by default the draws
            where there are any, else the covariance.

        Returns
        -------
        DataFrame of shape (n_params, 2)
            lower, upper. Wald: NaN for what is not free. Profile: a bound where nothing before it is excluded.

        Raises
        ------
        UsageError
            Unknown method, or "bootstrap" without draws.
        """
        method = method or ("bootstrap" if len(self.draws) else "wald")
        if method == "bootstrap":
            if not len(self.draws):
                raise UsageError("conf_int: this fit has no bootstrap draws; fit with bootstrap=1000.")
            ends = self.draws.quantile([(1 - level) / 2, (1 + level) / 2]).to_numpy().T
        elif method in ("wald", "profile"):
            from scipy.stats import norm

            with np.errstate(invalid="ignore"):
                se = np.sqrt(np.diag(self.cov_z))
            if method == "wald":
                wide = norm.ppf((1 + level) / 2) * se
                z = np.stack([self.z - wide, self.z + wide])
                z = np.clip(z, self.problem.lower, self.problem.upper)
            else:
                z = self._profiles(level, se).T
            ends = self.problem.theta(z).T
        else:
            raise UsageError(f"conf_int: no method {method!r}. Known: wald, profile, bootstrap.")
        return pd.DataFrame(ends, self.params.index, ["lower", "upper"])

    def _profiles(self, level: float, se: Array) -> Array:
        ends = np.stack([self.z, self.z], axis=1)
        for j in np.flatnonzero(~self.held):
            span = self.problem.upper[j] - self.problem.lower[j]
            width = 2 * se[j] if np.isfinite(se[j]) and se[j] > 0 else 0.05 * span
            ends[j] = profile_interval(
                self.problem, self.z, self.objective, int(j), min(width, span), level, self.weights
            )
        return ends

    def derived(self, level: float = 0.95) -> pd.DataFrame:
        """Compute what follows from the parameters, such as an optimal allocation.

        Parameters
        ----------
        level : float
            Coverage of the interval, from the bootstrap draws; NaN without them.

        Returns
        -------
        DataFrame
            estimate, std_error, lower, upper; a row per quantity.
        """
        found = self.law.derived(*self.params)
        out = pd.DataFrame({"estimate": found}, dtype=float).reindex(
            columns=["estimate", "std_error", "lower", "upper"]
        )
        if len(self.draws) and found:
            drawn = pd.DataFrame(self.law.derived(*self.draws.to_numpy().T))
            out["std_error"] = drawn.std()
            out["lower"], out["upper"] = drawn.quantile((1 - level) / 2), drawn.quantile((1 + level) / 2)
        return out

    def distance(self, x: Any) -> Array:
        """Measure how far points lie beyond the fitted range.

        Parameters
        ----------
        x : DataFrame or mapping
            Inputs.

        Returns
        -------
        ndarray of shape (n_points,)
            Largest excess over all variables: decades for logarithmic ones, shares of the fitted range for the others;
            0 inside.
        """
        points = self.law.points(x)
        far = np.zeros(len(next(iter(points.values()))))
        for variable in self.law.variables:
            seen, new = self.problem.points[variable.name], points[variable.name]
            if variable.log and (seen > 0).all() and (new > 0).all():
                seen, new, unit = np.log10(seen), np.log10(new), 1.0
            else:
                unit = float(np.ptp(seen)) or 1.0
            far = np.maximum(far, np.maximum(new - seen.max(), seen.min() - new) / unit)
        return far

    def predict(self, x: Any, level: float = 0.9) -> pd.DataFrame:
        """Predict new points.

        Parameters
        ----------
        x : DataFrame or mapping
            Inputs.
        level : float
            Coverage of the interval for a new measurement: uncertainty of the parameters (draws, else delta method)
            and the residuals' spread.

        Returns
        -------
        DataFrame of shape (n_points, 5)
            forecast, lower, upper, level, distance (see `distance`).

        Warns
        -----
        ExtrapolationWarning
            A point lies more than a decade beyond the data.
        """
        from scipy.stats import norm

        points = self.law.points(x)
        far = self.distance(x)
        at = Problem(self.law, points, np.ones_like(far), "linear", np.inf, self.problem.lower, self.problem.upper)
        middle = at.predict(self.z[None])[0]
        logs = self.problem.space == "log"
        if len(self.draws):
            drawn = at.predict(self.problem.z(self.draws.to_numpy()))
            with np.errstate(all="ignore"):
                variance = np.nanvar(np.log(drawn) if logs else drawn, axis=0)
        else:
            jac = at.residuals(self.z[None])[1][0][self.free] * at.scale
            cov = self.cov_z[np.ix_(self.free, self.free)]
            variance = np.einsum("kn,kl,ln->n", jac, cov, jac) / (middle**2 if logs else 1.0)
        wide = norm.ppf((1 + level) / 2) * np.sqrt(np.nan_to_num(variance) + self.noise**2)
        ends = (middle * np.exp(-wide), middle * np.exp(wide)) if logs else (middle - wide, middle + wide)
        if far.max(initial=0.0) > _FAR:
            warnings.warn(
                f"law {self.law.id!r}: {int((far > _FAR).sum())} of {len(far)} points lie more than a decade beyond "
                f"the data (farthest: {far.max():.1f}). The interval knows nothing of how the law may break there.",
                ExtrapolationWarning,
                stacklevel=2,
            )
        return pd.DataFrame({"forecast": middle, "lower": ends[0], "upper": ends[1], "level": level, "distance": far})

    @property
    def noise(self) -> float:
        """Standard deviation of a measurement about the law: of log output, or in the output's unit."""
        k = int((~self.held).sum())
        return self.problem.scale * residual_scale(self.objective, self.n_points, k, self.problem.delta)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against reading meaning into the parameters; empty when nothing does."""
        out = [f"{name} ended at its {end} bound" for name, end in self.at_bound.items()]
        k = int((~self.held).sum())
        if not self.converged:
            out.append("the fit did not converge")
        if self.n_points < 2 * k:
            out.append(f"{self.n_points} points for {k} parameters")
        if self.condition > ILL_CONDITIONED:
            out.append(f"ill-conditioned: condition number {self.condition:.0e}, above {ILL_CONDITIONED:.0e}")
        for j, end in reaches_bound(self.problem, self.z, self.objective, self.free, self.weights):
            p = self.law.params[j]
            bound = p.lower if end == "lower" else p.upper
            out.append(f"{p.name} is not told from its {end} bound, {bound:g}, at 95 %")
        if self.starts.get("n_starts", 0) >= 20 and self.starts.get("n_best", 0) < 2:
            out.append("only one start reached the best objective")
        return tuple(out)

    @property
    def identified(self) -> bool:
        """Whether nothing speaks against reading meaning into the parameters."""
        return not self.warnings

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Put the fit into a table.

        Parameters
        ----------
        level : float

        Returns
        -------
        DataFrame of shape (n_params, 6)
            parameter, estimate, std_error, lower, upper, note (held, at a bound).
        """
        ends = self.conf_int(level)
        notes = [
            "held" if held else f"at its {self.at_bound[name]} bound" if name in self.at_bound else ""
            for name, held in zip(self.law.param_names, self.held, strict=True)
        ]
        return pd.DataFrame(
            {
                "parameter": self.law.param_names,
                "estimate": self.params.to_numpy(),
                "std_error": self.std_errors.to_numpy(),
                "lower": ends["lower"].to_numpy(),
                "upper": ends["upper"].to_numpy(),
                "note": notes,
            }
        )

    def against(self, published: str) -> pd.DataFrame:
        """Compare with a published set: distance in standard errors, and what the published values cost on these data.

        Parameters
        ----------
        published : str
            Name of the set.

        Returns
        -------
        DataFrame
            parameter, published, estimate, z_score (by their and our standard errors together);
            ``attrs["objective_ratio"]`` is the objective at the published values over the best.
        """
        sets = {s.name: s for s in self.law.published}
        if published not in sets:
            raise UnknownNameError(f"published set of law {self.law.id!r}", published, sets)
        known, own = sets[published], self.draws.std() if len(self.draws) else self.std_errors
        theirs = pd.Series({n: v for n, v in known.uncertainty.items() if isinstance(v, float | int)}, dtype=float)
        rows = pd.DataFrame({"published": pd.Series(dict(known.params)), "estimate": self.params}).dropna()
        pooled = np.sqrt(own.reindex(rows.index) ** 2 + theirs.reindex(rows.index).fillna(0.0) ** 2)
        rows["z_score"] = (rows["estimate"] - rows["published"]) / pooled
        if set(known.params) >= set(self.law.param_names):
            z = self.problem.z(np.array([known.params[n] for n in self.law.param_names]))
            value = self.problem.objective(self.problem.residuals(z[None])[0], self.weights)[0]
            rows.attrs["objective_ratio"] = float(value / self.objective)
        return rows.rename_axis("parameter").reset_index()

    def checklist(self, setup: Mapping[str, str] | None = None, **options: Any) -> Checklist:
        """Report what was fitted, on what, how, and how sensitive it is; see `obslaws.laws.checklist.checklist`."""
        from obslaws.laws.checklist import checklist

        return checklist(self, setup, **options)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw fitted against measured output.

        Parameters
        ----------
        ax : Axes, optional
            A new one by default.

        Returns
        -------
        Axes
        """
        from obslaws.plotting import fitted_against_measured

        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(4.5, 4.5), layout="constrained").subplots()
        frame = pd.DataFrame({"measured": self.problem.y, "fitted": self.fitted})
        unit = f"{self.law.output.name} ({self.law.output.unit})"
        return fitted_against_measured(ax, frame, unit, log=self.problem.space == "log")
