"""Tasks become benchmarks: the rules are applied to one run, and whatever becomes no score keeps its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from obslaws.errors import SchemaError, nearest_names
from obslaws.results.base import Unmapped
from obslaws.results.rules import NO_BENCHMARK
from obslaws.results.scoring import Hit, problem_of, score_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obslaws.results.base import Measurement, Reading
    from obslaws.results.rules import Rule

__all__ = ["Mapped", "apply_rules"]


@dataclass
class Mapped:
    """Rows of scores, what became none, and what to say about them."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)


def apply_rules(reading: Reading, rules: Sequence[Rule], name: str, own_format: str, known: set[str]) -> Mapped:
    """Turn measurements into scores.

    Parameters
    ----------
    reading : Reading
    rules : sequence of Rule
        In order of precedence.
    name : str
        File name, for messages.
    own_format : str
        Format of the file.
    known : set of str
        Benchmark ids.

    Returns
    -------
    Mapped

    Raises
    ------
    UsageError
        A score outside its scale.
    SchemaError
        Two measurements of one benchmark by the same rule.
    """
    out = Mapped()
    runs: dict[tuple[str, str], list[Measurement]] = {}
    for m in reading.measurements:
        runs.setdefault((m.model, m.setting), []).append(m)
    for measurements in runs.values():
        _Run(measurements, rules, name, own_format, known).map_into(out, reading)
    out.notes, out.cautions = list(dict.fromkeys(out.notes)), list(dict.fromkeys(out.cautions))
    return out


class _Run:
    """One model in one setting."""

    def __init__(
        self, measurements: list[Measurement], rules: Sequence[Rule], name: str, own_format: str, known: set[str]
    ) -> None:
        self.name, self.measurements = name, measurements
        own = [rule for rule in rules if rule.format == own_format]
        self.names_ids = any(rule.task == "*" for rule in own)
        self.candidates = sorted(known) if self.names_ids else [rule.task for rule in own]
        self.reasons: dict[str, str] = {}
        self.wanted: dict[str, set[str]] = {}
        # single rules of a benchmark are alternatives; rules with parts collect them, by task pattern
        self.hits: dict[tuple[str, int, str], list[tuple[int, Hit]]] = {}
        barred: set[str] = set()
        for at, rule in enumerate(rules):
            for m in measurements:
                benchmark = None if m.task in barred else rule.target(m, own_format, known)
                if benchmark == NO_BENCHMARK:
                    self.reasons.setdefault(m.task, rule.note)
                    barred.add(m.task)
                elif benchmark is not None:
                    self._consider(at, Hit(rule, m), benchmark)

    def _consider(self, at: int, hit: Hit, benchmark: str) -> None:
        rule, m = hit
        if not rule.reads(m):
            wanted = " ".join(filter(None, (rule.metric, rule.filter if rule.filter != "none" else "")))
            self.wanted.setdefault(m.task, set()).add(wanted)
            return
        problem = problem_of(hit, benchmark)
        if problem:
            self.reasons.setdefault(m.task, problem)
        else:
            self.hits.setdefault((benchmark, rule.n_parts, rule.task if rule.n_parts > 1 else ""), []).append((at, hit))

    def map_into(self, out: Mapped, reading: Reading) -> None:
        used: set[str] = set()
        done: set[str] = set()
        for (benchmark, n_parts, _), hits in sorted(self.hits.items(), key=lambda item: item[1][0][0]):
            tasks = {hit.measurement.task for _, hit in hits}
            if benchmark in done:
                used |= tasks
                continue
            parts = [hit for _, hit in hits]
            if n_parts == 1:
                parts = [self._only([hit for at, hit in hits if at == hits[0][0]], benchmark)]
            elif len(parts) != n_parts or len({(m.task, m.metric) for _, m in parts}) != n_parts:
                for task in tasks:
                    self.reasons.setdefault(task, f"{benchmark!r} averages {n_parts} parts, found {len(parts)} of them")
                continue
            row, notes, cautions = score_row(benchmark, parts, self.name)
            out.rows.append(row)
            out.notes += notes
            out.cautions += cautions
            done.add(benchmark)
            used |= tasks
        self._report(used, reading.parts_of, out)

    def _only(self, hits: list[Hit], benchmark: str) -> Hit:
        if len(hits) > 1:
            first, second = (hit.measurement.where or hit.measurement.task for hit in hits[:2])
            raise SchemaError(f"{self.name}, {second}: a second score on {benchmark!r} (the first: {first}). Keep one.")
        return hits[0]

    def _report(self, used: set[str], parts_of: dict[str, str], out: Mapped) -> None:
        inside = []
        for task in dict.fromkeys(m.task for m in self.measurements):
            if task in used:
                continue
            if task not in self.reasons and used & _groups_above(task, parts_of):
                inside.append(task)
                continue
            metrics = tuple(dict.fromkeys(_shown(m) for m in self.measurements if m.task == task))
            out.unmapped.append(Unmapped(task, metrics, self.reasons.get(task) or self._why(task, metrics)))
        if inside:
            out.notes.append(f"{len(inside)} tasks are parts of groups that were read: {', '.join(inside)}")

    def _why(self, task: str, metrics: tuple[str, ...]) -> str:
        if self.wanted.get(task):
            return f"read from {' or '.join(sorted(self.wanted[task]))}; found {', '.join(metrics[:4])}"
        near = nearest_names(task, self.candidates)
        hint = f". Did you mean {' or '.join(map(repr, near))}?" if near and self.names_ids else ""
        return f"no benchmark of that name{hint}" if self.names_ids else "no rule for this task"


def _groups_above(task: str, parts_of: dict[str, str]) -> set[str]:
    found: set[str] = set()
    while (parent := parts_of.get(task)) and parent not in found:
        found.add(parent)
        task = parent
    return found


def _shown(m: Measurement) -> str:
    return m.metric if m.filter in ("", "none") else f"{m.metric},{m.filter}"
