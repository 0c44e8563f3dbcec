"""A size between two known sizes: `skill` beside the line between the two neighbours, in log parameters.

Of each family with three sizes or more the models between the smallest and the largest are hidden one at a time. Mean
absolute errors in points; share of scores inside 90 % intervals with its own interval by base families, and their
median width. Last by how much the errors of these fits would stretch the posterior, and by how much replays inside the
whole board would: intervals are made by the latter.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import dataclasses
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from bench_fit import V1, sloth
from bench_new_model import thinned
from joblib import Parallel, delayed
from table import show

from obslaws.forecasters.past_errors import errors_of
from obslaws.forecasters.skill import SkillForecaster
from obslaws.metrics import share_interval
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
    asked = panel.scores.loc[model].to_numpy(dtype=float)
    plain = dataclasses.replace(predicted, stretch=np.ones_like(predicted.stretch))
    deviate, out = plain.normal_score(asked[None])[0], []
    for j, score in enumerate(asked):
        known = np.isfinite(size) & np.isfinite(scores[:, j])
        if np.isnan(score) or not (size[known] < at).any() or not (size[known] > at).any():
            continue
        order = np.argsort(size[known])
        line = np.interp(at, size[known][order], scores[known, j][order])
        inside = lower[j] <= score <= upper[j]
        out.append((predicted.point[0, j] - score, line - score, inside, upper[j] - lower[j], deviate[j]))
    return out


def main():
    boards = {"core": load_panel("core"), "sloth, first leaderboard": sloth(V1), "sloth, both": sloth()}
    boards |= {name: thinned(name, 1.0) for name in ("obsscaling", "tott")}
    rows = []
    for name, panel in boards.items():
        models = between(panel)
        parts = Parallel(2)(delayed(errors)(panel, m) for m in models)
        base = np.repeat(panel.models.loc[models, "base_family"].to_numpy(), [len(part) for part in parts])
        mine, line, inside, width, deviate = np.array([row for part in parts for row in part]).T
        whole = SkillForecaster().fit(panel).stretch_
        asked = errors_of([deviate[:, None]], [np.unique(base, return_inverse=True)[1]]), whole.errors_between(0)
        low, high = share_interval(inside, base)
        rows.append([
            name, str(len(models)), str(len(mine)), *(f"{100 * np.abs(e).mean():.2f}" for e in (mine, line)),
            f"{100 * inside.mean():.1f} ({100 * low:.0f} to {100 * high:.0f})", f"{100 * np.median(width):.1f}",
            *("-" if one is None else f"{np.exp(one.log):.2f}" for one in asked),
        ])  # fmt: skip
    header = ["board", "models", "cells", "skill", "line", "90 % hold", "width", "fits ask for", "replays ask for"]
    show(header, rows)


if __name__ == "__main__":
    main()
