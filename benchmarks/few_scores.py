"""A benchmark with k scores: forecast from the joint posterior, or as a new one whose curve is learned apart.

Development data: boards that no protocol asks about, LiveBench and ObsScaling's downstream tasks. One benchmark at a
time keeps k scores, drawn at random; its others are asked about. Mean absolute error, share inside 90 % intervals and
mean interval score, points.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from bench_new_model import thinned
from joblib import Parallel, delayed
from table import show

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster

BOARDS = {"livebench": (12, (3, 5, 10, 20, 40)), "obsscaling-downstream": (6, (5, 20, 40))}


def errors(panel, j, k):
    """Error, whether inside, and interval score of each hidden score, (2, 3, n): joint, then as a new one."""
    name, seen = panel.scores.columns[j], np.flatnonzero(panel.scores.iloc[:, j].notna())
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    told = np.random.default_rng(j).choice(seen, min(k, len(seen) - 5), replace=False)
    hidden[np.setdiff1d(seen, told), j] = True
    rows, out = hidden[:, j], []
    score = panel.scores.iloc[rows, j].to_numpy()
    for forecaster in (SkillForecaster(few=0), OnboardingForecaster(new=[name])):
        answer = forecaster.fit(panel.hide(hidden)).forecast(panel.models[rows], benchmarks=[name])
        point, low, high = (answer[column].to_numpy() for column in ("forecast", "lower", "upper"))
        beyond = np.maximum(low - score, 0.0) + np.maximum(score - high, 0.0)
        out.append(100.0 * np.stack([np.abs(point - score), beyond == 0.0, high - low + 20.0 * beyond]))
    return np.stack(out)


def main():
    rows = []
    for source, (n_benchmarks, counts) in BOARDS.items():
        panel = thinned(source, 1.0)
        at = np.linspace(0, panel.scores.shape[1] - 1, n_benchmarks).round().astype(int)
        for k in counts:
            found = Parallel(2)(delayed(errors)(panel, j, k) for j in at)
            means = np.concatenate(found, axis=2).mean(axis=2)
            numbers = [f"{value:.{digits}f}" for one in means for value, digits in zip(one, (2, 1, 1), strict=True)]
            rows.append([f"{source}, k = {k}", *numbers])
    columns = ("error", "inside", "interval score")
    show(["board", *(f"{kind}: {c}" for kind in ("joint", "as new") for c in columns)], rows)


if __name__ == "__main__":
    main()
