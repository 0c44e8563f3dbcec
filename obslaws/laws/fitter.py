"""The one fitter of all laws: Huber loss, many starts, bounds, bootstrap; and what happens on points held out.

Every law is fitted by the same steps: all starts travel some way, the best are finished, the bootstrap refits from
where these ended. Nothing is drawn from a global generator.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from obslaws.errors import ConvergenceWarning, FitError, UnknownNameError, UsageError
from obslaws.laws.base import Law, numbers
from obslaws.laws.intervals import bootstrap as refit
from obslaws.laws.intervals import bootstrap_weights
from obslaws.laws.problem import Problem
from obslaws.laws.results import LawFit
from obslaws.laws.solver import solve
from obslaws.laws.starts import draw_starts

__all__ = ["DELTA", "fit_law", "holdout"]

Array = NDArray[np.float64]

DELTA = {"log": 1e-3, "linear": 1e-2}
_FINISHED = 12  # ends of the first stage that are finished
_OPTIMA = 3  # of these, distinct ones that a bootstrap starts from


def fit_law(
    law: Law,
    x: Any,
    y: ArrayLike,
    *,
    space: str | None = None,
    delta: float | None = None,
    starts: ArrayLike | None = None,
    n_starts: int = 200,
    fixed: Mapping[str, float] | None = None,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    bootstrap: int = 0,
    random_state: int | np.random.Generator = 0,
) -> LawFit:
    """Fit a law.

    Parameters
    ----------
    law : Law
    x : DataFrame or mapping of str to array_like of shape (n_points,)
        Inputs, as the law names them.
    y : array_like of shape (n_points,)
        Output. Rows where it is missing are dropped and counted.
    space : {"log", "linear"}, optional
        Residuals of log output or of output; the law's own by default.
    delta : float, optional
        Where the Huber loss turns linear: 1e-3 of log output, or 1e-2 standard deviations of the output. Infinite for
        least squares.
    starts : array_like of shape (n_starts, n_params), optional
        Instead of drawn ones; in the units of the law.
    n_starts : int
        Drawn within the declared ranges, beside published coefficients.
    fixed : mapping of str to float, optional
        Parameters that are held.
    weights : array_like of shape (n_points,), optional
        Of the points.
    clusters : array_like of shape (n_points,), optional
        Points that err together, e.g. checkpoints of one run: drawn together, and covered by the covariance.
    bootstrap : int
        Refits on resampled points.
    random_state : int or Generator

    Returns
    -------
    LawFit

    Raises
    ------
    FitError
        Too few points, an output that has no logarithm, or no start at which the law is defined.
    UsageError
        A space that is not known, or a delta or a number of starts or refits out of range.

    Warns
    -----
    ConvergenceWarning
        The best fit had not come to rest.

    Examples
    --------
    >>> import numpy as np
    >>> from obslaws.laws.registry import law
    >>> x = {"n_params": np.geomspace(1e8, 1e10, 30), "n_tokens": np.geomspace(1e11, 1e9, 30)}
    >>> fit = law("chinchilla").fit(x, law("chinchilla").evaluate(x))
    >>> float(fit.params["alpha"].round(4))
    0.3478
    """
    began = time.perf_counter()
    rng = np.random.default_rng(random_state)
    space = space or law.space
    if space not in DELTA:
        raise UsageError(f"fit: no space {space!r}. Known: {', '.join(DELTA)}.")
    _check_options(delta, n_starts, bootstrap)
    output = numbers(y, f"law {law.id!r}: column {getattr(y, 'name', None) or law.output.name!r}").ravel()
    keep = ~np.isnan(output)
    points = {name: v[keep] for name, v in _inputs(law, x, len(output), keep).items()}
    counts = (("given", len(output)), ("with an output", int(keep.sum())))
    output = output[keep]
    lower, upper = _bounds(law, fixed or {}, output)
    delta = DELTA[space] if delta is None else delta
    problem = Problem(law, points, output, space, delta, *_z_bounds(law, lower, upper))
    _check(problem)
    w = np.ones(len(output)) if weights is None else np.asarray(weights, dtype=float).ravel()[keep]
    codes = None if clusters is None else np.unique(np.asarray(clusters).ravel()[keep], return_inverse=True)[1]

    z0 = draw_starts(problem, n_starts, rng) if starts is None else problem.z(np.asarray(starts, dtype=float))
    first = solve(problem, z0, w, max_iter=40, tol=1e-3, outer=1.0)
    order = np.argsort(first.objective, kind="stable")[:_FINISHED]
    if not np.isfinite(first.objective[order[0]]):
        raise FitError(
            f"law {law.id!r}: none of {len(z0)} starts lies where the law is defined on these {len(output)} points. "
            "Check the units of the columns, or give starts."
        )
    near = solve(problem, first.z[order], w, max_iter=60, tol=1e-10)
    kept = np.argsort(near.objective, kind="stable")[:_OPTIMA]
    last = solve(problem, near.z[kept], w, max_iter=400, tol=1e-10)
    at = int(np.argmin(last.objective))
    last_z, objective = last.z[at], float(last.objective[at])
    ends = np.concatenate([first.objective, near.objective])
    told = _told(problem, np.vstack([first.z, near.z]), ends, len(z0))
    if not last.converged[at]:
        warnings.warn(
            f"law {law.id!r}: the best of {len(z0)} starts had not come to rest after {int(last.n_iter[at])} steps.",
            ConvergenceWarning,
            stacklevel=2,
        )
    draws = np.empty((0, len(law.params)))
    if bootstrap:
        drawn = bootstrap_weights(len(output), bootstrap, rng, codes)
        draws = problem.theta(refit(problem, _distinct(near.z, near.objective, last_z), drawn, w).z)
    return LawFit(
        law=law,
        params=pd.Series(problem.theta(last_z), list(law.param_names), name="estimate"),
        problem=problem,
        z=last_z,
        weights=w,
        objective=objective,
        converged=bool(last.converged[at]),
        n_iter=int(last.n_iter[at] + near.n_iter[kept[at]] + first.n_iter[order[kept[at]]]),
        starts={**told, "seconds": time.perf_counter() - began},
        draws=pd.DataFrame(draws, columns=list(law.param_names)),
        clusters=codes,
        counts=counts,
        options={
            "space": space,
            "delta": delta,
            "fixed": dict(fixed or {}),
            "weighted": weights is not None,
            "given_starts": starts is not None,
            "bootstrap": bootstrap,
            "random_state": random_state if isinstance(random_state, int) else "generator",
        },
    )


def _inputs(law: Law, x: Any, n_points: int, keep: NDArray[np.bool_]) -> dict[str, Array]:
    """Take the inputs, without looking at rows that have no output."""
    known = [v.name for v in law.variables if v.name in x]
    if any(v.default is None and v.name not in known for v in law.variables):
        law.points(x)  # refuses, and names what the table has
    taken = {}
    for name in known:
        values = numbers(x[name], f"law {law.id!r}: column {name!r}")
        values = np.broadcast_to(values, (n_points,)).copy()
        if not keep.all():
            values[~keep] = values[keep][0] if keep.any() else 1.0
        taken[name] = values
    return {n: np.broadcast_to(v, (n_points,)) for n, v in law.points(taken).items()}


def _check_options(delta: float | None, n_starts: int, bootstrap: int) -> None:
    if delta is not None and not delta > 0:
        raise UsageError(f"fit: delta is {delta:g}; expected a positive number, or inf for least squares.")
    if n_starts < 0:
        raise UsageError(f"fit: n_starts is {n_starts}; expected 0 or more starts, beside published coefficients.")
    if bootstrap < 0:
        raise UsageError(f"fit: bootstrap is {bootstrap}; expected 0 or more refits.")


def _bounds(law: Law, fixed: Mapping[str, float], output: Array) -> tuple[Array, Array]:
    for name in fixed:
        if name not in law.param_names:
            raise UnknownNameError(f"parameter of law {law.id!r}", name, law.param_names)
    lower = np.array([fixed.get(p.name, p.lower) for p in law.params], dtype=float)
    upper = np.array([fixed.get(p.name, p.upper) for p in law.params], dtype=float)
    return lower, upper


def _z_bounds(law: Law, lower: Array, upper: Array) -> tuple[Array, Array]:
    logs = np.array([p.log for p in law.params])
    return tuple(np.where(logs, np.log(np.where(logs, b, 1.0)), b) for b in (lower, upper))  # type: ignore[return-value]


def _check(problem: Problem) -> None:
    law, y = problem.law, problem.y
    n_free = int((problem.lower < problem.upper).sum())
    if len(y) < n_free:
        raise FitError(
            f"law {law.id!r}: {len(y)} points with an output, {n_free} free parameters. "
            "Hold some with fixed=, or add runs."
        )
    if problem.space == "log" and (y <= 0).any():
        raise FitError(
            f"law {law.id!r}: {int((y <= 0).sum())} outputs at or below 0 (smallest: {y.min():.4g}) have no logarithm. "
            'Fit with space="linear".'
        )
    if not np.isfinite(y).all():
        raise FitError(f"law {law.id!r}: {int((~np.isfinite(y)).sum())} infinite outputs; drop these rows.")


def _told(problem: Problem, z: Array, objective: Array, n_starts: int) -> dict[str, Any]:
    near = objective <= 1.01 * objective.min() + 1e-25
    theta = problem.theta(z[near])
    spread = {
        name: (float(low), float(high))
        for name, low, high in zip(problem.law.param_names, theta.min(axis=0), theta.max(axis=0), strict=True)
    }
    n_best = int(near[:n_starts].sum())
    return {"n_starts": n_starts, "n_best": max(n_best, int(near[n_starts:].sum())), "spread": spread}


def _distinct(z: Array, objective: Array, best: Array) -> Array:
    """Keep the best end and a few others that are nearly as good and lie elsewhere."""
    kept = [best]
    for i in np.argsort(objective, kind="stable"):
        close = objective[i] <= 1.2 * objective.min() + 1e-25
        if close and all(np.abs(z[i] - one).max() > 1e-2 for one in kept) and len(kept) < _OPTIMA:
            kept.append(z[i])
    return np.array(kept)


def holdout(law: Law, x: Any, y: ArrayLike, by: str, share: float = 0.2, **options: Any) -> pd.DataFrame:
    """Fit on the smaller runs and predict the largest, beside baselines that know no law.

    Parameters
    ----------
    law : Law
    x, y
        As in `fit_law`.
    by : str
        Input that orders the runs, e.g. ``n_params``.
    share : float
        Share of points held out, those with the largest `by`; ties stay together.
    **options
        To `fit_law`.

    Returns
    -------
    DataFrame of 4 rows
        who (the law, log-linear in `by`, mean, nearest), n_train, n_test, mae, mean_abs_rel_error, coverage (of the
        90 % interval; the law only).
    """
    table = pd.DataFrame({name: np.broadcast_to(v, (np.size(y),)) for name, v in law.points(x).items()})
    output = np.asarray(y, dtype=float)
    order = table[by].to_numpy()
    cut = np.quantile(order, 1 - share)
    test = order > cut if (order > cut).any() else order >= order.max()
    if test.all() or not test.any():
        raise UsageError(f"holdout: all points share one value of {by!r}; nothing is larger than the rest.")
    fit = fit_law(law, table[~test], output[~test], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = fit.predict(table[test])
    known, at, new = output[~test], np.log(order[~test]), np.log(order[test])
    line = np.polyfit(at, known, 1) if np.ptp(at) > 0 else np.array([0.0, known.mean()])
    guesses = {
        law.id: told["forecast"].to_numpy(),
        f"line in log {by}": np.polyval(line, new),
        "mean": np.full(len(new), known.mean()),
        "largest run": np.full(len(new), known[at == at.max()].mean()),
    }
    inside = (output[test] >= told["lower"]) & (output[test] <= told["upper"])
    rows = [
        {
            "who": who,
            "n_train": int((~test).sum()),
            "n_test": int(test.sum()),
            "mae": float(np.abs(guess - output[test]).mean()),
            "mean_abs_rel_error": float(np.abs(guess / output[test] - 1).mean()),
            "coverage": float(inside.mean()) if who == law.id else np.nan,
        }
        for who, guess in guesses.items()
    ]
    return pd.DataFrame(rows)
