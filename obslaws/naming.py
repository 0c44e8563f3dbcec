"""Boards' names among all sources: the step of a freeze that finds out which model a board means, and its review file.

Sources that use hub ids say which models exist. What the boards wrote is resolved against them by
`obslaws.names.resolve_names`; every name that no hand decided and that is not certain stands in the review file, with
the rule, the confidence and the nearest known model. A decision goes into ``names/reviewed.csv`` and wins from then on.

A board that a refresh carries over was resolved before. Its doubtful names come along: those without a model are looked
for again, since another source may know the model by now; the others stay in the review file as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from obslaws.names import hand_table, resolve_names
from obslaws.sources import Parsed

__all__ = ["REVIEW_COLUMNS", "resolve_boards"]

REVIEW_COLUMNS = ["source", "raw", "model", "rule", "confidence", "nearest"]
_CELL = ["model", "revision", "precision", "benchmark", "setting"]
_FIRST = ("open-llm-v2", "base-families", "open-llm-v1")


def resolve_boards(parsed: Mapping[str, Parsed], settled: Iterable[str] = ()) -> tuple[dict[str, Parsed], pd.DataFrame]:
    """Give the boards' rows the ids of the models they mean.

    Parameters
    ----------
    parsed : mapping of str to Parsed
        By source id; the order decides which board's spelling a model gets that no hub source knows.
    settled : iterable of str
        Ids that an earlier snapshot was sure of: other spellings of them are the same models.

    Returns
    -------
    parsed : dict of str to Parsed
        The same, with `scores` and `facts` of boards under resolved ids.
    review : DataFrame of shape (n_names, 6)
        Columns source, raw, model, rule, confidence, nearest: every name of every board.
    """
    hubs = [s for s, p in parsed.items() if p.names.empty and not p.is_board]
    boards = [s for s in parsed if s not in hubs]
    if not boards:
        return dict(parsed), pd.DataFrame(columns=REVIEW_COLUMNS)
    known = _known([parsed[s] for s in (*(s for s in _FIRST if s in hubs), *hubs)])
    pairs = pd.concat([_asked(parsed[s]).assign(source=s) for s in boards], ignore_index=True)
    found = resolve_names(pairs, known, hand_table("organisations")["org"], settled)
    review = pairs.merge(
        found.rename(columns={"model": "resolved"}), left_on=["raw", "model"], right_on=["raw", "made"]
    )
    out = dict(parsed)
    for source in boards:
        mine = found[found["made"].isin(pairs.loc[pairs["source"] == source, "model"])]
        ids = dict(zip(mine["made"], mine["model"], strict=True))
        out[source] = replace(
            parsed[source],
            scores=_renamed(parsed[source].scores, ids),
            facts=_renamed(parsed[source].facts, ids),
        )
    review = review.assign(model=review["resolved"])[REVIEW_COLUMNS]
    # a neighbour that only a dropped claim knew is still the nearest one
    earlier = {
        (s, raw): near
        for s in boards
        if "rule" in parsed[s].names
        for raw, near in parsed[s].names[["raw", "nearest"]].itertuples(index=False, name=None)
    }
    near = [earlier.get(key, "") for key in zip(review["source"], review["raw"], strict=True)]
    fill = review["rule"].eq("new") & review["nearest"].eq("")
    review = review.assign(nearest=review["nearest"].mask(fill, pd.Series(near, index=review.index, dtype="object")))
    stays = [_reviewed(parsed[s]).assign(source=s) for s in boards if "rule" in parsed[s].names]
    review = pd.concat([review, *(s[REVIEW_COLUMNS] for s in stays if len(s))], ignore_index=True)
    return out, review.sort_values(["source", "raw", "model"], ignore_index=True)


def _asked(board: Parsed) -> pd.DataFrame:
    """List the names to resolve: all of a board that was fetched, the open ones of one that was carried over."""
    names = board.names[board.names["rule"].eq("new")] if "rule" in board.names else board.names
    return names[["raw", "model"]]


def _reviewed(board: Parsed) -> pd.DataFrame:
    """Give the doubtful names that are not looked for again."""
    return board.names[board.names["rule"].ne("new")]


def _known(hubs: list[Parsed]) -> list[str]:
    """List hub ids: evaluated models first, then those that others were trained from, registries' spellings last."""
    parents = [p.facts.loc[p.facts["attribute"].eq("base_model"), "value"] for p in hubs]
    names = pd.concat([*(p.scores["model"] for p in hubs), *parents, *(p.facts["model"] for p in hubs)])
    return [str(name) for name in pd.unique(names)]


def _renamed(table: pd.DataFrame, ids: Mapping[str, str]) -> pd.DataFrame:
    out = table.assign(model=table["model"].map(lambda name: ids.get(name, name)))
    if "setting" not in out:
        return out
    # two spellings on one board may be one model: both measurements stay
    place = out.fillna({"setting": ""}).groupby(_CELL, sort=False, dropna=False).cumcount() + 1
    said = out["setting"].fillna("") + "; spelling " + place.astype("str")
    return out.assign(setting=out["setting"].mask(place > 1, said.str.removeprefix("; ")))
