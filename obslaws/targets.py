"""Targets: scores to be forecast, from the user's file or the snapshot, joined to a panel as one more column.

In: a panel of predictors, a table of targets, and which models may be seen. Out: a panel whose last column is marked as
the target and has its held-out cells empty; any forecaster can be fitted to it. Called by splits and by `observe`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import ObslawsWarning, SchemaError, UnknownNameError, UsageError
from obslaws.matching import match_names
from obslaws.names import canonical
from obslaws.panel import Panel, complete_benchmarks
from obslaws.quantities import counted
from obslaws.reading import read_csv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = [
    "Cut",
    "TargetTable",
    "asked_columns",
    "join_target",
    "read_models",
    "read_targets",
    "snapshot_targets",
    "target_column",
]

ROLE, TARGET = "role", "target"
_MODEL = ("model", "Model")
_PERCENT = 100.0
_MOSTLY = 0.5  # share of numbers from which on text in a column is a slip


@dataclass(frozen=True)
class TargetTable:
    """Scores to be forecast.

    Parameters
    ----------
    name : str
        File or view.
    scores : DataFrame of shape (n_models, n_targets)
        Indexed by model, in each target's own unit; NaN not evaluated.
    benchmarks : DataFrame of shape (n_targets, n_facts)
        What is known of each target; score_floor, n_items, unit and title at least.
    """

    name: str
    scores: pd.DataFrame
    benchmarks: pd.DataFrame


@dataclass(frozen=True)
class Cut:
    """Which models train: exactly one rule, inclusive; what is unknown is held out.

    Parameters
    ----------
    flop, params, date : float, float, Timestamp, optional
        Models up to this compute (FLOP), size (count) or release date train.
    top_share : float, optional
        The best-scoring models, this share of all rounded down, are held out.
    models, families : sequence of str, optional
        Held out by name.
    """

    flop: float | None = None
    params: float | None = None
    date: pd.Timestamp | None = None
    top_share: float | None = None
    models: Sequence[str] | None = None
    families: Sequence[str] | None = None

    def train(self, models: pd.DataFrame, score: pd.Series) -> Mask:
        """Mark the training models.

        Parameters
        ----------
        models : DataFrame of shape (n, n_covariates)
        score : Series of shape (n,)
            Of the target, for `top_share`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        UsageError
            No rule, more than one, or a rule that leaves nothing on one side.
        """
        given = [name for name, value in vars(self).items() if value is not None]
        if len(given) != 1:
            raise UsageError(
                f"A split needs exactly one rule; found {', '.join(given) or 'none'}. "
                "Give a cutoff in compute, size or date, families, a file of test models, or a share of the best."
            )
        train = np.asarray(self._rule(models, score), dtype=bool)
        if not train.any() or train.all():
            side, other = ("trains", "is held out") if train.any() else ("is held out", "trains")
            raise UsageError(
                f"The split by {given[0]} leaves nothing: every one of {len(train)} models with a score {side}, none "
                f"{other}. {self._span(models)}"
            )
        return train

    def _rule(self, models: pd.DataFrame, score: pd.Series) -> pd.Series | Mask:
        if self.flop is not None:
            # 6 N D of a published table may differ from the cutoff in the last digit
            return models["train_flop"] <= self.flop * (1.0 + 1e-9)
        if self.params is not None:
            return models["n_params"] <= self.params * (1.0 + 1e-9)
        if self.date is not None:
            return pd.to_datetime(models["release_date"]) <= self.date
        if self.top_share is not None:
            n_top = int(np.floor(self.top_share * len(score)))
            return ~score.index.isin(score.sort_values(ascending=False, kind="stable").index[:n_top])
        if self.families is not None:
            for family in self.families:
                if family not in set(models["family"]):
                    raise UnknownNameError("family", family, models["family"].unique())
            return ~models["family"].isin(self.families)
        return ~models.index.isin(list(self.models or ()))

    def _span(self, models: pd.DataFrame) -> str:
        column = "train_flop" if self.flop is not None else "n_params" if self.params is not None else ""
        if not column:
            return "Choose others."
        known = models[column].dropna()
        return f"Their {column} runs from {known.min():.3g} to {known.max():.3g}." if len(known) else f"No {column}."


def join_target(
    panel: Panel,
    table: TargetTable,
    target: str,
    score_range: tuple[float, float],
    cut: Cut,
    without: Iterable[str] = (),
    held_out: Iterable[str] = (),
) -> tuple[Panel, pd.Series]:
    """Join one target to a panel and hide what is held out.

    Parameters
    ----------
    panel : Panel
        Predictors.
    table : TargetTable
    target : str
        Column of `table`.
    score_range : (float, float)
        Guessing and perfect, in the target's unit.
    cut : Cut
        Which models train.
    without : iterable of str
        Benchmarks of the panel that may not be used.
    held_out : iterable of str
        Models that are held out whatever the cut says.

    Returns
    -------
    panel : Panel
        Only models with a score on the target. The target is the last column, divided by the top of its range, with the
        bottom as its ``score_floor``; ``role`` says ``"target"``, and held-out cells are NaN.
    score : Series of shape (n_models,)
        All scores of the target in the same unit.

    Raises
    ------
    SchemaError
        No model in common, or scores far outside the range.
    UnknownNameError, UsageError
        A target, a benchmark, a range or a split that does not make sense.
    """
    low, high = score_range
    if not 0.0 <= low < high:
        raise UsageError(f"score range {low:g},{high:g}: expected 0 <= low < high, e.g. 0.25,1 or 0,100.")
    if target not in table.scores:
        raise UnknownNameError("column", target, table.scores.columns)
    column = table.scores[target].dropna()
    column = column[column.index.isin(panel.scores.index)]
    if column.empty:
        seen = ", ".join(map(repr, list(table.scores.index)[:3]))
        raise SchemaError(
            f"{table.name}: none of the {len(table.scores)} models ({seen}, ...) with a score on {target!r} is in "
            f"panel {panel.name!r} of {counted(len(panel.models), 'model')}. Models are named as in the panel, e.g. "
            f"{_example(table.scores.index, panel)}; see `obslaws families`."
        )
    if column.max() > high * (1.0 + 1e-9):
        raise SchemaError(
            f"{table.name}, column {target!r}: found {column.max():g} ({column.idxmax()}), above the top of the score "
            f"range {low:g},{high:g}. Give --score-range, e.g. 0,100 for percentages."
        )
    if high >= _PERCENT and column.max() <= 1.0:
        raise SchemaError(
            f"{table.name}, column {target!r}: no score is above {column.max():g}, and the score range is "
            f"{low:g},{high:g}. Fractions have the range 0,1: give --score-range {low / high:g},1. If these are a "
            "hundredth of a perfect score or less, divide them and the range by its top."
        )
    predictors = [b for b in panel.scores.columns if b != target]
    for name in without:
        if name not in panel.scores.columns:
            raise UnknownNameError("benchmark", name, panel.scores.columns)
    predictors = [b for b in predictors if b not in set(without)]
    rows = panel.scores.index[panel.scores.index.isin(column.index)]
    score = (column.loc[rows] / high).rename(target)
    train = cut.train(panel.models.loc[rows], score) & ~rows.isin(list(held_out))
    facts = _facts(table, target, low / high, scaled=high != 1.0)
    benchmarks = pd.concat([panel.benchmarks.loc[predictors].assign(**{ROLE: "predictor"}), facts])
    scores = panel.scores.loc[rows, predictors].assign(**{target: score.where(train)})
    joined = replace(
        panel, models=panel.models.loc[rows], scores=scores, benchmarks=benchmarks.rename_axis(index="benchmark")
    )
    return joined, score


def _facts(table: TargetTable, target: str, floor: float, scaled: bool) -> pd.DataFrame:
    row = table.benchmarks.loc[[target]].copy()
    row["score_floor"], row["unit"], row[ROLE] = floor, "fraction", TARGET
    if scaled and "n_items" in row:
        row["n_items"] = np.nan  # a mark out of ten, not a share of right answers
    return row


def target_column(panel: Panel) -> str | None:
    """Name the target of a panel made by `join_target`; None for any other panel.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    str or None
    """
    if ROLE not in panel.benchmarks:
        return None
    marked = panel.benchmarks.index[panel.benchmarks[ROLE] == TARGET]
    return str(marked[0]) if len(marked) else None


def snapshot_targets(name: str, panel: Panel, snapshot: str | None = None) -> TargetTable:
    """Find targets that are in the snapshot: a view, a benchmark of the panel, or any benchmark of the snapshot.

    Parameters
    ----------
    name : str
        Name of a view or id of a benchmark.
    panel : Panel
        The panel that is to predict them.
    snapshot : str, optional
        Snapshot; the newest by default.

    Returns
    -------
    TargetTable
        A benchmark that several sources measured has the first source's score, by the order of `obslaws.sources`.

    Raises
    ------
    UnknownNameError
        Neither a view nor a benchmark.
    """
    from obslaws.snapshot import load_snapshot
    from obslaws.sources import SOURCES
    from obslaws.views import list_views, view_panel

    views = list_views()
    if name in views:
        found = view_panel(name, snapshot)
        return TargetTable(name, found.scores, found.benchmarks)
    if name in panel.scores.columns:
        return TargetTable(panel.name, panel.scores[[name]], panel.benchmarks.loc[[name]])
    data = load_snapshot(snapshot)
    facts = complete_benchmarks(data.benchmarks)
    if name not in facts.index:
        raise UnknownNameError("target (file, view or benchmark)", name, [*views, *facts.index])
    scores = data.scores_from(list(SOURCES), [name]).astype({"source": "str", "model": "str"})
    order = scores["source"].map({source: i for i, source in enumerate(SOURCES)})
    first = scores.assign(order=order).sort_values("order", kind="stable").drop_duplicates("model")
    return TargetTable(name, first.set_index("model")[["score"]].set_axis([name], axis=1), facts.loc[[name]])


def read_targets(path: Path, panel: Panel, columns: Sequence[str] | None = None) -> TargetTable:
    """Read the user's own targets: a CSV with a column of models and one column per target.

    Parameters
    ----------
    path : Path
        The column of models is called ``model`` or ``Model``; names may differ from the panel's in case.
    panel : Panel
        The panel that is to predict them; its spelling of a model is kept.
    columns : sequence of str, optional
        Targets, see `asked_columns`; by default every column of which half or more are numbers.

    Returns
    -------
    TargetTable

    Raises
    ------
    SchemaError
        No such file, no models, a model twice, text where a number should be.
    UnknownNameError
        A column that the file does not have.
    """
    shape = "expected a CSV with a column 'model' and one column of scores per target"
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; {shape}.")
    table = read_csv(path, shape.removeprefix("expected "), dtype="str", keep_default_na=False)
    named = next((c for c in _MODEL if c in table), None)
    if named is None:
        raise SchemaError(f"{path.name}: no column 'model'; found {', '.join(map(repr, table.columns))}; {shape}.")
    if table.empty:
        raise SchemaError(f"{path.name}: no rows below the header; {shape}.")
    models = table[named].str.strip()
    if (models == "").any():
        raise SchemaError(f"{path.name}, row {int(np.flatnonzero(models == '')[0]) + 2}: no model. Fill it in.")
    models = _spelt(models, panel)
    doubled = models.duplicated()
    if doubled.any():
        at = int(np.flatnonzero(doubled)[0])
        raise SchemaError(f"{path.name}, row {at + 2}: {models.iloc[at]} stands twice. Keep one row per model.")
    wanted = (
        asked_columns(columns, list(map(str, table.columns)))
        if columns
        else [c for c in map(str, table.columns) if c != named and _is_mostly_numbers(table[c])]
    )
    for name in wanted:
        if name not in table:
            raise UnknownNameError("column", name, [c for c in map(str, table.columns) if c != named])
    if not wanted:
        raise SchemaError(f"{path.name}: no column of numbers beside {named!r}; {shape}.")
    scores = pd.DataFrame({c: _numbers(table[c], c, path.name).to_numpy() for c in wanted}, index=pd.Index(models))
    facts = complete_benchmarks(
        pd.DataFrame({"benchmark": wanted, "title": wanted, "unit": None, "score_floor": np.nan})
    )
    return TargetTable(path.name, scores.rename_axis("model"), facts.assign(ceiling=np.nan, n_items=np.nan))


def read_models(path: Path, panel: Panel) -> list[str]:
    """Read a list of models: CSV with a column ``model`` or ``Model``.

    Parameters
    ----------
    path : Path
    panel : Panel
        Its spelling of a model is kept.

    Returns
    -------
    list of str

    Raises
    ------
    SchemaError
        No such file, no column of models, or no model of the panel among them.
    """
    if not path.is_file():
        raise SchemaError(f"{path}: no such file; expected a CSV with a column 'model'.")
    table = read_csv(path, "a CSV with a column 'model'", dtype="str", keep_default_na=False)
    named = next((c for c in _MODEL if c in table), None)
    if named is None:
        found = ", ".join(map(repr, table.columns))
        raise SchemaError(f"{path.name}: no column 'model'; found {found}. Name the column of models 'model'.")
    models = _spelt(table[named].str.strip(), panel)
    matching = match_names(models, panel.scores.index)
    known = [str(name) for name in models[models.isin(panel.scores.index)]]
    if known and matching.unmatched:
        warnings.warn(matching.words(path.name, panel.name), ObslawsWarning, stacklevel=2)
    if not known:
        raise SchemaError(
            f"{path.name}: none of its {len(table)} models is in panel {panel.name!r}; models are named as in the "
            f"panel, e.g. {_example(models, panel)}."
        )
    return known


def _example(names: Iterable[str], panel: Panel) -> str:
    """Quote what the first name may have been meant to be, else any model of the panel."""
    near = next(iter(match_names(names, panel.scores.index, 1).nearest.values()), None)
    return repr(near or str(panel.models.index[0]))


def _spelt(models: pd.Series, panel: Panel) -> pd.Series:
    """Give models the panel's spelling: letters apart, or by the names that were decided by hand."""
    spelling = {str(name).lower(): str(name) for name in panel.scores.index}
    return models.map(lambda name: spelling.get(name.lower(), spelling.get(canonical(name).lower(), name)))


def asked_columns(texts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Read which columns are meant: a name as it stands, commas included, or several names separated by commas.

    Parameters
    ----------
    texts : sequence of str
    known : sequence of str
        Columns that there are.

    Returns
    -------
    list of str
        Names that are not known stay as they are, for the error that follows.

    Examples
    --------
    >>> asked_columns(["a,b", "c,strict"], ["a", "b", "c,strict"])
    ['a', 'b', 'c,strict']
    """
    out: list[str] = []
    for text in texts:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        out += [text] if text in known or not set(parts) & set(known) else parts
    return list(dict.fromkeys(out))


def _is_mostly_numbers(values: pd.Series) -> bool:
    filled = values[values.str.strip() != ""]
    return bool(len(filled)) and bool(pd.to_numeric(filled, errors="coerce").notna().mean() >= _MOSTLY)


def _numbers(values: pd.Series, column: str, where: str) -> pd.Series:
    text = values.str.strip()
    out = pd.to_numeric(text.where(text != ""), errors="coerce").astype("float64")
    wrong = out.isna() & (text != "") | np.isinf(out)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise SchemaError(
            f"{where}, row {at + 2}, column {column!r}: found {values.iloc[at]!r}, expected a number. "
            "Correct it, or leave it empty where the model was not evaluated; a column that is no target is left out "
            "by naming the others (--column)."
        )
    return out
