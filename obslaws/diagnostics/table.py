"""One wide table of everything in a snapshot, whatever the view: what the diagnostics of all benchmarks run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.panel import Panel, complete_benchmarks, complete_models
from obslaws.snapshot import Snapshot, load_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["everything"]

_LEFT_OUT = ("fine-tune", "merge")  # not independent of their base


def everything(snapshot: Snapshot | str | None = None, benchmarks: Sequence[str] | None = None) -> Panel:
    """Put every benchmark of a snapshot beside every model with known scale.

    Scores of one model on one benchmark, from whatever source and setting, become their median. Fine-tunes and merges
    stay out, so do models whose training compute is unknown.

    Parameters
    ----------
    snapshot : Snapshot or str, optional
        The newest by default.
    benchmarks : sequence of str, optional
        Only these.

    Returns
    -------
    Panel
        Benchmarks without any such model keep an empty column.
    """
    data = snapshot if isinstance(snapshot, Snapshot) else load_snapshot(snapshot)
    models = complete_models(data.models)
    models = models[models["train_flop"].notna() & ~models["variant"].isin(_LEFT_OUT)]
    facts = complete_benchmarks(data.benchmarks)
    facts = facts if benchmarks is None else facts.loc[list(benchmarks)]
    scores = data.scores[["model", "benchmark", "score"]]
    rows, columns = (
        index.get_indexer(pd.Index(scores[name].astype(str)))
        for index, name in ((models.index, "model"), (facts.index, "benchmark"))
    )
    keep = (rows >= 0) & (columns >= 0) & scores["score"].notna().to_numpy()
    cells = pd.DataFrame({"row": rows[keep], "column": columns[keep], "score": scores["score"].to_numpy()[keep]})
    middle = cells.groupby(["row", "column"], sort=False)["score"].median().reset_index()
    wide = np.full((len(models), len(facts)), np.nan)
    wide[middle["row"], middle["column"]] = middle["score"]
    table = pd.DataFrame(wide, models.index, facts.index)
    some = table.notna().any(axis=1)
    return Panel("everything", models[some], table[some], facts, data.provenance)
