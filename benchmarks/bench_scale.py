"""Time and memory of the default forecaster on simulated boards, 5 % of the cells filled, three skills, one core."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from table import show

SIZES = ((3_000, 100), (10_000, 100), (30_000, 200), (100_000, 300))
FIGURE = Path(__file__).parent.parent / "docs" / "scale.png"


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(n_models, n_benchmarks):
    """One fit in a process of its own, whose peak memory is then that of the panel and the fit."""
    from obslaws.forecasters import skill
    from obslaws.simulate import simulate_board

    spent = []

    def timed(*args, **kwargs):
        start = time.perf_counter()
        out = solver(*args, **kwargs)
        spent.append(time.perf_counter() - start)
        return out

    solver, skill.fit_cells = skill.fit_cells, timed
    simulate_board(n_models=300, n_benchmarks=20)  # imports
    before = peak_mb()
    panel = simulate_board(n_models, n_benchmarks, fill=0.05, random_state=0).panel
    start, start_cpu = time.perf_counter(), time.process_time()
    fitted = skill.SkillForecaster(n_skills=3).fit(panel)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    rounds = [f"{fit.n_iter}{'' if fit.converged else '!'}" for fit in fitted.fits_]
    return {
        "cells": panel.n_cells, "fit": seconds, "cpu": cpu, "solver": sum(spent), "peak": peak_mb(),
        "beyond": peak_mb() - before, "rounds": " + ".join(rounds),
    }  # fmt: skip


def exponent(cells, cost):
    return float(np.polyfit(np.log(cells), np.log(cost), 1)[0])


def draw(found, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cells = np.array([row["cells"] for row in found], dtype=float)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for ax, series, label in (
        (axes[0], {"fit, wall": "fit", "fit, CPU": "cpu"}, "time of one fit (s)"),
        (axes[1], {"process": "peak", "beyond imports": "beyond"}, "peak memory (MB)"),
    ):
        for (name, key), marker in zip(series.items(), "os", strict=True):
            cost = np.array([row[key] for row in found])
            ax.loglog(cells, cost, marker=marker, label=f"{name}: exponent {exponent(cells, cost):.2f}")
        line = cost[-1] * cells / cells[-1]
        ax.loglog(cells, line, color="0.6", linestyle=":", label="linear in cells")
        ax.set_xlabel("observed cells")
        ax.set_ylabel(label)
        ax.legend(frameon=False)
        ax.grid(True, which="major", alpha=0.3)
    figure.suptitle("skill, three skills: simulated boards of 3,000 x 100 to 100,000 x 300, 5 % filled", fontsize=10)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, type=int, metavar=("MODELS", "BENCHMARKS"))
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*args.one)))
        return
    found, rows = [], []
    for size in SIZES:
        command = [sys.executable, __file__, "--one", *map(str, size)]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        row = found[-1]
        rows.append([
            f"{size[0]} x {size[1]}", str(row["cells"]), f"{row['fit']:.1f}", f"{row['cpu']:.1f}",
            f"{row['solver']:.1f}", row["rounds"], f"{row['peak']:.0f}", f"{row['beyond']:.0f}",
        ])  # fmt: skip
    cells = np.array([row["cells"] for row in found])
    slopes = [f"{exponent(cells, [row[key] for row in found]):.2f}" for key in ("fit", "cpu", "solver")]
    memory = [f"{exponent(cells, [row[key] for row in found]):.2f}" for key in ("peak", "beyond")]
    rows.append(["exponent in cells", "", *slopes, "", *memory])
    show(
        ["models x benchmarks", "cells", "fit, s", "CPU, s", "solver, s", "rounds", "peak, MB", "beyond imports"], rows
    )
    draw(found, args.figure)


if __name__ == "__main__":
    main()
