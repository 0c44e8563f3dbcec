"""Compute laws on the leaderboard: every benchmark against training compute, and families whose curves cross."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.errors import FitError
from obslaws.families import family_members
from obslaws.laws.registry import law
from obslaws.laws.results import LawFit
from obslaws.panel import Panel

__all__ = ["Crossover", "compute_laws", "crossover", "family_crossover"]

Array = NDArray[np.float64]

_LEAST = 8
_FOLDS = 5
_DELTA = 0.5  # standard deviations of the score


def compute_laws(panel: Panel, benchmarks: list[str] | None = None, random_state: int = 0) -> pd.DataFrame:
    """Fit score against compute on every benchmark.

    Parameters
    ----------
    panel : Panel
    benchmarks : list of str, optional
        All with fractions by default.
    random_state : int
        Deals families into five folds.

    Returns
    -------
    DataFrame
        benchmark, n_models, n_families, slope (logit per decade) with its standard error, midpoint (log10 FLOP),
        ceiling, r2, mae (points), held_out_mae (points, families left out by fifths), mean_mae (points, the mean of
        the other families), identified, reason (why there is no fit).
    """
    names = panel.scores.columns if benchmarks is None else benchmarks
    rng = np.random.default_rng(random_state)
    rows = []
    for name in names:
        if panel.benchmarks.loc[name, "unit"] != "fraction":
            continue
        known = panel.scores[name].notna() & panel.models["train_flop"].notna()
        models, score = panel.models[known], panel.scores.loc[known, name].to_numpy(dtype=float)
        row: dict[str, Any] = {"benchmark": name, "n_models": len(models), "n_families": models["family"].nunique()}
        if len(models) < _LEAST or row["n_families"] < _FOLDS:
            rows.append({**row, "reason": f"fewer than {_LEAST} models with compute, or than {_FOLDS} families"})
            continue
        fit = _fit(panel, name, models, score)
        codes, families = pd.factorize(models["family"])
        fold = rng.permutation(len(families))[codes] % _FOLDS
        told, mean = np.empty(len(score)), np.empty(len(score))
        for k in range(_FOLDS):
            out = fold == k
            part = _fit(panel, name, models[~out], score[~out])
            told[out] = part.law.evaluate(_points(panel, name, models[out]), part.coefficients)
            mean[out] = score[~out].mean()
        rows.append(
            {
                **row,
                "slope": fit.params["slope"], "slope_se": fit.std_errors["slope"], "midpoint": fit.params["midpoint"],
                "ceiling": fit.params["ceiling"], "r2": fit.quality["r2"],
                "mae": 100 * np.abs(fit.fitted - score).mean(), "held_out_mae": 100 * np.abs(told - score).mean(),
                "mean_mae": 100 * np.abs(mean - score).mean(), "identified": fit.identified, "reason": "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _points(panel: Panel, benchmark: str, models: pd.DataFrame) -> dict[str, Any]:
    return {"train_flop": models["train_flop"], "score_floor": float(panel.benchmarks["score_floor"][benchmark])}


def _fit(panel: Panel, benchmark: str, models: pd.DataFrame, score: Array, **options: Any) -> LawFit:
    options = {"delta": _DELTA, "n_starts": 20, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return law("compute_sigmoid").fit(_points(panel, benchmark, models), score, **options)


@dataclass(frozen=True)
class Crossover:
    """Where two curves meet.

    Parameters
    ----------
    at : float
        Value of the variable; NaN where they do not meet in the range.
    lower, upper : float
        Quantiles over the bootstrap draws that do meet.
    level : float
    share : float
        Share of draws that meet in the range.
    first : str
        Which curve is higher below the crossing, or throughout.
    """

    at: float
    lower: float
    upper: float
    level: float
    share: float
    first: str


def crossover(
    a: LawFit,
    b: LawFit,
    variable: str,
    low: float,
    high: float,
    others: dict[str, float] | None = None,
    level: float = 0.9,
    names: tuple[str, str] = ("first", "second"),
) -> Crossover:
    """Find where two fitted laws give the same output.

    Parameters
    ----------
    a, b : LawFit
        With bootstrap draws, for an interval.
    variable : str
        Input along which to look, on a logarithmic grid.
    low, high : float
        Ends of the range.
    others : dict, optional
        Values of the other inputs.
    level : float
    names : (str, str)
        What to call the two.

    Returns
    -------
    Crossover
        Of the lowest crossing.
    """
    grid = np.geomspace(low, high, 400)
    x = {**(others or {}), variable: grid}
    gaps = [np.atleast_2d(_along(one, x)) for one in (a, b)]
    point = gaps[0][0] - gaps[1][0]
    at = _first_zero(np.log(grid), point[None])[0]
    n = min(len(a.draws), len(b.draws))
    drawn = _first_zero(np.log(grid), gaps[0][1 : n + 1] - gaps[1][1 : n + 1]) if n else np.array([np.nan])
    met = drawn[~np.isnan(drawn)]
    ends = np.exp(np.quantile(met, [(1 - level) / 2, (1 + level) / 2])) if len(met) else (np.nan, np.nan)
    share = len(met) / n if n else np.nan
    first = names[0] if point[0] > 0 else names[1]
    return Crossover(float(np.exp(at)), float(ends[0]), float(ends[1]), level, share, first)


def _along(fit: LawFit, x: dict[str, Any]) -> Array:
    """Evaluate the fit and its draws: row 0 is the fit."""
    params = np.vstack([fit.params.to_numpy(), fit.draws.to_numpy()])
    return np.asarray(fit.law.curve(fit.law.points(x), *params.T[:, :, None]), dtype=float)


def _first_zero(x: Array, gap: Array) -> Array:
    """Find where each row first changes sign, by linear interpolation; NaN where it does not."""
    change = np.signbit(gap[:, 1:]) != np.signbit(gap[:, :-1])
    i = change.argmax(axis=1)
    rows = np.arange(len(gap))
    left, right = gap[rows, i], gap[rows, i + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        at = x[i] + (x[i + 1] - x[i]) * left / (left - right)
    return np.where(change.any(axis=1), at, np.nan)


def family_crossover(
    panel: Panel, family_a: str, family_b: str, benchmark: str, level: float = 0.9, n_draws: int = 500
) -> Crossover:
    """Find the compute at which one family overtakes another on a benchmark.

    Each family has a logistic curve in log compute of its own, with ceiling 1; a decade beyond the members of both is
    looked at on either side.

    Parameters
    ----------
    panel : Panel
    family_a, family_b : str
    benchmark : str
    level : float
    n_draws : int
        Bootstrap samples of members.

    Returns
    -------
    Crossover
        In FLOP.

    Raises
    ------
    UnknownNameError
        No such family.
    FitError
        Fewer than three members of a family have compute and a score.
    """
    fits, reach = [], []
    for seed, family in enumerate((family_a, family_b)):
        members = family_members(panel, family)
        score = panel.scores[benchmark].reindex(members.index)
        known = members[score.notna() & members["train_flop"].notna()]
        if known["train_flop"].nunique() < 3:
            raise FitError(
                f"family {family!r}: {known['train_flop'].nunique()} members with different known compute and a score "
                f"on {benchmark!r}, a curve of its own needs 3."
            )
        values = score.reindex(known.index).to_numpy(dtype=float)
        options = {"fixed": {"ceiling": 1.0}, "bootstrap": n_draws, "random_state": seed}
        fits.append(_fit(panel, benchmark, known, values, **options))
        reach += [known["train_flop"].min(), known["train_flop"].max()]
    floor = {"score_floor": float(panel.benchmarks["score_floor"][benchmark])}
    low, high = min(reach) / 10, max(reach) * 10
    return crossover(fits[0], fits[1], "train_flop", low, high, floor, level, (family_a, family_b))
