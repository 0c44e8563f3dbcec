"""One panel of a picture at a time: tidy frames and Axes in, Axes out. Knows no estimator.

Called by `obslaws.report.figures`. Colours: seaborn's colour-blind-safe palette; every mark also differs in shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from obslaws.quantities import format_count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "budget_curve",
    "capability_map",
    "family_lines",
    "level_curves",
    "loadings_heatmap",
    "score_against_compute",
    "scree",
]

_PALETTE = sns.color_palette("colorblind")
COLOURS = {"family": _PALETTE[0], "forecast": _PALETTE[3], "others": (0.55, 0.55, 0.55), "floor": (0.35, 0.35, 0.35)}
_LABEL_EVERY = 0.12  # decades of compute; copies of one size need no second label
_MOST_NAMES = 20  # lines that carry the name of their family; those with most models
_HALO = [withStroke(linewidth=2.2, foreground="white")]


def score_against_compute(
    ax: Axes,
    members: pd.DataFrame,
    others: pd.DataFrame,
    curve: pd.DataFrame,
    forecast: pd.DataFrame,
    score_floor: float = 0.0,
) -> Axes:
    """Draw one benchmark: score against training compute on a logarithmic axis.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    members : DataFrame
        Known models of the family: train_flop (FLOP), score (fraction), n_params (count, for the label).
    others : DataFrame
        Models of other families: train_flop, score; drawn faint.
    curve : DataFrame
        The family's law: train_flop ascending, forecast, lower, upper (fractions).
    forecast : DataFrame of one row
        train_flop, forecast, lower, upper.
    score_floor : float
        Expected score of guessing, fraction; drawn as a line where it is above 0.

    Returns
    -------
    Axes
        The one given, with axis titles and without a legend; the artists are labelled for one.
    """
    dots = {"x": "train_flop", "y": "score", "ax": ax, "legend": False}
    blue = COLOURS["family"]
    sns.scatterplot(
        others,
        **dots,
        color=COLOURS["others"],
        s=11,
        alpha=0.32,
        linewidth=0,
        zorder=1,
        label="models of other families",
    )
    band = curve["train_flop"], curve["lower"], curve["upper"]
    ax.fill_between(*band, color=blue, alpha=0.16, linewidth=0, zorder=2, label="interval")
    sns.lineplot(
        curve,
        x="train_flop",
        y="forecast",
        ax=ax,
        color=blue,
        linewidth=1.7,
        errorbar=None,
        label="curve",
        legend=False,
    )
    sns.scatterplot(
        members, **dots, color=blue, s=34, edgecolor="white", linewidth=0.7, zorder=5, label="known members"
    )
    _draw_forecast(ax, forecast)
    if score_floor > 0:
        dotted = (0, (1.5, 2))
        ax.axhline(score_floor, color=COLOURS["floor"], linewidth=0.9, linestyle=dotted, zorder=1, label="guessing")
    _label_members(ax, members)
    _scale(ax, members, curve, forecast, score_floor)
    return ax


def scree(ax: Axes, shares: pd.DataFrame) -> Axes:
    """Draw how much of the variance each capability explains.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    shares : DataFrame
        capability (name), share (fraction), one row per capability.

    Returns
    -------
    Axes
    """
    sns.barplot(shares, x="capability", y="share", ax=ax, color=COLOURS["family"], width=0.6)
    for at, (share, total) in enumerate(zip(shares["share"], shares["share"].cumsum(), strict=True)):
        ax.annotate(f"{100 * share:.0f} %", (at, share), ha="center", va="bottom", fontsize=8)
        if at:
            ax.plot(at, total, "_", color=COLOURS["forecast"], markersize=14)
            last = at == len(shares) - 1
            words = f"{100 * total:.0f} %{' together' if last else ''}"
            ax.annotate(words, (at + 0.3, total + 0.02), ha="right", fontsize=8, color=COLOURS["forecast"])
    ax.set_ylim(0, 1.08)
    ax.set_ylabel("share of variance")
    ax.set_xlabel("")
    return ax


def loadings_heatmap(ax: Axes, loadings: pd.DataFrame) -> Axes:
    """Draw loadings as a table of colours, blue for positive and red for negative.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    loadings : DataFrame of shape (J, k)
        Benchmarks x capabilities.

    Returns
    -------
    Axes
    """
    most = float(np.nanmax(np.abs(loadings.to_numpy()))) or 1.0
    sns.heatmap(
        loadings,
        ax=ax,
        cmap="vlag_r",
        vmin=-most,
        vmax=most,
        annot=True,
        fmt=".2f",
        annot_kws={"fontsize": 8},
        linewidths=0.8,
        cbar=False,
    )
    ax.set_ylabel("")
    ax.set_xlabel("")
    ax.tick_params(length=0)
    ax.tick_params(axis="y", labelrotation=0)
    return ax


def capability_map(ax: Axes, models: pd.DataFrame, x: str, y: str, families: list[str]) -> Axes:
    """Draw models in the plane of two capabilities; the families named stand out, joined by size.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    models : DataFrame
        family, n_params (count), and the columns `x` and `y`.
    x, y : str
        Names of capabilities.
    families : list of str
        Families to colour, at most ten.

    Returns
    -------
    Axes
        Labelled for a legend.
    """
    others = models[~models["family"].isin(families)]
    ax.scatter(others[x], others[y], s=11, alpha=0.45, color=COLOURS["others"], linewidth=0, label="other families")
    for family, colour, marker in zip(families, sns.color_palette("colorblind"), "osD^vP<>Xp", strict=False):
        members = models[models["family"] == family].sort_values("n_params")
        ax.plot(members[x], members[y], color=colour, linewidth=1.1, alpha=0.7, zorder=3)
        ax.scatter(
            members[x], members[y], s=26, color=colour, marker=marker, edgecolor="white", linewidth=0.5, zorder=4,
            label=family,
        )  # fmt: skip
    ax.set_xlabel(x.replace("_", " "))
    ax.set_ylabel(y.replace("_", " "))
    return ax


def family_lines(ax: Axes, models: pd.DataFrame, lines: pd.DataFrame, reference: str) -> Axes:
    """Draw capability against compute with a line per family, the reference family's in bold.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    models : DataFrame
        family, train_flop (FLOP), capability.
    lines : DataFrame
        family, train_flop, capability: the ends of each family's line, two rows each, over its own range.
    reference : str
        The reference family.

    Returns
    -------
    Axes
        Labelled for a legend.
    """
    sizes = models["family"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    named = set(sizes.index[:_MOST_NAMES])
    for family, ends in lines.groupby("family", sort=True):
        mine = models[models["family"] == family]
        told = family == reference
        colour = COLOURS["family"] if told else COLOURS["others"]
        wide = 2.2 if told else 0.9
        ax.plot(ends["train_flop"], ends["capability"], color=colour, linewidth=wide, zorder=4 if told else 2)
        ax.scatter(
            mine["train_flop"], mine["capability"], color=colour, s=30 if told else 9, edgecolor="white", linewidth=0.4,
            zorder=5 if told else 3, label=str(family) if told else None,
        )  # fmt: skip
        if not (told or family in named):
            continue
        last = ends.iloc[-1]
        ax.annotate(
            str(family),
            (last["train_flop"], last["capability"]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=colour if told else "0.35",
            path_effects=_HALO,
            zorder=6,
        )
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("training compute (FLOP)")
    return ax


def _draw_forecast(ax: Axes, forecast: pd.DataFrame) -> None:
    low, point, high = (forecast[c].to_numpy() for c in ("lower", "forecast", "upper"))
    diamond: dict[str, Any] = {"fmt": "D", "markersize": 6.5, "markeredgecolor": "white", "markeredgewidth": 0.8}
    bar: dict[str, Any] = {"elinewidth": 1.8, "capsize": 3.5, "capthick": 1.8}
    yerr = np.vstack([point - low, high - point])
    ax.errorbar(
        forecast["train_flop"],
        point,
        yerr=yerr,
        color=COLOURS["forecast"],
        **diamond,
        **bar,
        zorder=6,
        label="forecast",
    )


def _label_members(ax: Axes, members: pd.DataFrame) -> None:
    """Write sizes beside the points, by turns left above and right below, off a curve that rises."""
    last, above = -np.inf, True
    for row in members.sort_values("train_flop").to_dict("records"):
        at = np.log10(row["train_flop"])
        if at - last < _LABEL_EVERY:
            continue
        last, above = at, not above
        ax.annotate(
            format_count(row["n_params"], digits=2),
            (row["train_flop"], row["score"]),
            xytext=(-2.5, 2.5) if above else (2.5, -2.5),
            textcoords="offset points",
            ha="right" if above else "left",
            va="bottom" if above else "top",
            fontsize=7,
            color=COLOURS["family"],
            path_effects=_HALO,
            zorder=7,
        )


def _scale(ax: Axes, members: pd.DataFrame, curve: pd.DataFrame, forecast: pd.DataFrame, score_floor: float) -> None:
    shown = np.concatenate([members["score"], curve["lower"], curve["upper"], forecast["lower"], forecast["upper"]])
    low, high = min(np.nanmin(shown), score_floor), np.nanmax(shown)
    pad = 0.08 * (high - low) + 0.01
    ax.set_ylim(max(-0.02, low - 1.4 * pad), min(1.02, high + pad))
    ax.set_xscale("log")
    ax.set_xlim(curve["train_flop"].min() / 100, curve["train_flop"].max() * 2)
    ax.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel("training compute (FLOP)")
    ax.set_ylabel("score (fraction)")


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
    ax.clabel(drawn, fontsize=7, fmt="%.2f")
    ax.scatter(
        models["n_params"], models["n_tokens"], s=7, color=COLOURS["others"], alpha=0.5, linewidth=0, label="models"
    )
    ax.plot(line["n_params"], line["n_tokens"], color=COLOURS["family"], linewidth=1.7, label="budget")
    ax.plot(optimum["n_params"], optimum["n_tokens"], "*", color=COLOURS["forecast"], markersize=13, label="optimum")
    ax.set(xscale="log", yscale="log", xlabel="parameters", ylabel="training tokens")
    _counts(ax.xaxis)
    _counts(ax.yaxis)
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
    ax.set(xscale="log", xlabel="parameters", ylabel="score")
    _counts(ax.xaxis)
    return ax


def _counts(axis: Any) -> None:
    axis.set_major_formatter(lambda value, _: format_count(value))
    axis.set_minor_locator(NullLocator())
