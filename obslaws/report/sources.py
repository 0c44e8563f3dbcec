"""Where each number of a panel comes from, for pages that link it to its source.

In: a `Panel` that a view made of a snapshot. Out: source ids per cell and per covariate, and what the snapshot's
manifest says of each source. A panel of the user's own has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from obslaws.snapshot import load_snapshot
from obslaws.views import view_measurements

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["Origins", "document_url", "panel_origins"]

_FACTS = ("n_params", "n_tokens", "release_date")


@dataclass(frozen=True)
class Origins:
    """Sources of a panel.

    Parameters
    ----------
    scores : DataFrame of shape (n_models, n_benchmarks)
        Source id of each score; missing where there is no score.
    facts : DataFrame of shape (n_models, 3)
        Source id of n_params, n_tokens and release_date.
    sources : dict of str to dict
        Source id -> title, url, licence, retrieved, citation, as in the manifest.
    documents : DataFrame of shape (n_models, 3)
        Address of the document that a fact's source names for it; missing where it names none.
    """

    scores: pd.DataFrame
    facts: pd.DataFrame
    sources: dict[str, dict[str, Any]] = field(repr=False)
    documents: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def url(self, source: object) -> str | None:
        """Address of a source; a place on the page itself where it has none; None where the source is not known."""
        if source is None or source != source or str(source) not in self.sources:
            return None
        url = str(self.sources[str(source)].get("url"))
        return url if url.startswith(("https://", "http://")) else f"#source-{source}"

    def fact_urls(self, models: list[str], name: str) -> list[str | None]:
        """Addresses of one fact of some models: the document that tells it, else its source."""
        documents = self.documents[name].reindex(models) if name in self.documents else [None] * len(models)
        told = zip(documents, self.facts.loc[models, name], strict=True)
        return [document if isinstance(document, str) else self.url(source) for document, source in told]


def panel_origins(panel: Panel, snapshot: str | None = None) -> Origins | None:
    """Find the sources of a panel.

    Parameters
    ----------
    panel : Panel
    snapshot : str, optional
        What the panel was loaded with; the day in its provenance by default.

    Returns
    -------
    Origins or None
        None for a panel that no snapshot made: a folder of the user's, or a frozen matrix.
    """
    if "snapshot" not in panel.provenance:
        return None
    data = load_snapshot(snapshot or panel.provenance["snapshot"])
    rows = view_measurements(panel.name, data)
    rows = rows[rows["picked"]]
    cells = rows.pivot(index="model", columns="benchmark", values="source").reindex_like(panel.scores)
    known = data.models.set_index("model").reindex(panel.models.index)
    facts = pd.DataFrame({name: known[f"{name}_source"] for name in _FACTS if f"{name}_source" in known})
    documents = pd.DataFrame({name: _documents(data.facts, str(name), facts[name]) for name in facts})
    return Origins(cells.astype("object"), facts.astype("object"), dict(data.manifest["sources"]), documents)


def document_url(document: object) -> str | None:
    """Find the web address in what a source calls its document: bare, or in angle brackets after a title.

    Examples
    --------
    >>> document_url("A report <https://example.org/a>")
    'https://example.org/a'
    """
    found = re.search(r"https?://[^\s<>]+", document) if isinstance(document, str) else None
    return found[0] if found else None


def _documents(claims: pd.DataFrame, name: str, sources: pd.Series) -> pd.Series:
    """Address of the document behind one fact of each model, from the source that the snapshot believes."""
    rows = claims[claims["attribute"].astype("str") == name].astype({"model": "str", "source": "str"})
    rows = rows[rows["source"] == rows["model"].map(sources).astype("str")].drop_duplicates("model")
    return rows.set_index("model")["document"].map(document_url).reindex(sources.index).astype("object")
