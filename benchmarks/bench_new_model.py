"""New models with k scores told: median errors of `skill` beside other forecasters, coverage and width by k.

The protocol is `new-model`; each month is fitted once and asked for every k. Errors are over hidden cells only. Shares
inside have intervals by families (`obslaws.metrics.share_interval`), and so have differences of medians, from a
bootstrap. `--thin 0.4 --source livebench` makes the development table instead: one source of the snapshot, two of five
cells at random.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse

import numpy as np
import pandas as pd
from table import show

from obslaws.forecasters import forecaster
from obslaws.metrics import share_interval
from obslaws.panel import COVARIATES, Panel, complete_benchmarks, load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.snapshot import load_snapshot
from obslaws.splits import plan

LEVELS = (0.8, 0.9, 0.95)
SHARES = sorted({round(0.5 + side * level / 2, 6) for level in LEVELS for side in (-1, 1)})


def thinned(source, share, seed=0):
    """Take one source's fractions of dated models, five scores a model at least, then `share` of the cells."""
    data = load_snapshot()
    benchmarks = complete_benchmarks(data.benchmarks)
    scores = data.scores[(data.scores["source"] == source)]
    scores = scores[scores["benchmark"].isin(benchmarks.index[benchmarks["unit"].eq("fraction")])]
    models = data.models.set_index("model")
    wide = scores.groupby(["model", "benchmark"])["score"].mean().unstack().astype(float)
    wide = wide.loc[[m for m in wide.index if m in models.index and pd.notna(models["release_date"][m])]]
    for _ in range(3):
        wide = wide.loc[:, wide.notna().sum() >= 15]
        wide = wide[wide.notna().sum(axis=1) >= 5]
    wide = wide.where(np.random.default_rng(seed).random(wide.shape) < share)
    wide = wide[wide.notna().sum(axis=1) >= 2]
    return Panel(source, models.loc[wide.index][[*COVARIATES]], wide, benchmarks.loc[wide.columns])


def answers(panel, names, ks):
    """Every hidden cell of every month: error of the point forecast and quantiles, by forecaster and k."""
    fitted, parts = {}, []
    for k in ks:
        for fold in plan(with_options(load_protocol("new-model"), revealed=k), panel):
            asked = fold.held_out.notna().to_numpy()
            row, _ = np.nonzero(asked)
            for name in names:
                if (name, fold.name) not in fitted:
                    fitted[name, fold.name] = forecaster(name).fit(fold.train)
                told = fitted[name, fold.name].predict(fold.queries, fold.revealed)
                score = fold.held_out.to_numpy()[asked]
                part = {"k": k, "forecaster": name, "family": fold.queries["family"].to_numpy()[row], "score": score}
                part |= {"error": 100 * np.abs(told.point[asked] - score), "year": fold.name[:4]}
                parts.append(pd.DataFrame(part | {share: told.quantile(share)[asked] for share in SHARES}))
    return pd.concat(parts, ignore_index=True)


def median_gain(mine, theirs, family, n_draws=2000):
    """Difference of median errors, with a 95 % interval from drawing families anew."""
    _, at = np.unique(family, return_inverse=True)
    cells = [np.flatnonzero(at == i) for i in range(at.max() + 1)]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(n_draws):
        rows = np.concatenate([cells[i] for i in rng.integers(len(cells), size=len(cells))])
        draws.append(np.median(mine[rows]) - np.median(theirs[rows]))
    return np.median(mine) - np.median(theirs), *np.quantile(draws, [0.025, 0.975])


def inside(part, level):
    """Tell which scores lie in their interval, and how wide the intervals are in points."""
    lower, upper = (part[round(0.5 + side * level / 2, 6)] for side in (-1, 1))
    return (lower <= part["score"]) & (part["score"] <= upper), 100 * (upper - lower)


def tell(frame):
    show([str(c) for c in frame.columns], frame.fillna("").astype(str).to_numpy().tolist())


def main(panel, names, ks):
    cells = answers(panel, names, ks)
    rows = []
    for k, these in cells.groupby("k"):
        first = these[these["forecaster"] == names[0]]
        for name in names:
            part = these[these["forecaster"] == name]
            row = {"k": k, "forecaster": name, "cells": len(part), "median error": f"{part['error'].median():.2f}"}
            row["mean error"] = f"{part['error'].mean():.2f}"
            for level in LEVELS:
                hit, width = inside(part, level)
                ends = [100 * end for end in share_interval(hit, part["family"])]
                row[f"{100 * level:g} %"] = "{:.1f} ({:.0f} to {:.0f})".format(100 * hit.mean(), *ends)
                row[f"width {100 * level:g} %"] = f"{width.median():.1f}"
            if name != names[0]:
                gain = median_gain(first["error"].to_numpy(), part["error"].to_numpy(), first["family"].to_numpy())
                row[f"{names[0]} less this, median"] = "{:+.2f} ({:+.2f} to {:+.2f})".format(*gain)
            rows.append(row)
    tell(pd.DataFrame(rows))
    first = cells[cells["forecaster"] == names[0]]
    years = first.assign(inside=inside(first, 0.9)[0]).pivot_table(index="year", columns="k", values="inside")
    print(f"\n90 % intervals of {names[0]} by year and k, share inside\n")
    tell(years.map(lambda v: f"{100 * v:.0f}", na_action="ignore").reset_index())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--view", default="epoch-2025-11")
    parser.add_argument("--source", help="one source of the snapshot instead of a view")
    parser.add_argument("--thin", type=float, default=0.4, help="share of the source's cells that is kept")
    parser.add_argument("--seed", type=int, default=0, help="which draw of the cells")
    parser.add_argument("--forecaster", default="skill,model-mean,matrix")
    parser.add_argument("--revealed", type=int, nargs="*", default=[1, 3, 5])
    given = parser.parse_args()
    table = thinned(given.source, given.thin, given.seed) if given.source else load_panel(given.view)
    main(table, given.forecaster.split(","), given.revealed)
