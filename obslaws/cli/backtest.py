"""`obslaws backtest`: how well forecasters do on scores that they were not shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    BackendOption,
    BenchmarksOption,
    JobsOption,
    LevelOption,
    PanelOption,
    RecordFormat,
    RecordFormatOption,
    SchedulerOption,
    SnapshotOption,
    ViewOption,
    benchmark_names,
    names,
    open_panel,
    own_models,
)
from obslaws.cli.output import Page, number, plain, progress_bar
from obslaws.cli.protocols import list_names

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.protocols import Protocol

_POINTS = ("mae", "mae_groups", "medae", "rmse", "bias", "width")
_WORDS = (
    "Errors, points: mae and medae, mean and median absolute error; mae_groups, each test group counted alike; bias, "
    "mean of forecast less score; width, median width of intervals; crps, of the whole distribution, mae if it is a "
    "point.",
    "Shares: R2, of the scores' variance that is forecast; within 3, forecasts at most 3 points off; decisions, pairs "
    "of models whose order is forecast right. Abstained: cells about which nothing was known.",
)


def backtest(
    protocol: Annotated[
        str | None,
        typer.Option(
            help="What is hidden: leave-family-out, cells, sloth-v1-1, ... (see --list); several with commas if they "
            "have targets. Required, but for --list."
        ),
    ] = None,
    forecaster: Annotated[
        str,
        typer.Option(
            help="Names (see --list), separated by commas; settings after a colon: sloth:d=3,intercept=shared."
        ),
    ] = "skill",
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    observed: Annotated[
        int | None, typer.Option(help="Smallest models of a tested family that stay in training (leave-family-out).")
    ] = None,
    groups: Annotated[Path | None, typer.Option(help="CSV with group, family, or JSON: families to leave out.")] = None,
    revealed: Annotated[
        int | None, typer.Option(help="Scores that are told (new-model, rolling-origin, leave-benchmark-out).")
    ] = None,
    cutoff: Annotated[
        str | None, typer.Option(help="A day such as 2024-06-01 (date-cutoff), or FLOP (compute-cutoff).")
    ] = None,
    cells: Annotated[Path | None, typer.Option(help="CSV with fold, model, benchmark: the cells to hide.")] = None,
    benchmarks: BenchmarksOption = None,
    level: LevelOption = 0.9,
    against: Annotated[
        str | None, typer.Option(help="One more forecaster, to which each is compared by a paired bootstrap.")
    ] = None,
    jobs: JobsOption = 1,
    backend: BackendOption = "loky",
    scheduler: SchedulerOption = None,
    format: RecordFormatOption = RecordFormat.table,
    list_: Annotated[bool, typer.Option("--list", help="Name protocols and forecasters and stop.")] = False,
) -> None:
    """Hide scores, refit without them, and compare the forecasts with what came; errors are in points of 100.

    Example: obslaws backtest --protocol sloth-v1-1 --forecaster skill,logit-ols
    """
    if list_:
        list_names(format)
        return
    if protocol is None:
        raise typer.BadParameter(
            "none given. What is hidden: leave-family-out, cells, sloth-v1-1, ...; --list names them.",
            param_hint="--protocol",
        )
    from obslaws.backtest import PREDICTORS
    from obslaws.backtest import backtest as run
    from obslaws.errors import UnknownNameError, UsageError
    from obslaws.forecasters import FORECASTERS
    from obslaws.forecasters.settings import split_names
    from obslaws.protocols import load_protocol, read_cells, read_groups
    from obslaws.report.captions import data_caption
    from obslaws.targets import snapshot_targets

    forecasters = split_names(forecaster)
    if not forecasters:
        raise UsageError(f"--forecaster {forecaster!r} names none; expected names such as skill,mean (see --list).")
    if len(several := names(protocol, "--protocol") or []) > 1:
        unused = [observed, groups, revealed, cutoff, cells, benchmarks, against, view, panel, add]
        if any(one is not None for one in unused):
            raise typer.BadParameter("several protocols take --forecaster, --snapshot, --level and --format only.")
        _analyses([load_protocol(name) for name in several], forecasters, snapshot, level, format)
        return
    record = load_protocol(protocol)
    if against is not None:
        forecasters = [name for name in forecasters if name != against] + [against]
    label_groups = None if groups is None else read_groups(groups)
    hidden = None if cells is None else read_cells(cells)
    data = open_panel(record.view if view is None and panel is None else view, snapshot, panel, add)
    own = own_models(data)
    known = list(dict.fromkeys([*FORECASTERS, *([*PREDICTORS, *data.scores.columns] if record.tasks else [])]))
    for name in forecasters:
        if name.partition(":")[0] not in known:
            raise UnknownNameError("forecaster", name, known)
    targets = snapshot_targets(str(record.targets), data, snapshot) if record.tasks else None
    # of a protocol with targets they are what is forecast, not columns of the panel
    chosen = names(benchmarks, "--benchmarks") if record.tasks else benchmark_names(data, benchmarks)
    results = []
    for name in forecasters:
        with progress_bar(f"Backtest {record.id}, {name}") as progress:
            result = run(
                record,
                data,
                name,
                observed=observed,
                groups=label_groups,
                revealed=revealed,
                cutoff=cutoff,
                cells=hidden,
                benchmarks=chosen,
                targets=targets,
                level=level,
                jobs=jobs,
                backend=backend,
                scheduler=scheduler,
                progress=progress,
            )
        results.append(result)
    summaries = [result.summary() for result in results]
    compared = [result.against(results[-1]) for result in results[:-1]] if against is not None else []

    page = Page(format)
    page.line(f"Backtest {record.id}: {record.title}", bold=True)
    page.line(data_caption(data))
    if own:
        summaries = [{**told, "own": result.of(own)} for told, result in zip(summaries, results, strict=True)]
    if format is RecordFormat.json:
        told = summaries[0] if len(summaries) == 1 else summaries
        page.record(plain(told if against is None else {"forecasters": summaries, "against": compared}))
        return
    page.line()
    if record.tasks:
        from obslaws.cli.targets import target_tables

        target_tables(page, [result.outcomes for result in results])
        return
    page.frame(_overall(summaries), _overall(summaries))
    page.line()
    page.frame(_shares(summaries), _shares(summaries))
    if summaries[0]["n_cells"]:
        whole = "test groups" if results[0].by_group else "families"
        page.line()
        page.line(f"Scores inside their intervals: share, with its own 95 % interval by {whole}, and width in points")
        page.line()
        page.frame(_intervals(summaries), _intervals(summaries))
    if compared:
        page.line()
        page.line(
            f"Errors less those of {against}, points: 95 % interval of a bootstrap over groups; better: share of groups"
        )
        page.line()
        page.frame(_compared(compared), _compared(compared))
    if own:
        page.line()
        page.line("Your own models", bold=True)
        page.line()
        shown = _own(summaries)
        page.frame(shown, shown)
        if not summaries[0]["own"]["n_cells"]:
            page.line("The protocol asks about none of them; they train.")
    page.line()
    page.line("Mean absolute error per benchmark" if len(summaries) > 1 else "Per benchmark")
    page.line()
    page.frame(_per_benchmark(summaries), _per_benchmark(summaries))
    page.line()
    for words in _WORDS:
        page.line(words)
    page.line(f"Points are 100 x fraction; coverage is the share of scores inside their {100 * level:g} % interval.")
    page.line(_irreducible(summaries[0], "snapshot" in data.provenance))


def _analyses(
    records: list[Protocol], forecasters: list[str], snapshot: str | None, level: float, format: RecordFormat
) -> None:
    """Compare forecasters over several protocols with targets, each on its own view."""
    from obslaws.backtest import backtest as run
    from obslaws.cli.targets import analysis_tables
    from obslaws.errors import UsageError
    from obslaws.outcomes import totals
    from obslaws.report.captions import data_caption
    from obslaws.targets import snapshot_targets

    for record in records:
        if not record.tasks:
            raise UsageError(f"Protocol {record.id!r} has no targets. Run it on its own.")
    found, page, captions = {}, Page(format), set()
    page.line(f"Backtest of {len(records)} analyses", bold=True)
    for record in records:
        data = open_panel(record.view, snapshot, None)
        if (caption := data_caption(data)) not in captions:
            page.line(caption)
        captions.add(caption)
        targets = snapshot_targets(str(record.targets), data, snapshot)
        outcomes = []
        for name in forecasters:
            with progress_bar(f"Backtest {record.id}, {name}") as progress:
                result = run(record, data, name, targets=targets, level=level, progress=progress)
            outcomes.append(result.outcomes)
        found[record.id] = totals(outcomes)
    if format is RecordFormat.json:
        page.record(plain([{"protocol": name, **one} for name, rows in found.items() for one in rows]))
        return
    page.line()
    analysis_tables(page, found, level)


def _overall(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "<forecaster": [s["forecaster"] for s in summaries],
            "models": [s["n_models"] for s in summaries],
            "cells": [s["n_cells"] for s in summaries],
            **{name: [number(s[name], ".2f") for s in summaries] for name in _POINTS},
            "coverage": [number(s["coverage"]) for s in summaries],
            "seconds": [number(s["seconds"], ".1f") for s in summaries],
        }
    )


def _shares(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<forecaster": [s["forecaster"] for s in summaries]})
    for name, title in (("r2", "R2"), ("rank_correlation", "rank corr.")):
        shown[title] = [number(s[name]) for s in summaries]
    for points in (3, 5, 10):
        shown[f"within {points}"] = [number(s[f"within_{points}"], ".2f") for s in summaries]
    shown["decisions"] = [number(s["decision_accuracy"]) for s in summaries]
    shown["crps"] = [number(s["crps"], ".2f") for s in summaries]
    return shown.assign(abstained=[s["n_abstained"] for s in summaries])


def _intervals(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<forecaster": [s["forecaster"] for s in summaries]})
    for level in summaries[0]["intervals"]:
        held = [s["intervals"][level] for s in summaries]
        shown[f"in {level} %"] = [_share(one) for one in held]
        shown[f"width {level} %"] = [number(h["width"], ".1f") for h in held]
    return shown


def _share(held: dict[str, float]) -> str:
    """Write a coverage with its interval, which a single group has not."""
    import numpy as np

    share, lower, upper = held["coverage"], held["coverage_lower"], held["coverage_upper"]
    if np.isnan(lower):
        return number(share)
    return f"{number(share)} ({number(lower, '.2f')} to {number(upper, '.2f')})"


def _own(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<forecaster": [s["forecaster"] for s in summaries]})
    for name in ("models", "cells"):
        shown[name] = [s["own"][f"n_{name}"] for s in summaries]
    for name in ("mae", "medae", "rmse", "bias", "width"):
        shown[name] = [number(s["own"][name], ".2f") for s in summaries]
    return shown.assign(coverage=[number(s["own"]["coverage"]) for s in summaries])


def _compared(compared: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<forecaster": [c["forecaster"] for c in compared]})
    for name in ("difference", "lower", "upper"):
        shown[name] = [number(c[name], "+.2f") for c in compared]
    return shown.assign(better=[number(c["wins"], ".2f") for c in compared], groups=[c["n_groups"] for c in compared])


def _irreducible(summary: dict[str, Any], of_snapshot: bool) -> str:
    from obslaws.metrics import SOURCE_DISAGREEMENT

    items = f"{summary['noise']:.1f} points of standard error from the number of questions"
    known = f"{100 * summary['noise_known']:.0f} % of the cells"
    first = f"{items} (known for {known})" if summary["noise_known"] else "no benchmark states its number of questions"
    if not of_snapshot:  # how far two sources differ was measured on the snapshot and says nothing of other tables
        return f"No model can tell: {first}."
    return f"No model can tell: {first}; two sources on one cell differ by {SOURCE_DISAGREEMENT} points in the median."


def _per_benchmark(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    first = summaries[0]["per_benchmark"]
    shown = pd.DataFrame({"<benchmark": list(first), "cells": [one["n_cells"] for one in first.values()]})
    if len(summaries) > 1:
        for s in summaries:
            shown[s["forecaster"]] = [number(one["mae"], ".2f") for one in s["per_benchmark"].values()]
        return shown
    for name in _POINTS:
        shown[name] = [number(one[name], ".2f") for one in first.values()]
    return shown.assign(coverage=[number(one["coverage"]) for one in first.values()])
