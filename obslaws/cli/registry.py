"""`obslaws register`, `resolve` and `registry`: forecasts on record, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    Format,
    FormatOption,
    PanelOption,
    RecordFormat,
    RecordFormatOption,
    SnapshotOption,
    ViewOption,
    benchmark_names,
    open_panel,
    token_count,
)
from obslaws.cli.output import Page, note, number, progress_bar
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.panel import Panel

RegistryOption = Annotated[
    Path | None, typer.Option("--registry", help="The registry, a file of JSON lines; else the user's own.")
]

_LISTED = (
    "line", "registered", "forecaster", "model", "benchmark", "forecast", "lower", "upper", "score", "repeat",
)  # fmt: skip

registry = typer.Typer(help="List registered forecasts and check that nobody changed them.", no_args_is_help=True)


def _place(path: Path | None) -> Path:
    from obslaws.folders import registry_file

    return path or registry_file()


def register(
    model: Annotated[str, typer.Option(help="Id under which the scores will be published, e.g. Qwen/Qwen3-22B.")],
    family: Annotated[str | None, typer.Option(help="Family of a model that the panel does not know.")] = None,
    params: Annotated[str | None, typer.Option(help="Parameters: 32e9, 32B.")] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Training tokens: 18e12, 18T; by default what the family saw, or `unknown`.")
    ] = None,
    active_params: Annotated[str | None, typer.Option(help="Parameters used per token.")] = None,
    variant: Annotated[str | None, typer.Option(help="base or chat.")] = None,
    org: Annotated[str | None, typer.Option(help="Lab of a new family, e.g. Qwen; a known family has its own.")] = None,
    date: Annotated[
        str | None, typer.Option(help="Release date, e.g. 2025-01-31; that of the family's newest member by default.")
    ] = None,
    scores: Annotated[str | None, typer.Option(help="Scores it already has: mmlu=0.71,gsm8k=0.8, or a file.")] = None,
    benchmarks: BenchmarksOption = None,
    forecaster: Annotated[str, typer.Option(help="Who answers.")] = "skill",
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    registry: RegistryOption = None,
    new_family: Annotated[
        bool, typer.Option("--new-family", help="The family is one that the panel does not know; no slip of the pen.")
    ] = False,
    format: FormatOption = Format.table,
) -> None:
    """Forecast a model and append the forecasts to a registry, before its scores are known.

    Example: obslaws register --model acme/Next-22B --family qwen2.5 --params 22B --tokens 18T
    """
    import pandas as pd

    from obslaws.known_scores import known_scores
    from obslaws.quantities import parse_count
    from obslaws.query import query
    from obslaws.registry.chain import read_chain
    from obslaws.registry.register import register as write
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel, add)
    if model in data.models.index:
        facts = {
            "--family": family, "--params": params, "--tokens": tokens, "--active-params": active_params,
            "--variant": variant, "--date": date, "--new-family": new_family or None,
        }  # fmt: skip
        if given := [option for option, value in facts.items() if value is not None]:
            raise typer.BadParameter(
                f"{model!r} is in the panel, which knows what it is: leave out {', '.join(given)}, or give another "
                "--model for a model of your own."
            )
        asked = data.models.loc[[model]]
    elif family is None or params is None:
        raise typer.BadParameter(f"{model!r} is not in the panel: give its --family and --params.")
    else:
        counts: dict[str, Any] = {
            name: None if text is None else parse_count(text, option, unit="B")
            for name, option, text in (
                ("n_params", "--params", params),
                ("n_active_params", "--active-params", active_params),
            )
        }
        _check_family(data, family, variant, new_family)
        asked = query(data, family, variant=variant, n_tokens=token_count(tokens), org=org, release_date=date, **counts)
        asked.index = pd.Index([model], name="model")
    known = None if scores is None else known_scores(scores, data, model)
    chosen = benchmark_names(data, benchmarks)
    path = _place(registry)
    with progress_bar(f"Fitting {forecaster} to {len(data.models)} models"):
        records = write(path, data, asked, known, chosen, forecaster)

    earlier = {(r["model"], r["benchmark"], r["forecaster"]) for r in read_chain(path)[: -len(records)]}
    n_repeats = sum((r["model"], r["benchmark"], r["forecaster"]) in earlier for r in records)
    rows = pd.DataFrame([{**{k: v for k, v in r.items() if k != "quantiles"}, **r["quantiles"]} for r in records])
    page = Page(format)
    page.line(f"Registered: {counted(len(records), 'forecast')} of {model} in {path}", bold=True)
    page.line(data_caption(data))
    page.line()
    page.frame(rows, pd.DataFrame({
        "<benchmark": rows["benchmark"], "forecast": rows["forecast"].map(number),
        "90 % interval": _spans(rows["0.05"], rows["0.95"]), "<basis": rows["basis"],
    }))  # fmt: skip
    page.line()
    if n_repeats:
        page.line(f"{n_repeats} of them {forecaster} had registered before; `resolve` counts the first of each alone.")
    page.line("`obslaws resolve` scores them against a newer snapshot; `obslaws registry verify` tells the last seal.")


def _check_family(data: Panel, family: str, variant: str | None, is_new: bool) -> None:
    """Refuse a family that is not known unless it is said to be new: what is registered stays."""
    import warnings

    from obslaws.errors import UsageError
    from obslaws.families import match_family

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the query says how a name was read
        match = match_family(data, family, variant)
    known = match.known or match.base_known
    if not known and not is_new:
        near = f" Did you mean {' or '.join(map(repr, match.nearest))}?" if match.nearest else ""
        raise UsageError(
            f"--family {family!r}: no such family in panel {data.name!r}.{near} A registry is never written anew: "
            "correct the name, or add --new-family if the family is new."
        )
    if known and is_new:
        raise UsageError(
            f"--new-family: panel {data.name!r} knows the family {match.family!r}. Leave --new-family out."
        )


def resolve(
    scores: Annotated[Path | None, typer.Option(help="CSV with model, benchmark, score (fractions).")] = None,
    snapshot: SnapshotOption = None,
    registry: RegistryOption = None,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Score registered forecasts by what has been measured since.

    A model that one forecaster registered twice on a benchmark counts once, by the first forecast.

    Example: obslaws resolve --snapshot latest
    """
    from obslaws.registry.resolve import add_up

    path = _place(registry)
    resolved = _resolved(path, scores, snapshot)
    total = add_up(resolved)

    page = Page(format)
    if format is RecordFormat.json:
        page.record({**total, "forecasts": _plain(resolved)})
        return
    page.line(f"{total['n_resolved']} of {total['n_forecasts']} registered forecasts have a score", bold=True)
    if n := total["n_repeats"]:
        are = "is a repeat" if n == 1 else "are repeats"
        page.line(f"{n} more {are} of a model and benchmark that the forecaster had registered before: not counted.")
    if not total["n_resolved"]:
        page.line("Nothing was measured since; name a newer --snapshot, or a table with --scores.")
        return
    page.line()
    page.frame(resolved, _for_people(resolved[resolved["score"].notna() & ~resolved["repeat"].astype(bool)]))
    page.line()
    page.line(f"Error {total['mae']:.2f} (mean), {total['medae']:.2f} (median); CRPS {total['crps']:.2f}; in points.")
    shares = (f"{100 * share:.0f} % inside {100 * float(level):g} %" for level, share in total["coverage"].items())
    page.line(f"Intervals: {', '.join(shares)}.")


def _resolved(path: Path, scores: Path | None, snapshot: str | None) -> pd.DataFrame:
    """Put the forecasts of a registry beside scores: those of a file, else those of a snapshot."""
    from obslaws.panel import load_panel
    from obslaws.registry.chain import read_chain
    from obslaws.registry.resolve import read_scores, unregistered
    from obslaws.registry.resolve import resolve as put_together
    from obslaws.views import list_views

    foreign: set[str] = set()

    def panel_of(view: str) -> Panel | None:
        if view in list_views():
            return load_panel(view, snapshot)
        foreign.add(view)
        return None

    measured = None if scores is None else read_scores(scores)
    table = put_together(read_chain(path), measured, panel_of if measured is None else None)
    if measured is not None and (strange := unregistered(table, measured)):
        note(f"Note: {scores}: {strange}")
    if foreign:
        told = ", ".join(map(repr, sorted(foreign)))
        note(f"Note: {told}: no view of the snapshot, so its forecasts have no score; give --scores.")
    return table


@registry.callback()
def _group() -> None:
    """List registered forecasts and check that nobody changed them."""


@registry.command("list")
def list_(
    scores: Annotated[
        Path | None, typer.Option(help="CSV with model, benchmark, score (fractions) that resolve them.")
    ] = None,
    snapshot: SnapshotOption = None,
    registry: RegistryOption = None,
    format: FormatOption = Format.table,
) -> None:
    """List every registered forecast: when, of which model, forecast and interval, and the score if there is one.

    Example: obslaws registry list
    """
    path = _place(registry)
    resolved = _resolved(path, scores, snapshot)
    rows = resolved[[*_LISTED]].assign(resolved=resolved["score"].notna())
    page = Page(format)
    page.line(f"{path}: {counted(len(rows), 'forecast')}, {int(rows['resolved'].sum())} with a score", bold=True)
    page.line()
    shown = _for_people(resolved)
    told = zip(rows["resolved"], rows["repeat"], strict=True)
    state = [f"{'yes' if known else 'no'}{', repeat' if repeat else ''}" for known, repeat in told]
    shown.insert(3, "<forecaster", resolved["forecaster"])
    page.frame(rows, shown.drop(columns="inside").assign(**{"<resolved": state}))


@registry.command()
def verify(
    registry: RegistryOption = None,
    head: Annotated[str | None, typer.Option(help="A seal noted earlier: its line must still be there.")] = None,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Check that every line is as it was written; the first that is not is named, with exit code 1.

    Example: obslaws registry verify
    """
    from obslaws.registry.chain import NOTHING
    from obslaws.registry.chain import verify as check

    path = _place(registry)
    records = check(path, head)
    seal = records[-1]["seal"] if records else NOTHING
    page = Page(format)
    if format is RecordFormat.json:
        page.record({"registry": str(path), "n_lines": len(records), "seal": seal})
        return
    page.line(f"{path}: {counted(len(records), 'line')}, chain whole", bold=True)
    page.line(f"Last seal {seal}")
    page.line("Keep it elsewhere: `verify --head SEAL` then tells whether the end was cut off or all written anew.")


def _for_people(done: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<registered": done["registered"].str.slice(0, 10), "<model": done["model"]})
    shown["<benchmark"] = done["benchmark"]
    shown["forecast"] = done["forecast"].map(number)
    shown["90 % interval"] = _spans(done["lower"], done["upper"])
    shown["score"] = done["score"].map(number)
    return shown.assign(inside=["yes" if inside is True else "no" for inside in done["inside"].astype(object)])


def _spans(lower: pd.Series, upper: pd.Series) -> list[str]:
    return [f"{number(low)} to {number(high)}" for low, high in zip(lower, upper, strict=True)]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): None if v is None or v != v else v for k, v in row.items()}
        for row in frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    ]
