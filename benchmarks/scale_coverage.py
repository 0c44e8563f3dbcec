"""Coverage of 90 % intervals on simulated boards, 5 % filled: held-out cells, held-out base families, scores given.

And benchmarks of which only five models' scores are known, a tenth of them at once, for all others that have one.
"""

import numpy as np
import pandas as pd
from table import show

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster
from obslaws.simulate import simulate_board

DEVIATE = 1.6448536


def covered(fitted, panel, rows, cells, base, known=None):
    """Cells, share inside their interval, its standard error by base family, mean absolute error in points."""
    scores = np.where(cells, panel.scores.to_numpy(), np.nan)[rows]
    answer = fitted.predict(panel.models[rows], known)
    deviate = answer.normal_score(scores)
    there = np.isfinite(deviate)
    inside, group = (np.abs(deviate) < DEVIATE)[there], base[rows][np.nonzero(there)[0]]
    excess = np.bincount(group, weights=inside - inside.mean())
    error = np.abs(answer.point - scores)[there].mean()
    return len(inside), inside.mean(), np.sqrt((excess**2).sum()) / len(inside), 100.0 * error


def onboarded(panel):
    """Do as `covered`, for new benchmarks with five scores; the standard error is by benchmark."""
    rng, names = np.random.default_rng(2), list(panel.scores.columns[::10])
    seen, hidden = panel.scores.notna().to_numpy(), np.zeros(panel.scores.shape, dtype=bool)
    for j in range(0, seen.shape[1], 10):
        scored = np.flatnonzero(seen[:, j])
        hidden[np.setdiff1d(scored, rng.choice(scored, 5, replace=False)), j] = True
    rows = hidden.any(axis=1)
    answer = OnboardingForecaster(new=names).fit(panel.hide(hidden)).forecast(panel.models[rows], benchmarks=names)
    score = np.where(hidden, panel.scores, np.nan)[rows][:, ::10].ravel()
    inside = ((answer["lower"] <= score) & (score <= answer["upper"]))[np.isfinite(score)]
    by_benchmark = inside.groupby(answer["benchmark"]).mean()
    error = 100.0 * (answer["forecast"] - score).abs().mean()
    return len(inside), inside.mean(), by_benchmark.std() / np.sqrt(len(names)), error


def main():
    out = []
    for n_models, n_benchmarks in ((3_000, 100), (10_000, 100)):
        # a sixth of the cells is held out, which leaves 5 % filled
        panel = simulate_board(n_models, n_benchmarks, fill=0.06, random_state=0).panel
        rng, size = np.random.default_rng(1), f"{n_models} x {n_benchmarks}"
        base = panel.models["base_family"].factorize()[0]
        new = np.isin(base, rng.permutation(base.max() + 1)[:100])
        seen = panel.scores.notna().to_numpy()
        hidden = seen & (rng.random(seen.shape) < 1 / 6) & ~new[:, None]
        fitted = SkillForecaster(n_skills=3).fit(panel.hide(hidden).select(~new))
        first = seen & (np.cumsum(seen, axis=1) <= 3)
        given = pd.DataFrame(np.where(first, panel.scores, np.nan)[new], panel.models.index[new], panel.scores.columns)
        for label, rows, cells, known in (
            ("held-out cells", hidden.any(axis=1), hidden, None),
            ("held-out base families", new, seen, None),
            ("the same, three scores given", new, seen & ~first, given),
        ):
            n, share, error, points = covered(fitted, panel, rows, cells, base, known)
            out.append([label, size, str(n), f"{100 * share:.2f}", f"{100 * error:.2f}", f"{points:.1f}"])
        n, share, error, points = onboarded(panel)
        out.append(
            ["new benchmarks, five scores", size, str(n), f"{100 * share:.2f}", f"{100 * error:.2f}", f"{points:.1f}"]
        )
    show(["forecast of", "panel", "cells", "coverage, %", "standard error", "MAE, points"], out)


if __name__ == "__main__":
    main()
