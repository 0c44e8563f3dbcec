"""Pictures of capabilities: what they are made of, where models stand, and what compute buys.

In: a fitted capability model or law. Out: a matplotlib Figure, not registered with pyplot.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.quantities import format_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from obslaws.capability.base import CapabilityModel
    from obslaws.capability.choice import ComponentChoice
    from obslaws.capability.compute_law import ComputeLaw
    from obslaws.panel import Panel

__all__ = ["capability_figure", "capability_unit", "efficiency_figure"]

_MOST_ROWS = 35  # families with an interval
_COLOURED = 8  # families that stand out on the map: the largest


def capability_figure(
    fitted: CapabilityModel, panel: Panel, choice: ComponentChoice | None = None, caption: str = ""
) -> Figure:
    """Draw shares of variance, loadings, and the map of the first two capabilities.

    Parameters
    ----------
    fitted : CapabilityModel
        Fitted to the panel's scores.
    panel : Panel
        Whose models are on the map.
    choice : ComponentChoice, optional
        How the number of capabilities was chosen, for the caption.
    caption : str
        Where the data come from.

    Returns
    -------
    Figure
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    from obslaws.plotting import capability_map, loadings_heatmap, scree

    placed = fitted.transform(panel.scores)
    names = list(placed.columns)
    width, height = 12.5, max(3.8, 0.32 * len(fitted.loadings_) + 1.8)
    with sns.axes_style("ticks"), sns.plotting_context("paper"):
        figure = Figure(figsize=(width, height), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(0.9, 1.1, 1.9))
        plain = [f"component {at + 1}" for at in range(len(names))]
        turned = fitted.rotation_ is not None and not hasattr(fitted, "communalities_")
        labels = plain if turned else [name.replace("_", " ") for name in names]
        scree(left, pd.DataFrame({"capability": labels, "share": fitted.explained_variance_ratio_}))
        left.tick_params(axis="x", labelrotation=30 if len(names) > 2 else 0)
        left.set_title("before the rotation" if turned else "explained", loc="left", fontsize=10, fontweight="bold")
        loadings = fitted.loadings_.rename(columns=lambda name: name.rpartition("_")[2]).rename_axis(None)
        loadings_heatmap(middle, loadings)
        middle.set_xlabel(f"{names[0].rpartition('_')[0]} (number)")
        middle.set_title(
            "loadings (no unit)" if not turned else "loadings (fractions of a score)",
            loc="left",
            fontsize=10,
            fontweight="bold",
        )
        models = panel.models[["family", "n_params"]].join(placed).dropna(subset=names[:1])
        largest = list(models["family"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index)
        if len(names) == 1:  # one capability has no plane: sizes stand in
            models["log10 parameters"] = np.log10(models["n_params"].astype(float))
            capability_map(right, models, "log10 parameters", names[0], largest[:_COLOURED])
        else:
            capability_map(right, models, names[0], names[1], largest[:_COLOURED])
        unit = capability_unit(fitted)
        right.set_xlabel("parameters (decimal logarithm)" if len(names) == 1 else f"{right.get_xlabel()} ({unit})")
        right.set_ylabel(f"{right.get_ylabel()} ({unit})")
        right.set_title("models", loc="left", fontsize=10, fontweight="bold")
        right.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        sns.despine(figure)
        told = caption if choice is None else f"{caption}; {choice.n_components} capabilities chosen by hidden cells"
        figure.suptitle(
            "\n".join(textwrap.wrap(told.replace("$", r"\$"), 150)), x=0.01, ha="left", fontsize=8.5, color="0.3"
        )
    return figure


def capability_unit(fitted: CapabilityModel) -> str:
    """Name the unit of a model's capabilities: principal components keep the scale of the scores until rotated."""
    plain = fitted.rotation_ is None and not hasattr(fitted, "communalities_")
    return "fractions of a score" if plain else "standard deviations"


def efficiency_figure(
    law: ComputeLaw, reference: str, level: float = 0.9, caption: str = "", unit: str = "fractions of a score"
) -> Figure:
    """Draw capability against compute with the line of each family, and what a family's compute is worth.

    Parameters
    ----------
    law : ComputeLaw
    reference : str
        Family whose compute is the measure, as the law spells it.
    level : float
        Nominal coverage of the intervals of the multipliers.
    caption : str
        Where the data come from.
    unit : str
        Of the capability; see `capability_unit`.

    Returns
    -------
    Figure
    """
    import seaborn as sns
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    from obslaws.capability.compute_law import efficiency_table
    from obslaws.plotting import COLOURS, family_lines

    table = efficiency_table(law, reference, level).dropna(subset="multiplier").iloc[::-1]
    own = table["family"] == reference
    kept = own | (table["flag"] == "")
    if not kept.all():
        left_out = f"{(~kept).sum()} families below every model of {reference}, or without a rise, have no multiplier"
        caption = f"{caption}; {left_out}" if caption else left_out
        table, own = table[kept], own[kept]
    if len(table) > _MOST_ROWS:
        largest = table["n_models"].sort_values(ascending=False, kind="stable").index[:_MOST_ROWS]
        table = table[table.index.isin(largest) | own]
        caption = f"{caption}; the {len(table)} largest of {len(own)} families on the right"
    models = law.models.assign(train_flop=10.0 ** law.models["log10_flop"])
    ends = pd.DataFrame(
        [
            {"family": family, "train_flop": 10.0**at, "capability": float(line.predict(at))}
            for family, line in law.families.items()
            for at in (line.low, line.high)
        ]
    )
    height = max(4.2, 0.2 * len(table) + 1.3)
    with sns.axes_style("ticks"), sns.plotting_context("paper"):
        figure = Figure(figsize=(11.5, height), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
        family_lines(left, models, ends, reference)
        left.set_ylabel(f"{law.capability.replace('_', ' ')} ({unit})")
        left.margins(x=0.12)
        at = np.arange(len(table))
        bounded = np.isfinite(table["upper"]) & (table["lower"] > 0)
        known = table[bounded]
        right.hlines(at[bounded], known["lower"], known["upper"], color=COLOURS["others"], linewidth=1.6)
        inside = table["decades_outside"] < 0.05
        right.scatter(table["multiplier"], at, s=26, color=COLOURS["family"], zorder=3)
        right.scatter(
            table["multiplier"][~inside], at[~inside], s=10, color="white", zorder=4
        )  # hollow: the reference line is read outside its range
        right.axvline(1.0, color=COLOURS["floor"], linewidth=0.9, linestyle=(0, (1.5, 2)))
        right.set_xscale("log")
        right.set_yticks(at, table["family"].map(format_name), fontsize=8)
        right.set_xlabel(f"compute of {reference} for the same capability / own (ratio)")
        right.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 3.0), numticks=9))
        right.xaxis.set_minor_locator(NullLocator())
        right.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
        right.set_title(
            f"{100 * level:g} % intervals; hollow: outside the range of {reference}", loc="left", fontsize=8.5
        )
        sns.despine(figure)
        figure.suptitle(
            "\n".join(textwrap.wrap(caption.replace("$", r"\$"), 140)), x=0.01, ha="left", fontsize=8.5, color="0.3"
        )
    return figure
