"""The model to forecast, from what is known of it: family, size, tokens, a model that it is like.

In: a `Panel` and a few words. Out: the row that `Forecaster.forecast` takes. Called by users and the command line.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.days import parse_day
from obslaws.errors import AssumptionWarning, ExtrapolationWarning, UnknownNameError, UsageError, nearest_names
from obslaws.families import match_family, match_org
from obslaws.quantities import counted, format_count, format_flop

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from obslaws.families import FamilyMatch
    from obslaws.panel import Panel

__all__ = ["carries_slope", "find_model", "query"]

_FAR = 10.0  # a decade of compute beyond everything in the panel
_FAR_COUNT = 3.0  # of size and of tokens
_FAR_DATE = pd.Timedelta(days=365)
_AGREE = 1.1  # token counts of a family that are one count, told differently
_NAMED = 10  # models of one name, in a message
_LEAST_MODELS, _LEAST_SIZES = 4, 2  # for a slope in size


def query(
    panel: Panel,
    family: str | None = None,
    n_params: float | None = None,
    n_tokens: float | None = None,
    *,
    n_active_params: float | None = None,
    variant: str | None = None,
    org: str | None = None,
    release_date: str | date | None = None,
    like: str | None = None,
) -> pd.DataFrame:
    """Describe a model that is in no leaderboard.

    Parameters
    ----------
    panel : Panel
        Knows the families.
    family : str, optional
        Known families are found whatever case and separators; an unknown one is allowed, with a warning.
    n_params, n_tokens, n_active_params : float, optional
        Plain counts. Tokens that are left out are those of the family, where its known members agree within 10 %;
        otherwise, and where NaN is given, they are unknown, and a forecaster integrates them out.
    variant : {"base", "chat"}, optional
        Picks the sibling family: ``qwen2.5`` and ``"chat"`` is ``qwen2.5-instruct``.
    org : str, optional
        Lab of a new family; a known family has its own.
    release_date : str or date, optional
        Day on which the weights are released; that of the family's newest member by default, unknown for a new family.
    like : str, optional
        A model of the panel; whatever is not given is taken from it, for a new family its series and lab as well. A new
        family of another lab (`org`) is a series of its own.

    Returns
    -------
    DataFrame of shape (1, n_covariates)
        Indexed by a made-up model name, e.g. ``qwen2.5-22B``, which no model of the panel has.

    Raises
    ------
    UsageError
        Family or size are not given, a count is not positive and finite, or `org` is not that of the family.
    UnknownNameError
        `like` is not in the panel; the nearest is offered.

    Warns
    -----
    ExtrapolationWarning
        The family is unknown; size, tokens, date or compute lie far outside the panel's; the panel is too small for a
        slope in size.
    AssumptionWarning
        The family's name was read as another spelling, or tokens were taken from the family or are unknown.

    Examples
    --------
    >>> from obslaws import load_panel
    >>> query(load_panel("core"), "Qwen2.5", 22e9, 18e12).loc["qwen2.5-22B", "family"]
    'qwen2.5'
    """
    twin: Any = None if like is None else panel.models.loc[find_model(panel.models.index, like)]
    name = family if family is not None else (None if twin is None else twin["family"])
    if name is None or not name.strip():
        raise UsageError(
            "No family given: name one (`obslaws families` lists those known), or a model that it is like."
        )
    if variant is None and family is None and twin is not None and twin["variant"] in ("base", "chat"):
        variant = str(twin["variant"])
    match = match_family(panel, name, variant)
    if twin is not None and not (match.known or match.base_known):
        match = _beside(panel, match, twin, org)
    size = _count("n_params", n_params, twin)
    if size is None:
        raise UsageError(f"No size given for {match.family!r}: pass the number of parameters, e.g. 7e9 (--params 7B).")
    lab = _lab(panel, match, org)
    told = n_tokens is not None and np.isnan(n_tokens)
    count = None if told else _count("n_tokens", n_tokens, twin)
    tokens = count if count is not None else _unknown_tokens(match) if told else _family_tokens(panel, match)
    active = _count("n_active_params", n_active_params, None)
    if active is None:
        active = size * _active_share(twin)
    if active > size:
        raise UsageError(f"n_active_params is {active:g}, more than n_params, {size:g}; swap them?")
    same = twin is not None and size == twin["n_params"] and tokens == twin["n_tokens"]
    row: dict[str, Any] = {
        "org": lab,
        "family": match.family,
        "base_family": match.base_family,
        "variant": match.variant or "unknown",
        "base_model": None,
        "n_params": size,
        "n_active_params": active,
        "n_tokens": tokens,
        "train_flop": twin["train_flop"] if twin is not None and same else 6.0 * active * tokens,
        "release_date": _date(panel, match, release_date, twin),
    }
    _warn(panel, match, row)
    return pd.DataFrame([row], index=pd.Index([_new_name(panel, match.family, size)], name="model"))


def find_model(models: Iterable[str], name: str) -> str:
    """Find a model by its id, or by the part after the slash where that is unambiguous; ignores case.

    Parameters
    ----------
    models : iterable of str
        Known ids.
    name : str
        ``Qwen/Qwen2.5-7B`` or ``qwen2.5-7b``.

    Returns
    -------
    str
        The id as it is spelled in `models`.

    Raises
    ------
    UnknownNameError
        With the nearest known name.
    UsageError
        Several models of different organisations are called so.
    """
    ids = [str(m) for m in models]
    wanted = name.strip().lower()
    found = [m for m in ids if m.lower() == wanted] or [m for m in ids if m.lower().rpartition("/")[2] == wanted]
    if len(found) > 1:
        named = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        raise UsageError(f"{len(found)} models are called {name.strip()!r}: {named}. Give the whole id.")
    if not found:
        raise UnknownNameError("model", name, ids)
    return found[0]


def _beside(panel: Panel, match: FamilyMatch, twin: Any, org: str | None) -> FamilyMatch:
    """Place a new family in the series of the model that it is like, unless it is of another lab."""
    variant = match.variant or (str(twin["variant"]) if twin["variant"] in ("base", "chat") else None)
    if org is not None and match_org(panel, org) != twin["org"]:
        return replace(match, variant=variant)
    lab = None if pd.isna(twin["org"]) else str(twin["org"])
    return replace(match, base_family=str(twin["base_family"]), org=lab, variant=variant, base_known=True)


def _count(column: str, given: float | None, twin: Any) -> float | None:
    if given is None:
        return None if twin is None or not np.isfinite(twin[column]) else float(twin[column])
    if not (given > 0 and np.isfinite(given)):
        raise UsageError(
            f"{column} is {given:g}; expected a positive, finite count, e.g. 7e9. Leave out what is unknown."
        )
    return float(given)


def _active_share(twin: Any) -> float:
    if twin is None or not np.isfinite(twin["n_active_params"] / twin["n_params"]):
        return 1.0
    return float(twin["n_active_params"] / twin["n_params"])


def _members(panel: Panel, match: FamilyMatch) -> pd.DataFrame:
    column, name = ("family", match.family) if match.known else ("base_family", match.base_family)
    return panel.models[panel.models[column] == name]


def _family_tokens(panel: Panel, match: FamilyMatch) -> float:
    known = _members(panel, match)["n_tokens"].dropna()
    if known.empty:
        return _unknown_tokens(match)
    least, median, most = float(known.min()), float(known.median()), float(known.max())
    if least == most:
        return most
    span = f"{format_count(least)} to {format_count(most)}"
    if most > _AGREE * least:
        return _unknown_tokens(match, f", whose known members saw {span}")
    words = f"No training tokens given: {format_count(median)}, the median of {match.family!r} ({span})."
    warnings.warn(words, AssumptionWarning, stacklevel=4)
    return median


def _unknown_tokens(match: FamilyMatch, why: str = "") -> float:
    warnings.warn(
        f"Training tokens of this {match.family!r} model are unknown{why}: they are integrated out, and the intervals "
        "are wider for it. Give a count (--tokens 18T) if you know it.",
        AssumptionWarning,
        stacklevel=4,
    )
    return float("nan")


def _lab(panel: Panel, match: FamilyMatch, org: str | None) -> str | None:
    if org is None:
        return match.org
    if not org.strip():
        raise UsageError("The organisation is empty; name the lab of the new family, e.g. Qwen (--org Qwen), or none.")
    lab = match_org(panel, org)
    if match.known or match.base_known:
        labs = sorted(map(str, _members(panel, match)["org"].dropna().unique()))
        if labs and lab not in labs:
            raise UsageError(
                f"Family {match.family!r} is by {' and '.join(map(repr, labs))} in the panel, not by {org!r}. "
                "Leave the organisation out (--org), or give your family a name of its own."
            )
    elif lab is None:
        known = sorted(map(str, panel.models["org"].dropna().unique()))
        key = org.strip().lower()
        near = nearest_names(org, known) or [name for name in known if name.lower().startswith(key[:4])][:2]
        offer = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        words = f"No model of the panel is by {org!r}: naming the lab changes nothing.{offer}"
        warnings.warn(words, ExtrapolationWarning, stacklevel=3)
    return lab or org.strip()


def _date(panel: Panel, match: FamilyMatch, given: str | date | None, twin: Any) -> Any:
    if given is None:
        if twin is not None and not pd.isna(twin["release_date"]):
            return twin["release_date"]
        return pd.to_datetime(_members(panel, match)["release_date"]).max()  # NaT for a new family
    return parse_day(given, "release date")


def carries_slope(panel: Panel) -> bool:
    """Tell whether enough models of known size have scores for a slope in size: four models of two sizes.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    bool
    """
    sizes = _scored_sizes(panel)
    return len(sizes) >= _LEAST_MODELS and sizes.nunique() >= _LEAST_SIZES


def _scored_sizes(panel: Panel) -> pd.Series:
    return panel.models.loc[panel.scores.notna().any(axis=1).to_numpy(), "n_params"].dropna()


def _new_name(panel: Panel, family: str, size: float) -> str:
    name = f"{family}-{format_count(size)}"
    while name in panel.models.index:
        name += " (new)"
    return name


def _warn(panel: Panel, match: FamilyMatch, row: dict[str, Any]) -> None:
    texts = []
    if not match.known:
        near = f" Did you mean {' or '.join(map(repr, match.nearest))}?" if match.nearest else ""
        if match.base_known and not match.family.startswith(f"{match.base_family} ("):
            words = f"Family {match.family!r} is unknown.{near} "
            words += f"The known families of its series, {match.base_family!r}, answer"
        elif match.base_known:
            words = f"No {match.variant} models of {match.base_family!r} in the panel: the rest of that series answers"
        else:
            words = f"Family {match.family!r} is unknown.{near} It is forecast as a new family: "
            if row["org"] in set(panel.models["org"].dropna()):
                words += f"what is known of the lab {row['org']!r} and of all families answers"
            else:
                words += "all families together answer"
        texts.append(f"{words}, with wider intervals.")
        if not match.base_known and not row["org"]:  # a lab that is not known has a note of its own
            texts[-1] += " Its lab (--org) or a model that it is like (--like) tells `obslaws forecast` more."
    if not carries_slope(panel):
        sized = _scored_sizes(panel)
        texts.append(
            f"The panel holds {counted(len(sized), 'model')} of known size with "
            f"scores, of {counted(sized.nunique(), 'size')}: too few for a slope in size, "
            "so the answer is near their mean. "
            "Let your models join the public ones: --add FOLDER in place of --panel FOLDER, or Panel.join."
        )
    if far := _far(panel.models, row):
        texts.append(f"{'; '.join(far)}: nothing here was ever checked so far out.")
    elif match.known and (text := _far_from_family(panel, match, row)):
        texts.append(text)
    for text in texts:
        warnings.warn(text, ExtrapolationWarning, stacklevel=3)


def _far_from_family(panel: Panel, match: FamilyMatch, row: dict[str, Any]) -> str | None:
    """Say that a family's own models end more than a decade of compute before the model asked about."""
    known = _members(panel, match)["train_flop"].dropna()
    if known.empty or not row["train_flop"] > _FAR * known.max():
        return None
    times = row["train_flop"] / known.max()
    return (
        f"{format_flop(row['train_flop'])} is {times:.0f} times the compute of the largest known model of "
        f"{match.family!r}: how its scores rise from there is taken from all families."
    )


def _far(models: pd.DataFrame, row: dict[str, Any]) -> list[str]:
    """Name what lies far outside the range of the panel's models."""
    out = []
    for column, what, write, factor, far in (
        ("n_params", "parameters", format_count, _FAR_COUNT, "a factor of 3"),
        ("n_tokens", "training tokens", format_count, _FAR_COUNT, "a factor of 3"),
        ("train_flop", "", format_flop, _FAR, "a decade"),
    ):
        known, value = models[column].dropna(), row[column]
        if len(known) and np.isfinite(value) and not known.min() / factor <= value <= known.max() * factor:
            asked = f"{write(value)} {what} lie" if what else f"{write(value)} lies"
            out.append(f"{asked} more than {far} outside the panel's {write(known.min())} to {write(known.max())}")
    dates, value = pd.to_datetime(models["release_date"]).dropna(), row["release_date"]
    if len(dates) and not pd.isna(value) and not dates.min() - _FAR_DATE <= value <= dates.max() + _FAR_DATE:
        span = f"{dates.min().date()} to {dates.max().date()}"
        out.append(f"a release on {value.date()} lies more than a year outside the panel's {span}")
    return out
