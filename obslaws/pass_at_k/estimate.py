"""pass@k as measured: the unbiased estimator, and the table of counts that it takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from obslaws.errors import SchemaError, UsageError

__all__ = ["check_counts", "coverage", "pass_at_k", "pass_until"]

Array = NDArray[np.float64]

_COLUMNS = ("problem", "n_samples", "n_correct")


def pass_at_k(n_samples: ArrayLike, n_correct: ArrayLike, k: ArrayLike) -> Array:
    """Estimate the probability that at least one of k samples is correct, without bias.

    1 - C(n - c, k) / C(n, k), by logarithms of the gamma function.

    Parameters
    ----------
    n_samples, n_correct : array_like of shape (n_problems,)
        Samples drawn and correct ones.
    k : array_like of shape (n_k,)
        At least 1.

    Returns
    -------
    ndarray of shape (n_problems, n_k)
        NaN where fewer than k samples were drawn: the estimator does not exist there.

    References
    ----------
    .. [1] Chen et al. (2021), arXiv:2107.03374, equation 1.

    Examples
    --------
    >>> pass_at_k([4], [1], [1, 2, 4]).round(3).tolist()
    [[0.25, 0.5, 1.0]]
    """
    from scipy.special import gammaln

    n = np.asarray(n_samples, dtype=float)[:, None]
    c = np.asarray(n_correct, dtype=float)[:, None]
    size = np.atleast_1d(np.asarray(k, dtype=float))[None]
    if (size < 1).any():
        raise UsageError(f"pass@k: k is {size.min():g}; expected at least 1.")
    wrong = n - c
    possible = wrong >= size
    rest = np.where(possible, wrong, size)
    log_all_wrong = gammaln(rest + 1) - gammaln(rest - size + 1) - gammaln(n + 1) + gammaln(np.maximum(n - size, 0) + 1)
    out = 1 - np.exp(np.where(possible, log_all_wrong, -np.inf))
    return np.asarray(np.where(size <= n, out, np.nan))


def coverage(counts: pd.DataFrame, k: ArrayLike) -> Array:
    """Average pass@k over problems.

    Parameters
    ----------
    counts : DataFrame
        problem, n_samples, n_correct.
    k : array_like of shape (n_k,)

    Returns
    -------
    ndarray of shape (n_k,)
        NaN where some problem has fewer than k samples.
    """
    checked = check_counts(counts)
    return np.asarray(pass_at_k(checked["n_samples"], checked["n_correct"], k).mean(axis=0))


def check_counts(counts: pd.DataFrame, where: str = "counts") -> pd.DataFrame:
    """Check a table of counts.

    Parameters
    ----------
    counts : DataFrame
    where : str
        File or argument, for messages.

    Returns
    -------
    DataFrame
        The same with counts as floats.

    Raises
    ------
    SchemaError
        A column is missing, a name is empty, a count is no whole number, more are correct than were drawn, or a problem
        comes twice; of one model, where a column `model` tells several apart.
    """
    missing = [c for c in _COLUMNS if c not in counts]
    if missing:
        raise SchemaError(
            f"{where}: no column {', '.join(map(repr, missing))}. Expected {', '.join(_COLUMNS)}; found "
            f"{', '.join(map(str, counts.columns))}."
        )
    out = counts.copy()
    for name in ("n_samples", "n_correct"):
        values = pd.to_numeric(out[name], errors="coerce")
        bad = values.isna() | (values < 0) | (values != values.round())
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            found = "an empty cell" if pd.isna(out[name].iloc[at]) else f"'{out[name].iloc[at]}'"
            raise SchemaError(f"{where}, row {at + 2}, column {name!r}: found {found}. Expected a whole number.")
        out[name] = values.astype(float)
    over = out["n_correct"] > out["n_samples"]
    if over.any() or (out["n_samples"] < 1).any():
        at = int(np.flatnonzero(over | (out["n_samples"] < 1))[0])
        told = f"{out['n_correct'].iloc[at]:g} correct of {out['n_samples'].iloc[at]:g}"
        raise SchemaError(
            f"{where}, row {at + 2}: {told}. Expected at least one sample, and no more correct than drawn."
        )
    key = [name for name in ("model", "problem") if name in out]
    for name in key:
        if (empty := out[name].isna().to_numpy()).any():
            raise SchemaError(f"{where}, row {int(np.flatnonzero(empty)[0]) + 2}: no {name}. Fill it in.")
    if (twice := out.duplicated(key).to_numpy()).any():
        at = int(np.flatnonzero(twice)[0])
        whose = f" of model {str(out['model'].iloc[at])!r}" if "model" in out else ""
        raise SchemaError(
            f"{where}, row {at + 2}: problem {str(out['problem'].iloc[at])!r}{whose} comes twice. "
            "Add its counts up into one row."
        )
    return out


def pass_until(n_drawn: ArrayLike, n_passes: int = 2) -> Array:
    """Estimate a small pass probability from how many samples it took to pass r times.

    Parameters
    ----------
    n_drawn : array_like
        Samples until the r-th pass; NaN where the cap came first.
    n_passes : int
        r.

    Returns
    -------
    ndarray
        (r - 1) / (K - 1), which has no bias, for r of 2 and more; 1 / K, which is biased upwards, for r = 1. NaN stays:
        such a problem is censored, not unsolvable.

    References
    ----------
    .. [1] Hu et al. (2023), arXiv:2310.03262, section 4.1.
    """
    drawn = np.asarray(n_drawn, dtype=float)
    if n_passes < 1 or np.nanmin(drawn, initial=np.inf) < n_passes:
        raise UsageError(f"pass_until: {n_passes} passes need at least as many samples.")
    return np.asarray((n_passes - 1) / (drawn - 1) if n_passes > 1 else 1 / drawn)
