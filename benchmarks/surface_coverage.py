"""What `obslaws skills` tells, against the truth of simulated boards: slopes per decade and effects of families.

Two solvers: the one that keeps every covariance on panels of 400 x 12, three fifths filled, and the one for large
panels on 4,000 x 60, a tenth filled. Ratios are of the mean estimate over benchmarks to the mean truth.
"""

import argparse

import numpy as np
import pandas as pd
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.questions.skills import curves, families
from obslaws.simulate import CENTRE_PARAMS, CENTRE_TOKENS, simulate_board

LEVEL = 0.9


def asked(board):
    """Share of 90 % intervals that hold the truth, and ratio of estimate to truth, by what was asked."""
    panel, truth = board.panel, board.truth
    model = SkillForecaster(calibrate=False).fit(panel)
    found = curves(model, LEVEL)
    # slopes are told at the middle of the data; those of the truth at the middle of the simulation
    middle = np.log10(np.exp(model.scale_.centre[:2]) / [CENTRE_PARAMS, CENTRE_TOKENS])
    out = {}
    for name, own, other in (("per_decade_size", 0, 1), ("per_decade_tokens", 1, 0)):
        wanted = truth.loadings @ (truth.slopes[own] + middle[other] * truth.slopes[4])
        inside = (found[f"{name}_lower"] <= wanted) & (wanted <= found[f"{name}_upper"])
        out[name] = inside.mean(), found[name].mean() / wanted.mean()
    names = list(panel.scores.columns)
    told = families(model, dict.fromkeys(names, 1.0 / len(names)), LEVEL).set_index("family")
    strays = pd.Series((truth.skills - truth.covariates @ truth.slopes) @ truth.loadings.mean(axis=0))
    effect = strays.groupby(panel.models["family"].to_numpy()).mean().reindex(told.index)
    effect -= effect.mean()  # effects are against the average family
    inside = (told["lower"] <= effect) & (effect <= told["upper"])
    out["families"] = inside.mean(), told["effect"].std() / effect.std()
    return model.is_large_, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=12, help="Boards of each kind.")
    args = parser.parse_args()
    rows = []
    for shape, fill in (((400, 12), 0.6), ((4_000, 60), 0.1)):
        every = [asked(simulate_board(*shape, fill=fill, random_state=seed)) for seed in range(args.boards)]
        solver = "large" if every[0][0] else "exact"
        for name in every[0][1]:
            share, ratio = np.array([told[name] for _, told in every]).T
            error = share.std(ddof=1) / np.sqrt(len(share))
            size = f"{shape[0]} x {shape[1]}"
            rows.append([solver, size, name, f"{100 * share.mean():.0f}", f"{100 * error:.0f}", f"{ratio.mean():.2f}"])
    show(["solver", "panel", "asked", "coverage, %", "standard error", "estimate / truth"], rows)


if __name__ == "__main__":
    main()
