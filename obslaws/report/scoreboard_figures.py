"""Pictures of the scoreboard: errors of every forecaster in every race, and how far their quantiles can be believed.

In: the tidy frames of a `TrackRecord`. Out: a matplotlib Figure, not registered with pyplot; `dark` for a dark page.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from obslaws.quantities import format_name
from obslaws.report.style import figure_style, foot
from obslaws.scoreboard.table import REFERENCE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["errors_figure", "reliability_figure"]

_ACROSS = 3
_MOST = 22  # characters of a forecaster's name
_DASHES = ("-", (0, (4, 1.6)), (0, (1, 1.2)))


def errors_figure(table: pd.DataFrame, caption: str = "", dark: bool = False) -> Figure:
    """Draw the mean absolute error of every forecaster, race by race, the best on top.

    Parameters
    ----------
    table : DataFrame
        From `obslaws.scoreboard.table.add_up`.
    caption : str
        Where the numbers come from.
    dark : bool

    Returns
    -------
    Figure
        A bar is the 95 % interval of the difference from `REFERENCE`, put where that forecaster stands.
    """
    from matplotlib.figure import Figure

    races = list(table.groupby("race", sort=False))
    across = min(_ACROSS, len(races))
    down = math.ceil(len(races) / across)
    most = max(len(rows) for _, rows in races)
    with figure_style(dark) as palette:
        figure = Figure(figsize=(max(5.6, 3.5 * across), down * (0.23 * most + 0.75) + 0.5))
        axes = figure.subplots(down, across, squeeze=False)
        for ax, (race, rows) in zip(axes.flat, races, strict=False):
            sorted_ = rows.sort_values("mae", ascending=False, kind="stable").reset_index(drop=True)
            first = sorted_["forecaster"] == REFERENCE
            if first.any():
                own = float(sorted_.loc[first, "mae"].iloc[0])
                known = sorted_["difference"].notna()
                low, high = (own + sorted_.loc[known, f"difference_{end}"] for end in ("lower", "upper"))
                ax.hlines(sorted_.index[known], low, high, color=palette.quiet, linewidth=1.4)
                ax.axvline(own, color=palette.family, linewidth=0.9, linestyle=(0, (1.5, 2)))
            for part, colour, mark, size in ((~first, palette.ink, "o", 18), (first, palette.family, "D", 34)):
                ax.scatter(sorted_.loc[part, "mae"], sorted_.index[part], s=size, color=colour, marker=mark, zorder=3)
            ax.set_yticks(sorted_.index, [format_name(name, _MOST) for name in sorted_["forecaster"]])
            ax.set(xlabel="mean absolute error (points of 100)", ylim=(-0.6, len(sorted_) - 0.4))
            ax.set_xlim(left=0)
            ax.set_title(format_name(race, 28))
            # the best stand at the upper left, so this corner is free
            many = f"{int(sorted_['n_cells'].iloc[0]):,} scores"
            ax.text(0.99, 0.98, many, transform=ax.transAxes, ha="right", va="top", color=palette.quiet)
            ax.grid(axis="y", visible=False)
        for ax in list(axes.flat)[len(races) :]:
            ax.remove()
        foot(figure, f"Bars: 95 % interval of the difference from {REFERENCE}. {caption}", palette)
    return figure


def reliability_figure(reliability: pd.DataFrame, caption: str = "", dark: bool = False) -> Figure:
    """Draw a reliability diagram per race: nominal against true share of scores below each quantile.

    Parameters
    ----------
    reliability : DataFrame
        race, forecaster, share, below, as in `obslaws.scoreboard.record.TrackRecord`.
    caption : str
    dark : bool

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator

    races = list(dict.fromkeys(reliability["race"]))
    names = list(dict.fromkeys(reliability["forecaster"]))
    others = [name for name in names if name != REFERENCE]
    across = min(_ACROSS, len(races))
    down = math.ceil(len(races) / across)
    longest = max(len(format_name(name, _MOST)) for name in names)
    columns = max(1, int(max(5.6, 3.5 * across) / (0.6 + 0.085 * longest)))
    with figure_style(dark) as palette:
        paints = (palette.forecast, *palette.others)
        looks = {
            name: {"color": paints[i % len(paints)], "linestyle": _DASHES[i // len(paints) % len(_DASHES)]}
            for i, name in enumerate(others)
        }
        size = (max(5.6, 3.5 * across), 3.3 * down + 0.25 * math.ceil(len(names) / columns) + 0.5)
        figure = Figure(figsize=size)
        axes = figure.subplots(down, across, squeeze=False)
        for ax, race in zip(axes.flat, races, strict=False):
            ax.plot([0, 1], [0, 1], color=palette.quiet, linewidth=0.9, linestyle=(0, (1.5, 2)))
            for name, told in reliability[reliability["race"] == race].groupby("forecaster", sort=False):
                if name == REFERENCE:
                    ax.plot(
                        told["share"], told["below"], label=format_name(name, _MOST), color=palette.family,
                        linewidth=2.4, marker="o", markersize=4, zorder=4,
                    )  # fmt: skip
                else:
                    ax.plot(
                        told["share"], told["below"], label=format_name(name, _MOST), linewidth=1.2, **looks[str(name)]
                    )
            ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
            ax.set(xlabel="nominal share below (fraction)", ylabel="true share below (fraction)")
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(MultipleLocator(0.2))
            ax.set_title(format_name(race, 28))
        for ax in list(axes.flat)[len(races) :]:
            ax.remove()
        found: dict[str, Any] = {}
        for ax in figure.axes:
            found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        labels = [name for name in dict.fromkeys(format_name(name, _MOST) for name in names) if name in found]
        figure.legend([found[name] for name in labels], labels, loc="outside upper left", ncols=columns)
        told_how = "Above the dotted line quantiles are too high, below it too low; flatter: intervals too narrow."
        foot(figure, f"{told_how} {caption}", palette)
    return figure
