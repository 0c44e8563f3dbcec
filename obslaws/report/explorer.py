"""The explorer's data: all that a page needs to forecast by itself, as plain JSON.

In: a fitted `SkillForecaster` and, if known, where each score comes from. Out: a dictionary of numbers and names, and
the page made of it. A pure function of the fit: nothing is read, nothing is drawn at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.forecasters.base import complete_queries
from obslaws.forecasters.past_errors import GROWTH, grown
from obslaws.forecasters.skill import SkillForecaster
from obslaws.forecasters.stretch import DAYS, MOST_TOLD
from obslaws.report.captions import data_caption
from obslaws.report.html import render
from obslaws.report.large_moments import LargeMoments, large_moments
from obslaws.report.moments import Moments, check_moments, latent, moments
from obslaws.report.packing import cell, plain
from obslaws.skill.covariates import made_for
from obslaws.skill.neighbours import RANGE
from obslaws.skill.posterior import NODE_WEIGHTS, NODES
from obslaws.skill.sparse_surface import SparseSurface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel
    from obslaws.skill.posterior import LatentPredictive

    Array = NDArray[np.float64]

__all__ = ["explorer_data", "explorer_page"]

_N_CHECKED = 24


def explorer_data(
    forecaster: Forecaster,
    origins: pd.DataFrame | None = None,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Export a fitted forecaster.

    Parameters
    ----------
    forecaster : Forecaster
        A fitted `SkillForecaster`.
    origins : DataFrame of shape (n_models, n_benchmarks), optional
        Source id of each score of the panel; same labels as its scores, missing where not known.
    sources : mapping of str to mapping, optional
        Source id -> title, url, licence, as in a snapshot's manifest.

    Returns
    -------
    dict
        Plain lists, numbers and strings: caption, benchmarks, scale of the covariates, smallest sibling of each
        family, families with the means and covariances of their logits (see `obslaws.report.moments`), models with
        the places of the benchmarks that they were scored on, scores and sources.

    Raises
    ------
    UsageError
        Another forecaster than the skill model, or noise whose distribution the page cannot sum.
    FitError
        The export does not reproduce the forecasts.
    """
    if not isinstance(forecaster, SkillForecaster):
        raise UsageError(f"The explorer computes forecasts of 'skill'; it cannot those of {forecaster.name!r}.")
    panel = forecaster.panel_
    relatives = _relatives(panel, forecaster)
    found = _parts(forecaster, relatives)
    queries = _queries(panel, relatives)
    at = np.unique(np.linspace(0, len(relatives) - 1, _N_CHECKED).astype(np.intp))
    check_moments(forecaster, found, queries.iloc[at], at)
    answer = latent(forecaster, queries)
    if answer.dof % 2:
        raise UsageError(f"The explorer needs an even number of degrees of freedom of the noise, not {answer.dof:g}.")
    fits = [_fit_record(one, answer, k, forecaster.fits_[k].variances.told_noise) for k, one in enumerate(found)]
    return {
        "caption": data_caption(panel),
        "benchmarks": _benchmarks(panel),
        "scale": _scale(forecaster),
        "siblings": _siblings(forecaster, relatives, found[0]),
        "dof": int(answer.dof),
        "nodes": NODES.tolist(),
        "node_weights": NODE_WEIGHTS.tolist(),
        "n_items": [None if np.isinf(n) else float(n) for n in answer.n_items],
        "fits": fits,
        "families": _families(forecaster, queries, relatives, found[0]),
        "beyond": _beyond(forecaster),
        "models": _models(panel, origins),
        "sources": {key: {k: one.get(k) for k in ("title", "url", "licence")} for key, one in (sources or {}).items()},
    }


def explorer_page(data: dict[str, Any], command: str = "") -> str:
    """Write the page: one file, no request to anywhere.

    Parameters
    ----------
    data : dict
        From `explorer_data`.
    command : str
        As `obslaws.report.html.render`.

    Returns
    -------
    str
        HTML.
    """
    scripts = ("arithmetic.js", "explorer_charts.js", "explorer.js")
    told = {"title": "obslaws explorer", "caption": data["caption"], "command": command}
    return render("explorer.html.j2", **told, data=data, scripts=scripts)


def _relatives(panel: Panel, forecaster: SkillForecaster) -> pd.DataFrame:
    """List what a new model can be: of a known family, a new family of a known base family, or of none."""
    models = panel.models.astype({"family": "object", "base_family": "object", "org": "object", "variant": "object"})
    rows = []
    for name, members in models.groupby("family", sort=True):
        family = str(name)
        common = {c: members[c].mode().iloc[0] if members[c].notna().any() else None for c in ("base_family", "org")}
        variant = members["variant"].mode().iloc[0]
        kind = {"kind": "family", "family": family, "variant": variant, "n_models": len(members)}
        rows.append(kind | common | {"family_index": forecaster.family_index_[family], "base_index": -1})
    for name, members in models.groupby("base_family", sort=True):
        base = str(name)
        if base in forecaster.base_index_ and len(members["family"].unique()) == 1:
            kind = {"kind": "base family", "family": f"{base} (new sibling)", "variant": "unknown", "n_models": 0}
            common = {"base_family": base, "org": members["org"].mode().get(0)}
            rows.append(kind | common | {"family_index": -1, "base_index": forecaster.base_index_[base]})
    fresh = "a new family"
    while fresh in forecaster.family_index_:
        fresh += "'"
    blank = {"kind": "pooled", "family": fresh, "base_family": fresh, "org": None, "variant": "unknown", "n_models": 0}
    return pd.DataFrame([blank | {"family_index": -1, "base_index": -1}, *rows])


def _queries(panel: Panel, relatives: pd.DataFrame) -> pd.DataFrame:
    """Describe one new model for each kind of relatives: the family's own middle, or the panel's."""
    models = panel.models
    middle = models[["n_params", "n_active_params", "n_tokens"]].median()
    grouped = models.groupby("family", sort=True)
    own = pd.DataFrame(
        {
            # the largest known member: the place from which most questions start
            **{c: grouped[c].max() for c in ("n_params", "n_tokens")},
            "release_date": grouped["release_date"].max(),
        }
    ).reindex(relatives["family"])
    largest = (
        models.sort_values("n_params", kind="stable")
        .groupby("family")["n_active_params"]
        .last()
        .reindex(relatives["family"])
    )
    frame = pd.DataFrame(
        {
            "family": relatives["family"].to_numpy(),
            "base_family": relatives["base_family"].to_numpy(),
            "org": relatives["org"].to_numpy(),
            "variant": relatives["variant"].to_numpy(),
            "n_params": own["n_params"].fillna(middle["n_params"]).to_numpy(),
            "n_active_params": largest.fillna(own["n_params"]).fillna(middle["n_active_params"]).to_numpy(),
            "n_tokens": own["n_tokens"].fillna(middle["n_tokens"]).to_numpy(),
            "release_date": own["release_date"].to_numpy(),
        },
        index=[f"query {i}" for i in range(len(relatives))],
    )
    # a panel of one's own may know no size or no tokens at all
    frame[["n_params", "n_active_params"]] = frame[["n_params", "n_active_params"]].fillna(7e9)
    frame["n_active_params"] = np.minimum(frame["n_active_params"], frame["n_params"])
    frame["n_tokens"] = frame["n_tokens"].fillna(1e12)
    return complete_queries(frame)


def _parts(forecaster: SkillForecaster, relatives: pd.DataFrame) -> list[Moments | LargeMoments]:
    family, base = relatives[["family_index", "base_index"]].to_numpy(dtype=np.intp).T
    return [
        large_moments(surface, family, base) if isinstance(surface, SparseSurface) else moments(fit, family, base)
        for surface, fit in zip(forecaster.surfaces_, forecaster.fits_, strict=True)
    ]


def _fit_record(one: Moments | LargeMoments, answer: LatentPredictive, k: int, told_noise: Array) -> dict[str, Any]:
    return {
        "weight": float(answer.weight[k]),
        "floor": plain(answer.floor[k]),
        "ceiling": plain(answer.ceiling[k]),
        "noise": plain(answer.noise_var[k]),
        "told_noise": plain(told_noise),
        **one.record(),
    }


def _scale(forecaster: SkillForecaster) -> dict[str, Any]:
    scale = forecaster.scale_
    return {
        "centre": plain(scale.centre),
        "scale": plain(scale.scale),
        "cov": [plain(row) for row in scale.cov],
        "used": [bool(u) for u in scale.used],
        "product_scale": float(scale.product_scale),
        "product_centre": float(scale.product_centre),
    }


def _siblings(forecaster: SkillForecaster, relatives: pd.DataFrame, one: Moments | LargeMoments) -> dict[str, Any]:
    """Tell of each kind of relatives the active parameters of the smallest model, and log2 of those of scored ones.

    Beside them the benchmarks that these were scored on, the share taken where there is no smallest, and how far off a
    sibling's residuals still say something.
    """
    learned = forecaster.siblings_
    smallest = relatives["family"].map(learned.family).fillna(relatives["base_family"].map(learned.base))
    return {
        "smallest": [cell(n) for n in smallest],
        "usual": cell(learned.usual),
        "sizes": [plain(size) for size in one.sizes],
        "seen": [[np.flatnonzero(some).tolist() for some in seen] for seen in one.seen],
        "range": RANGE,
    }


def _beyond(forecaster: SkillForecaster) -> dict[str, Any]:
    """Tell where the data end, in time and compute, and by how much forecasts of later models fell short."""
    stretch = forecaster.stretch_
    ahead = [stretch.ahead(n) for n in range(_most_told(forecaster) + 1)]
    last = {name: frontier.last for name, frontier in stretch.frontiers.items()}
    day = pd.Timestamp(0) + pd.Timedelta(days=last["day"]) if np.isfinite(last["day"]) else None
    return {
        "last_day": None if day is None else day.date().isoformat(),
        "most_flop": 10.0 ** last["compute"] if np.isfinite(last["compute"]) else None,
        "lag": [one.lag for one in ahead],
        "furthest": [one.furthest for one in ahead],
        "growth": GROWTH,
    }


def _stretches(
    forecaster: SkillForecaster, queries: pd.DataFrame, relatives: pd.DataFrame, one: Moments | LargeMoments
) -> dict[str, Array]:
    """Tell how far intervals of the relatives are stretched, by scores told; (R, k).

    Within the data, there between two siblings, later, larger. The last two where the data end: what they grow by from
    there on is left to the page. Relatives of one kind with as many scored models have the same: one is asked for all.
    """
    frontiers, (between, where) = forecaster.stretch_.frontiers, _between(one)
    scored = forecaster.panel_.models["family"][forecaster.panel_.scores.notna().any(axis=1)].value_counts()
    n_scored = relatives["family"].map(scored).fillna(0)
    alike = pd.MultiIndex.from_arrays([relatives["kind"], n_scored, np.isfinite(between)])
    _, first, like = np.unique(alike.factorize()[0], return_index=True, return_inverse=True)
    queries, between, where = queries.iloc[first], between[first], where[first]
    columns = forecaster.panel_.scores.columns
    told = [pd.DataFrame(0.5, index=queries.index, columns=columns[:n]) for n in range(_most_told(forecaster) + 1)]
    # of no size and no compute a model is within the data, and between no siblings
    within = queries.assign(train_flop=np.nan, n_params=np.nan, n_active_params=np.nan)
    middle = within.assign(n_params=between, n_active_params=between)
    anywhere = np.zeros_like(where)
    asked = {"within": (within, 0.0, anywhere), "between": (middle, 0.0, where)}
    if np.isfinite(frontiers["day"].last):
        later = pd.Timestamp(0) + pd.Timedelta(days=frontiers["day"].last + 1.0)
        asked["day"] = within.assign(release_date=later), 1.0 / DAYS, anywhere
    if np.isfinite(frontiers["compute"].last):
        asked["flop"] = within.assign(train_flop=10.0 ** (frontiers["compute"].last + 1.0)), 1.0, anywhere
    every = np.arange(len(queries))
    found = {
        name: np.column_stack([latent(forecaster, rows, some).stretch[every, at] for some in told]) / grown(lead)
        for name, (rows, lead, at) in asked.items()
    }
    return {name: factors[like] for name, factors in found.items()}


def _between(one: Moments | LargeMoments) -> tuple[Array, NDArray[np.intp]]:
    """Choose a size between siblings for each kind of relatives, NaN for none, and a benchmark these were scored on."""
    size, where = np.full(len(one.sizes), np.nan), np.zeros(len(one.sizes), dtype=np.intp)
    for i, (sizes, seen) in enumerate(zip(one.sizes, one.seen, strict=True)):
        if not len(sizes):
            continue
        spans = [np.ptp(sizes[some]) if some.any() else 0.0 for some in seen.T]
        if max(spans) > 0.0:
            where[i] = np.argmax(spans)
            known = sizes[seen[:, where[i]]]
            size[i] = 2.0 ** (0.5 * (known.min() + known.max()))
    return size, where


def _most_told(forecaster: SkillForecaster) -> int:
    return min(MOST_TOLD, forecaster.panel_.scores.shape[1])


def _families(
    forecaster: SkillForecaster, queries: pd.DataFrame, relatives: pd.DataFrame, one: Moments | LargeMoments
) -> list[dict[str, Any]]:
    """Name the relatives, with where their sliders start and how far their intervals are stretched."""
    stretches, special, out = _stretches(forecaster, queries, relatives, one), made_for(relatives["family"]), []
    for i, (row, query) in enumerate(zip(relatives.to_dict("records"), queries.to_dict("records"), strict=True)):
        date = query["release_date"]
        out.append(
            {
                **{key: cell(row[key]) for key in ("kind", "family", "base_family", "org", "variant", "n_models")},
                **{key: float(query[key]) for key in ("n_params", "n_active_params", "n_tokens")},
                "release_date": None if pd.isna(date) else date.date().isoformat(),
                "made_for": plain(special[i]),
                "stretch": {name: plain(factors[i]) for name, factors in stretches.items()},
            }
        )
    return out


def _benchmarks(panel: Panel) -> list[dict[str, Any]]:
    columns = [c for c in ("title", "score_floor", "unit", "url") if c in panel.benchmarks]
    scored = panel.scores.notna().sum()
    return [
        {"id": str(name), **{c: cell(row[c]) for c in columns}, "n_scores": int(scored[name])}
        for name, row in zip(panel.benchmarks.index, panel.benchmarks.to_dict("records"), strict=True)
    ]


def _models(panel: Panel, origins: pd.DataFrame | None) -> list[dict[str, Any]]:
    scores = panel.scores.to_numpy(dtype=float)
    from_where = None if origins is None else origins.reindex_like(panel.scores).astype(object).to_numpy()
    out = []
    for i, (model, row) in enumerate(zip(panel.models.index, panel.models.to_dict("records"), strict=True)):
        record: dict[str, Any] = {"model": str(model), "family": str(row["family"]), "org": cell(row["org"])}
        for name in ("n_params", "n_active_params", "n_tokens", "train_flop"):
            record[name] = None if not np.isfinite(row[name]) else float(f"{row[name]:.6g}")
        record["release_date"] = None if pd.isna(row["release_date"]) else row["release_date"].date().isoformat()
        record["variant"] = str(row["variant"])
        at = np.flatnonzero(np.isfinite(scores[i]))
        record["at"] = at.tolist()
        record["scores"] = [round(float(s), 5) for s in scores[i, at]]
        if from_where is not None:
            record["sources"] = [cell(s) for s in from_where[i, at]]
        out.append(record)
    return out
