# %% [markdown]
# # Bring your own leaderboard
#
# Three small tables are enough: models, scores and, if you like, benchmarks. **All data here are made up**: models,
# families and scores are simulated from the model that is then fitted, so errors below say nothing about real ones. The
# scores of the largest model of each family are kept back, so that we can see whether the forecast finds them.

# %%
import tempfile
from pathlib import Path

import obslaws
from obslaws.report.model_figures import card_figure, families_figure
from obslaws.simulate import simulate_panel

made = simulate_panel(n_families=12, random_state=1)
MADE_UP = "Made-up data: every model and every score is simulated, none is real."
folder = Path(tempfile.mkdtemp()) / "our-leaderboard"
folder.mkdir()
models = made.panel.models.reset_index(names="model")
models["release_date"] = models["release_date"].astype("str").replace("NaT", "")
models.to_csv(folder / "models.csv", index=False)
scores = made.panel.scores.rename_axis("model").reset_index().melt("model", var_name="benchmark", value_name="score")
kept = models.sort_values("n_params").groupby("family").tail(1)["model"]
scores[~scores["model"].isin(kept)].dropna().to_csv(folder / "scores.csv", index=False)
made.panel.benchmarks[["score_floor"]].rename_axis("benchmark").reset_index().to_csv(
    folder / "benchmarks.csv", index=False
)
print(MADE_UP)
print(models[["model", "family", "n_params", "n_tokens"]].head(4).to_string(index=False))
print(scores.dropna().head(3).to_string(index=False))

# %% [markdown]
# Scores are fractions: 0.73, not 73. A missing score is left out. Whatever is wrong is told with file, row and cure.

# %%
panel = obslaws.load_panel(folder)
skill = obslaws.SkillForecaster().fit(panel)
asked = panel.models.loc[kept]
answer = skill.forecast(asked)
print(answer.head(6).round(3).to_string(index=False))
both = answer.merge(scores.dropna(), on=["model", "benchmark"])
error, inside = (both["forecast"] - both["score"]).abs().mean(), both.eval("lower <= score <= upper").mean()
print(f"{len(both)} scores kept back, made up too: mean error {100 * error:.1f} points, {inside:.0%} inside 90 %")

# %% [markdown]
# One of these made-up models, with the scores that were kept back:

# %%
one = kept.iloc[:1]
card_figure(skill, asked.loc[one], made.panel.scores.loc[one], caption=MADE_UP, informed=False)

# %%
largest = list(panel.models["family"].value_counts().index[:3])
families_figure(skill, largest, list(panel.scores.columns[:3]), caption=MADE_UP)

# %% [markdown]
# What we learned: nothing in the library is bound to the bundled leaderboards; the same folder works with
# `obslaws forecast --panel`, `obslaws explore --panel` and `obslaws report family --panel`.
#
# What this cannot tell: with few families the variances are guesses, and the intervals honest only if the families are
# alike. Two families of two models each forecast almost nothing.
