"""A snapshot for other programs: the four tables as parquet or CSV, or records of Every Eval Ever.

An Every Eval Ever record (schema 0.3.0) is one model on one board; a file holds a board's records as a list. Scores
keep the unit that ``benchmarks`` states, and the bounds say so.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from obslaws._version import __version__
from obslaws.errors import StorageError, UnknownNameError, UsageError
from obslaws.fetching.causes import cause_of
from obslaws.schema import TABLES
from obslaws.snapshot import Snapshot

__all__ = ["FORMATS", "export"]

EEE_VERSION = "0.3.0"


def export(data: Snapshot, out: Path, form: str = "parquet") -> list[Path]:
    """Write a snapshot into a folder.

    Parameters
    ----------
    data : Snapshot
        What to write.
    out : Path
        A folder that is empty or does not exist; it appears whole or not at all.
    form : {"parquet", "csv", "eee"}
        Shape of the files.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UnknownNameError
        No such format.
    UsageError
        The folder is not empty.
    StorageError
        It cannot be written.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--output {str(out)!r} is not an empty folder. Name one that does not exist yet.")
    aside = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".aside-{os.getpid()}-", dir=out.parent))
        aside.chmod(0o755)
        FORMATS[form](data, aside)
        (aside / "manifest.json").write_bytes((data.folder / "manifest.json").read_bytes())
        aside.rename(out)
    except OSError as error:
        raise StorageError(f"{out}: nothing was exported: {cause_of(error)}.") from error
    finally:
        if aside is not None and aside.exists():
            shutil.rmtree(aside, ignore_errors=True)
    return sorted(out.iterdir())


def _parquet(data: Snapshot, folder: Path) -> None:
    for name in TABLES:
        shutil.copyfile(data.folder / f"{name}.parquet", folder / f"{name}.parquet")


def _csv(data: Snapshot, folder: Path) -> None:
    for name in TABLES:
        frame: pd.DataFrame = getattr(data, name)
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", date_format="%Y-%m-%d")


def _eee(data: Snapshot, folder: Path) -> None:
    benchmarks = data.benchmarks.set_index("benchmark")
    bounds = {b: _metric(str(b), row) for b, row in benchmarks.to_dict("index").items()}
    for source, scores in data.scores.groupby("source", observed=True, sort=True):
        with (folder / f"{source}.json").open("w", encoding="utf-8") as file:
            file.write("[\n")
            for i, record in enumerate(_records(data, str(source), scores, bounds)):
                file.write(f"{',' if i else ''}{json.dumps(record, ensure_ascii=False, allow_nan=False)}\n")
            file.write("]\n")


def _metric(benchmark: str, row: dict[Any, Any]) -> dict[str, Any]:
    metric = row["metric"] if isinstance(row["metric"], str) else "score"
    if row["unit"] == "fraction":
        told = {"metric_unit": "proportion", "min_score": 0.0, "max_score": 1.0}
    else:
        told = {"metric_unit": str(row["unit"]), "min_score": "-Infinity", "max_score": "Infinity"}
    return {"metric_id": f"{benchmark}.{metric}", "metric_name": metric, "lower_is_better": False,
            "score_type": "continuous", **told}  # fmt: skip


def _records(
    data: Snapshot, source: str, scores: pd.DataFrame, bounds: dict[Any, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    entry = data.manifest["sources"][source]
    key = ["model", "revision", "precision", "setting"]
    plain = scores.astype(dict.fromkeys([*key, "benchmark"], "str")).fillna(dict.fromkeys(key, ""))
    for values, part in plain.groupby(key, sort=True):
        model, revision, precision, setting = map(str, values)
        rows = part[part["score"].notna()].to_dict("records")
        details = {"revision": revision, "precision": precision, "setting": setting}
        yield {
            "schema_version": EEE_VERSION,
            "evaluation_id": "/".join([source, model, *filter(None, (revision, precision, setting))]),
            "retrieved_timestamp": entry["retrieved"],
            "source_metadata": {
                "source_name": entry["title"], "source_type": "documentation", "source_organization_name": source,
                "evaluator_relationship": "third_party",
                "additional_details": {"url": entry["url"], "revision": entry["revision"], "licence": entry["licence"],
                                       "exported_by": f"obslaws {__version__}, snapshot {data.name} ({data.hash})"},
            },
            "model_info": {"id": model, "name": model, "developer": model.partition("/")[0],
                           "additional_details": {k: v for k, v in details.items() if v}},
            "eval_library": {"name": "unknown", "version": "unknown"},
            "evaluation_results": [_result(row, bounds[row["benchmark"]]) for row in rows],
        }  # fmt: skip


def _result(row: dict[Any, Any], metric: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {"score": row["score"]}
    if row["stderr"] == row["stderr"]:
        details["uncertainty"] = {"standard_error": {"value": row["stderr"]}}
    result = {"evaluation_name": row["benchmark"], "metric_config": metric, "score_details": details}
    if not pd.isna(row["date"]):
        result["evaluation_timestamp"] = row["date"].date().isoformat()
    return result


FORMATS: dict[str, Callable[[Snapshot, Path], None]] = {"parquet": _parquet, "csv": _csv, "eee": _eee}
