"""One new score told to a fitted `skill` forecaster, beside the refit that it replaces; core, one core."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import time
from dataclasses import replace

from table import show

from obslaws.forecasters import forecaster
from obslaws.panel import load_panel

MODEL, LIMIT_MS = "Qwen/Qwen2.5-32B", 5.0


def milliseconds(work, runs):
    """Median wall time and median time of this process alone; they differ on a machine that others use too."""
    wall, own = [], []
    for _ in range(runs):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(1e3 * (time.perf_counter() - start))
        own.append(1e3 * (time.process_time() - cpu))
    return statistics.median(wall), statistics.median(own)


def main():
    panel = load_panel("core")
    scores = panel.scores.copy()
    scores.loc[MODEL] = float("nan")
    told = panel.scores.loc[[MODEL]].dropna(axis=1)
    fitted = forecaster("skill", calibrate=False).fit(replace(panel, scores=scores))
    first, sixth = told[told.columns[:1]], told[told.columns[-1:]]
    before = fitted.update(told[told.columns[:-1]])
    unknown = panel.models.loc[[MODEL]].set_axis(["new/model"])
    new = first.set_axis(["new/model"])
    after = fitted.update(new, unknown)
    works = {
        "first score of a known model": lambda: fitted.update(first),
        f"its score number {told.shape[1]}": lambda: before.update(sixth),
        "first score of a new model": lambda: fitted.update(new, unknown),
        "its forecast after that": lambda: after.forecast(unknown),
        f"{told.shape[1]} scores at once": lambda: fitted.update(told),
        "refit": lambda: forecaster("skill", calibrate=False).fit(panel),
    }
    rows = []
    for label, work in works.items():
        work()
        wall, own = milliseconds(work, 3 if label == "refit" else 200)
        limit = f"{LIMIT_MS * (told.shape[1] if 'at once' in label else 1):g}" if "score" in label else "-"
        rows.append([label, limit, wall, own])
    show([f"core, {panel.scores.shape[0]} x {panel.scores.shape[1]}", "limit, ms", "median, ms", "own time, ms"], rows)


if __name__ == "__main__":
    main()
