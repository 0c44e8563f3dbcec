"""Forecasts of strong models by what is held of the ceilings of tasks whose answers a program computed.

Of one such task at a time the scores of all but the weakest models are hidden, as in `strong_hidden.py`: tasks of
BIG-bench Hard with chain of thought, run on one set of models, and of LiveBench. One row per prior of the ceiling, as
logit and standard deviation of its share of the room above guessing; `open` is that of tasks whose answers people
wrote. Mean absolute error, mean error and mean interval score of nine tenths (lower is better), points.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from dataclasses import replace

import numpy as np
from joblib import Parallel, delayed
from strong_hidden import board, strong_hidden
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import Panel, complete_benchmarks, complete_models
from obslaws.skill.state import Priors
from obslaws.snapshot import load_snapshot

PRIORS = {
    "open": None,
    "3, 1": (3.0, 1.0),
    "4, 1": (4.0, 1.0),
    "5, 1": (5.0, 1.0),
    "4, 0.5": (4.0, 0.5),
    "held": (12.0, 1e-3),
}


def big_bench_hard():
    """Take the tasks of BIG-bench Hard with chain of thought."""
    data = load_snapshot()
    scores = data.scores[data.scores["benchmark"].str.match(r"bbh_cot_(?!overall).*@obsscaling")]
    wide = scores.pivot_table(index="model", columns="benchmark", values="score")
    models = complete_models(data.models[data.models["model"].isin(wide.index)])
    benchmarks = complete_benchmarks(data.benchmarks[data.benchmarks["benchmark"].isin(wide.columns)])
    return Panel("bbh", models, wide.loc[models.index, benchmarks.index], benchmarks)


def answers(panel, hidden):
    """Score, point and bounds of the hidden cells under each prior."""
    score, asked, out = panel.scores.to_numpy(dtype=float)[hidden], hidden.any(axis=1), {}
    for label, prior in PRIORS.items():
        part = panel
        if prior is None:
            part = replace(panel, benchmarks=panel.benchmarks.assign(ceiling=np.nan))
        mean, sd = prior or PRIORS["held"]
        priors = Priors(known_ceiling_logit=mean, known_ceiling_logit_sd=sd)
        told = SkillForecaster(priors=priors, calibrate=False).fit(part.hide(hidden)).predict(panel.models[asked])
        cells = hidden[asked]
        out[label] = np.stack([score, told.point[cells], told.quantile(0.05)[cells], told.quantile(0.95)[cells]])
    return out


def row(board_name, label, cells):
    score, point, lower, upper = 100.0 * cells
    missed = np.maximum(lower - score, 0.0) + np.maximum(score - upper, 0.0)
    inside = (lower <= score) & (score <= upper)
    error = point - score
    return [
        board_name, label, str(len(score)), f"{np.abs(error).mean():.2f}", f"{error.mean():+.2f}",
        f"{100 * inside.mean():.1f}", f"{(upper - lower + 20.0 * missed).mean():.1f}",
    ]  # fmt: skip


def main():
    rows = []
    for name, panel in (("BIG-bench Hard", big_bench_hard()), ("LiveBench", board("livebench"))):
        computed = panel.benchmarks["ceiling"].notna().to_numpy()
        jobs = [(p, hidden) for p, hidden in strong_hidden(panel, 1) if computed[hidden.any(axis=0)].all()]
        found = Parallel(2)(delayed(answers)(*job) for job in jobs)
        for label in PRIORS:
            rows.append(row(name, label, np.concatenate([part[label] for part in found], axis=1)))
    show(["board", "prior", "cells", "mean error", "bias", "90 % hold", "interval score"], rows)


if __name__ == "__main__":
    main()
