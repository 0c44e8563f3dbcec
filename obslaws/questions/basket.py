"""Baskets: benchmarks and domains with weights, of which one score is made.

In: what the user wrote, and a panel. Out: weights that sum to 1, and what the domains stood for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.domains import named_benchmarks
from obslaws.errors import UsageError

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["Basket", "parse_basket"]


@dataclass(frozen=True)
class Basket:
    """Weights of benchmarks.

    Parameters
    ----------
    weights : dict of str to float
        Benchmark -> weight; they sum to 1.
    domains : dict of str to tuple of str
        Domain -> the benchmarks that share its weight equally; empty where only benchmarks were named.
    """

    weights: dict[str, float]
    domains: dict[str, tuple[str, ...]]

    def told(self) -> list[str]:
        """Say what each domain stands for, in a line each."""
        return [
            f"{domain}: {', '.join(names)}, weight {self.weights[names[0]]:.3g}{' each' if len(names) > 1 else ''}"
            for domain, names in self.domains.items()
        ]


def parse_basket(text: str | None, panel: Panel) -> Basket:
    """Read a weighted basket such as ``math_lvl5=2,gpqa`` or ``math=1,code=1``.

    Parameters
    ----------
    text : str, optional
        Benchmarks or domains with positive weights, 1 where none is given. The weight of a domain is shared equally by
        its benchmarks. All benchmarks alike by default.
    panel : Panel
        Whose benchmarks they are.

    Returns
    -------
    Basket

    Raises
    ------
    UnknownNameError
        Neither a benchmark nor a domain; the nearest is offered.
    UsageError
        A domain that the panel lacks (see `obslaws.domains.named_benchmarks`), a weight that is not positive, a
        benchmark named twice, by itself or by its domain, or no benchmark.

    Examples
    --------
    >>> from obslaws.panel import load_panel
    >>> parse_basket("math=3,gpqa", load_panel("core")).weights
    {'gsm8k': 0.375, 'math_lvl5': 0.375, 'gpqa': 0.25}
    """
    if text is None:
        columns = list(map(str, panel.scores.columns))
        return Basket(dict.fromkeys(columns, 1.0 / len(columns)), {})
    if "=" not in text and ":" in text:
        raise UsageError(f"basket: {text!r} has ':' before a weight; write {text.replace(':', '=')!r}.")
    parts = [part.partition("=") for part in (one.strip() for one in text.split(",")) if part]
    named = named_benchmarks([word.strip() for word, _, _ in parts], panel)
    domains = {one.domain: one.benchmarks for one in named if one.domain is not None}
    weights: dict[str, float] = {}
    for one, (_, equals, value) in zip(named, parts, strict=True):
        try:
            weight = float(value) if equals else 1.0
        except ValueError:
            weight = float("nan")
        if not (weight > 0 and np.isfinite(weight)):
            raise UsageError(
                f"basket: weight {value.strip()!r} of {one.word!r}; expected a positive number, e.g. {one.word}=1."
            )
        for name in one.benchmarks:
            if name in weights:
                by = next((f" (the domain {domain} has it)" for domain in domains if name in domains[domain]), "")
                raise UsageError(f"basket: {name!r} stands twice{by}; give it one weight.")
            weights[name] = weight / len(one.benchmarks)
    if not weights:
        raise UsageError("basket: no benchmark named; expected e.g. math_lvl5=1,gpqa=1.")
    total = sum(weights.values())
    return Basket({name: weight / total for name, weight in weights.items()}, domains)
