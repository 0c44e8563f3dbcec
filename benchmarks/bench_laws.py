"""Chinchilla's form on 245 points: 4,500 starts and 1,000 bootstrap refits, beside one start at a time with scipy."""
# ruff: noqa: E402  threads are set before numpy is imported: a BLAS reads them once

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import time

import numpy as np
from scipy.optimize import minimize
from table import show

from obslaws.diagnostics.diagnose import diagnose
from obslaws.diagnostics.table import everything
from obslaws.laws.catalogue.chinchilla import chinchilla_grid
from obslaws.laws.registry import law


def runs(n_points=245):
    """Sizes, tokens and losses like those of the 245 digitised runs, with heavy-tailed noise of half a per cent."""
    rng = np.random.default_rng(0)
    x = {"n_params": 10 ** rng.uniform(7.7, 10.2, n_points), "n_tokens": 10 ** rng.uniform(8.9, 11.5, n_points)}
    return x, law("chinchilla").evaluate(x) * np.exp(0.004 * rng.standard_t(3, n_points))


def one_at_a_time(fit, starts):
    """Seconds per start of L-BFGS on the same objective with the same gradient."""

    def objective(z):
        r, jacobian = fit.problem.residuals(z[None])
        psi = np.clip(r[0], -fit.problem.delta, fit.problem.delta)
        return float(fit.problem.objective(r)[0]), jacobian[0] @ psi

    start = time.perf_counter()
    for z in fit.problem.z(starts):
        minimize(objective, z, jac=True, method="L-BFGS-B")
    return (time.perf_counter() - start) / len(starts)


def main():
    x, y = runs()
    one, grid = law("chinchilla"), chinchilla_grid()
    start = time.perf_counter()
    fit = one.fit(x, y, starts=grid)
    fitted = time.perf_counter() - start
    start = time.perf_counter()
    one.fit(x, y, starts=grid, bootstrap=1000)
    whole = time.perf_counter() - start
    busy = time.process_time()
    one.fit(x, y, starts=grid, bootstrap=1000)
    busy = time.process_time() - busy
    plain = one_at_a_time(fit, grid[:: len(grid) // 30])
    rows = [
        ["4,500 starts", "-", fitted, f"{plain * 4500:.0f}", f"{plain * 4500 / fitted:.0f}"],
        ["and 1,000 bootstrap refits", "20", whole, f"{plain * 5500:.0f}", f"{plain * 5500 / whole:.0f}"],
    ]
    rows.append(["the same, processor time", "20", busy, "-", "-"])
    start = time.perf_counter()
    table = diagnose(everything())
    rows.append([f"diagnose {len(table)} benchmarks", "60", time.perf_counter() - start, "-", "-"])
    show(["task", "limit, s", "obslaws, s", "one at a time, s", "ratio"], rows)


if __name__ == "__main__":
    main()
