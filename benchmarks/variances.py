"""What sets models apart beyond their covariates: standard deviations by level, in logits of an average benchmark.

One row per view and fit of `skill`: what is left for a model, what a family adds to its series, a series to its lab,
and labs among each other; and the share of the labs in the variance between series. The last columns regress the
residual skills inside families on the size of the smallest sibling over the model's own, in a fit without that
covariate.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from dataclasses import replace

import numpy as np
import pandas as pd
import statsmodels.api as sm
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel
from obslaws.skill.fit import fit_skills

LEVELS = ("model", "family", "base", "lab")


def inside_families(forecaster, fit):
    """Effect of the smallest sibling on what is left of the skills, logits, with its t-value clustered by series."""
    column = forecaster.scale_.columns(["smallest sibling"])
    without = replace(fit.problem.priors, without=(*fit.problem.priors.without, *column))
    again = fit_skills(fit.problem.data, fit.n_skills, without)
    state, nesting, x = again.state, again.problem.data.nesting, again.problem.data.covariates
    left = (state.skills - x @ state.slopes - state.family[nesting.family]) @ state.loadings.mean(axis=0)
    share = x[:, column[0]] * forecaster.scale_.scale[5]
    table = pd.DataFrame({"left": left, "size": x[:, 0], "share": share})
    inside = table - table.groupby(nesting.family).transform("mean")
    several = np.bincount(nesting.family)[nesting.family] > 1
    groups = {"groups": nesting.base_of_model[several]}
    found = sm.OLS(inside.left[several], inside[["size", "share"]][several]).fit(cov_type="cluster", cov_kwds=groups)
    return found.params["share"], found.tvalues["share"]


def main():
    rows = []
    for view in ("core", "sloth"):
        forecaster = SkillForecaster(calibrate=False).fit(load_panel(view))
        for number, fit in enumerate(forecaster.fits_, 1):
            mean = fit.state.loadings.mean(axis=0)
            by_level = {level: float(mean @ getattr(fit.variances, level) @ mean) for level in LEVELS}
            share = by_level["lab"] / (by_level["lab"] + by_level["base"])
            effect, t = inside_families(forecaster, fit)
            rows.append([
                view, number, *(f"{variance**0.5:.2f}" for variance in by_level.values()), f"{share:.0%}",
                f"{effect:.2f}", f"{t:.1f}",
            ])  # fmt: skip
    show(["view", "fit", *LEVELS, "share of labs", "smallest sibling", "t"], rows)


if __name__ == "__main__":
    main()
