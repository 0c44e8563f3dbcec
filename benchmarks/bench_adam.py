"""Our optimiser beside the Sloth paper's Adam, logistic link: one objective, one process, one core, seconds of it."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time

import numpy as np
from table import show

from obslaws.forecasters.regression import translog
from obslaws.panel import load_panel
from obslaws.peers.lowrank import QUICK, Factors, fit_low_rank
from obslaws.peers.stages import first_stage
from obslaws.protocols import load_protocol


def table(setting):
    """Complete rows of a setting of the paper, nobody held out."""
    protocol = load_protocol(setting)
    panel = load_panel(protocol.view).select(benchmarks=protocol.benchmarks)
    known = panel.models[["n_params", "n_tokens"]].notna().all(axis=1)
    panel = panel.select((panel.scores.notna().all(axis=1) & known).to_numpy())
    family = np.unique(panel.models["family"].to_numpy(dtype=str), return_inverse=True)[1]
    floor = panel.benchmarks["score_floor"].to_numpy(dtype=float)
    return Factors(panel.scores.to_numpy(dtype=float), translog(panel.models), family, floor)


def timed(work, runs=1):
    out = []
    for _ in range(runs):
        start = time.process_time()
        found = work()
        out.append(time.process_time() - start)
    return found, sorted(out)[len(out) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", default="sloth-v1-1,sloth-v2-1,sloth-both-1")
    parser.add_argument("--skills", default="2,3")
    options = parser.parse_args()
    rows = []
    for setting in options.settings.split(","):
        data = table(setting)
        for d in map(int, options.skills.split(",")):
            (peer, _), slow = timed(lambda data=data, d=d: first_stage(data, d))
            ours = lambda target, data=data, d=d: fit_low_rank(data, d, target=target, search=QUICK)  # noqa: E731
            whole, whole_seconds = timed(lambda o=ours: o(-np.inf), 3)
            reached, seconds = timed(lambda o=ours, at=peer.objective: o(at), 5)
            met = "yes" if reached.objective <= peer.objective else "no"
            rows.append([
                f"{setting} d={d}", f"{peer.objective:.6f}", f"{whole.objective:.6f}", met, slow,
                f"{peer.n_iter}", seconds, f"{slow / seconds:.0f}", whole_seconds, f"{slow / whole_seconds:.0f}",
            ])  # fmt: skip
    header = ["fit", "Adam, objective", "ours, objective", "reached", "Adam, s", "epochs", "ours to Adam's, s", "ratio",
              "ours to the end, s", "ratio"]  # fmt: skip
    show(header, rows)


if __name__ == "__main__":
    main()
