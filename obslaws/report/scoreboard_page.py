"""The scoreboard as one page that needs nothing beside it: tables, and reliability diagrams as inline SVG."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from obslaws.plotting import COLOURS
from obslaws.scoreboard.table import REFERENCE, reliability

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from obslaws.scoreboard.run import Outcome

__all__ = ["COLUMNS", "for_people", "reliability_figure", "scoreboard_html", "write_markdown"]

COLUMNS = {
    "forecaster": "forecaster", "n_cells": "cells", "mae": "MAE", "medae": "median", "crps": "CRPS",
    "decisions": "decisions", "coverage_80": "80 %", "coverage_90": "90 %", "coverage_95": "95 %",
    "width_90": "width 90 %",
    "against": f"MAE less {REFERENCE}'s (95 %)", "seconds": "seconds",
}  # fmt: skip
_ACROSS = 4
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 2rem; } th, td { padding: .15rem .6rem; text-align: right; }
th { border-bottom: 1px solid #999; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
tr.best td { font-weight: 600; } figure { margin: 0; } svg { max-width: 100%; height: auto; } .note { color: #555; }
"""


def for_people(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers of one race, or several, as text.

    Parameters
    ----------
    table : DataFrame
        From `obslaws.scoreboard.table.add_up`.

    Returns
    -------
    DataFrame
        Columns race and those of `COLUMNS`, all text.
    """
    out = table[["race", "forecaster"]].copy()
    out["n_cells"] = table["n_cells"].astype(str)
    for name in ("mae", "medae", "crps"):
        out[name] = table[name].map("{:.2f}".format)
    out["decisions"] = table["decisions"].map("{:.3f}".format)
    for level in (80, 90, 95):
        out[f"coverage_{level}"] = (100.0 * table[f"coverage_{level}"]).map("{:.1f}".format)
    out["width_90"] = table["width_90"].map("{:.1f}".format)
    bounds = zip(table["difference"], table["difference_lower"], table["difference_upper"], strict=True)
    out["against"] = ["" if math.isnan(d) else f"{d:+.2f} ({low:+.2f} to {high:+.2f})" for d, low, high in bounds]
    out["seconds"] = table["seconds"].map("{:.0f}".format)
    return out[["race", *COLUMNS]]


def reliability_figure(outcomes: Sequence[Outcome]) -> Figure:
    """Draw a reliability diagram per race: nominal against true share of scores below each quantile.

    Parameters
    ----------
    outcomes : sequence of Outcome

    Returns
    -------
    Figure
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    races = list(dict.fromkeys(outcome.race.name for outcome in outcomes))
    names = list(dict.fromkeys(outcome.forecaster for outcome in outcomes))
    others = [name for name in names if name != REFERENCE]
    colours = dict(zip(others, sns.color_palette("husl", max(len(others), 1)), strict=False))
    colours[REFERENCE] = COLOURS["family"]
    across = min(_ACROSS, len(races))
    down = math.ceil(len(races) / across)
    size = (3.1 * across, 3.1 * down + 0.6)
    figure, grid = plt.subplots(down, across, figsize=size, squeeze=False, layout="constrained")
    for axes, race in zip(grid.flat, races, strict=False):
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
        for outcome in outcomes:
            if outcome.race.name != race:
                continue
            told, first = reliability(outcome), outcome.forecaster == REFERENCE
            axes.plot(
                told["share"], told["below"], color=colours[outcome.forecaster], label=outcome.forecaster,
                linewidth=2.4 if first else 1.0, marker="o" if first else None, markersize=3, zorder=4 if first else 3,
            )  # fmt: skip
        axes.set_title(race, fontsize=9)
        axes.set_aspect("equal")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(races) :]:
        axes.set_axis_off()
    figure.supxlabel("nominal share of scores below the quantile", fontsize=9)
    figure.supylabel("true share", fontsize=9)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(len(labels), 3 * across), fontsize=8, frameon=False
    )
    return figure


def scoreboard_html(table: pd.DataFrame, outcomes: Sequence[Outcome], caption: str, command: str) -> str:
    """Write the page.

    Parameters
    ----------
    table : DataFrame
        From `obslaws.scoreboard.table.add_up`.
    outcomes : sequence of Outcome
    caption, command : str
        Where the data come from, and what made the page.

    Returns
    -------
    str
        A whole HTML document.
    """
    import matplotlib.pyplot as plt

    figure = reliability_figure(outcomes)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    plt.close(figure)
    svg = drawn.getvalue()
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>obslaws scoreboard</title>",
        f"<style>{_STYLE}</style></head><body><h1>Scoreboard</h1>",
        f"<p>{html.escape(caption)}<br><code>{html.escape(command)}</code></p>",
        f"<p class='note'>{html.escape(_NOTE)}</p>",
        f"<h2>Reliability</h2><figure>{svg[svg.index('<svg') :]}</figure>",
    ]
    shown = for_people(table)
    for race, rows in shown.groupby("race", sort=False):
        best = int(np.argmin(table.loc[rows.index, "mae"]))
        parts.append(f"<h2>{html.escape(str(race))}</h2>{_html_table(rows.drop(columns='race'), best)}")
    return "\n".join([*parts, "</body></html>\n"])


_NOTE = (
    "Errors in points (100 x fraction) over scores that the forecaster was not shown; decisions: share of pairs of "
    "models whose order is forecast right; 80, 90, 95 %: share of scores inside these intervals, per cent; the "
    "difference of mean errors has an interval from a bootstrap over families or test groups; seconds of processor "
    "time for all fits and forecasts."
)


def _html_table(rows: pd.DataFrame, best: int) -> str:
    head = "".join(f"<th>{html.escape(COLUMNS[str(name)])}</th>" for name in rows)
    body = []
    for at, values in enumerate(rows.itertuples(index=False)):
        cells = "".join(f"<td>{html.escape(str(value))}</td>" for value in values)
        body.append(f"<tr class='best'>{cells}</tr>" if at == best else f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def write_markdown(table: pd.DataFrame, caption: str, command: str) -> str:
    """Write the tables for a docs page.

    Parameters
    ----------
    table, caption, command
        As in `scoreboard_html`.

    Returns
    -------
    str
        Markdown, from the caption on.
    """
    shown = for_people(table)
    parts = [f"`{command}`", "", caption, "", _NOTE, ""]
    for race, rows in shown.groupby("race", sort=False):
        n_folds = int(table.loc[rows.index[0], "n_folds"])
        parts += [f"## {race}", "", f"{n_folds} fold{'s' if n_folds > 1 else ''}.", ""]
        parts.append(f"| {' | '.join(COLUMNS.values())} |")
        parts.append(f"|---|{'---:|' * (len(COLUMNS) - 1)}")
        parts += [f"| {' | '.join(values)} |" for values in rows.drop(columns="race").itertuples(index=False)]
        parts.append("")
    return "\n".join(parts)


def write_text(path: Path, text: str) -> None:
    """Write a file, in UTF-8 with plain line ends.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    from obslaws.errors import StorageError

    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}.") from error
