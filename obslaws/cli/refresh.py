"""`obslaws refresh`: live sources into a new dated snapshot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.options import Format, FormatOption, names
from obslaws.cli.output import Page, note

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.lifecycle.refresh import Refreshed

__all__ = ["refresh"]


def refresh(
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="These sources, separated by commas. By default all live ones but those that come in many documents.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Leave alone what did not change upstream since this day.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look what there is; download and write nothing.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Use only files that were fetched before.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "--out", help="New folder for the snapshot, instead of a dated one among your data."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Most documents that a source brings which comes in many.")
    ] = None,
    accept_shrink: Annotated[
        bool, typer.Option("--accept-shrink", help="Take tables that have fewer rows than before.")
    ] = False,
    deadline: Annotated[float, typer.Option("--deadline", help="Seconds that one source may take.")] = 180.0,
    format: FormatOption = Format.table,
) -> None:
    """Bring live leaderboards up to date and freeze them into a new dated snapshot.

    A source that fails keeps its last good rows, and the exit code is then 1. Nothing that was there is changed.

    Example: obslaws refresh --source open-llm-v2,epoch --dry-run
    """
    from huggingface_hub.utils import logging

    from obslaws.errors import UsageError
    from obslaws.fetching import Network
    from obslaws.lifecycle.refresh import refresh as bring

    if not deadline > 0:
        raise UsageError(f"deadline is {deadline:g}, expected seconds above 0.")
    logging.set_verbosity_error()  # its retries are ours to tell, in one line
    with _bars() as tell:
        done = bring(
            names(source, "--source"), since=since, dry_run=dry_run,
            network=Network(offline=offline, deadline=deadline), out=output, limit=limit,
            accept_shrink=accept_shrink, tell=tell,
        )  # fmt: skip
    _report(done, dry_run, Page(format))
    if done.failed or done.partial:
        raise typer.Exit(1)


def _report(done: Refreshed, dry_run: bool, page: Page) -> None:
    frame = done.frame()
    page.frame(frame, _for_people(frame, dry_run))
    page.line()
    for outcome in done.failed:
        note(f"Failed: {outcome.source}: {outcome.cause}")
    for outcome in done.partial:
        note(f"Cut short: {outcome.source}: {outcome.cause}")
    for outcome in done.outcomes:
        if outcome.n_left:
            more = "documents can be fetched" if dry_run else "more documents wait; refresh again for them"
            note(f"{outcome.source}: {outcome.n_left:,} {more}.")
    kept = f"the last good rows of snapshot {done.base} stay"
    if done.failed:
        those = "One source failed" if len(done.failed) == 1 else f"{len(done.failed)} sources failed"
        note(f"{those}: {kept} for {'it' if len(done.failed) == 1 else 'them'}.")
    if done.folder is not None:
        name = done.folder.name
        page.line(f"Snapshot {name} in {done.folder.parent}")
        page.line(f"Use it with --snapshot {name}, or always the newest with OBSLAWS_SNAPSHOT=latest.")
    elif not dry_run:
        page.line(
            f"No new snapshot: {'nothing could be fetched' if done.failed else 'nothing changed'}; {done.base} stands."
        )


def _for_people(frame: pd.DataFrame, dry_run: bool) -> pd.DataFrame:
    import pandas as pd

    told = frame["status"].ne("carried") | frame["cause"].ne("not asked for")
    asked = frame[told] if told.any() else frame
    size = "to fetch" if dry_run else "fetched"
    return pd.DataFrame(
        {
            "<source": asked["source"],
            "<status": asked["status"],
            "rows": [f"{n:,}" if n else "-" for n in asked["n_rows"]],
            size: [_size(n) for n in asked["n_bytes"]],
            "seconds": [f"{s:.1f}" for s in asked["seconds"]],
            "<revision": [r[:19] or "-" for r in asked["revision"]],
            "<": [c if s == "carried" else "" for c, s in zip(asked["cause"], asked["status"], strict=True)],
        }
    )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes else "-"


def _amount(source: str, done: int, total: int) -> str:
    """Write how far a source is: bytes of files, or records of the hub's API."""
    from obslaws.sources import SOURCES

    live = SOURCES[source].live if source in SOURCES else None
    if live and (live.boards or (live.documents and live.documents.kind == "models")):
        return f"{done:,}/{total:,} records"
    return f"{done / 1e6:.1f}/{total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar per source on stderr while files come; without a terminal, name each source once."""
    if not sys.stderr.isatty():
        seen: set[str] = set()

        def say(source: str, done: int, total: int) -> None:
            if source not in seen:
                seen.add(source)
                note(f"{source}: fetching{' ' + _amount(source, 0, total).partition('/')[2] if total else ''} ...")

        yield say
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.fields[amount]}"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(source: str, done: int, total: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(source, total=total or None, amount="")
            amount = _amount(source, done, total)
            bars.update(tasks[source], completed=done, total=total or None, amount=amount)

        yield tell
