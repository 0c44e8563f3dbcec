"""Ratings, minutes and prices beside fractions: what knows no floor and no ceiling lies along the middle of the scale.

In: a panel whose benchmarks may have any unit. Out: the same panel in fractions, which is all that forecasters know,
and the way there and back for scores. Between a floor and a ceiling a curve is all but straight in its middle, so a
rating gets the identity for its link; what is a multiple of something, such as minutes, its logarithm. Called by
`obslaws.forecasters.base`, so that every forecaster takes every unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["Units", "only_fractions"]

_MULTIPLES = ("seconds", "minutes", "hours", "days", "dollars", "tokens")
_MIDDLE, _SPREAD = 0.5, 0.1  # where the mean of a benchmark's scores lies on the scale, and one standard deviation
_UNKNOWN_SPREAD = 0.1  # of a benchmark with one score, as a share of it


def only_fractions(panel: Panel) -> Panel:
    """Leave out ratings and other units, of which an error in points would make no sense."""
    keep = _fractions(panel)
    return panel if keep.all() else panel.select(benchmarks=list(panel.scores.columns[keep]))


@dataclass(frozen=True)
class Units:
    """How scores of each benchmark lie on the scale of fractions.

    Parameters
    ----------
    rated : ndarray of bool, shape (J,)
        Benchmarks that are not fractions already.
    multiple : ndarray of bool, shape (J,)
        Those of them that go by their logarithm.
    centre, spread : ndarray of shape (J,)
        Mean and standard deviation of the panel's scores, or of their logarithms.
    """

    rated: NDArray[np.bool_]
    multiple: NDArray[np.bool_]
    centre: Array
    spread: Array

    @classmethod
    def learn(cls, panel: Panel) -> Units:
        """Read the units off a panel's benchmarks, centre and spread off its scores.

        Parameters
        ----------
        panel : Panel
            Nothing but its own scores counts.

        Returns
        -------
        Units
        """
        rated, scores = ~_fractions(panel), panel.scores.to_numpy(dtype=float)
        centre, spread = np.zeros(len(rated)), np.ones(len(rated))
        multiple = rated & np.asarray(panel.benchmarks["unit"].isin(_MULTIPLES), dtype=bool)
        for j in np.flatnonzero(rated):
            seen = scores[np.isfinite(scores[:, j]), j]
            multiple[j] &= bool((seen > 0).all())
            seen = np.log(seen) if multiple[j] else seen
            if len(seen):
                centre[j] = seen.mean()
                spread[j] = seen.std() or _UNKNOWN_SPREAD * (1.0 if multiple[j] else abs(centre[j]) or 1.0)
        return cls(rated, multiple, centre, spread)

    def fractions(self, scores: Array) -> Array:
        """Lay scores on the scale.

        Parameters
        ----------
        scores : ndarray of shape (n, J)
            In the units of the benchmarks, NaN unknown.

        Returns
        -------
        ndarray of shape (n, J)
            Fractions.
        """
        if not self.rated.any():
            return scores
        with np.errstate(invalid="ignore", divide="ignore"):
            level = np.where(self.multiple, np.log(scores), scores)
        return np.where(self.rated, _MIDDLE + _SPREAD * (level - self.centre) / self.spread, scores)

    def scores(self, fractions: Array) -> Array:
        """Read scores off the scale, the inverse of `fractions`.

        Parameters
        ----------
        fractions : ndarray of shape (n, J)

        Returns
        -------
        ndarray of shape (n, J)
            In the units of the benchmarks.
        """
        if not self.rated.any():
            return fractions
        level = self.centre + self.spread * (fractions - _MIDDLE) / _SPREAD
        return np.where(self.rated, np.where(self.multiple, np.exp(np.minimum(level, 700.0)), level), fractions)

    def panel(self, panel: Panel) -> Panel:
        """Turn the panel that was learned from, or one of the same benchmarks, into fractions.

        Parameters
        ----------
        panel : Panel

        Returns
        -------
        Panel
            The same object where all benchmarks are fractions.
        """
        if not self.rated.any():
            return panel
        values = self.fractions(panel.scores.to_numpy(dtype=float))
        scores = pd.DataFrame(values, panel.scores.index, panel.scores.columns)
        facts = {"unit": panel.benchmarks["unit"].mask(self.rated, "fraction")}
        facts["score_floor"] = panel.benchmarks["score_floor"].mask(self.rated, 0.0)
        for name in ("ceiling", "n_items"):
            if name in panel.benchmarks:
                facts[name] = panel.benchmarks[name].mask(self.rated)
        return replace(panel, scores=scores, benchmarks=panel.benchmarks.assign(**facts))


def _fractions(panel: Panel) -> NDArray[np.bool_]:
    return np.asarray(panel.benchmarks["unit"].eq("fraction"), dtype=bool)
