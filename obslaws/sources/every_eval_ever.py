"""Every Eval Ever: HELM (lite, MMLU, capabilities, classic), RewardBench, Global MMLU Lite and the agent boards of HAL.

One long table made of the collection's records. A score below 0 is a missing one (-1 in HELM classic and lite, -0.01 in
RewardBench 2). `Mean win rate` depends on the models that are compared and is no score; HELM's `Mean score` follows
from its columns and is left out too. `MMLU All Subjects` stands among the subjects and becomes `mmlu@helm-mmlu`.
RewardBench 1 and 2 share names of tests (`Safety`, `Score`) and are told apart by their address. HAL runs a model in
several agents: the agent is the setting. The developer is sometimes wrong (`names/reviewed.csv`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.boards import as_fraction, board_scores, named
from obslaws.sources.tidy import numbers, stack

__all__ = ["SOURCE", "parse"]

COLUMNS = ["dataset", "model_id", "developer", "evaluation_name", "score", "lower_is_better", "source_url", "gen"]
BOARDS = {"helm_lite": "helm-lite", "helm_mmlu": "helm-mmlu", "helm_capabilities": "helm-capabilities",
          "helm_classic": "helm-classic", "reward-bench": "reward-bench",
          "global-mmlu-lite": "global-mmlu-lite"}  # fmt: skip
IDS = {"MMLU-Pro": "mmlu_pro", "Omni-MATH": "omni_math", "CNN/DailyMail": "cnn_dailymail", "WMT 2014": "wmt14",
       "MS MARCO (TREC)": "ms_marco_trec", "NaturalQuestions (open-book)": "naturalquestions_open",
       "NaturalQuestions (closed-book)": "naturalquestions_closed", "MMLU All Subjects": "mmlu",
       "Score": "overall", "Global MMLU Lite": "mmlu"}  # fmt: skip
RELATIVE = ("Mean win rate", "Mean score", "Prior Sets (0.5 weight)")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``derived_other_leaderboards_long``, shape (n_results, 12), text; fractions.

    Returns
    -------
    Parsed
        Scores on ``<test>@<board>``; no claims.
    """
    raw = frames["derived_other_leaderboards_long"]
    need_columns(raw, COLUMNS, "every-eval-ever")
    board = raw["dataset"].map(BOARDS)
    board = board.mask(raw["dataset"].str.startswith("hal-"), "hal")
    second = raw["source_url"].fillna("").str.contains("reward-bench-2")
    board = board.mask(board.eq("reward-bench") & second, "reward-bench-2")
    outside = board.isna()
    relative = ~outside & raw["evaluation_name"].isin(RELATIVE)
    inverse = raw["lower_is_better"].str.lower().eq("true")
    score = numbers(raw["score"])
    missing = ~outside & ~relative & (score.isna() | (score < 0))
    kept = raw[~outside & ~relative & ~missing & ~inverse]
    ids = kept["evaluation_name"].map(_test_id)
    subject = board[kept.index].eq("helm-mmlu") & ids.ne("mmlu")
    ids = ids.mask(subject, "mmlu_" + ids)
    global_lite = board[kept.index].eq("global-mmlu-lite") & ids.ne("mmlu")
    ids = ids.mask(global_lite, "mmlu_" + ids)
    rows = pd.DataFrame({
        "raw": kept["model_id"], "benchmark": ids + "@" + board[kept.index],
        "score": as_fraction(score[kept.index], percent=False, where="every-eval-ever, score"),
        "setting": kept["gen"].map(_agent, na_action="ignore").astype("str").fillna(""),
    })  # fmt: skip
    frontier = ~board[kept.index].str.startswith("reward")
    rows = pd.concat([named(rows[frontier], kept.loc[frontier, "developer"]), named(rows[~frontier], effort=False)])
    scores, names, doubled = board_scores(rows)
    dropped = {
        "board not read (HELM Instruct on a scale of 5, LiveCodeBench Pro)": int(outside.sum()),
        "win rate or mean of the board, not a test": int(relative.sum()),
        "missing, coded below 0": int(missing.sum()),
        "lower is better": int((inverse & ~outside & ~relative & ~missing).sum()),
        "the same result again": doubled,
    }
    return Parsed(scores, stack(), len(raw), dropped, {}, names)


def _test_id(name: str) -> str:
    if name in IDS:
        return IDS[name]
    return re.sub(r"[^a-z0-9]+", "_", name.rpartition(" - ")[2].lower()).strip("_")


def _agent(text: str) -> str:
    try:
        details = json.loads(text).get("additional_details", {})
    except (json.JSONDecodeError, AttributeError):
        return ""
    return str(details.get("agent_scaffold", ""))


SOURCE = Source(
    id="every-eval-ever",
    title="Every Eval Ever: HELM, RewardBench, Global MMLU Lite, HAL",
    url="https://github.com/evaleval/every_eval_ever",
    revision="d9be34d60cb3820833034e33a437ba4b9e4d472f; hal-*: 4f15d506229469739c25a13a189bc501da2dc448",
    retrieved="2026-05-13",
    licence="MIT",
    citation="EvalEval Coalition (2026). Every Eval Ever; Liang et al. (2023). Holistic evaluation of language models.",
    files=("every_eval_ever/derived_other_leaderboards_long.csv",),
    parse=parse,
)
