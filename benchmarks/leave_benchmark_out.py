"""A new benchmark from k scored models: error and coverage over all other models, benchmark by benchmark, on core.

The folds are those of `obslaws backtest --protocol leave-benchmark-out --revealed k`.
"""

import sys

import numpy as np
import pandas as pd

from obslaws.forecasters import forecaster
from obslaws.metrics import interval_metrics, point_metrics
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.splits import plan

LEVELS = (0.8, 0.9, 0.95)


def measures(cells):
    errors = point_metrics(cells["score"], cells["forecast"])
    return errors | interval_metrics(cells["score"], cells["lower"], cells["upper"])


def main(view="core", counts=(3, 5, 10)):
    panel, rows = load_panel(view), []
    for k in counts:
        for fold in plan(with_options(load_protocol("leave-benchmark-out"), revealed=k), panel):
            model = forecaster("onboard", new=[fold.name]).fit(fold.train)
            score = fold.held_out[fold.name].to_numpy()
            for level in LEVELS:
                answer = model.forecast(fold.queries, benchmarks=[fold.name], level=level)
                rows.append(answer.assign(k=k, score=score))
    cells = pd.concat(rows)
    for (k, level), part in cells.groupby(["k", "level"]):
        told = measures(part)
        each = [interval_metrics(p["score"], p["lower"], p["upper"])["coverage"] for _, p in part.groupby("benchmark")]
        print(
            f"k={k} level={level:g} cells={len(part)} mae={told['mae']:.2f} width={told['width']:.1f} "
            f"coverage={told['coverage']:.3f} per benchmark {np.min(each):.2f} to {np.max(each):.2f}"
        )
    for (k, name), part in cells[cells["level"] == 0.9].groupby(["k", "benchmark"], sort=False):
        told = measures(part)
        print(
            f"  k={k} {name:12s} mae={told['mae']:5.2f} bias={told['bias']:+5.1f} width={told['width']:5.1f} "
            f"coverage={told['coverage']:.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:2])
