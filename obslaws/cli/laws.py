"""`obslaws laws`: the catalogue of published scaling laws, and fits of them to runs of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.laws_board import board, reproduce
from obslaws.cli.options import (
    DarkOption,
    Format,
    FormatOption,
    LevelOption,
    PlotOption,
    RecordFormat,
    RecordFormatOption,
    check_figure,
    names,
)
from obslaws.cli.output import Page, note, number, progress_bar
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.laws.base import Law
    from obslaws.laws.results import LawFit

laws = typer.Typer(help="List, evaluate, fit and compare published scaling laws.", no_args_is_help=True)
laws.add_typer(board, name="board")
laws.command()(reproduce)

LawArgument = Annotated[str, typer.Argument(help="Name of a law; see `obslaws laws list`.")]
RunsArgument = Annotated[
    str, typer.Argument(help="CSV or parquet with a row per run, or the name of a shipped table of runs, e.g. gadre.")
]
SpaceOption = Annotated[str | None, typer.Option(help="Residuals: log or linear; the law's own by default.")]
DeltaOption = Annotated[float | None, typer.Option(help="Where the Huber loss turns linear; inf for least squares.")]
StartsOption = Annotated[int, typer.Option("--starts", help="Starts to draw.")]
FixOption = Annotated[list[str] | None, typer.Option("--fix", help="Hold a parameter, e.g. --fix E=1.8.")]
OutputOption = Annotated[
    str | None, typer.Option("--column", help="Column of the output; named as in the law by default.")
]


@laws.command("list")
def list_(
    group: Annotated[str | None, typer.Option(help="Only this group, e.g. loss-scale.")] = None,
    all: Annotated[
        bool, typer.Option("--all", help="Also laws that could not be checked against their source.")
    ] = False,
    format: FormatOption = Format.table,
) -> None:
    """List the laws of the catalogue, with formula, group and source.

    Example: obslaws laws list --group downstream
    """
    import pandas as pd

    from obslaws.errors import UnknownNameError
    from obslaws.laws.base import GROUPS
    from obslaws.laws.registry import list_laws

    if group is not None and group not in GROUPS:
        raise UnknownNameError("group", group, GROUPS)
    chosen = [one for one in list_laws(all) if group in (None, one.group)]
    frame = pd.DataFrame([_row(one) for one in chosen])
    shown = pd.DataFrame(
        {
            "<law": frame["law"],
            "<group": frame["group"],
            "sets": frame["n_published"],
            "<formula": [one.formula.splitlines()[0] for one in chosen],
            **({"<verified": frame["verified"].map({True: "yes", False: "no"})} if all else {}),
        }
    )
    page = Page(format)
    page.line(f"{counted(len(chosen), 'law')}", bold=True)
    page.line()
    page.frame(frame, shown)


def _row(one: Law) -> dict[str, Any]:
    return {
        "law": one.id,
        "group": one.group,
        "title": one.title,
        "formula": one.formula,
        "variables": ", ".join(v.name for v in one.variables),
        "output": one.output.name,
        "params": ", ".join(one.param_names),
        "n_published": len(one.published),
        "core": one.core,
        "verified": one.verified,
        "source": one.source,
    }


@laws.command()
def show(law: LawArgument, format: RecordFormatOption = RecordFormat.table) -> None:
    """Show one law: formula, variables with units, parameters with bounds, published coefficients, source.

    Example: obslaws laws show chinchilla
    """
    import pandas as pd

    from obslaws.laws.registry import law as find

    one, page = find(law), Page(format)
    sets = [
        {
            "set": s.name,
            "basis": s.basis,
            "setting": s.setting,
            "params": dict(s.params),
            "uncertainty": dict(s.uncertainty),
        }
        for s in one.published
    ]
    if format is RecordFormat.json:
        variables = [
            {"name": v.name, "about": v.about, "unit": v.unit, "low": v.low, "high": v.high, "default": v.default}
            for v in one.variables
        ]
        params = [{"name": p.name, "lower": p.lower, "upper": p.upper, "log": p.log} for p in one.params]
        output = {"name": one.output.name, "about": one.output.about, "unit": one.output.unit}
        told = {**_row(one), "variables": variables, "output": output, "params": params, "published": sets}
        page.record({**told, "residuals": one.space, "notes": list(one.notes)})
        return
    page.line(f"{one.id}: {one.title}", bold=True)
    page.line()
    for line in one.formula.splitlines():
        page.line(f"    {line}")
    page.line()
    told_of = [(v, f"{v.low:g} to {v.high:g}") for v in one.variables] + [(one.output, "output")]
    rows = [{"<variable": v.name, "<unit": v.unit, "<range": reach, "<about": v.about} for v, reach in told_of]
    page.frame(pd.DataFrame(rows), pd.DataFrame(rows))
    page.line()
    table = pd.DataFrame({"<parameter": one.param_names})
    table["bounds"] = [f"{p.lower:g} to {p.upper:g}" for p in one.params]
    for s in one.published[:6]:
        table[s.name] = [f"{s.params[n]:.6g}" if n in s.params else "-" for n in one.param_names]
    page.frame(table, table)
    page.line()
    for s in one.published:
        page.line(f"{s.name} ({s.basis}): {s.setting}")
    if not one.verified:
        page.line("Form or coefficients could not be checked against the source, so none are given.")
    for text in one.notes:
        page.line(f"Note: {text}")
    page.line(f"Source: {one.source}")


@laws.command()
def evaluate(
    law: LawArgument,
    inputs: Annotated[list[str] | None, typer.Argument(help="VARIABLE=VALUE, e.g. n_params=70B n_tokens=1.4T.")] = None,
    data: Annotated[Path | None, typer.Option(help="CSV with a column per variable, instead of values.")] = None,
    set: Annotated[
        str | None, typer.Option("--set", help="Published coefficients to use; the first by default.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="A coefficient of your own, e.g. E=1.8.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Evaluate a law with published coefficients or your own.

    The page says which set was used; a note on stderr tells inputs outside the range of the law.

    Example: obslaws laws evaluate chinchilla n_params=70B n_tokens=1.4T --set hoffmann-2022
    """
    import pandas as pd

    from obslaws.errors import UsageError
    from obslaws.laws.registry import law as find

    one = find(law)
    if (data is None) == (not inputs):
        raise UsageError("laws evaluate: give either VARIABLE=VALUE or --data.")
    x = pd.DataFrame([_pairs(inputs or [])]) if data is None else _read(str(data))
    own = _pairs(param or [])
    base = one.coefficients(set) if set is not None or not own.keys() >= {*one.param_names} else {}
    values = one.coefficients({**base, **own})
    used = [v.name for v in one.variables if v.name in x]
    frame = x[used].assign(**{one.output.name: one.evaluate(x, values)})
    shown = pd.DataFrame({c: [f"{v:.6g}" for v in frame[c]] for c in frame})
    page = Page(format)
    page.line(f"{one.id}: {one.output.about}, {one.output.unit}", bold=True)
    page.line(f"{_whose(one, set, own, bool(base))}: {', '.join(f'{n} = {v:.6g}' for n, v in values.items())}")
    page.line()
    page.frame(frame, shown)
    for text in _beyond(one, frame):
        note(f"Note: {text}")


def _whose(one: Law, asked: str | None, own: dict[str, float], published: bool) -> str:
    """Say whose coefficients are used."""
    if not published:
        return "Your own coefficients"
    sets = one.complete_sets()
    words = f"Set {asked or sets[0]}"
    if asked is None and len(sets) > 1:
        words += f" (first of {len(sets)}; --set takes {' or '.join(sets[1:])})"
    return f"{words}, with {', '.join(own)} of your own" if own else words


def _beyond(one: Law, frame: pd.DataFrame) -> list[str]:
    """Say which inputs lie outside the range of the law."""
    told = []
    for variable in one.variables:
        if variable.name not in frame or not variable.low < variable.high:
            continue
        values = frame[variable.name].astype(float)
        # a bound as it is printed is inside
        outside = values[(values < variable.low * (1 - 1e-9)) | (values > variable.high * (1 + 1e-9))]
        if outside.empty:
            continue
        found = f"{outside.iloc[0]:g}" if len(values) == 1 else f"{len(outside)} of {len(values)} values"
        lies = "lies" if len(outside) == 1 else "lie"
        told.append(
            f"{variable.name}: {found} {lies} outside {variable.low:g} to {variable.high:g} {variable.unit}, the range "
            f"of the law (`obslaws laws show {one.id}`); there it is carried on, and nobody has checked it."
        )
    return told


@laws.command()
def fit(
    law: LawArgument,
    runs: RunsArgument,
    column: OutputOption = None,
    space: SpaceOption = None,
    delta: DeltaOption = None,
    starts: StartsOption = 200,
    bootstrap: Annotated[int, typer.Option(help="Refits on resampled runs, for the intervals.")] = 0,
    cluster: Annotated[str | None, typer.Option(help="Column of the model behind each point: resampled whole.")] = None,
    fix: FixOption = None,
    level: LevelOption = 0.95,
    checklist: Annotated[bool, typer.Option(help="Print the whole report: what, on what, how, how sensitive.")] = False,
    setup: Annotated[
        Path | None, typer.Option(help="JSON with answers for the report that the data do not hold.")
    ] = None,
    plot: PlotOption = None,
    dark: DarkOption = False,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Fit a law to runs, with intervals and with what speaks against the fit.

    Example: obslaws laws fit gadre_loss gadre --bootstrap 200
    """
    from obslaws.forecasters.base import check_level
    from obslaws.laws.registry import law as find

    check_figure(plot, dark)
    check_level(level)
    one, table = find(law), _read(runs)
    y = _column(table, column or one.output.name, runs)
    options: dict[str, Any] = {"space": space, "delta": delta, "n_starts": starts, "fixed": _pairs(fix or [])}
    if cluster is not None:
        options["clusters"] = _column(table, cluster, runs)
    with progress_bar(f"Fit {one.id} to {len(table)} points"):
        result = one.fit(table, y, bootstrap=bootstrap, **options)
    answers = _answers(setup)
    page = Page(format)
    if format is RecordFormat.json:
        page.record(_record(result, level, answers if checklist else None))
    else:
        _print_fit(page, result, level)
        if checklist:
            page.line()
            page.line(result.checklist(answers).text())
    if plot is not None:
        _draw(result, plot, dark)


def _print_fit(page: Page, result: LawFit, level: float) -> None:
    import pandas as pd

    one, quality, starts = result.law, result.quality, result.starts
    page.line(f"{one.id}: {one.formula.splitlines()[0]}", bold=True)
    page.line(f"{result.n_points} points, {result.options['space']} residuals, Huber delta {result.options['delta']:g}")
    page.line()
    frame = result.summary(level)
    shown = pd.DataFrame({"<parameter": frame["parameter"]})
    for name in ("estimate", "std_error", "lower", "upper"):
        shown[name.replace("_", " ")] = [number(v, ".5g") for v in frame[name]]
    page.frame(frame, shown.assign(**{"<note": frame["note"]}))
    derived = result.derived(level)
    if len(derived):
        page.line()
        told = derived.reset_index(names="quantity")
        for name in ("estimate", "std_error", "lower", "upper"):
            told[name] = [number(v, ".5g") for v in told[name]]
        page.frame(told, told.rename(columns={"quantity": "<follows", "std_error": "std error"}))
    page.line()
    page.line(
        f"R2 {quality['r2']:.5f}, mean absolute relative error {100 * quality['mean_abs_rel_error']:.3f} %, "
        f"AICc {quality['aicc']:.1f}; {starts['n_best']} of {starts['n_starts']} starts within 1 % of the best"
    )
    source = "bootstrap" if len(result.draws) else "covariance"
    page.line(f"Intervals of {100 * level:g} % from the {source}.")
    for warning in result.warnings:
        page.line(f"Warning: {warning}.")


def _record(result: LawFit, level: float, answers: dict[str, str] | None) -> dict[str, Any]:
    from obslaws.cli.output import records

    out: dict[str, Any] = {
        "law": result.law.id,
        "n_points": result.n_points,
        "params": records(result.summary(level)),
        "derived": records(result.derived(level).reset_index(names="quantity")),
        "level": level,
        "quality": {k: (v if v == v and abs(v) != float("inf") else None) for k, v in result.quality.items()},
        "condition": result.condition,
        "converged": result.converged,
        "identified": result.identified,
        "warnings": list(result.warnings),
        "starts": {k: result.starts[k] for k in ("n_starts", "n_best", "seconds")},
    }
    if answers is not None:
        report = result.checklist(answers)
        out["checklist"] = {
            "items": records(report.items),
            "sensitivity": records(report.sensitivity),
            "holdout": records(report.holdout),
            "missing": report.missing,
        }
    return out


def _draw(result: LawFit, path: Path, dark: bool) -> None:
    from obslaws.cli.output import note
    from obslaws.report.figures import save_figure

    ax = result.plot()
    ax.set_title(f"{result.law.id}, {result.n_points} points, R2 {result.quality['r2']:.4f}", fontsize=10)
    note(f"Figure: {save_figure(ax.figure, path, dark)}")  # type: ignore[arg-type]


@laws.command()
def compare(
    law: Annotated[str, typer.Argument(help="Names of laws, separated by commas.")],
    runs: RunsArgument,
    column: Annotated[str, typer.Option("--column", help="Column of the output.")],
    by: Annotated[str | None, typer.Option(help="Column that orders runs: hold the largest fifth out as well.")] = None,
    space: SpaceOption = None,
    delta: DeltaOption = None,
    starts: StartsOption = 100,
    format: FormatOption = Format.table,
) -> None:
    """Fit several laws to the same runs and rank them by information criterion, and on runs held out.

    Example: obslaws laws compare chinchilla,gadre_loss,kaplan_nd gadre --column loss --by n_params
    """
    import pandas as pd

    from obslaws.laws.compare import compare as rank

    table = _read(runs)
    y = _column(table, column, runs)
    with progress_bar(f"Compare {law} on {len(table)} points"):
        frame = rank(names(law, "LAWS") or [], table, y, by, space=space, delta=delta, n_starts=starts)
    shown = pd.DataFrame({"<law": frame["law"], "params": frame["n_params"]})
    forms = {"r2": ".5f", "mean_abs_rel_error": ".5f", "delta_aicc": ".1f", "weight": ".3f", "holdout_error": ".5f"}
    for name, form in forms.items():
        if name in frame:
            shown[name.replace("_", " ")] = [number(v, form) for v in frame[name]]
    shown["<warnings"] = frame["warnings"]
    page = Page(format)
    page.line(f"{counted(len(frame), 'law')} on {counted(len(table), 'point')} of {runs}", bold=True)
    page.line()
    page.frame(frame, shown)


def _read(runs: str) -> pd.DataFrame:
    import pandas as pd

    from obslaws.errors import UnknownNameError, UsageError
    from obslaws.laws.runs import RUNS, load_runs
    from obslaws.reading import read_csv

    path = Path(runs)
    if runs in RUNS:
        return load_runs(runs)
    if not path.suffix and not path.exists():
        raise UnknownNameError("file, or table of runs,", runs, RUNS)
    if not path.is_file():
        raise UsageError(f"runs {runs!r}: no such file. Expected a CSV or parquet file, or one of {', '.join(RUNS)}.")
    return pd.read_parquet(path) if path.suffix == ".parquet" else read_csv(path, "a CSV with one run per row")


def _column(table: pd.DataFrame, name: str, where: str) -> pd.Series:
    from obslaws.errors import UnknownNameError

    if name not in table:
        raise UnknownNameError(f"column of {where}", name, table.columns)
    return table[name]


def _pairs(items: list[str]) -> dict[str, float]:
    from obslaws.errors import UsageError
    from obslaws.quantities import parse_count

    out = {}
    for item in items:
        name, mark, value = item.partition("=")
        if not mark or not name.strip():
            raise UsageError(f"{item!r}: expected NAME=VALUE.")
        if not any(sign.isdigit() for sign in value) and not value.strip().lower().endswith("inf"):
            raise UsageError(
                f"{name.strip()}: {value.strip()!r} is not a number; expected one such as 1.8, 4e-3 or 70B."
            )
        try:
            out[name.strip()] = float(value)
        except ValueError:
            out[name.strip()] = parse_count(value, name.strip())
    return out


def _answers(path: Path | None) -> dict[str, str]:
    import json

    from obslaws.errors import UsageError

    if path is None:
        return {}
    try:
        answers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"setup {str(path)!r}: {error}. Expected JSON with text by item of the checklist.") from None
    if not isinstance(answers, dict):
        raise UsageError(f"setup {str(path)!r}: expected an object with text by item of the checklist.")
    return {str(k): str(v) for k, v in answers.items()}
