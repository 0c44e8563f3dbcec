"""How often intervals of `skill` hold on benchmarks that only weaker models were scored on.

Of one benchmark at a time the scores of all but the weakest models are hidden, by their scores on the other benchmarks;
their other scores stay. Boards: LiveBench, `core`, `--views` more, and the models that train in analyses of Ruan et
al., the weaker by compute forecasting the stronger. `random` hides a tenth of all cells instead. One row per weight of
what the curves vary beyond their usual, 0 for the plain posterior; mean interval score of nine tenths (lower is
better), points.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse

import numpy as np
import pandas as pd
from bench_new_model import thinned
from table import show

from obslaws import load_panel
from obslaws.forecasters.skill import SkillForecaster
from obslaws.links import clipped_logit
from obslaws.protocols import load_protocol
from obslaws.skill import doubt
from obslaws.splits import plan

LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.4, 0.65)  # of the models with a score, those that keep it
ORIGINS = (0.5, 0.65, 0.8)
FEWEST, FEWEST_TRAINING = 25, 8
WEIGHTS = (0.0, 1.0, 4.0, 6.0, 8.0)


def board(name):
    panel = thinned("livebench", 1.0) if name == "livebench" else load_panel(name)
    return panel.select(benchmarks=list(panel.benchmarks.index[panel.benchmarks["unit"].eq("fraction")]))


def strength(panel, without):
    """Place models by their standardised logits on the other benchmarks: sums of a model's and a benchmark's part."""
    scores = panel.scores.drop(columns=without)
    floor = panel.benchmarks.loc[scores.columns, "score_floor"].to_numpy(dtype=float)
    logit = clipped_logit(scores.to_numpy(dtype=float), floor, 1.0, margin=0.02)
    logit = (logit - np.nanmean(logit, axis=0)) / np.nanstd(logit, axis=0)
    seen = np.isfinite(logit)
    logit = np.where(seen, logit, 0.0)
    model, benchmark = np.zeros(len(logit)), np.zeros(logit.shape[1])
    for _ in range(50):
        model = ((logit - benchmark) * seen).sum(axis=1) / (seen.sum(axis=1) + 0.5)
        benchmark = ((logit - model[:, None]) * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return np.where(seen.any(axis=1), model, np.nan)


def strong_hidden(panel, every):
    """Yield which cells are hidden: of each benchmark, those of all but the weakest models."""
    for j, name in enumerate(panel.scores.columns):
        scored, strong = panel.scores[name].notna().to_numpy(), strength(panel, name)
        placed = scored & np.isfinite(strong)
        if j % every or placed.sum() < FEWEST:
            continue
        for share in SHARES:
            hidden = np.zeros(panel.scores.shape, dtype=bool)
            hidden[:, j] = scored & ~(strong <= np.quantile(strong[placed], share))
            yield panel, hidden


def random_hidden(panel, n_draws=3):
    for seed in range(n_draws):
        drawn = np.random.default_rng(seed).random(panel.scores.shape) < 0.1
        yield panel, drawn & panel.scores.notna().to_numpy()


def inside_training(name):
    """Yield the training models of each task of an analysis, and which are hidden of the target."""
    record = load_protocol(f"ruan2024-{name}")
    for fold in plan(record, load_panel(record.view)):
        panel = fold.train.select(fold.train.scores[fold.name].notna().to_numpy())
        value, flop = (panel.scores[fold.name].to_numpy(), panel.models["train_flop"].to_numpy(dtype=float))
        order = np.lexsort((value, flop if np.isfinite(flop).all() else value))
        for origin in ORIGINS:
            n_train = round(origin * len(order))
            if n_train >= FEWEST_TRAINING:
                hidden = np.zeros(panel.scores.shape, dtype=bool)
                hidden[order[n_train:], panel.scores.columns.get_loc(fold.name)] = True
                yield panel, hidden


def answers(trials, weights):
    """Error and bounds of every hidden cell, by weight."""
    parts = []
    for panel, hidden in trials:
        fitted = SkillForecaster(calibrate=False).fit(panel.hide(hidden))
        asked = hidden.any(axis=1)
        cells, score = hidden[asked], panel.scores.to_numpy(dtype=float)[hidden]
        for weight in weights:
            doubt._STEEP = max(weight, 1.0)
            told = fitted.predict(panel.models[asked])
            if weight == 0.0:
                told = _plain(fitted, told, panel.models[asked])
            part = {"weight": weight, "score": score, "error": np.abs(told.point[cells] - score)}
            part |= {
                (level, side): told.quantile(0.5 + sign * level / 2.0)[cells]
                for level in LEVELS
                for side, sign in (("lower", -1), ("upper", 1))
            }
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _plain(fitted, told, models):
    """Predict without any doubt about the curves."""
    kept, fitted._doubt = fitted._doubt, lambda row, known: (np.zeros(told.logit.shape), None)
    try:
        return fitted.predict(models)
    finally:
        fitted._doubt = kept


def row(name, weight, part):
    out = [name, f"{weight:g}", str(len(part)), f"{100 * part['error'].mean():.2f}"]
    for level in LEVELS:
        lower, upper = part[level, "lower"], part[level, "upper"]
        out.append(f"{100 * part['score'].between(lower, upper).mean():.1f}")
    lower, upper, score = part[0.9, "lower"], part[0.9, "upper"], part["score"]
    missed = np.maximum(lower - score, 0.0) + np.maximum(score - upper, 0.0)
    return [*out, f"{100 * (upper - lower).median():.1f}", f"{100 * (upper - lower + 20.0 * missed).mean():.1f}"]


def main(views, every, weights):
    trials = {name: strong_hidden(board(name), every) for name in views}
    trials |= {f"{name}, random": random_hidden(board(name)) for name in views}
    trials |= {name: inside_training(name) for name in ("emergent", "post-training", "leaderboard-v2")}
    rows = []
    for name, some in trials.items():
        found = answers(some, weights)
        rows += [row(name, weight, found[found["weight"] == weight]) for weight in weights]
    show(["hidden on", "weight", "cells", "error", "80 %", "90 %", "95 %", "width", "score"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", nargs="*", default=["livebench", "core"])
    parser.add_argument("--every", type=int, default=2, help="take every so manieth benchmark of a board")
    parser.add_argument("--weights", type=float, nargs="*", default=WEIGHTS)
    given = parser.parse_args()
    main(given.views, given.every, given.weights)
