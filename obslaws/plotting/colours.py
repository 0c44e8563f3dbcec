"""Colours of all pictures: seaborn's colour-blind-safe palette; every mark also differs in shape."""

from __future__ import annotations

import seaborn as sns
from matplotlib.patheffects import withStroke

__all__ = ["COLOURS", "HALO", "PALETTE"]

PALETTE = sns.color_palette("colorblind")
COLOURS = {"family": PALETTE[0], "forecast": PALETTE[3], "others": (0.55, 0.55, 0.55), "floor": (0.35, 0.35, 0.35)}
HALO = [withStroke(linewidth=2.2, foreground="white")]
