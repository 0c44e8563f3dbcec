"""Every Eval Ever: HELM (lite, MMLU, capabilities, classic), RewardBench, Global MMLU Lite and the agent boards of HAL.

One long table made of the collection's records. A score below 0 is a missing one (-1 in HELM classic and lite, -0.01 in
RewardBench 2). `Mean win rate` depends on the models that are compared and is no score; HELM's `Mean score` follows
from its columns and is left out too. `MMLU All Subjects` stands among the subjects and becomes `mmlu@helm-mmlu`.
RewardBench 1 and 2 share names of tests (`Safety`, `Score`) and are told apart by their address. HAL runs a model in
several agents: the agent is the setting. The developer is sometimes wrong (`names/reviewed.csv`).

The live collection holds one JSON record per run (schema 0.2 and 0.3), tens of thousands of them; `records` turns those
of the boards above into rows of the table, and a refresh adds some at a time. A record declares the bounds of its
metric: 0 to 100 is a percentage. Other bounds, other schemas and other boards are counted, not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import as_fraction, board_scores, documents, named
from obslaws.sources.live import Documents, Frames
from obslaws.sources.tidy import numbers, stack

__all__ = ["SOURCE", "helm_test", "parse", "records"]

COLUMNS = ["dataset", "model_id", "developer", "evaluation_name", "score", "lower_is_better", "source_url", "gen"]
BOARDS = {"helm_lite": "helm-lite", "helm_mmlu": "helm-mmlu", "helm_capabilities": "helm-capabilities",
          "helm_classic": "helm-classic", "reward-bench": "reward-bench",
          "global-mmlu-lite": "global-mmlu-lite"}  # fmt: skip
IDS = {"MMLU-Pro": "mmlu_pro", "Omni-MATH": "omni_math", "CNN/DailyMail": "cnn_dailymail", "WMT 2014": "wmt14",
       "MS MARCO (TREC)": "ms_marco_trec", "NaturalQuestions (open-book)": "naturalquestions_open",
       "NaturalQuestions (closed-book)": "naturalquestions_closed", "MMLU All Subjects": "mmlu",
       "Score": "overall", "Global MMLU Lite": "mmlu"}  # fmt: skip
AGENTS = ("hal-assistantbench", "hal-corebench-hard", "hal-gaia", "hal-online-mind2web", "hal-scicode",
          "hal-scienceagentbench", "hal-swebench-verified-mini", "hal-taubench-airline", "hal-usaco")  # fmt: skip
TABLE = "derived_other_leaderboards_long"
RELATIVE = ("Mean win rate", "Mean score", "Prior Sets (0.5 weight)")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``derived_other_leaderboards_long``, shape (n_results, 12), text; fractions. A column stderr is read if there.

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
    tests = [helm_test(n, b) for n, b in zip(kept["evaluation_name"], board[kept.index], strict=True)]
    stderr = numbers(kept["stderr"]) if "stderr" in kept else pd.Series(float("nan"), index=kept.index)
    rows = pd.DataFrame({
        "raw": kept["model_id"], "benchmark": pd.Series(tests, index=kept.index, dtype="str"),
        "stderr": stderr.where(stderr >= 0),
        "score": as_fraction(score[kept.index], percent=False, where="every-eval-ever, score"),
        "setting": kept["gen"].map(_agent, na_action="ignore").astype("str").fillna(""),
    })  # fmt: skip
    frontier = ~board[kept.index].str.startswith("reward")
    rows = pd.concat([named(rows[frontier], kept.loc[frontier, "developer"]), named(rows[~frontier], effort=False)])
    scores, names, doubled = board_scores(rows)
    dropped = {
        "board or scale not read (HELM Instruct on a scale of 5, LiveCodeBench Pro)": int(outside.sum()),
        "win rate or mean of the board, not a test": int(relative.sum()),
        "missing, coded below 0": int(missing.sum()),
        "lower is better": int((inverse & ~outside & ~relative & ~missing).sum()),
        "the same result again": doubled,
    }
    return Parsed(scores, stack(), len(raw), dropped, {}, names)


def helm_test(name: str, board: str) -> str:
    """Make the id of a test from its name on a board; subjects of MMLU say so.

    Parameters
    ----------
    name : str
        As the board has it.
    board : str
        Id of the board, behind the ``@``.

    Returns
    -------
    str

    Examples
    --------
    >>> helm_test("Abstract Algebra", "helm-mmlu"), helm_test("MMLU All Subjects", "helm-mmlu")
    ('mmlu_abstract_algebra@helm-mmlu', 'mmlu@helm-mmlu')
    """
    test = _test_id(name)
    subject = board in ("helm-mmlu", "global-mmlu-lite") and test != "mmlu"
    return f"{'mmlu_' if subject else ''}{test}@{board}"


def records(frames: Frames) -> dict[str, pd.DataFrame]:
    """Turn records into rows of the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``records``, shape (n_records, 2), columns name (``data/<board>/<developer>/<model>/<id>.json``) and text.

    Returns
    -------
    dict of str to DataFrame
        The table, for `parse`; a result that cannot be read has a board that `parse` does not know.
    """
    found, broken = documents(frames["records"])
    rows = [row for name, record in found for row in _rows(name, record)]
    rows += [dict.fromkeys(COLUMNS, "") | {"dataset": "no JSON"}] * broken
    table = pd.DataFrame(rows, columns=[*COLUMNS, "stderr"])
    return {TABLE: table.astype("str").replace("", None).astype("str")}


def _rows(name: str, record: Any) -> list[dict[str, str]]:
    board = name.split("/")[1] if name.count("/") > 1 else ""
    nothing = dict.fromkeys([*COLUMNS, "stderr"], "")
    if not isinstance(record, dict) or not re.match(r"0\.[23]\b", str(record.get("schema_version", ""))):
        return [nothing | {"dataset": "another schema"}]
    about, results = _part(record, "model_info"), record.get("evaluation_results")
    out = []
    for result in results if isinstance(results, list) else []:
        metric, details = _part(result, "metric_config"), _part(result, "score_details")
        scale = _scale(metric)
        error = _part(_part(details, "uncertainty"), "standard_error").get("value")
        score = details.get("score")
        if scale is None or not isinstance(score, (int, float)):
            out.append(nothing | {"dataset": "another scale"})
            continue
        address = _part(result, "source_data").get("url")
        out.append({
            "dataset": board, "model_id": str(about.get("id") or ""), "developer": str(about.get("developer") or ""),
            "evaluation_name": str(result.get("evaluation_name") or ""),
            "score": repr(score / scale if score > 0 else float(score)),
            "lower_is_better": str(bool(metric.get("lower_is_better"))),
            "source_url": str(address[0] if isinstance(address, list) and address else address or ""),
            "gen": json.dumps(result.get("generation_config") or {}),
            "stderr": repr(error / scale) if isinstance(error, (int, float)) else "",
        })  # fmt: skip
    return out


def _part(record: Any, key: str) -> dict[str, Any]:
    inner = record.get(key) if isinstance(record, dict) else None
    return inner if isinstance(inner, dict) else {}


def _scale(metric: dict[str, Any]) -> float | None:
    """Value that means perfect: 1 or 100, by the bounds; a missing one is coded below the lower bound."""
    high = metric.get("max_score")
    return float(high) if high in (1, 100) and metric.get("min_score", 0) in (0, -1, None) else None


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
    live=Live(
        {f"data/{board}": f"data/{board}/*.json" for board in (*BOARDS, *AGENTS)}, "evaleval/EEE_datastore", records,
        documents=Documents("files", "records"), on_request=True,
    ),
)  # fmt: skip
