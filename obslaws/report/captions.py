"""One line that says where the data of a table or a figure come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from obslaws._version import __version__
from obslaws.quantities import counted

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["data_caption"]


def data_caption(panel: Panel) -> str:
    """Name snapshot, newest model, view and version, or the folder of a user's own panel.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    str
        One line.
    """
    told, last = panel.provenance, pd.to_datetime(panel.models["release_date"]).max()
    newest = "" if pd.isna(last) else f", models released to {last:%Y-%m}"
    if "snapshot" in told:
        place = f"snapshot {told['snapshot']} ({told['hash']}){newest}, view {panel.name}"
    else:
        place = f"panel folder {told.get('folder', panel.name)}{newest}"
    for folder, n_added in told.get("added", ()):
        place += f" and {counted(n_added, 'model')} of folder {folder}"
    n_models, n_benchmarks = panel.scores.shape
    return f"{place}, {counted(n_models, 'model')} x {counted(n_benchmarks, 'benchmark')}, obslaws {__version__}"
