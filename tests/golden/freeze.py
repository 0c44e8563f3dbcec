"""Our own frozen numbers: what the forecasters said of a few new models on the embedded snapshot; `make golden`.

A change of these numbers is a change of behaviour: the difference belongs into the message of the commit.
"""

import csv
import sys
import warnings
from pathlib import Path

from obslaws import __version__, forecaster, load_panel
from obslaws.errors import ExtrapolationWarning
from obslaws.query import query

FILE = Path(__file__).with_name("forecasts.csv")
COLUMNS = ("forecaster", "model", "benchmark", "forecast", "lower", "upper", "basis")
NAMES = ("skill", "logit-ols", "size-tokens", "carry-forward")
MODELS = (("qwen2.5", 22e9, 18e12), ("llama-2", 34e9, 2e12), ("pythia", 4e9, 0.3e12), ("unheard-of", 7e9, 2e12))


def answers():
    """Forecast every model with every forecaster; rows in a fixed order."""
    panel = load_panel("core")
    rows = []
    for name in NAMES:
        fitted = forecaster(name).fit(panel)
        for family, n_params, n_tokens in MODELS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExtrapolationWarning)
                frame = fitted.forecast(query(panel, family, n_params, n_tokens))
            rows += [{"forecaster": name, **row} for row in frame.to_dict("records")]
    return [{column: row[column] for column in COLUMNS} for row in rows]


if __name__ == "__main__":
    told = answers()
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in told:
            writer.writerow({k: f"{v:.6f}" if isinstance(v, float) else v for k, v in row.items()})
    print(f"{FILE.name}: frozen with obslaws {__version__}", file=sys.stderr)
