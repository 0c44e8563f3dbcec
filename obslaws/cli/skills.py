"""`obslaws skills`: what the skill model found."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.capability import RotationName
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
    open_basket,
)
from obslaws.cli.output import Page, number, progress_bar, write_rows
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.skill.interpretation import NamedSkills

_SHOWN = 20  # rows on the page; all of them in JSON, CSV and --output


class Show(StrEnum):
    """What to tell."""

    loadings = "loadings"
    families = "families"
    own = "own"
    curves = "curves"


def skills(
    show: Annotated[
        Show,
        typer.Option(
            help="Loadings of the skills; what families add; what series are unusually good or bad at; curves."
        ),
    ] = Show.loadings,
    rotation: Annotated[RotationName, typer.Option(help="Turns the axes until each is easy to name.")] = (
        RotationName.oblimin
    ),
    basket: Annotated[
        str | None,
        typer.Option(help="Benchmarks or domains with weights for --show families; all alike by default."),
    ] = None,
    level: LevelOption = 0.9,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    output: OutputOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Tell what the skill model found: skills and their loadings, family efficiencies, own intercepts, curves.

    Example: obslaws skills --rotation oblimin
    """
    if rotation is RotationName.none:
        raise typer.BadParameter("--rotation none: unrotated axes mean nothing; expected varimax, oblimin, ...")
    if basket is not None and show is not Show.families:
        raise typer.BadParameter("--basket weighs benchmarks for --show families.")
    from obslaws.forecasters.base import check_level
    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.questions import skills as tables
    from obslaws.report.captions import data_caption
    from obslaws.skill.interpretation import named_skills

    check_level(level)
    check_output(output)
    data, wanted = open_basket(basket, view, snapshot, panel, add)
    columns = [str(name) for name in data.scores.columns]
    with progress_bar(f"Fitting skill to {len(data.models)} models"):
        model = SkillForecaster(calibrate=False).fit(data)
        found = None
        if show is Show.loadings:
            found = named_skills(model.surfaces_, model.weights_, columns, rotation.value)
            frame = tables.loadings(found, columns, level)
        elif show is Show.families:
            frame = tables.families(model, wanted.weights, level)
        elif show is Show.own:
            frame = tables.own_intercepts(model, level)
        else:
            frame = tables.curves(model, level)

    write_rows(frame, output)
    page = Page(format)
    n_skills = max(fit.n_skills for fit in model.fits_)
    page.line(f"Skill model, {counted(n_skills, 'skill')}: {show.value}", bold=True)
    page.line(data_caption(data))
    for text in wanted.told():
        page.line(text)
    page.line()
    page.frame(frame, _for_people(frame, show, found))
    page.line()
    for text in _explain(frame, show, level, found):
        page.line(text)
    if output is not None:
        page.line(f"Rows: {output}")


def _for_people(frame: pd.DataFrame, show: Show, found: NamedSkills | None) -> pd.DataFrame:
    import pandas as pd

    def span(part: pd.DataFrame, low: str, high: str, form: str = ".2f") -> list[str]:
        return [f"{number(a, form)} to {number(b, form)}" for a, b in zip(part[low], part[high], strict=True)]

    if show is Show.loadings and found is not None:
        out = pd.DataFrame({"<benchmark": frame["benchmark"].unique()})
        for number_, name in enumerate(found.names):
            part = frame.iloc[number_ * len(out) : (number_ + 1) * len(out)]
            out[f"<{name}"] = [
                f"{number(value, '5.2f')} ({one})"
                for value, one in zip(part["loading"], span(part, "lower", "upper"), strict=True)
            ]
        return out
    if show is Show.families:
        part = frame if len(frame) <= _SHOWN else pd.concat([frame.head(_SHOWN - 5), frame.tail(5)])
        return pd.DataFrame({
            "<family": part["family"], "models": part["n_models"].astype(str),
            "effect": part["effect"].map(lambda v: number(v, "+.2f")),
            "<interval": span(part, "lower", "upper", "+.2f"),
            "compute": part["compute_factor"].map(lambda v: "-" if v != v else f"x {v:.2g}"),
            "<interval ": span(part, "factor_lower", "factor_upper", ".2g"),
        })  # fmt: skip
    if show is Show.own:
        part = frame.head(_SHOWN)
        return pd.DataFrame({
            "<base family": part["base_family"], "<benchmark": part["benchmark"],
            "scores": part["n_scores"].astype(str), "own": part["own"].map(lambda v: number(v, "+.2f")),
            "sd": part["sd"].map(lambda v: number(v, ".2f")), "<interval": span(part, "lower", "upper", "+.2f"),
        })  # fmt: skip
    out = pd.DataFrame({"<benchmark": frame["benchmark"]})
    for name in ("floor", "ceiling", "middle"):
        out[name] = frame[name].map(lambda v: number(v, ".2f"))
    for name in ("per_decade_size", "per_decade_tokens", "interaction"):
        spans = span(frame, f"{name}_lower", f"{name}_upper")
        out[f"<{name.replace('_', ' ')}"] = [
            f"{number(v, '5.2f')} ({one})" for v, one in zip(frame[name], spans, strict=True)
        ]
    return out.assign(noise=frame["noise"].map(lambda v: number(v, ".3f")))


def _explain(frame: pd.DataFrame, show: Show, level: float, found: NamedSkills | None) -> list[str]:
    percent = f"{100 * level:g} %"
    if show is Show.families:
        shown = f"; {_SHOWN} of {len(frame)} families shown" if len(frame) > _SHOWN else ""
        return [
            f"Effect: logits over the basket beyond size, tokens, chat tuning and date, {percent} intervals{shown}.",
            "Compute: what an average family would need, as a multiple, for the same.",
        ]
    if show is Show.own:
        return [
            f"Own: logits beyond the skills of the series, {percent} intervals; the surest first, "
            f"{min(_SHOWN, len(frame))} of {len(frame)} shown."
        ]
    if show is Show.curves:
        return [
            f"Logits per decade, {percent} intervals. Middle: expected score of an average base model in the middle of "
            "the data. Noise: beyond item sampling.",
        ]
    if found is None:
        return []
    turned = found.rotation
    lines = [
        f"Loadings: logits per standard deviation of the skill among the models, {percent} intervals on these axes."
    ]
    pairs = [
        f"{found.names[a]} ~ {found.names[b]} {turned.correlation[a, b]:.2f}"
        for a in range(len(found.names))
        for b in range(a)
        if abs(turned.correlation[a, b]) > 0.005
    ]
    lines.append(f"Correlations of the skills: {', '.join(pairs)}." if pairs else "The skills are uncorrelated.")
    lines.append(f"Rotation {turned.name}: {turned.n_agreeing} of {turned.n_starts} starts found this minimum.")
    if turned.is_unsure:
        lines.append("Few starts agree: another minimum as good may name the skills otherwise.")
    if turned.is_boundary:
        lines.append("Two skills have become one: this rotation asks for fewer.")
    return lines
