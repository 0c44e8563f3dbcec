"""Pictures of choices: what is left to be known after each benchmark, what the next score tells, which models to ask.

In: tidy frames of `obslaws.select`. Out: a matplotlib Figure, not registered with pyplot; `dark` for a dark page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from obslaws.quantities import format_name
from obslaws.report.style import figure_style, foot, legend_above

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["benchmarks_figure", "chosen_models_figure"]


def benchmarks_figure(
    before: float, steps: pd.DataFrame, ranked: pd.DataFrame, who: str, caption: str = "", dark: bool = False
) -> Figure:
    """Draw the error left after each benchmark of a choice, beside what each next score would tell about one model.

    Parameters
    ----------
    before : float
        Expected mean absolute error with nothing measured, points.
    steps : DataFrame
        benchmark, error_left (points), in order.
    ranked : DataFrame
        benchmark, reduction, reduction_others (points), best first; of `obslaws.select.benchmarks.rank_next`.
    who : str
        The model of `ranked`.
    caption : str
        Where the data come from.
    dark : bool

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with figure_style(dark) as palette:
        figure = Figure(figsize=(9.6, 0.27 * max(len(steps), len(ranked)) + 1.7))
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
        at, errors = np.arange(len(steps) + 1), [before, *steps["error_left"]]
        left.plot(at, errors, "-o", color=palette.family, markersize=5)
        for x, y, name in zip(at[1:], errors[1:], steps["benchmark"], strict=True):
            left.annotate(
                format_name(name),
                (x, y),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
                color=palette.ink,
                rotation=32,
            )
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set(xlabel="benchmarks measured (count)", ylabel="expected mean error over all (points of 100)")
        left.set(xlim=(-0.3, len(steps) + 1.4), ylim=(0, 1.12 * before))
        left.set_title("a model of which nothing is known")
        rows = np.arange(len(ranked))[::-1]
        own = ranked["reduction"] - ranked["reduction_others"]
        right.barh(rows, ranked["reduction_others"], color=palette.family, height=0.62, label="on the others")
        right.barh(
            rows, own, left=ranked["reduction_others"], color=palette.dots, height=0.62, label="on itself: it is known"
        )
        right.set_yticks(rows, ranked["benchmark"].map(format_name))
        right.grid(axis="y", visible=False)
        right.set(xlabel="fall of the mean error over all that is unknown (points of 100)")
        right.set_title(f"{format_name(who)}: what the next score tells")
        right.legend(loc="lower right")
        foot(figure, caption, palette)
    return figure


def chosen_models_figure(
    capabilities: pd.DataFrame, chosen: pd.DataFrame, spent: pd.DataFrame, caption: str = "", dark: bool = False
) -> Figure:
    """Draw which models are asked among all, and how much of what all models would tell a budget buys.

    Parameters
    ----------
    capabilities : DataFrame of shape (n_models, k)
        Of all candidates, in fractions of a score: principal components without a rotation.
    chosen : DataFrame
        Indexed by model, with family: those to be evaluated.
    spent : DataFrame
        budget (models), efficiency (of all candidates' information, fraction).
    caption : str
    dark : bool

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    x, y = capabilities.columns[:2]
    with figure_style(dark) as palette:
        figure = Figure(figsize=(9.6, 4.2))
        left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
        rest = capabilities[~capabilities.index.isin(chosen.index)]
        left.scatter(rest[x], rest[y], s=14, color=palette.dots, alpha=0.6, linewidths=0, label="not evaluated")
        marks = zip(chosen.groupby("family", observed=True), palette.series, "osD^v<", strict=False)
        for (family, rows), colour, mark in marks:
            at = capabilities.loc[rows.index]
            left.scatter(
                at[x], at[y], s=38, color=colour, marker=mark, edgecolors=palette.ground, label=format_name(family)
            )
        labels = [f"{str(name).replace('_', ' ')} (fractions of a score)" for name in (x, y)]
        left.set(xlabel=labels[0], ylabel=labels[1])
        left.set_title(f"{len(chosen)} of {len(capabilities)} models")
        legend_above(figure, *left.get_legend_handles_labels())
        right.plot(spent["budget"], spent["efficiency"], "-o", color=palette.family, markersize=5)
        right.set(xlabel="budget (models)", ylabel="efficiency; all candidates together: 1 (fraction)")
        right.set(ylim=(0, max(0.5, 1.1 * float(spent["efficiency"].max()))), xlim=(0, 1.05 * spent["budget"].max()))
        right.set_title("what a budget buys")
        foot(figure, caption, palette)
    return figure
