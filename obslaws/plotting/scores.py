"""Scores against compute and other axes, with curves, bands and one forecast; fitted against measured values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from obslaws.plotting.colours import COLOURS, HALO, PALETTE
from obslaws.quantities import size_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["fitted_against_measured", "score_against_compute", "score_against_position"]

_LABEL_EVERY = 0.12  # decades of compute; copies of one size need no second label
_CLEAR_OF_FORECAST = 0.4  # decades of compute; about the width of a label


def score_against_compute(
    ax: Axes,
    members: pd.DataFrame,
    others: pd.DataFrame,
    curve: pd.DataFrame,
    forecast: pd.DataFrame,
    score_floor: float = 0.0,
    unit: str = "fraction",
) -> Axes:
    """Draw one benchmark: score against training compute on a logarithmic axis.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    members : DataFrame
        Known models of the family, by id: train_flop (FLOP), score (fraction), n_params (count, for the label).
    others : DataFrame
        Models of other families: train_flop, score; drawn faint.
    curve : DataFrame
        The family's law: train_flop ascending, forecast, lower, upper (fractions).
    forecast : DataFrame of one row
        train_flop, forecast, lower, upper.
    score_floor : float
        Expected score of guessing, fraction; drawn as a line where it is above 0.
    unit : str
        Of the scores; fractions end at 0 and 1, ratings do not.

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
    asked = float(np.log10(forecast["train_flop"].iloc[0]))
    if score_floor > 0:
        dotted = (0, (1.5, 2))
        ax.axhline(score_floor, color=COLOURS["floor"], linewidth=0.9, linestyle=dotted, zorder=1, label="guessing")
    _label_members(ax, members, asked)
    _scale(ax, members, curve, forecast, score_floor, unit)
    return ax


def score_against_position(
    ax: Axes, points: pd.DataFrame, axis: str, low: float, logarithmic: bool, unit: str = "fraction"
) -> Axes:
    """Draw one law: measured scores against where models stand on it, the curve, and intervals of held-out models.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    points : DataFrame
        Models: position, score, forecast, lower, upper, part (train or test).
    axis : str
        Title of the horizontal axis.
    low : float
        Score of guessing, drawn as a line where it is above 0.
    logarithmic : bool
        Scale of the horizontal axis.
    unit : str
        Of the scores.

    Returns
    -------
    Axes
        The one given, without a legend; the artists are labelled for one.
    """
    points = points.dropna(subset=["position", "forecast"]).sort_values("position", kind="stable")
    train, test = (points[points["part"] == part] for part in ("train", "test"))
    orange, blue = PALETTE[1], COLOURS["family"]
    spans = np.vstack([test["forecast"] - test["lower"], test["upper"] - test["forecast"]]).clip(0)
    ax.errorbar(
        test["position"], test["forecast"], yerr=spans, fmt="none", ecolor=orange, elinewidth=1.4, alpha=0.35, zorder=1,
        label="interval",
    )  # fmt: skip
    ax.plot(*_smooth(points, logarithmic), color="0.25", linewidth=1.4, zorder=2, label="curve")
    dots = {"y": "score", "x": "position", "ax": ax, "legend": False, "edgecolor": "white", "linewidth": 0.6}
    sns.scatterplot(train, **dots, color=blue, s=26, zorder=3, label="train")
    sns.scatterplot(test, **dots, color=orange, s=34, marker="D", zorder=4, label="test")
    if low > 0:
        dotted = (0, (1.5, 2))
        ax.axhline(low, color=COLOURS["floor"], linewidth=0.9, linestyle=dotted, zorder=1, label="guessing")
    if logarithmic:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
        ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel(axis)
    ax.set_ylabel(f"score ({unit})")
    return ax


def _smooth(points: pd.DataFrame, logarithmic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Fill the law in between models, monotone from one to the next, so that few models do not make it jagged."""
    from scipy.interpolate import PchipInterpolator

    known = points.groupby("position")["forecast"].mean()
    if len(known) < 3:
        return known.index.to_numpy(), known.to_numpy()
    at = np.log(known.index) if logarithmic else known.index.to_numpy()
    x = np.linspace(at[0], at[-1], 200)
    return np.exp(x) if logarithmic else x, PchipInterpolator(at, known)(x)


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


def _label_members(ax: Axes, members: pd.DataFrame, asked: float) -> None:
    """Write sizes beside the points, by turns left above and right below, off a curve that rises and off the forecast.

    `asked` is where the forecast stands, decades of compute: labels near it stand above, on the side away from it.
    """
    last, above = -np.inf, True
    for row in members.rename_axis("model").reset_index().sort_values("train_flop", kind="stable").to_dict("records"):
        at = np.log10(row["train_flop"])
        if at - last < _LABEL_EVERY:
            continue
        near = abs(at - asked) < _CLEAR_OF_FORECAST
        last, above = at, near or (at < asked and not above)
        left = above and at < asked
        ax.annotate(
            size_label(str(row["model"]), row["n_params"]),
            (row["train_flop"], row["score"]),
            xytext=(-2.5 if left else 2.5 * (not above), 2.5 if above else -2.5),
            textcoords="offset points",
            ha="right" if left else "left",
            va="bottom" if above else "top",
            fontsize=7,
            color=COLOURS["family"],
            path_effects=HALO,
            zorder=7,
        )


def _scale(
    ax: Axes, members: pd.DataFrame, curve: pd.DataFrame, forecast: pd.DataFrame, score_floor: float, unit: str
) -> None:
    shown = np.concatenate([members["score"], curve["lower"], curve["upper"], forecast["lower"], forecast["upper"]])
    low, high = np.nanmin(shown), np.nanmax(shown)
    if unit == "fraction":
        low = min(low, score_floor)
        pad = 0.08 * (high - low) + 0.01
        ax.set_ylim(max(-0.02, low - 1.4 * pad), min(1.02, high + pad))
    else:
        ax.set_ylim(low - 0.11 * (high - low), high + 0.08 * (high - low))
    ax.set_xscale("log")
    ax.set_xlim(curve["train_flop"].min() / 100, curve["train_flop"].max() * 2)
    ax.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_xlabel("training compute (FLOP)")
    ax.set_ylabel(f"score ({unit})")


def fitted_against_measured(ax: Axes, points: pd.DataFrame, label: str, log: bool = True) -> Axes:
    """Draw what a law says against what was measured, with the line on which both are equal.

    Parameters
    ----------
    ax : Axes
        Is drawn upon.
    points : DataFrame
        measured, fitted; optionally `kind`, which gives each kind a colour and a shape.
    label : str
        Quantity and unit, for both axes.
    log : bool
        Logarithmic axes.

    Returns
    -------
    Axes
    """
    ends = points[["measured", "fitted"]].to_numpy()
    low, high = np.nanmin(ends), np.nanmax(ends)
    ax.plot([low, high], [low, high], color=COLOURS["floor"], linewidth=0.9, zorder=1)
    style: dict[str, Any] = {"hue": "kind", "style": "kind"} if "kind" in points else {"color": COLOURS["family"]}
    palette = {"palette": "colorblind"} if "kind" in points else {}
    sns.scatterplot(points, x="measured", y="fitted", ax=ax, s=26, linewidth=0.4, **style, **palette)
    if log:
        ax.set_xscale("log")
        ax.set_yscale("log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(base=10, subs=(1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0), numticks=9))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(_plain_number))
    ax.set(xlabel=f"measured {label}", ylabel=f"fitted {label}")
    return ax


def _plain_number(value: float, _: int) -> str:
    return f"{value:g}"
