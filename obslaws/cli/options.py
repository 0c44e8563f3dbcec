"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from obslaws.panel import Panel
    from obslaws.questions.basket import Basket

__all__ = [
    "AddOption",
    "BackendOption",
    "BenchmarksOption",
    "DarkOption",
    "Format",
    "FormatOption",
    "JobsOption",
    "LevelOption",
    "Missing",
    "MissingOption",
    "OutputOption",
    "PanelOption",
    "PlotOption",
    "RecordFormat",
    "RecordFormatOption",
    "SchedulerOption",
    "SnapshotOption",
    "TasksOption",
    "ViewOption",
    "benchmark_names",
    "check_figure",
    "check_output",
    "check_top",
    "choose_benchmarks",
    "names",
    "open_basket",
    "open_fractions",
    "open_panel",
    "own_models",
    "spelled",
    "token_count",
]


class Format(StrEnum):
    """Shapes of a table on stdout."""

    table = "table"
    json = "json"
    csv = "csv"


class RecordFormat(StrEnum):
    """Shapes of an answer that is no single table."""

    table = "table"
    json = "json"


class Missing(StrEnum):
    """What becomes of missing scores."""

    likelihood = "likelihood"
    drop = "drop"
    ruan2024 = "ruan2024"


FormatOption = Annotated[Format, typer.Option("--format", help="For people, or for programs.")]
RecordFormatOption = Annotated[RecordFormat, typer.Option("--format", help="For people, or for programs.")]
SnapshotOption = Annotated[
    str | None,
    typer.Option("--snapshot", help="Its name, `latest`, or a folder; else $OBSLAWS_SNAPSHOT, else the embedded one."),
]
ViewOption = Annotated[str | None, typer.Option("--view", help="Named view of the snapshot; `core` by default.")]
PanelOption = Annotated[
    Path | None,
    typer.Option("--panel", help="Folder with your own models, scores and benchmarks as CSV or parquet."),
]
AddOption = Annotated[
    Path | None,
    typer.Option("--add", help="Folder with models of your own, as for --panel; they join those of the view."),
]
BenchmarksOption = Annotated[
    str | None,
    typer.Option("--benchmarks", "--benchmark", help="Only these benchmarks or domains, separated by commas."),
]
TasksOption = Annotated[
    Path | None, typer.Option("--tasks", help="CSV with your own rules from tasks of a results file to benchmarks.")
]
JobsOption = Annotated[int, typer.Option("--jobs", help="How many folds at a time; -1 for one per core.")]
BackendOption = Annotated[str, typer.Option("--backend", help="Who runs them: loky (processes), threading or dask.")]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, e.g. tcp://10.0.0.1:8786.")
]
MissingOption = Annotated[
    Missing, typer.Option(help="Missing scores: integrated out, their models left out, or filled in as in the paper.")
]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Also write the rows: FILE.csv.")]
DarkOption = Annotated[bool, typer.Option("--dark", help="Draw the figure for a dark page.")]
PlotOption = Annotated[Path | None, typer.Option("--plot", "--figure", help="Also draw it: FILE.png, .svg or .pdf.")]
LevelOption = Annotated[float, typer.Option("--level", help="Coverage of the intervals, between 0 and 1.")]


def check_output(path: Path | None) -> None:
    """Refuse a file name that no table can be written to, before any work is done.

    Raises
    ------
    UsageError
        With the cure.
    """
    from obslaws.errors import UsageError

    if path is None:
        return
    if path.suffix.lower() != ".csv":
        raise UsageError(f"--output {str(path)!r}: the name must end in .csv.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {str(path)!r}: there is no folder {str(path.parent)!r}; make it first.")


def check_figure(path: Path | None, dark: bool) -> None:
    """Refuse a file name that no figure can be written to, or a colour for no figure, before any work is done.

    Raises
    ------
    UsageError
        With the cure.
    """
    from obslaws.errors import UsageError
    from obslaws.report.figures import check_figure_path

    if path is not None:
        check_figure_path(path)
    elif dark:
        raise UsageError("--dark draws the figure for a dark page, and none was asked for: name it, --plot FILE.png.")


def check_top(top: int | None) -> None:
    """Refuse to show less than one row.

    Raises
    ------
    UsageError
        With the cure.
    """
    from obslaws.errors import UsageError

    if top is not None and top < 1:
        raise UsageError(f"--top is {top}; expected 1 or more rows, or leave it out.")


def open_panel(view: str | None, snapshot: str | None, panel: Path | None, add: Path | None = None) -> Panel:
    """Load the panel that the options name.

    Raises
    ------
    UsageError
        A folder that does not exist.
    SchemaError
        A model of `add` that is in the panel already.
    """
    from obslaws.panel import load_panel, read_panel

    own = None if add is None else read_panel(_folder(add, "--add"))  # what the user wrote is checked first
    if panel is None:
        data = load_panel(view or "core", snapshot)
    else:
        if view is not None or snapshot is not None:
            raise typer.BadParameter("--panel is your own data; leave out --view and --snapshot.")
        data = load_panel(_folder(panel, "panel"))
    return data if own is None else data.join(own)


def open_fractions(view: str | None, snapshot: str | None, panel: Path | None, add: Path | None = None) -> Panel:
    """Load the panel that the options name, without its ratings and other units, and say which they are."""
    from obslaws.cli.output import note
    from obslaws.units import only_fractions

    data = open_panel(view, snapshot, panel, add)
    kept = only_fractions(data)
    if out := [str(name) for name in data.scores.columns if name not in kept.scores.columns]:
        note(f"Left out, no fractions: {', '.join(out)}.")
    return kept


def open_basket(
    basket: str | None, view: str | None, snapshot: str | None, panel: Path | None, add: Path | None = None
) -> tuple[Panel, Basket]:
    """Load the panel that the options name, as `open_fractions`, and read a basket of its benchmarks.

    Where no panel was asked for and the usual one lacks a domain of the basket, the nearest view that has all of it is
    taken, and said to be.

    Raises
    ------
    UnknownNameError, UsageError
        As `obslaws.questions.basket.parse_basket`.
    """
    from obslaws.cli.output import note
    from obslaws.errors import DomainElsewhereError
    from obslaws.questions.basket import parse_basket

    data = open_fractions(view, snapshot, panel, add)
    try:
        return data, parse_basket(basket, data)
    except DomainElsewhereError as error:
        if view is not None or panel is not None or not error.views:
            raise
        note(f"Not every domain of the basket has a benchmark in view {data.name}; taking view {error.views[0]}.")
        data = open_fractions(error.views[0], snapshot, panel, add)
        return data, parse_basket(basket, data)


def own_models(data: Panel) -> list[str]:
    """List the models that ``--add`` joined to a panel, as it was opened."""
    n_added = sum(n for _, n in data.provenance.get("added", ()))
    return list(map(str, data.models.index[len(data.models) - n_added :]))


def choose_benchmarks(data: Panel, text: str | None) -> Panel:
    """Keep the benchmarks that ``--benchmarks`` lists; all without it."""
    chosen = benchmark_names(data, text)
    return data if chosen is None else data.select(benchmarks=chosen)


def benchmark_names(data: Panel, text: str | None, option: str = "--benchmarks") -> list[str] | None:
    """Read a list of benchmarks and domains, and say what the domains stand for; None stays None.

    Raises
    ------
    UnknownNameError
        Neither a benchmark nor a domain.
    UsageError
        A domain that the panel lacks, or a list of nothing.
    """
    from obslaws.cli.output import note
    from obslaws.domains import named_benchmarks

    if (words := names(text, option)) is None:
        return None
    found = named_benchmarks(words, data)
    for one in found:
        if one.domain is not None:
            note(f"{one.domain}: {', '.join(one.benchmarks)}.")
    return list(dict.fromkeys(name for one in found for name in one.benchmarks))


def spelled(*words: str, **options: object) -> str:
    """Write down the command that makes a page again, without the place where it is written.

    Parameters
    ----------
    *words : str
        Command and arguments.
    **options : object
        Values of options by name; None was not given, and of a folder its own name is told.

    Returns
    -------
    str

    Examples
    --------
    >>> spelled("report", "family", "a b", view="core", snapshot=None)
    "obslaws report family 'a b' --view core"
    """
    import shlex

    given = {name: value for name, value in options.items() if value is not None}
    pairs = ((f"--{name}", value.name if isinstance(value, Path) else str(value)) for name, value in given.items())
    return shlex.join(["obslaws", *words, *(word for pair in pairs for word in pair)])


def _folder(path: Path, option: str) -> Path:
    from obslaws.errors import UsageError

    if path.is_file():
        raise UsageError(f"{option} {str(path)!r} is a file; name the folder that holds it: {str(path.parent)!r}.")
    if not path.is_dir():
        raise UsageError(
            f"{option} {str(path)!r}: no such folder. Expected one with models, scores and benchmarks as CSV."
        )
    return path


def token_count(text: str | None) -> float | None:
    """Read --tokens: a count, or ``unknown`` (NaN); None stays None, what was not said.

    Raises
    ------
    UsageError
        Not a count.
    """
    from obslaws.quantities import parse_count

    if text is None:
        return None
    return float("nan") if text.strip().lower() == "unknown" else parse_count(text, "--tokens", unit="T")


def names(text: str | None, option: str) -> list[str] | None:
    """Split a list such as ``mmlu,gsm8k``; None stays None.

    Raises
    ------
    UsageError
        The list is empty.
    """
    from obslaws.errors import UsageError

    if text is None:
        return None
    found = [name for name in (part.strip() for part in text.split(",")) if name]
    if not found:
        raise UsageError(
            f"{option} {text!r} is an empty list; expected one or several, separated by commas, or leave it out."
        )
    return found
