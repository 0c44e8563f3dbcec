"""Records of Every Eval Ever, schema 0.2 and 0.3: one record, or a list of them.

A record declares the bounds of each metric, and they are believed: 41.2 between 0 and 100 is 0.412. Bounds may be the
text "Infinity", and -1 stands for missing where the bounds are 0 and 1. What lm-evaluation-harness measured is read by
the rules of that format.
"""

from __future__ import annotations

import math
from typing import Any

from obslaws.errors import SchemaError
from obslaws.results.base import Identity, Measurement, Reading, plain, plain_id
from obslaws.results.cells import count, day, integer, mapping, number
from obslaws.results.document import Document

__all__ = ["NAME", "SHAPE", "matches", "parse"]

NAME = "every-eval-ever"
SHAPE = "Every Eval Ever records (keys schema_version, evaluation_results)"
_UNITS = {"proportion": 1.0, "fraction": 1.0, "percent": 100.0, "percentage": 100.0}


def matches(document: Document) -> bool:
    """Recognise a record, or a list of them, by its keys."""
    records = document.data if isinstance(document.data, list) else [document.data]
    return bool(records) and all(
        isinstance(r, dict) and {"schema_version", "evaluation_results"} <= set(r) for r in records
    )


def parse(document: Document) -> Reading:
    """Read all results of all records.

    Parameters
    ----------
    document : Document

    Returns
    -------
    Reading
        `filter` is the collection, the first part of ``evaluation_id``.

    Raises
    ------
    SchemaError
        ``evaluation_results`` is no list of objects.
    """
    records = document.data if isinstance(document.data, list) else [document.data]
    found: list[Measurement] = []
    for at, record in enumerate(records):
        results = record["evaluation_results"]
        if not (isinstance(results, list) and all(isinstance(r, dict) for r in results)):
            kind = type(results).__name__
            raise SchemaError(f"{document.name}: evaluation_results of record {at + 1} is {kind}; expected objects.")
        found += [_measurement(record, result) for result in results]
    models = {m.model for m in found}
    identity = Identity(models.pop()) if len(models) == 1 else Identity()
    versions = ", ".join(sorted({plain(r["schema_version"]) for r in records}))
    return Reading(tuple(found), identity, (f"Every Eval Ever schema {versions}",))


def _measurement(record: dict[str, Any], result: dict[str, Any]) -> Measurement:
    metric, details = mapping(result.get("metric_config")), mapping(result.get("score_details"))
    uncertainty = mapping(details.get("uncertainty"))
    library = plain(mapping(record.get("eval_library")).get("name", "")).lower().replace("-", "_")
    from_harness = library in ("lm_eval", "lm_evaluation_harness", "lm_eval_harness")
    collection = plain(record.get("evaluation_id", "")).partition("/")[0]
    value, scale, refused = _scaled(details.get("score"), metric)
    kind = metric.get("metric_id") or metric.get("metric_kind") or metric.get("metric_name") or ""
    stamp = result.get("evaluation_timestamp") or record.get("evaluation_timestamp")
    error = mapping(uncertainty.get("standard_error")).get("value")
    shown = plain(kind).rpartition("/")[2] if from_harness else plain(kind)
    return Measurement(
        plain(result.get("evaluation_name", "")), shown, value,
        plain(_extra(metric).get("filter") or "none") if from_harness else collection, number(error),
        count(uncertainty.get("num_samples")), _n_shots(result), scale=scale, refused=refused,
        format="lm-eval" if from_harness else "", model=plain_id(mapping(record.get("model_info")).get("id", "")),
        date=day(stamp),
    )  # fmt: skip


def _scaled(score: object, metric: dict[str, Any]) -> tuple[object, float | None, str]:
    low, high = number(metric.get("min_score")), number(metric.get("max_score"))
    unit = _UNITS.get(str(metric.get("metric_unit", "")).lower())
    if metric.get("lower_is_better") is True:
        return score, None, "lower is better"
    if math.isnan(high):
        return score, unit, "" if unit else "the record declares neither bounds nor unit; add max_score"
    if low == 0 and high in (1.0, 100.0) and unit in (None, high):
        return score, high, "the score is missing (-1)" if number(score) == -1 else ""
    said = f", unit {plain(metric['metric_unit'])}" if unit else ""
    return score, None, f"bounds {low:g} to {high:g}{said}: no fraction and no percentage"


def _extra(part: dict[str, Any]) -> dict[str, Any]:
    return mapping(part.get("additional_details"))


def _n_shots(result: dict[str, Any]) -> int | None:
    for part in (mapping(result.get("generation_config")), mapping(result.get("metric_config"))):
        for key in ("num_fewshot", "n_shot", "n_shots"):
            if key in _extra(part):
                return integer(_extra(part)[key])
    return None
