"""How often intervals of `skill` hold on development series, by the shape that its logits are given.

Base families are hidden and forecast one by one, without any stretch: those of Sloth's table that are in no test group
of a setting, with as many models known as the setting has it, and some series of `core`, with one model known. Shapes
agree on the central nine tenths; one row per shape, the share of scores inside intervals of four levels.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from dataclasses import replace

import numpy as np
from scipy.special import ndtri
from table import show

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol
from obslaws.skill import posterior
from obslaws.skill.student import heavy

SETTINGS = [f"sloth-{table}-{n}" for table in ("v1", "v2", "both") for n in (1, 2)]
SERIES = (
    "cerebras-gpt", "deepseek-coder", "deepseek-llm", "exaone-3.5", "falcon3", "granite-3.0", "granite-3.1",
    "h2o-danube3", "llama", "llama-2", "llama-3.1", "llama-3.2", "minitron", "open_llama", "phi-3", "qwen", "qwen1.5",
    "qwen2.5", "smollm2", "stablelm-2", "starcoder", "yi",
)  # fmt: skip
LEVELS = (0.5, 0.8, 0.9, 0.95)
SHAPES = {"normal": None, "8": 8.0, "5": 5.0, "4": 4.0, "3": 3.0}


def rank(models):
    """Count the smaller models of each model's family."""
    return models["n_params"].groupby(models["family"]).rank(method="first").to_numpy() - 1


def sloth(name):
    """Yield the panel and the hidden rows of each base family that is in no test group of a setting."""
    record = load_protocol(name)
    panel = load_panel(record.view).select(benchmarks=list(record.benchmarks))
    known = panel.models[["n_params", "n_tokens"]].notna().all(axis=1) & panel.scores.notna().all(axis=1)
    panel = panel.select(known.to_numpy())
    enough = panel.models.groupby("family")["family"].transform("size") > record.n_observed
    panel = panel.select(enough.to_numpy())
    tested = {family for group in record.groups.values() for family in group}
    free = ~panel.models["family"].isin(tested).to_numpy()
    for base in panel.models["base_family"].unique():
        yield panel, free & (panel.models["base_family"] == base) & (rank(panel.models) >= record.n_observed)


def core():
    """Yield the panel and the hidden rows of some series: all but the smallest model of each family."""
    panel = load_panel("core")
    for base in SERIES:
        yield panel, (panel.models["base_family"] == base) & (rank(panel.models) >= 1)


def forecasts(splits):
    for panel, hidden in splits:
        hidden = np.asarray(hidden)
        if hidden.any():
            fitted = SkillForecaster(calibrate=False).fit(panel.select(~hidden))
            yield fitted.predict(panel.models[hidden]), panel.scores.to_numpy(dtype=float)[hidden]


def main():
    told = {"sloth": [one for name in SETTINGS for one in forecasts(sloth(name))], "core": list(forecasts(core()))}
    rows = []
    for shape, dof in SHAPES.items():
        # the nodes of every predictive distribution, with the central nine tenths in place
        posterior.NODES = posterior.NORMAL_NODES if dof is None else heavy(posterior.NORMAL_NODES, dof)
        row = [shape]
        for answers in told.values():
            # a copy has computed nothing yet
            found = np.concatenate([np.abs(replace(one).normal_score(y)).ravel() for one, y in answers])
            found = found[np.isfinite(found)]
            row += [f"{100 * np.mean(found < ndtri(0.5 + level / 2)):.1f}" for level in LEVELS]
        rows.append(row)
    show(["shape (dof)", *(f"{view} {100 * level:g} %" for view in told for level in LEVELS)], rows)


if __name__ == "__main__":
    main()
