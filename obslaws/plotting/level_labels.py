"""Numbers on level lines, written where nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.contour import ContourSet
    from matplotlib.text import Text
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["label_levels"]

_RIM = 0.05  # of width and height: a number nearer to the frame would be cut
_CLEAR = 0.05  # of the width: half a number and some air
_APART = 0.09  # of the width, from one number to the next
_SPOTS = 60  # along a line


def label_levels(ax: Axes, drawn: ContourSet, points: Array, fontsize: float) -> Sequence[Text]:
    """Write the level on each line, off the frame, off the points and off other numbers; nowhere if there is no room.

    Parameters
    ----------
    ax : Axes
        With its scales and limits as they will be.
    drawn : ContourSet
        Level lines in `ax`.
    points : ndarray of shape (n_points, 2)
        Marks to keep clear of, in data coordinates.
    fontsize : float

    Returns
    -------
    sequence of Text
    """
    aspect = ax.bbox.height / ax.bbox.width
    taken = _shares(ax, points[np.isfinite(points).all(axis=1)]) * [1.0, aspect]
    numbers = np.empty((0, 2))
    chosen = []
    for path in drawn.get_paths():
        parts = [_along(_shares(ax, np.asarray(line))) for line in path.to_polygons(closed_only=False)]
        at = np.concatenate([np.empty((0, 2)), *parts])
        at = at[((at > _RIM) & (at < 1.0 - _RIM)).all(axis=1)]
        if not len(at):
            continue
        spots = at * [1.0, aspect]
        free = np.minimum(_distance(spots, taken) / _CLEAR, _distance(spots, numbers) / _APART)
        if free.max() < 1.0:
            continue
        free_at = np.flatnonzero(free >= 1.0)
        best = int(free_at[np.abs(free_at - len(at) // 2).argmin()])
        numbers = np.vstack([numbers, spots[best]])
        chosen.append(tuple(ax.transData.inverted().transform(ax.transAxes.transform(at[best]))))
    if not chosen:
        return []
    told: Any = ax.clabel(drawn, fontsize=fontsize, fmt="%.2f", manual=chosen)
    return list(told)


def _shares(ax: Axes, points: Array) -> Array:
    """Turn data coordinates into shares of width and height."""
    if not len(points):
        return np.empty((0, 2))
    return np.asarray(ax.transAxes.inverted().transform(ax.transData.transform(points)))


def _along(line: Array) -> Array:
    """Spots along a line, evenly spaced."""
    done = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    spots = np.linspace(0.0, done[-1], _SPOTS)
    return np.column_stack([np.interp(spots, done, line[:, 0]), np.interp(spots, done, line[:, 1])])


def _distance(spots: Array, marks: Array) -> Array:
    """Distance from each spot to the nearest mark; infinite where there is none."""
    if not len(marks):
        return np.full(len(spots), np.inf)
    return np.asarray(np.hypot(*(spots[:, None] - marks[None]).transpose(2, 0, 1)).min(axis=1))
