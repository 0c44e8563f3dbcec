# %% [markdown]
# # A first tour
#
# What will a model score that nobody has run yet, and how sure can one be? Here: a 22B Qwen2.5 on 18T tokens, a size
# between two that Qwen released, so that the neighbours tell whether the answer is sensible.

# %%
import pandas as pd

import obslaws
from obslaws.backtest import backtest
from obslaws.query import query
from obslaws.report.backtest_figures import backtest_figure
from obslaws.report.captions import data_caption

panel = obslaws.load_panel("core")
print(data_caption(panel))
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
widths = {"before": forecast["upper"] - forecast["lower"], "after": informed["upper"] - informed["lower"]}
print(pd.DataFrame(widths).round(3))

# %% [markdown]
# Should one believe this? Hide every larger model of a family, forecast it from the smallest, and look.

# %%
result = backtest("sloth-v2-1", forecaster="skill")
backtest_figure([result], data_caption(obslaws.load_panel("sloth")))

# %% [markdown]
# What we learned: errors of about three points, and intervals that hold their promise on families that were hidden.
# What this cannot tell: how a family trained in a new way will behave, and anything about prompts and harnesses other
# than the leaderboards' own.
