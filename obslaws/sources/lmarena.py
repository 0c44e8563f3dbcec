"""LMArena: ratings of chat models by human votes, text board, with and without control for style.

A rating is relative to the models on the board that day and says nothing across days without an anchor: the day of
the board is part of the key. Two scales exist, which differ by tens of points: plain votes (`arena_text`) and votes
controlled for the style of the answer (`arena_text_style_control`); the site shows the second by default since 2025.
The catalogue of December 2025 has both, by category; the tables of July and August 2025 agree with its plain votes
(spread of the differences 5 to 7 points, against 30 to 34), the top lists of 2026 with style control (3 against 17).
The dataset on the hub, one row per model, category and day, is read too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import board_scores, from_json, named
from obslaws.sources.tidy import numbers, stack

__all__ = ["SOURCE", "parse"]

CATEGORIES = {
    "full": "", "coding": "coding", "creative_writing": "creative_writing", "expert": "expert", "hard_6": "hard",
    "if": "instruction_following", "long_user": "long_query", "math": "math", "multiturn": "multiturn",
    "english": "english", "chinese": "chinese",
}  # fmt: skip
HUB_CATEGORIES = {**CATEGORIES, "overall": "", "hard_prompts": "hard", "instruction_following": "instruction_following",
                  "longer_query": "long_query", "multi_turn": "multiturn"}  # fmt: skip
CATALOGUE_DAY = "2025-12-17"
TABLE_DAYS = {"lmarena_text": "2025-08-06", "lmsys": "2025-07-18"}
_Z95 = 1.959963984540054


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read every board that is there.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Lines of the catalogue (``leaderboard-text``, ``leaderboard-text-style-control``) and of the top lists, text of
        the older tables, or the hub's table (columns model_name, rating, category, leaderboard_publish_date), whose
        key says whether style is controlled.

    Returns
    -------
    Parsed
        Ratings with half the 95 % interval over 1.96 as standard error; setting ``board <day>``.
    """
    parts, notes, n_rows = [], {"ratings in categories of language or trade": 0}, 0
    for stem, raw in frames.items():
        scale = "arena_text_style_control" if re.search(r"style.control|arena_ai", stem) else "arena_text"
        if "line" in raw:
            rows, unused = _catalogue(raw, stem) if stem.startswith("leaderboard") else (_top_list(raw, stem), 0)
        elif "model_name" in raw:
            rows, unused = _hub(raw, stem)
        else:
            rows, unused = _table(raw, stem), 0
        n_rows += len(rows) + unused
        notes["ratings in categories of language or trade"] += unused
        parts.append(rows.assign(benchmark=[f"{scale}_{c}" if c else scale for c in rows["category"]]))
    rows = pd.concat(parts, ignore_index=True)
    if rows["score"].lt(200).any():
        raise SourceError(f"lmarena: found a rating of {rows['score'].min():g}, expected Elo-like ratings above 200.")
    rows = named(rows.assign(setting="board " + rows["date"]), rows["maker"], effort=True)
    scores, names, doubled = board_scores(rows)
    scores["date"] = pd.to_datetime(scores["date"])
    left = n_rows - notes["ratings in categories of language or trade"]
    return Parsed(scores, stack(), left, {"the same rating again": doubled}, notes, names)


def _catalogue(raw: pd.DataFrame, stem: str) -> tuple[pd.DataFrame, int]:
    boards = from_json(raw, f"lmarena, {stem}")
    if "full" not in boards:
        raise SourceError(f"lmarena, {stem}: no category 'full'; found {', '.join(list(boards)[:6])}. Adapt parse().")
    rows = [
        (name, None, CATEGORIES[category], r["rating"], (r["rating_q975"] - r["rating_q025"]) / (2 * _Z95))
        for category, board in boards.items()
        if category in CATEGORIES
        for name, r in board.items()
    ]
    unused = sum(len(board) for category, board in boards.items() if category not in CATEGORIES)
    return _frame(rows).assign(date=CATALOGUE_DAY), unused


def _top_list(raw: pd.DataFrame, stem: str) -> pd.DataFrame:
    models = from_json(raw, f"lmarena, {stem}")["models"]
    rows = [(m["model"], m["vendor"], "", m["score"], m["ci"] / _Z95) for m in models]
    return _frame(rows).assign(date=stem.rpartition("_")[2])


def _table(raw: pd.DataFrame, stem: str) -> pd.DataFrame:
    need_columns(raw, ["model", "arena_score", "95_pct_ci", "organization"], f"lmarena, {stem}")
    ends = raw["95_pct_ci"].str.extract(r"\+(?P<up>[\d.]+)/-(?P<down>[\d.]+)").astype("float64")
    made = pd.DataFrame({"raw": raw["model"], "maker": raw["organization"], "category": "",
                         "score": numbers(raw["arena_score"]),
                         "stderr": (ends["up"] + ends["down"]) / (2 * _Z95)})  # fmt: skip
    return made.assign(date=TABLE_DAYS.get(stem, "unknown"))


def _hub(raw: pd.DataFrame, stem: str) -> tuple[pd.DataFrame, int]:
    columns = ["model_name", "organization", "rating", "rating_lower", "rating_upper", "category"]
    need_columns(raw, [*columns, "leaderboard_publish_date"], f"lmarena, {stem}")
    kept = raw[raw["category"].isin(list(HUB_CATEGORIES))]
    low, high = (pd.to_numeric(kept[c]) for c in ("rating_lower", "rating_upper"))
    made = pd.DataFrame({"raw": kept["model_name"], "maker": kept["organization"],
                         "category": kept["category"].map(HUB_CATEGORIES), "score": pd.to_numeric(kept["rating"]),
                         "stderr": (high - low) / (2 * _Z95)})  # fmt: skip
    day = pd.to_datetime(kept["leaderboard_publish_date"]).dt.strftime("%Y-%m-%d")
    return made.assign(date=day), len(raw) - len(kept)


def _frame(rows: Sequence[tuple[str, str | None, str, float, float]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["raw", "maker", "category", "score", "stderr"])
    return made.astype({"raw": "str", "maker": "str", "category": "str", "score": "float64"})


SOURCE = Source(
    id="lmarena",
    title="LMArena, text ratings",
    url="https://github.com/lmarena/arena-catalog",
    revision="c9558b60647217fafa878cb7ee14f8f43c355594",
    retrieved="2025-12-17",
    licence="CC BY 4.0 (LMArena's dataset on the hub; the catalogue repository states none)",
    citation="Chiang et al. (2024). Chatbot Arena: an open platform for evaluating LLMs by human preference.",
    files=(
        "lmarena/leaderboard-text.json",
        "lmarena/leaderboard-text-style-control.json",
        "lmarena/lmarena_text.csv",
        "lmarena/lmsys.csv",
        "lmarena/arena_ai_text_2026-03-29.json",
        "lmarena/arena_ai_text_2026-04-19.json",
    ),
    parse=parse,
    live=Live(
        hub="lmarena-ai/leaderboard-dataset",
        files={
            "text_latest": "text/latest-*.parquet",
            "text_style_control_latest": "text_style_control/latest-*.parquet",
        },
    ),
)
