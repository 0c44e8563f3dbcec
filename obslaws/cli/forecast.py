"""`obslaws forecast`: what a model that is in no leaderboard will score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    DarkOption,
    Format,
    FormatOption,
    LevelOption,
    OutputOption,
    PanelOption,
    PlotOption,
    SnapshotOption,
    TasksOption,
    ViewOption,
    benchmark_names,
    check_figure,
    check_output,
    open_panel,
    token_count,
)
from obslaws.cli.output import Page, note, number, progress_bar, records, write_rows

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.forecasters.base import Forecaster
    from obslaws.panel import Panel

_BASIS = {
    "own scores": "scores that this model already has, and {relatives}",
    "family": "the {law} of family {family}, {n_family} of whose models are in the panel",
    "base family": "other families of the series {base_family}",
    "lab": "other series of the lab {org}",
    "pooled": "all families of the panel together",
    "none": "nothing; the panel holds no score of this benchmark",
}


def forecast(
    family: Annotated[
        str | None, typer.Option(help="Family of the model, e.g. qwen2.5; see `obslaws families`.")
    ] = None,
    params: Annotated[str | None, typer.Option(help="Parameters: 32e9, 32B, 500M.")] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Training tokens: 18e12, 18T; by default what the family saw, or `unknown`.")
    ] = None,
    active_params: Annotated[
        str | None, typer.Option(help="Parameters used per token, for a mixture of experts.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="base or chat; finds the sibling family.")] = None,
    org: Annotated[str | None, typer.Option(help="Lab of a new family, e.g. Qwen; a known family has its own.")] = None,
    date: Annotated[
        str | None, typer.Option(help="Release date, e.g. 2025-01-31; that of the family's newest member by default.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="A known model; what is not given is taken from it, for a new family its series and lab too."
        ),
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(help="Scores it already has: mmlu=0.71,gsm8k=0.8, a CSV, or a results file of a harness."),
    ] = None,
    tasks: TasksOption = None,
    benchmarks: BenchmarksOption = None,
    level: LevelOption = 0.9,
    forecaster: Annotated[str, typer.Option(help="Who answers.")] = "skill",
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    format: FormatOption = Format.table,
    plot: PlotOption = None,
    dark: DarkOption = False,
) -> None:
    """Forecast the scores of a model from its family, size and training tokens.

    Example: obslaws forecast --family qwen2.5 --params 22B --tokens 18T --plot forecast.png
    """
    if family is None and like is None:
        raise typer.BadParameter("name a --family, or a known model with --like.")
    if params is None and like is None:
        raise typer.BadParameter("give the size with --params, or a known model with --like.")
    if variant not in (None, "base", "chat"):
        raise typer.BadParameter(f"--variant is {variant!r}; expected base or chat.")
    if tasks is not None and scores is None:
        raise typer.BadParameter("--tasks maps the tasks of a results file; name that file with --scores.")
    from obslaws.errors import UsageError
    from obslaws.families import nearest_members
    from obslaws.forecasters import forecaster as make_forecaster
    from obslaws.forecasters.base import check_level
    from obslaws.known_scores import known_scores
    from obslaws.quantities import parse_count
    from obslaws.query import query
    from obslaws.report.captions import data_caption

    check_level(level)
    check_output(output)
    check_figure(plot, dark)
    counts = {
        name: None if text is None else parse_count(text, option, unit="B")
        for name, option, text in (
            ("n_params", "--params", params),
            ("n_active_params", "--active-params", active_params),
        )
    }
    model = make_forecaster(forecaster)
    data = open_panel(view, snapshot, panel, add)
    wanted = benchmark_names(data, benchmarks)
    asked = query(
        data, family, variant=variant, n_tokens=token_count(tokens), org=org, release_date=date, like=like, **counts
    )
    if plot is not None and not asked["train_flop"].iloc[0] > 0:
        raise UsageError("--plot draws over training compute, unknown without tokens: give --tokens, or no --plot.")
    known = None if scores is None else known_scores(scores, data, str(asked.index[0]), tasks)
    with progress_bar(f"Fitting {forecaster} to {len(data.models)} models"):
        model.fit(data)
    answer = model.forecast(asked, known, wanted, level)

    if known is not None:
        from obslaws.known_scores import DOUBT_LEVEL, doubtful_scores

        expected = model.forecast(asked, None, [str(name) for name in known.columns], DOUBT_LEVEL)
        for text in doubtful_scores(known, data, expected):
            note(f"Note: {text}")
    near = nearest_members(data, asked["family"].iloc[0], asked["n_params"].iloc[0], answer["benchmark"].tolist())
    rows = _rows(answer, near, known)
    write_rows(rows, output)

    page = Page(format)
    page.line(_title(asked, is_date_guessed=date is None and like is None), bold=True)
    page.line(data_caption(data))
    page.line()
    if format is Format.json:
        page.record(_records(answer, near, known, data_caption(data)))
    else:
        page.frame(rows, _for_people(answer, near, known, level, data))
    page.line()
    for text in _explain(answer, data, asked):
        page.line(text)
    if output is not None:
        page.line(f"Rows: {output}")
    if plot is not None:
        _draw(model, asked, known, wanted, level, f"{data_caption(data)}, forecaster {forecaster}", plot, dark)
        page.line(f"Figure: {plot}")


def _title(asked: pd.DataFrame, is_date_guessed: bool) -> str:
    from obslaws.quantities import format_count, format_flop

    row = asked.iloc[0]
    size, tokens = format_count(row["n_params"]), format_count(row["n_tokens"])
    tokens = "unknown" if tokens == "?" else tokens
    released = "release date unknown"
    if row["release_date"] == row["release_date"]:  # NaT is not
        guessed = ", as the newest of its family" if is_date_guessed else ""
        released = f"released {row['release_date']:%Y-%m-%d}{guessed}"
    told = f"{size} parameters, {tokens} training tokens, {format_flop(row['train_flop'])}"
    return f"{asked.index[0]}: {told}, {released}"


def _rows(answer: pd.DataFrame, near: pd.DataFrame, known: pd.DataFrame | None) -> pd.DataFrame:
    """Forecasts, the given scores, and a column for each of the nearest members, named by its id."""
    benchmarks, out = answer["benchmark"].tolist(), answer.copy()
    out["given"] = float("nan") if known is None else known.iloc[0].reindex(benchmarks).to_numpy()
    for model, member in near.iterrows():
        out[str(model)] = member[benchmarks].to_numpy(dtype=float)
    return out


def _records(
    answer: pd.DataFrame, near: pd.DataFrame, known: pd.DataFrame | None, caption: str
) -> list[dict[str, Any]]:
    """Write the rows down for JSON, with the nearest members as a record, and what all of it rests on."""
    rows = records(_rows(answer, near, known))
    for row in rows:
        row["siblings"] = {str(model): row.pop(str(model)) for model in near.index}
        row["data"] = caption
    return rows


def _for_people(
    answer: pd.DataFrame, near: pd.DataFrame, known: pd.DataFrame | None, level: float, panel: Panel
) -> pd.DataFrame:
    import pandas as pd

    benchmarks = answer["benchmark"].tolist()
    forms = [".3f" if unit == "fraction" else ".1f" for unit in panel.benchmarks.loc[benchmarks, "unit"]]
    shown = pd.DataFrame({"<benchmark": benchmarks})
    if known is not None:
        given = [known.iloc[0].get(b, float("nan")) for b in benchmarks]
        shown["given"] = list(map(number, given, forms))
    shown["forecast"] = list(map(number, answer["forecast"], forms))
    ends = zip(answer["lower"], answer["upper"], forms, strict=True)
    shown[f"{100 * level:g} % interval"] = [f"{number(low, form)} to {number(high, form)}" for low, high, form in ends]
    for model, member in near.iterrows():
        shown[str(model).rpartition("/")[2]] = list(map(number, member[benchmarks], forms))
    shown["<basis"] = answer["basis"]
    return shown


def _explain(answer: pd.DataFrame, panel: Panel, asked: pd.DataFrame) -> list[str]:
    from obslaws.query import carries_slope

    row = asked.iloc[0]
    n_family = int((panel.models["family"] == row["family"]).sum())
    told = {"family": row["family"], "base_family": row["base_family"], "org": row["org"], "n_family": n_family}
    nearest = next((basis for basis in ("family", "base family", "lab") if _has_kin(panel, row, basis)), "pooled")
    told["law"] = "law" if carries_slope(panel) else "mean"
    told["relatives"] = f"the {told['law']} of its family" if nearest == "family" else _BASIS[nearest].format(**told)
    lines = []
    for basis in dict.fromkeys(answer["basis"]):
        text = _BASIS.get(basis, "see the forecaster's documentation").format(**told)
        wide = "; this family is unknown, so the intervals are wide" if basis == "pooled" and not n_family else ""
        lines.append(f"Basis {basis!r}: {text}{wide}.")
    return lines


def _has_kin(panel: Panel, row: pd.Series, basis: str) -> bool:
    column = {"family": "family", "base family": "base_family", "lab": "org"}[basis]
    return bool((panel.models[column] == row[column]).any())


def _draw(
    model: Forecaster,
    asked: pd.DataFrame,
    known: pd.DataFrame | None,
    wanted: list[str] | None,
    level: float,
    caption: str,
    path: Path,
    dark: bool,
) -> None:
    with progress_bar("Drawing"):
        from obslaws.report.figures import forecast_figure, save_figure

        save_figure(forecast_figure(model, asked, known, wanted, level, caption), path, dark)
