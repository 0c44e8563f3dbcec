# %% [markdown]
# # Backtests and calibration
#
# Should one believe a forecast? Hide what is known, forecast it, and count: how far off, and how often inside the
# interval.

# %%
import pandas as pd

import obslaws
from obslaws.backtest import backtest
from obslaws.report.backtest_figures import backtest_figure
from obslaws.report.captions import data_caption

panel = obslaws.load_panel("sloth")
print(data_caption(panel))
results = [backtest("sloth-v2-1", panel, name) for name in ("skill", "logit-ols", "size-tokens", "carry-forward")]
rows = []
for result in results:
    told = result.summary()
    rows.append({k: told[k] for k in ("forecaster", "n_cells", "mae", "bias", "width", "coverage")})
print(pd.DataFrame(rows).round(2).to_string(index=False))

# %% [markdown]
# Errors, bias and widths are in points of 100. A forecaster can be right on average and still be sure of too much: the
# coverage beside the promised 90 % tells.

# %%
backtest_figure(results, data_caption(panel))

# %% [markdown]
# Is the coverage the same everywhere? The families that were hidden:

# %%
groups = pd.DataFrame(results[0].summary()["per_group"]).T[["n_cells", "mae", "bias", "coverage"]].astype(float)
print(groups.sort_values("mae").round(2).to_string())

# %% [markdown]
# What we learned: errors differ several times over between families. A family is right or wrong as a whole, so that
# many cells of one family are little evidence; intervals are calibrated on whole hidden families for this reason.
#
# What this cannot tell: how a family unlike all of these will do. Calibration on the past is a promise only for what
# resembles it.
