"""A file appears whole or not at all, and one that was there before stays until then."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from obslaws.errors import StorageError

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> Path:
    """Write a text aside, in the same folder, and rename it.

    Parameters
    ----------
    path : Path
        Its folder exists. What a link points to is replaced, not the link; what is no plain file (a pipe, a device) is
        written to as it is.
    text : str
        Written as UTF-8 with the line ends that it has.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    StorageError
        The file cannot be written; what was there is as it was.
    """
    place = path.resolve()
    aside = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8", newline="")
            return path
        try:
            with aside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                aside.chmod(place.stat().st_mode & 0o777)
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: not written: {error.strerror or error}. Name a file in a folder that you can write to."
        ) from error
    return path
