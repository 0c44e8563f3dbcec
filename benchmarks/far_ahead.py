"""How forecasts hold the further they reach beyond their training data: by time, and by training compute.

Of `core` only what was released before June 2024 takes part, where what the protocol `date-cutoff` asks begins, and
LiveBench whole and thinned. Each is cut at six days: the models released before train, all later ones are asked about,
with none or some of their own scores told. The same of `core` along training FLOP. Points; share of scores inside 80,
90 and 95 % intervals, and the mean 90 % interval score, over all cuts and by how far ahead a model lies.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse

import numpy as np
import pandas as pd
from bench_new_model import thinned
from development import COLUMNS, LAST, SHARES, in_short, measured
from joblib import Parallel, delayed
from table import show

from obslaws.folds import draw
from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel

MEASURES = ["error", "deviate", "spread"]
ENDS = {"day": (30, 90, 180, np.inf), "decade": (0.1, 0.3, 0.6, np.inf)}  # days, decades of FLOP


def boards():
    """Yield the name, panel and order of each board."""
    core = load_panel("core")
    past = core.select((pd.to_datetime(core.models["release_date"]) < LAST).to_numpy())
    yield "core", past, "day"
    yield "LiveBench", thinned("livebench", 1.0), "day"
    yield "LiveBench, 0.4", thinned("livebench", 0.4), "day"
    yield "core, by compute", past.select(past.models["train_flop"].notna().to_numpy()), "decade"


def answers(name, panel, order, share, n_told):
    """Error, deviate, interval score and lead of every later score."""
    if order == "day":
        released = pd.to_datetime(panel.models["release_date"])
        value = (released - pd.Timestamp(0)).dt.days.to_numpy(dtype=float)
    else:
        value = np.log10(panel.models["train_flop"].to_numpy(dtype=float))
    placed = np.sort(value[np.isfinite(value)])
    later = value >= placed[int(share * len(placed))]
    train, asked = panel.select(~later), panel.select(later)
    told = draw(asked.scores, n_told, 0)
    wanted = told.sum(axis=1) == n_told
    scores = asked.scores.mask(told).where(np.broadcast_to(train.scores.notna().any(), told.shape))
    given = asked.scores.where(told)[wanted] if n_told else None
    predictive = SkillForecaster().fit(train).predict(asked.models[wanted], given)
    score = scores[wanted].to_numpy(dtype=float)
    lead = np.broadcast_to((value[later][wanted] - np.nanmax(value[~later]))[:, None], score.shape)
    found = np.stack([*measured(predictive, score), lead])[:, np.isfinite(score)]
    return pd.DataFrame(found.T, columns=[*MEASURES, "lead"]).assign(board=name, order=order, told=n_told)


def row(part):
    return in_short(*part[MEASURES].to_numpy().T)


def main(counts):
    jobs = [(*board, share, n) for board in boards() for share in SHARES for n in counts]
    found = pd.concat(Parallel(2)(delayed(answers)(*job) for job in jobs), ignore_index=True)
    rows = []
    for (name, order, n_told), part in found.groupby(["board", "order", "told"], sort=False):
        rows.append([name, str(n_told), "all", *row(part)])
        start = -np.inf
        for end in ENDS[order]:
            some = part[(part["lead"] > start) & (part["lead"] <= end)]
            if len(some):
                unit = "days" if order == "day" else "decades"
                rows.append(["", "", f"over {start:g} {unit}" if end == np.inf else f"to {end:g} {unit}", *row(some)])
            start = end
    show(["board", "told", "ahead", *COLUMNS], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--told", type=int, nargs="*", default=[0], help="how many of a model's own scores are told")
    main(parser.parse_args().told)
