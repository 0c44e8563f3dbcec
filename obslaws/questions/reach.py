"""The forecast read backwards: which size reaches a score, at so many training tokens.

In: any fitted forecaster and a setting. Out: the sizes at which the forecast, and both ends of its interval, reach the
score. An end that never does so within the sizes asked about is told as open, not as a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import UnknownNameError, UsageError
from obslaws.forecasters.base import check_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.forecasters.base import Forecaster
    from obslaws.questions.setting import Setting

    Array = NDArray[np.float64]

__all__ = ["Reach", "reach"]


@dataclass(frozen=True)
class Reach:
    """Sizes at which a score is reached.

    Parameters
    ----------
    benchmark : str
    score : float
        Fraction, or in the unit of the benchmark.
    n_tokens : float
    n_params : float or None
        Smallest size whose forecast (median) reaches the score; None when none of those asked about does.
    lower, upper : float or None
        Smallest sizes that reach it with probability (1 - level) / 2 and (1 + level) / 2. Lower is None when no size
        has even that chance; upper is None when no size is that sure: the interval is open to the right.
    level : float
    smallest, largest : float
        Sizes asked about.
    known_smallest, known_largest : float
        Sizes of the panel; beyond them the answer is extrapolated.
    best : float
        Highest forecast among the sizes asked about.
    basis : str
        Who answered.
    """

    benchmark: str
    score: float
    n_tokens: float
    n_params: float | None
    lower: float | None
    upper: float | None
    level: float
    smallest: float
    largest: float
    known_smallest: float
    known_largest: float
    best: float
    basis: str

    @property
    def is_extrapolated(self) -> bool:
        """Whether the size, or the closed end of its interval, lies beyond the sizes of the panel."""
        given = [size for size in (self.n_params, self.lower, self.upper) if size is not None]
        return any(not self.known_smallest <= size <= self.known_largest for size in given)


def reach(
    forecaster: Forecaster,
    setting: Setting,
    benchmark: str,
    score: float,
    n_tokens: float,
    level: float = 0.9,
    beyond: float = 10.0,
    n_points: int = 97,
) -> Reach:
    """Find the size that reaches a score.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    setting : Setting
        Family, variant, date.
    benchmark : str
    score : float
        Fraction, or in the unit of the benchmark.
    n_tokens : float
        Training tokens of every size.
    level : float
    beyond : float
        How many times smaller and larger than the panel's models the sizes asked about go.
    n_points : int
        Sizes on the grid, evenly spaced in logs; between them the answer is interpolated.

    Returns
    -------
    Reach

    Raises
    ------
    UnknownNameError
        The panel does not hold the benchmark.
    UsageError
        Score or tokens make no sense.
    """
    check_level(level)
    panel = forecaster.panel_
    columns = list(panel.scores.columns)
    if benchmark not in columns:
        raise UnknownNameError("benchmark", benchmark, columns)
    if panel.benchmarks.at[benchmark, "unit"] == "fraction" and not 0.0 < score < 1.0:
        cure = f" Did you mean {score / 100:g}?" if 1.0 < score < 100.0 else ""
        raise UsageError(f"score is {score:g}; expected a fraction between 0 and 1.{cure}")
    if not (n_tokens > 0 and np.isfinite(n_tokens)):
        raise UsageError(f"n_tokens is {n_tokens:g}; expected a positive, finite count, e.g. 15e12.")
    known = panel.models["n_params"].dropna()
    if known.empty:
        raise UsageError("The panel tells no model's size, so none can be found.")
    size = np.geomspace(known.min() / beyond, known.max() * beyond, n_points)
    queries = setting.queries(size, np.full(n_points, n_tokens))
    answers = forecaster.forecast(queries, benchmarks=[benchmark], level=level)
    crossing = {name: _first(size, answers[name].to_numpy(), score) for name in ("forecast", "lower", "upper")}
    return Reach(
        benchmark, score, n_tokens, crossing["forecast"], crossing["upper"], crossing["lower"], level,
        float(size[0]), float(size[-1]), float(known.min()), float(known.max()),
        float(answers["forecast"].max()), str(pd.unique(answers["basis"])[0]),
    )  # fmt: skip


def _first(size: Array, value: Array, score: float) -> float | None:
    """Smallest size at which the curve reaches the score; between two points in logs."""
    at = np.flatnonzero(value >= score)
    if not len(at):
        return None
    i = int(at[0])
    if i == 0:
        return float(size[0])
    share = (score - value[i - 1]) / (value[i] - value[i - 1])
    return float(np.exp(np.log(size[i - 1]) + share * np.log(size[i] / size[i - 1])))
