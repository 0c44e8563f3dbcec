# %% [markdown]
# # A first tour
#
# What will a model score that nobody has run yet, and how sure can one be? Here: a 22B Qwen2.5 on 18T tokens, a size
# between two that Qwen released, so that the neighbours tell whether the answer is sensible.

# %%
import matplotlib.pyplot as plt

import obslaws
from obslaws.backtest import backtest
from obslaws.query import query

panel = obslaws.load_panel("core")
print(f"{len(panel.models)} models, {panel.models['family'].nunique()} families, {panel.n_cells} scores")

# %% [markdown]
# The fit takes no settings. It finds every variance in the data, and so shrinks skills that a table does not support.

# %%
skill = obslaws.SkillForecaster().fit(panel)
fit = skill.fits_[0]
print(f"{fit.n_skills} skills after {fit.n_iter} rounds, converged: {fit.converged}")

# %%
model = query(panel, "qwen2.5", n_params=22e9, n_tokens=18e12)
forecast = skill.forecast(model, level=0.9).set_index("benchmark")
neighbours = panel.scores.loc[["Qwen/Qwen2.5-14B", "Qwen/Qwen2.5-32B"]].T
print(forecast[["forecast", "lower", "upper"]].join(neighbours).round(3))

# %% [markdown]
# On most benchmarks the forecast lies between the 14B and the 32B; on GPQA and MuSR it lies below both, since the
# family's models scatter around its curve. The intervals are wider than the gap between the two: a model departs from
# the curve for reasons that size and tokens do not tell.
#
# One known score moves the others, and narrows most of them.

# %%
known = model.assign(ifeval=0.45)[["ifeval"]]
informed = skill.forecast(model, scores=known, level=0.9).set_index("benchmark")
widths = forecast.assign(before=forecast["upper"] - forecast["lower"], after=informed["upper"] - informed["lower"])
print(widths[["before", "after"]].round(3))

# %% [markdown]
# Should one believe this? Hide every larger model of a family, forecast it from the smallest, and look.

# %%
result = backtest("sloth-v2-1", forecaster="skill")
cells = result.cells
figure, axes = plt.subplots(figsize=(5, 5))
axes.errorbar(
    cells["score"],
    cells["forecast"],
    yerr=[cells["forecast"] - cells["lower"], cells["upper"] - cells["forecast"]],
    fmt="o",
    markersize=3,
    linewidth=0.5,
    color="#0072B2",
)
axes.axline((0, 0), slope=1, color="black", linewidth=0.8)
axes.set(xlabel="measured score (fraction)", ylabel="forecast with 90 % interval (fraction)")
summary = result.summary()
axes.set_title(
    f"{summary['n_cells']} scores, mean error {summary['mae']:.1f} points, coverage {summary['coverage']:.0%}"
)
figure.tight_layout()
plt.show()

# %% [markdown]
# What we learned: errors of about three points, and intervals that hold their promise on families that were hidden.
# What this cannot tell: how a family trained in a new way will behave, and anything about prompts and harnesses other
# than the leaderboards' own.
