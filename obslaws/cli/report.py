"""`obslaws report`: a page to put in front of other people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obslaws.cli.options import AddOption, PanelOption, SnapshotOption, ViewOption, open_fractions, spelled
from obslaws.cli.output import progress_bar

report = typer.Typer(
    help="Write a page on a family, a model, a benchmark, the scoreboard or the snapshot, with its sources.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="As `obslaws families` and `obslaws snapshot` spell it.")]
PageOption = Annotated[Path | None, typer.Option("--output", help="Where to write the page; NAME.html by default.")]
PdfOption = Annotated[bool, typer.Option("--pdf", help="Also print it to PDF, with a Chromium of this machine.")]


@report.command()
def family(
    name: NameArgument,
    output: PageOption = None,
    pdf: PdfOption = False,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
) -> None:
    """Report on a family: its models, its law, the next size, its rivals.

    Example: obslaws report family qwen2.5 --output qwen2.5.html
    """
    _write("family", name, output, pdf, view, snapshot, panel, add)


@report.command()
def model(
    name: NameArgument,
    output: PageOption = None,
    pdf: PdfOption = False,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
) -> None:
    """Report on a model: its scores beside what its family would lead one to expect, and who claims what.

    Example: obslaws report model Qwen2.5-14B
    """
    _write("model", name, output, pdf, view, snapshot, panel, add)


@report.command()
def benchmark(
    name: NameArgument,
    output: PageOption = None,
    pdf: PdfOption = False,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
) -> None:
    """Report on a benchmark: families, ceiling, how small a model can be, the best models.

    Example: obslaws report benchmark mmlu_pro
    """
    _write("benchmark", name, output, pdf, view, snapshot, panel, add)


@report.command("snapshot")
def snapshot_(output: PageOption = None, pdf: PdfOption = False, snapshot: SnapshotOption = None) -> None:
    """Report on a snapshot: sources, licences, benchmarks, views.

    Example: obslaws report snapshot --output snapshot.html
    """
    _write("snapshot", None, output, pdf, None, snapshot)


@report.command()
def scoreboard(
    rows: Annotated[
        Path, typer.Argument(help="What `obslaws scoreboard --output ROWS.csv` wrote.", show_default=True)
    ] = Path("scoreboard.csv"),
    output: PageOption = None,
    pdf: PdfOption = False,
) -> None:
    """Report on the track record of every forecaster: errors, reliability diagrams, a table per race.

    Example: obslaws report scoreboard scoreboard.csv --pdf
    """
    _write("scoreboard", str(rows), output, pdf, None, None)


def _write(
    kind: str,
    name: str | None,
    output: Path | None,
    pdf: bool,
    view: str | None,
    snapshot: str | None,
    panel: Path | None = None,
    add: Path | None = None,
) -> None:
    from obslaws.errors import UsageError
    from obslaws.report.contents import Report, report_subject, snapshot_report
    from obslaws.report.html import check_page_path, write_page
    from obslaws.report.notebook import NOTEBOOKS, find_browser, notebook_page, run_notebook, write_pdf

    named = name if name is not None and kind != "scoreboard" else kind
    file = kind
    if output is not None:
        check_page_path(output)
    subject = Path(name).name if kind == "scoreboard" and name else name
    words = ("report", kind, *filter(None, [subject]))
    command = spelled(*words, view=view, snapshot=snapshot, panel=panel, add=add)
    if pdf and find_browser() is None:
        raise UsageError("--pdf prints with a Chromium, and none is on this machine. Install one, or leave --pdf out.")
    if name is None:
        caption, title = snapshot_report(snapshot).caption, "Snapshot"
    elif kind == "scoreboard":
        from obslaws.scoreboard.record import read_record

        caption, title, name = read_record(Path(name)).caption, "Scoreboard", str(Path(name).resolve())
    else:
        opened = Report(open_fractions(view, snapshot, panel, add), snapshot)
        name = report_subject(kind, name, opened)
        file = name if "/" in named else name.rpartition("/")[2]  # as it is spelled, whatever was typed
        caption, title = opened.caption, f"{kind.capitalize()} {name}"
    path = output or Path(f"{''.join(c if c.isalnum() or c in '._-' else '-' for c in file)[:80]}.html")
    told = {
        "name": name,
        "view": view or "core",
        "snapshot": snapshot,
        "panel_folder": None if panel is None else str(panel.resolve()),
        "add_folder": None if add is None else str(add.resolve()),
    }
    with progress_bar(f"Running the notebook on {kind} {named if named != kind else ''}".rstrip()):
        notebook = run_notebook(NOTEBOOKS / f"{kind}.md", told)
    print(f"Page: {write_page(notebook_page(notebook, title, caption, command=command), path)}")
    if pdf:
        print(f"PDF: {write_pdf(path, path.with_suffix('.pdf'))}")
