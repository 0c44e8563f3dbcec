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
from obslaws.quantities import counted, format_count, format_flop
from obslaws.questions.setting import known_dates, score_draws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.questions.setting import Setting
    from obslaws.skill.interpretation import NamedSkills

    Array = NDArray[np.float64]

__all__ = ["Plan", "budget_line", "compute_optimal"]

_ALIKE = 3.0  # times a budget, or a part of it: about the same compute
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
        The budget line: n_params, n_tokens, value, lower, upper of the first target, and usual (whether models of about
        this compute have had such sizes and tokens).
    notes : tuple of str
        What to know before acting on it.
    """

    targets: pd.DataFrame
    line: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def advised(self) -> pd.Series:
        """Point of the budget line to look at first: the first target's best among what models have had."""
        line = self.line[self.line["usual"]] if self.line["usual"].any() else self.line
        return line.iloc[int(line["value"].argmax())]

    def in_short(self) -> list[str]:
        """Say of the first target what to rely on: sizes that lose next to nothing, and what models have had."""
        best, advised = self.targets.iloc[0], self.advised
        ends = (self._point(best["near_lower"]), self._point(best["near_upper"]))
        within = f"{ends[0]} to {ends[1]} is expected within half a point of the best for {best['target']}"
        lower = best["value"] - advised["value"]
        if best["at_boundary"]:
            lines = [f"{within}, but that is where the data end: a limit, and no advice to go there."]
        else:
            lines = [f"Any size from {within}: choose among these by other needs, smaller ones are cheaper to run."]
        if self.line["usual"].any() and (best["at_boundary"] or lower > _NEAR):
            short = f"{100 * lower:.1f} points lower" if lower > _NEAR else "within half a point of that"
            lines.append(
                "Among sizes and tokens that models of about this compute have had, "
                f"{self._point(advised['n_params'])} is expected best, {short}."
            )
        elif "not identified" in best["flag"] and not best["at_boundary"]:
            lines.append("Rely on that range, not on one best size: the data do not settle where in it the best is.")
        return lines

    def _point(self, n_params: float) -> str:
        x, y = np.log(self.line["n_params"]), np.log(self.line["n_tokens"])
        tokens = float(np.exp(np.interp(np.log(n_params), x, y)))
        return f"{format_count(n_params)} on {format_count(tokens)} tokens"


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
        if inference_tokens and (serving := 2.0 * low * inference_tokens) >= flop:
            raise UsageError(
                f"{format_flop(flop)} is spent on inference alone: {format_count(inference_tokens)} tokens take "
                f"{format_flop(serving)} with the smallest model of the panel, {format_count(low)} active parameters. "
                "Lower the tokens of inference or raise the budget."
            )
        raise UsageError(
            f"{format_flop(flop)} buys no model inside the data: {format_count(low)} to {format_count(high)} active "
            f"parameters, {format_count(few)} to {format_count(many)} tokens, {ratio.min():.2g} to {ratio.max():.2g} "
            f"tokens per parameter. {_budget_cure(panel_models, flop)}"
        )
    size = np.geomspace(smallest, largest, n_points)
    return size, np.clip((flop / size - 2.0 * inference_tokens) / 6.0, few, many)


def _budget_cure(models: pd.DataFrame, flop: float) -> str:
    if flop < 100 and float(flop).is_integer():
        return f"Did you mean 1e{flop:.0f}?"
    took = models["train_flop"].dropna()
    asked = "Choose a budget that some model of the panel could have had"
    return f"{asked}: they took {format_flop(took.min())} to {format_flop(took.max())}." if len(took) else f"{asked}."


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
    line["usual"] = _usual(line, _alike(panel.models, flop))
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


def _alike(models: pd.DataFrame, flop: float) -> pd.DataFrame:
    """Sizes and tokens of models that took about this compute."""
    near = models["train_flop"].between(flop / _ALIKE, flop * _ALIKE)
    return models.loc[near, ["n_active_params", "n_tokens"]].dropna().set_axis(["n_params", "n_tokens"], axis=1)


def _usual(points: pd.DataFrame, alike: pd.DataFrame) -> pd.Series:
    """Tell which points lie within the sizes and the tokens of models that took about this compute."""
    inside = [points[name].between(alike[name].min(), alike[name].max()) for name in ("n_params", "n_tokens")]
    return inside[0] & inside[1]


def _practice(targets: pd.DataFrame, alike: pd.DataFrame) -> str:
    if alike.empty:
        return "No model of the panel took about this compute, a third to three times: nothing checks this plan."
    size, tokens = (f"{format_count(alike[c].min())} to {format_count(alike[c].max())}" for c in alike)
    outside = ", ".join(targets.loc[~_usual(targets, alike), "target"])
    who = counted(len(alike), "model")
    text = f"{who} of the panel took about this compute, a third to three times: {size} active parameters on {tokens}"
    return f"{text} tokens. Optima outside of that: {outside}." if outside else f"{text} tokens."


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
            f"Interaction not identified for {', '.join(unsure)}: the data do not tell whether growing size and tokens "
            "together pays more than either alone, and that decides where on the budget the best lies."
        )
    notes.append(_practice(targets, _alike(models, flop)))
    if setting.n_members:
        sizes = models.loc[models["family"] == setting.family, "n_tokens"].dropna().unique()
        if len(sizes) == 1:
            notes.append(
                f"All known models of {setting.family} saw {format_count(float(sizes[0]))} tokens: what they bring is "
                "taken from other families."
            )
    return notes
