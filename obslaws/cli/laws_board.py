"""`obslaws laws board` and `obslaws laws reproduce`: published laws on the leaderboard, and on their authors' runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    BenchmarksOption,
    Format,
    FormatOption,
    LevelOption,
    PanelOption,
    RecordFormat,
    RecordFormatOption,
    SnapshotOption,
    ViewOption,
    benchmark_names,
    open_panel,
)
from obslaws.cli.output import Page, number, progress_bar, records

if TYPE_CHECKING:
    import pandas as pd

board = typer.Typer(help="What published laws say of the models of a snapshot.", no_args_is_help=True)


@board.command()
def density(
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    sensitivity: Annotated[bool, typer.Option(help="Also under other choices of the analyst.")] = False,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Estimate how fast the best capability density doubles (Densing Law), with an interval.

    Example: obslaws laws board density --sensitivity
    """
    from obslaws.laws.board.densing import densing_sensitivity, densing_trend
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel)
    with progress_bar("Densing law"):
        trend = densing_trend(data)
        other = densing_sensitivity(data) if sensitivity else None
    middle, low, high = trend.doubling_months()
    page = Page(format)
    if format is RecordFormat.json:
        told: dict[str, Any] = {
            "slope_per_day": trend.slope, "lower": trend.lower, "upper": trend.upper, "level": trend.level,
            "doubling_months": middle, "doubling_lower": low, "doubling_upper": high, "r2": trend.r2,
            "n_models": trend.n_models, "frontier": records(trend.frontier),
        }  # fmt: skip
        page.record(told | ({} if other is None else {"sensitivity": records(other)}))
        return
    page.line("Capability density of base models since February 2023", bold=True)
    page.line(data_caption(data))
    page.line()
    page.line(
        f"A_t = {trend.slope:.4f} per day [{trend.lower:.4f}, {trend.upper:.4f}]; the best density doubles in "
        f"{middle:.1f} months [{low:.1f}, {high:.1f}] ({100 * trend.level:g} % interval)."
    )
    page.line("Published: 0.007 per day, 3.3 months; journal version 0.0073, 3.5 months.")
    page.line()
    frontier = trend.frontier
    _print(page, frontier, {"model": "<", "days": ".0f", "log_density": ".2f"})
    if other is not None:
        page.line()
        columns = {
            "choice": "<", "slope": ".4f", "lower": ".4f", "upper": ".4f", "doubling_months": ".1f",
            "doubling_lower": ".1f", "doubling_upper": ".1f", "r2": ".2f", "n_models": ".0f", "n_frontier": ".0f",
        }  # fmt: skip
        _print(page, other, columns)


@board.command()
def performance(
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Predict MMLU from architecture and tokens (Performance Law), and say how far off it is.

    Example: obslaws laws board performance
    """
    from obslaws.laws.board.performance import performance_error
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel)
    told = performance_error(data)
    page = Page(format)
    if format is RecordFormat.json:
        page.record({**told.overall, "by_year": records(told.by_year), "models": records(told.models)})
        return
    o = told.overall
    page.line("Performance Law: MMLU from architecture and tokens, published coefficients", bold=True)
    page.line(data_caption(data))
    page.line()
    page.line(
        f"{o['n_models']} base models of {o['n_families']} families: mean absolute error {o['mae']:.1f} points "
        f"[{o['mae_lower']:.1f}, {o['mae_upper']:.1f}], bias {o['bias']:+.1f} [{o['bias_lower']:+.1f}, "
        f"{o['bias_upper']:+.1f}] ({100 * o['level']:g} % intervals, families resampled)."
    )
    page.line(
        f"Coefficients refitted, each family predicted from the others: {o['refit_mae']:.1f}; the others' mean: "
        f"{o['mean_mae']:.1f}."
    )
    page.line()
    _print(page, told.by_year, {"year": ".0f", "n_models": ".0f", "mae": ".1f", "bias": "+.1f"})


@board.command()
def compute(
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    benchmarks: BenchmarksOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Fit every benchmark's score against training compute, and predict families left out.

    Example: obslaws laws board compute --benchmarks mmlu,bbh
    """
    from obslaws.laws.board.compute import compute_laws
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel)
    chosen = benchmark_names(data, benchmarks)
    with progress_bar("Compute laws"):
        frame = compute_laws(data, chosen)
    page = Page(format)
    page.line("Score against compute: logit per decade, midpoint in log10 FLOP, errors in points", bold=True)
    page.line(data_caption(data))
    page.line()
    columns = {
        "benchmark": "<", "n_models": ".0f", "slope": ".2f", "slope_se": ".2f", "midpoint": ".1f", "ceiling": ".2f",
        "r2": ".2f", "mae": ".1f", "held_out_mae": ".1f", "mean_mae": ".1f",
    }  # fmt: skip
    _print(page, frame, {k: v for k, v in columns.items() if k in frame})


@board.command()
def efficiency(
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    benchmarks: BenchmarksOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Compare families by effective compute: what an average recipe would have needed for their scores.

    Example: obslaws laws board efficiency
    """
    from obslaws.laws.board.effective import efficiency_trend
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel)
    chosen = benchmark_names(data, benchmarks)
    with progress_bar("Effective compute"):
        trend = efficiency_trend(data, chosen)
    page = Page(format)
    page.line("Effective over actual training compute of base families, decades", bold=True)
    page.line(data_caption(data))
    page.line(
        f"Trend {trend.per_year:+.2f} decades a year [{trend.lower:+.2f}, {trend.upper:+.2f}] "
        f"({100 * trend.level:g} % interval), R2 {trend.r2:.2f}"
    )
    page.line()
    _print(page, trend.families, {"family": "<", "release_date": "<", "gain": "+.2f", "n_models": ".0f"})


@board.command()
def crossover(
    first: Annotated[str, typer.Argument(help="A family.")],
    second: Annotated[str, typer.Argument(help="Another family.")],
    benchmark: Annotated[str, typer.Option(help="On which benchmark.")],
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    level: LevelOption = 0.9,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Find the training compute at which one family overtakes another.

    Example: obslaws laws board crossover qwen2.5 gemma-2 --benchmark bbh
    """
    from obslaws.laws.board.compute import family_crossover
    from obslaws.quantities import format_flop
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel)
    told = family_crossover(data, first, second, benchmark, level)
    page = Page(format)
    if format is RecordFormat.json:
        page.record({k: None if isinstance(v, float) and v != v else v for k, v in vars(told).items()})
        return
    page.line(f"{first} and {second} on {benchmark}", bold=True)
    page.line(data_caption(data))
    page.line()
    if told.at == told.at:
        page.line(
            f"The curves cross at {format_flop(told.at)}, {told.first} is ahead below; {100 * level:g} % of the draws "
            f"that cross lie between {format_flop(told.lower)} and {format_flop(told.upper)}."
        )
    else:
        page.line(f"The curves do not cross within a decade of the members: {told.first} is ahead throughout.")
    page.line(f"Of the bootstrap draws {100 * told.share:.0f} % cross.")


def reproduce(
    name: Annotated[str | None, typer.Argument(help="One of them; all whose runs are here when left out.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Find published figures again on the runs that their authors released.

    Tables without a licence are not shipped: put them into a folder and name it in OBSLAWS_UPSTREAM.

    Example: obslaws laws reproduce gadre
    """
    import pandas as pd

    from obslaws.laws.reproductions.all import available
    from obslaws.laws.reproductions.all import reproduce as run

    wanted = available() if name is None else [name]
    parts = []
    with progress_bar(f"Reproduce {', '.join(wanted)}") as progress:
        for done, one in enumerate(wanted):
            progress(done, len(wanted))
            parts.append(run(one))
    frame = pd.concat(parts, ignore_index=True)
    page = Page(format)
    judged = frame["holds"].dropna()
    page.line(f"{int(judged.sum())} of {len(judged)} figures hold", bold=True)
    page.line()
    shown = frame.assign(holds=frame["holds"].map({True: "yes", False: "no"}).fillna("-"))
    _print(
        page,
        shown,
        {
            "reproduction": "<",
            "quantity": "<",
            "published": ".6g",
            "margin": ".3g",
            "ours": ".6g",
            "holds": "<",
            "note": "<",
        },
        frame,
    )


def _print(page: Page, frame: pd.DataFrame, columns: dict[str, str], data: pd.DataFrame | None = None) -> None:
    """Print some columns: ``<`` sets text to the left, anything else is the form of a number."""
    import pandas as pd

    shown = pd.DataFrame(
        {
            (f"<{name}" if form == "<" else name).replace("_", " "): (
                [str(v.date()) if isinstance(v, pd.Timestamp) else str(v) for v in frame[name]]
                if form == "<"
                else [number(v, form) for v in frame[name]]
            )
            for name, form in columns.items()
        }
    )
    page.frame(frame if data is None else data, shown)
