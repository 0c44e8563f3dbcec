"""Two snapshots side by side: models and scores that were added, changed or removed, and forecasts that would move."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pandas as pd

from obslaws.errors import ExtrapolationWarning
from obslaws.forecasters import forecaster
from obslaws.panel import COVARIATES, Panel
from obslaws.query import query
from obslaws.schema import TABLES
from obslaws.snapshot import Snapshot
from obslaws.views import view_panel

__all__ = ["Difference", "compare", "moved_forecasts"]

_MODEL_FACTS = ("family", "base_family", "variant", "base_model", "n_params", "n_active_params", "n_tokens",
                "train_flop", "release_date")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """What is not the same.

    Parameters
    ----------
    summary : DataFrame of shape (n_groups, 5)
        Columns table, source (empty for models), added, changed, removed.
    models : DataFrame of shape (n_models, 5)
        Columns model, change, attribute, before, after; one row per changed attribute.
    scores : DataFrame of shape (n_scores, 9)
        Key of ``scores``, then change, before, after.
    """

    summary: pd.DataFrame
    models: pd.DataFrame
    scores: pd.DataFrame


def compare(before: Snapshot, after: Snapshot) -> Difference:
    """Compare models and scores by key.

    Parameters
    ----------
    before, after : Snapshot
        The two.

    Returns
    -------
    Difference
    """
    models = _models(before.models, after.models)
    scores = _scores(before.scores, after.scores)
    rows = [("models", "", *_counts(models.drop_duplicates("model")))]
    rows += [("scores", str(s), *_counts(part)) for s, part in scores.groupby("source", sort=True)]
    summary = pd.DataFrame(rows, columns=["table", "source", "added", "changed", "removed"])
    return Difference(summary, models, scores)


def _counts(changes: pd.DataFrame) -> tuple[int, int, int]:
    kinds = changes["change"]
    return int(kinds.eq("added").sum()), int(kinds.eq("changed").sum()), int(kinds.eq("removed").sum())


def _models(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    old, new = before.set_index("model"), after.set_index("model")
    parts = [
        pd.DataFrame({"model": new.index.difference(old.index), "change": "added"}),
        pd.DataFrame({"model": old.index.difference(new.index), "change": "removed"}),
    ]
    both = old.index.intersection(new.index)
    for name in _MODEL_FACTS:
        one, two = old.loc[both, name], new.loc[both, name]
        moved = (one.ne(two) & ~(one.isna() & two.isna())).to_numpy()
        told = pd.DataFrame({"before": one[moved].astype("str"), "after": two[moved].astype("str")})
        parts.append(told.rename_axis("model").reset_index().assign(change="changed", attribute=name))
    columns = ["model", "change", "attribute", "before", "after"]
    return pd.concat(parts, ignore_index=True).reindex(columns=columns).sort_values(["model"], kind="stable")


def _scores(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    key = list(TABLES["scores"].key)
    sides = []
    for frame in (before, after):
        plain = frame[[*key, "score"]].astype(dict.fromkeys(key, "str"))
        sides.append(plain.fillna(dict.fromkeys(key, "")))
    both = sides[0].merge(sides[1], on=key, how="outer", suffixes=("_before", "_after"), indicator=True)
    kinds = both["_merge"].astype("str").map({"left_only": "removed", "right_only": "added", "both": "changed"})
    same = both["_merge"].eq("both") & both["score_before"].eq(both["score_after"])
    out = both.assign(change=kinds)[~same]
    out = out.rename(columns={"score_before": "before", "score_after": "after"})
    return out[[*key, "change", "before", "after"]].sort_values([*key], ignore_index=True)


def moved_forecasts(
    before: Snapshot, after: Snapshot, view: str = "core", name: str = "skill", least: float = 0.002
) -> pd.DataFrame:
    """Fit one forecaster on both and list the forecasts that differ; without a fit where the panels are the same.

    Parameters
    ----------
    before, after : Snapshot
        The two.
    view : str
        View that makes the panels.
    name : str
        Forecaster; the default is the one that `obslaws forecast` uses. ``logit-ols`` fits in a moment.
    least : float
        Smallest move that counts, as a fraction of the score's range.

    Returns
    -------
    DataFrame of shape (n_moved, 6)
        Columns family, n_params, benchmark, before, after, moved: a model twice as large as the family's largest and
        trained on as many tokens, for every family that both panels know; the largest moves first.
    """
    panels = [view_panel(view, snapshot) for snapshot in (before, after)]
    columns = ["family", "n_params", "benchmark", "before", "after", "moved"]
    made_up = _next_models(*panels)
    if made_up.empty or _same(*panels):
        return pd.DataFrame(columns=columns)
    pair = []
    for panel in panels:
        fit = forecaster(name).fit(panel)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExtrapolationWarning)  # nobody plans these models
            asked = pd.concat([query(panel, str(f), float(n), float(d)) for f, n, d in made_up.itertuples(name=None)])
        asked.index = pd.Index(made_up.index.astype("str"), name="model")  # one query per family
        points = pd.DataFrame(fit.predict(asked).point, index=asked.index, columns=panel.scores.columns)
        pair.append(points.stack().rename_axis(["family", "benchmark"]))
    told = pd.concat(pair, axis=1, keys=["before", "after"], join="inner").reset_index()
    told["n_params"] = told["family"].map(made_up["n_params"])
    told["moved"] = told["after"] - told["before"]
    told = told[told["moved"].abs() >= least]
    order = told["moved"].abs().sort_values(ascending=False, kind="stable").index
    return told.loc[order, columns].reset_index(drop=True)


def _same(before: Panel, after: Panel) -> bool:
    """Tell whether two panels hold the same models, scores and covariates; then every fit is the same."""
    return (
        before.scores.equals(after.scores)
        and before.models[[*COVARIATES]].equals(after.models[[*COVARIATES]])
        and before.benchmarks.equals(after.benchmarks)
    )


def _next_models(before: Panel, after: Panel) -> pd.DataFrame:
    """Make up a model for every family that both panels know: twice the largest in size, with as many tokens."""
    largest = []
    for panel in (before, after):
        known = panel.models.dropna(subset=["n_params", "n_tokens"]).sort_values(["n_params", "n_tokens"])
        largest.append(known.groupby("family", observed=True)[["n_params", "n_tokens"]].last())
    both = largest[0].index.intersection(largest[1].index)
    return largest[1].loc[both] * [2.0, 1.0]
