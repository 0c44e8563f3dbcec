"""From the claims of many sources to one row per model: who wins is decided here, and nowhere else.

Order for sizes, tokens and dates: the document-backed table of base models first, measurements of the weights next,
papers' tables by the care taken in them, names last. A model trained from another one takes tokens (and, where nothing
better is known, size and date) from its parent, basis ``base_model``. Compute is 6 x active parameters x tokens (Kaplan
et al. 2020, section 2.1), basis ``formula``, so that a family is measured with one yardstick; a reported figure stands
in where the product cannot be formed.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import pandas as pd

from obslaws.lineage import Descent, descents
from obslaws.names import refuted_claims, size_in_name

__all__ = ["PRECEDENCE", "resolve_models"]

_PAPERS = ("tott", "obsscaling", "sloth", "statistical-scaling-law", "epoch")
_BOARDS = ("bigcodebench", "evalplus", "benchpress", "mmlu-pro-board")  # rounded, and last of all
_LIVE = ("hub-models", "datadecide")  # by a refresh only, after what was reviewed
PRECEDENCE: dict[str, tuple[str, ...]] = {
    "n_params": ("base-families", "open-llm-v2", "hub", "hub-models", *_PAPERS, *_BOARDS),
    "n_active_params": ("base-families", "bigcodebench", "benchpress"),
    "n_tokens": ("base-families", *_PAPERS, "datadecide"),
    "train_flop": ("epoch", "epoch-benchmarks"),
    "release_date": (
        "base-families",
        "epoch",
        "tott",
        "open-llm-v2",
        "hub",
        "hub-models",
        "epoch-benchmarks",
        "benchpress",
    ),
}
_AGREE = 1.45  # sizes of one model differ by embeddings and rounding, not by more
_KIN = 2.0  # a child twice as large or half as small was not trained from that parent as it is


class Known(NamedTuple):
    """A value, its source and its basis."""

    value: float | str
    source: str
    basis: str


def resolve_models(facts: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Let the best claim win for every model and attribute.

    Parameters
    ----------
    facts : DataFrame of shape (n_claims, 6)
        Columns of the schema; every source, canonical ids.
    models : list of str
        The models wanted; parents outside the list are followed but get no row.

    Returns
    -------
    DataFrame of shape (n_models, n_columns)
        Columns of the schema's ``models``, sorted by id.
    """
    order = {
        source: i for i, source in enumerate(("base-families", "open-llm-v2", "hub", "open-llm-v1", *_PAPERS, *_LIVE))
    }
    facts = facts.assign(rank=facts["source"].map(order)).sort_values(["rank", "model", "attribute"], kind="stable")
    parents = set(facts.loc[facts["attribute"].eq("base_model"), "value"])
    everyone = sorted({*models, *parents, *facts["model"]})
    # a board that mentions a model says nothing about where it comes from
    family = descents(everyone, facts[facts["rank"].notna()])
    told = _told(facts)
    moe = set(facts.loc[facts["attribute"].eq("is_moe") & facts["value"].eq("true"), "model"])
    flagged = set(facts.loc[facts["attribute"].eq("is_flagged") & facts["value"].eq("true"), "model"])
    known: dict[tuple[str, str], Known | None] = {}
    rows = []
    for model in sorted(models):
        kin = family[model]
        row: dict[str, object] = {
            "model": model, "org": model.rpartition("/")[0] or None, "family": kin.kin.family,
            "base_family": kin.base_family, "variant": kin.variant, "base_model": kin.base_model,
        }  # fmt: skip
        for attribute in ("n_params", "n_active_params", "n_tokens", "train_flop", "release_date"):
            best = _best(model, attribute, family, told, moe, known, frozenset())
            stem = "flop" if attribute == "train_flop" else attribute
            row[attribute], row[f"{stem}_source"], row[f"{stem}_basis"] = best or (None, None, None)
        row |= {
            "is_moe": model in moe or _of_experts(model), "is_merge": kin.variant == "merge",
            "is_flagged": model in flagged, "is_official": kin.is_official,
        }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def _told(facts: pd.DataFrame) -> dict[tuple[str, str], list[Known]]:
    refuted = set(refuted_claims()[["source", "model", "attribute"]].itertuples(index=False, name=None))
    told: dict[tuple[str, str], list[Known]] = {}
    # boards are heard on models of which nobody else claims anything
    others = set(facts.loc[facts["rank"].notna(), "model"])
    facts = facts[facts["rank"].notna() | ~facts["model"].isin(others)]
    for attribute, sources in PRECEDENCE.items():
        mine = facts[facts["attribute"].eq(attribute) & facts["source"].isin(sources)]
        mine = mine.assign(place=mine["source"].map({s: i for i, s in enumerate(sources)})).sort_values(
            "place", kind="stable"
        )
        for model, value, basis, source in mine[["model", "value", "basis", "source"]].itertuples(
            index=False, name=None
        ):
            if (source, model, attribute) not in refuted:
                number = value if attribute == "release_date" else float(value)
                told.setdefault((model, attribute), []).append(Known(number, source, basis))
    return told


def _best(
    model: str, attribute: str, family: dict[str, Descent], told: dict[tuple[str, str], list[Known]], moe: set[str],
    known: dict[tuple[str, str], Known | None], path: frozenset[str],
) -> Known | None:  # fmt: skip
    if (model, attribute) in known:
        return known[model, attribute]

    def of(who: str, what: str) -> Known | None:
        return _best(who, what, family, told, moe, known, path | {model})

    kin = family[model]
    claims = told.get((model, attribute), [])
    own = claims[0] if claims else None
    parent = kin.base_model if kin.base_model not in path and kin.base_model in family else None
    above = of(parent, attribute) if parent else None
    inherited = Known(above.value, above.source, "base_model") if above else None
    best: Known | None
    if attribute == "n_params":
        best = _size(model, claims, inherited, kin.variant)
    elif attribute == "n_active_params":
        best = own or _active(model, of(model, "n_params"), inherited, model in moe)
    elif attribute == "n_tokens":
        if parent and not _related(of(model, "n_params"), of(parent, "n_params")):
            inherited = None
        own = own or _in_name(model)
        best = own if own and (own.source in ("base-families", "name") or not inherited) else inherited
    elif attribute == "train_flop":
        active, tokens = of(model, "n_active_params"), of(model, "n_tokens")
        product = (
            Known(6.0 * float(active.value) * float(tokens.value), tokens.source, "formula")
            if active and tokens
            else None
        )
        best = product or own or (inherited if kin.variant == "chat" else None)
    else:
        best = own or (inherited if kin.variant == "chat" else None)
    known[model, attribute] = best
    return best


def _size(model: str, claims: list[Known], inherited: Known | None, variant: str) -> Known | None:
    stated = size_in_name(model)
    reference = stated if math.isfinite(stated) else (float(inherited.value) if inherited else math.nan)
    for claim in claims:
        # packed weights and adapters state another count than the model has: the name tells
        off = max(float(claim.value) / reference, reference / float(claim.value)) if reference > 0 else 1.0
        rounded = claim.basis == "name" or claim.source in _PAPERS
        same = inherited and _near(inherited, float(claim.value), 1.05) and claim.source != "base-families"
        if inherited and variant == "chat" and same:
            return inherited
        if inherited and variant in ("chat", "fine-tune") and (rounded or off > _AGREE) and _near(inherited, reference):
            return inherited
        if off <= _AGREE or variant not in ("chat", "fine-tune") or claim.source == "base-families":
            return claim
    if inherited and variant in ("chat", "fine-tune") and (_near(inherited, stated) or not math.isfinite(stated)):
        return inherited
    return Known(stated, "name", "name") if math.isfinite(stated) else None


def _related(child: Known | None, parent: Known | None) -> bool:
    return child is None or parent is None or _near(parent, float(child.value), _KIN)


def _near(known: Known, size: float, factor: float = 1.3) -> bool:
    return bool(size > 0) and max(float(known.value) / size, size / float(known.value)) <= factor


def _active(model: str, size: Known | None, inherited: Known | None, is_moe: bool) -> Known | None:
    if not (is_moe or _of_experts(model)):
        return size
    low = model.rpartition("/")[2].lower()
    stated = re.search(r"-a(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", low)
    if stated:
        return Known(float(stated[1]) * (1e9 if stated[2] == "b" else 1e6), "name", "name")
    return inherited


def _in_name(model: str) -> Known | None:
    """Checkpoints say how far they got: TinyLlama-1.1B-intermediate-step-480k-1T."""
    stated = re.search(r"(?:step-\d+k-|token-)(?:token-)?(\d+(?:\.\d+)?)(b|t)$|_(\d+)(b)t_preview$", model.lower())
    if not stated:
        return None
    count, unit = (group for group in stated.groups() if group)
    return Known(float(count) * (1e12 if unit == "t" else 1e9), "name", "name")


def _of_experts(model: str) -> bool:
    return (
        re.search(
            r"(?<![a-z0-9])\d+x\d|(?<![a-z])moe(?![a-z])|-a\d+(\.\d+)?[bm](?![a-z0-9])",
            model.rpartition("/")[2].lower(),
        )
        is not None
    )
