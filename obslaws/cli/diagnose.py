"""`obslaws diagnose`: does a benchmark's trend deserve a law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import (
    BenchmarksOption,
    Format,
    FormatOption,
    PanelOption,
    SnapshotOption,
    ViewOption,
    benchmark_names,
    names,
    open_panel,
)
from obslaws.cli.output import Page, number, progress_bar
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.panel import Panel


def diagnose(
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    everything: Annotated[bool, typer.Option(help="Every benchmark of the snapshot, whatever the view.")] = False,
    benchmarks: BenchmarksOption = None,
    rate: Annotated[float, typer.Option(help="False-discovery rate of the trends.")] = 0.1,
    weakest_link: Annotated[
        str | None, typer.Option(help="Instead: FIRST,SECOND,CROSS, the last combining the skills of the others.")
    ] = None,
    format: FormatOption = Format.table,
) -> None:
    """Class every benchmark's trend with scale, its emergence, and how much of it can be foretold.

    Example: obslaws diagnose --everything
    """
    from obslaws.diagnostics.diagnose import diagnose as run
    from obslaws.errors import UsageError
    from obslaws.report.captions import data_caption

    if everything and (view is not None or panel is not None):
        raise UsageError("diagnose: --everything is the whole snapshot; leave out --view and --panel.")
    data = _everything(snapshot) if everything else open_panel(view, snapshot, panel)
    page = Page(format)
    if weakest_link is not None:
        _weakest_link(page, data, names(weakest_link, "--weakest-link") or [])
        return
    wanted = benchmark_names(data, benchmarks)
    with progress_bar("Diagnose"):
        frame = run(data, rate)
    # tests are adjusted over all benchmarks, whichever are shown
    if wanted is not None:
        frame = frame[frame["benchmark"].isin(wanted)].reset_index(drop=True)
    page.line(
        f"Trends with compute at a false-discovery rate of {rate:g} over {counted(data.scores.shape[1], 'benchmark')}",
        bold=True,
    )
    page.line(data_caption(data))
    page.line()
    page.frame(frame, _for_people(frame))
    page.line()
    counts = frame["trend"].value_counts()
    page.line(", ".join(f"{n} {trend}" for trend, n in counts.items()) + ".")
    for text in _WORDS:
        page.line(text)


_WORDS = (
    "Trend: of scores with compute, within families; U: a fall, then a rise. Per decade: fraction per tenfold compute.",
    "Emergent: yes where models below some compute guess and those above do not: the smaller foretell nothing.",
    "Growth: accelerated or slower than -ln(score) falling as a power of compute; by the law: no bend is certain.",
    "Shares, of the variance between models: what scale and other benchmarks (skills) foretell for unseen families;",
    "  of the rest what a family shares, the sampling of questions (noise), and the model's own.",
    "Next: `obslaws forecast` for a model's score, `obslaws observe` for strong models from weaker ones.",
)


def _everything(snapshot: str | None) -> Panel:
    from obslaws.diagnostics.table import everything

    return everything(snapshot)


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame(
        {
            "<benchmark": frame["benchmark"],
            "models": frame["n_models"],
            "families": frame["n_families"],
            "<trend": frame["trend"],
            "per decade": [number(v, "+.3f") for v in frame["slope"]],
            "<emergent": [
                "yes" if v is True else "no" if v is False else "-" for v in frame["emergent"].astype(object)
            ],
            "<growth": frame["growth"].fillna("-"),
        }
    )
    for name in ("scale", "skills", "family", "noise", "own"):
        shown[name] = [number(v, ".2f") for v in frame[name]]
    return shown


def _weakest_link(page: Page, data: Panel, three: list[str]) -> None:
    import pandas as pd

    from obslaws.diagnostics.weakest_link import weakest_link
    from obslaws.domains import find_benchmark
    from obslaws.errors import UsageError
    from obslaws.report.captions import data_caption

    if len(three) != 3:
        raise UsageError(f"--weakest-link: {counted(len(three), 'benchmark')}, expected three: FIRST,SECOND,CROSS.")
    three = [find_benchmark(name, data) for name in three]
    told = weakest_link(data, three[0], three[1], three[2])
    summary: dict[str, Any] = told.summary
    frame = pd.DataFrame({"quantity": list(summary), "value": list(summary.values())})
    page.line(f"{three[2]} between {three[0]} and {three[1]}: -1 is the weaker skill, +1 the stronger", bold=True)
    page.line(data_caption(data))
    page.line()
    shown = pd.DataFrame(
        {"<quantity": frame["quantity"].str.replace("_", " "), "value": [number(v, ".4g") for v in frame["value"]]}
    )
    page.frame(frame, shown)
