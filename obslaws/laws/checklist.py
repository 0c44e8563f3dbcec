"""The report that every fit can print: what was fitted, on what, how, and how sensitive the answer is.

The questions follow the checklist of the survey by Li et al. (2025), arXiv:2502.18969 ("(Mis)Fitting"), in our words.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws._version import __version__
from obslaws.errors import FitError, UnknownNameError
from obslaws.laws.fitter import fit_law, holdout

if TYPE_CHECKING:
    from obslaws.laws.base import Law
    from obslaws.laws.results import LawFit

__all__ = ["SETUP", "Checklist", "checklist", "sensitivity"]

# what only the user can know: field, question, whether a report without it is incomplete
SETUP = {
    "rivals": ("other forms tried on the same data", True),
    "principle": ("derivation, and relations assumed between variables", False),
    "counting": ("how parameters and FLOP were counted (embeddings, head, active experts)", True),
    "data": ("training data of each model, and repetition", True),
    "hyperparameters": ("optimiser, rate schedule and whether it was complete, batch, warm-up; tuned or fixed", True),
    "architecture": ("other settings that vary; links to code and checkpoints", False),
    "checkpoints": ("points per model, and the rule that chose them", True),
    "metric": ("metric, evaluation set, prompt, chance level, error per point", True),
    "processing": ("changes to the raw metric, with counts before and after", True),
    "provenance": ("link, date and licence of every file", True),
}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Checklist:
    """A filled-in checklist.

    Parameters
    ----------
    items : DataFrame
        section, item, required, answer.
    sensitivity : DataFrame
        The parameters under other choices of the analyst.
    holdout : DataFrame
        Errors on the largest runs; empty where none could be held out.
    """

    items: pd.DataFrame
    sensitivity: pd.DataFrame
    holdout: pd.DataFrame

    @property
    def missing(self) -> list[str]:
        """Required items whose answer is unknown."""
        unknown = self.items["required"] & (self.items["answer"] == UNKNOWN)
        return self.items.loc[unknown, "item"].tolist()

    @property
    def complete(self) -> bool:
        """Whether every required item has an answer."""
        return not self.missing

    def text(self) -> str:
        """Write the report as plain text."""
        lines = []
        for section, rows in self.items.groupby("section", sort=False):
            lines += [str(section), *(f"  {r.item}: {r.answer}" for r in rows.itertuples())]
        if len(self.holdout):
            lines += ["Held out, the largest runs", _indented(self.holdout)]
        lines += ["Sensitivity", _indented(self.sensitivity)]
        if self.missing:
            lines.append(f"Incomplete: {len(self.missing)} required answers unknown ({', '.join(self.missing)}).")
        return "\n".join(lines)


def checklist(
    fit: LawFit,
    setup: Mapping[str, str] | None = None,
    by: str | None = None,
    profile: bool = True,
    deltas: bool = True,
) -> Checklist:
    """Fill the checklist in.

    Parameters
    ----------
    fit : LawFit
    setup : mapping of str to str, optional
        Answers that the data do not hold; the keys of `SETUP`. What is left out reads "unknown".
    by : str, optional
        Input that orders runs for the held-out test; the first of the law by default.
    profile : bool
        Also profile intervals.
    deltas : bool
        Also refits under other choices.

    Returns
    -------
    Checklist

    Raises
    ------
    UnknownNameError
        An answer to a question that is not asked.
    """
    setup = dict(setup or {})
    for key in setup:
        if key not in SETUP:
            raise UnknownNameError("item of the checklist", key, SETUP)
    by = by or fit.law.variables[0].name
    rows = [*_hypothesis(fit), *_setup(fit, setup), *_fitting(fit, profile)]
    items = pd.DataFrame(rows, columns=["section", "item", "required", "answer"])
    other = sensitivity(fit, by) if deltas else pd.DataFrame()
    return Checklist(items, other, _holdout(fit, by))


def _hypothesis(fit: LawFit) -> list[tuple[str, str, bool, str]]:
    law, section = fit.law, "Hypothesis"
    free = [n for n, held in zip(law.param_names, fit.held, strict=True) if not held]
    fixed = [f"{n} = {fit.params[n]:.6g}" for n, held in zip(law.param_names, fit.held, strict=True) if held]
    bounds = [f"{p.name} in [{p.lower:g}, {p.upper:g}]{' (log)' if p.log else ''}" for p in law.params]
    units = [f"{v.name}: {v.about} ({v.unit})" for v in (*law.variables, law.output)]
    return [
        (section, "form", True, f"{law.id}: {'; '.join(law.formula.splitlines())}"),
        (section, "parameters", True, f"free {', '.join(free)}; held {', '.join(fixed) or 'none'}"),
        (section, "variables", True, "; ".join(units)),
        (section, "bounds", True, "; ".join(bounds)),
    ]


def _setup(fit: LawFit, setup: Mapping[str, str]) -> list[tuple[str, str, bool, str]]:
    ranges = [f"{name} {v.min():.4g} to {v.max():.4g}" for name, v in fit.problem.points.items()]
    clusters = "" if fit.clusters is None else f" of {len(np.unique(fit.clusters))} models"
    out = [
        ("Setup", "range", True, f"{fit.n_points} points{clusters}; {', '.join(ranges)}"),
        *(("Setup", key, required, setup.get(key, UNKNOWN)) for key, (_, required) in SETUP.items()),
    ]
    return [(section, _asked(item), required, answer) for section, item, required, answer in out]


def _asked(item: str) -> str:
    return SETUP[item][0] if item in SETUP else item


def _fitting(fit: LawFit, profile: bool) -> list[tuple[str, str, bool, str]]:
    starts, options, quality = fit.starts, fit.options, fit.quality
    section = "Fitting"
    objective = f"Huber, delta {options['delta']:g}, summed, residuals in {options['space']} space"
    spread = "; ".join(f"{n} {low:.4g} to {high:.4g}" for n, (low, high) in starts["spread"].items())
    largest = np.argsort(-np.abs(fit.residuals), kind="stable")[:3]
    out = [
        (section, "objective", True, objective + (", weighted" if options.get("weighted") else "")),
        (
            section,
            "optimiser",
            True,
            f"batched Levenberg-Marquardt within bounds, {fit.n_iter} steps, converged: {fit.converged}",
        ),
        (
            section,
            "initialisation",
            True,
            f"{starts['n_starts']} starts ({'given' if options.get('given_starts') else 'drawn'}), "
            f"{starts['n_best']} within 1 % of the best objective, where {spread}",
        ),
        (section, "points used", True, ", ".join(f"{n} {label}" for label, n in fit.counts)),
        (section, "estimates", True, _estimates(fit.summary())),
        (section, "identification", True, "; ".join(fit.warnings) or "nothing speaks against it"),
        (section, "condition number", True, f"{fit.condition:.3g}"),
        (
            section,
            "in sample",
            True,
            f"R2 {quality['r2']:.5f}, RMSE {quality['rmse']:.4g}, mean absolute relative error "
            f"{100 * quality['mean_abs_rel_error']:.3f} %, AICc {quality['aicc']:.1f}, BIC {quality['bic']:.1f}",
        ),
        (section, "largest residuals", True, ", ".join(f"row {i}: {fit.residuals[i]:+.3g}" for i in largest)),
        (
            section,
            "bootstrap",
            True,
            f"{len(fit.draws)} draws" + ("" if fit.clusters is None else " of whole clusters")
            if len(fit.draws)
            else UNKNOWN,
        ),
        (
            section,
            "versions",
            True,
            f"obslaws {__version__}, numpy {np.__version__}, Python {platform.python_version()}, "
            f"seed {options.get('random_state')}",
        ),
    ]
    if profile:
        ends = fit.conf_int(0.95, "profile")
        told = "; ".join(f"{n} {low:.4g} to {high:.4g}" for n, low, high in ends.itertuples())
        out.insert(5, (section, "profile intervals, 95 %", True, told))
    for known in fit.law.published:
        if set(known.params) >= set(fit.law.param_names):
            table = fit.against(known.name)
            scores = zip(table["parameter"], table["z_score"], strict=True)
            z = ", ".join(f"{name} {score:+.1f}" for name, score in scores if np.isfinite(score))
            told = f"z scores {z or 'unknown'}; objective there {table.attrs['objective_ratio']:.3g} times the best"
            out.append((section, f"against {known.name}", False, told))
    return out


def _estimates(table: pd.DataFrame) -> str:
    return "; ".join(f"{r.parameter} {r.estimate:.5g} [{r.lower:.5g}, {r.upper:.5g}]" for r in table.itertuples())


def sensitivity(fit: LawFit, by: str) -> pd.DataFrame:
    """Refit under other choices: where the loss bends, the space of residuals, the largest or smallest runs dropped.

    Parameters
    ----------
    fit : LawFit
    by : str
        Input that orders the runs.

    Returns
    -------
    DataFrame
        choice, n_points, one column per parameter, and one per derived quantity.
    """
    law, y, points = fit.law, fit.problem.y, fit.problem.points
    fixed, order = dict(fit.options.get("fixed", {})), points[by]
    everything = np.ones(len(y), dtype=bool)
    other = "linear" if fit.problem.space == "log" else "log"
    choices: list[tuple[str, np.ndarray, dict[str, Any]]] = [("as fitted", everything, {})]
    if np.isfinite(fit.problem.delta):
        choices += [(f"delta x {f:g}", everything, {"delta": fit.problem.delta * f}) for f in (0.1, 10.0)]
    choices.append(("least squares", everything, {"delta": np.inf}))
    if other == "linear" or (y > 0).all():
        choices.append((f"{other} residuals", everything, {"space": other, "delta": None}))
    choices.append((f"without the smallest {by}", order > order.min(), {}))
    choices.append((f"without the largest {by}", order < order.max(), {}))
    rows: list[dict[str, Any]] = []
    for label, keep, changed in choices:
        options = {"space": fit.problem.space, "delta": fit.problem.delta, **changed}
        try:
            again = _quiet_fit(law, {k: v[keep] for k, v in points.items()}, y[keep], fit, keep, fixed, options)
        except FitError as error:
            rows.append({"choice": f"{label}: {str(error).partition(':')[2].strip()}", "n_points": int(keep.sum())})
            continue
        derived = {k: float(v) for k, v in law.derived(*again.params).items()}
        estimates = dict(zip(law.param_names, again.params, strict=True))
        rows.append({"choice": label, "n_points": int(keep.sum()), **estimates, **derived})
    return pd.DataFrame(rows)


def _quiet_fit(
    law: Law, points: dict[str, Any], y: Any, fit: LawFit, keep: Any, fixed: dict[str, float], options: dict[str, Any]
) -> LawFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_law(law, points, y, weights=fit.weights[keep], fixed=fixed, n_starts=40, **options)


def _holdout(fit: LawFit, by: str) -> pd.DataFrame:
    order = fit.problem.points[by]
    n_test = int((order > np.quantile(order, 0.8)).sum()) or int((order >= order.max()).sum())
    if len(order) - n_test < int((~fit.held).sum()) + 2 or np.ptp(order) == 0:
        return pd.DataFrame()
    options: dict[str, Any] = {
        "space": fit.problem.space,
        "delta": fit.problem.delta,
        "fixed": dict(fit.options.get("fixed", {})),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return holdout(fit.law, fit.problem.points, fit.problem.y, by, n_starts=60, **options)


def _five(value: float) -> str:
    return f"{value:.5g}"


def _indented(frame: pd.DataFrame) -> str:
    text = frame.to_string(index=False, float_format=_five, na_rep="-")
    return "\n".join(f"  {line}" for line in text.splitlines())
