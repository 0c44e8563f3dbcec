"""Where each number of a panel comes from, for pages that link it to its source.

In: a `Panel` that a view made of a snapshot. Out: source ids per cell and per covariate, and what the snapshot's
manifest says of each source. A panel of the user's own has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from obslaws.snapshot import load_snapshot
from obslaws.views import view_measurements

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["Origins", "panel_origins"]

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
    """

    scores: pd.DataFrame
    facts: pd.DataFrame
    sources: dict[str, dict[str, Any]] = field(repr=False)

    def url(self, source: object) -> str | None:
        """Address of a source; a place on the page itself where it has none; None where the source is not known."""
        if source is None or source != source or str(source) not in self.sources:
            return None
        return self.sources[str(source)].get("url") or f"#source-{source}"


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
    return Origins(cells.astype("object"), facts.astype("object"), dict(data.manifest["sources"]))
