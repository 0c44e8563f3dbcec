"""Canonical model ids: an exact hub id stands for itself, everything else is looked up in ``models.csv``."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

__all__ = ["canonical", "hand_table", "refuted_claims"]


@cache
def hand_table(name: str) -> pd.DataFrame:
    """Read one of the tables decided by hand, as text.

    Parameters
    ----------
    name : str
        File name without ending: ``"models"``, ``"families"``, ``"benchmarks"``, ``"refuted"``, ...

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Every cell as written; empty cells are missing.
    """
    with resources.files("obslaws.names").joinpath(f"{name}.csv").open(encoding="utf-8") as lines:
        return pd.read_csv(lines, dtype="str", keep_default_na=False, na_values=[""])


@cache
def _spellings() -> dict[str, str]:
    table = hand_table("models")
    return dict(zip(table["raw"].str.lower(), table["model"], strict=True))


def canonical(raw: str) -> str:
    """Give the canonical id of a model, whatever it was called.

    Parameters
    ----------
    raw : str
        Hub id or short name, in any case.

    Returns
    -------
    str
        ``org/name``. A name that is neither in the table nor a hub id comes back as it is; whoever asks decides
        whether to refuse it (ids have a slash).

    Examples
    --------
    >>> canonical("llama-2-7b")
    'meta-llama/Llama-2-7b-hf'
    >>> canonical("Qwen/Qwen2.5-7B")
    'Qwen/Qwen2.5-7B'
    """
    raw = raw.strip()
    return _spellings().get(raw.lower(), raw)


def refuted_claims() -> pd.DataFrame:
    """List the claims of sources that are known to be wrong and therefore never win.

    Returns
    -------
    DataFrame of shape (n_claims, 4)
        Columns source, model, attribute and why; the claims themselves stay in ``facts``.
    """
    return hand_table("refuted")
