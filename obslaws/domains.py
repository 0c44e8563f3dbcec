"""What benchmarks are about, and a domain's name in place of the names of its benchmarks.

In: words of the user's and a panel. Out: the benchmarks that each word stands for. A benchmark's own name wins over a
domain's, case and separators forgiven where one benchmark alone fits; a domain may be cut short, ``math`` for
``mathematics``. Called wherever benchmarks are weighted or listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import DomainElsewhereError, UnknownNameError, UsageError
from obslaws.names import hand_table
from obslaws.quantities import known_as, spelt_like
from obslaws.views import list_views, view_benchmarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from obslaws.panel import Panel

__all__ = ["Named", "benchmark_domains", "find_benchmark", "named_benchmarks"]

_SHORTEST = 3  # letters of a domain's name that may stand for it
_ALIKE = {"coding": "code", "maths": "mathematics", "programming": "code"}


@dataclass(frozen=True)
class Named:
    """What one word stands for.

    Parameters
    ----------
    word : str
        As it was given.
    domain : str or None
        The domain that it names; None for a benchmark's own name.
    benchmarks : tuple of str
        Ids, in the order of the panel; one for a benchmark.
    """

    word: str
    domain: str | None
    benchmarks: tuple[str, ...]


def benchmark_domains(benchmarks: pd.DataFrame) -> pd.Series:
    """Tell what each benchmark is about.

    Parameters
    ----------
    benchmarks : DataFrame of shape (n_benchmarks, n_facts)
        Indexed by benchmark id, as a panel has it.

    Returns
    -------
    Series of shape (n_benchmarks,)
        Domain in small letters: the table's own, else that of the known benchmark of the same id; missing without one.

    Examples
    --------
    >>> benchmark_domains(pd.DataFrame({"domain": ["Law", None]}, index=["bar_exam", "gsm8k"])).tolist()
    ['law', 'mathematics']
    """
    known = hand_table("benchmarks").set_index("benchmark")["domain"].reindex(benchmarks.index)
    own = benchmarks["domain"] if "domain" in benchmarks else known
    return own.astype("object").fillna(known.astype("object")).str.strip().str.lower()


def named_benchmarks(words: Sequence[str], panel: Panel) -> list[Named]:
    """Find the benchmarks that words stand for.

    Parameters
    ----------
    words : sequence of str
        Ids of benchmarks, or domains, in any case; the first three letters or more of a domain do where they are those
        of no other.
    panel : Panel

    Returns
    -------
    list of Named
        One per word, in their order.

    Raises
    ------
    UnknownNameError
        Neither a benchmark nor a domain; the nearest is offered.
    DomainElsewhereError
        A domain that no benchmark of the panel has, but others of the snapshot: the message names the domains that are
        there, and the views that have all that was asked for.
    UsageError
        A domain that no benchmark of one's own tables has. Or letters that begin several domains. Or a benchmark that
        only other views of the snapshot have: the message names them.

    Warns
    -----
    AssumptionWarning
        A benchmark is spelled in another way in the panel, not by case alone.

    Examples
    --------
    >>> from obslaws.panel import load_panel
    >>> named_benchmarks(["math"], load_panel("core"))[0].benchmarks
    ('gsm8k', 'math_lvl5')
    """
    domains = benchmark_domains(panel.benchmarks)
    found = [_find(word, domains) for word in words]
    if None in found:
        raise _missing(words, found.index(None), panel, domains)
    return [one for one in found if one is not None]


def find_benchmark(name: str, panel: Panel) -> str:
    """Find the benchmark that a name means: case and separators do not matter where one alone fits.

    Parameters
    ----------
    name : str
    panel : Panel

    Returns
    -------
    str
        Its id.

    Raises
    ------
    UnknownNameError
        No such benchmark; the nearest is offered.
    UsageError
        A list or a domain; or only other views of the snapshot have it: the message names them.

    Warns
    -----
    AssumptionWarning
        It is spelled in another way in the panel, not by case alone.
    """
    known = list(map(str, panel.scores.columns))
    if (found := _benchmark(name, known)) is not None:
        return found
    if len(parts := [part.strip() for part in name.split(",") if part.strip()]) != 1:
        told = f"names {len(parts)} benchmarks" if parts else "is no benchmark"
        raise UsageError(f"{name!r} {told}. Ask about one per call, e.g. {(parts or known)[0]!r}.")
    domains = benchmark_domains(panel.benchmarks)
    if len(fits := _fitting(name, domains.dropna().unique())) == 1:
        inside = ", ".join(map(str, domains.index[domains == fits[0]]))
        raise UsageError(f"{name!r} is a domain, not a benchmark. Name one of its benchmarks: {inside}.")
    raise _in_other_views(name, panel) or UnknownNameError("benchmark", name, known)


def _benchmark(word: str, known: Sequence[str]) -> str | None:
    meant = known_as([word], known, "benchmark", stacklevel=6)[word]
    return meant if meant in known else None


def _in_other_views(word: str, panel: Panel) -> UsageError | None:
    """Name the views that have a benchmark, the one that shares most benchmarks with the panel first."""
    if not {"view", "snapshot"} & panel.provenance.keys():
        return None
    there = {view: list(map(str, view_benchmarks(view).index)) for view in list_views()}
    holding = [view for view, known in there.items() if word in known or spelt_like(word, known) is not None]
    if not holding:
        return None
    nearest = sorted(holding, key=lambda view: (-len({*there[view]} & {*panel.scores.columns}), view))
    return UsageError(
        f"panel {panel.name!r} has no benchmark {word!r}. Views with it: {', '.join(nearest)}; try --view {nearest[0]}."
    )


def _find(word: str, domains: pd.Series) -> Named | None:
    known = list(map(str, domains.index))
    if word not in known and word.strip().lower() in set(domains.dropna()):
        name = word.strip().lower()
        return Named(word, name, tuple(map(str, domains.index[domains == name])))
    if (benchmark := _benchmark(word, known)) is not None:
        return Named(word, None, (benchmark,))
    fits = _fitting(word, domains.dropna().unique())
    if not fits:
        return None
    if len(fits) > 1:
        raise UsageError(f"{word!r} may stand for {' or '.join(fits)}: write the domain out.")
    return Named(word, fits[0], tuple(map(str, domains.index[domains == fits[0]])))


def _fitting(word: str, domains: Iterable[str]) -> list[str]:
    """Domains that a word names: the one of this name, else all that it begins."""
    asked, known = word.strip().lower(), sorted(map(str, domains))
    if exact := [name for name in (asked, _ALIKE.get(asked)) if name in known]:
        return [str(exact[0])]
    return [name for name in known if len(asked) >= _SHORTEST and name.startswith(asked)]


def _missing(words: Sequence[str], at: int, panel: Panel, domains: pd.Series) -> Exception:
    """Say why a word stands for nothing here, and where it would."""
    word, here = words[at], sorted(domains.dropna().unique())
    facts = {view: view_benchmarks(view) for view in list_views()}
    about = {view: benchmark_domains(part[part["unit"] == "fraction"]) for view, part in facts.items()}
    elsewhere = _fitting(word, {name for part in about.values() for name in part.dropna()})
    if not elsewhere:
        return _in_other_views(word, panel) or UnknownNameError(
            "benchmark or domain", word, [*panel.scores.columns, *here]
        )
    asked = " or ".join(elsewhere)
    told = f"panel {panel.name!r} has no benchmark of the domain {asked}; its domains: {', '.join(here) or 'none'}."
    if not {"view", "snapshot"} & panel.provenance.keys():
        return UsageError(f"{told} Say what your benchmarks are about in the column domain of benchmarks.csv.")
    # first the views that share most benchmarks with the one at hand
    nearest = sorted(about, key=lambda view: (-len(about[view].index.intersection(panel.scores.columns)), view))
    holding = [view for view in nearest if _holds(word, about[view])]
    able = [view for view in holding if all(_holds(one, about[view]) for one in words)]
    if able:
        all_ = "it" if len(words) == 1 else "all that was named"
        cure = f"Views with {all_}: {', '.join(able)}; try --view {able[0]}."
    else:
        cure = f"Views with it: {', '.join(holding)}; none has all that was named."
    return DomainElsewhereError(f"{told} {cure}", tuple(able))


def _holds(word: str, domains: pd.Series) -> bool:
    named = word in domains.index or spelt_like(word, map(str, domains.index)) is not None
    return named or len(_fitting(word, domains.dropna().unique())) == 1
