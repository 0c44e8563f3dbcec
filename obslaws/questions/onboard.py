"""A benchmark of one's own, on which a few models were scored: added to a panel, so that all others can be forecast.

In: a table of models and scores, and a panel. Out: the panel with one more benchmark, and forecasts on it for every
model that was not scored.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import ObslawsWarning, SchemaError, UnknownNameError, UsageError
from obslaws.quantities import counted, parse_fraction
from obslaws.query import find_model
from obslaws.reading import read_csv

if TYPE_CHECKING:
    from obslaws.forecasters.onboarding import OnboardingForecaster
    from obslaws.panel import Panel

__all__ = ["forecast_new", "read_scores", "with_benchmark"]

_FEWEST = 3
_NAMED = 4  # in a message


def read_scores(path: Path, panel: Panel) -> pd.Series:
    """Read a CSV with the columns model and score.

    Parameters
    ----------
    path : Path
    panel : Panel
        Knows the models; an id's part after the slash is enough where it is unambiguous.

    Returns
    -------
    Series
        Fractions, indexed by the model ids of the panel.

    Raises
    ------
    UsageError
        No such file, a score that is no fraction, a model scored twice, or fewer than three models.
    SchemaError
        A column is missing, or a column ``benchmark`` names several.
    UnknownNameError
        A model that the panel does not hold; the nearest is offered.

    Warns
    -----
    ObslawsWarning
        Rows without a model or a score, which are left out.
    """
    if not path.is_file():
        raise UsageError(f"scores: {str(path)!r}: no such file. Expected a CSV with the columns model and score.")
    text = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
    table = read_csv(path, "a CSV with the columns model and score", **text)
    for column in ("model", "score"):
        if column not in table.columns:
            raise SchemaError(f"{path.name}: no column {column!r}; found {', '.join(map(repr, table.columns))}.")
    _one_benchmark(table, path.name)
    table = table.assign(row=np.arange(len(table)) + 2)
    table = table.drop(index=_blanks(table, path.name))
    rows = zip(table["row"], table["model"], strict=True)
    names = [_known_model(panel, name, f"{path.name}, row {row}") for row, name in rows]
    scores = [parse_fraction(s, f"{path.name}: {m}") for m, s in zip(table["model"], table["score"], strict=True)]
    out = pd.Series(scores, index=pd.Index(names, name="model"), dtype=float)
    if out.index.has_duplicates:
        raise UsageError(f"{path.name}: a second score of {out.index[out.index.duplicated()][0]!r}. Keep one.")
    if len(out) < _FEWEST:
        raise UsageError(
            f"{path.name}: scores of {counted(len(out), 'model')}; expected {_FEWEST} or more, better 5 to 10 that "
            "differ in size."
        )
    return out


def _one_benchmark(table: pd.DataFrame, file: str) -> None:
    if "benchmark" not in table.columns:
        return
    named = list(map(str, table["benchmark"].dropna().unique()))
    if len(named) > 1:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        raise SchemaError(
            f"{file}, column 'benchmark': {len(named)} benchmarks, {', '.join(map(repr, named[:_NAMED]))}{more}; "
            "expected the scores of one new benchmark. Give each a file of its own."
        )


def _blanks(table: pd.DataFrame, file: str) -> pd.Index:
    """Find rows without a model or a score, and say which they are."""
    blank = table[table[["model", "score"]].isna().any(axis=1)]
    told = blank.dropna(subset=["model", "score"], how="all")
    if len(told):
        lacks = np.where(told["model"].isna(), "no model", "no score")
        rows = [f"row {row} ({lack})" for row, lack in zip(told["row"], lacks, strict=True)]
        more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        words = f"{file}: left out, {', '.join(rows[:_NAMED])}{more}."
        warnings.warn(words, ObslawsWarning, stacklevel=3)
    return blank.index


def _known_model(panel: Panel, name: str, where: str) -> str:
    try:
        return find_model(panel.models.index, name)
    except UnknownNameError as error:
        error.args = (
            f"{where}: {error} Leave the row out, take another --view, or let the model join with --add FOLDER.",
        )
        raise


def with_benchmark(
    panel: Panel,
    name: str,
    scores: pd.Series,
    score_floor: float = 0.0,
    n_items: float | None = None,
    ceiling: float | None = None,
) -> Panel:
    """Add a benchmark to a panel.

    Parameters
    ----------
    panel : Panel
    name : str
        Not yet a benchmark of the panel.
    scores : Series
        Fractions by model.
    score_floor : float
        Expected score of guessing, fraction.
    n_items : float, optional
        Questions.
    ceiling : float, optional
        The most a model can score, fraction, where that is known: 1 where a program made questions and answers.

    Returns
    -------
    Panel

    Raises
    ------
    UsageError
        The panel holds the benchmark already; floor, ceiling or number of questions make no sense; or a score lies
        above the ceiling.
    """
    if name in panel.scores.columns:
        raise UsageError(f"The panel holds {name!r} already; call the new benchmark otherwise (--name).")
    if not 0.0 <= score_floor < 1.0:
        raise UsageError(f"score floor is {score_floor:g}; expected a fraction below 1, e.g. 0.25 with four options.")
    if n_items is not None and not n_items >= 1:
        raise UsageError(f"items is {n_items:g}; expected a number of questions, at least 1.")
    if ceiling is not None and not score_floor < ceiling <= 1.0:
        raise UsageError(
            f"ceiling is {ceiling:g}; expected a fraction above the score floor ({score_floor:g}) and at most 1, or "
            "none where only scores can tell."
        )
    if ceiling is not None and (scores > ceiling).any():
        raise UsageError(
            f"{scores.idxmax()!r} scores {scores.max():g}, above the ceiling of {ceiling:g}; correct one of the two, "
            "or leave the ceiling open."
        )
    facts = {"score_floor": score_floor, "ceiling": ceiling, "n_items": n_items, "unit": "fraction", "title": name}
    columns = panel.benchmarks.columns.union(["ceiling"], sort=False)
    row = pd.DataFrame([{c: facts.get(c) for c in columns}], index=pd.Index([name], name="benchmark"))
    benchmarks = pd.concat([panel.benchmarks.astype(object), row.astype(object)])
    for column in ("score_floor", "ceiling", "n_items"):
        if column in benchmarks:
            benchmarks[column] = benchmarks[column].astype(float)
    wide = panel.scores.assign(**{name: scores.reindex(panel.scores.index)})
    wide.columns = benchmarks.index.rename(panel.scores.columns.name)
    return replace(panel, scores=wide, benchmarks=benchmarks.set_axis(wide.columns, axis=0))


def forecast_new(model: OnboardingForecaster, name: str, level: float = 0.9) -> pd.DataFrame:
    """Forecast a new benchmark for every model of the panel that was not scored on it.

    Parameters
    ----------
    model : OnboardingForecaster
        Fitted.
    name : str
    level : float

    Returns
    -------
    DataFrame of shape (n_models, 9)
        The columns of a forecast and n_scores, on how many other benchmarks the model was scored; best first.
    """
    panel = model.panel_
    asked = panel.models[panel.scores[name].isna().to_numpy()]
    answer = model.forecast(asked, benchmarks=[name], level=level)
    others = panel.scores.drop(columns=name).notna().sum(axis=1)
    answer["n_scores"] = others.reindex(answer["model"]).to_numpy(dtype=np.int64)
    return answer.sort_values("forecast", ascending=False, kind="stable", ignore_index=True)
