"""Sloth's table of base and instruct models: twelve benchmarks with sizes, tokens, compute and two family labels.

The values of the v2 benchmarks are rounded to two decimals and MATH is scored as before Math-Verify; sizes were read
from names and go wrong where a name does (`1_6b` became 6); instruct models carry their base's tokens; `date` is a
submission date. All claims are kept as the table has them, so that its published results can be reproduced; those known
to be wrong are listed in ``names/refuted.csv`` and never win.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import claims, numbers, scores_of, stack

__all__ = ["SOURCE", "parse"]

BENCHMARKS = {
    "MMLU": "mmlu", "ARC": "arc", "HellaSwag": "hellaswag", "Winogrande": "winogrande", "TruthfulQA": "truthfulqa",
    "GSM8K": "gsm8k", "IFEval": "ifeval", "BBH": "bbh", "MATH Lvl 5": "math_lvl5_2024", "GPQA": "gpqa", "MUSR": "musr",
    "MMLU-PRO": "mmlu_pro", "XWinograd": "xwinograd", "HumanEval": "humaneval",
}  # fmt: skip


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``data_v2``, shape (n_models, 119), text.

    Returns
    -------
    Parsed
        Scores of fourteen benchmarks; claims about family (`Family2`), base family (`Family`), size, tokens, compute.
    """
    raw = frames["data_v2"].rename(columns={"Model": "model"})
    columns = ["model", "Family", "Family2", "Instruct", "#Params (B)", "Pretraining Data Size (T)", "FLOPs (1E21)"]
    need_columns(raw, [*columns, *BENCHMARKS], "sloth")
    name = raw["model"]
    instruct = raw["Instruct"].eq("True")
    facts = stack(
        claims(name, "family", raw["Family2"], "reported"),
        claims(name, "base_family", raw["Family"], "reported"),
        claims(name, "is_instruct", instruct, "reported"),
        claims(name, "n_params", numbers(raw["#Params (B)"], 1e9), "name"),
        claims(
            name,
            "n_tokens",
            numbers(raw["Pretraining Data Size (T)"], 1e12),
            instruct.map({True: "base_model", False: "reported"}),
        ),
        claims(name, "train_flop", numbers(raw["FLOPs (1E21)"], 1e21), "formula"),
    )
    return Parsed(
        scores_of(raw, BENCHMARKS), facts, len(raw), {}, {"submission dates not used": int(raw["date"].notna().sum())}
    )


SOURCE = Source(
    id="sloth",
    title="Sloth: scaling laws for LLM skills, data_v2",
    url="https://github.com/felipemaiapolo/sloth",
    revision="6dc6bb3efeefc7c1db01d60cba1f4b73e5d260d1",
    retrieved="2026-11-22",
    licence="MIT",
    citation="Maia Polo et al. (2024). Sloth: scaling laws for LLM skills. arXiv 2412.06540.",
    files=("sloth/data_v2.csv",),
    parse=parse,
)
