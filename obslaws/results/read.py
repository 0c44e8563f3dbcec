"""Open, recognise, parse, map: from a path to `Results`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import MeasurementWarning, SchemaError, UnknownNameError
from obslaws.names import benchmarks_table
from obslaws.quantities import known_as
from obslaws.results import table
from obslaws.results.base import COLUMNS, Reading, Results
from obslaws.results.document import open_document
from obslaws.results.formats import FORMATS, detect
from obslaws.results.mapping import apply_rules
from obslaws.results.rules import read_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["read_results"]


def read_results(
    path: str | Path, format: str | None = None, *, tasks: str | Path | None = None, benchmarks: Iterable[str] = ()
) -> Results:
    r"""Read your own evaluation results.

    Parameters
    ----------
    path : str or Path
        Results of lm-evaluation-harness or lighteval, Every Eval Ever records, ``.eval_results`` YAML, CSV or TSV.
    format : {"lm-eval", "lighteval", "every-eval-ever", "hub-yaml", "table"}, optional
        Recognised by its shape unless given.
    tasks : str or Path, optional
        CSV with rules of your own, in the shape of ``names/tasks.csv``; they win.
    benchmarks : iterable of str
        Ids beside the known ones, e.g. those of your own panel.

    Returns
    -------
    Results
        Scores as fractions; every task that became none is in `unmapped` with its reason.

    Raises
    ------
    UsageError
        No such file, a folder, or a score out of its scale.
    SchemaError
        The file is broken, of no known format, or holds two scores on one benchmark.
    UnknownNameError
        No such format, or a rule of your own for a benchmark that is not known; the nearest is offered.

    Warns
    -----
    AssumptionWarning
        A table spells a benchmark in another way, not by case alone.
    MeasurementWarning
        The run is partial, or a number sits oddly on its declared scale.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("benchmark,score\nmmlu,0.71\nmy_test,0.5\n")
    >>> results = read_results(file)
    >>> results.scores[["benchmark", "score"]].to_dict(orient="records")
    [{'benchmark': 'mmlu', 'score': 0.71}]
    >>> [u.task for u in results.unmapped]
    ['my_test']
    """
    document = open_document(path)
    if format is not None and format not in FORMATS:
        raise UnknownNameError("format of results", format, FORMATS)
    name = format or detect(document)
    room = FORMATS[name]
    if not room.matches(document):
        raise SchemaError(f"{document.name}: does not look like {name}; expected {room.SHAPE}.")
    reading = room.parse(document)
    if not reading.measurements:
        raise SchemaError(f"{document.name}: {room.SHAPE.split(' (')[0]}, but without a single score. Did the run end?")
    asked, every = list(map(str, benchmarks)), list(benchmarks_table()["benchmark"])
    known = {*every, *asked}
    if name == table.NAME:  # written by hand, as the options of the command line are
        reading = _spelled(reading, asked, every, document.name)
    mapped = apply_rules(reading, read_rules(tasks, known), document.name, name, known)
    cautions = [*reading.cautions, *mapped.cautions]
    for caution in cautions:
        warnings.warn(f"{document.name}: {caution}.", MeasurementWarning, stacklevel=2)
    scores = pd.DataFrame(mapped.rows, columns=list(COLUMNS))
    scores["date"] = pd.to_datetime(scores["date"]).astype("datetime64[s]")
    for column in ("score", "stderr", "n_items"):
        scores[column] = scores[column].astype("float64")
    notes = (*cautions, *reading.notes, *mapped.notes)
    return Results(name, document.name, scores, tuple(mapped.unmapped), reading.identity, notes, reading.is_partial)


def _spelled(reading: Reading, asked: list[str], every: list[str], file: str) -> Reading:
    """Spell the benchmarks of a table as those that are asked about, else as those that are known."""
    tasks = list(dict.fromkeys(m.task for m in reading.measurements))
    near = known_as(tasks, asked, "benchmark", file, stacklevel=5)
    far = known_as([t for t in tasks if near[t] not in asked], every, "benchmark", file, stacklevel=5)
    return replace(
        reading, measurements=tuple(replace(m, task=far.get(m.task, near[m.task])) for m in reading.measurements)
    )
