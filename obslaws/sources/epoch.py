"""Epoch AI's tables of models: parameters, compute, data, publication dates.

Three exports of one database: notable, large-scale and all models. The column with the size of the training data was
renamed over time (datapoints, deprecated, gradients = datapoints x epochs) and sometimes is text with commas. The
size of the data counts as tokens seen only where 6 x parameters x data gives Epoch's own compute within a quarter:
elsewhere it is the unique data, or words. Rows that Epoch itself calls speculative or unknown make no claims about
size, data or compute. Names are Epoch's own and are
looked up in ``names/models.csv``; models that no table here evaluates are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.tidy import claims, no_scores, numbers, stack

__all__ = ["SOURCE", "parse"]

TRUSTED = ("Confident", "Likely")
TOKEN_COLUMNS = (
    "Training dataset size (gradients)",
    "(DEPRECATED) Training dataset size (datapoints)",
    "Training dataset size (datapoints)",
)


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the exports, the later ones first.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The three exports, text.

    Returns
    -------
    Parsed
        No scores; claims about size, tokens, compute and publication date.
    """
    parts, dropped = [], {"not a language model": 0, "a model that no table here evaluates": 0, "in a later export": 0}
    seen: set[str] = set()
    n_rows = untrusted = 0
    for stem in ("trimmed_notable_ai_models", "trimmed_large_scale_ai_models", "trimmed_All_ML_Systems_full_view"):
        raw = frames[stem]
        need_columns(
            raw,
            ["Model", "Domain", "Publication date", "Parameters", "Training compute (FLOP)", "Confidence"],
            f"epoch, {stem}",
        )
        n_rows += len(raw)
        language = raw["Domain"].fillna("").str.contains("Language")
        name = raw["Model"].fillna("").map(canonical)
        known = name.str.contains("/", regex=False) & ~raw["Model"].fillna("").str.contains("/", regex=False)
        again = name.isin(seen) | name.duplicated()
        dropped["not a language model"] += int((~language).sum())
        dropped["a model that no table here evaluates"] += int((language & ~known).sum())
        dropped["in a later export"] += int((language & known & again).sum())
        kept = raw[language & known & ~again]
        seen |= set(name[kept.index])
        trusted = kept["Confidence"].isin(TRUSTED)
        untrusted += int((~trusted).sum())
        parts += _claims(kept, name[kept.index], trusted)
    return Parsed(
        no_scores(), stack(*parts), n_rows, dropped, {"rows too uncertain for size, data and compute": untrusted}
    )


def _claims(kept: pd.DataFrame, name: pd.Series, trusted: pd.Series) -> list[pd.DataFrame]:
    tokens = pd.Series(float("nan"), index=kept.index)
    for column in TOKEN_COLUMNS:
        if column in kept:
            tokens = tokens.fillna(numbers(kept[column]))
    flop, size = numbers(kept["Training compute (FLOP)"]), numbers(kept["Parameters"])
    agrees = (6.0 * size * tokens / flop).between(0.75, 1.25)
    finetuned = kept["Base model"].notna() if "Base model" in kept else pd.Series(False, index=kept.index)
    columns = {
        "n_params": size,
        "n_tokens": tokens.where(~finetuned & agrees),
        "train_flop": flop.where(~finetuned),
    }
    made = [
        claims(name, attribute, values.where(trusted), "reported", "https://epoch.ai/data")
        for attribute, values in columns.items()
    ]
    published = pd.to_datetime(kept["Publication date"], errors="coerce")
    return [*made, claims(name, "release_date", published, "reported", "https://epoch.ai/data")]


SOURCE = Source(
    id="epoch",
    title="Epoch AI, data on AI models (notable, large-scale, all)",
    url="https://epoch.ai/data",
    revision="exports of 2025-06-10 and 2026-01",
    retrieved="2026-11-22",
    licence="CC BY 4.0",
    citation="Epoch AI (2026). Data on AI models. https://epoch.ai/data",
    files=(
        "epoch/trimmed_notable_ai_models.csv",
        "epoch/trimmed_large_scale_ai_models.csv",
        "epoch/trimmed_All_ML_Systems_full_view.csv",
    ),
    parse=parse,
    live=Live(
        {
            "trimmed_notable_ai_models": "https://epoch.ai/data/notable_ai_models.csv",
            "trimmed_large_scale_ai_models": "https://epoch.ai/data/large_scale_ai_models.csv",
            "trimmed_All_ML_Systems_full_view": "https://epoch.ai/data/all_ai_models.csv",
        }
    ),
)
