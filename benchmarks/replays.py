"""Replayed forecasts beside those of fits from scratch: what a replay knows too much of.

Tables without any test group of a setting, one model of each family known; every second base family of `core`. For
replays by two steps, for those that go on without base families of more than a twentieth of the scores, as `Stretch`
has them, and for fits to what is left: mean absolute error (points), and by how much the 80, 90 and 95 % quantiles of
absolute standard deviates would stretch intervals, in the manner of `Stretch` but for its claim.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from interval_shape import sloth
from joblib import Parallel, delayed
from scipy.special import ndtri
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.forecasters.stretch import replayed_answers
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol
from obslaws.skill.replay import larger, replay
from obslaws.skill.student import heavy

LEVELS = np.array([0.8, 0.9, 0.95])
KINDS = ("two steps", "as they are", "fresh fits")


def tables():
    """Yield name, panel and how many of its base families are asked about: every n-th."""
    for name in ("sloth-v1-1", "sloth-v2-1", "sloth-both-1"):
        panel, _ = next(sloth(name))
        tested = {family for group in load_protocol(name).groups.values() for family in group}
        yield name, panel.select(~panel.models["family"].isin(tested).to_numpy()), 1
    yield "core", load_panel("core"), 2


def fresh(panel, hidden):
    answer = SkillForecaster(calibrate=False).fit(panel.select(~hidden)).predict(panel.models[hidden])
    return answer.point, answer.normal_score(panel.scores.to_numpy(dtype=float)[hidden])


def figures(points, deviates, scores):
    seen = np.isfinite(deviates)
    found, claimed = heavy(np.quantile(np.abs(deviates[seen]), LEVELS)), heavy(ndtri(0.5 + LEVELS / 2.0))
    return [f"{100 * np.abs(points - scores)[seen].mean():.2f}", f"{np.exp(np.log(found / claimed).mean()):.2f}"]


def main():
    rows = []
    for name, panel, every in tables():
        fitted = SkillForecaster(calibrate=False).fit(panel)
        panel, found = fitted.stretch_.panel, []
        hidden = larger(fitted.data_.size, fitted.data_.nesting.family, 1)
        for heavy_share in (1.0, 0.05):
            replays = [replay(fit, hidden, heavy=heavy_share) for fit in fitted.fits_]
            one = replays[0]
            asked = np.isin(one.group, np.unique(one.group)[::every])
            scores = one.scores[asked]
            answer = replayed_answers(fitted.fits_, fitted.weights_, replays, asked, np.full(scores.shape, np.nan))
            found += figures(answer.point, answer.normal_score(scores), scores)
        groups = np.unique(one.group[asked])
        hidden = [np.isin(np.arange(len(panel.models)), one.rows[one.group == group]) for group in groups]
        answers = Parallel(2)(delayed(fresh)(panel, rows) for rows in hidden)
        point, deviate = (np.concatenate(part) for part in zip(*answers, strict=True))
        found += figures(point, np.where(np.isfinite(scores), deviate, np.nan), scores)
        rows.append([name, f"{len(panel.models)} x {scores.shape[1]}", str(len(groups)), *found])
    kinds = (f"{kind}: {figure}" for kind in KINDS for figure in ("error", "factor"))
    show(["table", "models x benchmarks", "base families", *kinds], rows)


if __name__ == "__main__":
    main()
