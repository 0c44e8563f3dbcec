"""Three chosen benchmarks beside five random ones and the five of greedy refitting, on base families held out.

Families are dealt into folds. On the models of the other folds `skill` is fitted and benchmarks are chosen; a held-out
model is told its scores on the chosen benchmarks (those it has), and forecast on all others. Only benchmarks that most
models have can be chosen, by anybody: what nobody measured tells nothing here. Greedy refitting adds, five times, the
benchmark after which a matrix completion refitted without the other scores of every second training model errs least on
these. Errors are over cells that neither set of a comparison reveals, and over all that each hides.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time

import numpy as np
import pandas as pd
from table import show

from obslaws.forecasters import forecaster
from obslaws.metrics import paired_bootstrap
from obslaws.panel import load_panel
from obslaws.select.benchmarks import select_benchmarks
from obslaws.select.posterior import population

FOLDS = 4
MOST = 0.6  # of the models have a benchmark that can be chosen


def splits(panel):
    """Deal base families into folds, the largest first."""
    sizes = panel.models["base_family"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    fold = pd.Series(np.arange(len(sizes)) % FOLDS, index=sizes.index)
    return panel.models["base_family"].map(fold).to_numpy()


def greedy_refitting(train, n, able):
    """Benchmarks by forward selection: refit, look at the error on the hidden scores of every second model, repeat."""
    held = np.arange(len(train.models)) % 2 == 1
    scores = train.scores.to_numpy()
    chosen = []
    for _ in range(n):
        errors = {}
        for j in (j for j in able if j not in chosen):
            keep = np.isin(np.arange(scores.shape[1]), [*chosen, j])
            hidden = held[:, None] & ~keep
            seen = train.hide(hidden)
            fitted = forecaster("matrix").fit(seen)
            told = fitted.predict(seen.models[held]).point
            errors[j] = np.nanmean(np.abs(told - np.where(keep, np.nan, scores[held])))
        chosen.append(min(errors, key=errors.get))
    return chosen


def answer(model, panel, rows, chosen):
    """Forecast held-out models from their scores on the chosen benchmarks; all cells, the told ones NaN."""
    told = np.isin(np.arange(panel.scores.shape[1]), chosen)
    scores = panel.scores[rows]
    point = model.predict(panel.models[rows], scores.where(np.broadcast_to(told, scores.shape))).point
    return np.where(told, np.nan, 100 * np.abs(point - scores.to_numpy()))


def main(view, n_random, least):
    panel = load_panel(view)
    panel = panel.select(benchmarks=list(panel.benchmarks.index[panel.benchmarks["unit"] == "fraction"]))
    panel = panel.select((panel.scores.notna().sum(axis=1) >= least).to_numpy())
    panel = panel.select(benchmarks=list(panel.scores.columns[panel.scores.notna().sum() >= 5]))
    common = (panel.scores.notna().mean() >= MOST).to_numpy()
    able = np.flatnonzero(common)
    fold, J = splits(panel), panel.scores.shape[1]
    rng = np.random.default_rng(0)
    draws = [sorted(rng.choice(able, 5, replace=False)) for _ in range(n_random)]
    parts, seconds = [], []
    for k in range(FOLDS):
        rows = fold == k
        train = panel.select(~rows)
        usual = train.scores.notna().mean().to_numpy()
        start = time.perf_counter()
        model = forecaster("skill").fit(train)
        fitted = time.perf_counter()
        found = select_benchmarks(population(model), list(panel.scores.columns), 3, targets=usual, candidates=common)
        seconds.append((fitted - start, time.perf_counter() - fitted))
        ours = [list(panel.scores.columns).index(name) for name in found.steps["benchmark"]]
        theirs = greedy_refitting(train, 5, able)
        matrix = forecaster("matrix").fit(train)
        base = panel.models["base_family"][rows].to_numpy()
        errors = {
            "chosen 3": answer(model, panel, rows, ours),
            "greedy 5": answer(model, panel, rows, theirs),
            "greedy 5, matrix": answer(matrix, panel, rows, theirs),
        }
        random = np.stack([answer(model, panel, rows, draw) for draw in draws])
        parts.append((base, errors, random))
        print(
            f"fold {k}: chosen {', '.join(found.steps['benchmark'])}; greedy {', '.join(panel.scores.columns[theirs])}"
        )
    base = np.concatenate([np.repeat(p[0][:, None], J, axis=1) for p in parts])
    ours = np.concatenate([p[1]["chosen 3"] for p in parts])
    rows = [["chosen 3", f"{np.nanmean(ours):.2f}", f"{np.nanmedian(ours):.2f}", "", "", ""]]
    random = np.concatenate([p[2] for p in parts], axis=1)
    for label in ("greedy 5", "greedy 5, matrix", "random 5"):
        if label == "random 5":
            both = np.isfinite(ours) & np.isfinite(random)
            count = both.sum(axis=0)
            other = np.where(both, random, 0.0).sum(axis=0) / np.maximum(count, 1)
            use, hidden = count > 0, random
        else:
            other = hidden = np.concatenate([p[1][label] for p in parts])
            use = np.isfinite(ours) & np.isfinite(other)
        told = paired_bootstrap(ours[use], other[use], base[use], False)
        rows.append([label, f"{np.nanmean(hidden):.2f}", f"{np.nanmedian(hidden):.2f}",
                     f"{ours[use].mean():.2f} / {other[use].mean():.2f}",
                     f"{told['difference']:+.2f} ({told['lower']:+.2f} to {told['upper']:+.2f})",
                     str(told["n_groups"])])  # fmt: skip
    show(["told", "MAE of its hidden cells", "median", "MAE of common cells: chosen 3 / this",
          "difference (95 %)", "families"], rows)  # fmt: skip
    fit, select = np.median(seconds, axis=0)
    print(
        f"\n{view}: {len(panel.models)} x {J}, {len(able)} can be chosen; "
        f"fit {fit:.2f} s, selection {select:.3f} s (bar 1)"
    )
    return select < 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--view", default="benchpress-v1")
    parser.add_argument("--random", type=int, default=20, help="sets of five")
    parser.add_argument("--least", type=int, default=8, help="scores that a model needs to take part")
    arguments = parser.parse_args()
    raise SystemExit(0 if main(arguments.view, arguments.random, arguments.least) else 1)
