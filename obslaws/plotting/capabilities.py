"""Capabilities: shares of variance, loadings, models as points, lines of families in log compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.ticker import NullLocator

from obslaws.plotting.colours import COLOURS
from obslaws.plotting.line_names import name_lines
from obslaws.quantities import format_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["capability_map", "family_lines", "loadings_heatmap", "scree"]

_MOST_NAMES = 20  # lines that carry the name of their family where there is room; those with most models


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
    ax.set_ylabel("share of variance (fraction)")
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
    for family, colour, marker in zip(families, sns.color_palette("colorblind"), "osD^vp<>Xh", strict=False):
        members = models[models["family"] == family].sort_values("n_params", kind="stable")
        ax.plot(members[x], members[y], color=colour, linewidth=1.1, alpha=0.7, zorder=3)
        ax.scatter(
            members[x], members[y], s=26, color=colour, marker=marker, edgecolor="white", linewidth=0.5, zorder=4,
            label=format_name(family),
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
    ends_at = {}
    for family, ends in lines.groupby("family", sort=True):
        mine = models[models["family"] == family]
        told = family == reference
        colour = COLOURS["family"] if told else COLOURS["others"]
        wide = 2.2 if told else 0.9
        ax.plot(ends["train_flop"], ends["capability"], color=colour, linewidth=wide, zorder=4 if told else 2)
        ax.scatter(
            mine["train_flop"], mine["capability"], color=colour, s=30 if told else 9, edgecolor="white", linewidth=0.4,
            zorder=5 if told else 3, label=format_name(family) if told else None,
        )  # fmt: skip
        ends_at[family] = ends.iloc[-1]["train_flop"], ends.iloc[-1]["capability"]
    ax.set_xscale("log")
    plain, bold = {"color": "0.35", "zorder": 6}, {"color": COLOURS["family"], "zorder": 7}
    first = [reference, *sizes.index[:_MOST_NAMES].drop(reference, errors="ignore")]
    shown = [(format_name(f), *ends_at[f], bold if f == reference else plain) for f in first if f in ends_at]
    name_lines(ax, shown, fontsize=7)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("training compute (FLOP)")
    return ax
