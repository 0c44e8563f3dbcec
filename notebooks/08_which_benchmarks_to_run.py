# %% [markdown]
# # Which benchmarks to run
#
# Evaluations cost money, and benchmarks repeat each other. Of all that could be measured of a model, which few scores
# tell most about the rest? And if a new, costly task is to be run on some models: on which?

# %%
import pandas as pd

import obslaws
from obslaws.capability.pca import CapabilityPCA
from obslaws.metrics import point_metrics
from obslaws.query import query
from obslaws.report.captions import data_caption
from obslaws.report.selection_figures import benchmarks_figure, chosen_models_figure
from obslaws.select.benchmarks import rank_next, select_benchmarks
from obslaws.select.models import select_models
from obslaws.select.posterior import joint_posterior, loss_after_each, population

panel = obslaws.load_panel("core")
benchmarks = list(panel.scores.columns)
skill = obslaws.SkillForecaster(calibrate=False).fit(panel)
print(data_caption(panel))

# %% [markdown]
# ## A model of which nothing is known
#
# The fit says how all benchmarks move together. Knowing a score narrows the others by an amount that does not depend on
# what the score turns out to be, so that sets of benchmarks can be compared before any is run.

# %%
usual = panel.scores.notna().mean().to_numpy()  # an error counts as often as models have the benchmark
anybody = population(skill)
three = select_benchmarks(anybody, benchmarks, 3, targets=usual)
everything = select_benchmarks(anybody, benchmarks, len(benchmarks), targets=usual)
print(f"nothing measured: expected error {three.error_before:.2f} points")
print(three.steps.round(2).to_string(index=False))
print(f"no other three are expected to do better: {three.is_exact}")

# %% [markdown]
# ## A model whose family is known
#
# A 22B Qwen2.5 on 18T tokens: size, tokens and siblings have said much already, so that what is worth measuring next is
# something else than for a stranger.

# %%
model = query(panel, "qwen2.5", n_params=22e9, n_tokens=18e12)
known = model.assign(ifeval=0.45)[["ifeval"]]
measured = pd.Series(benchmarks).isin(known.columns).to_numpy()
ranked = rank_next(joint_posterior(skill, model, known), benchmarks, measured)
print(ranked[["benchmark", "error", "reduction", "reduction_others", "tells_most"]].round(2).to_string(index=False))

# %%
benchmarks_figure(
    everything.error_before, everything.steps, ranked, "Qwen2.5 of 22B, IFEval known", data_caption(panel)
)

# %% [markdown]
# Each further benchmark tells less than the one before; towards the end it tells little but itself. The figure adds one
# benchmark at a time, the best at each step. The best three together, as above, need not be its first three.
#
# ## Does it hold?
#
# The choice is the model's own opinion. So: fit on what was released before July 2024, tell one score of every later
# model, and look at the errors on the others. All six benchmarks of the second leaderboard are tried in turn.

# %%
later = (panel.models["release_date"] >= "2024-07-01").to_numpy()
past = obslaws.SkillForecaster(calibrate=False).fit(panel.select(~later))
six = ["ifeval", "bbh", "math_lvl5", "gpqa", "musr", "mmlu_pro"]
asked, scores = panel.models[later], panel.scores.loc[later, six]
stranger = pd.DataFrame(loss_after_each(population(past)), benchmarks, benchmarks)
rows = []
for told in six:
    others = [name for name in six if name != told]
    answers = {
        "with it": past.forecast(asked, scores[[told]], others),
        "without it": past.forecast(asked, None, others),
    }
    truth = scores[others].stack().dropna()
    row = {"told": told, "expected of a stranger": stranger.loc[told, others].mean()}
    for name, answer in answers.items():
        guess = answer.set_index(["model", "benchmark"])["forecast"].reindex(truth.index)
        row[name] = point_metrics(truth, guess)["mae"]
    rows.append({**row, "gained": row["without it"] - row["with it"]})
print(f"{later.sum()} models; mean absolute error on the five others, points of 100")
print(pd.DataFrame(rows).sort_values("gained", ascending=False).round(2).to_string(index=False))

# %% [markdown]
# Two of the three that were expected to tell most gained most, and what was expected to tell least gained little. But
# all errors but one are larger than expected, and one score misled: told MATH level 5 alone, the forecasts of the
# others grew worse, as they would if models trained for mathematics pass for able ones. Expectations hold for models
# like those of the fit; later ones are not.
#
# ## Which models to evaluate
#
# The other question: a new task is to be run on twelve models of 77 whose ordinary benchmarks are
# known. Those that pin its law on three capabilities down best, whole families at a time, Llama 2 among them:

# %%
pool = obslaws.load_panel("ruan2024-pool")
placed = CapabilityPCA(3, missing="ruan2024").fit_transform(pool.scores)
budgets = [select_models(placed, pool.models, budget=n, require=["llama-2"]) for n in (8, 12, 16, 20, 28, 36)]
twelve = budgets[1]
print(", ".join(twelve.units), f"- proven best: {twelve.is_exact}")
spent = pd.DataFrame({"budget": [one.budget for one in budgets], "efficiency": [one.efficiency for one in budgets]})
print(spent.round(3).to_string(index=False))

# %%
chosen_models_figure(placed, twelve.models, spent, data_caption(pool))

# %% [markdown]
# What we learned: benchmarks are worth measuring for what they tell about others, and that depends on what is known
# already. One or two scores do most of the work; the very best set is hardly better than several others.
#
# What this cannot tell: what an evaluation costs (give it with `--costs`), and what a benchmark measures that no other
# does: a set that tells all scores need not tell what one wants to know. The commands are `obslaws select benchmarks`,
# `obslaws select next` and `obslaws select models`.
