# %% [markdown]
# # Is it emergent?
#
# Some benchmarks stay at guessing for small models and rise suddenly. Does that mean that small models cannot foretell
# it? The test: fit on small models only, forecast the large ones, and look whether the scores fall into the intervals.

# %%
import obslaws
from obslaws.backtest import backtest
from obslaws.report.backtest_figures import cutoff_figure
from obslaws.report.captions import data_caption

panel = obslaws.load_panel("core")
cutoff = 2e23  # FLOP; a 7B model on 5T tokens
share = (panel.models["train_flop"] <= cutoff).mean()
print(f"{share:.0%} of the models used {cutoff:g} FLOP or less")

# %%
result = backtest("compute-cutoff", panel, "skill", cutoff=f"{cutoff:g}")
summary = result.summary()
for name, one in summary["per_benchmark"].items():
    print(f"{name:12s} {one['n_cells']:4d} scores, error {one['mae']:5.1f} points, bias {one['bias']:+5.1f}, "
          f"coverage {one['coverage']:.0%}")  # fmt: skip

# %%
steep = ["mmlu", "gsm8k", "math_lvl5"]
cutoff_figure(panel, result, steep, data_caption(panel))

# %% [markdown]
# The fit works on another scale: the logit of the way from floor to ceiling. There a family's line is straight, so
# that a steep rise of the fraction needs no jump of the skill; how the metric makes the jump is the point of
# Schaeffer, Miranda and Koyejo (2023), *Are Emergent Abilities of Large Language Models a Mirage?*
#
# What we learned: how far each benchmark could be foretold from small models is a number (the error and the coverage
# above), not a matter of looks. Where the coverage is far below 90 %, small models did not tell, and a forecaster that
# was sure of itself was wrong.
#
# What this cannot tell: whether another benchmark is emergent; a benchmark on which no small model was ever above
# guessing gives the fit nothing to hold on to, and only its relatives speak for it.
