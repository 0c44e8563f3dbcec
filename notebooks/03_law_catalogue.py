# %% [markdown]
# # The law catalogue
#
# A published law is only as good as its fit. Which of them can be found again on the runs behind them, what does the
# fitter say when a form is not identified, and what do the laws tell of models on a leaderboard?

# %%
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import obslaws
from obslaws.laws.board.densing import densing_trend
from obslaws.laws.board.performance import performance_error
from obslaws.laws.compare import compare
from obslaws.laws.registry import law, list_laws
from obslaws.laws.reproductions.all import reproduce
from obslaws.laws.runs import load_runs
from obslaws.report.captions import data_caption
from obslaws.report.style import figure_style, foot

laws = pd.DataFrame([(one.group, one.id, len(one.published)) for one in list_laws()], columns=["group", "law", "sets"])
print(laws.groupby("group", sort=False).agg(laws=("law", "size"), published_sets=("sets", "sum")))

# %% [markdown]
# Every law evaluates, with units that are named. What would Chinchilla's two estimates say of a 70B on 1.4T tokens?

# %%
chinchilla = law("chinchilla")
for name in ("hoffmann-2022", "besiroglu-2024"):
    loss = chinchilla.evaluate({"n_params": [70e9], "n_tokens": [1.4e12]}, name)[0]
    follows = chinchilla.derived(*chinchilla.coefficients(name).values())
    print(f"{name}: loss {loss:.3f}, exponent of the optimal size {follows['size_exponent']:.3f}")

# %% [markdown]
# The over-training runs of Gadre et al. come with the package. Fitted to five runs of up to 0.4B, their law predicts
# models of 1.4B and 6.9B; the errors are those that were published, to the last digit.

# %%
print(reproduce("gadre")[["quantity", "published", "ours", "holds"]].to_string(index=False))

# %% [markdown]
# Which form do these runs prefer? Each is fitted to all of them, and once more without the largest fifth, which it then
# forecasts. AICc is of the robust likelihood that was fitted, R2 of squared errors, so that the two need not agree.

# %%
runs = load_runs("gadre").query("dataset == 'redpajama'")
print(
    compare(["chinchilla", "gadre_loss", "kaplan_nd"], runs, runs["loss"], by="n_params", n_starts=60)[
        ["law", "r2", "delta_aicc", "holdout_error", "warnings"]
    ].to_string(index=False)
)

# %% [markdown]
# A fit reports what speaks against it. From two sizes nobody can tell how much of the loss is irreducible (E) and how
# much a power of size (A, alpha):

# %%
few = runs[runs["n_params"].between(7e7, 2e8)]
fit = chinchilla.fit(few, few["loss"], n_starts=60)
print(fit.summary()[["parameter", "estimate", "std_error", "note"]].to_string(index=False))
print("\n".join(fit.warnings))

# %% [markdown]
# On the leaderboard: how fast does the best capability density double, and how far off is MMLU from architecture?

# %%
core = obslaws.load_panel("core")
trend = densing_trend(core, n_draws=200)
middle, low, high = trend.doubling_months()
print(f"density doubles in {middle:.1f} months [{low:.1f}, {high:.1f}]; published 3.3")
told = performance_error(core, n_draws=500)
print(told.by_year.round(1).to_string(index=False))

# %%
recent, best = trend.densities[trend.densities["days"] > 30], trend.frontier
with figure_style() as palette:
    figure = Figure(figsize=(9.5, 4.4))
    left, right = figure.subplots(1, 2)
    left.plot(recent["days"], recent["log_density"] / np.log(2), "o", color=palette.dots, ms=3.5, label="base models")
    left.plot(best["days"], best["log_density"] / np.log(2), "D", color=palette.family, label="best so far")
    line = np.polyfit(best["days"], best["log_density"] / np.log(2), 1)
    left.plot(best["days"], np.polyval(line, best["days"]), color=palette.family, linewidth=1.2)
    left.set(xlabel="release (days since 2023-01-01)", ylabel="capability density (doublings)", title="Densing law")
    left.legend()
    years = told.models.groupby("year")
    for (year, part), colour, mark in zip(years, palette.series, "osD^v<", strict=False):
        right.plot(part["mmlu"], part["predicted"], mark, color=colour, markersize=4.5, label=str(int(year)))
    right.axline((50, 50), slope=1, color=palette.ink, linewidth=0.8)
    right.set(xlabel="measured MMLU (points of 100)", ylabel="predicted from architecture (points of 100)")
    right.set_title("Performance Law")
    right.legend(title="released", title_fontsize=8.5)
    foot(figure, data_caption(core), palette)
figure

# %% [markdown]
# What we learned: the forms hold where they were fitted, and a fitter that looks says where they are not identified.
# The doubling time agrees with the published one, with an interval of months; the Performance Law is good on models of
# its own year and twenty points too high on those of 2022, which lack what it cannot see: data.
