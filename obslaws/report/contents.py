"""What stands in a report: each part as HTML, made of the library's own answers. The notebooks arrange the parts.

In: names of a view, snapshot or folder. Out: text, tables and figures, every one with the snapshot that it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from obslaws._version import __version__
from obslaws.domains import find_benchmark
from obslaws.families import family_members
from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel
from obslaws.quantities import format_count, format_flop, spelling_key
from obslaws.query import find_model
from obslaws.report.captions import data_caption
from obslaws.report.html import figure_html, link
from obslaws.report.model_figures import card_figure, density_figure, families_figure, levels_figure
from obslaws.report.sources import Origins, document_url, panel_origins
from obslaws.report.tables import forecast_table, html_table, members_table, score, sources_line, sources_table
from obslaws.snapshot import Snapshot, load_snapshot
from obslaws.units import only_fractions
from obslaws.views import list_views, view_panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obslaws.panel import Panel

__all__ = ["Report", "SnapshotReport", "open_report", "report_subject", "snapshot_report"]

_MOST = 6  # families on one picture
_CURVES = "known models, the curve of the family and its 90 % band. Grey dots are all other models; dotted: guessing."


@dataclass(frozen=True)
class Report:
    """Parts of reports on one panel.

    Parameters
    ----------
    panel : Panel
    snapshot : str, optional
        What the panel was loaded with.
    """

    panel: Panel
    snapshot: str | None = None

    @cached_property
    def caption(self) -> str:
        """Snapshot date, hash, view and version."""
        return data_caption(self.panel)

    @cached_property
    def forecaster(self) -> SkillForecaster:
        """Fit of everything in the panel."""
        return SkillForecaster().fit(self.panel)

    @cached_property
    def _without(self) -> dict[str, SkillForecaster]:
        return {}

    @cached_property
    def origins(self) -> Origins | None:
        """Where the numbers come from."""
        return panel_origins(self.panel, self.snapshot)

    def members(self, name: str) -> pd.DataFrame:
        """Find the members of a family by its name; see `obslaws.families.family_members`."""
        return family_members(self.panel, name)

    def about_family(self, members: pd.DataFrame) -> Markup:
        """Say in one paragraph what the family is."""
        sizes, tokens = members["n_params"], members["n_tokens"]
        n_scores = int(self.panel.scores.loc[members.index].notna().to_numpy().sum())
        words = "{} models of {} to {} parameters on {} tokens; {} scores on {} benchmarks."
        return Markup("<p>") + Markup(words).format(
            len(members), format_count(sizes.min()), format_count(sizes.max()), _range(tokens), n_scores,
            int(self.panel.scores.loc[members.index].notna().any().sum()),
        ) + Markup("</p>")  # fmt: skip

    def members_table(self, members: pd.DataFrame) -> Markup:
        """List the members with sources."""
        return self._told(members_table(self.panel, list(members.index), self.origins))

    def next_size(self, members: pd.DataFrame) -> pd.DataFrame:
        """Describe a model twice as large as the family's largest, trained alike."""
        known = members.dropna(subset="n_params").sort_values("n_params", kind="stable")
        largest = str(known.index[-1])
        row: dict[str, Any] = dict(self.panel.models.loc[largest])
        row |= {c: 2.0 * row[c] for c in ("n_params", "n_active_params", "train_flop")}
        return pd.DataFrame([row], index=pd.Index([f"{row['family']}-{format_count(row['n_params'])}"], name="model"))

    def family_figure(self, query: pd.DataFrame) -> Markup:
        """Draw the family on the benchmarks it was measured on, and a card of the next model."""
        family = query["family"].iloc[0]
        mine = self.panel.scores[self.panel.models["family"] == family]
        measured = [str(b) for b in mine.columns if mine[b].notna().any()][:6]
        curves = figure_html(
            families_figure(self.forecaster, [family], measured, caption=self.caption),
            f"Score (fraction) against training compute (FLOP) of the family {family} on {self._titles(measured)}: "
            f"{_CURVES}",
        )
        card = figure_html(
            card_figure(self.forecaster, query, caption=self.caption),
            f"Forecast scores (fractions) with 90 % intervals of {query.index[0]} on every benchmark, "
            "and what its nearest known siblings score.",
        )
        return curves + card

    def forecast_table(self, query: pd.DataFrame) -> Markup:
        """List the forecasts for one model."""
        return self._told(forecast_table(self.forecaster.forecast(query), self.panel))

    def levels(self, query: pd.DataFrame, benchmark: str) -> Markup:
        """Draw levels of one benchmark over size and tokens."""
        at = self.benchmark(benchmark) if benchmark in self.panel.scores else str(self.panel.scores.columns[0])
        return figure_html(
            levels_figure(self.forecaster, query, at, self.caption),
            f"Lines of equal forecast on {self._titles([at])} (fraction) over parameters and training tokens (counts); "
            "the shade is the width of the 90 % interval (fraction).",
        )

    def rivals(self, members: pd.DataFrame, benchmark: str) -> Markup:
        """Draw the family beside the largest other ones of the same variant."""
        at = benchmark if benchmark in self.panel.scores else str(self.panel.scores.columns[0])
        own = list(dict.fromkeys(members["family"]))[:1]
        models = self.panel.models
        scored = models[self.panel.scores[at].notna() & models["train_flop"].notna()]
        alike = scored[scored["variant"] == members["variant"].iloc[0]]
        others = [f for f in alike["family"].value_counts().index if f not in own][: _MOST - 2]
        chosen = [*own, *others]
        return figure_html(
            families_figure(self.forecaster, chosen, [at], caption=self.caption),
            self._compared(at, chosen),
        )

    def model(self, name: str) -> str:
        """Find a model by its id, or the part after the slash."""
        return find_model(self.panel.models.index, name)

    def about_model(self, model: str) -> Markup:
        """Say what is known of a model."""
        row: Any = self.panel.models.loc[model]
        words = "Family <bdi>{}</bdi>, {}; {} parameters, {} training tokens, {}; released {}."
        day = "on an unknown day" if pd.isna(row["release_date"]) else row["release_date"].date().isoformat()
        counts = (format_count(row[c]) for c in ("n_params", "n_tokens"))
        flop = format_flop(row["train_flop"])
        return Markup("<p>") + Markup(words).format(row["family"], row["variant"], *counts, flop, day) + Markup("</p>")

    def expected_table(self, model: str) -> Markup:
        """Compare measured scores with the forecast of a fit that did not see them."""
        answer = self._unseen(model)
        measured = self.panel.scores.loc[model].reindex(answer["benchmark"]).to_numpy()
        frame = pd.DataFrame(
            {
                "benchmark": [str(self.panel.benchmarks.loc[b, "title"]) for b in answer["benchmark"]],
                "measured": measured,
                "expected": answer["forecast"].to_numpy(),
                "90 % interval": [
                    f"{score(a)} to {score(b)}" for a, b in zip(answer["lower"], answer["upper"], strict=True)
                ],
                "place": np.where(
                    measured > answer["upper"], "above", np.where(measured < answer["lower"], "below", "inside")
                ),
            }
        )
        keep = ~np.isnan(measured)
        links = None
        if self.origins is not None:
            told = [self.origins.url(s) for s in self.origins.scores.loc[model].reindex(answer["benchmark"])]
            links = pd.DataFrame({"measured": told})[keep].reset_index(drop=True)
        table = html_table(
            frame[keep].reset_index(drop=True), {"measured": score, "expected": score}, links, text=("place",)
        )
        return self._told(table)

    def expected_figure(self, model: str) -> Markup:
        """Draw a model's measured scores on the card that was forecast without them."""
        measured = self.panel.scores.loc[[model]]
        blind, query = self._blind(model), self.panel.models.loc[[model]]
        if measured.notna().to_numpy().sum() == 0:
            return Markup("<p>No score of it is known.</p>")

        return figure_html(
            card_figure(blind, query, measured, caption=self.caption, informed=False),
            f"Forecast scores (fractions) with 90 % intervals of {model} by a fit that did not see its scores, "
            "those scores, and what its nearest known siblings score.",
        )

    def missing_table(self, model: str) -> Markup:
        """Forecast the benchmarks that nobody measured on a model."""
        answer = self.forecaster.forecast(self.panel.models.loc[[model]])
        missing = answer[self.panel.scores.loc[model].reindex(answer["benchmark"]).isna().to_numpy()]
        if missing.empty:
            return Markup("<p>Every benchmark of the view has its score.</p>")
        return self._told(forecast_table(missing, self.panel))

    def claims_table(self, model: str) -> Markup:
        """List every claim of every source about a model."""
        if self.origins is None:
            return Markup("<p>The panel is your own; its tables are the only source.</p>")
        facts = load_snapshot(self.snapshot).facts
        rows = facts[facts["model"] == model].drop(columns="model").astype("object").reset_index(drop=True)
        if rows.empty:
            return Markup("<p>No source of the snapshot knows it; your own tables are the only one.</p>")
        links = pd.DataFrame(
            {
                "source": [self.origins.url(s) for s in rows["source"]],
                "document": [document_url(document) for document in rows["document"]],
            },
            dtype="object",
        )
        rows["value"] = [_claim(*one) for one in zip(rows["attribute"], rows["value"], strict=True)]
        rows["document"] = rows["document"].str.replace(r"\s*<https?://[^\s<>]+>", "", regex=True)
        first = ["attribute", *(c for c in rows.columns if c != "attribute")]
        table = html_table(rows[first], None, links, text=tuple(first))
        return self._told(table + sources_line(self.origins, set(rows["source"])))

    def benchmark(self, name: str) -> str:
        """Find a benchmark of the panel; case and separators do not matter."""
        return find_benchmark(name, self.panel)

    def about_benchmark(self, benchmark: str) -> Markup:
        """Say what a benchmark is and what the fits make of it."""
        facts: Any = self.panel.benchmarks.loc[benchmark]
        at = list(self.panel.scores.columns).index(benchmark)
        fits = self.forecaster.fits_
        ends = [f"{np.mean([f.floors[at] for f in fits]):.2f}", f"{np.mean([f.ceilings[at] for f in fits]):.2f}"]
        title = link(facts["title"], facts.get("url") if isinstance(facts.get("url"), str) else None)
        n = int(self.panel.scores[benchmark].notna().sum())
        words = "{}: guessing scores {:.2f}; {} models were measured. Their curves run from {} to {}."
        return Markup("<p>") + Markup(words).format(title, float(facts["score_floor"]), n, *ends) + Markup("</p>")

    def families(self, benchmark: str) -> Markup:
        """Draw the best measured families on one benchmark."""
        seen = self.panel.scores[benchmark].notna() & self.panel.models["train_flop"].notna()
        sizes = self.panel.models[seen].groupby("family")["n_params"].nunique()
        chosen = [str(f) for f in sizes.sort_values(ascending=False, kind="stable").index[: _MOST - 1]]
        return figure_html(
            families_figure(self.forecaster, chosen, [benchmark], caption=self.caption),
            self._compared(benchmark, chosen),
        )

    def density(self, benchmark: str) -> Markup:
        """Draw the smallest models that reached a score over time."""
        if self.panel.models["release_date"].isna().all():
            return Markup("<p>No release date is known.</p>")
        return figure_html(
            density_figure(self.panel, benchmark, caption=self.caption),
            f"Parameters (count) of the smallest released model that reaches a score (fraction) on "
            f"{self._titles([benchmark])}, by release date; dots are all models of a known date.",
        )

    def best_table(self, benchmark: str) -> Markup:
        """List the twenty best models on one benchmark."""
        best = self.panel.scores[benchmark].dropna().sort_values(ascending=False, kind="stable").head(20)
        return self._told(members_table(self.panel, [str(m) for m in best.index], self.origins, first=benchmark))

    def _titles(self, benchmarks: Sequence[str]) -> str:
        return ", ".join(str(self.panel.benchmarks["title"][b]) for b in benchmarks)

    def _compared(self, benchmark: str, families: Sequence[str]) -> str:
        words = f"Score (fraction) on {self._titles([benchmark])} against training compute (FLOP) of "
        return f"{words}{', '.join(families)}: {_CURVES}"

    def _blind(self, model: str) -> SkillForecaster:
        if model not in self._without:
            self._without[model] = self._fitted_without(model)
        return self._without[model]

    def _fitted_without(self, model: str) -> SkillForecaster:
        hidden = np.zeros(self.panel.scores.shape, dtype=bool)
        hidden[self.panel.scores.index.get_loc(model)] = True
        return SkillForecaster().fit(self.panel.hide(hidden))

    def _unseen(self, model: str) -> pd.DataFrame:
        return self._blind(model).forecast(self.panel.models.loc[[model]])

    def _told(self, table: Markup) -> Markup:
        return table + Markup('<p class="hint">{}</p>').format(self.caption)


@dataclass(frozen=True)
class SnapshotReport:
    """Parts of the report on a snapshot.

    Parameters
    ----------
    data : Snapshot
    """

    data: Snapshot

    @property
    def caption(self) -> str:
        """Name, hash, version."""
        return f"snapshot {self.data.name} ({self.data.hash}), obslaws {__version__}"

    def about(self) -> Markup:
        """Count the rows of the tables."""
        rows = ", ".join(f"{table['rows']:,} {name}" for name, table in self.data.manifest["tables"].items())
        return Markup("<p>{}, from {} sources.</p>").format(rows, len(self.data.manifest["sources"]))

    def sources(self) -> Markup:
        """List the sources."""
        return sources_table(self.data.manifest["sources"]) + self._told()

    def benchmarks(self) -> Markup:
        """List the thirty benchmarks with most scores."""
        counts = self.data.scores["benchmark"].value_counts().head(30)
        facts = self.data.benchmarks.set_index("benchmark").reindex(counts.index.astype("str"))
        frame = pd.DataFrame({"benchmark": facts.index, "scores": counts.to_numpy()})
        frame["what"], frame["unit"] = facts["title"].to_numpy(), facts["unit"].to_numpy()
        frame["guessing"] = facts["score_floor"].to_numpy()
        links = pd.DataFrame({"benchmark": facts["url"].to_numpy()}) if "url" in facts else None
        formats = {"scores": lambda n: f"{n:,}", "guessing": lambda s: f"{s:.2f}"}
        return html_table(frame, formats, links, text=("what", "unit")) + self._told()

    def views(self) -> Markup:
        """List the views, and how many models each filter of the view `core` leaves."""
        named = pd.DataFrame([{"view": k, "what": v} for k, v in list_views().items()])
        steps = pd.DataFrame(
            view_panel("core", self.data).provenance["filters"], columns=["filter of core", "models left"]
        )
        return html_table(named, text=("what",)) + html_table(steps, {"models left": lambda n: f"{n:,}"}) + self._told()

    def _told(self) -> Markup:
        return Markup('<p class="hint">{}</p>').format(self.caption)


def open_report(
    view: str | None = None,
    snapshot: str | None = None,
    panel_folder: str | None = None,
    add_folder: str | None = None,
) -> Report:
    """Open a report on a view of a snapshot, or on a folder of the user's; another may join; its ratings stay out."""
    panel = load_panel(view or "core", snapshot) if panel_folder is None else load_panel(Path(panel_folder))
    if add_folder is not None:
        panel = panel.join(load_panel(Path(add_folder)))
    return Report(only_fractions(panel), snapshot if panel_folder is None else None)


def snapshot_report(snapshot: str | None = None) -> SnapshotReport:
    """Open a report on a snapshot."""
    return SnapshotReport(load_snapshot(snapshot))


def report_subject(kind: str, name: str, report: Report) -> str:
    """Check the name that a report is asked for, before any notebook runs; give it back as it is spelled.

    Parameters
    ----------
    kind : {"family", "model", "benchmark"}
    name : str
    report : Report

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        With the nearest known name.
    """
    if kind == "model":
        return report.model(name)
    if kind == "benchmark":
        return report.benchmark(name)
    report.members(name)
    models = report.panel.models
    known = [str(f) for column in ("base_family", "family") for f in models[column].dropna().unique()]
    exact, alike = {f.lower(): f for f in known}, {spelling_key(f): f for f in known}
    return exact.get(name.strip().lower()) or alike[spelling_key(name)]


def _claim(attribute: str, value: Any) -> str:
    """Write a claimed count or compute as people read it, anything else as it is claimed."""
    number = pd.to_numeric(value, errors="coerce")
    if attribute not in ("n_params", "n_active_params", "n_tokens", "train_flop") or pd.isna(number):
        return str(value)
    return format_flop(number) if attribute == "train_flop" else format_count(number)


def _range(counts: pd.Series) -> str:
    low, high = format_count(counts.min()), format_count(counts.max())
    return low if low == high else f"{low} to {high}"
