"""Rows of a snapshot as if they had just been parsed, for sources that are not refreshed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from obslaws.snapshot import Snapshot
from obslaws.sources import Parsed
from obslaws.sources.tidy import CLAIM_COLUMNS, SCORE_COLUMNS

__all__ = ["carried_entry", "carry", "grown_entry"]


def carry(base: Snapshot, sources: list[str], frozen: dict[str, tuple[str, ...]]) -> dict[str, Parsed]:
    """Take the rows of some sources out of a snapshot.

    Parameters
    ----------
    base : Snapshot
        Where they are.
    sources : list of str
        Source ids of which everything is wanted.
    frozen : dict of str to tuple of str
        Source id -> benchmarks of which the scores are wanted; for refreshed sources with a part nobody publishes.

    Returns
    -------
    dict of str to Parsed
        By source id; only those that have rows. The `names` of a board are its doubtful ones, as the review file of
        the snapshot has them: with the rule, the confidence and the nearest model.
    """
    wanted = {s for s in (*sources, *frozen) if s in base.manifest["sources"]}
    scores = base.scores[base.scores["source"].isin(wanted)]
    facts = base.facts[base.facts["source"].isin(sources)]
    scores = _plain(scores, [*SCORE_COLUMNS, "source"])
    facts = _plain(facts, [*CLAIM_COLUMNS, "source"])
    review = base.review()
    out = {}
    for source in sorted(wanted):
        own = scores[scores["source"] == source]
        if source not in sources:
            own = own[own["benchmark"].isin(frozen[source])]
        claims = facts[facts["source"] == source].drop(columns="source").reset_index(drop=True)
        told = base.manifest["sources"][source]
        if len(own) or len(claims):
            own = own.drop(columns="source").reset_index(drop=True)
            names = review.loc[review["source"] == source].drop(columns="source").reset_index(drop=True)
            out[source] = Parsed(
                own, claims, told["rows_read"], dict(told["rows_dropped"]), dict(told["left_out"]),
                names, is_board="names" in told,
            )  # fmt: skip
    return out


def _plain(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    texts = [c for c in columns if c not in ("score", "stderr", "date")]
    return frame[columns].astype(dict.fromkeys(texts, "str"))


def carried_entry(base: Snapshot, source: str, cause: str = "") -> dict[str, Any]:
    """Write the manifest's entry of a source that stays as it was.

    Parameters
    ----------
    base : Snapshot
        Where its rows come from.
    source : str
        Its id.
    cause : str
        Why it could not be refreshed; empty when it was not asked for.

    Returns
    -------
    dict
        As in the snapshot, and `carried_from` with the name of the first snapshot that had these rows.
    """
    entry = {k: v for k, v in base.manifest["sources"][source].items() if k != "failed"}
    entry["left_out"] = dict(entry["left_out"])
    entry.setdefault("carried_from", base.name)
    return {**entry, "failed": cause} if cause else entry


def grown_entry(base: Snapshot, source: str, fresh: dict[str, Any]) -> dict[str, Any]:
    """Add what a source brought to what the snapshot has of it.

    Parameters
    ----------
    base : Snapshot
        Whose rows stay.
    source : str
        Its id.
    fresh : dict
        Entry of the documents that came now.

    Returns
    -------
    dict
        With the files of both, and the sums of their rows.
    """
    old = base.manifest["sources"][source]
    entry = {**fresh, "files": {**old["files"], **fresh["files"]}}
    for count in ("rows_read", "rows_kept"):
        entry[count] = old[count] + fresh[count]
    for counts in ("rows_dropped", "left_out"):
        both = set(old[counts]) | set(fresh[counts])
        entry[counts] = {why: old[counts].get(why, 0) + fresh[counts].get(why, 0) for why in sorted(both)}
    names = {"names": old["names"]} if "names" in old else {}
    return {**entry, **names, "grown_from": base.name}
