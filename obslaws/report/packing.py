"""Numbers as a page takes them: plain lists, and packed words where there are many.

Called by the explorer's export. Nothing is drawn at random, so the same fit gives the same page.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["cell", "packed", "plain"]


def packed(values: Array) -> dict[str, Any]:
    """Fixed-point numbers of 32 bits: 2e-10 of the largest is the most that is lost, at half the size of text."""
    scale = float(np.abs(values).max(initial=0.0)) / (2.0**31 - 1.0) or 1.0
    words = np.round(values / scale).astype("<i4")
    return {"scale": scale, "words": base64.b64encode(words.tobytes()).decode("ascii")}


def plain(values: Array) -> list[float]:
    """Numbers to twelve digits."""
    return [float(f"{v:.12g}") for v in values]


def cell(value: Any) -> Any:
    """Give one value of a table as JSON knows it; None for what is missing."""
    if value is None or value is pd.NA or value != value:
        return None
    return value.item() if hasattr(value, "item") else value if isinstance(value, (int, float, bool)) else str(value)
