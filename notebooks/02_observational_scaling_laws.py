# %% [markdown]
# # Observational scaling laws
#
# Can scores on hard tasks be forecast from models that fail them? Ruan, Maddison and Hashimoto (2024, arXiv 2405.10938)
# fit a sigmoid to a few principal components of public benchmarks, on models below a compute cutoff, and forecast those
# above it. Here: their analyses on the embedded snapshot, what comes out the same, and what does not.

# %%
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd

import obslaws
from obslaws.backtest import backtest
from obslaws.capability.pca import CapabilityPCA
from obslaws.observe import area_under_errors, observe, sweep
from obslaws.report.captions import data_caption
from obslaws.report.target_figures import target_figure
from obslaws.targets import Cut, snapshot_targets

pool = obslaws.load_panel("ruan2024-pool")
print(f"{len(pool.models)} base models of {pool.models['family'].nunique()} families, {pool.n_cells} scores")

# %% [markdown]
# ## 1. A few capabilities carry most of what differs
#
# The paper: one component explains about 80 % of the variance, three about 97 %.

# %%
pca = CapabilityPCA(n_components=3, missing="ruan2024").fit(pool.scores)
print(pca.explained_variance_ratio_.round(4), pca.explained_variance_ratio_.sum().round(4))
print(pca.loadings_.round(3))

# %% [markdown]
# The same numbers. But that is the share among all 77 models. What a forecast stands on is the part below the cutoff,
# and there the first component is a smaller share.

# %%
below = pool.scores[pool.models["train_flop"] <= 8.4e22]
print(CapabilityPCA(n_components=3, missing="ruan2024").fit(below).explained_variance_ratio_.round(3))

# %% [markdown]
# ## 2. Emergent abilities
#
# Four BIG-bench tasks on which weak models score nothing, arithmetic in four parts. In the paper's configuration its
# figures come back: mean squared errors of the models above the cutoff.


# %%
@cache
def replayed(protocol, forecaster):
    """Errors of one forecaster on one protocol; several sections below ask for the same."""
    return backtest(protocol, forecaster=forecaster).summary()


def table(protocol, forecasters):
    """One column of test errors per forecaster."""
    columns = {}
    for name in forecasters:
        told = replayed(protocol, name)["targets"]
        columns[name] = pd.Series({one["target"]: one["test_mse"] for one in told})
    return pd.DataFrame(columns)


emergent = table("ruan2024-emergent", ["compute", "size", "pc1", "pc3", "observational"])
print(emergent.to_string(float_format="{:.2e}".format))

# %% [markdown]
# Three components beat compute and size on six of seven tasks; on IPA transliteration one component is better than
# three, and size is no worse. For Persian QA the published fit is not a minimum: the search stopped early, and its
# error is the smaller for it. `pc3` takes the minimum and tells the published fit beside it.

# %%
told = replayed("ruan2024-emergent", "pc3")["targets"]
(persian,) = [one for one in told if one["target"] == "bigbench_parsinlu_qa"]
stopped = persian["stopped"]
print(f"published: objective {stopped['objective']:.6f}, test error {stopped['test_mse']:.2e}")
print(f"minimum:   objective {persian['objective']:.6f}, test error {persian['test_mse']:.2e}")

# %% [markdown]
# Forecasts of the same tasks in our configuration, with intervals, for every model of the table.

# %%
panel = obslaws.load_panel("ruan2024")
targets = snapshot_targets("ruan2024-emergent", panel)
columns = ["bigbench_word_unscrambling", "bigbench_parsinlu_qa"]
found = observe(panel, targets, Cut(flop=8.4e22), columns, ["compute", "pc3"])
figure = target_figure(found, f"{data_caption(panel)}, cutoff 8.4e22 FLOP")
plt.figure(figure)
for row in found:
    for one in row:
        told = one.summary()
        print(f"{told['forecaster']:>8} {told['target']:<28} {told['test_mse']:.2e} coverage {told['coverage']:.2f}")

# %% [markdown]
# ## 3. Post-training: chain of thought and majority vote
#
# The gain from an intervention can be forecast like a score. GSM8K itself is left out of the predictors.

# %%
post = table("ruan2024-post-training", ["compute", "pc2", "pc3", "pc4"])
print(post.to_string(float_format="{:.2e}".format))

# %% [markdown]
# Three components suit GSM8K. On BIG-bench Hard with chain of thought compute alone is better, and with a fourth
# component every error grows, up to sixfold, while the training errors fall.

# %% [markdown]
# ## 4. Agents
#
# From chat models' benchmarks to AgentBench and AgentBoard. The test sets are two models and one model: the errors
# below are anecdotes.

# %%
for one in replayed("ruan2024-agents", "observational")["targets"]:
    print(
        f"{one['target']:<24} {one['n_train']} train, {one['n_test']} held out, {one['predictor']}, "
        f"error {one['test_mse']:.1e}"
    )

# %% [markdown]
# ## 5. Open LLM Leaderboard v2 from v1, and how far a law carries

# %%
later = table("ruan2024-leaderboard-v2", ["compute", "size", "pc1", "pc3", "observational"])
print(later.to_string(float_format="{:.2e}".format))

# %%
swept = sweep(
    panel, targets, "bigbench_word_unscrambling", ["compute", "pc3"], config="paper", shares=(0.5, 0.35, 0.2, 0.05)
)
print(swept.round(5).to_string(index=False))
print(area_under_errors(swept).round(4).to_dict())

# %% [markdown]
# ## 6. Our configuration against the paper's
#
# Ours takes as many components, at most three, as pay for themselves by Akaike's criterion on the training models, and
# goes to the exact minimum. Total test errors of the five analyses, each on all its test models:

# %%
rows = {}
for protocol in ("emergent", "emergent-complete", "post-training", "agents", "leaderboard-v2"):
    for name in ("observational", "observational-paper", "compute", "size"):
        rows.setdefault(protocol, {})[name] = replayed(f"ruan2024-{protocol}", name)["total"]
totals = pd.DataFrame({p: {n: t["test_mse"] for n, t in row.items()} for p, row in rows.items()}).T
print(totals.round(5).to_string())
print("median error, emergent-complete:", round(rows["emergent-complete"]["observational"]["medae"], 4))

# %% [markdown]
# We agree with the paper that capabilities beat compute and size, in every analysis where these are known (of the
# agents' chat models they are not). We differ in the number of components: two do for Persian QA, for GSM8K and
# BIG-bench Hard without chain of thought, and for AgentBoard. Where that matters the total falls. With the published
# fit of Persian QA in place of its minimum the paper's total of the first analysis would be the lower by a hair: its
# early stop is as good as leaving the third component out.

# %% [markdown]
# What we learned: the numbers of the paper are right, its fits of three components are minima save one, and
# capabilities forecast better than compute and size on most tasks. What it does not say: predictors were compared on
# different test models, no forecast had an interval, and the fits' own intervals are too narrow beyond the cutoff; ours
# are stretched by forecasting the stronger training models from the weaker ones.
