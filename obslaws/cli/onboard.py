"""`obslaws onboard`: a new benchmark from a few scored models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obslaws.cli.options import (
    AddOption,
    Format,
    FormatOption,
    LevelOption,
    OutputOption,
    PanelOption,
    SnapshotOption,
    ViewOption,
    check_output,
    open_panel,
)
from obslaws.cli.output import Page, number, progress_bar, write_rows
from obslaws.quantities import counted

_SHOWN = 20  # rows on the page; all of them in JSON, CSV and --output


def onboard(
    scores: Annotated[
        Path, typer.Option(help="CSV with the columns model and score (fractions), 3 to 10 models or more.")
    ],
    name: Annotated[str, typer.Option(help="What to call the benchmark.")] = "new",
    score_floor: Annotated[float, typer.Option(help="Expected score of guessing: 0.25 with four options.")] = 0.0,
    items: Annotated[float | None, typer.Option(help="Number of questions, if known.")] = None,
    ceiling: Annotated[
        float | None, typer.Option(help="Most a model can score, if known: 1 where a program made the answers.")
    ] = None,
    level: LevelOption = 0.9,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Forecast all models on a new benchmark from the scores of a few.

    Example: obslaws onboard --scores mine.csv --name mine --score-floor 0.25 --items 200
    """
    import pandas as pd

    from obslaws.forecasters.base import check_level
    from obslaws.forecasters.onboarding import OnboardingForecaster
    from obslaws.questions.onboard import forecast_new, read_scores, with_benchmark
    from obslaws.report.captions import data_caption

    check_level(level)
    check_output(output)
    data = open_panel(view, snapshot, panel, add)
    told = read_scores(scores, data)
    model = OnboardingForecaster(new=[name])
    grown = with_benchmark(data, name, told, score_floor, items, ceiling)
    with progress_bar(f"Fitting skills to {len(data.models)} models"):
        model.fit(grown)
        answer = forecast_new(model, name, level)

    write_rows(answer, output)
    page = Page(format)
    page.line(f"{name}: {counted(len(answer), 'model')} from the scores of {len(told)}", bold=True)
    page.line(data_caption(data))
    page.line()
    shown = answer.head(_SHOWN)
    spans = [f"{number(a)} to {number(b)}" for a, b in zip(shown["lower"], shown["upper"], strict=True)]
    page.frame(answer, pd.DataFrame({
        "<model": shown["model"],
        "forecast": shown["forecast"].map(number),
        f"{100 * level:g} % interval": spans,
        "other scores": shown["n_scores"].astype(str),
    }))  # fmt: skip
    page.line()
    if len(answer) > len(shown):
        page.line(f"The best {len(shown)} of {len(answer)}; --format csv or --output gives all.")
    width = float((answer["upper"] - answer["lower"]).median())
    page.line(f"Median width of the intervals: {100 * width:.0f} points. More scored models make them narrower.")
    if output is not None:
        page.line(f"Rows: {output}")
