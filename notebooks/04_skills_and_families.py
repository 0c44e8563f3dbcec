# %% [markdown]
# # Skills and families
#
# What do families differ in: in how much skill they get from their compute, or in which skills? Here the model's own
# answer, on the families of the view `core`.

# %%
import numpy as np
import pandas as pd

import obslaws
from obslaws.query import query
from obslaws.report.captions import data_caption
from obslaws.report.model_figures import families_figure, levels_figure

panel = obslaws.load_panel("core")
skill = obslaws.SkillForecaster().fit(panel)
fit = skill.fits_[0]
print(data_caption(panel))
print(f"{fit.n_skills} skills carry {panel.scores.shape[1]} benchmarks of {len(skill.base_index_)} series")

# %% [markdown]
# A skill is a direction in which models differ. Its loading on a benchmark says by how many logits the benchmark moves
# when the skill moves by one. Skills can be turned into each other, so what counts is which benchmarks move together.

# %%
loadings = fit.state.loadings
together = loadings @ np.cov(fit.state.skills.T) @ loadings.T
spread = np.sqrt(np.diag(together))
correlation = pd.DataFrame(together / np.outer(spread, spread), panel.scores.columns, panel.scores.columns)
print(correlation.round(2).to_string())

# %% [markdown]
# Many pairs are close to one: a single skill would explain most of what there is. Two groups stand apart: HellaSwag,
# WinoGrande and ARC go together, IFEval and TruthfulQA go together, and the one group says less about the other. A
# known score moves forecasts in its own group most.
#
# Families of one size and one token budget still differ.

# %%
figure = families_figure(
    skill, ["qwen2.5", "llama-3.1", "pythia"], ["gsm8k", "hellaswag", "mmlu_pro"], caption=data_caption(panel)
)
figure

# %% [markdown]
# How far apart are they, at 7B parameters on 15T tokens?

# %%
rows = []
for family in ("qwen2.5", "llama-3.1", "gemma-2", "a family nobody knows"):
    known = family in skill.family_index_
    asked = query(panel, "qwen2.5", n_params=7e9, n_tokens=15e12).assign(family=family, base_family=family)
    answer = skill.forecast(asked, benchmarks=["mmlu_pro"])
    rows.append(answer.assign(known=known)[["family", "known", "forecast", "lower", "upper"]])
print(pd.concat(rows).round(3).to_string(index=False))

# %% [markdown]
# The unknown family has the widest interval: not knowing the family costs more than not knowing the size a little.
# Within a family, size and tokens can be traded for each other along the lines of equal score.

# %%
levels_figure(skill, query(panel, "qwen2.5", n_params=7e9, n_tokens=18e12), "mmlu_pro", data_caption(panel))

# %% [markdown]
# What we learned: benchmarks move together, families are shifted against each other, and both size and tokens count.
#
# What this cannot tell: what a skill "is"; why a family is shifted (data, recipe, or text close to the benchmarks); and
# what happens far from the dots, where the lines are the model's shape and no measurement.
