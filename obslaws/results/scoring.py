"""From the measurements that a rule chose to one score: is it the same test, on which scale, averaged over what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from obslaws.errors import UsageError
from obslaws.results.cells import number
from obslaws.results.rules import benchmark_shots, benchmark_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obslaws.results.base import Measurement
    from obslaws.results.rules import Rule

__all__ = ["Hit", "problem_of", "score_row"]


class Hit(NamedTuple):
    """A rule, and a measurement that it reads."""

    rule: Rule
    measurement: Measurement

    @property
    def scale(self) -> float | None:
        """Value that means perfect; what the file declares goes before the rule."""
        return self.measurement.scale or self.rule.scale


def problem_of(hit: Hit, benchmark: str) -> str:
    """Say why a measurement is not one of the benchmark; empty where it is."""
    rule, m = hit
    if m.refused:
        return m.refused
    if rule.version and (m.version is None or f"{m.version:g}" not in rule.version.split("|")):
        found = "the file does not say which" if m.version is None else f"this is {m.version:g}"
        return f"{benchmark!r} is version {rule.version} of the task; {found}"
    if rule.n_shots != "any" and m.n_shots is not None:
        own = benchmark_shots().get(benchmark)
        allowed = rule.n_shots.split("|") if rule.n_shots else ([] if own is None else [str(own)])
        if allowed and str(m.n_shots) not in allowed:
            return f"run with {m.n_shots} shots; {benchmark!r} has {' or '.join(allowed)}"
    if not math.isfinite(number(m.value)):
        return f"its {m.metric} is {str(m.value)[:40]!r}, no number"
    return "" if hit.scale else "its scale is not declared; add a rule with scale 1 or 100"


def score_row(benchmark: str, parts: Sequence[Hit], file: str) -> tuple[dict[str, Any], list[str], list[str]]:
    """Make the row of a benchmark from the measurements it averages, with equal weights.

    Parameters
    ----------
    benchmark : str
    parts : sequence of Hit
        At least one.
    file : str
        File name, for messages.

    Returns
    -------
    row : dict
        Columns of `obslaws.results.base.COLUMNS`. The standard error is that of independent parts, NaN where one is
        unknown, or where two metrics share their questions.
    notes, cautions : list of str

    Raises
    ------
    UsageError
        A value outside its scale; the message says what was probably meant.
    """
    rule, first = parts[0]
    same_items = len({m.task for _, m in parts}) == 1
    scores = [_fraction(hit, benchmark, file) for hit in parts]
    errors = [hit.measurement.stderr / (hit.scale or 1.0) for hit in parts]
    errors = [e if 0 <= e < math.inf else math.nan for e in errors]
    row = {
        "model": first.model,
        "benchmark": benchmark,
        "score": sum(scores) / len(scores),
        "stderr": math.nan if same_items and len(parts) > 1 else math.sqrt(sum(e * e for e in errors)) / len(parts),
        "n_items": first.n_items if same_items else sum(m.n_items for _, m in parts),
        "setting": first.setting or None,
        "date": first.date or None,
        "task": first.task if same_items else f"{len(parts)} tasks {rule.task}",
    }
    notes = (
        [f"{benchmark} is read from {first.task}: {rule.note}"] if rule.note.startswith("the harness weights") else []
    )
    return row, notes, _cautions(benchmark, parts, file)


def _fraction(hit: Hit, benchmark: str, file: str) -> float:
    m, scale = hit.measurement, hit.scale or 1.0
    value = number(m.value)
    if benchmark_units().get(benchmark, "fraction") != "fraction":
        return value
    if not 0.0 <= value <= scale:
        cure = f" Divide percentages by 100: did you mean {value / 100:g}?" if scale == 1 < value <= 100 else ""
        unit = "a fraction in [0, 1]" if scale == 1 else f"a number from 0 to {scale:g}"
        raise UsageError(f"{file}, {m.where or m.task}: {benchmark} is {value:g}; expected {unit}.{cure}")
    return value / scale


def _cautions(benchmark: str, parts: Sequence[Hit], file: str) -> list[str]:
    told = []
    own = benchmark_shots().get(benchmark)
    for hit in parts:
        rule, m = hit
        if rule.n_shots not in ("", "any") and None not in (own, m.n_shots) and own != m.n_shots:
            told.append(f"{m.task}: run with {m.n_shots} shots, {benchmark!r} has {own}; a rule allows it")
        value = number(m.value)
        if hit.scale == 100 and 0 < value <= 1:
            told.append(f"{m.where or m.task}: {value:g} on a declared scale of 0 to 100 is {value:g} %. A fraction?")
    return told
