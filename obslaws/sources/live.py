"""Where a source is published today, as data: `obslaws.fetching` goes there and nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

__all__ = ["DOCUMENT_COLUMNS", "Documents", "Frames", "Live", "everything"]

Frames = Mapping[str, pd.DataFrame]
DOCUMENT_COLUMNS = ["name", "text"]


def everything(names: Sequence[str]) -> list[str]:
    """Want every document, in the order of their names."""
    return sorted(names)


def _no_day(name: str) -> str:
    return ""


def _no_models(models: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    return []


@dataclass(frozen=True)
class Documents:
    """Many small documents, of which a refresh brings some: its rows are added to those of the newest snapshot.

    Documents do not change once they are there, so one whose name stands in the snapshot's manifest is not asked for
    again. `parse` gets them as one frame with the columns name and text.

    Parameters
    ----------
    kind : {"files", "models"}
        Files of the hub dataset, or records of models by the hub's API.
    frame : str
        Name of the frame.
    choose : callable
        From the names that are listed to those wanted, the most wanted first.
    day : callable
        ISO day of a document by its name; empty when the name does not tell. For ``--since``.
    models : callable
        From the tables ``models`` and ``scores`` of the newest snapshot to the models that matter: the only ones for
        records of models, the first ones for files whose path holds the name of a model.
    limit : int
        How many one refresh brings unless it is told otherwise.
    """

    kind: str
    frame: str
    choose: Callable[[Sequence[str]], list[str]] = everything
    day: Callable[[str], str] = _no_day
    models: Callable[[pd.DataFrame, pd.DataFrame], list[str]] = _no_models
    limit: int = 200


@dataclass(frozen=True)
class Live:
    """Where a source is published today.

    Parameters
    ----------
    files : mapping of str to str
        Frame that `parse` expects -> where its file is: a pattern of paths in the hub repository (``data/*.parquet``;
        shards are put below each other), or an address when `hub` is empty. Every CSV of a zip is a frame.
    hub : str
        Dataset id on the Hugging Face Hub; empty for plain HTTP.
    layout : callable, optional
        Pure function from the frames as published to the frames that `parse` expects.
    frozen : tuple of str
        Benchmarks that the upstream no longer publishes; a refresh takes their rows over from the newest snapshot.
    max_bytes : int
        Size of one file above which it is refused.
    listing : callable, optional
        The one of `files` is a page that lists the true ones: pure function from its text to frame -> address.
    documents : Documents, optional
        Instead of `files`: many small documents, brought a part at a time.
    boards : bool
        Instead of `files`: the leaderboards of the hub's benchmark datasets, by the hub's API.
    on_request : bool
        Whether only a refresh that names the source fetches it.
    """

    files: Mapping[str, str]
    hub: str = ""
    layout: Callable[[Frames], Frames] | None = None
    frozen: tuple[str, ...] = ()
    max_bytes: int = 64_000_000
    listing: Callable[[str], Mapping[str, str]] | None = None
    documents: Documents | None = None
    boards: bool = False
    on_request: bool = False

    @property
    def address(self) -> str:
        """Where a person finds it."""
        if self.hub:
            return f"https://huggingface.co/datasets/{self.hub}"
        if self.files:
            return next(iter(self.files.values()))
        return "https://huggingface.co/datasets" if self.boards else "https://huggingface.co/models"
