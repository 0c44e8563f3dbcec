"""Who was trained from whom: parents, variant and base family of every model, from the claims of the sources.

In: the table ``facts``. Out: one `Descent` per model. Called when a snapshot is frozen. A name decided by hand
(``names/families.csv``) wins over what a leaderboard's submitter ticked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pandas as pd

from obslaws.names import Kinship, kinship, size_in_name

__all__ = ["Descent", "descents"]


@dataclass(frozen=True)
class Descent:
    """Where a model comes from.

    Parameters
    ----------
    kin : Kinship
        What the name tells.
    variant : str
        One of `obslaws.schema.VARIANTS`.
    base_model : str or None
        Direct parent; None for roots and for merges of unrelated bases.
    base_family : str
        Series of the root.
    is_official : bool
        Released by the organisation that trained the base.
    """

    kin: Kinship
    variant: str
    base_model: str | None
    base_family: str
    is_official: bool


def descents(models: list[str], facts: pd.DataFrame) -> dict[str, Descent]:
    """Find every model's parent, variant and base family.

    Parameters
    ----------
    models : list of str
        Canonical ids, those of parents included.
    facts : DataFrame of shape (n_claims, 6)
        All claims, in order of precedence of their sources.

    Returns
    -------
    dict of str to Descent
        One per model.
    """
    kin = {m: kinship(m) for m in models}
    kinds = _first(facts, "kind") | _first(facts, "variant")
    merged = set(facts.loc[facts["attribute"].eq("is_merge") & facts["value"].eq("true"), "model"])
    # registries list siblings that were never released: a model counts when anything else is known of it
    real = set(facts.loc[facts["attribute"].isin(["kind", "n_params", "n_tokens"]), "model"])
    parents = _parents(facts, kin, real)
    variant = {m: _variant(m, kin[m], kinds.get(m), m in merged, parents.get(m, [])) for m in models}
    pretrained = set(facts.loc[facts["attribute"].eq("n_tokens"), "model"])
    bases = (m for m in models if variant[m] == "base" and kin[m].listed and m in pretrained)
    # of several bases of one size the plainest name is the root: Yi-6B, not Yi-6B-200K
    roots = {_rung(m, kin[m]): m for m in sorted(bases, key=lambda m: (-len(m), m))}
    first = {m: _parent(m, kin[m], variant[m], parents, roots, real, pretrained) for m in models}
    return {m: _descent(m, kin, variant[m], first) for m in models}


def _first(facts: pd.DataFrame, attribute: str) -> dict[str, str]:
    told = facts[facts["attribute"] == attribute].drop_duplicates("model")
    return dict(zip(told["model"], told["value"], strict=True))


def _parents(facts: pd.DataFrame, kin: dict[str, Kinship], real: set[str]) -> dict[str, list[str]]:
    told = facts[facts["attribute"] == "base_model"].drop_duplicates(["model", "value"])
    original = {_bare(m): m for m in sorted(real) if kin[m].listed and kin[m].variant != "fine-tune"}
    parents = {
        str(m): [_unmirrored(p, kin, original) for p in v] for m, v in told.groupby("model", sort=False)["value"]
    }
    return {m: [p for p in dict.fromkeys(up) if p != m] for m, up in parents.items()}


def _bare(model: str) -> str:
    low = model.rpartition("/")[2].lower().removesuffix("-bnb-4bit").removesuffix("-hf")
    return low.removeprefix("meta-")


def _unmirrored(parent: str, kin: dict[str, Kinship], original: dict[str, str]) -> str:
    """Somebody's copy of an organisation's weights under the same name stands for the original."""
    return parent if parent in kin and kin[parent].listed else original.get(_bare(parent), parent)


def _org(model: str) -> str:
    return model.rpartition("/")[0]


def _rung(model: str, kin: Kinship) -> tuple[str, str, float | str]:
    size = size_in_name(model)
    return _org(model), kin.base_family, size if math.isfinite(size) else model


def _variant(model: str, kin: Kinship, kind: str | None, is_merge: bool, parents: list[str]) -> str:
    foreign = bool(parents) and all(_org(p) != _org(model) for p in parents)
    if (
        kin.listed
        and kin.variant in ("base", "chat", "fine-tune")
        and not (kin.variant == "chat" and foreign and not kin.decided)
    ):
        return kin.variant
    if kin.listed and kin.decided:
        return "unknown"
    if kin.listed and kind in ("base", "chat") and not foreign:
        return kind
    if is_merge or kind == "merge":
        return "merge"
    if foreign:
        return "fine-tune"
    if kind == "pretrained" or (kin.listed and kind in (None, "continued")):
        return "base" if not parents or kin.listed else "fine-tune"
    if kind == "chat" and (kin.listed or parents):
        return "chat"
    return "fine-tune" if kind or parents else "unknown"


def _parent(
    model: str,
    kin: Kinship,
    variant: str,
    parents: dict[str, list[str]],
    roots: dict[tuple[str, str, float | str], str],
    real: set[str],
    pretrained: set[str],
) -> str | None:
    if kin.parent:
        return kin.parent if kin.parent != "-" else None
    if variant == "base" and kin.listed:
        # a longer context of the same base: its tokens are the root's
        own = roots.get(_rung(model, kin), model)
        longer = re.sub(r"-\d+k$", "", model.lower()) == own.lower() != model.lower()
        return own if longer and model not in pretrained else None
    told = [p for p in parents.get(model, []) if p != model]
    told = [p for p in told if p in real] or told
    if kin.listed and variant == "chat":
        root = roots.get(_rung(model, kin))
        told = [p for p in told if _org(p) == _org(model) and p in real] or ([root] if root else told)
    if not told:
        return None
    if len({_root(p, parents) for p in told}) > 1 and variant == "merge":
        return None
    return told[0]


def _root(model: str, parents: dict[str, list[str]]) -> str:
    seen = {model}
    while parents.get(model) and parents[model][0] not in seen:
        model = parents[model][0]
        seen.add(model)
    return kinship(model).base_family if kinship(model).listed else model


def _descent(model: str, kin: dict[str, Kinship], variant: str, first: dict[str, str | None]) -> Descent:
    mine = kin[model]
    official = mine.listed and variant in ("base", "chat")
    if official or (mine.decided and mine.base_family != mine.family):
        return Descent(mine, variant, first[model], mine.base_family, official)
    at = model
    seen = {model}
    up = first[model]
    while up is not None and up not in seen:
        seen.add(up)
        at, up = up, first.get(up)
    series = kin[at].base_family if at in kin else kinship(at).base_family
    # a child listed as its own ancestor's parent would make a loop: cut it here
    parent = first[model] if first[model] != model else None
    return Descent(mine, variant, parent, series if at != model else mine.base_family, official)
