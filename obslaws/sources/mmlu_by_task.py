"""MMLU by subject for models of the Open LLM Leaderboard v1: 57 subjects, fractions.

The table's ARC and HellaSwag columns are plain accuracy and not the leaderboard's normalised one, its mean is v1's
`mmlu` again, and its sizes come from v1: none of them is used.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import scores_of, stack

__all__ = ["SOURCE", "parse"]

PREFIX = "MMLU_"


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the subjects.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``MMLU-by-task-Leaderboard``, shape (n_models, 63).

    Returns
    -------
    Parsed
        Scores on ``mmlu_<subject>``; no claims.
    """
    raw = frames["MMLU-by-task-Leaderboard"]
    need_columns(raw, ["fullname", "MMLU_abstract_algebra"], "mmlu-by-task")
    subjects = {
        c: "mmlu_" + c.removeprefix(PREFIX).lower() for c in raw.columns if c.startswith(PREFIX) and c != "MMLU_average"
    }
    frame = raw.assign(model=raw["fullname"].map(canonical))
    doubled = frame.duplicated("model", keep="last")
    unused = [c for c in ("arc:challenge|25", "hellaswag|10") if c in raw]
    return Parsed(
        scores_of(frame[~doubled], subjects),
        stack(),
        len(raw),
        {"one model under two names": int(doubled.sum())},
        {f"{c}: acc, not acc_norm as on the leaderboard": int(raw[c].notna().sum()) for c in unused},
    )


SOURCE = Source(
    id="mmlu-by-task",
    title="MMLU by task leaderboard",
    url="https://github.com/hlzhang109/causal-eval",
    revision="8b73dc93cf6a3a87ed9dbabbb5861b39ae5568b0",
    retrieved="2026-11-22",
    licence="unstated upstream (numbers only)",
    citation="Jin et al. (2025). Discovering hierarchical latent capabilities of language models.",
    files=("causal_eval/MMLU-by-task-Leaderboard.parquet",),
    parse=parse,
)
