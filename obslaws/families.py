"""Families of a panel: which there are, who belongs to them, which one a name means, who stands nearest in size.

In: a `Panel`. Called by `obslaws.query`, figures and the command line.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import AssumptionWarning, UnknownNameError, UsageError, nearest_names
from obslaws.quantities import spelt_like

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obslaws.panel import Panel

__all__ = [
    "FamilyMatch",
    "check_family",
    "family_members",
    "family_table",
    "match_family",
    "match_org",
    "nearest_families",
    "nearest_members",
]

_VERSIONED = re.compile(r"(?P<stem>.*?[a-z])[-_. ]?(?P<version>\d+(?:\.\d+)?)?")


@dataclass(frozen=True)
class FamilyMatch:
    """What a family's name means in a panel.

    Parameters
    ----------
    family, base_family : str
        Names as the panel spells them; as they were given where the panel does not know them.
    org, variant : str or None
        Of the known members.
    known, base_known : bool
        Whether the panel holds members of the family, of the base family.
    nearest : tuple of str
        Known names that look alike, for a message.
    """

    family: str
    base_family: str
    org: str | None
    variant: str | None
    known: bool
    base_known: bool
    nearest: tuple[str, ...] = ()


def match_family(panel: Panel, name: str, variant: str | None = None) -> FamilyMatch:
    """Find the family that a name means, and its sibling of the variant asked for.

    Parameters
    ----------
    panel : Panel
        Holds the known families.
    name : str
        A family (``qwen2.5-instruct``) or a base family (``qwen2.5``); case does not matter. Where no family is called
        so, neither do ``-``, ``_``, ``.`` and blanks, as long as one family alone fits.
    variant : {"base", "chat"}, optional
        ``qwen2.5`` with ``"chat"`` means ``qwen2.5-instruct``: the family of the same base family with chat models.

    Returns
    -------
    FamilyMatch
        With ``known=False`` when the panel holds no such family.

    Raises
    ------
    UsageError
        The name is that of a model, or of several families.

    Warns
    -----
    AssumptionWarning
        The name is spelled in another way in the panel.
    """
    name = name.strip()
    models = panel.models
    spelled = {str(f).lower(): str(f) for f in models["family"].dropna().unique()}
    bases = {str(f).lower(): str(f) for f in models["base_family"].dropna().unique()}
    family = spelled.get(name.lower())
    if family is not None:
        members = models[models["family"] == family]
        variants = set(members["variant"])
        if variant is None or variant in variants or variants == {"unknown"}:
            return _known(members, family, variant)
        base_family = _most_common(members["base_family"]) or family
    elif name.lower() in bases:
        base_family, variant = bases[name.lower()], variant or "base"
    elif (alike := spelt_like(name, [*spelled.values(), *bases.values()])) is not None:
        warnings.warn(f"Family {name!r} is read as {alike!r}.", AssumptionWarning, stacklevel=3)
        return match_family(panel, alike, variant)
    else:
        check_family(panel, name)
        near = nearest_families(name, [*spelled.values(), *bases.values()])
        return FamilyMatch(name, name, None, variant, known=False, base_known=False, nearest=tuple(near))

    siblings = models[(models["base_family"] == base_family) & (models["variant"] == variant)]
    if len(siblings):
        sizes = siblings["family"].value_counts()
        named_alike = sizes[[str(f).startswith((family or base_family).lower()) for f in sizes.index]]
        sibling = str((named_alike if len(named_alike) else sizes).index[0])
        return _known(siblings[siblings["family"] == sibling], sibling, variant)
    org = _most_common(models.loc[models["base_family"] == base_family, "org"])
    return FamilyMatch(f"{base_family} ({variant})", base_family, org, variant, known=False, base_known=True)


def check_family(panel: Panel, name: str) -> None:
    """Refuse what no family is called: a list, and a model of the panel.

    Parameters
    ----------
    panel : Panel
    name : str
        A name that no family of the panel has.

    Raises
    ------
    UsageError
        With the family that was meant.
    """
    if len(parts := [part.strip() for part in name.split(",") if part.strip()]) > 1:
        raise UsageError(f"{name!r} names {len(parts)} families. Ask about one family per call, e.g. {parts[0]!r}.")
    wanted = name.strip().lower()
    ids = [str(model) for model in panel.models.index]
    found = [m for m in ids if m.lower() == wanted] or [m for m in ids if m.lower().rpartition("/")[2] == wanted]
    families = panel.models["family"].reindex(found).dropna().astype(str).unique()
    if len(families):
        raise UsageError(
            f"{name.strip()!r} is a model of the panel, of family {' or '.join(map(repr, families))}, and not a "
            f"family. Name the family (--family {families[0]}), or the model that yours is like (`forecast --like`)."
        )


def nearest_families(name: str, known: Iterable[str], most: int = 2) -> list[str]:
    """Offer families for a name that none has: other versions of it, the nearest first, then what is spelt most alike.

    Parameters
    ----------
    name : str
    known : iterable of str
    most : int
        How many to offer at most.

    Returns
    -------
    list of str

    Examples
    --------
    >>> nearest_families("qwen3", ["qwen", "qwen2", "qwen2.5", "qwen2-math"])
    ['qwen2.5', 'qwen2']
    """
    names, asked = list(dict.fromkeys(map(str, known))), _VERSIONED.fullmatch(name.strip().lower())
    versions = []
    if asked and asked["version"]:
        for one in names:
            told = _VERSIONED.fullmatch(one.lower())
            if told and told["stem"] == asked["stem"] and told["version"]:
                versions.append((abs(float(told["version"]) - float(asked["version"])), one))
    near = [one for _, one in sorted(versions)]
    return list(dict.fromkeys([*near, *nearest_names(name, names, most)]))[:most]


def match_org(panel: Panel, name: str) -> str | None:
    """Find the organisation (lab) that a name means: case, ``-``, ``_``, ``.`` and blanks do not matter.

    Parameters
    ----------
    panel : Panel
    name : str

    Returns
    -------
    str or None
        As the panel spells it; None when no model of the panel is by it.
    """
    known = sorted(map(str, panel.models["org"].dropna().unique()))
    return name.strip() if name.strip() in known else spelt_like(name, known)


def family_members(panel: Panel, name: str) -> pd.DataFrame:
    """List the members of a family, smallest first.

    Parameters
    ----------
    panel : Panel
    name : str
        Family, or base family for all its variants; spelled as for `match_family`.

    Returns
    -------
    DataFrame of shape (n_members, 7 + n_benchmarks)
        Indexed by model: family, variant, n_params, n_active_params, n_tokens, train_flop, release_date, scores.

    Raises
    ------
    UnknownNameError
        With the nearest known name.
    UsageError
        The name is that of a model, or of several families.
    """
    models = panel.models
    known = {*models["family"].dropna().astype(str), *models["base_family"].dropna().astype(str)}
    if name.strip().lower() not in {k.lower() for k in known}:
        alike = spelt_like(name, known)
        if alike is None:
            check_family(panel, name)
            raise UnknownNameError("family", name, known, nearest_families(name, known))
        warnings.warn(f"Family {name!r} is read as {alike!r}.", AssumptionWarning, stacklevel=2)
        name = alike
    for column in ("family", "base_family"):
        rows = models[column].astype(str).str.lower() == name.strip().lower()
        if rows.any():
            break
    columns = ["family", "variant", "n_params", "n_active_params", "n_tokens", "train_flop", "release_date"]
    return models.loc[rows, columns].join(panel.scores).sort_values(["n_params", "family"], kind="stable")


def family_table(panel: Panel) -> pd.DataFrame:
    """Count the families of a panel.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    DataFrame of shape (n_families, 9)
        family, base_family, org, variant, n_models, n_params_min, n_params_max, n_tokens_max (counts) and n_scores;
        largest family first, then by name.
    """
    n_scores = panel.scores.notna().sum(axis=1)
    groups = panel.models.assign(n_scores=n_scores).groupby("family", sort=True)
    table = pd.DataFrame(
        {
            **{c: groups[c].agg(_most_common) for c in ("base_family", "org", "variant")},
            "n_models": groups.size(),
            "n_params_min": groups["n_params"].min(),
            "n_params_max": groups["n_params"].max(),
            "n_tokens_max": groups["n_tokens"].max(),
            "n_scores": groups["n_scores"].sum(),
        }
    )
    return table.sort_values("n_models", ascending=False, kind="stable").reset_index()


def nearest_members(
    panel: Panel, family: str, n_params: float, benchmarks: Iterable[str] | None = None, most: int = 2
) -> pd.DataFrame:
    """Members of a family nearest in size: the ones just below and above, or the two nearest on one side.

    Parameters
    ----------
    panel : Panel
    family : str
        As the panel spells it.
    n_params : float
        Size to stand beside, count.
    benchmarks : iterable of str, optional
        Members without any score on these are passed over; all benchmarks by default.
    most : int
        How many members to give back at most.

    Returns
    -------
    DataFrame of shape (n_nearest, n_covariates + n_benchmarks)
        Rows of ``panel.models`` joined with the scores, smallest first; no rows for an unknown family.
    """
    wanted = list(panel.scores.columns if benchmarks is None else benchmarks)
    models, scores = panel.models, panel.scores[wanted]
    rows = (models["family"] == family) & models["n_params"].notna() & scores.notna().any(axis=1)
    # of several models of one size (copies, long-context twins) the one with most scores speaks
    n_scores = scores[rows].notna().sum(axis=1)
    members = models[rows].join(scores).assign(n_scores=-n_scores).sort_values(["n_params", "n_scores"], kind="stable")
    members = members.drop(columns="n_scores")[~np.log10(members["n_params"]).round(2).duplicated()]
    ratio = np.log(members["n_params"] / n_params)
    below, above = members[ratio <= 0].iloc[::-1], members[ratio > 0]
    picked = pd.concat([below.iloc[: max(1, most - len(above))], above.iloc[: max(1, most - len(below))]])
    return picked.sort_values("n_params", kind="stable").iloc[:most]


def _known(members: pd.DataFrame, family: str, variant: str | None) -> FamilyMatch:
    return FamilyMatch(
        family=family,
        base_family=_most_common(members["base_family"]) or family,
        org=_most_common(members["org"]),
        variant=variant or _most_common(members["variant"]),
        known=True,
        base_known=True,
    )


def _most_common(values: pd.Series) -> str | None:
    counts = values.dropna().value_counts()
    return None if counts.empty else str(counts.index[0])
