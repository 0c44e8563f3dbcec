"""One fit of `skill` on one core, beside one of `logit-ols` in the same run."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import time

from table import show

from obslaws.forecasters import forecaster
from obslaws.panel import load_panel

V1 = ["mmlu", "arc", "hellaswag", "winogrande", "truthfulqa", "gsm8k"]


def sloth(benchmarks=None):
    """Sloth's table for the first leaderboard or for both: rows with all scores, size and tokens."""
    panel = load_panel("sloth").select(benchmarks=benchmarks)
    known = panel.models[["n_params", "n_tokens"]].notna().all(axis=1)
    return panel.select((panel.scores.notna().all(axis=1) & known).to_numpy())


def seconds(work, runs):
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        out.append(time.perf_counter() - start)
    return statistics.median(out)


def main():
    rows = []
    tables = (
        ("sloth-v1", sloth(V1), {}, 0.1),
        ("sloth-both, three skills", sloth(), {"n_skills": 3}, 0.2),
        ("core", load_panel("core"), {}, 1.0),
    )
    for label, panel, settings, limit in tables:
        ols = seconds(lambda panel=panel: forecaster("logit-ols").fit(panel), 5)
        forecaster("skill", **settings).fit(panel)  # the first fit imports scipy
        fit = seconds(lambda panel=panel, settings=settings: forecaster("skill", **settings).fit(panel), 5)
        fitted = forecaster("skill", **settings).fit(panel)
        first = seconds(lambda panel=panel, fitted=fitted: fitted.forecast(panel.models.tail(1)), 1)
        shape = f"{panel.scores.shape[0]} x {panel.scores.shape[1]}"
        rows.append([label, shape, f"{limit:g}", fit, first, ols, f"{fit / ols:.0f}"])
    show(["table", "models x benchmarks", "limit", "skill, s", "first forecast, s", "logit-ols, s", "ratio"], rows)


if __name__ == "__main__":
    main()
