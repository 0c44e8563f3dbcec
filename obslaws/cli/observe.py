"""`obslaws observe`: what a downstream score follows from, and what models beyond the cutoff will score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    DarkOption,
    LevelOption,
    PanelOption,
    PlotOption,
    RecordFormat,
    RecordFormatOption,
    SnapshotOption,
    check_figure,
    names,
    open_panel,
)
from obslaws.cli.output import Page, note, progress_bar
from obslaws.quantities import counted, known_as

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obslaws.matching import Matching
    from obslaws.panel import Panel
    from obslaws.targets import Cut, TargetTable


def observe(
    target: Annotated[
        str, typer.Option(help="CSV with a column model and one per target; or a view or benchmark of the snapshot.")
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="Only this target; may be repeated, or hold several with commas.")
    ] = None,
    view: Annotated[str | None, typer.Option("--view", help="Named view that predicts; `ruan2024` by default.")] = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    exclude_benchmarks: Annotated[
        str | None, typer.Option(help="Benchmarks of the panel that may not predict, separated by commas.")
    ] = None,
    exclude_models: Annotated[
        Path | None, typer.Option(help="CSV with a column model: models that take no part at all.")
    ] = None,
    families: Annotated[str | None, typer.Option(help="Only these families, separated by commas.")] = None,
    predictor: Annotated[
        str | None,
        typer.Option(help="compute, size, pc1 to pc4, skill, or a benchmark; several with commas are compared."),
    ] = None,
    cutoff_flop: Annotated[float | None, typer.Option(help="Models up to this training compute train.")] = None,
    cutoff_params: Annotated[str | None, typer.Option(help="Models up to this size train: 7B, 7e9.")] = None,
    cutoff_date: Annotated[str | None, typer.Option(help="Models released up to this day train.")] = None,
    test: Annotated[Path | None, typer.Option(help="CSV with a column model: the models to hold out.")] = None,
    test_families: Annotated[str | None, typer.Option(help="Families to hold out, separated by commas.")] = None,
    test_share: Annotated[float | None, typer.Option(help="Hold out this share of the best-scoring models.")] = None,
    score_range: Annotated[str | None, typer.Option(help="Guessing and perfect: 0.25,1 or 0,100.")] = None,
    config: Annotated[str, typer.Option(help="default, or paper: Ruan et al. (2024) to the last detail.")] = "default",
    link: Annotated[str | None, typer.Option(help="logistic, or logistic-floor with a free floor.")] = None,
    reference_family: Annotated[str | None, typer.Option(help="Family of the equivalent-FLOP line.")] = None,
    level: LevelOption = 0.9,
    predictions: Annotated[bool, typer.Option("--predictions", help="Also list each model's forecast.")] = False,
    figure: PlotOption = None,
    dark: DarkOption = False,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Fit a downstream score as a sigmoid of capabilities, compute or size, and forecast the models beyond a cutoff.

    Example: obslaws observe --target ruan2024-emergent --view ruan2024 --cutoff-flop 8.4e22
    """
    from obslaws.observe import observe as run
    from obslaws.outcomes import totals
    from obslaws.report.captions import data_caption
    from obslaws.targets import asked_columns

    check_figure(figure, dark)
    bounds = _bounds(score_range)
    data = open_panel("ruan2024" if view is None and panel is None else view, snapshot, panel, add)
    cut = _cut(data, cutoff_flop, cutoff_params, cutoff_date, test, test_families, test_share)
    data = _chosen(data, families, exclude_models)
    if reference_family is not None:
        reference_family = _known([reference_family], data.models["family"].dropna().unique(), "family")[0]
    barred = _known(names(exclude_benchmarks, "--exclude-benchmarks") or [], data.scores.columns, "benchmark")
    table = _table(target, data, snapshot, column or [])
    wanted = asked_columns(column or [], list(map(str, table.scores.columns)))
    matching = _matching(table, data, wanted)
    if matching.n_matched and (words := matching.words(table.name, data.name)):
        note(f"Note: {words}")
    predictors = list(known_as(names(predictor, "--predictor") or [""], data.scores.columns, "benchmark").values())
    with progress_bar(f"Fitting {counted(len(wanted or table.scores.columns), 'target')}") as progress:
        found = run(
            data, table, cut, wanted or None, predictors, config=config, link=link, score_range=bounds,
            without=barred, reference_family=reference_family, level=level, progress=progress,
        )  # fmt: skip

    page = Page(format)
    targets = table.name if table.name != data.name else ", ".join(map(str, table.scores.columns))
    page.line(f"{targets} from {data.name}, configuration {config}", bold=True)
    page.line(data_caption(data))
    if format is RecordFormat.json:
        page.record(_records(found, predictions, totals(found), table, data, config, matching))
    else:
        from obslaws.cli.targets import prediction_table, target_tables

        page.line()
        target_tables(page, found)
        for row in found if predictions else []:
            for one in row:
                page.line()
                page.line(f"{one.target}, {one.forecaster}")
                page.line()
                prediction_table(page, one)
    if figure is not None:
        from obslaws.report.figures import save_figure
        from obslaws.report.target_figures import target_figure

        save_figure(target_figure(found, f"{data_caption(data)}, targets {table.name}"), figure, dark)
        page.line(f"Figure: {figure}")


def _bounds(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--score-range is {text!r}; expected two numbers, e.g. 0.25,1.") from None
    return low, high


def _cut(
    panel: Panel,
    flop: float | None,
    params: str | None,
    date: str | None,
    test: Path | None,
    families: str | None,
    share: float | None,
) -> Cut:
    from obslaws.days import parse_day
    from obslaws.errors import UsageError
    from obslaws.quantities import parse_count
    from obslaws.targets import Cut, read_models

    size = None if params is None else parse_count(params, "--cutoff-params", unit="B")
    if flop is not None and not flop > 0:
        raise UsageError(f"--cutoff-flop is {flop:g}; expected compute in FLOP, e.g. 8.4e22.")
    if share is not None and not 0 < share < 1:
        raise UsageError(f"--test-share is {share:g}; expected a share between 0 and 1, e.g. 0.1.")
    day = None if date is None else parse_day(date, "--cutoff-date", "2024-05-31")
    if day is not None and panel.models["release_date"].isna().all():
        raise UsageError(f"--cutoff-date: panel {panel.name!r} knows no release date. Use another cutoff.")
    models = None if test is None else read_models(test, panel)
    given = [flop, size, day, models, families, share]
    if sum(one is not None for one in given) != 1:
        raise typer.BadParameter(
            "give exactly one of --cutoff-flop, --cutoff-params, --cutoff-date, --test, --test-families, --test-share."
        )
    held_out = names(families, "--test-families")
    kin = None if held_out is None else _known(held_out, panel.models["family"].dropna().unique(), "family")
    return Cut(flop, size, day, share, models, kin)


def _known(asked: list[str], known: Iterable[str], kind: str) -> list[str]:
    """Spell names as the panel does.

    Raises
    ------
    UnknownNameError
        The panel has no such name.
    """
    from obslaws.errors import UnknownNameError

    known = list(map(str, known))
    meant = list(known_as(asked, known, kind).values())
    for name in meant:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return meant


def _chosen(panel: Panel, families: str | None, exclude: Path | None) -> Panel:
    from obslaws.targets import read_models

    if families is not None:
        asked = _known(names(families, "--families") or [], panel.models["family"].dropna().unique(), "family")
        panel = panel.select(panel.models["family"].isin(asked).to_numpy())
    if exclude is not None:
        panel = panel.select(~panel.models.index.isin(read_models(exclude, panel)))
    return panel


def _table(target: str, panel: Panel, snapshot: str | None, columns: list[str]) -> TargetTable:
    from obslaws.targets import read_targets, snapshot_targets

    path = Path(target)
    if path.is_file() or path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return read_targets(path, panel, columns or None)
    return snapshot_targets(target, panel, snapshot)


def _matching(table: TargetTable, panel: Panel, wanted: list[str]) -> Matching:
    """Part the models with a score on any target that is asked for into those of the panel and others."""
    from obslaws.matching import match_names

    there = [column for column in wanted if column in table.scores]  # others are refused with the fit
    scored = table.scores[there] if there else table.scores
    return match_names(scored.dropna(how="all").index, panel.scores.index)


def _records(
    found: Any, predictions: bool, total: Any, table: TargetTable, panel: Panel, config: str, matching: Matching
) -> Any:
    from obslaws.cli.output import plain

    columns = []
    for row in found:
        for one in row:
            told = one.summary()
            if predictions:
                told["predictions"] = one.predictions.to_dict(orient="records")
            columns.append(told)
    record = {
        "target": table.name, "panel": panel.name, "provenance": dict(panel.provenance), "config": config,
        "columns": columns, "totals": total, "n_models": matching.n_names, "n_matched": matching.n_matched,
        "unmatched": list(matching.unmatched),
    }  # fmt: skip
    return plain(record)
