"""LiveBench: questions that change; seven dated tables of tasks, percentages.

A release has its own questions, so the release is part of the key (setting ``release 2024-07-26``) and the same task
on two releases is not the same measurement. Tasks come and go (`web_of_lies_v2` became `_v3`, `LCB_generation`
`code_generation`). Efforts in names (``-thinking-64k``, ``-high``, ``-base`` for Claude without thinking) are settings.
A refresh lists the folder of the site and takes every dated table; a new one whose tasks are all unknown is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import as_fraction, board_scores, join_settings, named
from obslaws.sources.tidy import numbers, stack

__all__ = ["SOURCE", "listed_tables", "parse"]

SITE = "https://raw.githubusercontent.com/LiveBench/livebench.github.io/HEAD/public"
LISTING = "https://api.github.com/repos/LiveBench/livebench.github.io/contents/public"

RELEASES = ("2024_06_24", "2024_07_26", "2024_08_31", "2024_11_25", "2025_04_02", "2025_04_25", "2025_05_30")
TASKS = (
    "amps_hard", "code_completion", "code_generation", "coding_completion", "connections", "cta", "javascript",
    "lcb_generation", "math_comp", "olympiad", "paraphrase", "plot_unscrambling", "python", "simplify", "spatial",
    "story_generation", "summarize", "tablejoin", "tablereformat", "typescript", "typos", "web_of_lies_v2",
    "web_of_lies_v3", "zebra_puzzle",
)  # fmt: skip


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read every table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``table_<yyyy_mm_dd>``, shape (n_models, 1 + n_tasks), text; percentages.

    Returns
    -------
    Parsed
        Scores on ``<task>@livebench``, setting ``release <date>``.
    """
    parts, n_rows, unknown, strange = [], 0, set(), 0
    for stem, raw in frames.items():
        where = f"livebench, {stem}"
        need_columns(raw, ["model"], where)
        day = stem.removeprefix("table_").replace("_", "-")
        tasks = {c: c.lower() for c in raw.columns if c.lower() in TASKS}
        unknown |= set(raw.columns) - set(tasks) - {"model"}
        n_rows += len(raw)
        if not tasks and len(frames) > 1:
            strange += len(raw)
            continue
        if not tasks:
            raise SourceError(f"{where}: no column is a known task; found {', '.join(raw.columns[:8])}. Adapt TASKS.")
        unthinking = raw["model"].str.extract(r"^(claude.*)-base$")[0]
        plain = raw.assign(raw=unthinking.fillna(raw["model"]), setting=f"release {day}")
        frame = named(plain)
        frame["setting"] = join_settings(frame["setting"], unthinking.notna().map({True: "no thinking", False: ""}))
        for column, task in tasks.items():
            score = as_fraction(numbers(raw[column]), percent=True, where=f"{where}, {column}")
            part = frame[["raw", "model", "setting"]].assign(benchmark=f"{task}@livebench", score=score)
            parts.append(part.assign(date=pd.Timestamp(day)))
    if not parts:
        raise SourceError(f"livebench: no table has a known task; found {', '.join(frames)}. Adapt TASKS.")
    scores, names, doubled = board_scores(pd.concat(parts, ignore_index=True))
    notes = {"the same score again": doubled, "columns that are no known task": len(unknown)}
    return Parsed(scores, stack(), n_rows, {"row of a table without a known task": strange}, notes, names)


def listed_tables(text: str) -> dict[str, str]:
    """Find the dated tables in a listing of the site's folder.

    Parameters
    ----------
    text : str
        JSON of the repository's contents: a list of objects with a name.

    Returns
    -------
    dict of str to str
        Frame -> address, by day; addresses are made of the names, whatever the listing says of them.

    Raises
    ------
    SourceError
        The page is no such listing, or names no table.
    """
    try:
        names = [str(entry["name"]) for entry in json.loads(text)]
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"livebench: the listing is no list of names. Expected JSON of {LISTING}.") from error
    tables = sorted(n for n in names if re.fullmatch(r"table_\d{4}_\d{2}_\d{2}\.csv", n))
    if not tables:
        raise SourceError(
            f"livebench: no table_<yyyy_mm_dd>.csv listed; found {', '.join(names[:6]) or 'nothing'}. "
            "The upstream moved: adapt its live route."
        )
    return {name.removesuffix(".csv"): f"{SITE}/{name}" for name in tables}


SOURCE = Source(
    id="livebench",
    title="LiveBench, tasks by release",
    url="https://github.com/LiveBench/livebench.github.io",
    revision="4bf96c8d9dc9b06c17d82dc76a54429975c2b2c2",
    retrieved="2026-11-22",
    licence="unstated upstream (numbers only)",
    citation="White et al. (2024). LiveBench: a challenging, contamination-limited LLM benchmark. arXiv 2406.19314.",
    files=tuple(f"livebench/table_{release}.csv" for release in RELEASES),
    parse=parse,
    live=Live({"listing": LISTING}, listing=listed_tables),
)
