"""`obslaws capability`: the few directions along which models differ, what they are made of, and where models stand."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    DarkOption,
    Format,
    FormatOption,
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
from obslaws.cli.output import Page, note, number, progress_bar, records, write_rows
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.capability.base import CapabilityModel
    from obslaws.capability.choice import ComponentChoice
    from obslaws.panel import Panel

_SHOWN = 20  # models on the page; all of them in JSON, CSV and --output


class Kind(StrEnum):
    """Models of capabilities."""

    pca = "pca"
    factor = "factor"


class RotationName(StrEnum):
    """Named rotations."""

    none = "none"
    varimax = "varimax"
    quartimax = "quartimax"
    oblimin = "oblimin"
    geomin = "geomin"


KindOption = Annotated[Kind, typer.Option("--model", help="Principal components, or factor analysis.")]
ComponentsOption = Annotated[
    str, typer.Option("--components", help="How many capabilities; `auto` forecasts hidden cells to find out.")
]
RotationOption = Annotated[RotationName, typer.Option("--rotation", help="Turns the axes until each is easy to name.")]


def capability(
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
    """Find the few capabilities behind many benchmarks: loadings, explained variance, and where models stand.

    Example: obslaws capability --view ruan2024-pool --model factor --components auto --rotation oblimin
    """
    from obslaws.report.captions import data_caption
    from obslaws.report.figures import save_figure

    check_output(output)
    check_figure(plot, dark)
    data = open_fractions(view, snapshot, panel, add)
    own = own_models(data)
    data = choose_benchmarks(data, benchmarks)
    fitted, choice = fit_capabilities(data, model, components, rotation, missing)
    placed = fitted.transform(data.scores).rename_axis("model")
    rows = data.models[["family", "train_flop"]].join(placed).reset_index()

    # files first: a reader of the page may hang up
    write_rows(rows, output)
    if plot is not None:
        from obslaws.report.capability_figures import capability_figure

        save_figure(capability_figure(fitted, data, choice, data_caption(data)), plot, dark)
    page = Page(format)
    page.line(_title(fitted, model, choice), bold=True)
    page.line(data_caption(data))
    if format is Format.json:
        page.record(_record(fitted, rows, model, missing, choice))
    elif format is Format.csv:
        page.frame(rows)
    else:
        _pages(page, fitted, rows, choice, own)
    if output is not None:
        page.line(f"Models: {output}")
    if plot is not None:
        page.line(f"Figure: {plot}")


def fit_capabilities(
    data: Panel, kind: Kind, components: str, rotation: RotationName, missing: Missing
) -> tuple[CapabilityModel, ComponentChoice | None]:
    """Fit the model of capabilities that the options ask for.

    Raises
    ------
    BadParameter
        Components that are no number, or an option that this model does not have.
    """
    from obslaws.capability.choice import choose_n_components
    from obslaws.capability.factor import CapabilityFactors
    from obslaws.capability.pca import CapabilityPCA

    if kind is Kind.factor and missing is not Missing.likelihood:
        raise typer.BadParameter("--model factor integrates missing scores out; leave --missing out.")
    if components != "auto" and not components.isdigit():
        raise typer.BadParameter(f"--components is {components!r}; expected a number, or auto.")
    choice = None
    if components == "auto":
        with progress_bar("Forecasting hidden cells") as progress:
            choice = choose_n_components(data.scores, kind.value, progress=progress)
    k = choice.n_components if choice is not None else int(components)
    turn = None if rotation is RotationName.none else rotation.value
    fitted: CapabilityModel
    if kind is Kind.factor:
        fitted = CapabilityFactors(k, turn)
    else:
        fitted = CapabilityPCA(k, missing=missing.value, rotation=turn)
    fitted.fit(data.scores)
    if fitted.n_capabilities_ < k:
        found = counted(fitted.n_capabilities_, "capability", "capabilities")
        note(f"Note: {found} instead of {k}; the table carries no more.")
    return fitted, choice


def _title(fitted: CapabilityModel, kind: Kind, choice: ComponentChoice | None) -> str:
    k = fitted.n_capabilities_
    what = "principal components" if kind is Kind.pca else "factor analysis"
    count = f"{counted(k, 'capability', 'capabilities')}{' (by hidden cells)' if choice is not None else ''}"
    turned = f", rotated by {fitted.rotation_.name}" if fitted.rotation_ is not None else ""
    return f"{count} of {fitted.n_models_} models by {what}{turned}"


def _pages(
    page: Page, fitted: CapabilityModel, rows: pd.DataFrame, choice: ComponentChoice | None, own: list[str]
) -> None:
    if choice is not None:
        page.line()
        page.line("Errors on hidden cells", bold=True)
        page.line()
        page.frame(choice.table, _choice_for_people(choice))
    page.line()
    page.line("Loadings", bold=True)
    page.line()
    page.frame(fitted.loadings_, _loadings_for_people(fitted))
    for text in _remarks(fitted):
        page.line()
        page.line(text)
    first = fitted.loadings_.columns[0]
    best = rows.sort_values(first, ascending=False, kind="stable").head(_SHOWN)
    page.line()
    page.line(f"Models, the {len(best)} of {len(rows)} with most {first}", bold=True)
    page.line()
    _page_of_models(page, best, fitted)
    if own:
        page.line()
        page.line("Your own models", bold=True)
        page.line()
        _page_of_models(page, rows[rows["model"].isin(own)], fitted)


def _page_of_models(page: Page, rows: pd.DataFrame, fitted: CapabilityModel) -> None:
    shown = rows[["model", "family"]].astype(str).rename(columns=lambda name: f"<{name}")
    page.frame(rows, shown.assign(**{name: rows[name].map(number) for name in fitted.loadings_.columns}))


def _choice_for_people(choice: ComponentChoice) -> pd.DataFrame:
    import pandas as pd

    table = choice.table
    return pd.DataFrame(
        {
            "capabilities": table["n_components"],
            "rmse": table["rmse"].map(lambda x: number(100 * x, ".2f")),
            "median error": table["medae"].map(lambda x: number(100 * x, ".2f")),
            "<": [
                "least error" if n == choice.n_best else "chosen: within one standard error of it"
                if n == choice.n_components else "" for n in table["n_components"]
            ],
        }
    )  # fmt: skip


def _loadings_for_people(fitted: CapabilityModel) -> pd.DataFrame:
    import pandas as pd

    loadings = fitted.loadings_
    last = {"<benchmark": "share of variance"} if _has_shares(fitted) else None
    shown = pd.DataFrame({"<benchmark": loadings.index.astype(str)})
    for name in loadings.columns:
        shown[name] = [number(value) for value in loadings[name]]
    communality = getattr(fitted, "communalities_", None)
    if communality is not None:
        shown["explained"] = [number(value) for value in communality]
    if last is not None:
        shares = fitted.explained_variance_ratio_
        last |= {name: number(share) for name, share in zip(loadings.columns, shares, strict=True)}
        if communality is not None:
            last["explained"] = number(communality.mean())
        shown = pd.concat([shown, pd.DataFrame([last])])
    return shown


def _has_shares(fitted: CapabilityModel) -> bool:
    """Whether the shares belong to the columns of the loadings: those of components are known before a rotation."""
    return fitted.rotation_ is None or hasattr(fitted, "communalities_")


def _remarks(fitted: CapabilityModel) -> list[str]:
    told = []
    rotation = fitted.rotation_
    if rotation is not None:
        told.append(f"Rotation: {rotation.n_agreeing} of {rotation.n_starts} starts agree.")
        if rotation.is_unsure:
            told[-1] += " That is few; a better one may have been missed."
        if rotation.is_boundary:
            told[-1] += " Two skills have become one; take fewer."
        k = len(rotation.correlation)
        pairs = [f"{i + 1} and {j + 1}: {rotation.correlation[i, j]:.2f}" for i in range(k) for j in range(i + 1, k)]
        if abs(rotation.correlation).sum() > k + 1e-9:
            told.append(f"Correlations of the skills: {', '.join(pairs)}.")
    heywood = getattr(fitted, "heywood_", None)
    if heywood is not None and heywood.any():
        which = ", ".join(map(str, fitted.loadings_.index[heywood]))
        told.append(f"Noise at its floor: {which}. One capability has become this benchmark; take fewer.")
    if not fitted.converged_:
        told.append("The fit has not converged.")
    return told


def _record(
    fitted: CapabilityModel, rows: pd.DataFrame, kind: Kind, missing: Missing, choice: ComponentChoice | None
) -> dict[str, Any]:
    turn = fitted.rotation_
    record: dict[str, Any] = {
        "model": kind.value,
        "missing": missing.value,
        "n_components": fitted.n_capabilities_,
        "n_models": fitted.n_models_,
        "converged": bool(fitted.converged_),
        "n_iter": int(fitted.n_iter_),
        "explained_variance_ratio": fitted.explained_variance_ratio_.tolist(),
        "loadings": records(fitted.loadings_.reset_index()),
    }
    if turn is not None:
        record["rotation"] = {
            "name": turn.name,
            "n_starts": turn.n_starts,
            "n_agreeing": turn.n_agreeing,
            "converged": turn.converged,
            "is_boundary": turn.is_boundary,
            "correlation": turn.correlation.tolist(),
        }
    if hasattr(fitted, "communalities_"):
        record["communalities"] = dict(zip(map(str, fitted.loadings_.index), fitted.communalities_, strict=True))
        record["heywood"] = [str(name) for name in fitted.loadings_.index[fitted.heywood_]]
    if choice is not None:
        record["choice"] = {
            "n_components": choice.n_components,
            "n_best": choice.n_best,
            "table": records(choice.table),
        }
    return {**record, "models": records(rows)}
