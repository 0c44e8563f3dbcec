"""Errors of `skill` on the data that its form is chosen on: no group here is a test group of the setting it stands in.

Base families of Sloth's table and series of `core` are hidden one by one, as in `interval_shape.py`; models of `core`
released before June 2024, where what the protocol `date-cutoff` asks begins, are forecast from what was released before
them, in six steps, as the fit has it and shifted by how far forecasts of an earlier past fell short. Mean absolute
error and mean error, points; share of scores inside 80, 90 and 95 % intervals and mean interval score at 90 %, points.
All but the plain past days are calibrated, as forecasts are.
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
from scipy.special import ndtri
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel

LAST = pd.Timestamp("2024-06-01")
LEVELS = (0.8, 0.9, 0.95)
COLUMNS = ["cells", "mean absolute error", "mean error", *(f"{100 * level:g} %" for level in LEVELS), "interval score"]
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


def answers(panel, hidden, calibrate):
    """Error, standard deviate and interval score of each hidden score on a benchmark that others were scored on."""
    train = panel.select(~hidden)
    predictive = SkillForecaster(calibrate=calibrate).fit(train).predict(panel.models[hidden])
    asked = np.where(train.scores.notna().any(), panel.scores.to_numpy(dtype=float)[hidden], np.nan)
    return measured(predictive, asked)[:, np.isfinite(asked)]


def measured(predictive, asked):
    """Error, standard deviate and interval score of all scores asked about: (n, J) -> (3, n, J)."""
    low, high = predictive.quantile(0.05), predictive.quantile(0.95)
    score = high - low + 20.0 * (np.maximum(low - asked, 0.0) + np.maximum(asked - high, 0.0))
    return np.stack([100.0 * (predictive.point - asked), predictive.normal_score(asked), 100.0 * score])


def in_short(error, deviate, score):
    """Sum some cells up in a row of the table."""
    inside = (f"{100 * np.mean(np.abs(deviate) < ndtri(0.5 + level / 2)):.1f}" for level in LEVELS)
    return [str(len(error)), f"{np.abs(error).mean():.2f}", f"{error.mean():+.2f}", *inside, f"{score.mean():.1f}"]


def main():
    data = {name: list(sloth(name)) for name in SETTINGS} | {"core": list(core()), "core, past days": list(past())}
    data[SHIFTED] = data["core, past days"]
    jobs = [(name, panel, np.asarray(hidden)) for name, splits in data.items() for panel, hidden in splits]
    jobs = [job for job in jobs if job[2].any()]
    found = Parallel(2)(delayed(answers)(panel, hidden, name != "core, past days") for name, panel, hidden in jobs)
    parts = {name: [part for job, part in zip(jobs, found, strict=True) if job[0] == name] for name in data}
    parts = {"sloth, all settings": [part for name in SETTINGS for part in parts[name]]} | parts
    show(
        ["development data", *COLUMNS],
        [[name, *in_short(*np.concatenate(part, axis=1))] for name, part in parts.items()],
    )


if __name__ == "__main__":
    main()
