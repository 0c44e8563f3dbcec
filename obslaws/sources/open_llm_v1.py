"""Open LLM Leaderboard v1, final table of June 2024: six benchmarks, percent.

Quirks of the table, all handled in `parse`: the flags `flagged`, `merged` and `moe` are inverted (True means *not*),
and `moe` contradicts the architecture in hundreds of rows, so the architecture decides;
`params_b` is a floored integer, 0 where unknown, and is not used; a model stands once per precision; `date` is the day
of submission and says nothing about the release.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.open_llm_contents import v1_contents
from obslaws.sources.tidy import claims, scores_of, stack

__all__ = ["SOURCE", "parse"]

BENCHMARKS = {
    "mmlu": "mmlu", "arc": "arc", "hellaswag": "hellaswag",
    "winogrande": "winogrande", "truthfulqa": "truthfulqa", "gsm8k": "gsm8k",
}  # fmt: skip
KINDS = {
    "pretrained": "pretrained",
    "continuously pretrained": "continued",
    "chat models": "chat",
    "fine-tuned": "fine-tune",
    "base merges": "merge",
}


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the final table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``huggingface_v1``, shape (n_rows, 24), text.

    Returns
    -------
    Parsed
        Scores as fractions, one per model, revision, precision and benchmark; claims about kind and flags.
    """
    raw = frames["huggingface_v1"]
    need_columns(
        raw,
        [*BENCHMARKS, "fullname", "type", "precision", "model_sha", "flagged", "merged", "moe", "date"],
        "open-llm-v1",
    )
    frame = pd.DataFrame(
        {
            "model": raw["fullname"].map(canonical),
            "revision": raw["model_sha"],
            "precision": raw["precision"],
            "date": pd.to_datetime(raw["date"], utc=True, format="mixed").dt.tz_localize(None).dt.normalize(),
            **{c: raw[c] for c in BENCHMARKS},
        }
    )
    doubled = frame.duplicated(["model", "revision", "precision"], keep="last")
    frame, raw = frame[~doubled], raw[~doubled]
    kind = raw["type"].map(_kind)
    model = frame["model"]
    experts = raw["architecture"].fillna("").str.contains("Mixtral|Moe|Dbrx")
    facts = stack(
        claims(model, "kind", kind, "reported"),
        claims(model, "is_flagged", _inverted(raw["flagged"]), "reported"),
        claims(model, "is_merge", _inverted(raw["merged"]), "reported"),
        claims(model, "is_moe", experts, "measured"),
    )
    scores = scores_of(frame, BENCHMARKS, scale=100.0)
    return Parsed(
        scores,
        facts.drop_duplicates(),
        len(doubled),
        {"same model, revision and precision under two names": int(doubled.sum())},
        {"integer-floored sizes not used": int(raw["params_b"].notna().sum()) if "params_b" in raw else 0},
    )


def _inverted(flag: pd.Series) -> pd.Series:
    return flag.map({"TRUE": False, "FALSE": True}).dropna().astype(bool)


def _kind(text: str) -> str | None:
    return next((kind for start, kind in KINDS.items() if isinstance(text, str) and start in text), None)


SOURCE = Source(
    id="open-llm-v1",
    title="Open LLM Leaderboard v1, final table",
    url="https://github.com/fboulnois/llm-leaderboard-csv",
    revision="65554a1d12eec090e7c448288fca54eedb46b428",
    retrieved="2024-07-07",
    licence="unstated upstream (public measurements by Hugging Face; repository MPL-2.0)",
    citation="Beeching et al. (2023). Open LLM Leaderboard. Hugging Face.",
    files=("open_llm_leaderboard/huggingface_v1.csv",),
    parse=parse,
    # the file's name carries a hash that changed before
    live=Live({"contents": "data/*.parquet"}, "open-llm-leaderboard-old/contents", v1_contents),
)
