"""What a reproduction reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Finding", "table"]


@dataclass(frozen=True)
class Finding:
    """One published figure and ours.

    Parameters
    ----------
    quantity : str
        With its unit.
    published : float
        NaN where nothing was published.
    ours : float
    margin : float
        What the publication leaves open: its standard error, its rounding, or the bar named in `note`.
    note : str
        Where the margin comes from, or why the figure is missed.
    most : bool
        The published figure is an upper limit.
    """

    quantity: str
    published: float
    ours: float
    margin: float
    note: str = ""
    most: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether ours lies within the margin; None where nothing was published."""
        if np.isnan(self.published):
            return None
        if self.most:
            return bool(self.ours <= self.published)
        return bool(abs(self.ours - self.published) <= self.margin)


def table(name: str, findings: list[Finding]) -> pd.DataFrame:
    """Put findings into a table.

    Parameters
    ----------
    name : str
        Of the reproduction.
    findings : list of Finding

    Returns
    -------
    DataFrame
        reproduction, quantity, published, margin, ours, holds, note.
    """
    rows: list[dict[str, Any]] = [
        {
            "reproduction": name,
            "quantity": f.quantity,
            "published": f.published,
            "margin": np.nan if f.most else f.margin,
            "ours": f.ours,
            "holds": f.holds,
            "note": f.note,
        }
        for f in findings
    ]
    return pd.DataFrame(rows)
