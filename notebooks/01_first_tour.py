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
both = neighbours.dropna()
between = forecast.loc[both.index, "forecast"].between(both.min(axis=1), both.max(axis=1))
print(f"between the two on {between.sum()} of {len(both)}; not on {', '.join(both.index[~between])}")

# %% [markdown]
# On most benchmarks that both were measured on, the forecast lies between the 14B and the 32B. Where it does not, the
# two stand on one side of the family's curve, around which its models scatter. The intervals are wider than the gap
# between the two: a model departs from the curve for reasons that size and tokens do not tell.
#
# One known score moves the others. How much narrower does it make them? Widths of the intervals, for this model and for
# its like of a family that nobody knows:

# %%
stranger = model.assign(family="a stranger", base_family="a stranger", org=None)
widths = {}
for who in (model, stranger):
    for given, told in {"nothing": None, "MMLU-Pro": who.assign(mmlu_pro=0.55)[["mmlu_pro"]]}.items():
        answer = skill.forecast(who, scores=told, level=0.9).set_index("benchmark")
        widths[who["family"].iloc[0], given] = answer["upper"] - answer["lower"]
print(pd.DataFrame(widths).rename_axis(columns=["family", "given"]).round(3))

# %% [markdown]
# Seven siblings of Qwen2.5 had told most of it already, and where the benchmarks have little in common an interval can
# even become a little wider. Of the stranger the one score tells much about MMLU and BIG-Bench Hard, which go with
# MMLU-Pro, and next to nothing about IFEval.

# %% [markdown]
# Should one believe this? Hide every larger model of a family, forecast it from the smallest, and look.

# %%
result = backtest("sloth-v2-1", forecaster="skill")
backtest_figure([result], data_caption(obslaws.load_panel("sloth")))

# %% [markdown]
# What we learned: errors of about three points, and intervals that hold their promise on families that were hidden.
# What this cannot tell: how a family trained in a new way will behave, and anything about prompts and harnesses other
# than the leaderboards' own.
