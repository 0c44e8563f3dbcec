"""Names at the ends of lines, written where they do not cover one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from obslaws.plotting.colours import HALO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["name_lines"]

_RIGHT = 4.0  # points from the end of a line to its name
_LINE, _LETTER = 1.25, 0.58  # height of a line of text and width of a letter, as shares of the size of the font
_SHIFTS = (0.0, 1.0, -1.0, 2.0, -2.0)  # up or down, in heights


def name_lines(ax: Axes, names: Iterable[tuple[str, float, float, dict[str, Any]]], fontsize: float) -> list[Text]:
    """Write names to the right of points, the first ones first; the others give way, up or down, or are left out.

    Parameters
    ----------
    ax : Axes
        With its scales and limits as they will be.
    names : iterable of (str, float, float, dict)
        Words, where the line ends in data coordinates, and settings of the text.
    fontsize : float
        Points.

    Returns
    -------
    list of Text
        Of the names that were written.
    """
    per_point = ax.figure.dpi / 72.0
    height, taken = _LINE * fontsize, np.empty((0, 4))
    out: list[Text] = []
    for words, x, y, settings in names:
        left, middle = ax.transData.transform((x, y)) / per_point
        left += _RIGHT
        for shift in _SHIFTS:
            low = middle + (shift - 0.5) * height
            box = np.array([left, low, left + _LETTER * fontsize * len(words), low + height])
            apart = (box[:2] >= taken[:, 2:]) | (box[2:] <= taken[:, :2])
            if apart.any(axis=1).all():
                taken = np.vstack([taken, box])
                out.append(
                    ax.annotate(
                        words, (x, y), xytext=(_RIGHT, shift * height), textcoords="offset points", va="center",
                        fontsize=fontsize, path_effects=HALO, **settings,
                    )
                )  # fmt: skip
                break
    return out
