"""Score registered forecasts by what has been measured since.

In: a registry, and scores: those of a newer snapshot, or a table of one's own. Out: each forecast beside its score, and
what they add up to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import SchemaError, nearest_names
from obslaws.metrics import bias, coverage, crps, mae, medae, width
from obslaws.quantities import counted
from obslaws.reading import read_csv

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["add_up", "read_scores", "resolve", "unregistered"]

LEVELS = (0.8, 0.9, 0.95)
RESOLVED_COLUMNS = (
    "line", "registered", "forecaster", "model", "benchmark", "lower", "forecast", "upper", "score", "inside", "basis",
    "repeat",
)  # fmt: skip


def read_scores(path: Path) -> pd.DataFrame:
    """Read measured scores: CSV with columns model, benchmark, score (fractions).

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame of shape (n_scores, 3)

    Raises
    ------
    SchemaError
        Another shape, a score that is no fraction, or a second score of one cell.
    """
    columns = ("model", "benchmark", "score")
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; expected a CSV with columns {', '.join(columns)}.")
    table = read_csv(path, f"a CSV with columns {', '.join(columns)}", dtype={"model": "str", "benchmark": "str"})
    missing = [c for c in columns if c not in table]
    if missing:
        raise SchemaError(f"{path.name}: no column {missing[0]!r}; expected {', '.join(columns)}.")
    score = pd.to_numeric(table["score"], errors="coerce")
    bad = ~score.between(0.0, 1.0)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise SchemaError(f"{path.name}, row {at + 2}: {_no_fraction(table['score'].iloc[at], float(score.iloc[at]))}")
    doubled = table[["model", "benchmark"]].apply(lambda names: names.str.lower()).duplicated()  # whatever the case
    if doubled.any():
        at = int(np.flatnonzero(doubled)[0])
        raise SchemaError(f"{path.name}, row {at + 2}: a second score of this model on this benchmark. Keep one.")
    return table[[*columns]].assign(score=score)


def resolve(
    records: Sequence[dict[str, Any]],
    scores: pd.DataFrame | None = None,
    panel_of: Callable[[str], Panel | None] | None = None,
) -> pd.DataFrame:
    """Put each forecast beside its score.

    Parameters
    ----------
    records : sequence of dict
        Lines of the registry, as `obslaws.registry.chain.read_chain` gives them.
    scores : DataFrame, optional
        Columns model, benchmark, score; models and benchmarks are found whatever the case.
    panel_of : callable, optional
        View -> panel of the newer snapshot, None where there is no such view; asked where `scores` has nothing. A panel
        with the very data that the forecast was made from tells nothing new.

    Returns
    -------
    DataFrame of shape (n_forecasts, 12 + n_quantiles)
        Columns line, registered, forecaster, model, benchmark, lower, forecast (the median where a line holds none, as
        early ones do), upper (90 %), score (NaN where it has not been measured), inside, basis, repeat (its forecaster
        had registered the model on the benchmark before); then the quantiles, named by their shares.
    """
    forecasts = [record for record in records if record.get("kind") == "forecast"]
    measured: dict[tuple[str, str], float] = {}
    if scores is not None:
        for model, benchmark, score in scores[["model", "benchmark", "score"]].itertuples(index=False):
            measured[str(model).lower(), str(benchmark).lower()] = float(score)
    known: dict[str, Any] = {}
    rows = []
    first: set[tuple[str, str, str]] = set()
    for record in forecasts:
        key = (record["model"].lower(), record["benchmark"].lower())
        score = measured.get(key, np.nan)
        if np.isnan(score) and panel_of is not None:
            view = record["view"]
            if view not in known:
                known[view] = _cells(panel_of(view))
            hash_, cells = known[view]
            score = cells.get(key, np.nan) if hash_ != record["snapshot"] else np.nan
        quantiles = {str(share): float(value) for share, value in record["quantiles"].items()}
        told = {name: record[name] for name in ("line", "registered", "forecaster", "model", "benchmark", "basis")}
        low, high = quantiles["0.05"], quantiles["0.95"]
        repeat = (*key, record["forecaster"]) in first
        first.add((*key, record["forecaster"]))
        inside = pd.NA if np.isnan(score) else bool(low <= score <= high)
        rows.append(
            {
                **told,
                "lower": low,
                "forecast": float(record.get("forecast", quantiles["0.5"])),
                "upper": high,
                "score": score,
                "inside": inside,
                "repeat": repeat,
                **quantiles,
            }
        )
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*RESOLVED_COLUMNS])
    return frame[[*RESOLVED_COLUMNS, *(c for c in frame if c not in RESOLVED_COLUMNS)]]


def _no_fraction(found: object, value: float) -> str:
    told = repr(found) if np.isnan(value) else f"{value:g}"
    meant = f" Did you mean {value / 100:g}?" if 1.0 < value <= 100.0 else ""
    return f"score is {told}; expected a fraction such as 0.71.{meant}"


def _cells(panel: Panel | None) -> tuple[str | None, dict[tuple[str, str], float]]:
    if panel is None:
        return None, {}
    scores = panel.scores.stack(future_stack=True).dropna()
    models, benchmarks = (scores.index.get_level_values(level).astype(str) for level in (0, 1))
    cells = dict(zip(zip(models.str.lower(), benchmarks.str.lower(), strict=True), map(float, scores), strict=True))
    return panel.provenance.get("hash"), cells


def unregistered(resolved: pd.DataFrame, scores: pd.DataFrame) -> str:
    """Say which scores belong to no forecast on record, and what their names may have been meant to be.

    Parameters
    ----------
    resolved : DataFrame
        From `resolve`.
    scores : DataFrame
        Columns model, benchmark, score.

    Returns
    -------
    str
        A sentence; empty where every score has its forecast.
    """
    models = {str(name).lower(): str(name) for name in resolved["model"]}
    benchmarks = list(map(str, resolved["benchmark"].unique()))
    asked = set(zip(resolved["model"].str.lower(), resolved["benchmark"].str.lower(), strict=True))
    told = []
    for model, benchmark in scores[["model", "benchmark"]].astype("str").itertuples(index=False):
        if (model.lower(), benchmark.lower()) in asked:
            continue
        near = [] if model.lower() in models else nearest_names(model, list(models.values()), most=1)
        near += [] if benchmark in benchmarks else nearest_names(benchmark, benchmarks, most=1)
        meant = f" (did you mean {' and '.join(map(repr, near))}?)" if near else ""
        told.append(f"{model!r} on {benchmark!r}{meant}")
    if not told:
        return ""
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"of {counted(len(scores), 'score')}, {len(told)} with no forecast on record: {', '.join(told[:3])}{more}."


def add_up(resolved: pd.DataFrame) -> dict[str, Any]:
    """Add up the forecasts whose score is known, each once.

    Parameters
    ----------
    resolved : DataFrame
        From `resolve`.

    Returns
    -------
    dict
        n_forecasts and n_resolved, of which only the first per model, benchmark and forecaster counts; n_repeats, the
        others; when there are any, mae, medae, bias, crps, width in points and coverage (level ->
        share).
    """
    counted = resolved[~resolved["repeat"].astype(bool)]
    done = counted[counted["score"].notna()]
    out: dict[str, Any] = {
        "n_forecasts": len(counted), "n_resolved": len(done), "n_repeats": len(resolved) - len(counted),
    }  # fmt: skip
    if done.empty:
        return out
    shares = [c for c in resolved if c not in RESOLVED_COLUMNS]
    score = done["score"]
    return {
        **out,
        "mae": mae(score, done["forecast"]),
        "medae": medae(score, done["forecast"]),
        "bias": bias(score, done["forecast"]),
        "crps": crps(score, done[shares].to_numpy(dtype=float), [float(str(share)) for share in shares]),
        "width": width(done["lower"], done["upper"]),
        "coverage": {
            f"{level:g}": coverage(score, done[f"{(1 - level) / 2:g}"], done[f"{(1 + level) / 2:g}"])
            for level in LEVELS
        },
    }
