"""Aider: coding boards of an editing tool; one YAML record per run, percentages of exercises solved.

Edit (133 Python exercises) and polyglot (225 exercises in six languages) allow two tries and count `pass_rate_2`;
refactor (89 cases) has one try, `pass_rate_1`. A model is run with several edit formats: the format is the setting.
The boards of single studies (quantisation, architect mode) are not read.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Live, Parsed, Source
from obslaws.sources.boards import as_fraction, board_scores, named
from obslaws.sources.tidy import numbers, stack

__all__ = ["SOURCE", "parse", "records"]

BOARDS = {"edit_leaderboard": ("aider_edit", "pass_rate_2"), "polyglot_leaderboard": ("aider_polyglot", "pass_rate_2"),
          "refactor_leaderboard": ("aider_refactor", "pass_rate_1")}  # fmt: skip
_RAW = "https://raw.githubusercontent.com/Aider-AI/aider/main/aider/website/_data"


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the three boards.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Lines of ``edit_leaderboard``, ``polyglot_leaderboard`` and ``refactor_leaderboard``.

    Returns
    -------
    Parsed
        Scores on `aider_edit`, `aider_polyglot` and `aider_refactor`, setting ``<edit format>``.
    """
    parts, n_rows, unsolved = [], 0, 0
    for stem, (benchmark, column) in BOARDS.items():
        table = records(frames[stem]["line"])
        if table.empty or not {"model", "edit_format", column} <= set(table.columns):
            raise SourceError(f"aider, {stem}: no records with model, edit_format and {column}. The upstream changed.")
        n_rows += len(table)
        score = numbers(table[column])
        unsolved += int(score.isna().sum())
        frame = named(table.assign(raw=table["model"], setting=table["edit_format"].fillna("")))
        part = frame[["raw", "model", "setting"]].assign(
            benchmark=benchmark, score=as_fraction(score, percent=True, where=f"aider, {stem}"),
            date=pd.to_datetime(table["date"], errors="coerce"),
        )  # fmt: skip
        parts.append(part)
    scores, names, doubled = board_scores(pd.concat(parts, ignore_index=True))
    dropped = {"the same run again": doubled, "run without a rate": unsolved}
    return Parsed(scores, stack(), n_rows, dropped, {}, names)


def records(lines: pd.Series) -> pd.DataFrame:
    """Read a list of flat YAML records, which is all that these files hold.

    Parameters
    ----------
    lines : Series of str
        Lines of the file.

    Returns
    -------
    DataFrame of shape (n_records, n_keys)
        Text; a key that a record lacks is missing.
    """
    made: list[dict[str, str]] = []
    for line in lines.fillna(""):
        if line.startswith("- "):
            made.append({})
        key, colon, value = line.removeprefix("- ").strip().partition(":")
        if colon and made and not line.lstrip().startswith("#"):
            plain = value.strip()
            quoted = plain[:1] in ("'", '"')
            made[-1][key] = plain[1:].partition(plain[0])[0] if quoted else plain.partition(" #")[0].strip()
    return pd.DataFrame(made, dtype="str").replace("", None)


SOURCE = Source(
    id="aider",
    title="Aider, leaderboards of edit, polyglot and refactor",
    url="https://github.com/Aider-AI/aider",
    revision="5dc9490bb35f9729ef2c95d00a19ccd30c26339c",
    retrieved="2026-11-22",
    licence="Apache-2.0",
    citation="Gauthier, P. (2023-2026). Aider LLM leaderboards. https://aider.chat",
    files=("aider/edit_leaderboard.yml", "aider/polyglot_leaderboard.yml", "aider/refactor_leaderboard.yml"),
    parse=parse,
    live=Live(files={stem: f"{_RAW}/{stem}.yml" for stem in BOARDS}),
)
