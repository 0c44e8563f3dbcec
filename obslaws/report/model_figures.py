"""Pictures of fits and panels: families on one benchmark, levels over size and tokens, a forecast as a card, density.

In: a fitted forecaster or a panel. Out: a matplotlib Figure, not registered with pyplot; `dark` for a dark page.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import UnknownNameError
from obslaws.quantities import format_count, format_flop, format_name
from obslaws.report.figures import family_curve
from obslaws.report.style import compute_axis, count_axis, figure_style, foot, legend_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel

__all__ = ["card_figure", "density_figure", "families_figure", "levels_figure"]


def families_figure(
    forecaster: Forecaster,
    families: Sequence[str],
    benchmarks: Sequence[str],
    level: float = 0.9,
    caption: str = "",
    dark: bool = False,
) -> Figure:
    """Draw score against compute for some families: their known models, their curves, and the bands around them.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    families : sequence of str
        Known families, at most six.
    benchmarks : sequence of str
        One panel each.
    level : float
        Nominal coverage of the bands.
    caption : str
        Where the data come from.
    dark : bool

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    panel = forecaster.panel_
    curves = {family: _curve(forecaster, family, level) for family in families}
    n_columns = 2 if len(benchmarks) == 4 else min(3, len(benchmarks))
    n_rows = -(-len(benchmarks) // n_columns)
    with figure_style(dark) as palette:
        figure = Figure(figsize=(max(5.6, 3.9 * n_columns), 3.1 * n_rows + 0.7))
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax, benchmark in zip(axes.flat, benchmarks, strict=False):
            points = panel.models[["family", "train_flop"]].assign(score=panel.scores[benchmark]).dropna()
            ax.scatter(points["train_flop"], points["score"], s=7, color=palette.dots, alpha=0.3, linewidths=0)
            for family, colour in zip(families, palette.series, strict=False):
                line = curves[family][curves[family]["benchmark"] == benchmark]
                ax.fill_between(line["train_flop"], line["lower"], line["upper"], color=colour, alpha=0.13, linewidth=0)
                ax.plot(line["train_flop"], line["forecast"], color=colour, linewidth=1.7, label=format_name(family))
                own = points[points["family"] == family]
                ax.scatter(own["train_flop"], own["score"], s=26, color=colour, edgecolors=palette.ground, zorder=4)
            _guessing(ax, panel, benchmark, palette.quiet)
            ax.set_title(format_name(panel.benchmarks.loc[benchmark, "title"]))
            ax.set_ylabel("score (fraction)")
            compute_axis(ax)
        for ax in axes.flat[len(benchmarks) :]:
            ax.remove()
        handles, labels = axes.flat[0].get_legend_handles_labels()
        legend_above(figure, handles, labels)
        foot(figure, f"Band: {100 * level:g} % interval of a new model. {caption}", palette)
    return figure


def levels_figure(
    forecaster: Forecaster, query: pd.DataFrame, benchmark: str, caption: str = "", dark: bool = False
) -> Figure:
    """Draw levels of the forecast over size and tokens, with lines of equal compute and the family's known models.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    query : DataFrame of one row
        A model of the family; size and tokens vary, the rest is the query's.
    benchmark : str
    caption : str
    dark : bool

    Returns
    -------
    Figure

    Raises
    ------
    UnknownNameError
        The panel does not hold the benchmark.
    """
    from matplotlib.figure import Figure

    from obslaws.plotting import label_levels

    panel, row = forecaster.panel_, query.iloc[0]
    if benchmark not in panel.scores:
        raise UnknownNameError("benchmark", benchmark, panel.scores.columns)
    sizes, tokens = np.geomspace(1e8, 5e11, 17), np.geomspace(1e11, 1e14, 13)
    grid = pd.DataFrame([row] * (len(sizes) * len(tokens)))
    size, data = (a.ravel() for a in np.meshgrid(sizes, tokens))
    share = row["n_active_params"] / row["n_params"]
    grid = grid.set_axis([f"point {i}" for i in range(len(grid))], axis=0).assign(
        n_params=size, n_active_params=share * size, n_tokens=data, train_flop=6.0 * share * size * data
    )
    answer = forecaster.forecast(grid, benchmarks=[benchmark])
    score = answer["forecast"].to_numpy().reshape(len(tokens), len(sizes))
    width = (answer["upper"] - answer["lower"]).to_numpy().reshape(score.shape)
    with figure_style(dark) as palette:
        figure = Figure(figsize=(7.2, 4.8))
        ax = figure.subplots()
        shade = ax.contourf(sizes, tokens, width, levels=6, cmap="cividis", alpha=0.35)
        lines = ax.contour(sizes, tokens, score, levels=10, colors=palette.ink, linewidths=1.1)
        for exponent in range(20, 27):  # equal compute: 6 N D
            ax.plot(
                sizes, 10.0**exponent / 6 / share / sizes, color=palette.quiet, linewidth=0.7, linestyle=(0, (2, 3))
            )
        own = panel.models[panel.models["family"] == row["family"]].join(panel.scores[[benchmark]])
        seen = own[own[benchmark].notna()]
        ax.scatter(own["n_params"], own["n_tokens"], s=28, facecolors="none", edgecolors=palette.family, zorder=4)
        ax.scatter(seen["n_params"], seen["n_tokens"], s=28, color=palette.family, zorder=5)
        ax.set(xlim=(sizes[0], sizes[-1]), ylim=(tokens[0], tokens[-1]))
        count_axis(ax, "x", "parameters (count)")
        count_axis(ax, "y", "training tokens (count)")
        ax.grid(False)
        label_levels(ax, lines, own[["n_params", "n_tokens"]].to_numpy(dtype=float), fontsize=8)
        figure.colorbar(shade, ax=ax, label="width of the 90 % interval (fraction)", shrink=0.9)
        ax.set_title(
            f"{format_name(panel.benchmarks['title'][benchmark])}: forecast for {format_name(row['family'])} (fraction)"
        )
        words = "Dotted: equal compute, a decade apart. Dots: known models of the family, filled where measured."
        foot(figure, f"{words} {caption}", palette)
    return figure


def card_figure(
    forecaster: Forecaster,
    query: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    level: float = 0.9,
    caption: str = "",
    dark: bool = False,
    informed: bool = True,
) -> Figure:
    """Draw one model's forecasts on all benchmarks as a card, beside what its nearest relatives score.

    Parameters
    ----------
    forecaster, query, scores, level
        As `obslaws.report.figures.forecast_figure`.
    caption : str
    dark : bool
    informed : bool
        Whether the forecast knows the scores, or they are only drawn beside it.

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    from obslaws.families import nearest_members

    panel, row = forecaster.panel_, query.iloc[0]
    answer = forecaster.forecast(query, scores if informed else None, level=level)
    near = nearest_members(panel, row["family"], row["n_params"])
    at = np.arange(len(answer))[::-1]
    titles = [format_name(panel.benchmarks.loc[b, "title"]) for b in answer["benchmark"]]
    with figure_style(dark) as palette:
        figure = Figure(figsize=(7.2, 0.33 * len(answer) + 2.1))
        ax = figure.subplots()
        ax.hlines(at, answer["lower"], answer["upper"], color=palette.forecast, linewidth=4, alpha=0.45)
        ax.plot(answer["forecast"], at, "D", color=palette.forecast, label=f"forecast, {100 * level:g} % interval")
        for (model, member), mark, colour in zip(
            near.iterrows(), "<>", (palette.family, palette.others[0]), strict=False
        ):
            ax.plot(
                member[answer["benchmark"]],
                at,
                mark,
                color=colour,
                markersize=6,
                label=format_name(str(model).rpartition("/")[2]),
            )
        if scores is not None:
            known = scores.iloc[0].reindex(answer["benchmark"])
            words = "already measured" if informed else "measured, hidden from the fit"
            ax.plot(known, at, "o", markerfacecolor="none", markersize=11, color=palette.ink, label=words)
        for y, low, point, high in zip(at, answer["lower"], answer["forecast"], answer["upper"], strict=True):
            ax.text(1.02, y, f"{point:.2f}  [{low:.2f}, {high:.2f}]", fontsize=8.5, va="center")
        ax.set(yticks=at, yticklabels=titles, xlim=(0, 1), xlabel="score (fraction)", ylim=(-0.7, len(at) - 0.3))
        ax.grid(axis="y", visible=False)
        size, tokens = format_count(row["n_params"]), format_count(row["n_tokens"])
        title = (
            f"{format_name(query.index[0], 60)}: {size} parameters, {tokens} tokens ({format_flop(row['train_flop'])})"
        )
        over_labels = -0.013 * min(14, max(map(len, titles)))  # of the width: about where the longest label begins
        ax.set_title(textwrap.fill(title, 90), x=over_labels, loc="left", fontsize=10.5)
        legend_above(figure, *ax.get_legend_handles_labels())
        foot(figure, caption, palette)
    return figure


def density_figure(
    panel: Panel, benchmark: str, thresholds: Sequence[float] = (), caption: str = "", dark: bool = False
) -> Figure:
    """Draw how small a model could be, over time, that reached a score: the frontier of released models.

    Parameters
    ----------
    panel : Panel
    benchmark : str
    thresholds : sequence of float
        Scores (fractions); by default the quartiles of those measured.
    caption : str
    dark : bool

    Returns
    -------
    Figure
        Steps down show that smaller models reached the same score; models without a date are left out, and counted.
    """
    from matplotlib.figure import Figure

    rows = panel.models[["n_params", "release_date"]].assign(score=panel.scores[benchmark]).dropna(subset="score")
    dated = rows.dropna().sort_values("release_date", kind="stable")
    chosen = thresholds or [round(float(q), 2) for q in dated["score"].quantile([0.25, 0.5, 0.75, 0.9])]
    with figure_style(dark) as palette:
        figure = Figure(figsize=(7.2, 4.2))
        ax = figure.subplots()
        ax.scatter(dated["release_date"], dated["n_params"], s=8, color=palette.dots, alpha=0.35, linewidths=0)
        for threshold, colour in zip(sorted(set(chosen)), palette.series, strict=False):
            able = dated[dated["score"] >= threshold]
            frontier = able["n_params"].cummin()
            first = able[frontier.diff().fillna(-1.0) < 0]
            ax.step(
                able["release_date"],
                frontier,
                where="post",
                color=colour,
                linewidth=1.8,
                label=f"{threshold:.2f} or more",
            )
            ax.scatter(
                first["release_date"], first["n_params"], s=22, color=colour, edgecolors=palette.ground, zorder=4
            )
        count_axis(ax, "y", "parameters of the smallest model (count)")
        ax.set_xlabel("release date (year-month)")
        ax.set_title(f"Smallest released model that scores on {format_name(panel.benchmarks['title'][benchmark])}")
        ax.legend(title="score (fraction)", title_fontsize=8.5)
        missing = len(rows) - len(dated)
        foot(figure, f"{len(dated)} models; {missing} without a release date are left out. {caption}", palette)
    return figure


def _curve(forecaster: Forecaster, family: str, level: float) -> pd.DataFrame:
    models = forecaster.panel_.models
    members = models[models["family"] == family].dropna(subset="train_flop")
    if members.empty:
        raise UnknownNameError("family with known compute", family, models["family"].dropna().unique())
    largest = members.sort_values("train_flop", kind="stable").tail(1)
    reach: Any = members["train_flop"]
    return family_curve(forecaster, largest.set_axis(["curve"]), reach.min() / 2, reach.max() * 4, level, n_points=24)


def _guessing(ax: Any, panel: Panel, benchmark: str, colour: str) -> None:
    facts = panel.benchmarks.loc[benchmark]
    if facts["unit"] == "fraction" and facts["score_floor"] > 0:
        ax.axhline(facts["score_floor"], color=colour, linewidth=0.9, linestyle=(0, (1.5, 2)))
