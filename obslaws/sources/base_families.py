"""The project's own table of base models: size, tokens and release date, each row with the document it was read in.

It travels in the package (``names/base_families.csv``) and needs no upstream copy. What no document states is empty.
Families are decided in ``names/families.csv``, which knows base and chat apart, so the table's labels make no claim.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import hand_table
from obslaws.sources.base import Parsed, Source
from obslaws.sources.tidy import claims, no_scores, numbers, stack

__all__ = ["SOURCE", "parse"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the table.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``base_families`` by hand, shape (n_models, 12), text; without it, the packaged table.

    Returns
    -------
    Parsed
        No scores; claims about size, active size, tokens, release date and mixtures of experts.
    """
    raw = frames["base_families"] if "base_families" in frames else hand_table("base_families")
    document = raw["document_title"].fillna("") + " <" + raw["document_address"].fillna("") + ">"
    parts = []
    for column in ("n_params", "n_active_params", "n_tokens"):
        parts.append(claims(raw["model"], column, numbers(raw[column]), "reported"))
    parts.append(claims(raw["model"], "release_date", pd.to_datetime(raw["release_date"]), "reported"))
    parts.append(claims(raw["model"], "variant", raw["variant"], "reported"))
    parts.append(claims(raw["model"], "is_moe", raw["is_moe"].eq("true"), "reported"))
    facts = [p.assign(document=document.reindex(p.index)) for p in parts]
    return Parsed(no_scores(), stack(*facts), len(raw))


SOURCE = Source(
    id="base-families",
    title="Base models: sizes, tokens and release dates as their documents state them",
    url="obslaws/names/base_families.csv",
    revision="with the package",
    retrieved="2026-11-22",
    licence="Apache-2.0",
    citation="The document named in each row.",
    files=(),
    parse=parse,
)
