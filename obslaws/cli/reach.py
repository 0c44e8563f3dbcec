"""`obslaws reach`: which size reaches a score."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.options import (
    AddOption,
    LevelOption,
    PanelOption,
    RecordFormat,
    RecordFormatOption,
    SnapshotOption,
    ViewOption,
    open_panel,
)
from obslaws.cli.output import Page, progress_bar

if TYPE_CHECKING:
    from obslaws.questions.reach import Reach


def reach(
    benchmark: Annotated[str, typer.Option("--benchmark", "--benchmarks", help="On which benchmark.")],
    score: Annotated[str, typer.Option(help="Which score, as a fraction: 0.7.")],
    tokens: Annotated[str, typer.Option(help="Training tokens: 15e12, 15T.")],
    family: Annotated[str | None, typer.Option(help="Family; an average one by default.")] = None,
    variant: Annotated[str | None, typer.Option(help="base or chat.")] = None,
    date: Annotated[str | None, typer.Option(help="Release date; that of the family's newest member by default.")] = (
        None
    ),
    level: LevelOption = 0.9,
    forecaster: Annotated[str, typer.Option(help="Who answers.")] = "skill",
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Find the size that reaches a score at so many training tokens: the forecast read backwards.

    Example: obslaws reach --family qwen2.5 --benchmark gpqa --score 0.45 --tokens 15T
    """
    if variant not in (None, "base", "chat"):
        raise typer.BadParameter(f"--variant is {variant!r}; expected base or chat.")
    from obslaws.domains import find_benchmark
    from obslaws.errors import UsageError
    from obslaws.forecasters import forecaster as make_forecaster
    from obslaws.forecasters.base import check_level
    from obslaws.quantities import format_count, parse_count, parse_fraction, parse_number
    from obslaws.questions.reach import reach as find
    from obslaws.questions.setting import find_setting
    from obslaws.report.captions import data_caption

    check_level(level)
    n_tokens = parse_count(tokens, "--tokens", unit="T")
    data = open_panel(view, snapshot, panel, add)
    benchmark = find_benchmark(benchmark, data)
    read = parse_fraction if data.benchmarks.at[benchmark, "unit"] == "fraction" else parse_number
    wanted = read(score, "--score")
    if read is parse_fraction and wanted in (0.0, 1.0):
        raise UsageError(f"--score is {score.strip()}; expected a fraction above 0 and below 1, where curves end.")
    setting = find_setting(data, family, variant, date)
    model = make_forecaster(forecaster)
    with progress_bar(f"Fitting {forecaster} to {len(data.models)} models"):
        model.fit(data)
    answer = find(model, setting, benchmark, wanted, n_tokens, level)

    page = Page(format)
    released = "" if date is None else f", released {setting.release_date:%Y-%m-%d}"
    page.line(
        f"{setting.family}: {benchmark} of {wanted:g} at {format_count(n_tokens)} training tokens{released}", bold=True
    )
    page.line(data_caption(data))
    if format is RecordFormat.json:
        page.record({"family": setting.family, **dataclasses.asdict(answer), "is_extrapolated": answer.is_extrapolated})
        return
    page.line()
    for text in explain(answer):
        page.line(text)


def explain(answer: Reach) -> list[str]:
    """Put the answer into sentences."""
    from obslaws.quantities import format_count

    asked = f"{format_count(answer.smallest)} to {format_count(answer.largest)}"
    percent, (low, high) = f"{100 * answer.level:g} %", (50 * (1 - answer.level), 50 * (1 + answer.level))
    if answer.n_params is None:
        lines = [f"Not reached within {asked} parameters: the highest forecast there is {answer.best:.3f}."]
    elif answer.n_params == answer.smallest:
        lines = [
            f"Reached by every size asked about: at {format_count(answer.smallest)} parameters, the smallest, already."
        ]
    else:
        lines = [f"Reached at {format_count(answer.n_params)} parameters, where the forecast crosses {answer.score:g}."]
    if answer.lower is None:
        lines.append(f"No size within {asked} has even a chance of {low:g} % to reach it.")
    elif answer.upper is None:
        lines.append(
            f"{percent} interval: from {format_count(answer.lower)} upwards, without an upper end: "
            f"no size within {asked} is {high:g} % sure to reach it."
        )
    else:
        lines.append(f"{percent} interval: {format_count(answer.lower)} to {format_count(answer.upper)}.")
    if answer.lower == answer.smallest:
        lines.append("The smallest size asked about may reach it already.")
    if answer.is_extrapolated:
        known = f"{format_count(answer.known_smallest)} to {format_count(answer.known_largest)}"
        lines.append(f"Partly beyond the panel's sizes, {known}: extrapolated.")
    return [*lines, f"Basis: {answer.basis}."]
