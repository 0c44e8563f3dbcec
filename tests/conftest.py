import os
from typing import NamedTuple

os.environ["MPLBACKEND"] = "Agg"  # no window, whatever the machine
os.environ.setdefault("COLUMNS", "200")  # help and tables are not folded by the width of somebody's terminal

import numpy as np
import pandas as pd
import pytest

from obslaws.cli.app import main
from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.panel import read_panel

SIZES = {
    "alpha": ("alpha", "base", "acme", (0.5e9, 1.5e9, 3e9, 7e9, 14e9, 32e9), 18e12),
    "alpha-chat": ("alpha", "chat", "acme", (0.5e9, 7e9, 32e9), 18e12),
    "beta": ("beta", "base", "bee", (1e9, 7e9, 13e9, 65e9), 1.4e12),
    "gamma": ("gamma", "base", "gang", (2e9, 9e9, 27e9), 6e12),
    "delta": ("delta", "base", "dada", (0.16e9, 0.41e9, 1e9, 2.8e9, 6.9e9, 12e9), 0.3e12),
}
BENCHMARKS = {"mmlu": (0.25, 14042), "gsm8k": (0.0, 1319), "hellaswag": (0.25, 10042)}


def write_small_panel(folder):
    """22 made-up models of five families on three benchmarks, two cells missing: the tables of a user's own panel."""
    rng = np.random.default_rng(0)
    models, scores = [], []
    for family, (base_family, variant, org, sizes, n_tokens) in SIZES.items():
        bonus = rng.normal(0, 0.4)
        for size in sizes:
            model = f"{org}/{family.title()}-{size / 1e9:g}B"
            models.append((model, org, family, base_family, variant, size, n_tokens, "2024-09-19"))
            skill = 0.9 * np.log10(6 * size * n_tokens / 1e22) + bonus
            for i, (benchmark, (floor, _)) in enumerate(BENCHMARKS.items()):
                score = floor + (0.97 - floor) / (1 + np.exp(-(skill - 0.4 * i + rng.normal(0, 0.1))))
                scores.append((model, benchmark, round(score, 4)))
    columns = ["model", "org", "family", "base_family", "variant", "n_params", "n_tokens", "release_date"]
    pd.DataFrame(models, columns=columns).to_csv(folder / "models.csv", index=False)
    missing = {("bee/Beta-65B", "gsm8k"), ("dada/Delta-0.16B", "mmlu")}
    kept = [s for s in scores if s[:2] not in missing]
    pd.DataFrame(kept, columns=["model", "benchmark", "score"]).to_csv(folder / "scores.csv", index=False)
    facts = [(name, floor, n_items) for name, (floor, n_items) in BENCHMARKS.items()]
    pd.DataFrame(facts, columns=["benchmark", "score_floor", "n_items"]).to_csv(folder / "benchmarks.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    return write_small_panel(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_panel(small_folder):
    return read_panel(small_folder)


class StraightLine(Forecaster):
    """The plainest forecaster that has a curve: one slope in log compute, one intercept per family, per benchmark."""

    name = "straight-line"

    def _fit(self, panel):
        x = np.log10(panel.models["train_flop"].to_numpy()) - 22
        scores = panel.scores.to_numpy()
        family = panel.models["family"].to_numpy()
        self.slope_, self.sd_, self.intercept_ = [], [], []
        for column in scores.T:
            seen = ~np.isnan(column)
            slope, intercept = np.polyfit(x[seen], column[seen], 1)
            left = column - slope * x
            own = {f: np.nanmean(left[family == f]) for f in set(family)}
            self.slope_.append(slope)
            self.intercept_.append({**own, None: intercept})
            self.sd_.append(np.nanstd(left - [own[f] for f in family]))

    def _predict(self, queries, scores):
        x = np.log10(queries["train_flop"].to_numpy()) - 22
        known = queries["family"].isin(self.intercept_[0]).to_numpy()
        levels = np.array([[i.get(f, i[None]) for i in self.intercept_] for f in queries["family"]])
        sd = np.asarray(self.sd_) * np.where(known, 1.0, 3.0)[:, None]
        basis = np.where(known, "family", "pooled")[:, None].repeat(len(self.slope_), axis=1)
        return NormalPredictive(levels + x[:, None] * np.asarray(self.slope_), sd, basis)


@pytest.fixture(scope="session")
def line(small_panel):
    return StraightLine().fit(small_panel)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run the program as a shell would; gives its exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in arguments])
            raise SystemExit(0)
        caught = capsys.readouterr()
        return Ran(int(left.value.code or 0), caught.out, caught.err)

    return run
