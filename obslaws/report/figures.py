"""Whole pictures: a fitted forecaster asks its questions, `obslaws.plotting` draws the answers.

In: a fitted `Forecaster` and the row of the model to forecast. Out: a matplotlib Figure, or the file it was saved to.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import StorageError, UsageError
from obslaws.quantities import format_count, format_flop, format_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel

__all__ = ["check_figure_path", "family_curve", "forecast_figure", "save_figure"]

SUFFIXES = (".png", ".svg", ".pdf")
_MOST_COLUMNS = 4


def family_curve(
    forecaster: Forecaster, query: pd.DataFrame, low: float, high: float, level: float = 0.9, n_points: int = 48
) -> pd.DataFrame:
    """Ask for a family's forecast along compute: size varies, tokens and everything else are the query's.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    query : DataFrame of one row
        As `obslaws.query.query` makes it.
    low, high : float
        Ends of the curve, FLOP.
    level : float
        Nominal coverage of the band.
    n_points : int
        Points along the curve, evenly spaced in log compute.

    Returns
    -------
    DataFrame of shape (n_points * n_benchmarks, 9)
        The columns of a forecast, and train_flop.
    """
    row = query.iloc[0]
    flop = np.geomspace(low, high, n_points)
    size = row["n_params"] * flop / row["train_flop"]
    names = pd.Index([f"{query.index[0]} @ {f:.4g} FLOP" for f in flop], name="model")
    line = pd.DataFrame([row] * n_points).set_axis(names, axis=0)
    line = line.assign(n_params=size, n_active_params=size * row["n_active_params"] / row["n_params"], train_flop=flop)
    answers = forecaster.forecast(line, level=level)
    return answers.assign(train_flop=answers["model"].map(line["train_flop"]))


def forecast_figure(
    forecaster: Forecaster,
    query: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    benchmarks: Sequence[str] | None = None,
    level: float = 0.9,
    caption: str = "",
) -> Figure:
    """Draw a forecast beside its family: score against compute, one panel per benchmark.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    query, scores, benchmarks, level
        As in `Forecaster.forecast`, with one query.
    caption : str
        Where the data come from: snapshot date and version.

    Returns
    -------
    Figure
        Not registered with pyplot; save it, or display it in a notebook.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    panel, row = forecaster.panel_, query.iloc[0]
    answer = forecaster.forecast(query, scores, benchmarks, level)
    wanted = answer["benchmark"].tolist()
    mine = panel.models["family"] == row["family"]
    reach = np.append(panel.models.loc[mine, "train_flop"].dropna(), row["train_flop"])
    low, high = (reach.min() / 1.6, reach.max() * 1.6) if len(reach) > 1 else (reach[0] / 30, reach[0] * 5)
    curve = family_curve(forecaster, query, low, high, level)
    n_columns = min(_MOST_COLUMNS, len(wanted))
    n_rows = -(-len(wanted) // n_columns)
    with sns.axes_style("ticks", {"axes.grid": True, "grid.color": "0.93"}), sns.plotting_context("paper"):
        figure = Figure(figsize=(max(7.0, 3.1 * n_columns), 2.5 * n_rows + 1.5), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False)
        for ax, benchmark in zip(axes.flat, wanted, strict=False):
            one = answer[answer["benchmark"] == benchmark].assign(train_flop=row["train_flop"])
            _draw(ax, panel, mine, curve[curve["benchmark"] == benchmark], one)
        _outer_labels(axes, len(wanted))
        _frame(figure, axes.flat[: len(wanted)], query, level, bool(mine.any()), caption)
    return figure


def save_figure(figure: Figure, path: Path, dark: bool = False) -> Path:
    """Write a figure as PNG, SVG or PDF, by the ending of the name.

    Parameters
    ----------
    figure : Figure
        Drawn for a light page.
    path : Path
    dark : bool
        Recolour it for a dark page, see `obslaws.report.dark`.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UsageError
        Another ending, or the folder does not exist.
    StorageError
        The file cannot be written.
    """
    check_figure_path(path)
    import matplotlib as mpl

    if dark:
        from obslaws.report.dark import darken

        darken(figure)
    # text stays text and ids do not change from run to run, so that a committed figure has small diffs
    stamp = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[path.suffix.lower()]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "obslaws"}):
        try:
            figure.savefig(path, dpi=120, metadata=stamp)
        except OSError as error:
            raise StorageError(
                f"figure {str(path)!r}: not written: {error.strerror or error}. Name a file in a folder that you can "
                "write to."
            ) from error
    return path


def check_figure_path(path: Path) -> None:
    """Refuse a file name that no figure can be written to, before any work is done.

    Raises
    ------
    UsageError
        With the cure.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"figure {str(path)!r}: the name must end in {', '.join(SUFFIXES)}.")
    if path.is_dir():
        raise UsageError(f"figure {str(path)!r} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"figure {str(path)!r}: there is no folder {str(path.parent)!r}; make it first.")


def _draw(ax: Axes, panel: Panel, mine: pd.Series, curve: pd.DataFrame, answer: pd.DataFrame) -> None:
    from obslaws.plotting import score_against_compute

    one: Any = answer.iloc[0]
    facts: Any = panel.benchmarks.loc[one["benchmark"]]
    points = panel.models[["train_flop", "n_params"]].assign(score=panel.scores[one["benchmark"]]).dropna()
    own = mine.reindex(points.index)
    floor = float(facts["score_floor"]) if facts["unit"] == "fraction" else 0.0
    score_against_compute(ax, points[own], points[~own], curve, answer, floor, str(facts["unit"]))
    form, width = (".2f", 30) if facts["unit"] == "fraction" else (".0f", 15)  # ratings need more digits
    ax.set_title(format_name(facts["title"], width), loc="left", fontsize=10, fontweight="bold")
    told = f"{one['forecast']:{form}}  [{one['lower']:{form}}, {one['upper']:{form}}]"
    ax.set_title(told, loc="right", fontsize=8.5)


def _outer_labels(axes: np.ndarray, n_shown: int) -> None:
    n_columns = axes.shape[1]
    for at, ax in enumerate(axes.flat):
        if at >= n_shown:
            ax.remove()
            continue
        if at % n_columns and ax.get_ylabel() == axes.flat[0].get_ylabel():
            ax.set_ylabel("")
        lowest = at + n_columns >= n_shown
        ax.tick_params(labelbottom=lowest)
        if not lowest:
            ax.set_xlabel("")


def _frame(figure: Figure, axes: Iterable[Axes], query: pd.DataFrame, level: float, known: bool, caption: str) -> None:
    row, width, height = query.iloc[0], figure.get_figwidth(), figure.get_figheight()
    size, tokens = format_count(row["n_params"]), format_count(row["n_tokens"])
    who, flop = format_name(query.index[0], 60), format_flop(row["train_flop"])
    title = f"{who}: {size} parameters, {tokens} training tokens ({flop})"
    told = textwrap.wrap(caption.replace("$", r"\$"), int(13 * width))
    room = 0.45 + 0.16 * len(told)  # inches
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, 1 - room / height))
    figure.text(0.01, 1 - 0.1 / height, title, fontsize=min(13, 1.7 * width), fontweight="bold", va="top")
    figure.text(0.01, 1 - 0.36 / height, "\n".join(told), fontsize=9, color="0.3", va="top")
    family = format_name(row["family"])
    words = {
        "forecast": f"forecast, {100 * level:g} % interval",
        "curve": f"{family if known else 'any family'} at {tokens} tokens",
        "interval": f"its {100 * level:g} % interval",
        **({"known members": f"known models of {family}"} if known else {}),
        "models of other families": "models of other families" if known else "known models",
        "guessing": "guessing",
    }
    found: dict[str, Any] = {}
    for ax in axes:
        found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    shown = [k for k in words if k in found]
    n_columns = max(3, int(width / 2.0))
    style = {"frameon": False, "fontsize": 9, "handletextpad": 0.5, "columnspacing": 1.4}
    labels = [words[k] for k in shown]
    figure.legend([found[k] for k in shown], labels, loc="outside lower left", ncols=n_columns, **style)
