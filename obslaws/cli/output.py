"""Where a command writes: data to stdout in the format asked for, progress and notes to stderr.

In table format the page is for people, captions included. JSON and CSV keep stdout free of anything but data.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

__all__ = ["Page", "note", "number", "plain", "progress_bar", "records", "write_rows"]

_WIDE = 400  # columns; a pipe has no width, and a folded table cannot be read
_GAP = 3  # blanks between the columns of a table


class Page:
    """What one command prints.

    Parameters
    ----------
    format : {"table", "json", "csv"}
    """

    def __init__(self, format: str) -> None:
        self.format = format

    def line(self, text: str = "", bold: bool = False) -> None:
        """Write a line of words: onto the page in table format, to stderr otherwise."""
        if self.format != "table":
            if text:
                note(text)
        elif bold and sys.stdout.isatty():
            _console(sys.stdout).print(text, style="bold", markup=False, highlight=False)
        else:
            print(text)

    def frame(self, frame: pd.DataFrame, shown: pd.DataFrame | None = None) -> None:
        """Write a table.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            The data, for programs.
        shown : DataFrame, optional
            The same for people: text in columns headed as they are to appear. Columns named with a leading ``<`` are
            set to the left, the others to the right.
        """
        if self.format == "json":
            self.record(records(frame))
        elif self.format == "csv":
            print(frame.to_csv(index=False, lineterminator="\n"), end="")
        else:
            text = frame.astype(str) if shown is None else shown
            for at, part in enumerate(_parts(text, _console(sys.stdout).width) if sys.stdout.isatty() else [text]):
                if at:
                    print()
                self._table(part)

    def record(self, record: Any) -> None:
        """Write anything that JSON can hold."""
        print(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False, default=str))

    def _table(self, shown: pd.DataFrame) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in map(str, shown.columns):
            table.add_column(name.removeprefix("<"), justify="left" if name.startswith("<") else "right", no_wrap=True)
        for row in shown.itertuples(index=False):
            table.add_row(*map(str, row))
        if sys.stdout.isatty():
            _console(sys.stdout, width=_WIDE).print(table, markup=False, highlight=False)
            return
        console = _console(sys.stdout, width=_WIDE)
        with console.capture() as caught:
            console.print(table, markup=False, highlight=False)
        print("\n".join(line.rstrip() for line in caught.get().rstrip("\n").split("\n")))


def note(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr)


def write_rows(frame: pd.DataFrame, path: Path | None) -> None:
    """Write rows to the file of ``--output``, if one is named; before anything is printed, since a reader may hang up.

    Parameters
    ----------
    frame : DataFrame
    path : Path or None

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    if path is None:
        return
    from obslaws.writing import write_whole

    write_whole(path, frame.to_csv(index=False, lineterminator="\n"))


def number(value: float, form: str = ".3f") -> str:
    """Write a number, or ``-`` where it is missing.

    Examples
    --------
    >>> number(0.71449), number(float("nan"))
    ('0.714', '-')
    """
    return "-" if value != value else f"{value:{form}}"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn rows into plain records: missing and infinite numbers become None, a date its ISO day."""
    told = frame.astype(object).where(frame.notna(), None)
    return [plain(row) for row in told.to_dict(orient="records")]


def plain(value: Any) -> Any:
    """Turn nested records into what JSON can hold: missing and infinite numbers become None, a date its ISO day."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    value = _plain(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, "date") and hasattr(value, "isoformat"):
        return value.date().isoformat()
    return value.item() if hasattr(value, "item") else value


@contextmanager
def progress_bar(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while something runs; without a terminal, say once what is going on.

    Parameters
    ----------
    words : str
        What is being done.

    Yields
    ------
    callable
        Takes (done, total); not calling it leaves a bar that only shows life.
    """
    if not sys.stderr.isatty():
        note(f"{words} ...")
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _parts(shown: pd.DataFrame, width: int) -> Iterator[pd.DataFrame]:
    """Split a table that a terminal cannot hold, the first column at the left of every part: no number is ever cut."""
    lengths = [
        max(map(len, [str(name).removeprefix("<"), *column.astype(str)])) for name, column in shown.items()
    ]  # fmt: skip
    part, used = [0], lengths[0]
    for at in range(1, len(lengths)):
        if used + _GAP + lengths[at] > width and len(part) > 1:
            yield shown.iloc[:, part]
            part, used = [0], lengths[0]
        part.append(at)
        used += _GAP + lengths[at]
    yield shown.iloc[:, part]


def _console(file: Any, width: int | None = None) -> Console:
    from rich.console import Console

    return Console(file=file, width=width)
