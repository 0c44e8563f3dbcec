"""Size and tokens: level curves of a score, and what a budget buys along its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.ticker import NullLocator

from obslaws.plotting.colours import COLOURS
from obslaws.plotting.level_labels import label_levels
from obslaws.quantities import format_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["budget_curve", "level_curves"]


def level_curves(ax: Axes, grid: pd.DataFrame, models: pd.DataFrame, line: pd.DataFrame, optimum: pd.DataFrame) -> Axes:
    """Draw level curves of a score over size and tokens, with a budget line and its optimum.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    grid : DataFrame
        Score (fraction) by n_tokens (index) and n_params (columns).
    models : DataFrame
        n_params, n_tokens: where the data are.
    line : DataFrame
        n_params, n_tokens along the budget.
    optimum : DataFrame of one row
        n_params, n_tokens.

    Returns
    -------
    Axes
    """
    drawn = ax.contour(grid.columns, grid.index, grid.to_numpy(), levels=10, cmap="viridis", linewidths=1.1)
    ax.scatter(
        models["n_params"], models["n_tokens"], s=7, color=COLOURS["others"], alpha=0.5, linewidth=0, label="models"
    )
    ax.plot(line["n_params"], line["n_tokens"], color=COLOURS["family"], linewidth=1.7, label="budget")
    ax.plot(optimum["n_params"], optimum["n_tokens"], "*", color=COLOURS["forecast"], markersize=13, label="optimum")
    ax.set(xscale="log", yscale="log", xlabel="parameters (count)", ylabel="training tokens (count)")
    _counts(ax.xaxis)
    _counts(ax.yaxis)
    marks = pd.concat([models, line, optimum])[["n_params", "n_tokens"]].to_numpy(dtype=float)
    label_levels(ax, drawn, marks, fontsize=7)
    return ax


def budget_curve(ax: Axes, line: pd.DataFrame, optimum: pd.DataFrame, level: float) -> Axes:
    """Draw the expected score along a budget line, with its band, the optimum and the interval of the optimum.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    line : DataFrame
        n_params, value, lower, upper.
    optimum : DataFrame of one row
        n_params, n_params_lower, n_params_upper, value.
    level : float

    Returns
    -------
    Axes
    """
    blue, red, percent = COLOURS["family"], COLOURS["forecast"], f"{100 * level:g} %"
    ax.fill_between(
        line["n_params"], line["lower"], line["upper"], color=blue, alpha=0.16, linewidth=0, label=f"{percent} band"
    )
    ax.plot(line["n_params"], line["value"], color=blue, linewidth=1.7, label="expected score")
    row = optimum.iloc[0]
    ax.axvspan(
        row["n_params_lower"], row["n_params_upper"], color=red, alpha=0.10, linewidth=0, label=f"{percent} of optima"
    )
    ax.plot([row["n_params"]], [row["value"]], "*", color=red, markersize=13, label="optimum")
    ax.set(xscale="log", xlabel="parameters (count)", ylabel="expected score (fraction)")
    _counts(ax.xaxis)
    return ax


def _counts(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: format_count(value))
    axis.set_minor_locator(NullLocator())
