"""Observational scaling laws of any downstream table: join, split, fit, forecast, compare.

In: a panel, a table of targets, and what may be seen. Out: one `Outcome` per target and predictor, and the sweep over
splits of growing difficulty. Called by the command line and notebooks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.downstream.predictors import predictor as check_predictor
from obslaws.errors import UnknownNameError, UsageError
from obslaws.folds import Fold
from obslaws.forecasters import FORECASTERS
from obslaws.forecasters import forecaster as make_forecaster
from obslaws.forecasters.base import Forecaster, check_level
from obslaws.outcomes import Outcome, outcome
from obslaws.splits import target_fold
from obslaws.targets import Cut, TargetTable

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["CONFIGS", "area_under_errors", "observe", "observe_fold", "predictor_forecaster", "sweep"]

CONFIGS = {"default": "observational", "paper": "observational-paper"}


def observe(
    panel: Panel,
    table: TargetTable,
    cut: Cut,
    columns: Sequence[str] | None = None,
    predictors: Sequence[str] = ("",),
    *,
    config: str = "default",
    link: str | None = None,
    score_range: tuple[float, float] | None = None,
    without: Sequence[str] = (),
    reference_family: str | None = None,
    level: float = 0.9,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[Outcome]]:
    """Fit laws of downstream scores and forecast the held-out models.

    Parameters
    ----------
    panel : Panel
        What predicts.
    table : TargetTable
        What is forecast, see `obslaws.targets`.
    cut : Cut
        Which models train.
    columns : sequence of str, optional
        Targets; all of the table by default.
    predictors : sequence of str
        ``compute``, ``size``, ``pc1`` to ``pc4``, ``skill``, a benchmark of the panel, or the name of any forecaster;
        an empty name is the configuration's own.
    config : {"default", "paper"}
    link : {"logistic", "logistic-floor"}, optional
        Whether the floor of the law is free.
    score_range : (float, float), optional
        Guessing and perfect, in the targets' unit; by default what the snapshot knows, else 0 and 1.
    without : sequence of str
        Benchmarks of the panel that may not predict.
    reference_family : str, optional
        Of the equivalent-FLOP line.
    level : float
        Nominal coverage of the intervals.
    progress : callable, optional
        Called with (fits done, fits in all).

    Returns
    -------
    list of list of Outcome
        One row per predictor, the same targets in each.

    Raises
    ------
    UnknownNameError, UsageError, SchemaError, FitError
        Anything that does not make sense; the message says what to do.

    Examples
    --------
    >>> from obslaws import load_panel
    >>> from obslaws.targets import snapshot_targets
    >>> panel = load_panel("ruan2024")
    >>> table = snapshot_targets("ruan2024-emergent", panel)
    >>> found = observe(panel, table, Cut(flop=8.4e22), ["bigbench_word_unscrambling"])
    >>> found[0][0].summary()["n_train"]
    44
    """
    check_level(level)
    wanted = list(columns or table.scores.columns)
    folds = []
    for target in wanted:
        if target not in table.scores:
            raise UnknownNameError("column", target, table.scores.columns)
        folds.append(target_fold(panel, table, target, _range(table, target, score_range), cut, without))
    rows: list[list[Outcome]] = []
    done = 0
    for name in predictors:
        model = predictor_forecaster(name, folds[0].train, config, link, reference_family)
        row = []
        for fold, target in zip(folds, wanted, strict=True):
            unit = _range(table, target, score_range)[1]
            row.append(observe_fold(fold, model, name or CONFIGS[config], unit, level))
            done += 1
            if progress is not None:
                progress(done, len(predictors) * len(folds))
        rows.append(row)
    return rows


def _range(table: TargetTable, target: str, given: tuple[float, float] | None) -> tuple[float, float]:
    if given is not None:
        return given
    facts: Any = table.benchmarks.loc[target]
    unit = str(facts["unit"])
    if unit not in ("fraction", "chance-corrected fraction"):
        raise UsageError(f"Target {target!r} is in {unit}. Give the scores of guessing and perfect with --score-range.")
    return float(facts["score_floor"]), 1.0


def observe_fold(fold: Fold, model: Forecaster, name: str, unit: float = 1.0, level: float = 0.9) -> Outcome:
    """Fit a copy of a forecaster to one fold with a target and ask it for every model.

    Parameters
    ----------
    fold, name, unit, level
        See `obslaws.outcomes.outcome`.
    model : Forecaster
        Its settings are used.

    Returns
    -------
    Outcome
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return outcome(fold, copy.deepcopy(model).fit(fold.train), name, unit, level)


def predictor_forecaster(
    name: str,
    panel: Panel,
    config: str = "default",
    link: str | None = None,
    reference_family: str | None = None,
) -> Forecaster:
    """Make the forecaster that a predictor's name means.

    Parameters
    ----------
    name : str
        As in `observe`.
    panel : Panel
        With the target joined; its other benchmarks may be named.
    config, link, reference_family
        As in `observe`.

    Returns
    -------
    Forecaster
        Not fitted.

    Raises
    ------
    UnknownNameError, UsageError
    """
    if config not in CONFIGS:
        raise UsageError(f"config is {config!r}; expected one of {', '.join(CONFIGS)}.")
    laws = ("", "compute", "size")
    if name in FORECASTERS and name not in (*laws, *CONFIGS.values()):
        return make_forecaster(name)
    settings = {"link": link, "reference_family": reference_family}
    if name in CONFIGS.values():
        return make_forecaster(name, **settings)
    if name:
        check_predictor(name, [b for b in panel.scores.columns if panel.benchmarks.loc[b, "role"] != "target"])
    return make_forecaster(CONFIGS[config], predictor=name or None, **settings)


def sweep(
    panel: Panel,
    table: TargetTable,
    target: str,
    predictors: Sequence[str] = ("",),
    *,
    by: str = "score",
    config: str = "default",
    link: str | None = None,
    score_range: tuple[float, float] | None = None,
    without: Sequence[str] = (),
    shares: Sequence[float] = tuple(np.linspace(0.60, 0.05, 30)),
) -> pd.DataFrame:
    """Hold out ever fewer of the best, or largest, models: how error grows with the length of the extrapolation.

    Parameters
    ----------
    panel, table, target, predictors, config, link, score_range, without
        As in `observe`.
    by : {"score", "compute"}
        Whether the models that are held out are those with the best scores or with the most compute (unknown first).
    shares : sequence of float
        Shares of the models that are held out.

    Returns
    -------
    DataFrame of shape (n_shares * n_predictors, 6)
        Columns predictor, share, n_train, n_test, train_mse, test_mse.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 3.5: 30 splits from 60 % to 5 % held out.
    """
    if by not in ("score", "compute"):
        raise UsageError(f"by is {by!r}; expected score or compute.")
    rows = []
    known = table.scores[target].dropna()
    inside = panel.models.loc[panel.models.index.isin(known.index)]
    flop = inside["train_flop"].sort_values(ascending=False, na_position="first", kind="stable")
    for share in shares:
        cut = Cut(top_share=share) if by == "score" else Cut(models=list(flop.index[: int(share * len(flop))]))
        found = observe(
            panel, table, cut, [target], predictors, config=config, link=link, score_range=score_range, without=without
        )
        for row in found:
            told = row[0].summary()
            rows.append(
                {
                    "predictor": told["forecaster"], "share": float(share),
                    **{k: told[k] for k in ("n_train", "n_test", "train_mse", "test_mse")},
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def area_under_errors(swept: pd.DataFrame) -> pd.Series:
    """Area under the test error over the held-out share, per predictor: small where a law carries far.

    Parameters
    ----------
    swept : DataFrame
        From `sweep`.

    Returns
    -------
    Series of float, indexed by predictor
        Trapezoids; the width of the axis is not divided out.
    """
    from scipy.integrate import trapezoid

    areas = {}
    for name, part in swept.groupby("predictor", sort=False):
        ordered = part.sort_values("share", kind="stable")
        areas[str(name)] = float(trapezoid(ordered["test_mse"], ordered["share"]))
    return pd.Series(areas, name="area")
