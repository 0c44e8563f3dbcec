"""A size between two known sizes: `skill` beside the line between the two neighbours, in log parameters.

Of each family of `core` with three sizes or more the models between the smallest and the largest are hidden one at a
time. Mean absolute error and mean error in points; share of scores inside 90 % intervals, and their median width.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from joblib import Parallel, delayed
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel


def between(panel):
    """Models with a smaller and a larger sibling."""
    size = panel.models["n_active_params"]
    by_family = size.groupby(panel.models["family"])
    return panel.models.index[(size > by_family.transform("min")) & (size < by_family.transform("max"))]


def errors(panel, model):
    hidden = (panel.models.index == model) | (
        (panel.models["family"] == panel.models.loc[model, "family"])
        & (panel.models["n_active_params"] == panel.models.loc[model, "n_active_params"])
    ).to_numpy()
    train = panel.select(~hidden)
    kin = (train.models["family"] == panel.models.loc[model, "family"]).to_numpy()
    predicted = SkillForecaster().fit(train).predict(panel.models.loc[[model]])
    lower, upper = (predicted.quantile(share)[0] for share in (0.05, 0.95))
    at = np.log(panel.models.loc[model, "n_active_params"])
    size, scores = np.log(train.models["n_active_params"].to_numpy(dtype=float)[kin]), train.scores.to_numpy()[kin]
    out = []
    for j, score in enumerate(panel.scores.loc[model].to_numpy(dtype=float)):
        known = np.isfinite(size) & np.isfinite(scores[:, j])
        if np.isnan(score) or not (size[known] < at).any() or not (size[known] > at).any():
            continue
        order = np.argsort(size[known])
        line = np.interp(at, size[known][order], scores[known, j][order])
        inside = lower[j] <= score <= upper[j]
        out.append((predicted.point[0, j] - score, line - score, inside, upper[j] - lower[j]))
    return out


def main():
    panel = load_panel("core")
    models = between(panel)
    found = np.array([row for part in Parallel(2)(delayed(errors)(panel, m) for m in models) for row in part])
    rows = [
        [name, str(len(found)), f"{100 * np.abs(e).mean():.2f}", f"{100 * e.mean():+.2f}"]
        for name, e in (("skill", found[:, 0]), ("line between neighbours", found[:, 1]))
    ]
    show(["forecast", "cells", "mean absolute error", "mean error"], rows)
    print(f"{len(models)} models; 90 % intervals hold {100 * found[:, 2].mean():.1f} %", end="")
    print(f", median width {100 * np.median(found[:, 3]):.1f} points")


if __name__ == "__main__":
    main()
