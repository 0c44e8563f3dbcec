"""A figure that was drawn for a light page, recoloured for a dark one.

In: a matplotlib Figure. Out: the same with other colours; every mark keeps its shape, place and words.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import to_rgb, to_rgba, to_rgba_array
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from obslaws.report.style import DARK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["contrast", "darken", "night_colour"]

_GREY = 0.12  # saturation below which a colour is a grey
_LEGIBLE = 4.5  # contrast with the ground that small letters need
_FAINT = 0.2  # opacity below which a band vanishes on a dark ground


def darken(figure: Figure) -> Figure:
    """Recolour a light figure for a dark page.

    Parameters
    ----------
    figure : Figure
        Is changed. Cells of a heat map are the darker the paler they were, with numbers that can be read on them.

    Returns
    -------
    Figure
        The one given.
    """
    maps = {mesh.axes: mesh for mesh in figure.findobj(QuadMesh) if mesh.axes is not None}
    kept = {text for ax in maps for text in ax.texts}
    for ax, mesh in maps.items():
        _darken_cells(mesh, ax.texts)
    for artist in figure.findobj():
        if artist not in kept and not isinstance(artist, QuadMesh):
            _recolour(artist)
            alpha = artist.get_alpha()
            if isinstance(artist, Patch | Collection) and alpha is not None and alpha < _FAINT:
                artist.set_alpha(1.8 * alpha)
    return figure


def night_colour(colour: Any) -> tuple[float, float, float, float]:
    """Find the colour that stands for a light page's on a dark one.

    Parameters
    ----------
    colour : color
        Anything that matplotlib takes for one.

    Returns
    -------
    tuple of float
        Red, green, blue, opacity. Greys run the other way; others become lighter until they can be read.

    Examples
    --------
    >>> night_colour("white")[:3] == to_rgb(DARK.ground), night_colour("black")[:3] == to_rgb(DARK.ink)
    (True, True)
    """
    *rgb, alpha = to_rgba(colour)
    hue, light, saturation = colorsys.rgb_to_hls(*rgb)
    ground, ink = np.array(to_rgb(DARK.ground)), np.array(to_rgb(DARK.ink))
    if max(rgb) - min(rgb) < _GREY:
        red, green, blue = (1.0 - light) * ink + light * ground  # exact at both ends
        return float(red), float(green), float(blue), alpha
    while contrast(colorsys.hls_to_rgb(hue, light, saturation)) < _LEGIBLE and light < 1.0:
        light = min(1.0, light + 0.02)
    return (*colorsys.hls_to_rgb(hue, light, saturation), alpha)


def contrast(colour: Any, ground: Any = DARK.ground) -> float:
    """Contrast of two colours, from 1 (alike) to 21, as the Web Content Accessibility Guidelines 2.2 define it.

    Examples
    --------
    >>> round(contrast("white", "black"))
    21
    """
    low, high = sorted(_luminance(to_rgb(one)) for one in (colour, ground))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: tuple[float, float, float]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _recolour(artist: Artist) -> None:
    if isinstance(artist, Text):
        artist.set_color(night_colour(artist.get_color()))
        if artist.get_path_effects():
            artist.set_path_effects([withStroke(linewidth=2.2, foreground=DARK.ground)])
    elif isinstance(artist, Line2D):
        artist.set_color(_night(artist.get_color()))
        artist.set_markerfacecolor(_night(artist.get_markerfacecolor()))
        artist.set_markeredgecolor(_night(artist.get_markeredgecolor()))
    elif isinstance(artist, Patch):
        artist.set_facecolor(night_colour(artist.get_facecolor()))
        artist.set_edgecolor(night_colour(artist.get_edgecolor()))
    elif isinstance(artist, Collection):
        artist.update_scalarmappable()
        faces, edges = to_rgba_array(artist.get_facecolor()), to_rgba_array(artist.get_edgecolor())
        artist.set_array(None)  # colours are from here on as they stand
        artist.set_facecolor([night_colour(one) for one in faces])
        artist.set_edgecolor([night_colour(one) for one in edges])


def _darken_cells(mesh: QuadMesh, numbers: Iterable[Text]) -> None:
    """Turn the lightness of cells round, and write the numbers that stand in them in what can be read there."""
    mesh.update_scalarmappable()
    hls = [(colorsys.rgb_to_hls(*rgb), alpha) for *rgb, alpha in to_rgba_array(mesh.get_facecolor())]
    lowest = colorsys.rgb_to_hls(*to_rgb(DARK.ground))[1]
    cells = [
        (*colorsys.hls_to_rgb(h, max(1.0 - light, lowest), saturation), alpha) for (h, light, saturation), alpha in hls
    ]
    n_columns = np.shape(mesh.get_coordinates())[1] - 1
    mesh.set_array(None)  # colours are from here on as they stand
    mesh.set_facecolor(cells)
    mesh.set_edgecolor(DARK.ground)
    for text in numbers:
        column, row = (int(at) for at in text.get_position())
        cell = cells[row * n_columns + column][:3]
        text.set_color(DARK.ink if contrast(DARK.ink, cell) > contrast(DARK.ground, cell) else DARK.ground)


def _night(colour: Any) -> Any:
    return colour if isinstance(colour, str) and colour in ("none", "auto") else night_colour(colour)
