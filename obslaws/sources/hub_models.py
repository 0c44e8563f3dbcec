"""Records of models on the Hugging Face Hub: size of the weights, parents, day of creation, licence, reported results.

A refresh asks for models of the Open LLM Leaderboards of which no size, no release date or no parent is known, a part
at a time. Safetensors count every tensor that is stored, masks too (pythia-1b: 67 million of 1,079), so that only
floating point numbers are parameters; 4- and 8-bit copies hold packed integers and adapters only what they add, so
theirs are no sizes. Days before the hub kept records (2 March 2022) are missing. Results
(``.eval_results``) are what whoever wrote them says, on a scale that the benchmark decides: ``names/hub_boards.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from obslaws.names import canonical, hand_table
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import board_scores, documents
from obslaws.sources.live import DOCUMENT_COLUMNS, Documents
from obslaws.sources.open_llm_v2 import HUB_EPOCH
from obslaws.sources.tidy import claims, stack

__all__ = ["HUB_SCORE_COLUMNS", "SOURCE", "hub_scores", "models_without_facts", "parse"]

HUB_SCORE_COLUMNS = ["raw", "dataset", "task", "value", "setting", "date"]
_HUB_IDS = ("open-llm-v1", "open-llm-v2", "mmlu-by-task", "open-llm-v2-results")
_PACKED = re.compile(r"gptq|awq|gguf|exl2|bnb|[-_.](?:4|8)bit|int[48]|w[48]a", re.IGNORECASE)


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the records.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``models``, shape (n_models, 2), columns name and text: one JSON record per model.

    Returns
    -------
    Parsed
        Claims about size, parents (`document` says the relation), creation date, licence and merges; scores on
        ``<test>@hub``.
    """
    need_columns(frames["models"], DOCUMENT_COLUMNS, "hub-models")
    records, broken = documents(frames["models"])
    gone = [name for name, record in records if record.get("missing")]
    kept = [(name, record) for name, record in records if not record.get("missing")]
    table = pd.DataFrame([_facts(name, record) for name, record in kept], columns=_COLUMNS).astype({"model": "str"})
    packed = table["packed"].astype(bool)
    size = pd.to_numeric(table["size"]).astype("float64")
    created = pd.to_datetime(table["created"], utc=True, format="ISO8601").dt.tz_localize(None).dt.normalize()
    parents = table[["model", "relation", "parents"]].explode("parents").dropna(subset="parents")
    parents = parents[parents["model"].map(canonical) != parents["parents"].map(canonical)]
    merged = table["relation"].eq("merge")
    facts = stack(
        claims(table["model"], "n_params", size.where(~packed & (size > 0)), "measured"),
        *(
            claims(part["model"], "base_model", part["parents"].map(canonical).astype("str"), "reported", str(relation))
            for relation, part in parents.groupby("relation")
        ),
        claims(table["model"], "release_date", created.where(created > HUB_EPOCH), "measured"),
        claims(table["model"], "licence", table["licence"], "reported"),
        claims(table.loc[merged, "model"], "is_merge", merged[merged], "reported"),
    )
    results = [_result(name, result) for name, record in kept for result in record.get("results", [])]
    scores, notes = hub_scores(pd.DataFrame(results, columns=HUB_SCORE_COLUMNS))
    notes |= {
        "sizes of quantised copies and adapters": int((packed & size.notna()).sum()),
        "creation dates older than the hub's records": int((created <= HUB_EPOCH).sum()),
    }
    dropped = {"model that the hub no longer has": len(gone), "record that is no JSON": broken}
    return Parsed(scores, facts, len(frames["models"]), dropped, notes)


_COLUMNS = ["model", "size", "packed", "created", "relation", "parents", "licence"]


def _facts(name: str, record: dict[str, Any]) -> list[Any]:
    relation = record.get("relation") or "finetune"
    counts = {str(kind): n for kind, n in (record.get("parameters") or {}).items() if isinstance(n, int)}
    floats = sum(n for kind, n in counts.items() if kind.startswith(("F", "BF")))
    bytes_beside = counts.get("U8", 0) > floats  # masks are few beside the weights, packed weights are not
    packed = relation in ("quantized", "adapter") or bool(_PACKED.search(name)) or bool({"I32", "I8"} & set(counts))
    licence = record.get("licence")
    licence = licence[0] if isinstance(licence, list) and licence else licence
    size = floats if counts else record.get("total")
    return [name, size, packed or bytes_beside, record.get("created"), relation, record.get("parents") or [],
            licence if isinstance(licence, str) else None]  # fmt: skip


def _result(name: str, result: dict[str, Any]) -> list[Any]:
    words = [result.get("notes") or "", "signed" if result.get("signed") else ""]
    setting = "; ".join(filter(None, ["reported", *words]))
    return [name, result.get("dataset"), result.get("task"), result.get("value"), setting, result.get("date")]


def hub_scores(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Turn results on the hub's benchmark datasets into scores, by the rules of ``names/hub_boards.csv``.

    Parameters
    ----------
    rows : DataFrame of shape (n_results, 6)
        Columns `HUB_SCORE_COLUMNS`; raw is the hub id.

    Returns
    -------
    scores : DataFrame of shape (n_scores, 8)
        Fractions.
    notes : dict of str to int
        What was left out. A value of at most 1 on a scale of 100 is a fraction or very weak: nobody guesses which.
    """
    rules = hand_table("hub_boards").assign(scale=lambda t: t["scale"].astype("float64"))
    one_task, any_task = rules[rules["task"].notna()], rules[rules["task"].isna()].drop(columns="task")
    exact = rows[["dataset", "task"]].astype("str").merge(one_task, "left", ["dataset", "task"])
    loose = rows[["dataset"]].astype("str").merge(any_task, "left", "dataset")
    rows = rows.reset_index(drop=True)
    rows = rows.assign(**{c: exact[c].where(exact["benchmark"].notna(), loose[c]) for c in ("benchmark", "scale")})
    value = pd.to_numeric(rows["value"], errors="coerce").astype("float64")
    unknown = rows["benchmark"].isna()
    doubtful = ~unknown & rows["scale"].eq(100) & value.le(1)
    outside = ~unknown & ~doubtful & ~value.between(0, rows["scale"])
    kept = rows[~unknown & ~doubtful & ~outside]
    date = pd.to_datetime(kept["date"], errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None).dt.normalize()
    model = kept["raw"].map(canonical).astype("str")
    scores, _, doubled = board_scores(kept.assign(model=model, score=value[kept.index] / kept["scale"], date=date))
    notes = {
        "results on datasets or tasks without a rule": int(unknown.sum()),
        "values of at most 1 on a scale of 100": int(doubtful.sum()),
        "values outside their scale": int(outside.sum()),
        "the same result again": doubled,
    }
    return scores, notes


def models_without_facts(models: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """List the models of boards that use hub ids of which something is missing, the least known first.

    Parameters
    ----------
    models : DataFrame of shape (n_models, n_columns)
        Table of a snapshot.
    scores : DataFrame of shape (n_scores, 9)
        Table of the same snapshot.

    Returns
    -------
    list of str
        Hub ids.
    """
    size = models["n_params"].isna() | models["n_params_basis"].isin(["name"])
    date = models["release_date"].isna()
    parent = models["base_model"].isna() & ~models["variant"].isin(["base"])
    wanted = models.assign(n_missing=size.astype(int) + date.astype(int) + parent.astype(int))
    on_hub = set(scores.loc[scores["source"].isin(_HUB_IDS), "model"].unique())
    wanted = wanted[(wanted["n_missing"] > 0) & wanted["model"].isin(on_hub)]
    return wanted.sort_values(["n_missing", "model"], ascending=[False, True])["model"].tolist()


SOURCE = Source(
    id="hub-models",
    title="Records of models on the Hugging Face Hub",
    url="https://huggingface.co/models",
    revision="live",
    retrieved="live",
    licence="unstated upstream (facts); each repository states its own",
    citation="Hugging Face Hub, records of model repositories.",
    files=("hub_models/models.jsonl",),
    parse=parse,
    live=Live({}, documents=Documents("models", "models", models=models_without_facts, limit=300), on_request=True),
    bundled=False,
)
