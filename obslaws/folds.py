"""One refit of a backtest, and the guard that keeps its answers out of its training.

Called by everything that splits a panel. A fold is checked when it is planned and again before it runs.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from obslaws.errors import FitError
from obslaws.panel import Panel

__all__ = ["Fold", "derived", "draw"]


@dataclass(frozen=True)
class Fold:
    """One refit: what trains, who is asked, what came.

    Parameters
    ----------
    name : str
        Test group, or label of the fold.
    train : Panel
        Everything that the fit may see.
    queries : DataFrame of shape (n_queries, n_covariates)
        Held-out models, by id; covariates only.
    held_out : DataFrame of shape (n_queries, n_benchmarks)
        The scores to be forecast, NaN where a score is known or was never measured; columns as in `train`.
    revealed : DataFrame of shape (n_queries, n_benchmarks), optional
        Scores of the queried models that the forecast may use although the fit has not seen them; NaN elsewhere.
    """

    name: str
    train: Panel
    queries: pd.DataFrame
    held_out: pd.DataFrame
    revealed: pd.DataFrame | None = None

    def check(self) -> None:
        """Refuse a fold whose training panel holds a score that is to be forecast, or nothing at all.

        Raises
        ------
        FitError
            The message names the fold and the first cell that leaks.
        """
        asked = self.held_out.notna()
        told = [("in its training panel", self.train.scores)]
        if self.revealed is not None:
            told.append(("revealed", self.revealed))
        for how, scores in told:
            seen = scores.reindex(index=asked.index, columns=asked.columns)
            leaks = np.argwhere((seen.notna() & asked).to_numpy())
            if len(leaks):
                row, column = leaks[0]
                raise FitError(
                    f"Fold {self.name!r}: {len(leaks)} held-out scores are {how}, first "
                    f"{asked.index[row]} on {asked.columns[column]}. A fold must hide what it asks for."
                )
        if self.train.n_cells == 0:
            raise FitError(
                f"Fold {self.name!r} leaves no score to train on: the panel holds nothing but this test group. "
                "Use a panel with more families."
            )


def derived(models: pd.DataFrame, held: set[str]) -> np.ndarray:
    """Mark the models whose chain of base models meets a held-out one.

    Parameters
    ----------
    models : DataFrame of shape (n_models, n_covariates)
        With base_model; indexed by id.
    held : set of str
        Ids of held-out models.

    Returns
    -------
    ndarray of bool, shape (n_models,)
        A circle of base models ends where it began.
    """
    parent = models["base_model"].dropna().to_dict()
    out = np.zeros(len(models), dtype=bool)
    for i, model in enumerate(models.index):
        seen = {model}
        while (model := parent.get(model, "")) and model not in seen:
            if model in held:
                out[i] = True
                break
            seen.add(model)
    return out


def draw(scores: pd.DataFrame, k: int, seed: int) -> np.ndarray:
    """Choose k scores of each row; a row's choice depends on its name and cells alone, not on its neighbours.

    Parameters
    ----------
    scores : DataFrame of shape (n_rows, n_columns)
        NaN where there is none.
    k : int
        How many of each row; all of a row that has fewer.
    seed : int

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns)
    """
    chosen, known = np.zeros(scores.shape, dtype=bool), scores.notna().to_numpy()
    for i, name in enumerate(scores.index):
        there = np.flatnonzero(known[i])
        # each column gets a number of its own, so that the order of columns does not matter either
        ticket = [zlib.crc32(f"{seed}/{name}/{column}".encode()) for column in scores.columns[there]]
        chosen[i, there[np.argsort(ticket, kind="stable")[:k]]] = True
    return chosen
