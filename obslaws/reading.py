"""CSV that people wrote: whatever keeps it from being read is told with the file's name and the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from obslaws.errors import SchemaError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_csv"]

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path, expected: str, **options: Any) -> pd.DataFrame:
    """Read a table that is there.

    Parameters
    ----------
    path : Path
        A file.
    expected : str
        What it should hold, for the message: "a CSV with columns benchmark, cost".
    **options
        Of `pandas.read_csv`.

    Returns
    -------
    DataFrame

    Raises
    ------
    SchemaError
        It is empty, no text, its rows differ in length, or something else than commas stands between its columns.
    """
    if not path.read_bytes().strip():
        raise SchemaError(f"{path.name}: empty file; expected {expected}.")
    try:
        table = pd.read_csv(path, **options)
    except (ValueError, UnicodeDecodeError) as error:  # a ParserError is a ValueError
        raise SchemaError(
            f"{path.name}: no readable CSV ({' '.join(str(error).split())}); expected {expected}."
        ) from None
    heading = str(table.columns[0]) if len(table.columns) == 1 else ""
    for sign, name in _OTHER_SEPARATORS.items():
        if sign in heading:
            raise SchemaError(f"{path.name}: {name} stand between the columns; expected {expected}, with commas.")
    return table
