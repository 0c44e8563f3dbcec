"""ObsScaling's targets over base models: emergent tasks, post-training interventions, Open LLM Leaderboard v2.

What the paper forecasts from its base table (`obslaws.sources.obsscaling`): eight 2-shot BIG-bench scores, GSM8K by
five ways of prompting (500 of its problems), BIG-bench Hard with and without chain of thought (27 subtasks and their
mean, raw and chance-corrected) and the leaderboard's second version as of mid 2024. Strict and flexible reading of the
answers are settings of one benchmark; the paper uses the flexible one. Leaderboard columns are the leaderboard's own
benchmarks (70 models in common: 98 % and more of the values of four of them within 0.006, 74 % of MATH), save
`leaderboard_ifeval`, which is another metric.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import scores_of, stack

__all__ = ["SOURCE", "parse"]

FLEXIBLE, STRICT = "flexible-extract", "strict-match"
EMERGENT = {
    "word_unscrambling_2_exact_match": "bigbench_word_unscrambling",
    "parsinlu_qa_2_acc": "bigbench_parsinlu_qa",
    "ipa_transliterate_2_exact_match": "bigbench_ipa_transliterate",
    "arithmetic_3ds_2_acc": "bigbench_arithmetic_3ds",
    "arithmetic_3da_2_acc": "bigbench_arithmetic_3da",
    "arithmetic_2dm_2_acc": "bigbench_arithmetic_2dm",
    "arithmetic_2da_2_acc": "bigbench_arithmetic_2da",
}
BLEU = {"ipa_transliterate_2_bleu": "bigbench_ipa_transliterate_bleu"}
LEADERBOARD = {
    "leaderboard_bbh": "bbh",
    "leaderboard_gpqa": "gpqa",
    "leaderboard_musr": "musr",
    "leaderboard_mmlu_pro": "mmlu_pro",
    "leaderboard_math_hard": "math_lvl5_2024",
    "leaderboard_ifeval": "ifeval@obsscaling",
}
GSM8K = {
    "gsm8k_5_exact_match": "gsm8k_fewshot@obsscaling",
    "gsm8k_cot_8_exact_match": "gsm8k_cot@obsscaling",
    "gsm8k_cot_zeroshot_0_exact_match": "gsm8k_cot_zeroshot@obsscaling",
}
SAMPLED = {"score-first": "gsm8k_cot_first@obsscaling", "maj@5": "gsm8k_cot_maj5@obsscaling"}
_SAMPLED = "gsm8k_cot_self_consistency_8_exact_match"
_BBH = {"bbh_cot_fewshot_": "bbh_cot_", "bbh_fewshot_": "bbh_fewshot_"}


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the three target tables.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``base_llm_emergent_capability_eval`` (n, 9), ``base_llm_post_training_eval`` (n, 235) and
        ``base_llm_leaderboard_v2_eval`` (n, 7), text.

    Returns
    -------
    Parsed
        Scores only. Subtasks of BIG-bench Hard keep their raw scores; the chance-corrected ones follow from them.
    """
    named = {name: frame.rename(columns={"Model": "model"}) for name, frame in frames.items()}
    emergent, later = named["base_llm_emergent_capability_eval"], named["base_llm_leaderboard_v2_eval"]
    trained = named["base_llm_post_training_eval"]
    need_columns(emergent, ["model", *EMERGENT, *BLEU], "obsscaling emergent table")
    need_columns(later, ["model", *LEADERBOARD], "obsscaling leaderboard v2 table")
    parts = [scores_of(emergent, EMERGENT), scores_of(emergent, BLEU, 100.0), scores_of(later, LEADERBOARD)]
    for setting in (FLEXIBLE, STRICT):
        columns = _post_training(list(trained.columns), setting)
        need_columns(trained, ["model", *columns], "obsscaling post-training table")
        parts.append(scores_of(trained.assign(setting=setting), columns))
    scores = pd.concat(parts, ignore_index=True)
    n_rows = sum(len(frame) for frame in named.values())
    left = sum(c.endswith(",norm") and "_overall_" not in c for c in trained.columns)
    return Parsed(
        scores, stack(), n_rows, notes={"chance-corrected cells that follow from raw ones": left * len(trained)}
    )


def _post_training(found: list[str], setting: str) -> dict[str, str]:
    """Columns of one way of reading answers -> benchmark."""
    sampled = "-flexible-extract" if setting == FLEXIBLE else ""
    columns = {f"{name},{setting}": benchmark for name, benchmark in GSM8K.items()}
    columns |= {f"{_SAMPLED},{way}{sampled}": benchmark for way, benchmark in SAMPLED.items()}
    for name in found:
        raw = name.removesuffix(",norm")
        if not name.startswith(tuple(_BBH)) or not raw.endswith(f",{setting}"):
            continue
        prefix = next(p for p in _BBH if name.startswith(p))
        task = raw.removeprefix(prefix).removesuffix(f"_3_exact_match,{setting}")
        if raw == name:
            columns[name] = f"{_BBH[prefix]}{task}@obsscaling"
        elif task == "overall":
            columns[name] = f"{_BBH[prefix]}overall_corrected@obsscaling"
    return columns


SOURCE = Source(
    id="obsscaling-downstream",
    title="Observational scaling laws, emergent, post-training and leaderboard v2 tables",
    url="https://github.com/ryoungj/ObsScaling",
    revision="4d6e1e43fd2635d04654aa77d1df9d5266ea0382",
    retrieved="2026-11-22",
    licence="Apache-2.0",
    citation="Ruan, Maddison and Hashimoto (2024). Observational scaling laws. arXiv 2405.10938.",
    files=(
        "obsscaling/base_llm_emergent_capability_eval.csv",
        "obsscaling/base_llm_post_training_eval.csv",
        "obsscaling/base_llm_leaderboard_v2_eval.csv",
    ),
    parse=parse,
)
