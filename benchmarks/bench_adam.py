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
from obslaws.links import inverse
from obslaws.panel import load_panel
from obslaws.peers.huber import huber
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


def objective(data, fit):
    """In double precision: ours is fitted in single, as Adam is."""
    skills = fit.skills(data.covariates, data.family)
    answers = inverse(skills @ fit.loadings.T + fit.offsets, data.score_floor)
    return huber(data.scores - answers, np.ones_like(data.scores))


def resampled(data, rng, replacement):
    """Families drawn with replacement, or a share of them between 70 and 95 %."""
    n = data.family.max() + 1
    drawn = rng.integers(n, size=n) if replacement else rng.permutation(n)[: int(rng.uniform(0.7, 0.95) * n)]
    rows = [np.nonzero(data.family == family)[0] for family in drawn]
    family = np.repeat(np.arange(len(drawn)), [len(some) for some in rows])
    rows = np.concatenate(rows)
    return Factors(data.scores[rows], data.covariates[rows], family, data.score_floor)


def compare(data, d, seed=42):
    peer, slow = timed(lambda: first_stage(data, d, seed)[0])
    reached, seconds = timed(lambda: fit_low_rank(data, d, target=peer.objective, search=QUICK), 15)
    return peer, slow, seconds, objective(data, reached) <= peer.objective


def drawn_tables(settings, skills, n_tables, seed):
    """How far the table of the settings themselves is luck: other families, other seeds of Adam."""
    rows = []
    for setting in settings:
        data = table(setting)
        for d in skills:
            ratios, reached = [], []
            for draw in range(n_tables):
                rng = np.random.default_rng([seed, d, draw])
                other = resampled(data, rng, draw % 2 == 0)
                _, slow, seconds, met = compare(other, d, seed=int(rng.integers(1, 100_000)))
                ratios.append(slow / seconds)
                reached.append(met)
            quartiles = [f"{ratio:.0f}" for ratio in np.quantile(ratios, [0.25, 0.5, 0.75])]
            rows.append(
                [f"{setting} d={d}", f"{np.mean(reached):.0%}", *quartiles, f"{np.mean(np.array(ratios) >= 200):.0%}"]
            )
    show(
        ["fit, families drawn anew", "reached", "ratio, lower quarter", "median", "upper quarter", "200 or more"], rows
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", default="sloth-v1-1,sloth-v2-1,sloth-both-1")
    parser.add_argument("--skills", default="2,3")
    parser.add_argument(
        "--drawn", type=int, default=0, help="tables with families drawn anew, in place of the settings"
    )
    parser.add_argument("--random-state", type=int, default=0, help="of these tables")
    options = parser.parse_args()
    settings, skills = options.settings.split(","), [int(d) for d in options.skills.split(",")]
    if options.drawn:
        drawn_tables(settings, skills, options.drawn, options.random_state)
        return
    rows = []
    for setting in settings:
        data = table(setting)
        for d in skills:
            peer, slow, seconds, met = compare(data, d)
            whole, whole_seconds = timed(lambda data=data, d=d: fit_low_rank(data, d, search=QUICK), 3)
            rows.append([
                f"{setting} d={d}", f"{peer.objective:.6f}", f"{objective(data, whole):.6f}", "yes" if met else "no",
                slow, f"{peer.n_iter}", f"{1000 * seconds:.2f}", f"{slow / seconds:.0f}", whole_seconds,
                f"{slow / whole_seconds:.0f}",
            ])  # fmt: skip
    header = ["fit", "Adam, objective", "ours, objective", "reached", "Adam, s", "epochs", "ours to Adam's, ms",
              "ratio", "ours to the end, s", "ratio"]  # fmt: skip
    show(header, rows)


if __name__ == "__main__":
    main()
