"""Compute -> capability: one line per family, pooled or shrunk, and what a family's compute is worth in another's.

In: capabilities of models, with their family and compute. Out: tidy frames for people and programs. Models without
family or compute stay out of the fits and are counted; they still get an equivalent compute, which needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from obslaws.capability.line import REFERENCE_LOG10_FLOP, Line, fit_line
from obslaws.errors import FitError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from obslaws.capability.mixed import MixedLines

__all__ = ["AT_FLOOR", "BELOW", "FLAT", "ComputeLaw", "efficiency_table", "equivalent_flop", "fit_compute_law"]

BELOW, FLAT, AT_FLOOR = "below", "flat", "at the floor"
"""Why a multiplier is no comparison: see `efficiency_table`."""

Fit = Literal["per-family", "mixed"]


@dataclass(frozen=True)
class ComputeLaw:
    """Lines of one capability in log compute.

    Parameters
    ----------
    capability : str
        Its name.
    fit : {"per-family", "mixed"}
        Ordinary least squares for each family by itself, or random intercepts and slopes about common ones.
    pooled : Line
        One line through all models, families ignored; with ``"mixed"`` the line of the average family.
    families : dict of str to Line
        Families with at least two models of different compute; with ``"mixed"`` every family.
    models : DataFrame of shape (n_models, 3)
        capability, family, log10_flop of the models that were fitted.
    n_left_out : int
        Models without capability, family or compute.
    mixed : MixedLines or None
        Variance components, with ``"mixed"``.
    """

    capability: str
    fit: Fit
    pooled: Line
    families: dict[str, Line]
    models: pd.DataFrame
    n_left_out: int
    mixed: MixedLines | None = field(default=None)

    def summary(self) -> pd.DataFrame:
        """Tabulate the lines.

        Returns
        -------
        DataFrame of shape (n_families + 1, 10)
            family ("all" for the pooled line), n_models, slope (per decade), slope_se, intercept (at 1e21 FLOP), r2,
            scatter, flop_min, flop_max (FLOP), note (why there is no line). Largest family first; a family that cannot
            be fitted keeps its row.
        """
        sizes = self.models["family"].value_counts()
        order = sorted(sizes.index, key=lambda name: (-sizes[name], str(name)))
        rows = [_row("all", self.pooled), *(_row(name, self.families.get(name), sizes[name]) for name in order)]
        return pd.DataFrame(rows)

    def line(self, family: str) -> Line:
        """Find the line of a family, ignoring case.

        Parameters
        ----------
        family : str

        Returns
        -------
        Line

        Raises
        ------
        UnknownNameError
            No model of that family; the nearest is offered.
        FitError
            The family has no line.
        """
        return self.families[self.spelling(family)]

    def spelling(self, family: str) -> str:
        """Spell a family with a line as the data do; raises as `line` does."""
        known = {str(name).lower(): str(name) for name in self.models["family"].unique()}
        if family.lower() not in known:
            raise UnknownNameError("family", family, known.values())
        name = known[family.lower()]
        if name not in self.families:
            n = int((self.models["family"] == name).sum())
            raise FitError(
                f"Family {name!r}: {n} model(s) with known compute, a line needs two of different compute. "
                f"With a line: {', '.join(sorted(self.families))}."
            )
        return name


def fit_compute_law(capability: pd.Series, models: pd.DataFrame, fit: Fit = "per-family") -> ComputeLaw:
    """Fit capability against log compute, family by family.

    Parameters
    ----------
    capability : Series of shape (n,)
        One capability of each model, indexed by model.
    models : DataFrame
        Indexed by model: family, train_flop (FLOP); as in a `Panel`.
    fit : {"per-family", "mixed"}
        See `ComputeLaw`.

    Returns
    -------
    ComputeLaw

    Raises
    ------
    FitError
        Fewer than two models with everything known.
    UsageError
        An unknown fit.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, equation 4 and section 3.3.
    """
    if fit not in ("per-family", "mixed"):
        raise UsageError(f"fit is {fit!r}; expected 'per-family' or 'mixed'.")
    facts = models.loc[capability.index]
    frame = pd.DataFrame(
        {
            "capability": capability,
            "family": facts["family"].astype(object),
            "log10_flop": np.log10(facts["train_flop"].astype(float)),
        }
    )
    known = frame.dropna()
    left_out = len(frame) - len(known)
    name = str(capability.name or "capability")
    if fit == "mixed":
        from obslaws.capability.mixed import fit_mixed_lines

        mixed = fit_mixed_lines(known)
        return ComputeLaw(name, fit, mixed.average, mixed.families, known, left_out, mixed)
    pooled = fit_line(known["log10_flop"], known["capability"])
    lines = {}
    for family, group in known.groupby("family", sort=True):
        if group["log10_flop"].nunique() > 1:
            lines[str(family)] = fit_line(group["log10_flop"], group["capability"])
    return ComputeLaw(name, fit, pooled, lines, known, left_out)


def equivalent_flop(
    law: ComputeLaw,
    reference_family: str,
    capability: pd.Series,
    models: pd.DataFrame,
    level: float = 0.9,
    scatter: Literal["own", "shared"] = "own",
) -> pd.DataFrame:
    """Say what compute the reference family would need for each model's capability.

    Parameters
    ----------
    law : ComputeLaw
    reference_family : str
    capability : Series of shape (n,)
        The same capability of any models, those of the fit or others.
    models : DataFrame
        Indexed by model: family, train_flop (FLOP, may be missing).
    level : float
        Nominal coverage. Fieller's interval for a model of the reference family, its scatter included; the capability
        itself is taken as measured.
    scatter : {"own", "shared"}
        Scatter of the reference family from its own models, or from those of all families together: more degrees of
        freedom, if one believes that families scatter alike.

    Returns
    -------
    DataFrame of shape (n, 10)
        model, family, capability, train_flop, equivalent_flop, lower, upper (FLOP; 0 and infinite where nothing can be
        excluded), multiplier (equivalent / actual), decades_outside (of log10 FLOP beyond the reference family's own
        range; 0 inside), flag (``below`` where the capability is less than that of every model of the reference family,
        so that the multiplier is no comparison; else empty). Missing for a model without capability.
    """
    line = reference_line(law, reference_family, scatter)
    lowest = lowest_capability(law, reference_family)
    facts, value = models.loc[capability.index], capability.to_numpy(dtype=float)
    point = line.invert(value)
    lower, upper = line.invert_interval(value, level)
    outside = np.maximum(np.maximum(line.low - point, point - line.high), 0.0)
    flop = facts["train_flop"].to_numpy(dtype=float)
    known = ~np.isnan(value)
    return pd.DataFrame(
        {
            "model": capability.index,
            "family": facts["family"].to_numpy(),
            "capability": value,
            "train_flop": flop,
            "equivalent_flop": _flop(point),
            "lower": np.where(known, _flop(lower), np.nan),
            "upper": np.where(known, _flop(upper), np.nan),
            "multiplier": _flop(point - np.log10(flop)),
            "decades_outside": outside,
            "flag": np.where(value < lowest, BELOW, ""),
        }
    )


def efficiency_table(
    law: ComputeLaw, reference_family: str, level: float = 0.9, scatter: Literal["own", "shared"] = "own"
) -> pd.DataFrame:
    """Compare families by what their compute would be worth in the reference family.

    Parameters
    ----------
    law : ComputeLaw
    reference_family : str
    level : float
        Nominal coverage of the interval of the multiplier.
    scatter : {"own", "shared"}
        As in `equivalent_flop`.

    Returns
    -------
    DataFrame of shape (n_families, 15)
        The columns of `ComputeLaw.summary`, and multiplier: the compute that the reference family would need for the
        family's mean capability, over the (geometric mean) compute that the family took, with lower and upper;
        decades_outside; and flag. A multiplier of 4: a quarter of the compute for the same capability. Highest
        multiplier first, families with a flag after all others.

    Notes
    -----
    The flag says why a multiplier is no comparison. ``below``: the mean capability is less than that of every model of
    the reference family. Scores have a floor, which a straight line does not know: carried on to there, it gives the
    guessing of a small model the compute of a larger one. ``flat``: the family's own line is not seen to rise, its
    interval holds zero and ends below the slope of the reference family, so that the multiplier says only how little
    compute was spent. ``at the floor``: both.
    """
    line = reference_line(law, reference_family, scatter)
    groups = law.models.groupby("family")
    mean = groups[["capability", "log10_flop"]].mean()
    below = mean["capability"] < lowest_capability(law, reference_family)
    flat = np.array([_is_flat(law.families.get(str(name)), line.slope, level) for name in mean.index])
    point = line.invert(mean["capability"])
    bounds = [
        line.invert_interval(value, level, n_models=n)
        for value, n in zip(mean["capability"], groups.size(), strict=True)
    ]
    lower, upper = (np.array([b[side] for b in bounds], dtype=float) for side in (0, 1))
    worth = pd.DataFrame(
        {
            "multiplier": _flop(point - mean["log10_flop"]),
            "lower": _flop(lower - mean["log10_flop"]),
            "upper": _flop(upper - mean["log10_flop"]),
            "decades_outside": np.maximum(np.maximum(line.low - point, point - line.high), 0.0),
            "flag": np.select([below & flat, below, flat], [AT_FLOOR, BELOW, FLAT], ""),
        },
        index=mean.index,
    )
    table = law.summary().iloc[1:].merge(worth, left_on="family", right_index=True)
    table = table.sort_values("multiplier", ascending=False, kind="stable")
    return table.sort_values("flag", key=lambda flag: flag.ne(""), kind="stable").reset_index(drop=True)


def lowest_capability(law: ComputeLaw, family: str) -> float:
    """Find the capability of the least capable model of a family; below it the family's line is only carried on.

    Parameters
    ----------
    law : ComputeLaw
    family : str

    Returns
    -------
    float

    Raises
    ------
    UnknownNameError, FitError
        As `ComputeLaw.line`.
    """
    return float(law.models.loc[law.models["family"] == law.spelling(family), "capability"].min())


def default_reference(law: ComputeLaw) -> str:
    """Choose the family whose compute is the measure when none is named.

    Parameters
    ----------
    law : ComputeLaw

    Returns
    -------
    str
        Llama-2 where it has a line, else the family with the most models on its line, the first by name of several.

    Raises
    ------
    FitError
        No family has a line.
    """
    if not law.families:
        raise FitError(
            f"None of {law.models['family'].nunique()} families has a line: a line needs two models of different known "
            "compute in one family. Fill in n_params and n_tokens (or train_flop) of more models."
        )
    usual = next((name for name in law.families if name.lower() == "llama-2"), None)
    return usual or min(law.families, key=lambda name: (-law.families[name].n_models, name))


def reference_line(law: ComputeLaw, family: str, scatter: Literal["own", "shared"] = "own") -> Line:
    """Take the line of the reference family, with the scatter asked for.

    Parameters
    ----------
    law : ComputeLaw
    family : str
    scatter : {"own", "shared"}

    Returns
    -------
    Line

    Raises
    ------
    UnknownNameError, FitError
        As `ComputeLaw.line`.
    UsageError
        Another scatter.
    """
    if scatter not in ("own", "shared"):
        raise UsageError(f"scatter is {scatter!r}; expected 'own' or 'shared'.")
    line = law.line(family)
    if scatter == "own" or law.fit == "mixed":  # a mixed model shares its scatter anyway
        return line
    lines = list(law.families.values())
    dof = sum(one.dof for one in lines)
    if not dof > 0:
        return line
    shared = float(np.sqrt(sum(one.dof * one.scatter**2 for one in lines if one.dof > 0) / dof))
    x = law.models.loc[law.models["family"] == law.spelling(family), "log10_flop"] - REFERENCE_LOG10_FLOP
    design = np.column_stack([np.ones(len(x)), x])
    return replace(line, cov=shared**2 * np.linalg.inv(design.T @ design), scatter=shared, dof=dof)


def _is_flat(line: Line | None, reference_slope: float, level: float) -> bool:
    if line is None or not line.dof > 0 or not np.isfinite(line.cov[1, 1]):
        return False
    from scipy import stats

    wide = stats.t.ppf(0.5 + level / 2, line.dof) * np.sqrt(line.cov[1, 1])
    return bool(line.slope - wide <= 0.0 and line.slope + wide < reference_slope)


def _row(family: str, line: Line | None, n_models: int = 0) -> dict[str, object]:
    if line is None:
        note = "one model" if n_models == 1 else "all models of the same compute"
        empty = dict.fromkeys(("slope", "slope_se", "intercept", "r2", "scatter", "flop_min", "flop_max"), np.nan)
        return {"family": family, "n_models": n_models, **empty, "note": note}
    return {
        "family": family,
        "n_models": line.n_models,
        "slope": line.slope,
        "slope_se": float(np.sqrt(line.cov[1, 1])),
        "intercept": line.intercept,
        "r2": line.r2 if line.n_models > 2 else np.nan,
        "scatter": line.scatter,
        "flop_min": 10.0**line.low,
        "flop_max": 10.0**line.high,
        "note": "two models: the line has no error to judge it by" if line.n_models == 2 and not line.dof else "",
    }


def _flop(log10: np.ndarray | pd.Series) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 10.0 ** np.asarray(log10, dtype=float)
