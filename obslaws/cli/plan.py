"""`obslaws plan`: how to spend compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.capability import RotationName
from obslaws.cli.options import (
    AddOption,
    DarkOption,
    Format,
    FormatOption,
    LevelOption,
    OutputOption,
    PanelOption,
    PlotOption,
    SnapshotOption,
    ViewOption,
    check_figure,
    check_output,
    open_basket,
)
from obslaws.cli.output import Page, number, progress_bar, records, write_rows

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.questions.plan import Plan
    from obslaws.questions.setting import Setting


def plan(
    flop: Annotated[str, typer.Option(help="Budget, FLOP: 1e24.")],
    basket: Annotated[
        str | None,
        typer.Option(help="Benchmarks or domains with weights: math_lvl5=1,gpqa=1 or math=1; all alike by default."),
    ] = None,
    family: Annotated[str | None, typer.Option(help="Family; an average one by default.")] = None,
    variant: Annotated[str | None, typer.Option(help="base or chat.")] = None,
    inference_tokens: Annotated[
        str | None, typer.Option(help="Tokens to process after training, paid from the budget: 10T.")
    ] = None,
    rotation: Annotated[
        RotationName, typer.Option(help="Also plan for the skills, turned so; they depend on the rotation.")
    ] = RotationName.none,
    level: LevelOption = 0.9,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    figure: PlotOption = None,
    dark: DarkOption = False,
    format: FormatOption = Format.table,
) -> None:
    """Find the size and the training tokens of a budget that serve a basket of benchmarks best.

    A domain, such as mathematics or math for short, shares its weight equally among its benchmarks.

    Example: obslaws plan --flop 1e24 --basket math_lvl5=1,gpqa=1 --inference-tokens 10T
    """
    if variant not in (None, "base", "chat"):
        raise typer.BadParameter(f"--variant is {variant!r}; expected base or chat.")
    from obslaws.forecasters.base import check_level
    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.quantities import format_flop, parse_count, parse_flop
    from obslaws.questions.plan import budget_line, compute_optimal
    from obslaws.questions.setting import find_setting
    from obslaws.questions.skills import level_surface
    from obslaws.report.captions import data_caption
    from obslaws.report.figures import save_figure
    from obslaws.skill.interpretation import named_skills

    check_level(level)
    check_output(output)
    check_figure(figure, dark)
    budget = parse_flop(flop, "--flop")
    later = 0.0 if inference_tokens is None else parse_count(inference_tokens, "--inference-tokens", unit="T")
    data, wanted = open_basket(basket, view, snapshot, panel, add)
    taken = data.name if data.provenance.get("snapshot") and data.name != "core" else None
    options: dict[str, object] = {"view": taken, "snapshot": snapshot, "panel": panel, "add": add}
    columns = [str(name) for name in data.scores.columns]
    weights = wanted.weights
    setting = find_setting(data, family, variant)
    budget_line(data.models, budget, later)
    with progress_bar(f"Fitting skill to {len(data.models)} models"):
        model = SkillForecaster(calibrate=False).fit(data)
        skills = None
        if rotation is not RotationName.none:
            skills = named_skills(model.surfaces_, model.weights_, columns, rotation.value)
        found = compute_optimal(model, setting, budget, weights, later, level, skills)

    # files first: a reader of the page may hang up
    write_rows(found.targets, output)
    if figure is not None:
        from obslaws.report.plan_figure import plan_figure

        surface = level_surface(model, setting, weights)
        save_figure(plan_figure(found, surface, data.models, setting.family, level, data_caption(data)), figure, dark)
    page = Page(format)
    spent = "training" if not later else f"training and {inference_tokens} tokens of inference"
    page.line(f"{format_flop(budget)} for {spent}, {setting.family}, {setting.variant}", bold=True)
    page.line(data_caption(data))
    for text in wanted.told():
        page.line(text)
    if format is Format.json:
        told = {"flop": budget, "inference_tokens": later, "family": setting.family, "basket": weights,
                "domains": wanted.domains, "level": level}  # fmt: skip
        page.record({
            **told, "targets": records(found.targets), "line": records(found.line), "in_short": found.in_short(),
            "notes": list(found.notes),
        })  # fmt: skip
    else:
        page.line()
        page.frame(found.targets, _for_people(found.targets, level))
        page.line()
        page.line("Lossless: sizes on the budget whose expected score lies within half a point of the best.")
        for text in found.in_short():
            page.line(text)
        for text in found.notes:
            page.line(f"Note: {text}")
        page.line(f"Next, scores with intervals that count everything: {_next(found, setting, options)}")
    if output is not None:
        page.line(f"Targets: {output}")
    if figure is not None:
        page.line(f"Figure: {figure}")


def _next(found: Plan, setting: Setting, options: dict[str, object]) -> str:
    """Write the command that forecasts the model to look at first, from the same data."""
    import shlex

    from obslaws.quantities import format_count

    best = found.advised
    named = {
        "family": setting.family if setting.n_members else "NEW",
        "params": format_count(best["n_params"]),
        "tokens": format_count(best["n_tokens"]),
        "variant": None if setting.n_members or setting.variant == "base" else setting.variant,
        **options,
    }
    given = [word for name, value in named.items() if value is not None for word in (f"--{name}", str(value))]
    return shlex.join(["obslaws", "forecast", *given])


def _for_people(targets: pd.DataFrame, level: float) -> pd.DataFrame:
    import pandas as pd

    from obslaws.quantities import format_count

    def span(low: str, high: str) -> list[str]:
        return [
            "-" if a != a else f"{format_count(a)} to {format_count(b)}"
            for a, b in zip(targets[low], targets[high], strict=True)
        ]

    interval = f"{100 * level:g} % interval"
    return pd.DataFrame({
        "<target": targets["target"],
        "parameters": targets["n_params"].map(format_count),
        f"<{interval}": span("n_params_lower", "n_params_upper"),
        "tokens": targets["n_tokens"].map(format_count),
        f"<{interval} ": span("n_tokens_lower", "n_tokens_upper"),
        "<lossless": span("near_lower", "near_upper"),
        "expected": [
            number(v) if kind != "skill" else "-" for v, kind in zip(targets["value"], targets["kind"], strict=True)
        ],
        "<flags": targets["flag"].replace("", "-"),
    })  # fmt: skip
