"""One look for every figure of a report: colours that colour-blind readers tell apart, on a light or a dark page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "compute_axis",
    "count_axis",
    "figure_style",
    "foot",
    "in_the_dark",
    "legend_above",
]


@dataclass(frozen=True)
class Palette:
    """Colours by what they stand for, as hexadecimal RGB; the same as in ``templates/style.css``."""

    ground: str
    ink: str
    quiet: str
    grid: str
    dots: str
    family: str
    forecast: str
    others: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """Colours of things of equal rank, in order."""
        return (self.family, self.forecast, *self.others)


LIGHT = Palette(
    "#ffffff", "#16191d", "#565d67", "#e4e7eb", "#8b929c", "#0173b2", "#c44e00",
    ("#017a58", "#a3489a", "#8a6100", "#56b4e9"),
)  # fmt: skip
DARK = Palette(
    "#14171b", "#e8eaed", "#a6adb8", "#2c323a", "#7b8491", "#56b4e9", "#ff9a4d",
    ("#2fc598", "#e39ad9", "#ddb04a", "#c9d1db"),
)  # fmt: skip
_PLAIN = ("ground", "ink", "quiet", "grid", "dots", "family", "forecast")


@contextmanager
def figure_style(dark: bool = False) -> Iterator[Palette]:
    """Draw in the common style.

    Parameters
    ----------
    dark : bool
        For a dark page.

    Yields
    ------
    Palette
        The colours to use.
    """
    import matplotlib as mpl

    palette = DARK if dark else LIGHT
    settings: Any = {
        "figure.facecolor": palette.ground,
        "axes.facecolor": palette.ground,
        "savefig.facecolor": palette.ground,
        "text.color": palette.ink,
        "axes.labelcolor": palette.quiet,
        "axes.edgecolor": palette.quiet,
        "axes.titlecolor": palette.ink,
        "xtick.color": palette.quiet,
        "ytick.color": palette.quiet,
        "grid.color": palette.grid,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.1,  # inches: a title keeps clear of the labels above it
    }
    with mpl.rc_context(settings):
        yield palette


def in_the_dark(svg: str) -> str:
    """Exchange the colours of a light SVG by those of the dark palette.

    Examples
    --------
    >>> in_the_dark('<path style="fill: #0173b2"/>')
    '<path style="fill: #56b4e9"/>'
    """
    plain = [getattr(LIGHT, name) for name in _PLAIN], [getattr(DARK, name) for name in _PLAIN]
    pairs = dict(zip([*plain[0], *LIGHT.others], [*plain[1], *DARK.others], strict=True))
    return re.sub("|".join(pairs), lambda found: pairs[found[0]], svg)


def legend_above(figure: Figure, handles: Sequence[Any], labels: Sequence[str], most: int = 6) -> None:
    """Say above a figure what its signs are, in as many columns as its width holds, at most `most`.

    A sign inside an axes could be taken for a measurement.
    """
    for columns in range(min(most, len(labels)), 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
            return
        legend.remove()


def foot(figure: Figure, caption: str, palette: Palette) -> None:
    """Write below a figure where its data come from."""
    if caption:
        lines = textwrap.wrap(caption.replace("$", r"\$"), int(15 * figure.get_figwidth()))
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color=palette.quiet)


def compute_axis(ax: Axes) -> None:
    """Make x a logarithmic axis of training compute."""
    from matplotlib.ticker import LogLocator, NullLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10, numticks=7))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("training compute (FLOP)")


def count_axis(ax: Axes, axis: str, label: str) -> None:
    """Make an axis logarithmic with counts as people write them: 7B, 18T."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from obslaws.quantities import format_count

    getattr(ax, f"set_{axis}scale")("log")
    one = getattr(ax, f"{axis}axis")
    one.set_major_locator(LogLocator(base=10, subs=(1.0, 3.0), numticks=9))
    one.set_minor_locator(NullLocator())
    one.set_major_formatter(FuncFormatter(lambda count, _: format_count(count, 1)))
    getattr(ax, f"set_{axis}label")(label)
