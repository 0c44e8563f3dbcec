# %% [markdown]
# # One evaluated sibling
#
# Somebody trains a new family and has evaluated its smallest model. What can be said of the larger ones? Here we
# pretend that Llama 3.1 is new: only the 8B is known, and the 405B, fifty times larger, is to be forecast. Then we
# look.

# %%
import pandas as pd

import obslaws
from obslaws.report.captions import data_caption
from obslaws.report.model_figures import card_figure

panel = obslaws.load_panel("core")
base = panel.models["base_family"]
series = panel.models[base == "llama-3.1"].sort_values("n_params")
print(series[["family", "n_params", "n_tokens", "variant"]].to_string())

# %% [markdown]
# Hide every score of the series but those of its smallest base model.

# %%
members = series[series["variant"] == "base"]
smallest, largest = members.index[0], members.index[-1]
hidden = panel.scores.notna().to_numpy() & (base == "llama-3.1").to_numpy()[:, None]
hidden[panel.models.index.get_loc(smallest)] = False
before = obslaws.SkillForecaster().fit(panel.hide(hidden))

hidden[panel.models.index.get_loc(smallest)] = panel.scores.loc[smallest].notna()
blind = obslaws.SkillForecaster().fit(panel.hide(hidden))

# %%
asked = panel.models.loc[[largest]]
truth = panel.scores.loc[largest].rename("measured")
with_sibling = before.forecast(asked).set_index("benchmark")
without = blind.forecast(asked).set_index("benchmark")
table = pd.DataFrame(
    {
        "without sibling": without["forecast"],
        "width before": without["upper"] - without["lower"],
        "with sibling": with_sibling["forecast"],
        "width after": with_sibling["upper"] - with_sibling["lower"],
        "measured": truth,
    }
).dropna()
print(table.round(3).to_string())
error = table[["without sibling", "with sibling"]].sub(table["measured"], axis=0).abs().mean()
inside = [t.loc[table.index].assign(score=table["measured"]).eval("lower <= score <= upper").sum()
          for t in (without, with_sibling)]  # fmt: skip
print(f"inside their intervals: {inside[0]} and {inside[1]} of {len(table)}")
print(f"mean error without the sibling {100 * error.iloc[0]:.1f} points, with it {100 * error.iloc[1]:.1f} points")

# %%
card_figure(before, asked, panel.scores.loc[[largest]], caption=data_caption(panel), informed=False)

# %% [markdown]
# What we learned: one small sibling narrows the intervals, for it places the family. It need not make the forecast of
# one particular large model better, as the two mean errors show, and an interval that is narrower can miss. A step of
# fifty times in size is far: what places the 8B does not bind the 405B.
#
# What this cannot tell: one example proves nothing; `notebooks/07_backtests_and_calibration.py` does this for every
# family. And the sibling must come from the same recipe: a small model distilled from a large one is another family.
