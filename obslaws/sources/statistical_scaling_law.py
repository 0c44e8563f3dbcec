"""Metadata of the successor to Sloth: sizes and tokens of about 290 models. Its scores are never read.

In the score columns of the v2 benchmarks about half of the values are raw and half chance-normalised; the leaderboard's
own table has the same measurements unmixed.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import claims, no_scores, numbers, stack

__all__ = ["SOURCE", "parse"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read sizes and tokens of both tables.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``df_full_v1`` and ``df_full_v2``, shapes (n_models, 12), text.

    Returns
    -------
    Parsed
        No scores; claims about family, size and tokens.
    """
    for stem in ("df_full_v1", "df_full_v2"):
        need_columns(frames[stem], ["model", "family", "size", "tokens"], f"statistical-scaling-law, {stem}")
    raw = pd.concat([frames["df_full_v1"], frames["df_full_v2"]], ignore_index=True)
    doubled = raw.duplicated(["model", "family", "size", "tokens"])
    kept = raw[~doubled]
    facts = stack(
        claims(kept["model"], "family", kept["family"], "reported"),
        claims(kept["model"], "n_params", numbers(kept["size"], 1e9), "name"),
        claims(kept["model"], "n_tokens", numbers(kept["tokens"], 1e12), "reported"),
    )
    n_cells = int(
        raw.drop(columns=["model", "family", "size", "tokens", "flops", "Unnamed: 0"], errors="ignore")
        .notna()
        .sum()
        .sum()
    )
    return Parsed(
        no_scores(),
        facts,
        len(raw),
        {"model that stands in both tables": int(doubled.sum())},
        {"scores not used: raw and normalised values are mixed": n_cells},
    )


SOURCE = Source(
    id="statistical-scaling-law",
    title="Statistical scaling laws, model metadata",
    url="https://github.com/felipemaiapolo/statistical-scaling-law",
    revision="ec189676fb1ff21115536651f46bf9d279578cb8",
    retrieved="2026-11-22",
    licence="MIT",
    citation="Cai et al. (2025). arXiv 2512.06553.",
    files=("statistical_scaling_law/df_full_v1.csv", "statistical_scaling_law/df_full_v2.csv"),
    parse=parse,
)
