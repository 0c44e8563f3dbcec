"""Models that nobody trained: a family, and any size and tokens; the place that the other questions are asked at.

In: a fitted skill forecaster and a family. Out: covariates over a grid of sizes and tokens, and the posterior draws of
expected scores there. Everything else that the model knows (chat tuning, release date, sparsity) is held fixed along
the grid; a date left unknown would be guessed from size and tokens and would lend them what belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.days import parse_day
from obslaws.errors import UnknownNameError
from obslaws.families import match_family
from obslaws.links import logistic
from obslaws.skill.covariates import raw_covariates
from obslaws.skill.surface import normal_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.panel import Panel

    Array = NDArray[np.float64]

__all__ = ["Setting", "find_setting", "known_dates", "score_draws"]

AVERAGE = "(average family)"


@dataclass(frozen=True)
class Setting:
    """What is held fixed while size and tokens vary.

    Parameters
    ----------
    family, base_family, variant : str
        `AVERAGE` for a family without effect.
    release_date : Timestamp or None
        None or NaT where the panel knows no date at all.
    org : str or None
    n_members : int
        Models of the family in the panel.
    """

    family: str
    base_family: str
    variant: str
    release_date: pd.Timestamp | None
    org: str | None
    n_members: int

    def queries(self, n_params: Array, n_tokens: Array) -> pd.DataFrame:
        """Dense models of these sizes (n,) and tokens (n,), as `Forecaster.forecast` takes them."""
        rows: dict[str, Any] = {
            "org": self.org,
            "family": self.family,
            "base_family": self.base_family,
            "variant": self.variant,
            "base_model": None,
            "n_params": n_params,
            "n_active_params": n_params,
            "n_tokens": n_tokens,
            "train_flop": 6.0 * n_params * n_tokens,
            "release_date": self.release_date,
        }
        index = pd.Index([f"{self.family} place {i}" for i in range(len(n_params))], name="model")
        return pd.DataFrame(rows, index=index)


def find_setting(
    panel: Panel, family: str | None = None, variant: str | None = None, release_date: str | None = None
) -> Setting:
    """Find what is held fixed.

    Parameters
    ----------
    panel : Panel
    family : str, optional
        An average family by default.
    variant : {"base", "chat"}, optional
    release_date : str, optional
        By default that of the family's newest member, or the newest of the panel.

    Returns
    -------
    Setting

    Raises
    ------
    UnknownNameError
        A family that the panel does not hold; the nearest is offered.
    UsageError
        The date is none.
    """
    dates = pd.to_datetime(panel.models["release_date"])
    if family is None:
        name, base, org, n_members, variant = AVERAGE, AVERAGE, None, 0, variant or "base"
    else:
        match = match_family(panel, family, variant)
        if not match.known and not match.base_known:
            raise UnknownNameError("family", family, panel.models["family"].unique(), match.nearest)
        name, base, org, variant = match.family, match.base_family, match.org, match.variant or "base"
        members = (panel.models["family"] == name).to_numpy()
        n_members = int(members.sum())
        kin = members if n_members else (panel.models["base_family"] == base).to_numpy()
        dates = dates[kin] if dates[kin].notna().any() else dates
    date = dates.max() if release_date is None else parse_day(release_date, "release date")
    return Setting(name, base, variant, date, org, n_members)


def score_draws(
    model: SkillForecaster, setting: Setting, queries: pd.DataFrame, at: NDArray[np.intp], n_draws: int, seed: int = 0
) -> tuple[Array, Array]:
    """Draw expected scores of a family's models from the posterior: what residuals and noise add is left out.

    Parameters
    ----------
    model : SkillForecaster
        Fitted.
    setting : Setting
    queries : DataFrame of shape (n, n_covariates)
        From `Setting.queries`.
    at : ndarray of int, shape (b,)
        Columns of the benchmarks.
    n_draws : int
        Over all fits together.
    seed : int

    Returns
    -------
    tuple of ndarray
        Expected scores of shape (1 + S, n, b), the estimate first, then S draws; and the coefficient of the product of
        size and tokens in each, shape (1 + S, b), positive where growing both together pays more than either alone.
    """
    rng = np.random.default_rng(seed)
    x = model.scale_.apply(known_dates(model, queries))[0]
    x = np.column_stack([np.ones(len(x)), x])
    product = _product_column(model)
    family = model.family_index_.get(setting.family, -1)
    base = model.base_index_.get(setting.base_family, -1)
    points, drawn, interactions, point_interaction = [], [], [], []
    n = len(at)
    for fit, surface, weight in zip(model.fits_, model.surfaces_, model.weights_, strict=True):
        mean, cov = surface.lines(at, family, base)
        draws = normal_draws(mean.ravel(), cov, max(1, round(n_draws * weight)), rng).reshape(-1, *mean.shape)
        floor, room = fit.floors[at], (fit.ceilings - fit.floors)[at]
        points.append(weight * (floor + room * logistic(x @ mean.T)))
        drawn.append(floor + room * logistic(np.einsum("nk,sbk->snb", x, draws)))
        point_interaction.append(weight * (mean[:, product] if product else np.zeros(n)))
        interactions.append(draws[:, :, product] if product else np.zeros((len(draws), n)))
    scores = np.concatenate([np.sum(points, axis=0)[None], *drawn])
    return scores, np.concatenate([np.sum(point_interaction, axis=0)[None], *interactions])


def known_dates(model: SkillForecaster, queries: pd.DataFrame) -> Array:
    """Raw covariates of queries, an unknown date put in the middle of the training models'; shape (n, 9)."""
    raw = raw_covariates(queries, model.siblings_)
    raw[:, 4] = np.where(np.isfinite(raw[:, 4]), raw[:, 4], model.scale_.centre[4])
    return raw


def _product_column(model: SkillForecaster) -> int:
    """Column of size x tokens among the coefficients, intercept first; 0 where the data carry none."""
    used = model.scale_.used
    return int(used.sum()) if used[-1] else 0
