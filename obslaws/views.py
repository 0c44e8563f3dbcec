"""Named views: which scores, which models and whose covariates make a panel.

A view is data (``data/views/<name>.toml``): score sources in order of precedence, benchmarks, settings, filters, and
either the resolved covariates of ``models`` or one source's own claims ("as the peer has it"). `view_panel` carries it
out on a snapshot and counts the models before and after every filter. A view may also name a frozen panel of its own
(``data/panels/<name>/``), for a matrix that others published numbers on and that no snapshot may change.
"""

from __future__ import annotations

import copy
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from obslaws.errors import UnknownNameError, UsageError
from obslaws.names import hand_table
from obslaws.panel import COVARIATES, Panel, complete_benchmarks, read_panel
from obslaws.snapshot import Snapshot, data_root, load_snapshot
from obslaws.sources import SOURCES

__all__ = ["list_views", "view_benchmarks", "view_measurements", "view_panel"]

QUANTISED = ("4bit", "8bit", "GPTQ")
_KEPT: dict[tuple[object, ...], Panel] = {}  # what this process carried out, oldest first
_MOST_KEPT = 16
_CLAIMED = ("family", "base_family", "n_params", "n_tokens", "train_flop")


def list_views() -> dict[str, str]:
    """Name the views that are here.

    Returns
    -------
    dict of str to str
        Name -> what it is.
    """
    return {path.stem: _read_view(path.stem)["title"] for path in sorted((data_root() / "views").glob("*.toml"))}


def view_benchmarks(name: str) -> pd.DataFrame:
    """List the benchmarks of a view without carrying it out.

    Parameters
    ----------
    name : str
        Name of the view.

    Returns
    -------
    DataFrame of shape (n_benchmarks, 3)
        Indexed by benchmark id: title, unit and domain.

    Raises
    ------
    UnknownNameError
        No such view; the nearest is offered.
    """
    view, columns = _read_view(name), ["title", "unit", "domain"]
    if "panel" in view:
        return pd.read_csv(data_root() / "panels" / view["panel"] / "benchmarks.csv").set_index("benchmark")[columns]
    return hand_table("benchmarks").set_index("benchmark").loc[view["benchmarks"], columns]


def _read_view(name: str) -> dict[str, Any]:
    path = data_root() / "views" / f"{name}.toml"
    if not path.is_file():
        raise UnknownNameError("view", name, [p.stem for p in path.parent.glob("*.toml")])
    return tomllib.loads(path.read_text(encoding="utf-8"))


def view_panel(name: str, snapshot: Snapshot | str | None = None, sources: list[str] | None = None) -> Panel:
    """Carry out a view.

    Parameters
    ----------
    name : str
        Name of the view.
    snapshot : Snapshot or str, optional
        Snapshot or its date; the newest by default.
    sources : list of str, optional
        Precedence of the score sources instead of the view's own: the first with a value fills the cell.

    Returns
    -------
    Panel
        ``provenance["filters"]`` lists (filter, models left) from first to last; ``provenance["failed_formats"]``
        counts the cells dropped as unread answers; ``provenance["view"]`` is the title.

    Raises
    ------
    UnknownNameError
        No such view or snapshot; the nearest is offered.

    Examples
    --------
    >>> view_panel("ruan2024").scores.shape
    (148, 8)
    """
    view = _read_view(name) | ({"sources": _known_sources(sources, name)} if sources is not None else {})
    if "panel" in view:
        return _frozen(name, view)
    if isinstance(snapshot, Snapshot):
        return _carried_out(name, view, snapshot)
    data = load_snapshot(snapshot)
    # a backtest of many forecasters asks for the same panel again and again, and whoever gets one may change it
    key = (name, repr(view), data.folder, *_stamps(data.folder))
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = _carried_out(name, view, data)
    kept = _KEPT[key]
    models, scores, benchmarks = kept.models.copy(), kept.scores.copy(), kept.benchmarks.copy()
    return Panel(name, models, scores, benchmarks, copy.deepcopy(kept.provenance))


def _stamps(folder: Path) -> list[tuple[str, int, int]]:
    """Tell the files of a snapshot from others that took their place."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".parquet"))
    return [(path.name, (told := path.stat()).st_mtime_ns, told.st_size) for path in files]


def _carried_out(name: str, view: dict[str, Any], data: Snapshot) -> Panel:
    benchmarks = complete_benchmarks(data.benchmarks).loc[view["benchmarks"]]
    peer = view.get("covariates", "resolved")
    models = _resolved(data) if peer == "resolved" else _as_claimed(data, peer)
    counts: list[tuple[str, int]] = [("known", len(models))]
    for label, keep in _filters(models, view):
        models = models[keep.reindex(models.index)]
        counts.append((label, len(models)))
    wide = _wide(data, view, models.index)
    failed = _failed_formats(wide, view.get("failed_format", {}))
    wide = wide.mask(failed).reindex(models.index)
    if least := view.get("least_scores", 0):
        models = models[wide.notna().sum(axis=1) >= least]
        counts.append((f"at least {least} scores", len(models)))
    provenance = {**data.provenance, "view": view["title"], "filters": counts}
    provenance["failed_formats"] = int(failed.reindex(models.index, fill_value=False).to_numpy().sum())
    scores = wide.reindex(index=models.index, columns=benchmarks.index).astype("float64")
    return Panel(name, models[[*COVARIATES]], scores, benchmarks, provenance)


def _frozen(name: str, view: dict[str, Any]) -> Panel:
    panel = read_panel(data_root() / "panels" / view["panel"])
    told: dict[str, Any] = {key: view[key] for key in ("source", "licence", "note") if key in view}
    counts = [("known", len(panel.models))]
    provenance: dict[str, Any] = {
        "folder": view["panel"],
        "view": view["title"],
        "filters": counts,
        "failed_formats": 0,
        **told,
    }
    return replace(panel, name=name, provenance=provenance)


def _known_sources(sources: list[str], view: str) -> list[str]:
    for source in sources:
        if source not in SOURCES:
            raise UnknownNameError("source", source, list(SOURCES))
    if not sources:
        raise UsageError(f"view {view!r}: the precedence names no source. Known: {', '.join(SOURCES)}.")
    return sources


def view_measurements(name: str, snapshot: Snapshot | str | None = None) -> pd.DataFrame:
    """List all measurements behind the cells of a view, with the one that the panel picks: for effects of the source.

    Parameters
    ----------
    name : str
        Name of the view.
    snapshot : Snapshot or str, optional
        Snapshot or its date; the newest by default.

    Returns
    -------
    DataFrame of shape (n_measurements, 10)
        Rows of ``scores`` of the panel's models and benchmarks from every source that measured them, settings that the
        view does not use included, and `picked`: the cell of the panel has this score, and its source is the first by
        precedence that has it.
    """
    view = _read_view(name)
    data = snapshot if isinstance(snapshot, Snapshot) else load_snapshot(snapshot)
    panel = view_panel(name, data)
    scores = data.scores[data.scores["benchmark"].isin(view["benchmarks"])]
    scores = scores[scores["model"].isin(panel.models.index)].astype({"source": "str", "model": "str"})
    rows = scores.astype({"benchmark": "str", "setting": "str", "precision": "str"}).reset_index(drop=True)
    cells = panel.scores.rename_axis("model").reset_index().melt("model", var_name="benchmark", value_name="cell")
    rows = rows.merge(cells.astype({"benchmark": "str"}), on=["model", "benchmark"], how="left")
    rank = rows["source"].map({source: i for i, source in enumerate(view["sources"])})
    usable = rows["setting"].fillna("").isin(view["settings"]) & ~rows["precision"].isin(QUANTISED)
    rank = rank.where(usable & rows["score"].eq(rows["cell"]))
    order = rows.assign(rank=rank).sort_values("rank", kind="stable").dropna(subset="rank")
    first = order.drop_duplicates(["model", "benchmark"]).index
    return rows.drop(columns="cell").assign(picked=rows.index.isin(first))


def _filters(models: pd.DataFrame, view: dict[str, Any]) -> list[tuple[str, pd.Series]]:
    steps: list[tuple[str, pd.Series]] = []
    if "families" in view:
        steps.append((f"one of {len(view['families'])} families", models["family"].isin(view["families"])))
    if "without" in view:
        steps.append((f"without {', '.join(view['without'])}", ~models.index.to_series().isin(view["without"])))
    if "variants" in view:
        steps.append((f"variant is {' or '.join(view['variants'])}", models["variant"].isin(view["variants"])))
    steps += [(f"not {flag}", ~models[flag]) for flag in view.get("exclude", [])]
    steps += [(flag, models[flag]) for flag in view.get("only", [])]
    steps += [(f"{column} known", models[column].notna()) for column in view.get("need", [])]
    if "tokens_basis" in view:
        steps.append((f"n_tokens basis is {view['tokens_basis']}", models["n_tokens_basis"].eq(view["tokens_basis"])))
    return steps


def _wide(data: Snapshot, view: dict[str, Any], models: pd.Index) -> pd.DataFrame:
    """Choose one evaluation per model and source, then let the first source with a value fill each cell."""
    scores = data.scores_from(view["sources"], view["benchmarks"])
    scores = scores[scores["model"].isin(models) & ~scores["precision"].isin(QUANTISED)]
    run = ["source", "model", "revision", "precision", "setting"]
    runs = scores.astype(dict.fromkeys([*run, "benchmark"], "str")).fillna(dict.fromkeys(run, ""))
    runs = runs[runs["setting"].isin(view["settings"])]
    board = runs.groupby(run, sort=True).agg(n=("score", "size"), mean=("score", "mean"), date=("date", "max"))
    # the run with the most scores, then the best mean, then the latest
    best = board.reset_index().sort_values(["n", "mean", "date"], kind="stable")
    chosen = runs.merge(best.drop_duplicates(["source", "model"], keep="last")[run], on=run)
    wide = pd.DataFrame(index=models, columns=view["benchmarks"], dtype="float64")
    for source in view["sources"]:
        part = chosen[chosen["source"] == source].pivot(index="model", columns="benchmark", values="score")
        wide = wide.fillna(part)
    return wide


def _failed_formats(wide: pd.DataFrame, rules: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Mark zeros that the format of the answer explains, not the skill: the model does well on a sister benchmark."""
    failed = pd.DataFrame(False, index=wide.index, columns=wide.columns)
    for benchmark, rule in rules.items():
        failed[benchmark] = wide[benchmark].eq(0.0) & wide[rule["sister"]].gt(rule["above"])
    return failed


def _resolved(data: Snapshot) -> pd.DataFrame:
    return data.models.set_index("model")


def _as_claimed(data: Snapshot, source: str) -> pd.DataFrame:
    wanted = [("source", "==", source)]
    facts = pq.read_table(data.folder / "facts.parquet", filters=wanted, partitioning=None).to_pandas().astype("str")
    told = facts.pivot(index="model", columns="attribute", values="value")
    models = _resolved(data).loc[told.index].copy()
    for column in _CLAIMED:
        if column in ("family", "base_family"):
            if column in told:
                models[column] = told[column].astype("str")
        else:
            models[column] = pd.to_numeric(told[column]) if column in told else float("nan")
    if "family" in told and "base_family" not in told:
        models["base_family"] = models["family"]
    models["n_active_params"] = models["n_params"]
    models["train_flop"] = models["train_flop"].fillna(6.0 * models["n_params"] * models["n_tokens"])
    if "is_instruct" in told:
        base = models["variant"].where(models["variant"] != "base", "unknown")
        models["variant"] = base.where(told["is_instruct"].eq("true"), "base")
    return models
