"""How to spend compute: size and tokens that serve a basket of benchmarks, or a skill, best, and how sure that is.

In: a fitted skill forecaster, a budget, a basket. Out: optimal sizes and tokens with bands from posterior draws, the
range that loses next to nothing, and warnings where the optimum is not one. What is asked of benchmarks does not
depend on the rotation of the skills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.quantities import format_count, format_flop
from obslaws.questions.setting import known_dates, score_draws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.questions.setting import Setting
    from obslaws.skill.interpretation import NamedSkills

    Array = NDArray[np.float64]

__all__ = ["Plan", "budget_line", "compute_optimal"]

_NEAR = 0.005  # half a point is less than what two measurements of one model differ by


@dataclass(frozen=True)
class Plan:
    """Compute-optimal sizes and tokens.

    Parameters
    ----------
    targets : DataFrame
        A row per target (the basket, each of its benchmarks, each skill): target, kind, n_params, n_params_lower,
        n_params_upper, n_tokens, n_tokens_lower, n_tokens_upper (credible intervals of the optimum), near_lower,
        near_upper (sizes that lose at most half a point; NaN for skills), value (expected score, or skill in standard
        deviations against the middle of the line), at_boundary, share_at_boundary (of draws), p_concave (probability
        that an inner optimum exists at all), flag.
    line : DataFrame
        The budget line: n_params, n_tokens, and value, lower, upper of the first target.
    notes : tuple of str
        What to know before acting on it.
    """

    targets: pd.DataFrame
    line: pd.DataFrame
    notes: tuple[str, ...]


def budget_line(
    panel_models: pd.DataFrame, flop: float, inference_tokens: float = 0.0, n_points: int = 241
) -> tuple[Array, Array]:
    """Sizes and tokens that a budget buys within what the data cover: ``flop = 6 N D + 2 N I``.

    Parameters
    ----------
    panel_models : DataFrame
        Covariates; its sizes, tokens, and tokens per parameter are the limits.
    flop : float
        Training and inference together, FLOP.
    inference_tokens : float
        I, tokens that the model will process after training; 2 N FLOP each (Kaplan et al. 2020, section 2.1).
    n_points : int

    Returns
    -------
    tuple of ndarray
        Active parameters and training tokens, each of shape (n_points,), sizes ascending.

    Raises
    ------
    UsageError
        The budget buys nothing inside the data, or a count makes no sense.
    """
    if not (flop > 0 and np.isfinite(flop)):
        raise UsageError(f"flop is {flop:g}; expected a positive, finite budget, e.g. 1e24.")
    if not (inference_tokens >= 0 and np.isfinite(inference_tokens)):
        raise UsageError(f"inference tokens are {inference_tokens:g}; expected 0 or more.")
    known = panel_models[["n_active_params", "n_tokens"]].dropna()
    if len(known) < 2:
        raise UsageError("The panel tells size and tokens of fewer than 2 models: nothing bounds a plan.")
    (low, high), (few, many) = (
        (float(known[name].min()), float(known[name].max())) for name in ("n_active_params", "n_tokens")
    )
    ratio = known["n_tokens"] / known["n_active_params"]
    thrifty, lavish = (_size_at(r, flop, inference_tokens) for r in (float(ratio.max()), float(ratio.min())))
    smallest = max(low, flop / (6.0 * many + 2.0 * inference_tokens), thrifty)
    largest = min(high, flop / (6.0 * few + 2.0 * inference_tokens), lavish)
    if smallest >= largest:
        raise UsageError(
            f"{format_flop(flop)} buys no model inside the data: {format_count(low)} to {format_count(high)} active "
            f"parameters, {format_count(few)} to {format_count(many)} tokens, {ratio.min():.2g} to {ratio.max():.2g} "
            "tokens per parameter. Choose a budget that some model of the panel could have had."
        )
    size = np.geomspace(smallest, largest, n_points)
    return size, np.clip((flop / size - 2.0 * inference_tokens) / 6.0, few, many)


def _size_at(ratio: float, flop: float, inference_tokens: float) -> float:
    """Size at which the budget buys `ratio` tokens per parameter: 6 r N^2 + 2 N I = flop."""
    return float((np.sqrt(inference_tokens**2 + 6.0 * ratio * flop) - inference_tokens) / (6.0 * ratio))


def compute_optimal(
    model: SkillForecaster,
    setting: Setting,
    flop: float,
    basket: Mapping[str, float],
    inference_tokens: float = 0.0,
    level: float = 0.9,
    skills: NamedSkills | None = None,
    n_draws: int = 600,
    seed: int = 0,
) -> Plan:
    """Find the size and tokens of a budget that serve a basket, its benchmarks and the skills best.

    Parameters
    ----------
    model : SkillForecaster
        Fitted.
    setting : Setting
        Family, variant and date.
    flop : float
        Training and inference together.
    basket : mapping of str to float
        Weights of benchmarks, summing to 1; what is maximised is the weighted mean of expected scores.
    inference_tokens : float
    level : float
        Of the credible intervals.
    skills : NamedSkills, optional
        Also plan for each of these.
    n_draws, seed : int

    Returns
    -------
    Plan

    References
    ----------
    .. [1] Maia Polo et al. (2024), Sloth, arXiv 2412.06540v5: compute-optimal scaling, there without intervals.
    """
    panel = model.panel_
    size, tokens = budget_line(panel.models, flop, inference_tokens)
    queries = setting.queries(size, tokens)
    columns = list(panel.scores.columns)
    at = np.array([columns.index(name) for name in basket])
    weights = np.array(list(basket.values()))
    scores, product = score_draws(model, setting, queries, at, n_draws, seed)
    targets = [("basket", "basket", scores @ weights, product @ weights)] if len(at) > 1 else []
    targets += [(name, "benchmark", scores[:, :, i], product[:, i]) for i, name in enumerate(basket)]
    if skills is not None:
        x, p = model.scale_.apply(known_dates(model, queries))[0], skills.coefficients.shape[1]
        along = np.einsum("np,spk->snk", x - x[len(x) // 2], skills.coefficients)
        product = skills.coefficients[:, p - 1] if model.scale_.used[-1] else 0.0 * skills.coefficients[:, 0]
        targets += [(name, "skill", along[:, :, k], product[:, k]) for k, name in enumerate(skills.names)]
    rows = [_optimum(name, kind, values, inner, size, tokens, level) for name, kind, values, inner in targets]
    frame = pd.DataFrame(rows)
    first = targets[0][2]
    line = pd.DataFrame({
        "n_params": size,
        "n_tokens": tokens,
        "value": first[0],
        "lower": np.quantile(first[1:], (1 - level) / 2, axis=0),
        "upper": np.quantile(first[1:], (1 + level) / 2, axis=0),
    })  # fmt: skip
    return Plan(frame, line, tuple(_notes(model, setting, flop, frame, line)))


def _optimum(
    name: str, kind: str, values: Array, product: Array, size: Array, tokens: Array, level: float
) -> dict[str, object]:
    best, drawn = int(np.argmax(values[0])), np.argmax(values[1:], axis=1)
    shares = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    low, high = np.quantile(size[drawn], shares)
    few, many = np.quantile(tokens[drawn], shares)
    ends = (0, len(size) - 1)
    near = size[values[0] >= values[0, best] - _NEAR] if kind != "skill" else np.array([np.nan])
    concave = float((product[1:] > 0).mean())
    unsure = (1.0 - level) / 2.0 < concave < (1.0 + level) / 2.0
    flags = []
    if best in ends:
        flags.append(f"boundary ({'smallest' if best == 0 else 'largest'} size)")
    if unsure:
        flags.append("interaction not identified")
    elif concave < 0.5:
        flags.append("no inner optimum")
    if high / low > 100.0:
        flags.append("interval spans the data")
    return {
        "target": name, "kind": kind,
        "n_params": size[best], "n_params_lower": low, "n_params_upper": high,
        "n_tokens": tokens[best], "n_tokens_lower": few, "n_tokens_upper": many,
        "near_lower": near.min(), "near_upper": near.max(), "value": values[0, best],
        "at_boundary": best in ends, "share_at_boundary": float(np.isin(drawn, ends).mean()),
        "p_concave": concave, "flag": "; ".join(flags),
    }  # fmt: skip


def _notes(
    model: SkillForecaster, setting: Setting, flop: float, targets: pd.DataFrame, line: pd.DataFrame
) -> list[str]:
    models = model.panel_.models
    notes = []
    beyond = models["train_flop"].max()
    if flop > beyond:
        notes.append(
            f"{format_flop(flop)} is more than any model of the panel took ({format_flop(beyond)}): extrapolated."
        )
    at_edge = targets.loc[targets["at_boundary"], "target"].tolist()
    if at_edge:
        notes.append(
            f"At the edge of the data ({format_count(line['n_params'].iloc[0])} to "
            f"{format_count(line['n_params'].iloc[-1])} at this budget), a limit and no optimum: {', '.join(at_edge)}."
        )
    unsure = targets.loc[targets["flag"].str.contains("not identified"), "target"].tolist()
    if unsure:
        notes.append(
            "The data do not tell whether growing size and tokens together pays more than either alone for "
            f"{', '.join(unsure)}: that term alone makes an inner optimum."
        )
    if setting.n_members:
        sizes = models.loc[models["family"] == setting.family, "n_tokens"].dropna().unique()
        if len(sizes) == 1:
            notes.append(
                f"All known models of {setting.family} saw {format_count(float(sizes[0]))} tokens: what they bring is "
                "taken from other families."
            )
    return notes
