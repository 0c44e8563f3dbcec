"""`obslaws snapshot diff`, `validate` and `export`: what becomes of snapshots once they are there."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.options import Format, FormatOption, SnapshotOption
from obslaws.cli.output import Page, progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.snapshot import Snapshot

__all__ = ["diff", "export", "validate"]


class ExportFormat(StrEnum):
    """Shapes of an exported snapshot."""

    parquet = "parquet"
    csv = "csv"
    eee = "eee"


class Part(StrEnum):
    """Tables of a comparison."""

    summary = "summary"
    models = "models"
    scores = "scores"
    forecasts = "forecasts"


def diff(
    before: Annotated[str, typer.Argument(help="Name of a snapshot, `latest`, or a folder.")],
    after: Annotated[str, typer.Argument(help="The other one.")],
    show: Annotated[Part, typer.Option("--show", help="Counts, or every change of one kind.")] = Part.summary,
    view: Annotated[str, typer.Option("--view", help="View for the forecasts.")] = "core",
    forecaster: Annotated[
        str, typer.Option("--forecaster", help="Who is fitted on both; logit-ols is the fast one.")
    ] = "skill",
    format: FormatOption = Format.table,
) -> None:
    """Compare two snapshots: models and scores added, changed, removed, and which forecasts would move.

    The forecasts are of a model twice as large as the largest of each family.

    Example: obslaws snapshot diff 2026-11-22 latest --show forecasts
    """
    from obslaws.lifecycle.diff import compare, moved_forecasts
    from obslaws.snapshot import load_snapshot

    old, new = load_snapshot(before), load_snapshot(after)
    page = Page(format)
    page.line(f"{_caption(old)} -> {_caption(new)}", bold=True)
    page.line()
    if show is Part.forecasts:
        with progress_bar(f"Fitting {forecaster} on both"):
            moved = moved_forecasts(old, new, view, forecaster)
        page.frame(moved, _moved_shown(moved))
        page.line()
        least = "by 0.002 or more"
        words = f"{len(moved):,} forecasts of {forecaster} move {least}" if len(moved) else f"No forecast moves {least}"
        page.line(f"{words} (view {view}; a model twice as large as the largest of each family).")
        return
    told = compare(old, new)
    frame = getattr(told, show.value)
    page.frame(frame, _shown(frame))
    if show is Part.summary and not frame[["added", "changed", "removed"]].to_numpy().any():
        page.line("Models and scores are the same.")
    elif show is Part.summary:
        page.line("Forecasts that would move: --show forecasts")


def validate(
    snapshot: Annotated[str | None, typer.Argument(help="Name of a snapshot, `latest`, or a folder.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Hold a snapshot against its manifest and the schema; exit code 1 when something is wrong.

    Example: obslaws snapshot validate latest
    """
    import pandas as pd

    from obslaws.lifecycle.validate import validate as check
    from obslaws.snapshot import load_snapshot

    data = load_snapshot(snapshot)
    rows = check(data.folder)
    page = Page(format)
    page.line(f"{_caption(data)}: hashes, schema and keys hold", bold=True)
    page.line()
    frame = pd.DataFrame({"table": list(rows), "rows": list(rows.values())})
    page.frame(frame, _shown(frame))


def export(
    output: Annotated[Path, typer.Option("--output", "--out", help="Folder that does not exist yet.")],
    snapshot: SnapshotOption = None,
    format: Annotated[
        ExportFormat, typer.Option("--format", help="Tables as parquet or CSV, or Every Eval Ever records (JSON).")
    ] = ExportFormat.parquet,
) -> None:
    """Write a snapshot for other programs.

    Example: obslaws snapshot export --format csv --output tables
    """
    from obslaws.lifecycle.export import export as write
    from obslaws.snapshot import load_snapshot

    data = load_snapshot(snapshot)
    page = Page(Format.table)
    for path in write(data, output, format.value):
        page.line(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


def _caption(data: Snapshot) -> str:
    from obslaws import __version__

    return f"snapshot {data.name} ({data.hash}), obslaws {__version__}"


def _moved_shown(moved: pd.DataFrame) -> pd.DataFrame:
    shown = moved.astype(object)
    shown["n_params"] = [f"{n / 1e9:.3g}B" for n in moved["n_params"]]
    for column in ("before", "after"):
        shown[column] = [f"{x:.3f}" for x in moved[column]]
    shown["moved"] = [f"{x:+.3f}" for x in moved["moved"]]
    return shown.rename(columns={"family": "<family", "benchmark": "<benchmark"})


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.astype(object).where(frame.notna(), "-")
    numbers = {"added", "changed", "removed", "rows", "before", "after"}
    shown = plain.map(lambda x: f"{x:.4f}" if isinstance(x, float) else f"{x:,}" if isinstance(x, int) else str(x))
    return shown.rename(columns=lambda c: c if c in numbers else f"<{c}")
