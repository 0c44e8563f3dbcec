"""Make a snapshot: parse every source, fold spellings, resolve claims, check, and write the same bytes every time.

In: a folder with copies of the upstream files. Out: a dated folder of tables with its manifest. Developers call it
through ``python -m obslaws.snapshot freeze FOLDER``; users never need it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from obslaws.claims import resolve_models
from obslaws.errors import ObslawsError
from obslaws.names import CERTAIN, DOUBTFUL, benchmarks_table, kinship
from obslaws.naming import resolve_boards
from obslaws.schema import TABLES, check_table
from obslaws.snapshot import data_root
from obslaws.sources import SOURCES, Parsed, Source

__all__ = ["assemble", "entry_of", "freeze", "main", "packaged_hash", "write_snapshot"]

DATE = "2026-11-22"
REVIEW = "review.csv"
_SPELLING_ORDER = ("open-llm-v2", "base-families", "open-llm-v1")
_CATEGORIES = {
    "scores": ("model", "revision", "precision", "benchmark", "setting", "source"),
    "facts": ("model", "attribute", "basis", "source", "document"),
}


def freeze(upstream: Path, out: Path, date: str = DATE) -> dict[str, Any]:
    """Build the tables of a snapshot and write them.

    Parameters
    ----------
    upstream : Path
        Folder with copies of the upstream files, laid out as in `obslaws.sources.Source.files`.
    out : Path
        Folder for the snapshot; made if need be.
    date : str
        Day of the snapshot, ISO 8601.

    Returns
    -------
    dict
        The manifest that was written.

    Raises
    ------
    SourceError
        A file is missing or no longer looks as it did.
    SchemaError
        A parsed table breaks the schema.
    """
    bundled = [source for source in SOURCES.values() if source.bundled]
    parsed = {source.id: source.parse(source.read(upstream)) for source in bundled}
    entries = {}
    for source in bundled:
        hashes = {name: _sha256(upstream / name) for name in source.files} or packaged_hash(source)
        entries[source.id] = entry_of(source, parsed[source.id], hashes)
    tables = assemble(parsed, entries)
    return write_snapshot(tables, entries, out, date)


def assemble(
    parsed: dict[str, Parsed],
    entries: dict[str, Any],
    earlier: dict[str, Parsed] | None = None,
    settled: Iterable[str] = (),
) -> dict[str, pd.DataFrame]:
    """Fold spellings, resolve claims and check: from parsed sources to the four tables.

    Parameters
    ----------
    parsed : dict of str to Parsed
        By source id; the order decides which of two doubled scores stays.
    entries : dict of str to dict
        Entries of the manifest; rows and what was left out are counted into them.
    earlier : dict of str to Parsed, optional
        Resolved rows of an earlier snapshot that are added to a source; a fresh score with the same key wins.
    settled : iterable of str
        Models that the earlier snapshot was sure of.

    Returns
    -------
    dict of str to DataFrame
        models, benchmarks, scores, facts, and review: the names of boards and the models they were taken for.

    Raises
    ------
    SchemaError
        A table breaks the schema.
    """
    parsed, review = resolve_boards(parsed, settled)
    for source_id, old in (earlier or {}).items():
        fresh = parsed[source_id]
        scores = pd.concat([p.scores for p in (fresh, old) if len(p.scores)] or [fresh.scores], ignore_index=True)
        facts = pd.concat([p.facts for p in (fresh, old) if len(p.facts)] or [fresh.facts], ignore_index=True)
        parsed[source_id] = replace(fresh, scores=scores, facts=facts)
        if "rule" in old.names:
            review = pd.concat([review, old.names.assign(source=source_id)[review.columns]], ignore_index=True)
    # a name that was read twice, now and earlier, stands once
    review = review.drop_duplicates(["source", "raw", "model"]).sort_values(["source", "raw", "model"])
    scores, facts = _gather(parsed)
    scores, doubled = _unique_scores(scores)
    evaluated = set(scores["model"]) | set(facts.loc[facts["source"] == "base-families", "model"])
    models = check_table(resolve_models(facts, sorted(evaluated)), "models")
    about = facts["model"].isin(evaluated | _ancestors(evaluated, facts))
    kept = facts[about]
    for source_id, entry in entries.items():
        if rules := _count_rules(review.loc[review["source"] == source_id, "rule"], entry.get("names", {})):
            entry["names"] = rules
        entry["scores"] = int((scores["source"] == source_id).sum())
        entry["facts"] = int((kept["source"] == source_id).sum())
        entry["left_out"] |= {
            "scores with a key that stood before": int(doubled.get(source_id, 0)),
            "claims about models that no table here evaluates and none comes from": int(
                (facts.loc[~about, "source"] == source_id).sum()
            ),
        }
        entry["left_out"] = {reason: n for reason, n in entry["left_out"].items() if n}
    benchmarks = check_table(benchmarks_table(), "benchmarks")
    units = dict(zip(benchmarks["benchmark"], benchmarks["unit"], strict=True))
    scores = scores.sort_values(["source", "model", "benchmark"], kind="stable", ignore_index=True)
    # a source that says two things of a model is believed in the order in which it says them: that order stays
    kept = kept.sort_values(["model", "attribute", "source"], kind="stable", ignore_index=True)
    return {
        "models": models.sort_values("model", ignore_index=True, kind="stable"),
        "benchmarks": benchmarks,
        "scores": check_table(scores, "scores", units=units),
        "facts": check_table(kept, "facts"),
        "review": review[review["confidence"] < CERTAIN],
    }


def _count_rules(rules: pd.Series, before: dict[str, int]) -> dict[str, int]:
    """Count names by rule; of names that were settled before (a source is carried over) only the number is known."""
    settled = {rule: n for rule, n in before.items() if rule not in DOUBTFUL}
    counts = {str(rule): int(n) for rule, n in rules.value_counts().items()}
    return {rule: settled.get(rule, 0) + counts.get(rule, 0) for rule in sorted({*settled, *counts})}


def entry_of(source: Source, parsed: Parsed, hashes: dict[str, str], **told: Any) -> dict[str, Any]:
    """Write a source's entry for the manifest.

    Parameters
    ----------
    source : Source
        Who it is.
    parsed : Parsed
        What it gave.
    hashes : dict of str to str
        File or address -> SHA-256.
    **told : Any
        Replaces what the source says of itself: `url`, `revision`, `retrieved`.

    Returns
    -------
    dict
        Ready for JSON; `assemble` adds the counts of rows in the tables.
    """
    n_dropped = sum(parsed.dropped.values())
    return {
        "title": source.title, "url": source.url, "revision": source.revision, "retrieved": source.retrieved,
        "licence": source.licence, "citation": source.citation, **told, "files": hashes,
        "rows_read": parsed.n_rows, "rows_kept": parsed.n_rows - n_dropped,
        "rows_dropped": {reason: n for reason, n in parsed.dropped.items() if n},
        "left_out": dict(parsed.notes),
    }  # fmt: skip


def packaged_hash(source: Source) -> dict[str, str]:
    """Hash a table that travels in the package: it names its own path as address.

    Parameters
    ----------
    source : Source
        Without files.

    Returns
    -------
    dict of str to str
        Path -> SHA-256.
    """
    return {source.url: _sha256(Path(__file__).parent.parent / source.url)}


def _gather(parsed: dict[str, Parsed]) -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = pd.concat([p.scores.assign(source=s) for s, p in parsed.items() if len(p.scores)], ignore_index=True)
    facts = pd.concat([p.facts.assign(source=s) for s, p in parsed.items() if len(p.facts)], ignore_index=True)
    preferred: dict[str, str] = {}
    for source_id in (*_SPELLING_ORDER, *parsed):
        for name in pd.unique(pd.concat([parsed[source_id].scores["model"], parsed[source_id].facts["model"]])):
            preferred.setdefault(name.lower(), name)
    scores["model"] = _fold(scores["model"], preferred)
    facts["model"] = _fold(facts["model"], preferred)
    is_base = facts["attribute"] == "base_model"
    facts.loc[is_base, "value"] = _fold(facts.loc[is_base, "value"], preferred)
    return scores, facts.drop_duplicates(["model", "attribute", "source", "value"])


def _fold(names: pd.Series, preferred: dict[str, str]) -> pd.Series:
    return names.map({name: preferred.get(name.lower(), name) for name in pd.unique(names)})


def _ancestors(models: set[str], facts: pd.DataFrame) -> set[str]:
    """Follow stated parents upwards: what is known of them decides what their children inherit."""
    stated = facts[facts["attribute"] == "base_model"].groupby("model")["value"].agg(set).to_dict()
    found: set[str] = set()
    front = models
    while front:
        by_rule = {parent for model in front if (parent := kinship(model).parent)}
        front = by_rule.union(*(stated.get(model, ()) for model in front)) - found - models
        found |= front
    return found


def _unique_scores(scores: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    doubled = scores.duplicated(list(TABLES["scores"].key))
    return scores[~doubled], scores.loc[doubled, "source"].value_counts().to_dict()


def write_snapshot(tables: dict[str, pd.DataFrame], entries: dict[str, Any], out: Path, date: str) -> dict[str, Any]:
    """Write the four tables, the review file and, last, the manifest.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `assemble`.
    entries : dict of str to dict
        Of the manifest, by source id.
    out : Path
        Folder; made if need be.
    date : str
        Day of the snapshot, ISO 8601.

    Returns
    -------
    dict
        The manifest.
    """
    out.mkdir(parents=True, exist_ok=True)
    written: dict[str, dict[str, Any]] = {}
    for name, frame in ((name, frame) for name, frame in tables.items() if name in TABLES):
        path = out / f"{name}.parquet"
        _write_table(frame, name, path)
        written[name] = {"rows": len(frame), "bytes": path.stat().st_size, "sha256": _sha256(path)}
    digest = hashlib.sha256("".join(entry["sha256"] for entry in written.values()).encode()).hexdigest()
    manifest = {
        "date": date, "hash": digest[:12], "writer": f"pyarrow {pa.__version__}",
        "tables": written, "sources": entries,
    }  # fmt: skip
    if "review" in tables:
        tables["review"].to_csv(out / REVIEW, index=False, lineterminator="\n")
        manifest["review"] = {"rows": len(tables["review"]), "sha256": _sha256(out / REVIEW)}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (out / "manifest.json").write_text(text, encoding="utf-8")
    return manifest


def _write_table(frame: pd.DataFrame, name: str, path: Path) -> None:
    fields = []
    for column, kind in ((c, spec.kind) for c, spec in TABLES[name].columns.items()):
        text = pa.dictionary(pa.int32(), pa.string()) if column in _CATEGORIES.get(name, ()) else pa.string()
        fields.append(
            pa.field(column, {"text": text, "number": pa.float64(), "flag": pa.bool_(), "date": pa.date32()}[kind])
        )
    schema = pa.schema(fields)
    # a row group per source, so that a view reads only its own
    groups = [g for _, g in frame.groupby("source", sort=False)] if name == "scores" else [frame]
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=19) as writer:
        for group in groups:
            group = group.astype({c: "category" for c in _CATEGORIES.get(name, ())})
            writer.write_table(pa.Table.from_pandas(group, schema, preserve_index=False), row_group_size=len(group))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Run the developer's command ``python -m obslaws.snapshot freeze FOLDER [--date DATE] [--out FOLDER]``.

    Parameters
    ----------
    arguments : list of str, optional
        Words after the module's name.

    Returns
    -------
    int
        Exit code: 0, or 1 with the error on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="python -m obslaws.snapshot", description="Freeze upstream copies into a snapshot."
    )
    parser.add_argument("command", choices=["freeze"])
    parser.add_argument("upstream", type=Path, help="folder with copies of the upstream files")
    parser.add_argument("--date", default=DATE, help="day of the snapshot (%(default)s)")
    parser.add_argument("--out", type=Path, help="folder for the snapshot (data/snapshots/<date>)")
    options = parser.parse_args(arguments)
    out = options.out or data_root() / "snapshots" / options.date
    try:
        manifest = freeze(options.upstream, out, options.date)
    except ObslawsError as error:
        print(f"obslaws: {error}", file=sys.stderr)
        return 1
    for name, table in manifest["tables"].items():
        print(f"{name:<11}{table['rows']:>8} rows {table['bytes']:>9} bytes")
    return 0
