"""The 28 variants of the Sloth paper's comparison, refitted here, beside the errors that the paper's authors stored."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
from dataclasses import replace

import numpy as np
from peers import SETTINGS, variants
from table import show

from obslaws.backtest import backtest
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="parts of the variants' names, separated by commas")
    parser.add_argument("--settings", default=",".join(SETTINGS), help="protocols, separated by commas")
    parser.add_argument("--random-state", type=int, default=42, help="where the learned link starts from")
    parser.add_argument(
        "--rounding", type=int, help="seed of a noise of 1e-7 on all scores: the same fits, rounded otherwise"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--lines", action="store_true", help="one JSON line per fit instead of a table at the end")
    options = parser.parse_args()
    settings, panel = options.settings.split(","), load_panel("sloth")
    if options.rounding is not None:
        noise = np.random.default_rng(options.rounding).normal(0.0, 1e-7, panel.scores.shape)
        panel = replace(panel, scores=panel.scores + noise)
    rows = []
    for name in variants(settings[0]):
        if options.only and not any(part in name for part in options.only.split(",")):
            continue
        row = [name]
        for setting in settings:
            ours = variants(setting)[name]
            if ours.startswith("sloth:"):
                ours += f",random_state={options.random_state}"
            result = backtest(setting, panel, ours, jobs=options.jobs)
            ours, theirs = result.summary()["mae_groups"], load_protocol(setting).peers[name]["mae_groups"]
            if options.lines:
                record = {
                    "variant": name,
                    "setting": setting,
                    "ours": ours,
                    "theirs": theirs,
                    "seconds": result.seconds,
                }
                print(json.dumps(record), flush=True)
            row.append(f"{ours:.2f} / {theirs:.2f}")
        rows.append(row)
    if not options.lines:
        show(["mean over groups, points, ours / theirs", *settings], rows)


if __name__ == "__main__":
    main()
