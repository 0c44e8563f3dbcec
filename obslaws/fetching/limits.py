"""What is refused before it is decoded: odd names, and files that would unfold to absurd sizes."""

from __future__ import annotations

import re
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from obslaws.errors import SourceError

__all__ = [
    "MAX_CELLS", "MAX_COLUMNS", "MAX_DOCUMENT", "MAX_UNFOLDED", "read_parquet", "read_zip", "safe_name", "whole_shards",
]  # fmt: skip

MAX_COLUMNS = 4_000
MAX_CELLS = 60_000_000
MAX_UNFOLDED = 1_000_000_000  # bytes
MAX_MEMBERS = 2_000
MAX_DOCUMENT = 16_000_000  # bytes of one small document
_KINDS = frozenset({".csv", ".json", ".jsonl", ".parquet", ".yaml", ".yml", ".zip"})


def safe_name(name: str, source: str) -> str:
    """Refuse a path that leaves its folder.

    Parameters
    ----------
    name : str
        Path in a repository or an archive.
    source : str
        Id, for the message.

    Returns
    -------
    str
        The same.

    Raises
    ------
    SourceError
        It is absolute, climbs with ``..``, or holds characters that no plain path has.

    Examples
    --------
    >>> safe_name("data/train.parquet", "open-llm-v2")
    'data/train.parquet'
    """
    parts = PurePosixPath(name).parts
    odd = "\\" in name or ":" in parts[0] if parts else True
    if odd or name.startswith("/") or ".." in parts or any(ord(c) < 32 for c in name):
        raise SourceError(f"{source}: file name {name!r} leaves its folder; refused. Expected a plain relative path.")
    return name


def whole_shards(source: str, where: str, pattern: str, names: list[str]) -> list[str]:
    """Choose the files of one table from a listing.

    Parameters
    ----------
    source, where : str
        Id and repository, for the message.
    pattern : str
        Pattern of paths; ``*`` does not cross a slash.
    names : list of str
        The listing.

    Returns
    -------
    list of str
        In order; more than one only when they say so themselves (``-00001-of-00004``).

    Raises
    ------
    SourceError
        None fits, a shard is missing, a file too many fits, or it is no table.
    """
    depth = pattern.count("/")
    found = sorted(name for name in names if fnmatchcase(name, pattern) and name.count("/") == depth)
    if not found:
        there = ", ".join(sorted(names)[:6]) or "nothing"
        raise SourceError(
            f"{source}: no file {pattern!r} in {where}; found {there}. The upstream moved: adapt its live route."
        )
    counts = {int(m[1]) for name in found if (m := re.search(r"-of-(\d{5})", name))}
    n_expected = counts.pop() if len(counts) == 1 else 1
    if len(found) != n_expected:
        raise SourceError(
            f"{source}: {len(found)} files {pattern!r} in {where} ({', '.join(found[:4])}), expected {n_expected}. "
            "Make the pattern of its live route narrower."
        )
    for name in found:
        if PurePosixPath(name).suffix.lower() not in _KINDS:
            raise SourceError(f"{source}: {name!r} is no table. Expected one of {', '.join(sorted(_KINDS))}.")
    return found


def read_parquet(path: Path, source: str) -> pd.DataFrame:
    """Read a parquet after a look at its metadata; nested columns are left out.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        Id, for the message.

    Returns
    -------
    DataFrame
        Flat columns.

    Raises
    ------
    SourceError
        It is damaged, or would unfold to more than `MAX_CELLS` or `MAX_UNFOLDED`.
    """
    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            unfolded = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            _refuse_size(source, path.name, about.num_rows, about.num_columns, unfolded)
            flat = [f for f in file.schema_arrow if not pa.types.is_nested(f.type)]
            texts = [f.name for f in flat if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        # texts stay folded as dictionaries until their unfolded size is known
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read(columns=[f.name for f in flat])
        unfolded = sum(_unfolded(chunk) for name in texts for chunk in table.column(name).chunks)
        _refuse_size(source, path.name, table.num_rows, table.num_columns, unfolded)
        plain = [pa.field(f.name, pa.large_string() if f.name in texts else f.type) for f in flat]
        return table.cast(pa.schema(plain)).to_pandas()
    except (pa.ArrowException, OSError, EOFError) as error:
        said = " ".join(str(error).split())[:120]
        raise SourceError(f"{source}: {path.name} is damaged ({said}). Expected parquet; refresh again.") from error


def _unfolded(chunk: pa.Array) -> int:
    if not pa.types.is_dictionary(chunk.type) or not len(chunk):
        return int(chunk.nbytes)
    lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(chunk.indices)).as_py() or 0)


def _refuse_size(source: str, name: str, n_rows: int, n_columns: int, n_bytes: int) -> None:
    wrong = (
        f"{n_columns:,} columns, at most {MAX_COLUMNS:,}" if n_columns > MAX_COLUMNS
        else f"{n_rows:,} x {n_columns:,} cells, at most {MAX_CELLS:,}" if n_rows * n_columns > MAX_CELLS
        else f"{n_bytes:,} bytes unfolded, at most {MAX_UNFOLDED:,}" if n_bytes > MAX_UNFOLDED
        else None
    )  # fmt: skip
    if wrong:
        raise SourceError(f"{source}: {name} is absurdly large ({wrong}); refused before it was decoded.")


def read_zip(path: Path, source: str) -> dict[str, bytes]:
    """Unpack the CSV files of a zip in memory.

    Parameters
    ----------
    path : Path
        The archive.
    source : str
        Id, for the message.

    Returns
    -------
    dict of str to bytes
        Stem of the name -> content; other members are not unpacked.

    Raises
    ------
    SourceError
        It is damaged, a name leaves the folder, or it unfolds to more than it should.
    """
    out: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _refuse_size(source, path.name, len(members), 1, sum(m.file_size for m in members))
            if len(members) > MAX_MEMBERS:
                raise SourceError(
                    f"{source}: {path.name} has {len(members):,} members, at most {MAX_MEMBERS:,}; refused."
                )
            left = MAX_UNFOLDED
            for member in members:
                safe_name(member.filename, source)
                if not member.filename.lower().endswith(".csv"):
                    continue
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    _refuse_size(source, path.name, 1, 1, MAX_UNFOLDED + 1)
                out[PurePosixPath(member.filename).stem] = content
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{source}: {path.name} is damaged ({error}). Expected a zip; refresh again.") from error
    return out
