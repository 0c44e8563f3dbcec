"""Several laws on the same runs, by information criterion and by what they say of runs held out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from obslaws.errors import FitError, UsageError
from obslaws.laws.fitter import fit_law, holdout
from obslaws.laws.registry import law

__all__ = ["compare"]


def compare(names: Sequence[str], x: Any, y: ArrayLike, by: str | None = None, **options: Any) -> pd.DataFrame:
    """Fit several laws to the same points and rank them.

    The criteria are those of the output itself, so that fits in log and in linear space compare.

    Parameters
    ----------
    names : sequence of str
        Laws.
    x : DataFrame or mapping
        Must hold the inputs of all of them.
    y : array_like of shape (n_points,)
    by : str, optional
        Input that orders runs: adds `holdout_error`, the mean absolute relative error on the fifth with the largest.
    **options
        To `fit_law`.

    Returns
    -------
    DataFrame
        law, n_params, r2, mean_abs_rel_error, aicc, delta_aicc, weight (Akaike), bic, [holdout_error,] identified,
        warnings; best first. A law that could not be fitted keeps its row, with the reason in `warnings`.

    Raises
    ------
    UsageError
        No law was named.

    References
    ----------
    .. [1] Burnham and Anderson (2002). Model Selection and Multimodel Inference, sections 2.4 and 2.9.
    """
    if not names:
        raise UsageError("compare: no law was named.")
    rows = []
    for name in names:
        one = law(name)
        row: dict[str, Any] = {"law": name, "n_params": len(one.params)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = fit_law(one, x, y, **options)
                if by is not None:
                    row["holdout_error"] = holdout(one, x, y, by, **options)["mean_abs_rel_error"].iloc[0]
        except FitError as error:
            rows.append({**row, "identified": False, "warnings": str(error)})
            continue
        figures = {k: fit.quality[k] for k in ("r2", "mean_abs_rel_error", "aicc", "bic")}
        rows.append({**row, **figures, "identified": fit.identified, "warnings": "; ".join(fit.warnings)})
    table = pd.DataFrame(rows)
    for column in ("r2", "mean_abs_rel_error", "aicc", "bic"):
        table[column] = table[column] if column in table else np.nan
    table = table.sort_values("aicc", kind="stable", ignore_index=True)
    table["delta_aicc"] = table["aicc"] - table["aicc"].min()
    likely = np.exp(-0.5 * table["delta_aicc"])
    table["weight"] = likely / likely.sum()
    first = ["law", "n_params", "r2", "mean_abs_rel_error", "aicc", "delta_aicc", "weight", "bic"]
    held = ["holdout_error"] if "holdout_error" in table else []
    return table[[*first, *held, "identified", "warnings"]]
