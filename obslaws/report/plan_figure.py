"""A plan as a picture: level curves over size and tokens with the budget line, and the score along that line.

In: a plan and a surface of expected scores. Out: a matplotlib Figure. Called by the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from obslaws.quantities import format_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from obslaws.questions.plan import Plan

__all__ = ["plan_figure"]


def plan_figure(
    plan: Plan, surface: pd.DataFrame, models: pd.DataFrame, family: str, level: float, caption: str
) -> Figure:
    """Draw a plan.

    Parameters
    ----------
    plan : Plan
    surface : DataFrame
        Columns n_params, n_tokens, value on a grid; see `obslaws.questions.skills.level_surface`.
    models : DataFrame
        Covariates of the panel, drawn as dots: where the data are.
    family : str
    level : float
    caption : str

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    from obslaws.plotting import budget_curve, level_curves

    figure = Figure(figsize=(10.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.1, 1.0])
    grid = surface.pivot(index="n_tokens", columns="n_params", values="value")
    known = models[["n_active_params", "n_tokens"]].dropna().rename(columns={"n_active_params": "n_params"})
    level_curves(left, grid, known, plan.line, plan.targets.head(1))
    budget_curve(right, plan.line, plan.targets.head(1), level)
    name = plan.targets["target"].iloc[0]
    left.set_title(
        f"Expected score (fraction): {format_name(name)}, {format_name(family.strip('()'))}", fontsize=10, loc="left"
    )
    right.set_title("Along the budget line", fontsize=10, loc="left")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8, loc="best")
    figure.supxlabel(caption.replace("$", r"\$"), fontsize=8, color="0.35", x=0.01, ha="left")
    return figure
