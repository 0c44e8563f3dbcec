"""`obslaws select`: what to evaluate, so that a budget tells most."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    Format,
    FormatOption,
    Missing,
    MissingOption,
    OutputOption,
    PanelOption,
    SnapshotOption,
    ViewOption,
    check_output,
    choose_benchmarks,
    names,
    open_fractions,
)
from obslaws.cli.output import Page, note, number, progress_bar, records, write_rows
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.panel import Panel
    from obslaws.select.models import Selection

select = typer.Typer(help="Choose what to evaluate, so that a budget tells most.", no_args_is_help=True)


class Unit(StrEnum):
    """What is in or out as a whole."""

    family = "family"
    model = "model"


class Criterion(StrEnum):
    """What a good subset has little of."""

    V = "V"
    A = "A"
    D = "D"
    I = "I"  # noqa: E741  its name


@select.callback()
def _group() -> None:
    """Choose what to evaluate, so that a budget tells most."""


@select.command()
def models(
    budget: Annotated[str | None, typer.Option(help="Most models; several budgets separated by commas.")] = None,
    budget_flop: Annotated[
        str | None, typer.Option(help="Most training compute of the chosen models together, FLOP: 1e24.")
    ] = None,
    unit: Annotated[Unit, typer.Option(help="Whole families, or single models.")] = Unit.family,
    criterion: Annotated[
        Criterion,
        typer.Option(help="Variance of forecasts (V), of coefficients (A), their volume (D), over a box (I)."),
    ] = Criterion.V,
    require: Annotated[str | None, typer.Option(help="Families or models that are in, separated by commas.")] = None,
    exclude: Annotated[str | None, typer.Option(help="Families or models that are no candidates.")] = None,
    max_params: Annotated[str | None, typer.Option(help="Only candidates up to this size: 7B, 7e9.")] = None,
    max_flop: Annotated[str | None, typer.Option(help="Only candidates up to this training compute, FLOP.")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Only candidates with all scores.")] = False,
    components: Annotated[int, typer.Option(help="Capabilities that the law will rest on.")] = 3,
    missing: MissingOption = Missing.likelihood,
    benchmarks: BenchmarksOption = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Choose the models whose evaluation on a new task pins down its law on capabilities best.

    Example: obslaws select models --view ruan2024-pool --missing ruan2024 --budget 8,12,20 --require llama-2
    """
    import numpy as np

    from obslaws.capability.pca import CapabilityPCA
    from obslaws.report.captions import data_caption
    from obslaws.select.models import select_models

    budgets = _budgets(budget, budget_flop)
    check_output(output)
    data = _candidates(open_fractions(view, snapshot, panel, add), benchmarks, max_params, max_flop, complete)
    placed = CapabilityPCA(components, missing=missing.value).fit_transform(data.scores)
    wanted = counted(placed.shape[1], "capability", "capabilities")
    if placed.shape[1] < components:
        note(f"Note: {wanted} instead of {components}; the table carries no more.")
    found = []
    with progress_bar(f"Choosing among {len(placed)} models") as progress:
        for at, one in enumerate(budgets):
            chosen = select_models(
                placed,
                data.models,
                budget=one if budget_flop is None else None,
                budget_flop=None if budget_flop is None else one,
                unit=unit.value,
                criterion=criterion.value,
                require=names(require, "--require") or (),
                exclude=names(exclude, "--exclude") or (),
            )
            found.append(chosen)
            progress(at + 1, len(budgets))

    write_rows(_rows(found), output)
    page = Page(format)
    first = found[0]
    page.line(f"Models to evaluate, {criterion}-optimal for a law on {wanted}", bold=True)
    page.line(data_caption(data))
    units = ("family", "families") if unit == "family" else ("unit",)
    counts = f"{counted(first.n_candidates, 'candidate')} in {counted(first.n_units, *units)}"
    page.line(f"{counts}{f', {first.n_left_out} left out for unknown facts' if first.n_left_out else ''}")
    if format is Format.json:
        page.record([_record(one) for one in found] if len(found) > 1 else _record(first))
    elif format is Format.csv:
        page.frame(_rows(found))
    else:
        page.line()
        page.frame(_summary(found), _summary(found))
        if len(found) == 1:
            page.line()
            page.frame(_rows(found), _models_for_people(first))
        page.line()
        page.line(_explain(criterion.value))
        if not all(np.isclose(one.gap, 0) for one in found):
            page.line("Not proven best: the objective of no other set is below the bound.")
    if output is not None:
        page.line(f"Models: {output}")


def _budgets(budget: str | None, budget_flop: str | None) -> list[float]:
    from obslaws.errors import UsageError
    from obslaws.quantities import parse_flop

    if (budget is None) == (budget_flop is None):
        raise typer.BadParameter("give one of --budget (models) and --budget-flop (FLOP).")
    option, text = ("--budget", budget) if budget is not None else ("--budget-flop", budget_flop)
    if not (texts := [part.strip() for part in str(text).split(",") if part.strip()]):
        raise UsageError(f"{option} is empty; expected one budget or several with commas, e.g. 8,12,20 (models).")
    return [_model_count(text) if budget is not None else parse_flop(text, option) for text in texts]


def _model_count(text: str) -> float:
    from obslaws.errors import UsageError

    try:
        count = float(text)
    except ValueError:
        count = float("nan")
    if not (count >= 1 and count.is_integer()):
        raise UsageError(
            f"--budget is {text!r}; expected a whole number of models, 1 or more, e.g. 8. Compute is --budget-flop."
        )
    return count


def _candidates(
    data: Panel, benchmarks: str | None, max_params: str | None, max_flop: str | None, complete: bool
) -> Panel:
    from obslaws.quantities import parse_count, parse_flop

    data = choose_benchmarks(data, benchmarks)
    keep = data.scores.notna().all(axis=1) if complete else data.scores.notna().any(axis=1)
    if max_params is not None:
        keep &= data.models["n_params"] <= parse_count(max_params, "--max-params", unit="B")
    if max_flop is not None:
        keep &= data.models["train_flop"] <= parse_flop(max_flop, "--max-flop")
    return data.select(keep.to_numpy())


def _record(one: Selection) -> dict[str, Any]:
    keys = ("criterion", "unit", "budget", "budget_unit", "cost", "objective", "bound", "gap", "is_exact", "method",
            "efficiency", "n_candidates", "n_units", "n_left_out", "n_sets", "n_nodes")  # fmt: skip
    told = {key: getattr(one, key) for key in keys}
    return {**told, "n_models": len(one.models), "units": list(one.units), "models": records(one.models.reset_index())}


def _rows(found: list[Selection]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([one.models.rename_axis("model").reset_index().assign(budget=one.budget) for one in found])


def _summary(found: list[Selection]) -> pd.DataFrame:
    import pandas as pd

    flop = found[0].budget_unit == "flop"
    return pd.DataFrame(
        {
            "budget": [f"{one.budget:.3g}" if flop else f"{one.budget:.0f}" for one in found],
            "used": [f"{one.cost:.3g}" if flop else f"{one.cost:.0f}" for one in found],
            "models": [len(one.models) for one in found],
            "objective": [number(one.objective, ".4f") for one in found],
            "bound": ["proven" if one.is_exact else number(one.bound, ".4f") for one in found],
            "efficiency": [number(one.efficiency, ".3f") for one in found],
            "<chosen": [_some(one.units) if len(found) > 1 or one.unit == "family" else "below" for one in found],
        }
    )


def _some(units: tuple[str, ...], most: int = 12) -> str:
    more = len(units) - most
    return ", ".join(units[:most]) + (f" and {more} more" if more > 0 else "")


def _models_for_people(one: Selection) -> pd.DataFrame:
    import pandas as pd

    from obslaws.quantities import format_count

    models = one.models
    shown = pd.DataFrame({"<model": models.index, "<family": models["family"].astype(str)})
    shown["params"] = [format_count(n) for n in models["n_params"]]
    shown["FLOP"] = [number(f, ".1e") for f in models["train_flop"]]
    for name in models.columns[3:]:
        shown[name] = models[name].map(number)
    return shown


def _explain(criterion: str) -> str:
    words = {
        "V": "the summed variance of the forecasts of all candidates",
        "A": "the summed variance of the coefficients",
        "D": "the log volume of the coefficients' confidence region",
        "I": "the variance of forecasts over the box that the candidates span",
    }
    return (
        f"Objective: {words[criterion]}, for a scatter of one about the law; smaller is better. "
        "Efficiency: what all candidates together would give, 1."
    )
