"""Names of one table among those of another: how many are known, and what those that are not may have been meant to be.

In: names as someone wrote them, names as the panel spells them. Out: counts, examples and a sentence for a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from obslaws.errors import nearest_names

__all__ = ["Matching", "match_names"]


@dataclass(frozen=True)
class Matching:
    """What became of the names of a table.

    Parameters
    ----------
    n_names, n_matched : int
    unmatched : tuple of str
        Names that are not known, in the order of the table.
    nearest : dict of str to str or None
        For the first few of them the known name that looks most alike.
    """

    n_names: int
    n_matched: int
    unmatched: tuple[str, ...]
    nearest: dict[str, str | None]

    def words(self, table: str, panel: str) -> str:
        """Say it in a sentence; empty when every name is known.

        Examples
        --------
        >>> match_names(["phi-2", "x/y"], ["microsoft/phi-2", "x/y"]).words("mine.csv", "core")
        "1 of 2 models of mine.csv are in panel 'core'; 1 is left out: 'phi-2' (nearest: 'microsoft/phi-2')."
        """
        if not self.unmatched:
            return ""
        told = [f"{name!r} (nearest: {near!r})" if near else f"{name!r}" for name, near in self.nearest.items()]
        rest = len(self.unmatched) - len(told)
        more = f" and {rest} more" if rest else ""
        are = "is" if len(self.unmatched) == 1 else "are"
        return (
            f"{self.n_matched} of {self.n_names} models of {table} are in panel {panel!r}; {len(self.unmatched)} {are} "
            f"left out: {', '.join(told)}{more}."
        )


def match_names(names: Iterable[str], known: Iterable[str], most: int = 3) -> Matching:
    """Part names into known and unknown ones.

    Parameters
    ----------
    names : iterable of str
        As the panel would spell them.
    known : iterable of str
    most : int
        For how many of the unknown names the nearest known one is looked up.

    Returns
    -------
    Matching
    """
    asked, there = [str(name) for name in names], {str(name): None for name in known}
    unmatched = tuple(name for name in asked if name not in there)
    by_tail = {name.rpartition("/")[2].lower(): name for name in reversed(there)}
    nearest: dict[str, str | None] = {}
    for name in unmatched[:most]:
        near = by_tail.get(name.rpartition("/")[2].lower()) or next(iter(nearest_names(name, there, 1)), None)
        if near is None:  # named without its organisation, and misspelt
            tail = nearest_names(name.rpartition("/")[2], by_tail, 1)
            near = by_tail[tail[0]] if tail else None
        nearest[name] = near
    return Matching(len(asked), len(asked) - len(unmatched), unmatched, nearest)
