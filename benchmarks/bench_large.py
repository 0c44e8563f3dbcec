"""What is asked of a large panel beside forecasts: a new benchmark for all its models, and the explorer's page.

A simulated board of 5,000 models and 80 benchmarks, 5 % filled, on one core. Page in MB.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from table import show

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster
from obslaws.questions.onboard import forecast_new
from obslaws.report.explorer import explorer_data, explorer_page
from obslaws.simulate import simulate_board

NEW, TOLD = "benchmark_7", 5


def timed(work):
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def few_told(panel):
    """Hide all but a few scores on one benchmark."""
    column = panel.scores.columns.get_loc(NEW)
    seen = np.flatnonzero(panel.scores[NEW].notna())
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    hidden[np.setdiff1d(seen, np.random.default_rng(0).choice(seen, TOLD, replace=False)), column] = True
    return panel.hide(hidden)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=5_000)
    parser.add_argument("--benchmarks", type=int, default=80)
    asked = parser.parse_args()
    panel = simulate_board(asked.models, asked.benchmarks, fill=0.05, random_state=0).panel
    fitted, fit = timed(lambda: SkillForecaster().fit(panel))
    new, refit = timed(lambda: OnboardingForecaster(new=[NEW]).fit(few_told(panel)))
    answer, onboarded = timed(lambda: forecast_new(new, NEW))
    data, learned = timed(lambda: explorer_data(fitted))
    _, again = timed(lambda: explorer_data(fitted))
    page = explorer_page(data)
    rows = [
        ["fit", fit, ""],
        [f"onboard: fit to the {asked.benchmarks - 1} others", refit, ""],
        [f"onboard: {len(answer):,} models from {TOLD} scores", onboarded, ""],
        ["explorer: intervals learned, data", learned, ""],
        ["explorer: data alone", again, f"{len(page.encode()) / 1e6:.1f}"],
    ]
    show([f"{asked.models:,} x {asked.benchmarks}", "s", "page, MB"], rows)


if __name__ == "__main__":
    main()
