"""ObsScaling's instruction-tuned models: seven benchmarks, two chat ratings, AgentBench and AgentBoard.

The benchmark values were collected by the authors from leaderboards and, for closed models, from their makers'
reports, so they are benchmarks of their own (``mmlu@obsscaling-instruct``). Names are short forms; the models that they
mean were decided by hand below. AgentBench's overall score runs from 0 to 10 and is kept in its unit; everything else
is a fraction. Token counts of two models contradict their base models; they are listed in ``names/refuted.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import claims, numbers, scores_of, stack

__all__ = ["SOURCE", "parse"]

MODELS = {
    "gpt-4-0613": "openai/gpt-4-0613",
    "gpt-4-0314": "openai/gpt-4-0314",
    "gpt-3.5-turbo-0613": "openai/GPT-3.5-Turbo-0613",
    "claude-2.0": "anthropic/Claude-2.0",
    "claude-1.3": "anthropic/claude-1.3",
    "claude-instant-1.1": "anthropic/claude-instant-1.1",
    "codellama-7b-instruct": "codellama/CodeLlama-7b-Instruct-hf",
    "codellama-13b-instruct": "codellama/CodeLlama-13b-Instruct-hf",
    "codellama-34b-instruct": "codellama/CodeLlama-34b-Instruct-hf",
    "llama-2-7b-chat": "meta-llama/Llama-2-7b-chat-hf",
    "llama-2-13b-chat": "meta-llama/Llama-2-13b-chat-hf",
    "llama-2-70b-chat": "meta-llama/Llama-2-70b-chat-hf",
    "vicuna-7b-v1.5": "lmsys/vicuna-7b-v1.5",
    "vicuna-13b-v1.5": "lmsys/vicuna-13b-v1.5",
    "vicuna-13b-16k": "lmsys/vicuna-13b-v1.5-16k",
    "vicuna-33b-v1.3": "lmsys/vicuna-33b-v1.3",
    "openchat-13b-v3.2": "openchat/openchat_v3.2",
    "wizardlm-13b-v1.2": "WizardLMTeam/WizardLM-13B-V1.2",
    "wizardlm-30b-v1.0": "WizardLMTeam/WizardLM-30B-V1.0",
    "guanaco-33b": "timdettmers/guanaco-33b-merged",
    "guanaco-65b": "timdettmers/guanaco-65b-merged",
    "koala-13b": "berkeley-nest/Koala-13B",
    "dolly-v2-12b": "databricks/dolly-v2-12b",
    "oasst-sft-4-pythia-12b-epoch-3.5": "OpenAssistant/oasst-sft-4-pythia-12b-epoch-3.5",
    "deepseek-llm-67b-chat": "deepseek-ai/deepseek-llm-67b-chat",
    "lemur-70b-chat-v1": "OpenLemur/lemur-70b-chat-v1",
    "mistral-7b-instruct-v0.1": "mistralai/Mistral-7B-Instruct-v0.1",
}
BENCHMARKS = {
    "MMLU": "mmlu", "ARC-C": "arc", "HellaSwag": "hellaswag", "Winogrande": "winogrande", "TruthfulQA": "truthfulqa",
    "GSM8K": "gsm8k", "HumanEval": "humaneval", "Arena-Elo": "arena_elo", "MTBench": "mt_bench",
}  # fmt: skip
_AGENTBENCH = {
    "Code_OS": "os", "Code_DB": "db", "Code_KG": "kg", "Game_DCG": "card_game", "Game_LTP": "lateral_thinking",
    "Game_HH": "alfworld", "Web_WS": "webshop", "Web_WB": "mind2web",
}  # fmt: skip
_AGENTBOARD = {
    "Embodied AI_ALF": "alfworld", "Embodied AI_SW": "scienceworld", "Embodied AI_BA": "babyai", "Game_JC": "jericho",
    "Game_PL": "pddl", "Web_WS": "webshop", "Web_WA": "webarena", "Tool_TQ": "tool_query", "Tool_TO": "tool_operation",
    "Avg": "mean",
}  # fmt: skip
PERCENT = {f"ABench-{column}": f"agentbench_{task}" for column, task in _AGENTBENCH.items()} | {
    f"ABoard-{column}_{code}": f"agentboard_{task}_{kind}"
    for column, task in _AGENTBOARD.items()
    for code, kind in (("PR", "progress"), ("SR", "success"))
}
OVERALL = {"ABench-OA": "agentbench_overall"}


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the benchmark table and the agent table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``instruct_llm_benchmark_eval`` (n, 14) and ``instruct_llm_agent_eval`` (n, 30), text.

    Returns
    -------
    Parsed
        Scores on benchmarks, chat ratings and agent tasks; claims about family, size, tokens and compute.

    Raises
    ------
    SourceError
        A name that nobody has decided yet.
    """
    about, agents = (_named(frames[name]) for name in ("instruct_llm_benchmark_eval", "instruct_llm_agent_eval"))
    columns = ["Model Family", "Model Size (B)", "Pretraining Data Size (T)", "FLOPs (1E21)"]
    need_columns(about, [*columns, *BENCHMARKS], "obsscaling instruct benchmark table")
    need_columns(agents, [*OVERALL, *PERCENT], "obsscaling instruct agent table")
    own = {column: f"{benchmark}@obsscaling-instruct" for column, benchmark in BENCHMARKS.items()}
    name = about["model"]
    facts = stack(
        claims(name, "family", about["Model Family"], "reported"),
        claims(name, "n_params", numbers(about["Model Size (B)"], 1e9), "reported"),
        claims(name, "n_tokens", numbers(about["Pretraining Data Size (T)"], 1e12), "reported"),
        claims(name, "train_flop", numbers(about["FLOPs (1E21)"], 1e21), "formula"),
    )
    scores = pd.concat(
        [scores_of(about, own), scores_of(agents, OVERALL), scores_of(agents, PERCENT, 100.0)], ignore_index=True
    )
    return Parsed(scores, facts, len(about) + len(agents))


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    need_columns(frame, ["Model"], "obsscaling instruct tables")
    strange = sorted(set(frame["Model"]) - set(MODELS))
    if strange:
        raise SourceError(
            f"obsscaling-instruct: nobody decided yet which model {strange[0]!r} is. "
            "Add its id to MODELS in obslaws/sources/obsscaling_instruct.py."
        )
    return frame.assign(model=frame["Model"].map(MODELS))


SOURCE = Source(
    id="obsscaling-instruct",
    title="Observational scaling laws, instruction-tuned model and agent tables",
    url="https://github.com/ryoungj/ObsScaling",
    revision="4d6e1e43fd2635d04654aa77d1df9d5266ea0382",
    retrieved="2026-11-22",
    licence="Apache-2.0",
    citation="Ruan, Maddison and Hashimoto (2024). Observational scaling laws. arXiv 2405.10938.",
    files=("obsscaling/instruct_llm_benchmark_eval.csv", "obsscaling/instruct_llm_agent_eval.csv"),
    parse=parse,
)
