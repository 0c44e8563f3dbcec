"""Hub metadata as frozen by the Every Eval Ever registry: weights' size, creation date, base models.

In: the registry's copy of the hub's model records, and its curated edges from models to their parents. Creation
dates before the hub kept them (2 March 2022) are missing; quantised copies and adapters state sizes that count
something else.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.open_llm_v2 import HUB_EPOCH
from obslaws.sources.tidy import claims, no_scores, numbers, stack

__all__ = ["SOURCE", "parse"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the records.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``derived_hub_stats_frozen``, shape (n_models, 9), text, and the lines of ``parents``.

    Returns
    -------
    Parsed
        No scores; claims about size, parents (a merge has several; `document` says which relation),
        creation date, and merges.
    """
    raw = frames["derived_hub_stats_frozen"]
    need_columns(raw, ["id", "createdAt", "params_safetensors", "base_relation", "base_models"], "hub")
    name = raw["id"]
    relation = raw["base_relation"]
    packed = relation.isin(["quantized", "adapter"])
    created = pd.to_datetime(raw["createdAt"]).dt.normalize()
    edges = pd.concat([_stated(raw), _curated(frames["parents"]["line"])], ignore_index=True)
    edges = edges[edges["child"].map(canonical) != edges["parent"]]
    size = numbers(raw["params_safetensors"])
    merged = relation.eq("merge")
    facts = stack(
        claims(name, "n_params", size.where(~packed & (size > 0)), "measured"),
        *(
            claims(part["child"], "base_model", part["parent"], "reported", str(relation))
            for relation, part in edges.groupby("relation")
        ),
        claims(name, "release_date", created.where(created > HUB_EPOCH), "measured"),
        claims(name[merged], "is_merge", merged[merged], "reported"),
    )
    notes = {
        "sizes of quantised copies and adapters": int((packed & size.notna()).sum()),
        "creation dates older than the hub's records": int((created <= HUB_EPOCH).sum()),
    }
    return Parsed(no_scores(), facts, len(raw), {}, notes)


def _stated(raw: pd.DataFrame) -> pd.DataFrame:
    many = raw.loc[raw["base_models"].notna(), ["id", "base_models", "base_relation"]]
    many = many.assign(parent=many["base_models"].str.split(";")).explode("parent")
    parent = many["parent"].astype("str").str.strip().map(canonical)
    return pd.DataFrame({"child": many["id"], "parent": parent, "relation": many["base_relation"].fillna("finetune")})


def _curated(lines: pd.Series) -> pd.DataFrame:
    edges, child = [], ""
    for line in lines:
        text = line.strip()
        if line.startswith("- id: "):
            child = line.removeprefix("- id: ")
        elif text.startswith("- id: "):
            edges.append({"child": child, "parent": canonical(text.removeprefix("- id: ")), "relation": "", "axis": ""})
        elif edges and text.startswith("relationship: "):
            edges[-1]["relation"] = text.removeprefix("relationship: ")
        elif edges and text.startswith("axis: "):
            edges[-1]["axis"] = text.removeprefix("axis: ")
    table = pd.DataFrame(edges, columns=["child", "parent", "relation", "axis"])
    # variants along size, mode or version are siblings, not parents; only a training stage is lineage
    lineage = table["relation"].isin(["finetune", "merge", "adapter"]) | table["axis"].eq("training_stage")
    return table.loc[lineage, ["child", "parent", "relation"]]


SOURCE = Source(
    id="hub",
    title="Hugging Face Hub model records, frozen by the Every Eval Ever registry",
    url="https://github.com/evaleval/eval-card-registry",
    revision="0b3ec4c11640818da181a2304da4d9d7a61b3854",
    retrieved="2026-11-22",
    licence="unstated upstream (facts only)",
    citation="Every Eval Ever, eval-card registry.",
    files=("every_eval_ever/derived_hub_stats_frozen.csv", "every_eval_ever/parents.yaml"),
    parse=parse,
)
