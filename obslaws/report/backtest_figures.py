"""Pictures of backtests: what was forecast against what came, forecasters side by side, forecasts across a cutoff.

In: `BacktestResult`s. Out: a matplotlib Figure, not registered with pyplot; `dark` for a dark page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.quantities import format_name
from obslaws.report.style import compute_axis, figure_style, foot, legend_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from obslaws.backtest import BacktestResult
    from obslaws.panel import Panel

__all__ = ["backtest_figure", "cutoff_figure"]


def backtest_figure(results: Sequence[BacktestResult], caption: str = "", dark: bool = False) -> Figure:
    """Compare forecasters on the same hidden scores.

    Parameters
    ----------
    results : sequence of BacktestResult
        Of one protocol; the first is drawn score by score.
    caption : str
        Where the data come from.
    dark : bool

    Returns
    -------
    Figure
        Left: forecast with interval against measured score. Right: mean absolute error per benchmark, in points.

    Raises
    ------
    UsageError
        No result, or results of several protocols.
    """
    from matplotlib.figure import Figure

    if len({r.protocol for r in results}) != 1:
        raise UsageError(f"{len(results)} backtests of several protocols; compare forecasters on one.")
    first, cells = results[0], results[0].cells
    summaries = [r.summary() for r in results]
    benchmarks = list(summaries[0]["per_benchmark"])
    with figure_style(dark) as palette:
        figure = Figure(figsize=(10.0, 4.6))
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        inside = cells["score"].between(cells["lower"], cells["upper"])
        for part, colour, words in (
            (cells[inside], palette.family, "score inside its interval"),
            (cells[~inside], palette.forecast, "outside"),
        ):
            reach = [part["forecast"] - part["lower"], part["upper"] - part["forecast"]]
            left.errorbar(
                part["score"], part["forecast"], yerr=np.abs(reach), fmt="none", color=colour, alpha=0.22, lw=0.8
            )
            left.scatter(part["score"], part["forecast"], s=11, color=colour, label=words, zorder=3)
        left.axline((0, 0), slope=1, color=palette.ink, linewidth=0.9)
        left.set(xlabel="measured score (fraction)", ylabel=f"forecast, {100 * first.level:g} % interval (fraction)")
        left.set(xlim=(0, 1), ylim=(0, 1))
        left.set_title(
            f"{format_name(first.forecaster)}: {len(cells)} hidden scores, coverage {summaries[0]['coverage']:.0%}"
        )
        at = np.arange(len(benchmarks))[::-1]
        for summary, colour, mark in zip(summaries, palette.series, "osD^v<", strict=False):
            mae = [summary["per_benchmark"][b]["mae"] for b in benchmarks]
            right.plot(
                mae,
                at,
                mark,
                color=colour,
                label=f"{format_name(summary['forecaster'])} ({summary['mae']:.1f})",
                markersize=7,
            )
        right.set(
            yticks=at, yticklabels=list(map(format_name, benchmarks)), xlabel="mean absolute error (points of 100)"
        )
        right.set_ylim(-0.6, len(benchmarks) - 0.4)
        right.set_xlim(left=0)
        right.set_title("mean error per benchmark; in brackets over all scores")
        signs = [ax.get_legend_handles_labels() for ax in (left, right)]
        legend_above(figure, *(one + other for one, other in zip(*signs, strict=True)))
        foot(figure, f"Protocol {first.protocol}. {caption}", palette)
    return figure


def cutoff_figure(
    panel: Panel, result: BacktestResult, benchmarks: Sequence[str], caption: str = "", dark: bool = False
) -> Figure:
    """Draw forecasts across a compute cutoff: what small models foretell of large ones.

    Parameters
    ----------
    panel : Panel
        On which the backtest ran.
    result : BacktestResult
        Of a protocol that hides the models with most compute.
    benchmarks : sequence of str
    caption : str
    dark : bool

    Returns
    -------
    Figure
        Grey: scores that the fit saw. Blue: scores that it did not. Orange: what it forecast for them.
    """
    from matplotlib.figure import Figure

    flop: pd.Series = panel.models["train_flop"]
    n_columns = 2 if len(benchmarks) == 4 else min(3, len(benchmarks))
    n_rows = -(-len(benchmarks) // n_columns)
    with figure_style(dark) as palette:
        figure = Figure(figsize=(max(5.6, 3.9 * n_columns), 3.1 * n_rows + 0.8))
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax, benchmark in zip(axes.flat, benchmarks, strict=False):
            hidden = result.cells[result.cells["benchmark"] == benchmark]
            x = hidden["model"].map(flop)
            column = panel.scores[benchmark]
            seen = column[~column.index.isin(hidden["model"])].dropna()
            ax.scatter(
                flop[seen.index], seen, s=9, color=palette.dots, alpha=0.5, linewidths=0, label="seen by the fit"
            )
            ax.vlines(x, hidden["lower"], hidden["upper"], color=palette.forecast, alpha=0.25, linewidth=1.6)
            ax.scatter(x, hidden["forecast"], s=16, marker="D", color=palette.forecast, label="forecast and interval")
            ax.scatter(x, hidden["score"], s=13, color=palette.family, label="measured, hidden", zorder=3)
            facts = panel.benchmarks.loc[benchmark]
            if facts["score_floor"] > 0:
                ax.axhline(facts["score_floor"], color=palette.quiet, linewidth=0.9, linestyle=(0, (1.5, 2)))
            ax.set_title(format_name(facts["title"]))
            ax.set_ylabel("score (fraction)")
            compute_axis(ax)
        for ax in axes.flat[len(benchmarks) :]:
            ax.remove()
        handles, labels = axes.flat[0].get_legend_handles_labels()
        legend_above(figure, handles, labels)
        foot(figure, f"Protocol {result.protocol}; dotted: guessing. {caption}", palette)
    return figure
