"""All diagnostics of all benchmarks in one table."""

from __future__ import annotations

import pandas as pd

from obslaws.diagnostics.emergence import emergence_table
from obslaws.diagnostics.predictability import predictability_table
from obslaws.diagnostics.trends import trend_table
from obslaws.panel import Panel

__all__ = ["diagnose"]


def diagnose(panel: Panel, rate: float = 0.1) -> pd.DataFrame:
    """Diagnose every benchmark of a panel.

    Parameters
    ----------
    panel : Panel
        A view, the user's own, or `obslaws.diagnostics.table.everything`.
    rate : float
        False-discovery rate of the trends.

    Returns
    -------
    DataFrame, one row per benchmark
        Columns of `trend_table`, of `emergence_table` (missing for ratings and the like) and of `predictability_table`.
    """
    out = trend_table(panel, rate)
    for part in (emergence_table(panel), predictability_table(panel)):
        fresh = [c for c in part.columns if c == "benchmark" or c not in out.columns]
        out = out.merge(part[fresh], on="benchmark", how="left")
    return out
