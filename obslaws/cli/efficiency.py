"""`obslaws efficiency`: what compute buys in each family, and what it would be worth in another."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.capability import ComponentsOption, Kind, KindOption, RotationName, RotationOption, fit_capabilities
from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    DarkOption,
    Format,
    FormatOption,
    LevelOption,
    Missing,
    MissingOption,
    OutputOption,
    PanelOption,
    PlotOption,
    SnapshotOption,
    ViewOption,
    check_figure,
    check_output,
    choose_benchmarks,
    open_fractions,
    own_models,
)
from obslaws.cli.output import Page, number, records, write_rows

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.capability.compute_law import ComputeLaw

_SHOWN = 20  # models on the page; all of them in JSON, CSV and --output


class Fit(StrEnum):
    """Ways to fit the families."""

    per_family = "per-family"
    mixed = "mixed"


class Scatter(StrEnum):
    """Whose scatter the intervals rest on."""

    own = "own"
    shared = "shared"


class Rows(StrEnum):
    """What a row is."""

    family = "family"
    model = "model"


def efficiency(
    reference_family: Annotated[
        str | None,
        typer.Option(help="Whose compute is the measure; llama-2, or where there is none the family of most models."),
    ] = None,
    capability: Annotated[int, typer.Option(help="Number of the capability: 1 for the first.")] = 1,
    by: Annotated[Rows, typer.Option(help="A row per family, or per model.")] = Rows.family,
    fit: Annotated[Fit, typer.Option(help="Each family by itself, or as draws from a common distribution.")] = (
        Fit.per_family
    ),
    scatter: Annotated[
        Scatter, typer.Option(help="Intervals by the reference family's own scatter, or by that of all.")
    ] = Scatter.own,
    level: LevelOption = 0.9,
    model: KindOption = Kind.pca,
    components: ComponentsOption = "3",
    rotation: RotationOption = RotationName.none,
    missing: MissingOption = Missing.likelihood,
    benchmarks: BenchmarksOption = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    plot: PlotOption = None,
    dark: DarkOption = False,
    format: FormatOption = Format.table,
) -> None:
    """Fit capability against log compute, family by family, and convert compute into that of a reference family.

    No multiplier is given (`-`) where it would compare nothing: below every model of the reference family, or in a
    family whose capability is not seen to rise with compute. JSON and CSV keep the number beside its flag.

    Example: obslaws efficiency --view ruan2024-pool --missing ruan2024 --reference-family llama-2
    """
    from obslaws.capability.compute_law import default_reference, efficiency_table, equivalent_flop, fit_compute_law
    from obslaws.forecasters.base import check_level
    from obslaws.report.captions import data_caption
    from obslaws.report.figures import save_figure

    check_level(level)
    check_output(output)
    check_figure(plot, dark)
    data = open_fractions(view, snapshot, panel, add)
    own = own_models(data)
    data = choose_benchmarks(data, benchmarks)
    fitted, _ = fit_capabilities(data, model, components, rotation, missing)
    if not 1 <= capability <= fitted.n_capabilities_:
        raise typer.BadParameter(f"--capability is {capability}; there are 1 to {fitted.n_capabilities_}.")
    placed = fitted.transform(data.scores).iloc[:, capability - 1]
    law = fit_compute_law(placed, data.models, fit.value)
    reference = default_reference(law) if reference_family is None else law.spelling(reference_family)
    families = efficiency_table(law, reference, level, scatter.value)
    worth = equivalent_flop(law, reference, placed, data.models, level, scatter.value)
    rows = families if by is Rows.family else worth.sort_values("capability", ascending=False, kind="stable")

    # files first: a reader of the page may hang up
    write_rows(rows, output)
    if plot is not None:
        from obslaws.report.capability_figures import capability_unit, efficiency_figure

        save_figure(efficiency_figure(law, reference, level, data_caption(data), capability_unit(fitted)), plot, dark)
    page = Page(format)
    page.line(f"{law.capability} against compute, in units of {reference}", bold=True)
    page.line(data_caption(data))
    if format is Format.json:
        page.record(
            {
                "capability": law.capability,
                "fit": law.fit,
                "reference_family": reference,
                "level": level,
                "scatter": scatter.value,
                "n_left_out": law.n_left_out,
                "pooled": records(_finite(law.summary().head(1)))[0],
                "mean_r2": _mean_r2(law),
                "families": records(_finite(families)),
                "models": records(_finite(worth)),
            }
        )
    else:
        page.line()
        shown = rows if by is Rows.family else rows[rows["model"].isin([*rows["model"][:_SHOWN], *own])]
        page.frame(rows, _for_people(shown, by, level))
        if by is Rows.model and len(rows) > _SHOWN:
            page.line()
            most = f"The {_SHOWN} of {len(rows)} models with most {law.capability}{', and your own' if own else ''}"
            page.line(f"{most}; --output and --by family tell all.")
        page.line()
        for text in _explain(law, reference, level, rows):
            page.line(text)
    if output is not None:
        page.line(f"Rows: {output}")
    if plot is not None:
        page.line(f"Figure: {plot}")


def _finite(frame: pd.DataFrame) -> pd.DataFrame:
    """JSON has no infinity: an end without bound is null."""
    import numpy as np

    return frame.replace([np.inf, -np.inf], np.nan)


def _mean_r2(law: ComputeLaw) -> float | None:
    r2 = [line.r2 for line in law.families.values() if line.n_models > 2 and line.r2 == line.r2]
    return sum(r2) / len(r2) if r2 else None


def _for_people(rows: pd.DataFrame, by: Rows, level: float) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame(index=rows.index)
    interval = f"{100 * level:g} % interval"
    if by is Rows.family:
        shown["<family"] = rows["family"].astype(str)
        shown["models"] = rows["n_models"]
        shown["slope"] = rows["slope"].map(number)
        shown["at 1e21"] = rows["intercept"].map(number)
        shown["R2"] = rows["r2"].map(number)
        shown["scatter"] = rows["scatter"].map(number)
        shown["multiplier"] = _multipliers(rows)
        shown[interval] = _ends(rows.assign(lower=rows["lower"].where(rows["flag"] == "")), ".2f")
    else:
        shown["<model"] = rows["model"].astype(str)
        shown["<family"] = rows["family"].astype(str)
        shown["capability"] = rows["capability"].map(number)
        shown["FLOP"] = rows["train_flop"].map(lambda x: number(x, ".1e"))
        shown["equivalent"] = rows["equivalent_flop"].map(lambda x: number(x, ".1e"))
        shown[interval] = _ends(rows, ".1e")
        shown["multiplier"] = _multipliers(rows)
    shown["outside"] = [f"{x:.1f} decades" if x >= 0.05 else "" for x in rows["decades_outside"]]
    return shown.assign(**{"<flag": rows["flag"]})


def _multipliers(rows: pd.DataFrame) -> list[str]:
    return [number(x, ".2f") if not flag else "-" for x, flag in zip(rows["multiplier"], rows["flag"], strict=True)]


def _ends(rows: pd.DataFrame, form: str) -> list[str]:
    def words(low: float, high: float) -> str:
        if low != low:
            return "-"
        if low <= 0 and high == float("inf"):
            return "unbounded"
        return f"{low:{form}} to {high:{form}}"

    return [words(low, high) for low, high in zip(rows["lower"], rows["upper"], strict=True)]


def _explain(law: ComputeLaw, reference: str, level: float, rows: pd.DataFrame) -> list[str]:
    from obslaws.capability.compute_law import AT_FLOOR, BELOW, FLAT

    above = int(((rows["decades_outside"] > 0.1) & (rows["flag"] == "")).sum())
    line, pooled, mean = law.line(reference), law.pooled, _mean_r2(law)
    r2 = "" if mean is None else f"; mean R2 of families with three models or more {mean:.4f}"
    lines = [
        f"Slope: {law.capability} per decade of compute. All {pooled.n_models} models on one line: "
        f"slope {pooled.slope:.3f}, R2 {number(pooled.r2)}{r2}.",
        f"Multiplier: FLOP that {reference} would need for the same {law.capability}, over the FLOP spent. Interval: "
        f"Fieller, {100 * level:g} %, for {line.n_models} models of {reference}; outside: beyond their range.",
    ]
    if above:
        lines.append(
            f"{above} of those with a multiplier lie more than a tenth of a decade outside: there the line of "
            f"{reference} is carried on beyond what was seen of it, and knows no ceiling."
        )
    reasons = {
        BELOW: f"less capability than every model of {reference}: its line carried on down there knows no guessing",
        FLAT: f"a slope not told from none (its interval holds 0 and ends below the slope of {reference})",
        AT_FLOOR: "both",
    }
    counts = rows["flag"].value_counts()
    if told := [f"{flag} ({counts[flag]}), {why}" for flag, why in reasons.items() if flag in counts.index]:
        lines.append(f"Flag, and no multiplier: {'; '.join(told)}. JSON and CSV keep the number.")
    if law.n_left_out:
        lines.append(f"{law.n_left_out} models without known compute are not in the fits.")
    if line.slope <= 0:
        lines.append(f"This capability falls with compute in {reference}: equivalent compute makes no sense here.")
    return lines
