"""`obslaws scoreboard`: the track record of every forecaster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obslaws.cli.options import (
    BackendOption,
    Format,
    FormatOption,
    JobsOption,
    SchedulerOption,
    SnapshotOption,
    names,
)
from obslaws.cli.output import Page, note, progress_bar
from obslaws.quantities import counted


def scoreboard(
    races: Annotated[str | None, typer.Option(help="Only these protocols, separated by commas.")] = None,
    forecasters: Annotated[str | None, typer.Option(help="Only these, separated by commas.")] = None,
    every: Annotated[int, typer.Option(help="Only one of so many folds, where there are more than two.")] = 1,
    snapshot: SnapshotOption = None,
    results: Annotated[Path | None, typer.Option(help="Folder of finished folds; else the user's cache.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write one page: FILE.html.")] = None,
    output: Annotated[Path | None, typer.Option(help="Also write the rows: FILE.csv, or the tables: FILE.md.")] = None,
    jobs: JobsOption = 1,
    backend: BackendOption = "loky",
    scheduler: SchedulerOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Replay every forecaster on every protocol; finished folds are kept, so that a killed run goes on where it was.

    Example: obslaws scoreboard --jobs 2 --page scoreboard.html
    """
    from obslaws.errors import UnknownNameError, UsageError
    from obslaws.folders import cache_folder
    from obslaws.forecasters import FORECASTERS
    from obslaws.forecasters.settings import split_names
    from obslaws.parallel import Workers
    from obslaws.scoreboard.races import ENTRANTS, find_races
    from obslaws.scoreboard.record import track_record
    from obslaws.scoreboard.run import run_races
    from obslaws.scoreboard.table import yearly
    from obslaws.writing import write_whole

    for path, endings in ((page, (".html",)), (output, (".csv", ".md"))):
        if path is not None and path.suffix not in endings:
            raise UsageError(f"{str(path)!r}: the name must end in {' or '.join(endings)}.")
    if every < 1:
        raise UsageError(f"every is {every}; expected 1 or more.")
    entrants = split_names(forecasters) if forecasters else list(ENTRANTS)
    for name in entrants:
        if name.partition(":")[0] not in FORECASTERS:
            raise UnknownNameError("forecaster", name, FORECASTERS)
    chosen = find_races(names(races, "--races"))
    folder = results or cache_folder() / "scoreboard"
    try:
        with progress_bar("Running the races") as progress:
            outcomes = run_races(
                chosen,
                entrants,
                folder,
                snapshot=snapshot,
                every=every,
                workers=Workers(jobs, backend, scheduler),
                progress=progress,
            )
    except KeyboardInterrupt:
        note(f"What was finished is kept in {folder}; the same command goes on from there.")
        raise
    years = yearly(outcomes, entrants[0], snapshot)
    record = track_record(outcomes, *_made_by(snapshot), _command(races, forecasters, every, snapshot))
    table = record.table
    # files first: a reader of the page may hang up
    if page is not None:
        from obslaws.report.scoreboard_page import scoreboard_html

        write_whole(page, scoreboard_html(record))
    if output is not None:
        from obslaws.report.scoreboard_page import write_markdown

        rows_only = output.suffix == ".csv"
        write_whole(output, record.to_csv() if rows_only else write_markdown(record, entrants[0], years))

    shown = Page(format)
    shown.line(f"Scoreboard: {counted(len(chosen), 'race')}, {counted(len(entrants), 'forecaster')}", bold=True)
    shown.line(record.caption)
    if format is not Format.table:
        shown.frame(table)
    else:
        from obslaws.report.scoreboard_page import COLUMNS, YEARS_NOTE, for_people, years_for_people

        for race, rows in for_people(table).groupby("race", sort=False):
            shown.line()
            shown.line(f"{race}, {counted(int(table.loc[rows.index[0], 'n_folds']), 'fold')}", bold=True)
            shown.line()
            titled = rows.drop(columns="race").rename(columns={**COLUMNS, "forecaster": "<forecaster"})
            shown.frame(titled, titled)
        if len(years):
            shown.line()
            shown.line(f"Intervals of {entrants[0]} by year of release", bold=True)
            shown.line(YEARS_NOTE)
            shown.line()
            told = years_for_people(years).rename(columns={"race": "<race"})
            shown.frame(told, told)
    for name, path in (("Page", page), ("Rows", output)):
        if path is not None:
            shown.line(f"{name}: {path}")


def _made_by(snapshot: str | None) -> tuple[str, str, str]:
    from obslaws._version import __version__
    from obslaws.snapshot import load_snapshot

    told = load_snapshot(snapshot)
    return told.name, told.hash, __version__


def _command(races: str | None, forecasters: str | None, every: int, snapshot: str | None) -> str:
    given = {"races": races, "forecasters": forecasters, "every": every if every > 1 else None, "snapshot": snapshot}
    return " ".join(
        ["obslaws scoreboard", *(f"--{name} {value}" for name, value in given.items() if value is not None)]
    )
