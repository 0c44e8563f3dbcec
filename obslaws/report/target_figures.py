"""Pictures of downstream targets: score against capability, compute or size, one panel per target and predictor."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from obslaws.quantities import format_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from obslaws.outcomes import Outcome

__all__ = ["target_figure"]

_WORDS = {
    "train": "training models",
    "test": "held-out models",
    "curve": "law",
    "interval": "interval of a held-out model",
    "guessing": "guessing",
}


def target_figure(outcomes: Sequence[Sequence[Outcome]], caption: str = "") -> Figure:
    """Draw laws with the models that they were fitted to and those that were held out.

    Parameters
    ----------
    outcomes : sequence of sequence of Outcome
        One row per predictor, the same targets in each: rows and columns of the picture; a single row is wrapped.
    caption : str
        Said above the panels.

    Returns
    -------
    Figure
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    from obslaws.plotting import score_against_position

    flat = [one for row in outcomes for one in row]
    n_columns = len(outcomes[0]) if len(outcomes) > 1 else min(4, len(flat))
    n_rows = -(-len(flat) // n_columns)
    height = 2.7 * n_rows + 1.0
    with sns.axes_style("ticks", {"axes.grid": True, "grid.color": "0.93"}), sns.plotting_context("paper"):
        figure = Figure(figsize=(max(6.0, 3.3 * n_columns), height), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax, one in zip(axes.flat, flat, strict=False):
            points = one.predictions
            score_against_position(
                ax, points, one.axis, one.low * one.unit, one.axis.endswith(("(FLOP)", "(count)")),
                "fraction" if one.unit == 1 else f"of {one.unit:g}",
            )  # fmt: skip
            told = one.summary()
            ax.set_title(format_name(one.target, 34), loc="left", fontsize=9, fontweight="bold")
            who = f"{told['predictor']}: " if len(outcomes) > 1 else ""
            ax.text(
                0.03, 0.96, f"{who}error {told['train_mse']:.1e}, held out {told['test_mse']:.1e}",
                transform=ax.transAxes, va="top", fontsize=7.5, color="0.3",
            )  # fmt: skip
            top = max(points["score"].max(), points.loc[points["part"] == "test", "upper"].max())
            ax.set_ylim(min(-0.02 * one.unit, points["score"].min()), 1.18 * top)
        for ax in axes.flat[len(flat) :]:
            ax.remove()
        _legend(figure, axes.flat[: len(flat)], caption, height)
    return figure


def _legend(figure: Figure, axes: Any, caption: str, height: float) -> None:
    engine: Any = figure.get_layout_engine()
    told = textwrap.wrap(caption.replace("$", r"\$"), int(14 * figure.get_figwidth()))
    engine.set(rect=(0, 0, 1, 1 - (0.12 + 0.16 * len(told)) / height))
    figure.text(0.01, 1 - 0.06 / height, "\n".join(told), fontsize=8, color="0.3", va="top")
    found: dict[str, Any] = {}
    for ax in axes:
        found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    shown = [word for word in _WORDS if word in found]
    labels = [_WORDS[word] for word in shown]
    figure.legend([found[word] for word in shown], labels, loc="outside lower left", ncols=5, frameon=False, fontsize=8)
