"""Tables of what a fitted skill model found: skills, what families add, what a series is unusually good at, curves.

In: a fitted skill forecaster. Out: tidy frames with intervals. Loadings depend on the rotation that is named; the rest
does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from obslaws.questions.setting import Setting, known_dates, score_draws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.skill.interpretation import NamedSkills

    Array = NDArray[np.float64]

__all__ = ["curves", "families", "level_surface", "loadings", "own_intercepts"]


def loadings(skills: NamedSkills, benchmarks: list[str], level: float = 0.9) -> pd.DataFrame:
    """Rotated loadings with credible intervals.

    Parameters
    ----------
    skills : NamedSkills
    benchmarks : list of str
    level : float

    Returns
    -------
    DataFrame of shape (d * J, 5)
        Columns skill, benchmark, loading, lower, upper; logits per standard deviation of the skill among the models.
    """
    low, high = np.quantile(skills.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    d, n = len(skills.names), len(benchmarks)
    return pd.DataFrame({
        "skill": np.repeat(skills.names, n),
        "benchmark": np.tile(benchmarks, d),
        "loading": skills.rotation.loadings.T.ravel(),
        "lower": low.T.ravel(),
        "upper": high.T.ravel(),
    })  # fmt: skip


def families(model: SkillForecaster, basket: Mapping[str, float], level: float = 0.9, seed: int = 0) -> pd.DataFrame:
    """Measure what each family adds to a basket of benchmarks beyond its size, tokens, chat tuning and date.

    The effect is the weighted mean over the benchmarks of what the family adds to their logits. Divided by what a
    decade of compute adds (size and tokens growing alike, at the middle of the data) it says how many times as much
    compute an average family would have needed.

    Parameters
    ----------
    model : SkillForecaster
    basket : mapping of str to float
        Weights, summing to 1.
    level : float
    seed : int

    Returns
    -------
    DataFrame of shape (F, 9)
        Columns family, base_family, n_models, effect, lower, upper (logits), compute_factor, factor_lower,
        factor_upper; best first. Factors are missing where a decade of compute may add nothing.
    """
    weights = _weights(model, basket)
    rng, parts = np.random.default_rng(seed), []
    # what half a decade of size and half a decade of tokens add to the standardised covariates, by differences
    x = _middle(model, [(1.0, 1.0), (10**0.25, 10**0.25), (10**-0.25, 10**-0.25)])
    step = np.r_[0.0, 2.0 * (x[1] - x[2])]
    for surface, weight in zip(model.surfaces_, model.weights_, strict=True):
        mean, cov = surface.gains(weights, step)
        values, vectors = np.linalg.eigh(cov)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        noise = rng.standard_normal((max(1, round(1200 * weight)), 2))
        parts.append((mean, mean + np.einsum("fab,sb->sfa", root, noise)))
    mean = np.tensordot(model.weights_, np.stack([m for m, _ in parts]), axes=1)
    draws = np.concatenate([d for _, d in parts])
    shares = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(draws[:, :, 0], shares, axis=0)
    sure = np.quantile(draws[:, :, 1], shares[0], axis=0) > 0
    decades = np.where(sure, draws[:, :, 0] / np.where(draws[:, :, 1] > 0, draws[:, :, 1], np.nan), np.nan)
    with np.errstate(over="ignore"):
        few, many = 10 ** np.nanquantile(np.where(sure, decades, 0.0), shares, axis=0)
        factor = 10 ** (mean[:, 0] / mean[:, 1])
    index = model.family_index_
    bases = {number: name for name, number in model.base_index_.items()}
    nesting = model.data_.nesting
    out = pd.DataFrame({
        "family": list(index), "base_family": [bases[b] for b in nesting.base],
        "n_models": np.bincount(nesting.family, minlength=nesting.n_families),
        "effect": mean[:, 0], "lower": low, "upper": high,
        "compute_factor": np.where(sure, factor, np.nan),
        "factor_lower": np.where(sure, few, np.nan), "factor_upper": np.where(sure, many, np.nan),
    })  # fmt: skip
    return out.sort_values("effect", ascending=False, kind="stable", ignore_index=True)


def own_intercepts(model: SkillForecaster, level: float = 0.9) -> pd.DataFrame:
    """List what base families score on benchmarks beyond their skills: what their data emphasise, or what went wrong.

    Parameters
    ----------
    model : SkillForecaster
    level : float

    Returns
    -------
    DataFrame of shape (B * J, 7)
        Columns base_family, benchmark, n_scores, own (logits), sd (posterior), lower, upper; those that differ most
        from 0 in units of their sd first. Without scores of a base family, own is 0 with its prior sd; on a large panel
        (`SkillForecaster.is_large_`) such pairs are left out.
    """
    found = [surface.own() for surface in model.surfaces_]
    base, benchmark = found[0].base, found[0].benchmark
    mean = np.tensordot(model.weights_, np.stack([own.mean for own in found]), axes=1)
    second = np.tensordot(model.weights_, np.stack([own.var + own.mean**2 for own in found]), axes=1)
    sd = np.sqrt(np.maximum(second - mean**2, 1e-12))
    seen = np.isfinite(model.data_.scores).astype(float)
    count = model.data_.nesting.models_of_base.sum(seen).astype(int)
    wide = ndtri((1 + level) / 2)
    out = pd.DataFrame({
        "base_family": np.array(list(model.base_index_), dtype=object)[base],
        "benchmark": np.array(model.panel_.scores.columns, dtype=object)[benchmark],
        "n_scores": count[base, benchmark], "own": mean, "sd": sd,
        "lower": mean - wide * sd, "upper": mean + wide * sd,
    })  # fmt: skip
    order = np.argsort(-np.abs(mean / sd), kind="stable")
    return out.iloc[order].reset_index(drop=True)


def curves(model: SkillForecaster, level: float = 0.9) -> pd.DataFrame:
    """Curve of each benchmark: asymptotes, and what a decade of size, of tokens, and a year add to its logit.

    Parameters
    ----------
    model : SkillForecaster
    level : float

    Returns
    -------
    DataFrame of shape (J, 15)
        Columns benchmark, floor, ceiling (fractions), middle (expected score of an average base model in the middle of
        the data), and for each of per_decade_size, per_decade_tokens, interaction the estimate with _lower and _upper:
        logits, the interaction per decade of each; then own_sd (logits) and noise (fraction, beyond item sampling).
    """
    x = _middle(model, [(1.0, 1.0), (10.0, 1.0), (1.0, 10.0), (10.0, 10.0)])
    x = np.column_stack([np.ones(len(x)), x])
    contrasts = {
        "per_decade_size": x[1] - x[0],
        "per_decade_tokens": x[2] - x[0],
        "interaction": x[3] - x[2] - x[1] + x[0],
    }
    wide, weights = ndtri((1 + level) / 2), model.weights_

    def average(values: list[Array]) -> Array:
        return np.asarray(np.tensordot(weights, np.stack(values), axes=1))

    floor, ceiling = average([f.floors for f in model.fits_]), average([f.ceilings for f in model.fits_])
    start = [surface.contrast(x[0])[0] for surface in model.surfaces_]
    middle = average([
        f.floors + (f.ceilings - f.floors) / (1 + np.exp(-logit)) for f, logit in zip(model.fits_, start, strict=True)
    ])  # fmt: skip
    out = {"benchmark": list(model.panel_.scores.columns), "floor": floor, "ceiling": ceiling, "middle": middle}
    for name, contrast in contrasts.items():
        found = [surface.contrast(contrast) for surface in model.surfaces_]
        mean = average([m for m, _ in found])
        sd = np.sqrt(average([v + m**2 for m, v in found]) - mean**2)
        out |= {name: mean, f"{name}_lower": mean - wide * sd, f"{name}_upper": mean + wide * sd}
    out["own_sd"] = np.sqrt(average([f.variances.own for f in model.fits_]))
    out["noise"] = np.sqrt(average([f.variances.noise for f in model.fits_]))
    return pd.DataFrame(out)


def level_surface(
    model: SkillForecaster, setting: Setting, basket: Mapping[str, float], n_points: int = 40
) -> pd.DataFrame:
    """Compute expected scores of a basket over size and tokens, within the data: what level curves are drawn from.

    Parameters
    ----------
    model : SkillForecaster
    setting : Setting
    basket : mapping of str to float
    n_points : int
        Per axis.

    Returns
    -------
    DataFrame of shape (n_points**2, 3)
        Columns n_params, n_tokens, value (fraction).
    """
    known = model.panel_.models[["n_active_params", "n_tokens"]].dropna()
    ends = [(float(known[name].min()), float(known[name].max())) for name in ("n_active_params", "n_tokens")]
    size, tokens = (grid.ravel() for grid in np.meshgrid(*(np.geomspace(*pair, n_points) for pair in ends)))
    columns = list(model.panel_.scores.columns)
    at = np.array([columns.index(name) for name in basket])
    scores, _ = score_draws(model, setting, setting.queries(size, tokens), at, 2)
    return pd.DataFrame({"n_params": size, "n_tokens": tokens, "value": scores[0] @ np.array(list(basket.values()))})


def _weights(model: SkillForecaster, basket: Mapping[str, float]) -> Array:
    return np.array([basket.get(name, 0.0) for name in model.panel_.scores.columns])


def _middle(model: SkillForecaster, factors: list[tuple[float, float]]) -> Array:
    """Standardised covariates of base models at these multiples of the middle size and tokens; shape (n, p)."""
    centre = model.scale_.centre
    size, tokens = (np.exp(centre[i]) * np.array([f[i] for f in factors]) for i in (0, 1))
    setting = Setting("", "", "base", None, None, 0)
    return model.scale_.apply(known_dates(model, setting.queries(size, tokens)))[0]
