"""Best families to evaluate, for nine budgets at once, beside the plain enumeration of the paper in the same run.

The plain one does per set what the authors' notebook does (stack the rows of the chosen families, two products, one
inverse, one trace) for every combination of up to ten of 20 families, Llama-2 forced: 431,909 sets. `--quick` times a
tenth of these and scales up.
"""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import statistics
import time
from itertools import chain, combinations, islice
from math import comb

import numpy as np
from table import show

from obslaws.capability.pca import CapabilityPCA
from obslaws.panel import load_panel
from obslaws.select.design import make_design
from obslaws.select.enumeration import best_per_cost
from obslaws.select.search import search

BUDGETS = range(4, 37, 4)
MOST_FAMILIES = 10
BAR = 100


def plain(s, families, forced, n_sets=None):
    """Judge set after set; give the best objective within each budget."""
    moments = s.T @ s
    rows_of = {family: np.flatnonzero(families == family) for family in sorted(set(families))}
    others = [family for family in rows_of if family != forced]
    sets = chain.from_iterable(combinations(others, size) for size in range(1, MOST_FAMILIES))
    best = dict.fromkeys(BUDGETS, -np.inf)
    for chosen in islice(sets, n_sets):
        rows = np.concatenate([rows_of[forced], *(rows_of[family] for family in chosen)])
        if len(rows) < s.shape[1]:
            continue
        sub = s[rows]
        objective = -np.trace(moments @ np.linalg.inv(sub.T @ sub))
        for budget in BUDGETS:
            if len(rows) <= budget and objective > best[budget]:
                best[budget] = objective
    return best


def ours(design):
    """Judge all sets of up to 36 models, with any number of families."""
    per_cost = best_per_cost(design, max(BUDGETS))
    return {b: -min(one.loss for cost, one in per_cost.items() if cost <= b) for b in BUDGETS}


def main(quick):
    panel = load_panel("ruan2024-pool")
    s = CapabilityPCA(missing="ruan2024").fit_transform(panel.scores).to_numpy()
    s = s - s.mean(axis=0)
    families = panel.models["family"].to_numpy()
    names, units = np.unique(families, return_inverse=True)
    design = make_design(s, units, np.ones(len(s)), "V", names == "Llama-2")
    n_sets = sum(comb(len(names) - 1, size) for size in range(1, MOST_FAMILIES))
    timed = n_sets // 10 if quick else n_sets
    start = time.perf_counter()
    theirs = plain(s, families, "Llama-2", timed)
    slow = (time.perf_counter() - start) * n_sets / timed
    ours(design)
    runs = []
    for _ in range(5):
        start = time.perf_counter()
        found = ours(design)
        runs.append(time.perf_counter() - start)
    fast = statistics.median(runs)
    show(
        ["budget", "plain", "ours", "as good"],
        [[str(b), f"{theirs[b]:.4f}", f"{found[b]:.4f}", str(found[b] >= theirs[b] - 1e-9)] for b in BUDGETS],
    )
    print(
        f"\nplain, {n_sets:,} sets: {slow:.1f} s{' (a tenth, scaled)' if quick else ''}; "
        f"ours, all budgets: {fast:.3f} s"
    )
    print(f"ratio {slow / fast:.0f} (bar {BAR})\n")
    rows = []
    for label, unit_of, budget in (
        ("77 models, 12 of them", np.arange(len(s)), 12),
        ("21 families, 36 models", units, 36),
    ):
        start = time.perf_counter()
        one = search(make_design(s, unit_of, np.ones(len(s))), budget)
        rows.append([label, time.perf_counter() - start, f"{-one.loss:.4f}", one.method, str(one.is_exact)])
    show(["search", "seconds", "objective", "method", "proven"], rows)
    return slow / fast >= BAR and all(found[b] >= theirs[b] - 1e-9 for b in BUDGETS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    raise SystemExit(0 if main(parser.parse_args().quick) else 1)
