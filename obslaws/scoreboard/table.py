"""What the races add up to: one row per race and forecaster, and what reliability diagrams show.

In: outcomes. Out: a tidy frame; errors in points. Every forecaster of a race answered for the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.backtest import CELL_COLUMNS, LEVELS
from obslaws.metrics import (
    coverage,
    crps,
    decision_accuracy,
    mae_groups,
    paired_bootstrap,
    point_metrics,
    share_interval,
    width,
)
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol

if TYPE_CHECKING:
    from obslaws.scoreboard.run import Outcome

__all__ = ["REFERENCE", "add_up", "coverage_by_year", "reliability", "yearly"]

REFERENCE = "skill"
_FEWEST = 30  # scores of a year that are worth a share


def add_up(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Make the table.

    Parameters
    ----------
    outcomes : sequence of Outcome

    Returns
    -------
    DataFrame of shape (n_outcomes, 22)
        race, forecaster, n_folds, n_models, n_cells; mae, medae, rmse, bias, mae_groups, crps in points; decisions
        (share of pairs ordered right); coverage_80, width_80 and so on; difference (of the mean absolute errors, this
        forecaster's less that of `REFERENCE`: positive when it errs more), difference_lower and difference_upper of its
        95 % interval by a bootstrap over families or test groups; seconds of processor time.
    """
    rows = []
    for race in dict.fromkeys(outcome.race for outcome in outcomes):
        inside = [outcome for outcome in outcomes if outcome.race == race]
        reference = next((outcome for outcome in inside if outcome.forecaster == REFERENCE), None)
        for outcome in inside:
            rows.append({**_row(outcome), **_difference(outcome, reference), "seconds": outcome.seconds})
    return pd.DataFrame(rows)


def _row(outcome: Outcome) -> dict[str, Any]:
    cells, quantiles = outcome.cells, _quantiles(outcome)
    score = cells["score"]
    out: dict[str, Any] = {
        "race": outcome.race.name,
        "forecaster": outcome.forecaster,
        "n_folds": outcome.n_folds,
        "n_models": int(cells["model"].nunique()),
        "n_cells": len(cells),
        **point_metrics(score, cells["forecast"]),
        "mae_groups": mae_groups(score, cells["forecast"], cells["fold"]),
        "crps": crps(score, quantiles.to_numpy(), [float(str(share)) for share in quantiles]),
        "decisions": decision_accuracy(score, cells["forecast"], cells["benchmark"]),
    }
    for level in LEVELS:
        low, high = (quantiles[f"{(1 + sign * level) / 2:g}"] for sign in (-1, 1))
        out[f"coverage_{100 * level:g}"] = coverage(score, low, high)
        out[f"width_{100 * level:g}"] = width(low, high)
    return out


def _quantiles(outcome: Outcome) -> pd.DataFrame:
    return outcome.cells.drop(columns=[*CELL_COLUMNS])


def _difference(outcome: Outcome, reference: Outcome | None) -> dict[str, float]:
    if reference is None or outcome is reference:
        return dict.fromkeys(("difference", "difference_lower", "difference_upper"), np.nan)
    mine, theirs = (100.0 * (o.cells["forecast"] - o.cells["score"]).abs() for o in (outcome, reference))
    told = paired_bootstrap(mine, theirs, outcome.cells[_group(outcome)], False)
    return {"difference": told["difference"], "difference_lower": told["lower"], "difference_upper": told["upper"]}


def reliability(outcome: Outcome) -> pd.DataFrame:
    """Hold nominal against true shares.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    DataFrame of shape (n_shares, 2)
        share, and below: the share of scores at or below that quantile.
    """
    quantiles = _quantiles(outcome)
    below = (outcome.cells["score"].to_numpy()[:, None] <= quantiles.to_numpy()).mean(axis=0)
    return pd.DataFrame({"share": [float(str(share)) for share in quantiles], "below": below})


def coverage_by_year(outcome: Outcome, years: pd.Series) -> pd.DataFrame:
    """Coverage of the intervals, of all asked models and by the year in which they were released.

    Parameters
    ----------
    outcome : Outcome
    years : Series
        Indexed by model.

    Returns
    -------
    DataFrame
        year (missing in the first row, that of all models), n_cells, n_groups (families or test groups), coverage_80,
        coverage_80_lower, coverage_80_upper (see `obslaws.metrics.share_interval`), and so on for 90 and 95 %.
    """
    cells, quantiles = outcome.cells, _quantiles(outcome)
    year = cells["model"].map(years).to_numpy(dtype=float)
    group = cells[_group(outcome)].to_numpy()
    rows = []
    for one in (np.nan, *np.unique(year[np.isfinite(year)])):
        at = np.isnan(one) | (year == one)
        row = {"year": one, "n_cells": int(at.sum()), "n_groups": len(np.unique(group[at]))}
        for level in LEVELS:
            low, high = (quantiles[f"{(1 + sign * level) / 2:g}"] for sign in (-1, 1))
            inside = ((low <= cells["score"]) & (cells["score"] <= high)).to_numpy()[at]
            name = f"coverage_{100 * level:g}"
            row[name] = inside.mean()
            row[f"{name}_lower"], row[f"{name}_upper"] = share_interval(inside, group[at])
        rows.append(row)
    return pd.DataFrame(rows).astype({"year": "Int64"})


def _group(outcome: Outcome) -> str:
    """Column of the cells whose entries err together."""
    return "fold" if outcome.by_group else "family"


def years_of(outcome: Outcome, snapshot: str | None = None) -> pd.Series:
    """Years in which the models of a race were released, NaN unknown; indexed by model."""
    panel = load_panel(load_protocol(outcome.race.protocol).view, snapshot)
    return pd.to_datetime(panel.models["release_date"]).dt.year


def yearly(outcomes: Sequence[Outcome], forecaster: str, snapshot: str | None = None) -> pd.DataFrame:
    """Coverage of one forecaster's intervals by race and year of release.

    Parameters
    ----------
    outcomes : sequence of Outcome
    forecaster : str
    snapshot : str, optional
        That the races ran on.

    Returns
    -------
    DataFrame
        race, then the columns of `coverage_by_year`; years with fewer than 30 scores are left out.
    """
    parts = [
        coverage_by_year(one, years_of(one, snapshot)).assign(race=one.race.name)
        for one in outcomes
        if one.forecaster == forecaster
    ]
    every = pd.concat(parts, ignore_index=True)
    every = every[every["n_cells"] >= _FEWEST]
    return every[["race", *every.columns.drop("race")]].reset_index(drop=True)
