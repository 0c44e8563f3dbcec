"""The Open LLM Leaderboards as the Hub publishes them today, put into the columns of the CSV copies.

Both boards end in a parquet called *contents*. That of v2 changed once: until the summer of 2024 it said `Not_Merged`,
and there `MoE` and `Flagged` mean their opposite too; since then it says `Merged` and means it. In both, `Model` is a
piece of HTML and `fullname` is the id. That of v1 has the columns of its CSV copy under their titles, in percent.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import need_columns

__all__ = ["plain_name", "v1_contents", "v2_contents"]

V2 = {
    "model_sha": "Model sha", "model_precision": "Precision", "model_weight_type": "Weight type",
    "model_has_chat_template": "Chat Template",
    "evaluations_ifeval_value": "IFEval Raw", "evaluations_bbh_value": "BBH Raw",
    "evaluations_math_value": "MATH Lvl 5 Raw", "evaluations_gpqa_value": "GPQA Raw",
    "evaluations_musr_value": "MUSR Raw", "evaluations_mmlu_pro_value": "MMLU-PRO Raw",
    "features_is_moe": "MoE", "features_is_flagged": "Flagged",
    "metadata_upload_date": "Upload To Hub Date", "metadata_submission_date": "Submission Date",
    "metadata_params_billions": "#Params (B)",
}  # fmt: skip
V1_SCORES = ("mmlu", "arc", "hellaswag", "winogrande", "truthfulqa", "gsm8k")
V1 = (*V1_SCORES, "type", "architecture", "weight_type", "precision", "merged", "params_b", "model_sha", "flagged",
      "moe", "date")  # fmt: skip


def v2_contents(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the contents of v2, in either layout, into the columns of the copy.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``contents``, shape (n_rows, 36), or (n_rows, 31 or more) in the layout of 2024-07.

    Returns
    -------
    dict of str to DataFrame
        ``huggingface_v2``: text, and scores as floats. The older MATH column is not published any more.

    Raises
    ------
    SourceError
        A column is gone, or holds another unit.
    """
    raw, where = frames["contents"], "open-llm-v2, contents"
    need_columns(raw, [*V2.values(), "Type"], where)
    early = "Not_Merged" in raw
    if not early:
        need_columns(raw, ["Merged", "Base Model"], where)
    out = pd.DataFrame({new: raw[old] for new, old in V2.items()})
    for column in (c for c in out if str(c).startswith("evaluations_")):
        out[column] = _scores(raw, V2[str(column)], 0.0, 1.0, where)
    flags = {"features_is_moe": "MoE", "features_is_flagged": "Flagged",
             "features_is_merged": "Not_Merged" if early else "Merged"}  # fmt: skip
    for new, old in flags.items():
        out[new] = _flag(raw[old], inverted=early)
    out["model_has_chat_template"] = _flag(raw["Chat Template"])
    official = raw["Official Providers"] if "Official Providers" in raw else pd.Series(False, index=raw.index)
    out["features_is_official_provider"] = _flag(official)
    out["model_name"] = _names(raw, where)
    # the copy has the words of the type, without the symbol before it, spaces and what stands in brackets
    out["model_type"] = (
        raw["Type"].str.replace(r"\(.*\)", "", regex=True).str.replace(r"[^A-Za-z-]", "", regex=True).replace("", None)
    )
    unknown = pd.Series(pd.NA, index=raw.index, dtype="str")
    out["metadata_base_model"] = raw["Base Model"] if "Base Model" in raw else unknown
    out["id"] = raw["eval_name"] if "eval_name" in raw else out["model_name"]
    return {"huggingface_v2": _text(out)}


def v1_contents(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the contents of v1 into the columns of the copy.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``contents``, shape (n_rows, 23 or more); titles such as ``Model sha`` in any case and punctuation.

    Returns
    -------
    dict of str to DataFrame
        ``huggingface_v1``: text, and scores in percent.

    Raises
    ------
    SourceError
        A column is gone, or holds another unit.
    """
    raw, where = frames["contents"], "open-llm-v1, contents"
    titles = {_bare(str(c)): c for c in raw.columns}
    titles.setdefault("date", titles.get("submissiondate", "date"))
    need_columns(raw.rename(columns={titles[_bare(c)]: c for c in V1 if _bare(c) in titles}), list(V1), where)
    out = pd.DataFrame({column: raw[titles[_bare(column)]] for column in V1})
    for column in V1_SCORES:
        out[column] = _scores(raw, titles[column], 0.0, 100.0, where)
    for column in ("merged", "flagged", "moe"):
        out[column] = _flag(out[column])
    out["fullname"] = _names(raw, where)
    return {"huggingface_v1": _text(out)}


def plain_name(cell: str) -> str:
    """Take the text out of a piece of HTML; plain text comes back as it is.

    Parameters
    ----------
    cell : str
        Such as ``<a href="...">org/name</a>``.

    Returns
    -------
    str

    Examples
    --------
    >>> plain_name('<a target="_blank" href="https://example.org">Qwen/Qwen2.5-7B</a>  📑')
    'Qwen/Qwen2.5-7B'
    """
    linked = re.search(r"<a\b[^>]*>(.*?)</a>", cell, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", "", linked[1] if linked else cell)).strip()


def _names(raw: pd.DataFrame, where: str) -> pd.Series:
    if "fullname" in raw:
        return raw["fullname"].astype("str")
    need_columns(raw, ["Model"], where)
    return raw["Model"].astype("str").map(plain_name)


def _scores(raw: pd.DataFrame, column: str, low: float, high: float, where: str) -> pd.Series:
    """Scores as floats, in the unit that the board has always used: a column of fractions has no median above 1."""
    values = pd.to_numeric(raw[column], errors="coerce").astype("float64")
    unread = values.isna() & raw[column].notna()
    if unread.any():
        found = raw.loc[unread, column].iloc[0]
        raise SourceError(f"{where}: column {column!r} holds {found!r}, expected numbers. Adapt the layout to it.")
    known = values.to_numpy()[values.notna().to_numpy()]
    fractions = high > 1.0 and len(known) > 1 and float(known.max()) <= 1.0
    if len(known) and (fractions or not (low <= float(known.min()) and float(known.max()) <= high)):
        raise SourceError(
            f"{where}: column {column!r} holds values from {np.min(known):g} to {np.max(known):g}, expected "
            f"{low:g} to {high:g}{' (percent)' if high > 1 else ' (fractions)'}. The unit changed: adapt the layout."
        )
    return values


def _flag(values: pd.Series, inverted: bool = False) -> pd.Series:
    truth = values.astype("str").str.upper()
    words = {"TRUE": "FALSE", "FALSE": "TRUE"} if inverted else {"TRUE": "TRUE", "FALSE": "FALSE"}
    return truth.map(words)


def _bare(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({c: "str" for c in frame if not pd.api.types.is_float_dtype(frame[c])})
