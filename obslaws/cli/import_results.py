"""`obslaws import`: what a file of evaluation results says, under this package's benchmark ids."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import Format, FormatOption, TasksOption
from obslaws.cli.output import Page, number, records, write_rows

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.results import Results


def import_results(
    file: Annotated[Path, typer.Argument(help="Results of a harness (JSON), .eval_results YAML, CSV or TSV.")],
    read_as: Annotated[
        str | None,
        typer.Option("--from", help="lm-eval, lighteval, every-eval-ever, hub-yaml or table; recognised by default."),
    ] = None,
    tasks: TasksOption = None,
    output: Annotated[Path | None, typer.Option(help="Also write the scores: FILE.csv, for --scores.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Read your own evaluation results, and say which tasks became which benchmarks.

    Example: obslaws import results_2026-01-21T03-44-18.json --output scores.csv
    """
    import warnings

    from obslaws._version import __version__
    from obslaws.errors import MeasurementWarning, UsageError
    from obslaws.results import read_results

    if output is not None and output.suffix.lower() != ".csv":
        raise UsageError(f"--output {str(output)!r}: the name must end in .csv.")
    if output is not None and not output.absolute().parent.is_dir():
        raise UsageError(f"--output {str(output)!r}: there is no folder {str(output.parent)!r}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasurementWarning)  # the notes below say the same
        results = read_results(file, read_as, tasks=tasks)
    write_rows(results.scores, output)
    page = Page(format)
    page.line(_title(results), bold=True)
    page.line(f"{results.file}, format {results.format}, obslaws {__version__}")
    page.line()
    if format == Format.json:
        page.record(_record(results))
    else:
        page.frame(results.scores, _for_people(results.scores))
    if format == Format.table:
        page.line()
    for note in results.notes:
        page.line(f"Note: {note}.")
    if results.unmapped and format != Format.json:
        page.line(f"Not mapped to a benchmark ({len(results.unmapped)}):")
        for unmapped in results.unmapped:
            page.line(f"  {unmapped.task}: {unmapped.reason}")
    if output is not None:
        page.line(f"Scores: {output}")


def _title(results: Results) -> str:
    identity = results.identity
    models = results.scores["model"].nunique()
    name = identity.model or (f"{models} models" if models > 1 else "unnamed model")
    facts = [f"revision {identity.revision}" if identity.revision else "", identity.precision]
    return ", ".join([name, *filter(None, facts)])


def _record(results: Results) -> dict[str, Any]:
    return {
        "file": results.file,
        "format": results.format,
        "identity": {k: (None if v != v else v) for k, v in asdict(results.identity).items()},
        "scores": records(results.scores),
        "unmapped": [asdict(u) for u in results.unmapped],
        "notes": list(results.notes),
    }


def _for_people(scores: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<benchmark": scores["benchmark"]})
    if scores["model"].nunique() > 1:
        shown["<model"] = scores["model"]
    shown["score"] = scores["score"].map(number)
    shown["stderr"] = scores["stderr"].map(number)
    shown["items"] = [number(n, ".0f") for n in scores["n_items"]]
    shown["<setting"] = scores["setting"].fillna("-")
    shown["<date"] = ["-" if pd.isna(day) else day.date().isoformat() for day in scores["date"]]
    shown["<read from"] = scores["task"]
    return shown
