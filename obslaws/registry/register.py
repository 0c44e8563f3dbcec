"""Write forecasts down before the scores are known.

In: a panel, a forecaster and a model. Out: one line per benchmark that the panel holds no score of, in the registry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws._version import __version__
from obslaws.errors import UsageError
from obslaws.forecasters import forecaster as make_forecaster
from obslaws.registry.chain import append

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["SHARES", "panel_digest", "register"]

SHARES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_DIGITS = 6  # of a fraction; a ten thousandth of a point


def register(
    path: Path,
    panel: Panel,
    queries: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    benchmarks: Sequence[str] | None = None,
    forecaster: str = "skill",
    now: datetime | None = None,
) -> list[dict[str, Any]]:
    """Forecast, and append the forecasts to a registry.

    Parameters
    ----------
    path : Path
        The registry; see `obslaws.registry.chain`.
    panel : Panel
        What the forecaster learns from.
    queries : DataFrame of shape (n_queries, n_covariates)
        Models, indexed by the id under which their scores will be published.
    scores : DataFrame, optional
        Scores that are already known of them.
    benchmarks : sequence of str, optional
        Only these; all of the panel by default.
    forecaster : str
        Name in the registry of forecasters, with settings.
    now : datetime, optional
        The present, in UTC.

    Returns
    -------
    list of dict
        The lines: kind, registered (ISO 8601, UTC), version, forecaster, snapshot, snapshot_date, view, panel (digest
        of what was learnt from), model, family, benchmark, forecast (fraction, the number that `Forecaster.forecast`
        gives), quantiles (share -> fraction), basis.

    Raises
    ------
    UsageError
        Every score that was asked for is already known.
    """
    made = make_forecaster(forecaster).fit(panel)
    predictive = made.predict(queries, scores)
    answer = made.tidy(predictive, queries, benchmarks)
    at = panel.scores.columns.get_indexer(pd.Index(list(benchmarks or panel.scores.columns)))
    quantiles = np.stack([predictive.quantile(share)[:, at].ravel() for share in SHARES], axis=1).round(_DIGITS)
    known = panel.scores.reindex(index=queries.index)
    if scores is not None:
        known = scores.reindex(index=known.index, columns=known.columns).combine_first(known)
    told = known.stack(future_stack=True).dropna().index
    unit = panel.benchmarks["unit"].reindex(answer["benchmark"]).to_numpy()
    keep = [pair not in told for pair in zip(answer["model"], answer["benchmark"], strict=True)]
    keep = np.array(keep) & (unit == "fraction") & (answer["basis"] != "none").to_numpy()
    answer, quantiles = answer[keep], quantiles[keep]
    if answer.empty:
        raise UsageError(
            f"Nothing to register: {len(keep)} scores of {', '.join(map(str, queries.index))} were asked for and "
            "every one is known, or on a benchmark without scores. Name other --benchmarks."
        )
    what = {
        "kind": "forecast",
        "registered": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "version": __version__,
        "forecaster": forecaster,
        "snapshot": panel.provenance.get("hash"),
        "snapshot_date": panel.provenance.get("snapshot"),
        "view": panel.name,
        "panel": panel_digest(panel),
    }
    records = [
        {
            **what,
            "model": row["model"],
            "family": row["family"],
            "benchmark": row["benchmark"],
            "forecast": round(float(row["forecast"]), _DIGITS),
            "quantiles": {f"{share:g}": float(value) for share, value in zip(SHARES, values, strict=True)},
            "basis": row["basis"],
        }
        for row, values in zip(answer.to_dict(orient="records"), quantiles, strict=True)
    ]
    append(path, records)
    return records


def panel_digest(panel: Panel) -> str:
    """Digest of everything that a forecaster can learn from a panel.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    str
        16 hexadecimal digits: SHA-256 of models, scores and benchmarks as CSV.
    """
    digest = hashlib.sha256()
    facts = panel.benchmarks[[c for c in ("score_floor", "n_items", "unit") if c in panel.benchmarks]]
    for table in (panel.models, panel.scores, facts):
        digest.update(table.to_csv(lineterminator="\n").encode())
    return digest.hexdigest()[:16]
