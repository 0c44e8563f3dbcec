"""Tables of a page: numbers as people read them, each linked to its source.

In: tidy frames. Out: HTML in which every name is text. Called by the notebooks behind `obslaws report`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from obslaws.quantities import format_count
from obslaws.report.html import link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from obslaws.panel import Panel
    from obslaws.report.sources import Origins

__all__ = ["forecast_table", "html_table", "members_table", "score", "sources_line", "sources_table"]


def score(value: Any) -> str:
    """Write a fraction with three digits, or a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:.3f}"


def html_table(
    frame: pd.DataFrame,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    links: pd.DataFrame | None = None,
    text: tuple[str, ...] = (),
) -> Markup:
    """Write a table.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The first column heads the rows.
    formats : mapping of str to callable, optional
        How the values of a column become text; `str` for the others, a dash for what is missing.
    links : DataFrame, optional
        Addresses of sources, rows as `frame`, any of its columns; missing for none.
    text : tuple of str
        Columns set to the left.

    Returns
    -------
    Markup
    """
    formats, columns = formats or {}, [str(c) for c in frame.columns]
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(_class(c in text), _breakable(c)) for c in columns
    )  # fmt: skip
    body = []
    for at, row in enumerate(frame.itertuples(index=False, name=None)):
        cells = []
        for k, (column, value) in enumerate(zip(columns, row, strict=True)):
            words = "–" if pd.isna(value) else formats.get(column, str)(value)
            url = None if links is None or column not in links else links[column].iloc[at]
            shown = _breakable(words) if k == 0 else words
            inner = link(shown, url) if isinstance(url, str) else Markup("<bdi>{}</bdi>").format(shown)
            if k == 0:
                cells.append(Markup('<th scope="row" class="name">{}</th>').format(inner))
            else:
                cells.append(Markup("<td{}>{}</td>").format(_class(column in text), inner))
        body.append(Markup("<tr>{}</tr>").format(Markup("").join(cells)))
    shell = (
        '<div class="scroll" tabindex="0" role="group" aria-label="Table: {}">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    )
    return Markup(shell).format(", ".join(columns), head, Markup("\n").join(body))


def members_table(
    panel: Panel, models: list[str], origins: Origins | None, most: int = 60, first: str | None = None
) -> Markup:
    """List models with size, tokens, date and scores; each number links to the source that told it.

    Parameters
    ----------
    panel : Panel
    models : list of str
        In the order wanted; the first `most` are shown, and the rest is counted below.
    origins : Origins, optional
        Without it nothing is linked.
    most : int
    first : str, optional
        Benchmark whose scores stand before those of the others; then those follow that most of the models have.

    Returns
    -------
    Markup
    """
    shown = models[:most]
    facts, scores = panel.models.loc[shown], panel.scores.loc[shown]
    titles: dict[Any, str] = {b: str(panel.benchmarks["title"][b]) for b in scores.columns}
    known: dict[Any, int] = scores.notna().sum().to_dict()
    seen = [b for b in scores.columns if known[b]]
    scores = scores[seen if first is None else sorted(seen, key=lambda b: (b != first, -known[b]))]
    frame = pd.DataFrame(
        {
            "model": shown,
            "parameters": facts["n_params"].to_numpy(),
            "tokens": facts["n_tokens"].to_numpy(),
            "released": [None if pd.isna(d) else d.date().isoformat() for d in facts["release_date"]],
            **{titles[b]: scores[b].to_numpy() for b in scores},
        }
    )
    formats = {"parameters": format_count, "tokens": format_count} | {titles[b]: score for b in scores}
    links = None
    if origins is not None:
        names = (("n_params", "parameters"), ("n_tokens", "tokens"), ("release_date", "released"))
        told = {label: origins.fact_urls(shown, name) for name, label in names if name in origins.facts}
        told |= {titles[b]: [origins.url(s) for s in origins.scores[b].loc[shown]] for b in scores}
        links = pd.DataFrame(told, dtype="object")
    rest = len(models) - len(shown)
    words = Markup('<p class="hint">and {} more</p>').format(rest) if rest else Markup("")
    if origins is None:
        return html_table(frame, formats, links) + words
    used = {*origins.scores.loc[shown].to_numpy().ravel(), *origins.facts.loc[shown].to_numpy().ravel()}
    return html_table(frame, formats, links) + words + sources_line(origins, used)


def forecast_table(answer: pd.DataFrame, panel: Panel, known: pd.Series | None = None) -> Markup:
    """List forecasts with their intervals, beside what is known.

    Parameters
    ----------
    answer : DataFrame
        From `Forecaster.forecast`, one model.
    panel : Panel
    known : Series, optional
        Measured score by benchmark.

    Returns
    -------
    Markup
    """
    level = answer["level"].iloc[0]
    frame = pd.DataFrame({"benchmark": [str(panel.benchmarks.loc[b, "title"]) for b in answer["benchmark"]]})
    if known is not None:
        frame["measured"] = known.reindex(answer["benchmark"]).to_numpy()
    frame["forecast"] = answer["forecast"].to_numpy()
    pairs = zip(answer["lower"], answer["upper"], strict=True)
    frame[f"{100 * level:g} % interval"] = [f"{score(low)} to {score(high)}" for low, high in pairs]
    frame["basis"] = answer["basis"].to_numpy()
    return html_table(frame, {"measured": score, "forecast": score}, text=("basis",))


def sources_table(manifest_sources: Mapping[str, Mapping[str, Any]]) -> Markup:
    """List the sources of a snapshot with their rows, day, revision, licence; the name links to the address."""
    rows = [
        {
            "source": key,
            "what": one.get("title"),
            "scores": one.get("scores"),
            "facts": one.get("facts"),
            "retrieved": one.get("retrieved"),
            "revision": _short(str(one.get("revision") or "–")),
            "licence": one.get("licence"),
            "citation": one.get("citation"),
        }
        for key, one in manifest_sources.items()
    ]
    links = pd.DataFrame({"source": [one.get("url") for one in manifest_sources.values()]})
    counts = dict.fromkeys(("scores", "facts"), lambda n: f"{n:,}")
    return html_table(pd.DataFrame(rows), counts, links, text=("what", "revision", "licence", "citation"))


def sources_line(origins: Origins, used: set[Any]) -> Markup:
    """Name sources of what a table shows, each with its licence; links without a web address lead here.

    Nothing where no source is known, as of models of the user's own.
    """
    items = []
    for source, told in origins.sources.items():
        if source in used:
            name = link(source, told.get("url"))
            words = Markup('<span id="source-{}">{}: {}; {}</span>')
            items.append(words.format(source, name, told["title"], told["licence"]))
    return Markup('<p class="hint">Sources. {}.</p>').format(Markup(". ").join(items)) if items else Markup("")


def _short(revision: str) -> str:
    """Cut digests of commits to what tells them from others; leave words alone."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]+\b", r"\1", revision)


def _breakable(name: str) -> Markup:
    """Let a long name go on in the next line after a slash or an underscore, or between two of its words."""
    return Markup("<wbr>").join(re.split(r"(?<=[/_])(?=.)|(?<=[a-z]{3})(?=[A-Z])", name))


def _class(left: bool) -> Markup:
    return Markup(' class="text"') if left else Markup("")
