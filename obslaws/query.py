"""The model to forecast, from what is known of it: family, size, tokens, a model that it is like.

In: a `Panel` and a few words. Out: the row that `Forecaster.forecast` takes. Called by users and the command line.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import ExtrapolationWarning, UnknownNameError, UsageError
from obslaws.families import match_family
from obslaws.quantities import format_count, format_flop

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from obslaws.families import FamilyMatch
    from obslaws.panel import Panel

__all__ = ["find_model", "query"]

_FAR = 10.0  # a decade of compute beyond everything in the panel


def query(
    panel: Panel,
    family: str | None = None,
    n_params: float | None = None,
    n_tokens: float | None = None,
    *,
    n_active_params: float | None = None,
    variant: str | None = None,
    release_date: str | date | None = None,
    like: str | None = None,
) -> pd.DataFrame:
    """Describe a model that is in no leaderboard.

    Parameters
    ----------
    panel : Panel
        Knows the families.
    family : str, optional
        Known families are found whatever the case; an unknown one is allowed, with a warning.
    n_params, n_tokens, n_active_params : float, optional
        Plain counts. Tokens may be left out where all known members of the family saw the same number.
    variant : {"base", "chat"}, optional
        Picks the sibling family: ``qwen2.5`` and ``"chat"`` is ``qwen2.5-instruct``.
    release_date : str or date, optional
        Day on which the weights are released.
    like : str, optional
        A model of the panel; whatever is not given is taken from it.

    Returns
    -------
    DataFrame of shape (1, n_covariates)
        Indexed by a made-up model name, e.g. ``qwen2.5-22B``, which no model of the panel has.

    Raises
    ------
    UsageError
        Family, size or tokens are unknown, or a count is not positive and finite.
    UnknownNameError
        `like` is not in the panel; the nearest is offered.

    Warns
    -----
    ExtrapolationWarning
        The family is unknown, or the compute lies far outside the panel's.

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
    size = _count("n_params", n_params, twin)
    if size is None:
        raise UsageError(f"No size given for {match.family!r}: pass the number of parameters, e.g. 7e9 (--params 7B).")
    tokens = _count("n_tokens", n_tokens, twin)
    tokens = _family_tokens(panel, match) if tokens is None else tokens
    active = _count("n_active_params", n_active_params, None)
    if active is None:
        active = size * _active_share(twin)
    if active > size:
        raise UsageError(f"n_active_params is {active:g}, more than n_params, {size:g}; swap them?")
    same = twin is not None and size == twin["n_params"] and tokens == twin["n_tokens"]
    row: dict[str, Any] = {
        "org": match.org,
        "family": match.family,
        "base_family": match.base_family,
        "variant": match.variant or "unknown",
        "base_model": None,
        "n_params": size,
        "n_active_params": active,
        "n_tokens": tokens,
        "train_flop": twin["train_flop"] if twin is not None and same else 6.0 * active * tokens,
        "release_date": _date(release_date, twin),
    }
    _warn(panel, match, row["train_flop"])
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
    """
    ids = [str(m) for m in models]
    wanted = name.strip().lower()
    found = [m for m in ids if m.lower() == wanted] or [m for m in ids if m.lower().rpartition("/")[2] == wanted]
    if len(found) != 1:
        raise UnknownNameError("model", name, found or ids)
    return found[0]


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


def _family_tokens(panel: Panel, match: FamilyMatch) -> float:
    column, name = ("family", match.family) if match.known else ("base_family", match.base_family)
    seen = np.unique(panel.models.loc[panel.models[column] == name, "n_tokens"].dropna())
    if len(seen) == 1:
        return float(seen[0])
    known = f"; its known members saw {', '.join(map(format_count, seen[:8]))}" if len(seen) else ""
    raise UsageError(f"No training tokens given for {match.family!r}{known}: pass a count, e.g. 18e12 (--tokens 18T).")


def _date(given: str | date | None, twin: Any) -> Any:
    if given is None:
        return pd.NaT if twin is None else twin["release_date"]
    try:
        return pd.Timestamp(given)
    except ValueError:
        raise UsageError(f"release date: {given!r} is no date; expected e.g. 2025-01-31.") from None


def _new_name(panel: Panel, family: str, size: float) -> str:
    name = f"{family}-{format_count(size)}"
    while name in panel.models.index:
        name += " (new)"
    return name


def _warn(panel: Panel, match: FamilyMatch, train_flop: float) -> None:
    if not match.known:
        if match.base_known:
            words = f"No {match.variant} models of {match.base_family!r} in the panel: the rest of that series answers"
        else:
            near = f" Did you mean {' or '.join(map(repr, match.nearest))}?" if match.nearest else ""
            words = f"Family {match.family!r} is unknown.{near} All families together answer"
        warnings.warn(f"{words}, with wider intervals.", ExtrapolationWarning, stacklevel=3)
    known = panel.models["train_flop"].dropna()
    if len(known) and not known.min() / _FAR <= train_flop <= known.max() * _FAR:
        warnings.warn(
            f"{format_flop(train_flop)} lies more than a decade outside the panel's "
            f"{format_flop(known.min())} to {format_flop(known.max())}: nothing here was ever checked so far out.",
            ExtrapolationWarning,
            stacklevel=3,
        )
