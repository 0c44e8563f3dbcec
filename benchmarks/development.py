"""Errors of `skill` on the data that its form is chosen on: no group here is a test group of the setting it stands in.

Base families of Sloth's table and series of `core` are hidden one by one, as in `interval_shape.py`; models of `core`
released before June 2024, where what the protocol `date-cutoff` asks begins, are forecast from what was released before
them, in six steps, as the fit has it and shifted by how far forecasts of an earlier past fell short. Mean absolute
error and mean error, points.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import itertools

import numpy as np
import pandas as pd
from interval_shape import SETTINGS, core, sloth
from joblib import Parallel, delayed
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel

LAST = pd.Timestamp("2024-06-01")
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def past():
    """Yield the part of `core` that was released before the end of each step, and which rows are asked about."""
    panel = load_panel("core")
    day = pd.to_datetime(panel.models["release_date"])
    before = day[day < LAST].sort_values()
    starts = [*(before.iloc[int(len(before) * share)] for share in SHARES), LAST]
    for start, end in itertools.pairwise(starts):
        yield panel.select((day < end).to_numpy()), (day[day < end] >= start).to_numpy()


SHIFTED = "core, past days, shifted"


def errors(panel, hidden, calibrate=False):
    train = panel.select(~hidden)
    asked = panel.scores.to_numpy(dtype=float)[hidden]
    point = SkillForecaster(calibrate=calibrate).fit(train).predict(panel.models[hidden]).point
    found = 100.0 * (point - asked)[:, train.scores.notna().any().to_numpy()]
    return found[np.isfinite(found)]


def main():
    data = {name: list(sloth(name)) for name in SETTINGS} | {"core": list(core()), "core, past days": list(past())}
    data[SHIFTED] = data["core, past days"]
    jobs = [(name, panel, np.asarray(hidden)) for name, splits in data.items() for panel, hidden in splits]
    jobs = [job for job in jobs if job[2].any()]
    found = Parallel(2)(delayed(errors)(panel, hidden, name == SHIFTED) for name, panel, hidden in jobs)
    rows = []
    for name in data:
        cells = np.concatenate([part for (which, _, _), part in zip(jobs, found, strict=True) if which == name])
        rows.append([name, str(len(cells)), f"{np.abs(cells).mean():.2f}", f"{cells.mean():+.2f}"])
    show(["development data", "cells", "mean absolute error", "mean error"], rows)


if __name__ == "__main__":
    main()
