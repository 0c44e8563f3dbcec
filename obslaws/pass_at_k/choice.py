"""Which model to sample from, and how often, for a given budget or a given coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.pass_at_k.forecast import CoverageFit, curve

__all__ = ["best_for_budget", "cheapest_for_coverage"]

_MOST = 1e7  # samples
_TOLD = ("coverage", "lower", "upper", "distance")


def best_for_budget(
    fits: Mapping[str, CoverageFit], cost: Mapping[str, float], budget: float, level: float = 0.9
) -> pd.DataFrame:
    """Rank models by the coverage that a budget buys.

    Parameters
    ----------
    fits : mapping of str to CoverageFit
        By model.
    cost : mapping of str to float
        Of one sample, in any unit.
    budget : float
        For one problem, in the same unit.
    level : float

    Returns
    -------
    DataFrame
        model, k (whole samples), coverage, lower, upper, distance, best (share of bootstrap draws in which the model is
        the best); best first. A model of which not even one sample fits has k = 0 and coverage 0.

    Raises
    ------
    UsageError
        A model without a cost, or a cost or budget that is not positive.
    """
    _check(fits, cost)
    if not 0 < budget < np.inf:
        raise UsageError(f"budget is {budget:g}; expected a positive number, in the unit of the costs.")
    rows: list[dict[str, Any]] = []
    drawn = []
    n_draws = min(len(f.draws) for f in fits.values())
    for model, fit in fits.items():
        k = np.floor(budget / cost[model])
        if k < 1:
            rows.append({"model": model, "k": 0, "coverage": 0.0, "lower": 0.0, "upper": 0.0, "distance": 0.0})
            drawn.append(np.zeros(n_draws))
            continue
        told = fit.coverage([k], level)
        rows.append({"model": model, "k": int(k), **{c: float(told[c][0]) for c in _TOLD}})
        drawn.append(curve(fit.method, fit.draws[:n_draws], np.array([k]))[:, 0])
    out = pd.DataFrame(rows)
    winner = np.argmax(drawn, axis=0)
    out["best"] = np.bincount(winner, minlength=len(out)) / n_draws
    return out.sort_values("coverage", ascending=False, ignore_index=True, kind="stable")


def cheapest_for_coverage(
    fits: Mapping[str, CoverageFit], cost: Mapping[str, float], target: float, level: float = 0.9
) -> pd.DataFrame:
    """Rank models by what a coverage costs.

    Parameters
    ----------
    fits, cost
        As in `best_for_budget`.
    target : float
        Coverage wanted, fraction.
    level : float
        Coverage of the interval of k.

    Returns
    -------
    DataFrame
        model, k, cost (for one problem), cost_lower, cost_upper; cheapest first. Infinite where ten million samples do
        not reach the target.

    Raises
    ------
    UsageError
        As in `best_for_budget`, or a target outside (0, 1).
    """
    _check(fits, cost)
    if not 0 < target < 1:
        raise UsageError(f"target is {target}; expected a share between 0 and 1, e.g. 0.9.")
    grid = np.unique(np.round(np.geomspace(1, _MOST, 600)))
    rows = []
    for model, fit in fits.items():
        theta = np.vstack([[*fit.params.values()], fit.draws])
        reached = curve(fit.method, theta, grid) >= target
        k = np.where(reached.any(axis=1), grid[reached.argmax(axis=1)], np.inf)
        low, high = np.quantile(k[1:], [(1 - level) / 2, (1 + level) / 2], method="nearest")
        price = cost[model]
        rows.append(
            {"model": model, "k": k[0], "cost": k[0] * price, "cost_lower": low * price, "cost_upper": high * price}
        )
    return pd.DataFrame(rows).sort_values("cost", ignore_index=True, kind="stable")


def _check(fits: Mapping[str, CoverageFit], cost: Mapping[str, float]) -> None:
    for model in fits:
        if model not in cost:
            raise UsageError(
                f"model {model!r}: no cost of a sample; found one of {', '.join(cost) or 'none'}. "
                f"Give it too: {model}=COST."
            )
        if not cost[model] > 0:
            raise UsageError(f"model {model!r}: a sample costs {cost[model]:g}; expected a positive number.")
