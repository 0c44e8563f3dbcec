"""How much of a benchmark can be known beforehand: the shares of scale, skills, family and noise in its variance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from obslaws.panel import Panel

__all__ = ["predictability_table"]

Array = NDArray[np.float64]

_LEAST_MODELS, _LEAST_FAMILIES, _LEAST_OTHERS, _FOLDS = 12, 5, 3, 5


def predictability_table(panel: Panel, random_state: int = 0) -> pd.DataFrame:
    """Split the variance of every benchmark.

    Every share is one of variance that a simple predictor removes from models of families that it has not seen:
    scale (log compute and its square), then skills (the model's mean standing on the other benchmarks, beside scale).
    Of what is left, family is the part that members share (analysis of variance), noise the sampling of items, and
    the rest is the model's own.

    Parameters
    ----------
    panel : Panel
    random_state : int
        Deals families into five folds.

    Returns
    -------
    DataFrame of shape (n_benchmarks, 9)
        benchmark, n_models, n_families, scale, skills, family, noise, own (shares that sum to 1), predictable (scale
        and skills together). NaN where fewer than 12 models of five families have known compute and a score.
    """
    flop = np.log10(panel.models["train_flop"].to_numpy(dtype=float))
    labels, family = np.unique(panel.models["family"].to_numpy(dtype=str), return_inverse=True)
    fold = np.random.default_rng(random_state).permutation(len(labels))[family] % _FOLDS
    scores = panel.scores.to_numpy(dtype=float)
    standing = _standing(scores, panel.benchmarks["unit"].to_numpy(dtype=str))
    total, count = np.nansum(standing, axis=1), (~np.isnan(standing)).sum(axis=1)
    rows = []
    for j, name in enumerate(panel.scores.columns):
        own = standing[:, j]
        others = count - ~np.isnan(own)
        with np.errstate(invalid="ignore"):
            skill = np.where(others >= _LEAST_OTHERS, (total - np.nan_to_num(own)) / others, np.nan)
        known = ~np.isnan(scores[:, j]) & ~np.isnan(flop)
        row: dict[str, Any] = {
            "benchmark": name,
            "n_models": int(known.sum()),
            "n_families": len(np.unique(family[known])),
        }
        if row["n_models"] >= _LEAST_MODELS and row["n_families"] >= _LEAST_FAMILIES:
            facts = panel.benchmarks.iloc[j]
            items = float(facts["n_items"]) if pd.notna(facts.get("n_items")) else np.nan
            y = scores[known, j]
            row |= _shares(flop[known], y, skill[known], family[known], fold[known], items)
        rows.append(row)
    columns = ["benchmark", "n_models", "n_families", "scale", "skills", "family", "noise", "own", "predictable"]
    return pd.DataFrame(rows).reindex(columns=columns)


def _standing(scores: Array, units: NDArray[np.str_]) -> Array:
    """Standardise every benchmark; dollars and minutes by their logarithm."""
    out = scores.copy()
    for j in np.flatnonzero(~np.isin(units, ["fraction", "elo", "eci"])):
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:, j] = np.where(scores[:, j] > 0, np.log(scores[:, j]), np.nan)
    count = (~np.isnan(out)).sum(axis=0)
    mean = np.nansum(out, axis=0) / np.maximum(count, 1)
    sd = np.sqrt(np.nansum((out - mean) ** 2, axis=0) / np.maximum(count - 1, 1))
    return np.asarray(np.where((count >= _LEAST_OTHERS) & (sd > 0), (out - mean) / np.where(sd > 0, sd, 1.0), np.nan))


def _shares(flop: Array, y: Array, skill: Array, family: Array, fold: Array, n_items: float) -> dict[str, float]:
    x = flop - flop.mean()
    unknown = np.isnan(skill)
    filled = np.where(unknown, 0.0, skill)
    ones = np.ones(len(y))
    designs = {
        "level": ones[:, None],
        "scale": np.column_stack([ones, x, x**2]),
        "skills": np.column_stack([ones, x, x**2, filled, unknown.astype(float)]),
    }
    left = {name: _held_out(design, y, fold) for name, design in designs.items()}
    total = float((left["level"] ** 2).mean())
    if total <= 0:
        return {}
    after = {name: float((r**2).mean()) / total for name, r in left.items()}
    scale = max(0.0, 1 - after["scale"])
    skills = max(0.0, min(after["scale"], 1.0) - after["skills"])
    rest = max(0.0, 1 - scale - skills)
    r = left["skills"] if after["skills"] < min(after["scale"], 1.0) else left["scale"]
    in_family = rest * _intraclass(r, family)
    noise = float(np.mean(np.clip(y, 0, 1) * (1 - np.clip(y, 0, 1)))) / n_items / total if n_items > 0 else np.nan
    noise = float(min(noise, rest - in_family)) if noise == noise else np.nan
    own = rest - in_family - (0.0 if np.isnan(noise) else noise)
    return {
        "scale": scale, "skills": skills, "family": in_family, "noise": noise, "own": own,
        "predictable": scale + skills,
    }  # fmt: skip


def _held_out(design: Array, y: Array, fold: Array) -> Array:
    """Residuals of least squares from the other folds, with a ridge that only tames what a fold does not identify."""
    out = np.empty(len(y))
    spread = np.sqrt((design**2).mean(axis=0)) + 1e-12
    scaled = design / spread
    for k in np.unique(fold):
        test = fold == k
        train = scaled[~test]
        if not len(train):
            out[test] = y[test] - y.mean()
            continue
        gram = train.T @ train + 1e-3 * len(train) * np.diag([0.0, *np.ones(design.shape[1] - 1)])
        out[test] = y[test] - scaled[test] @ np.linalg.solve(gram, train.T @ y[~test])
    return out


def _intraclass(r: Array, family: Array) -> float:
    """Share of variance between families, from one-way analysis of variance; 0 where families have one member each."""
    labels, codes = np.unique(family, return_inverse=True)
    counts = np.bincount(codes).astype(float)
    n, k = len(r), len(labels)
    if n <= k or k < 2:
        return 0.0
    means = np.bincount(codes, r) / counts
    within = float(((r - means[codes]) ** 2).sum()) / (n - k)
    between = float((counts * (means - r.mean()) ** 2).sum()) / (k - 1)
    size = (n - (counts**2).sum() / n) / (k - 1)
    component = max(0.0, (between - within) / size)
    return component / (component + within) if component + within > 0 else 0.0
