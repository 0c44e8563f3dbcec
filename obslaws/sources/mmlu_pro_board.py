"""MMLU-Pro leaderboard of TIGER-Lab: one table of submissions, by subject.

Part of the rows are the makers' own claims; the column `Data Source` says so, and it is the score's `setting`
(``TIGER-Lab`` or ``self-reported``). The same nominal test on the Open LLM Leaderboard is `mmlu_pro`; here it is
`mmlu_pro@tiger`, run with chain of thought. Subjects that were not reported are ``-`` or empty. There is no copy to
freeze: the table comes with a refresh.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import as_fraction, board_scores, named
from obslaws.sources.tidy import claims, numbers, stack

__all__ = ["SOURCE", "parse"]

SUBJECTS = ("Biology", "Business", "Chemistry", "Computer Science", "Economics", "Engineering", "Health", "History",
            "Law", "Math", "Philosophy", "Physics", "Psychology", "Other")  # fmt: skip


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``results``, shape (n_submissions, 18), text; fractions.

    Returns
    -------
    Parsed
        Scores of the whole and of 14 subjects; claims about size.
    """
    raw = frames["results"].rename(columns=str.strip)
    need_columns(raw, ["Models", "Model Size(B)", "Data Source", "Overall", *SUBJECTS], "mmlu-pro-board")
    origin = raw["Data Source"].fillna("").str.strip().str.lower()
    said = origin.str.contains("self").map({True: "self-reported", False: ""}).where(origin != "", "origin unstated")
    frame = named(raw.assign(raw=raw["Models"], setting=said))
    parts, missing = [], 0
    for column in ("Overall", *SUBJECTS):
        score = numbers(raw[column])
        missing += int(score.isna().sum())
        name = "mmlu_pro" if column == "Overall" else f"mmlu_pro_{column.lower().replace(' ', '_')}"
        part = frame[["raw", "model", "setting"]].assign(benchmark=f"{name}@tiger")
        parts.append(part.assign(score=as_fraction(score, percent=False, where=f"mmlu-pro-board, {column}")))
    scores, names, doubled = board_scores(pd.concat(parts, ignore_index=True))
    facts = stack(claims(frame["model"], "n_params", numbers(raw["Model Size(B)"], 1e9), "reported"))
    notes = {"subjects not reported": missing, "the same score again": doubled}
    return Parsed(scores, facts, len(raw), {}, notes, names)


SOURCE = Source(
    id="mmlu-pro-board",
    title="MMLU-Pro leaderboard, submissions",
    url="https://huggingface.co/datasets/TIGER-Lab/mmlu_pro_leaderboard_submission",
    revision="live only",
    retrieved="live only",
    licence="unstated upstream (numbers only)",
    citation="Wang et al. (2024). MMLU-Pro: a more robust and challenging multi-task language understanding benchmark.",
    files=("mmlu_pro_board/results.csv",),
    parse=parse,
    live=Live(hub="TIGER-Lab/mmlu_pro_leaderboard_submission", files={"results": "results.csv"}),
    bundled=False,
)
