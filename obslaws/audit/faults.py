"""Faults put in by hand, to see how many an audit finds.

In: a panel that is taken as clean. Out: the same panel with known faults, and the share of them that stand out more
than all but 5 % of what was left alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.audit.findings import findings
from obslaws.errors import UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.audit.expected import Expected
    from obslaws.panel import Panel

__all__ = ["FAULTS", "detection", "inject"]

FAULTS = {
    "inflated": "5 to 15 points too high",
    "swapped": "all scores of two models exchanged",
    "x100": "a percentage taken for a fraction twice: a hundredth of the score",
}


def inject(panel: Panel, fault: str, share: float = 0.04, random_state: int = 0) -> tuple[Panel, NDArray[np.bool_]]:
    """Put faults into a panel.

    Parameters
    ----------
    panel : Panel
    fault : str
        A key of `FAULTS`.
    share : float
        Of the scores (``inflated``, ``x100``) or of the models (``swapped``).
    random_state : int

    Returns
    -------
    tuple of Panel and ndarray of bool, shape (M, J)
        The faulty panel, and the cells that are wrong in it.

    Raises
    ------
    UnknownNameError
        No such fault; the nearest is offered.
    """
    if fault not in FAULTS:
        raise UnknownNameError("fault", fault, FAULTS)
    rng = np.random.default_rng(random_state)
    scores = panel.scores.to_numpy(dtype=float).copy()
    known = np.isfinite(scores)
    wrong = np.zeros(scores.shape, dtype=bool)
    if fault == "swapped":
        # two models with scores on the same benchmarks: otherwise the gaps would tell
        able = np.flatnonzero(known.any(axis=1))
        rng.shuffle(able)
        wanted = max(2, 2 * round(share * len(able) / 2))
        free = [int(m) for m in able]
        while wrong.any(axis=1).sum() < wanted and len(free) > 1:
            one = free.pop()
            other = next((m for m in free if (known[m] == known[one]).all() and not _same(scores, one, m)), None)
            if other is not None:
                free.remove(other)
                scores[[one, other]] = scores[[other, one]]
                wrong[[one, other]] = known[[one, other]]
    else:
        rows, columns = np.nonzero(known)
        drawn = rng.choice(len(rows), max(1, round(share * len(rows))), replace=False)
        at = rows[drawn], columns[drawn]
        new = scores[at] + rng.uniform(0.05, 0.15, len(drawn)) if fault == "inflated" else scores[at] / 100.0
        able_ = new <= 1.0
        scores[at[0][able_], at[1][able_]] = new[able_]
        wrong[at[0][able_], at[1][able_]] = True
    return replace(panel, scores=pd.DataFrame(scores, panel.scores.index, panel.scores.columns)), wrong


def _same(scores: NDArray[np.float64], one: int, other: int) -> bool:
    return bool(np.array_equal(scores[one], scores[other], equal_nan=True))


def detection(faulty: Panel, expected: Expected, wrong: NDArray[np.bool_], false_alarms: float = 0.05) -> pd.DataFrame:
    """Count how many of the faults are found.

    Parameters
    ----------
    faulty : Panel
        With faults.
    expected : Expected
        Of the faulty panel.
    wrong : ndarray of bool, shape (M, J)
        The faults.
    false_alarms : float
        Share of right scores, or models, that may stand out as much.

    Returns
    -------
    DataFrame of shape (2, 5)
        judged (``score``, ``model``), n_faults, found (share of the faults that stand out more than all but
        `false_alarms` of what is right), n_reported (findings at 5 % false discoveries), n_reported_right.
    """
    reported = findings(faulty, expected)
    rows = []
    surprises: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {
        "score": (expected.deviate, wrong),
        "model": (expected.row_deviate, np.asarray(wrong.any(axis=1))),
    }
    for kind, (deviate, bad) in surprises.items():
        surprise, judged = np.abs(deviate), np.isfinite(deviate)
        limit = np.quantile(surprise[judged & ~bad], 1.0 - false_alarms)
        found = surprise[judged & bad] > limit
        told = reported[reported["kind"] == kind]
        i = faulty.scores.index.get_indexer(pd.Index(told["model"]))
        right = bad[i, faulty.scores.columns.get_indexer(pd.Index(told["benchmark"]))] if kind == "score" else bad[i]
        rows.append((kind, int(found.size), float(found.mean()) if found.size else np.nan, len(told), int(right.sum())))
    return pd.DataFrame(rows, columns=["judged", "n_faults", "found", "n_reported", "n_reported_right"])
