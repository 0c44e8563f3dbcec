"""Open LLM Leaderboard v2, final table of March 2025: six benchmarks, raw fractions.

Quirks of the table, all handled in `parse`: only the raw values are read, because the normalised ones are clipped at 0;
`features_is_not_available_on_hub` is inverted and is not used; sizes <= 0 are missing and those of adapters and 4-bit
copies count something else; the base model `Removed` is no name and a root names itself; MATH was re-scored in
February 2025, so the column of the older dump is another benchmark (`math_lvl5_2024`).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.open_llm_contents import v2_contents
from obslaws.sources.tidy import claims, numbers, scores_of, stack

__all__ = ["SOURCE", "parse"]

BENCHMARKS = {
    "evaluations_ifeval_value": "ifeval", "evaluations_bbh_value": "bbh", "evaluations_math_value": "math_lvl5",
    "evaluations_gpqa_value": "gpqa", "evaluations_musr_value": "musr", "evaluations_mmlu_pro_value": "mmlu_pro",
}  # fmt: skip
OLD = "derived_v2_math_before_math_verify_2025-02-08"
KINDS = {"pretrained": "pretrained", "continuouslypretrained": "continued", "chatmodels": "chat",
         "fine-tunedondomain-specificdatasets": "fine-tune", "basemergesandmoerges": "merge"}  # fmt: skip
# the hub stamped this day on every repository older than its own records
HUB_EPOCH = pd.Timestamp("2022-03-02")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the final table, and MATH as it was scored before Math-Verify.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``huggingface_v2``, shape (n_rows, 34), and the older MATH column, shape (n_older, 6), where there is one; text.

    Returns
    -------
    Parsed
        Scores per model, revision, precision, chat template (`setting`) and benchmark; claims about size, base model,
        upload date, kind and flags.
    """
    raw = frames["huggingface_v2"]
    need_columns(
        raw,
        [*BENCHMARKS, "id", "model_name", "model_sha", "model_precision", "metadata_params_billions"],
        "open-llm-v2",
    )
    frame = _rows(raw).assign(**{c: raw[c] for c in BENCHMARKS})
    scores = scores_of(frame, BENCHMARKS)
    facts, notes = _facts(raw)
    if OLD in frames:
        math, n_gone = _older_math(frames[OLD], pd.concat([frame, raw["id"]], axis=1))
        scores = pd.concat([scores, math], ignore_index=True)
        notes["rows of the older MATH dump that the final table no longer has"] = n_gone
    return Parsed(scores, facts, len(raw), {}, notes)


def _older_math(old: pd.DataFrame, frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    older = old.merge(frame.drop(columns=["model"]), on="id", how="left")
    older = older.assign(model=older["model_name"], precision=older["model_precision"]).dropna(subset="revision")
    math = scores_of(older[["model", "revision", "precision", "setting", "date", "evaluations_math_value_x"]],
                     {"evaluations_math_value_x": "math_lvl5_2024"})  # fmt: skip
    return math, len(old) - len(older)


def _rows(raw: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": raw["model_name"].map(canonical),
            "revision": raw["model_sha"],
            "precision": raw["model_precision"],
            "setting": raw["model_has_chat_template"].map({"TRUE": "chat-template"}),
            "date": pd.to_datetime(raw["metadata_submission_date"]),
        }
    )


def _facts(raw: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    model = raw["model_name"].map(canonical)
    size = numbers(raw["metadata_params_billions"], 1e9)
    empty = ~(size > 0)
    other = raw["model_weight_type"].ne("Original") | raw["model_precision"].eq("4bit")
    base = raw["metadata_base_model"].str.removesuffix(" (Merge)").str.strip()
    removed = base.eq("Removed")
    itself = base.map(canonical, na_action="ignore").eq(model)
    base = base.where(~removed & ~itself & base.str.contains("/", regex=False)).map(canonical, na_action="ignore")
    merged = raw["features_is_merged"].eq("TRUE") | raw["model_type"].eq("basemergesandmoerges")
    provider = raw["features_is_official_provider"].eq("TRUE")
    uploaded = pd.to_datetime(raw["metadata_upload_date"])
    facts = stack(
        claims(model, "n_params", size.where(~empty & ~other), "measured"),
        claims(model, "base_model", base, "reported"),
        claims(model, "release_date", uploaded.where(uploaded > HUB_EPOCH), "measured"),
        claims(model, "kind", raw["model_type"].map(KINDS), "reported"),
        claims(model, "is_merge", merged, "reported"),
        claims(model, "is_moe", raw["features_is_moe"].eq("TRUE"), "reported"),
        claims(model[provider], "is_official_provider", provider[provider], "reported"),
        claims(model, "is_flagged", raw["features_is_flagged"].eq("TRUE"), "reported"),
    ).drop_duplicates()
    notes = {
        "sizes <= 0": int(empty.sum()),
        "sizes of adapters, deltas and 4-bit copies": int((other & ~empty).sum()),
        "base models given as 'Removed'": int(removed.sum()),
        "upload dates older than the hub's records": int((uploaded <= HUB_EPOCH).sum()),
    }
    return facts, notes


SOURCE = Source(
    id="open-llm-v2",
    title="Open LLM Leaderboard v2, final table",
    url="https://github.com/fboulnois/llm-leaderboard-csv",
    revision="0f4e5c69c6fb6515afa31ae61f4d699649bc9503",
    retrieved="2025-03-21",
    licence="unstated upstream (public measurements by Hugging Face; repository MPL-2.0)",
    citation="Fourrier et al. (2024). Open LLM Leaderboard v2. Hugging Face.",
    files=("open_llm_leaderboard/huggingface_v2.csv", f"open_llm_leaderboard/{OLD}.csv"),
    parse=parse,
    live=Live({"contents": "data/*.parquet"}, "open-llm-leaderboard/contents", v2_contents, ("math_lvl5_2024",)),
)
