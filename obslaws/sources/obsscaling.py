"""ObsScaling: eight benchmarks over base models, with family, size, tokens and compute.

ARC, WinoGrande and the other leaderboard tests are the same nominal measurement as on Open LLM Leaderboard v1 and
share its ids; XWinograd and HumanEval are the authors' own runs. Compute is 6 x size x tokens everywhere, and the size
of mixtures of experts is sometimes the total and sometimes the active count. One token count is wrong by a factor of
1000. Claims are kept as they are; those known to be wrong are listed in ``names/refuted.csv`` and never win. The table
with the authors' `leaderboard_ifeval` is not read: it is another metric than the leaderboard's.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import claims, numbers, scores_of, stack

__all__ = ["SOURCE", "parse"]

BENCHMARKS = {
    "MMLU": "mmlu", "ARC-C": "arc", "HellaSwag": "hellaswag", "Winograd": "winogrande", "TruthfulQA": "truthfulqa",
    "GSM8K": "gsm8k", "XWinograd": "xwinograd", "HumanEval": "humaneval",
}  # fmt: skip


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the base table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``base_llm_benchmark_eval``, shape (n_models, 13), text.

    Returns
    -------
    Parsed
        Scores of eight benchmarks; claims about family, size, tokens and compute.
    """
    raw = frames["base_llm_benchmark_eval"].rename(columns={"Model": "model"})
    columns = ["model", "Model Family", "Model Size (B)", "Pretraining Data Size (T)", "FLOPs (1E21)"]
    need_columns(raw, [*columns, *BENCHMARKS], "obsscaling")
    name = raw["model"]
    facts = stack(
        claims(name, "family", raw["Model Family"], "reported"),
        claims(name, "n_params", numbers(raw["Model Size (B)"], 1e9), "reported"),
        claims(name, "n_tokens", numbers(raw["Pretraining Data Size (T)"], 1e12), "reported"),
        claims(name, "train_flop", numbers(raw["FLOPs (1E21)"], 1e21), "formula"),
    )
    return Parsed(scores_of(raw, BENCHMARKS), facts, len(raw))


SOURCE = Source(
    id="obsscaling",
    title="Observational scaling laws, base model table",
    url="https://github.com/ryoungj/ObsScaling",
    revision="4d6e1e43fd2635d04654aa77d1df9d5266ea0382",
    retrieved="2026-11-22",
    licence="Apache-2.0",
    citation="Ruan, Maddison and Hashimoto (2024). Observational scaling laws. arXiv 2405.10938.",
    files=("obsscaling/base_llm_benchmark_eval.csv",),
    parse=parse,
)
