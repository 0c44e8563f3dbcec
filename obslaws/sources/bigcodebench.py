"""BigCodeBench: programming tasks with many library calls, asked in words (instruct) or by docstring (complete).

Percentages, pass@1; `null` means not run: base models have no instruct score. The hard subset (148 of 1,140 tasks) is a
benchmark of its own. Conditions in brackets behind a name (temperature, reasoning) are settings. Sizes are as the board
rounds them, and its flag for experts misses models whose active size is smaller. Its dates mix releases and submissions
(a model of 2023 carries December 2024) and are not read.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Live, Parsed, Source
from obslaws.sources.boards import as_fraction, board_scores, from_json, linked, named
from obslaws.sources.tidy import claims, stack

__all__ = ["SOURCE", "parse"]

BOARDS = {"results": "bigcodebench", "results-hard": "bigcodebench_hard"}


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read both tables.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Lines of ``results`` and ``results-hard``, objects of models.

    Returns
    -------
    Parsed
        Scores of four benchmarks; claims about size, active size and experts, as the board states them.
    """
    parts, facts, n_rows = [], [], 0
    for stem, board in BOARDS.items():
        models = from_json(frames[stem], f"bigcodebench, {stem}")
        n_rows += len(models)
        table = pd.DataFrame([
            {"raw": name, "link": m.get("link"), "size": m.get("size"), "act_param": m.get("act_param"),
             "moe": bool(m.get("moe")), **{way: m["pass@1"].get(way) for way in ("instruct", "complete")}}
            for name, m in models.items()
        ])  # fmt: skip
        frame = named(linked(table))
        for way in ("instruct", "complete"):
            score = as_fraction(frame[way].astype("float64"), percent=True, where=f"bigcodebench, {stem} {way}")
            parts.append(frame[["raw", "model", "setting"]].assign(benchmark=f"{board}_{way}", score=score))
        size, active = (frame[c].astype("float64") * 1e9 for c in ("size", "act_param"))
        facts.append(claims(frame["model"], "n_params", size, "reported"))
        facts.append(claims(frame["model"], "n_active_params", active.where(active < size), "reported"))
        facts.append(claims(frame["model"], "is_moe", frame["moe"] | (active < size), "reported"))
    rows = pd.concat(parts, ignore_index=True)
    scores, names, doubled = board_scores(rows)
    notes = {"tests not run (null)": int(rows["score"].isna().sum()), "the same score again": doubled}
    return Parsed(scores, stack(*facts).drop_duplicates(), n_rows, {}, notes, names)


SOURCE = Source(
    id="bigcodebench",
    title="BigCodeBench leaderboard, full and hard",
    url="https://github.com/bigcode-bench/bigcode-bench.github.io",
    revision="81f563565f3c8e63d2baacec0fcbc5c0500e45e6",
    retrieved="2026-11-22",
    licence="unstated upstream (numbers only)",
    citation="Zhuo et al. (2024). BigCodeBench. arXiv 2406.15877.",
    files=("bigcodebench/results.json", "bigcodebench/results-hard.json"),
    parse=parse,
    live=Live(
        files={
            "results": "https://bigcode-bench.github.io/results.json",
            "results-hard": "https://bigcode-bench.github.io/results-hard.json",
        }
    ),
)
