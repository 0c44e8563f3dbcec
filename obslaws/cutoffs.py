"""Splits along time or compute: what is older or smaller trains, what is newer or larger is asked about.

In: a protocol and a panel. Out: folds, not yet checked. Registered in `obslaws.splits.SPLITS`. The release date of the
weights decides; a panel holds no dates of scores, so that a score published long after its model counts as known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.folds import Fold, derived, draw
from obslaws.panel import Panel
from obslaws.protocols import Protocol

__all__ = ["LEAST_KNOWN", "compute_cutoff", "date_cutoff", "rolling_origin"]

LEAST_KNOWN = 5  # scores of a benchmark below which nobody is asked about it
LEAST_MODELS = 20  # models known at the first origin


def date_cutoff(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    """Hold out the models released on `cutoff_date` or later; models without a date take no part.

    Raises
    ------
    UsageError
        Nothing on one of the two sides.
    """
    day = pd.Timestamp(str(protocol.cutoff_date))
    panel = _usable(panel, benchmarks, "release_date")
    later = (panel.models["release_date"] >= day).to_numpy()
    return [_fold(protocol, panel, f"from {day:%Y-%m-%d}", later)]


def compute_cutoff(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    """Hold out the models trained with `cutoff_flop` or more; models of unknown compute take no part.

    Raises
    ------
    UsageError
        Nothing on one of the two sides.
    """
    panel = _usable(panel, benchmarks, "train_flop")
    larger = (panel.models["train_flop"] >= protocol.cutoff_flop).to_numpy()
    return [_fold(protocol, panel, f"from {protocol.cutoff_flop:.3g} FLOP", larger)]


def rolling_origin(
    protocol: Protocol, panel: Panel, benchmarks: Sequence[str] | None, cells: pd.DataFrame | None
) -> list[Fold]:
    """Ask month by month about what is released, with only what was released before the month as training.

    With `n_revealed` = k, k scores of each asked model are told to the forecast and not counted; models that have no
    more than k are not asked. Only benchmarks with at least `LEAST_KNOWN` training scores are asked about or told.

    Raises
    ------
    UsageError
        No month with something to learn from and something to ask.
    """
    panel = _usable(panel, benchmarks, "release_date")
    month = panel.models["release_date"].dt.to_period("M")
    folds = []
    for origin in sorted(month.unique()):
        before, inside = (month < origin).to_numpy(), (month == origin).to_numpy()
        if before.sum() < LEAST_MODELS:
            continue
        train = panel.select(before)
        learnt = train.scores.notna().sum() >= LEAST_KNOWN
        answers = panel.scores.loc[inside].where(np.broadcast_to(learnt.to_numpy(), (int(inside.sum()), len(learnt))))
        answers = answers[answers.notna().sum(axis=1) > protocol.n_revealed]
        if answers.empty:
            continue
        told = draw(answers, protocol.n_revealed, protocol.seed)
        revealed = answers.where(told) if protocol.n_revealed else None
        folds.append(Fold(str(origin), train, panel.models.loc[answers.index], answers.mask(told), revealed))
    if not folds:
        raise UsageError(
            f"Protocol {protocol.id!r}: panel {panel.name!r} has no month with {LEAST_MODELS} dated models before it "
            f"and a model of more than {protocol.n_revealed} scores in it. Lower --revealed, or use a larger panel."
        )
    return folds


def _usable(panel: Panel, benchmarks: Sequence[str] | None, needed: str) -> Panel:
    if benchmarks is not None:
        panel = panel.select(benchmarks=benchmarks)
    return panel.select((panel.models[needed].notna() & panel.scores.notna().any(axis=1)).to_numpy())


def _fold(protocol: Protocol, panel: Panel, label: str, beyond: np.ndarray) -> Fold:
    hidden = beyond | derived(panel.models, set(panel.models.index[beyond])) if protocol.lineage else beyond
    train = panel.select(~hidden)
    learnt = (train.scores.notna().sum() >= LEAST_KNOWN).to_numpy()
    answers = panel.scores.loc[beyond].where(np.broadcast_to(learnt, (int(beyond.sum()), len(learnt))))
    answers = answers[answers.notna().any(axis=1)]
    if answers.empty or len(train.models) < 2:
        raise UsageError(
            f"Protocol {protocol.id!r} ({label}): {len(train.models)} models of panel {panel.name!r} train and "
            f"{len(answers)} can be asked about. Move the cutoff with --cutoff."
        )
    return Fold(label, train, panel.models.loc[answers.index], answers)
