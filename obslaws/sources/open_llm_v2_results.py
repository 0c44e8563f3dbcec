"""Open LLM Leaderboard v2 by subtask: the results file of each run, as lm-evaluation-harness wrote it.

The table of the board has six columns; the files have the 24 tasks of BBH, the three of MUSR and of GPQA, the seven
subjects of MATH and the four accuracies of IFEval. Before version 3 of its tasks, MATH compared answers as text, and
the numbers are another measurement: only files with version 3 (Math-Verify) and later give MATH. A model has one file
per run: revision and precision are part of the key, and of several runs of one key the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from obslaws.names import benchmarks_table, canonical
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import documents
from obslaws.sources.live import DOCUMENT_COLUMNS, Documents
from obslaws.sources.tidy import SCORE_COLUMNS, stack

__all__ = ["SOURCE", "choose", "day_of", "official_first", "parse"]

_NAME = re.compile(r"^[^/]+/[^/]+/results_(\d{4}-\d{2}-\d{2})T[\d.\-]+\.json$")
_GROUPS = {
    "leaderboard_bbh_": ("bbh_", "acc_norm,none"), "leaderboard_musr_": ("musr_", "acc_norm,none"),
    "leaderboard_gpqa_": ("gpqa_", "acc_norm,none"), "leaderboard_math_": ("math_", "exact_match,none"),
}  # fmt: skip
_IFEVAL = ("prompt_level_strict_acc", "inst_level_strict_acc", "prompt_level_loose_acc", "inst_level_loose_acc")
_MATH_VERIFY = 3.0
_KEY = ["model", "revision", "precision", "benchmark", "setting"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the files.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``results``, shape (n_files, 2), columns name (path) and text.

    Returns
    -------
    Parsed
        Scores on ``bbh_<task>``, ``musr_<task>``, ``gpqa_<part>``, ``math_<subject>``, ``ifeval_<accuracy>``, with the
        standard errors of the harness; no claims.
    """
    need_columns(frames["results"], DOCUMENT_COLUMNS, "open-llm-v2-results")
    files, broken = documents(frames["results"].sort_values("name", kind="stable"))
    rows: list[dict[str, Any]] = []
    notes = {"MATH scored before Math-Verify": 0, "numbers outside 0 to 1": 0, "tasks that are not known": 0}
    unnamed = 0
    known = set(benchmarks_table()["benchmark"])
    for name, content in files:
        about = _about(name, content)
        if about is None:
            unnamed += 1
            continue
        rows += [about | row for row in _scores(content, known, notes)]
    scores = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    scores = scores.astype({c: "str" for c in ("model", "revision", "precision", "benchmark", "setting")})
    scores = scores.astype({"score": "float64", "stderr": "float64"})
    older = scores.duplicated(_KEY, keep="last")  # by name, and so by time
    notes["scores of an older run with the same key"] = int(older.sum())
    dropped = {"file that is no JSON": broken, "file without a model or results": unnamed}
    return Parsed(scores[~older].reset_index(drop=True), stack(), len(frames["results"]), dropped, notes)


def _about(name: str, content: Any) -> dict[str, Any] | None:
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        return None
    config = _part(content, "config")
    arguments = _part(config, "model_args")
    if isinstance(config.get("model_args"), str):
        arguments = dict(part.split("=", 1) for part in config["model_args"].split(",") if "=" in part)
    model = str(arguments.get("pretrained") or content.get("model_name") or "")
    if model.count("/") != 1:
        return None
    precision = str(config.get("model_dtype") or arguments.get("dtype") or "").removeprefix("torch.")
    day = day_of(name)
    return {
        "model": canonical(model), "revision": str(config.get("model_sha") or arguments.get("revision") or "") or None,
        "precision": precision or None, "setting": "chat template" if content.get("chat_template") else None,
        "date": pd.Timestamp(day) if day else pd.NaT,
    }  # fmt: skip


def _part(content: dict[str, Any], key: str) -> dict[str, Any]:
    inner = content.get(key)
    return inner if isinstance(inner, dict) else {}


def _scores(content: dict[str, Any], known: set[str], notes: dict[str, int]) -> list[dict[str, Any]]:
    out = []
    versions = _part(content, "versions")
    for task, entry in content["results"].items():
        if not isinstance(entry, dict):
            continue
        if task == "leaderboard_ifeval":
            found = [(f"ifeval_{m}", f"{m},none") for m in _IFEVAL]
        else:
            found = [
                (to + task.removeprefix(start), key) for start, (to, key) in _GROUPS.items() if task.startswith(start)
            ]
            if task == "leaderboard_math_hard":
                continue  # the group, which the board has
        for benchmark, key in found:
            value, error = entry.get(key), entry.get(key.replace(",", "_stderr,"))
            version = versions.get(task)
            verified = isinstance(version, (int, float)) and version >= _MATH_VERIFY
            if benchmark.startswith("math_") and not verified:
                notes["MATH scored before Math-Verify"] += 1
            elif benchmark not in known:
                notes["tasks that are not known"] += 1
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                notes["numbers outside 0 to 1"] += 1
            else:
                sure = float(error) if isinstance(error, (int, float)) and error >= 0 else None
                out.append({"benchmark": benchmark, "score": float(value), "stderr": sure})
    return out


def choose(names: Sequence[str]) -> list[str]:
    """Want results files, the newest first.

    Parameters
    ----------
    names : sequence of str
        Paths in the dataset.

    Returns
    -------
    list of str
    """
    return sorted((n for n in names if _NAME.match(n)), key=lambda n: (n.rpartition("/")[2], n), reverse=True)


def day_of(name: str) -> str:
    """Read the day of a run from the name of its file; empty where it does not tell.

    Examples
    --------
    >>> day_of("EleutherAI/pythia-1b/results_2024-06-12T11-26-03.000711.json")
    '2024-06-12'
    """
    found = _NAME.match(name)
    return found[1] if found else ""


def official_first(models: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """List the models that their makers released: their files come first.

    Parameters
    ----------
    models : DataFrame of shape (n_models, n_columns)
        Table of a snapshot.
    scores : DataFrame of shape (n_scores, 9)
        Not needed.

    Returns
    -------
    list of str
    """
    return models.loc[models["is_official"].astype(bool), "model"].tolist()


SOURCE = Source(
    id="open-llm-v2-results",
    title="Open LLM Leaderboard v2, subtasks by run",
    url="https://huggingface.co/datasets/open-llm-leaderboard/results",
    revision="live",
    retrieved="live",
    licence="unstated upstream (public measurements by Hugging Face)",
    citation="Fourrier et al. (2024). Open LLM Leaderboard v2. Hugging Face.",
    files=("open_llm_v2_results/results.jsonl",),
    parse=parse,
    live=Live(
        {"": "*/*/results_*.json"}, "open-llm-leaderboard/results",
        documents=Documents("files", "results", choose, day_of, official_first), on_request=True,
    ),
    bundled=False,
)  # fmt: skip
