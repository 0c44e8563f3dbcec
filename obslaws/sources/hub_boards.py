"""Leaderboards of benchmark datasets on the Hugging Face Hub: what model repositories report, gathered by the hub.

The hub ranks the newest result of each repository. Values come through pull requests and are mostly nobody's but the
reporter's: `verified` ones say so in the setting. The scale is the benchmark's: ``names/hub_boards.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import documents
from obslaws.sources.hub_models import HUB_SCORE_COLUMNS, hub_scores
from obslaws.sources.live import DOCUMENT_COLUMNS
from obslaws.sources.tidy import stack

__all__ = ["SOURCE", "parse"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the boards.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``boards``, shape (n_boards, 2), columns name and text: one JSON document per dataset.

    Returns
    -------
    Parsed
        Scores on ``<test>@hub``, setting ``reported`` or ``verified`` and the entry's notes; no claims.
    """
    need_columns(frames["boards"], DOCUMENT_COLUMNS, "hub-boards")
    boards, broken = documents(frames["boards"])
    rows, unknown = [], 0
    for _, board in boards:
        unknown += board["entries"] is None
        for entry in board["entries"] or []:
            setting = "; ".join(filter(None, ["verified" if entry.get("verified") else "reported", entry.get("notes")]))
            # the board shows the dataset's first task and does not name it
            task = "gpqa_diamond" if board["dataset"] == "Idavidrein/gpqa" else None
            rows.append([entry["model"], board["dataset"], task, entry["value"], setting, None])
    scores, notes = hub_scores(pd.DataFrame(rows, columns=HUB_SCORE_COLUMNS))
    notes |= {"boards of datasets without a rule": unknown, "boards that are no JSON": broken}
    return Parsed(scores, stack(), len(rows), {}, notes)


SOURCE = Source(
    id="hub-boards",
    title="Leaderboards of benchmark datasets on the Hugging Face Hub",
    url="https://huggingface.co/datasets?benchmark=benchmark:official",
    revision="live",
    retrieved="live",
    licence="unstated upstream (numbers only)",
    citation="Hugging Face Hub, leaderboards of benchmark datasets; each entry is its reporter's.",
    files=("hub_boards/boards.jsonl",),
    parse=parse,
    live=Live({}, boards=True),
    bundled=False,
)
