"""How many components a law on capabilities should have, asked inside the training models of the paper's analyses.

Of each task of five protocols only the models that train are used. The weaker part of them, by nine pretended cutoffs
from the half to nine tenths, forecasts the rest. One row per rule: its total error over the tasks of a protocol, over
that of the paper's configuration (geometric mean over the cutoffs), and how often it is at or below it.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from obslaws import load_panel
from obslaws.downstream.default import default_recipe
from obslaws.downstream.recipes import paper_recipe
from obslaws.errors import FitError
from obslaws.forecasters.base import complete_queries
from obslaws.protocols import load_protocol
from obslaws.splits import plan

PROTOCOLS = ("emergent", "emergent-complete", "post-training", "agents", "leaderboard-v2")
ORIGINS = tuple(round(0.5 + 0.05 * step, 2) for step in range(9))
FEWEST = 8


def trials():
    """Yield protocol, origin, whether the floor is free, and the two parts of each task's training models."""
    for name in PROTOCOLS:
        record = load_protocol(f"ruan2024-{name}")
        for fold in plan(record, load_panel(record.view)):
            value = fold.train.scores[fold.name]
            known = value.notna().to_numpy()
            low = float(fold.train.benchmarks.loc[fold.name, "score_floor"])
            share = ((value[known] - low) / (1.0 - low)).to_numpy(dtype=float)
            models = complete_queries(fold.train.models)[known]
            scores = fold.train.scores.drop(columns=fold.name)[known]
            flop = models["train_flop"].to_numpy(dtype=float)
            order = np.lexsort((share, flop if np.isfinite(flop).all() else share))
            has_floor = record.settings["observational"]["link"] == "logistic-floor"
            for origin in ORIGINS:
                first = round(origin * len(order))
                if first >= FEWEST:
                    parts = [(models.iloc[at], scores.iloc[at], share[at]) for at in (order[:first], order[first:])]
                    yield name, origin, has_floor, *parts


def main():
    rules = {
        "paper": lambda m, s, y, floor: paper_recipe("pc3", m, s, y, floor, "ols" if floor else "robust"),
        "default": lambda m, s, y, floor: default_recipe(None, m, s, y, floor, calibrate=False),
    }
    for k in range(1, 6):
        rules[f"pc{k}"] = lambda m, s, y, floor, k=k: default_recipe(f"pc{k}", m, s, y, floor, calibrate=False)
    rows = []
    for name, origin, has_floor, seen, asked in trials():
        for rule, fit in rules.items():
            try:
                error = fit(*seen, has_floor).forecast(*asked[:2]).point - asked[2]
            except FitError:
                continue
            rows.append((rule, name, origin, float((error**2).mean())))
    found = pd.DataFrame(rows, columns=["rule", "protocol", "origin", "mse"])
    total = found.groupby(["rule", "protocol", "origin"])["mse"].sum().unstack("rule")[list(rules)]
    ratio = total.div(total["paper"], axis=0)
    shown = np.exp(np.log(ratio).groupby("protocol").mean()).T[list(PROTOCOLS)]
    shown["all"] = np.exp(np.log(shown).mean(axis=1))
    shown["at or below"] = (ratio <= 1.0 + 1e-4).sum()
    print(f"{len(ratio)} totals")
    print(shown.round(3).to_string())


if __name__ == "__main__":
    main()
