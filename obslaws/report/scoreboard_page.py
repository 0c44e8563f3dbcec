"""The scoreboard for people: text, Markdown or HTML, with what each race hides and where its scores come from.

In: a `TrackRecord`. Out: parts of a page, for the notebook of `obslaws report scoreboard`, or the whole page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup

from obslaws.errors import UnknownNameError
from obslaws.protocols import load_protocol
from obslaws.report.html import figure_html, link, render
from obslaws.report.scoreboard_figures import errors_figure, reliability_figure
from obslaws.report.sources import panel_origins
from obslaws.report.tables import html_table
from obslaws.scoreboard.races import find_races
from obslaws.scoreboard.record import TrackRecord, read_record
from obslaws.scoreboard.table import REFERENCE
from obslaws.snapshot import Snapshot, load_snapshot
from obslaws.views import view_panel

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "COLUMNS", "ScoreboardReport", "for_people", "open_scoreboard", "scoreboard_html", "write_markdown",
    "years_for_people",
]  # fmt: skip

COLUMNS = {
    "forecaster": "forecaster", "n_cells": "cells", "mae": "MAE", "medae": "median", "crps": "CRPS",
    "decisions": "decisions", "coverage_80": "80 %", "coverage_90": "90 %", "coverage_95": "95 %",
    "width_90": "width 90 %",
    "against": f"MAE less {REFERENCE}'s (95 %)", "seconds": "seconds",
}  # fmt: skip


def for_people(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers of one race, or several, as text.

    Parameters
    ----------
    table : DataFrame
        From `obslaws.scoreboard.table.add_up`.

    Returns
    -------
    DataFrame
        Columns race and those of `COLUMNS`, all text; without ``seconds`` where the table has none.
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
    if "seconds" in table:
        out["seconds"] = table["seconds"].map("{:.0f}".format)
    return out[["race", *(name for name in COLUMNS if name in out)]]


@dataclass(frozen=True)
class ScoreboardReport:
    """Parts of the report on a scoreboard.

    Parameters
    ----------
    record : TrackRecord
    """

    record: TrackRecord

    @cached_property
    def data(self) -> Snapshot | None:
        """The snapshot that the races ran on; None where it is not on this machine, or is another of that name."""
        try:
            found = load_snapshot(self.record.snapshot)
        except UnknownNameError:
            return None
        return found if found.hash == self.record.hash else None

    def about(self) -> Markup:
        """Count races, forecasters and scores; tell the command and what the columns are."""
        table = self.record.table
        n_cells = int(table.groupby("race")["n_cells"].first().sum())
        words = "{} races, {} forecasters, {} hidden scores. Made by <code>{}</code>."
        counts = (table["race"].nunique(), table["forecaster"].nunique(), f"{n_cells:,}")
        here = "" if self.data else f"Snapshot {self.record.snapshot} ({self.record.hash}) is not on this machine: "
        lacking = f"{here}sources are not linked." if here else ""
        note = _NOTE + (_SECONDS if "seconds" in table else "")
        return (
            Markup("<p>") + Markup(words).format(*counts, self.record.command) + Markup("</p>")
            + Markup('<p class="hint">{} {}</p>').format(note, lacking)
        )  # fmt: skip

    def errors(self) -> Markup:
        """Draw the errors."""
        races = ", ".join(dict.fromkeys(self.record.table["race"]))
        words = (
            f"Mean absolute error of every forecaster, in points of 100, in the races {races}; bars are 95 % intervals "
            f"of the difference from {REFERENCE}."
        )
        return figure_html(errors_figure(self.record.table, self.record.caption), words)

    def reliability(self) -> Markup:
        """Draw the reliability diagrams."""
        told = self.record.reliability
        words = (
            f"True against nominal share (fractions) of scores below each quantile, in {told['race'].nunique()} races; "
            "on the dotted line a forecaster's intervals hold what they promise."
        )
        return figure_html(reliability_figure(told, self.record.caption), words)

    def tables(self) -> Markup:
        """Write one table per race, the smallest error first, with the sources of the scores that were hidden."""
        return Markup("").join(self._tables())

    def _tables(self) -> Iterator[Markup]:
        shown = for_people(self.record.table)
        for race, rows in shown.groupby("race", sort=False):
            inside = self.record.table.loc[rows.index]
            order = inside["mae"].sort_values(kind="stable").index
            frame = rows.loc[order].drop(columns="race").rename(columns=COLUMNS).replace("", np.nan)
            n_folds = int(inside["n_folds"].iloc[0])
            folds = f"{n_folds} fold{'s' if n_folds > 1 else ''}"
            yield Markup("<h3>{}</h3><p>{}. {}</p>").format(race, folds, self._sources(str(race)))
            yield html_table(frame)
            yield Markup('<p class="hint">{}</p>').format(self.record.caption)

    def _sources(self, race: str) -> Markup:
        """Say what a race hides, and link the sources of its scores."""
        try:
            protocol = load_protocol(find_races([race])[0].protocol)
        except UnknownNameError:
            return Markup("")
        words = Markup("{}; view {}.").format(protocol.title, protocol.view)
        if self.data is None:
            return words
        panel = view_panel(protocol.targets or protocol.view, self.data)
        origins = panel_origins(panel, self.record.snapshot)
        if origins is None:  # a frozen matrix says itself where it comes from
            return words + Markup(" Scores: {}").format(panel.provenance.get("source", "see the view."))
        counts = pd.Series(origins.scores.to_numpy().ravel()).dropna().astype("str").value_counts()
        told = {one: origins.sources[one] for one in counts.index if one in origins.sources}
        names = [link(facts["title"], facts.get("url")) for facts in told.values()]
        return words + Markup(" Scores: {}.").format(Markup(", ").join(names))


def open_scoreboard(path: str | Path) -> ScoreboardReport:
    """Open a report on what `obslaws scoreboard --output` wrote; see `obslaws.scoreboard.record.read_record`."""
    return ScoreboardReport(read_record(Path(path)))


def scoreboard_html(record: TrackRecord) -> str:
    """Write the page at once, for `obslaws scoreboard --page`.

    Parameters
    ----------
    record : TrackRecord

    Returns
    -------
    str
        A whole HTML document that needs no network.
    """
    report = ScoreboardReport(record)
    parts = (
        report.about(), Markup("<h2>Errors</h2>"), report.errors(), Markup("<h2>Reliability</h2>"),
        report.reliability(), Markup("<h2>Races</h2>"), report.tables(),
    )  # fmt: skip
    return render("report.html.j2", title="Scoreboard", caption=record.caption, body=Markup("").join(parts))


_NOTE = (
    "Errors in points (100 x fraction) over scores that the forecaster was not shown; decisions: share of pairs of "
    "models whose order is forecast right; 80, 90, 95 %: share of scores inside these intervals, per cent; the "
    "difference of mean errors has an interval from a bootstrap over families or test groups."
)
_SECONDS = " Seconds of processor time for all fits and forecasts."


def years_for_people(years: pd.DataFrame) -> pd.DataFrame:
    """Word a table of `obslaws.scoreboard.table.yearly` for people."""
    told = pd.DataFrame({"race": years["race"], "year": years["year"].astype("string").fillna("all")})
    told["scores"], told["groups"] = years["n_cells"], years["n_groups"]
    for level in (80, 90, 95):
        share, lower, upper = (
            (100 * years[f"coverage_{level}{end}"]).map(f"{{:.{digits}f}}".format)
            for end, digits in (("", 1), ("_lower", 0), ("_upper", 0))
        )
        told[f"{level} %"] = share + (" (" + lower + " to " + upper + ")").where(years["n_groups"] > 1, "")
    return told.astype(str)


YEARS_NOTE = (
    "Per cent of scores inside; in brackets the 95 % interval of that share, for scores of a family (of a test group, "
    "where the race has them) are hit or missed together, and few of these say little."
)


def write_markdown(record: TrackRecord, forecaster: str, years: pd.DataFrame) -> str:
    """Write the tables for a docs page.

    Parameters
    ----------
    record : TrackRecord
    forecaster : str
        Whose intervals are shown by year.
    years : DataFrame
        From `obslaws.scoreboard.table.yearly`.

    Returns
    -------
    str
        Markdown, from the caption on.
    """
    table, shown = record.table, for_people(record.table)
    note = _NOTE + (_SECONDS if "seconds" in table else "")
    parts = [f"`{record.command}`", "", record.caption, "", note, ""]
    titles = [COLUMNS[name] for name in COLUMNS if name in shown]
    for race, rows in shown.groupby("race", sort=False):
        n_folds = int(table.loc[rows.index[0], "n_folds"])
        parts += [f"## {race}", "", f"{n_folds} fold{'s' if n_folds > 1 else ''}.", ""]
        parts.append(f"| {' | '.join(titles)} |")
        parts.append(f"|---|{'---:|' * (len(titles) - 1)}")
        parts += [f"| {' | '.join(values)} |" for values in rows.drop(columns="race").itertuples(index=False)]
        parts.append("")
    if len(years):
        told = years_for_people(years)
        parts += [f"## Intervals of {forecaster} by year of release", "", YEARS_NOTE, ""]
        parts.append(f"| {' | '.join(map(str, told.columns))} |")
        parts.append(f"|---|{'---:|' * (told.shape[1] - 1)}")
        parts += [f"| {' | '.join(values)} |" for values in told.itertuples(index=False)]
        parts.append("")
    return "\n".join(parts)
