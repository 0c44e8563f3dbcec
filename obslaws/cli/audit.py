"""`obslaws audit`: scores that cannot be what they claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.options import (
    AddOption,
    BenchmarksOption,
    Format,
    FormatOption,
    PanelOption,
    SnapshotOption,
    ViewOption,
    check_top,
    choose_benchmarks,
    open_fractions,
    own_models,
)
from obslaws.cli.output import Page, number, progress_bar
from obslaws.quantities import counted

if TYPE_CHECKING:
    import pandas as pd


def audit(
    false_discoveries: Annotated[
        float, typer.Option(help="Most findings that may be right after all, as a share of the findings.")
    ] = 0.05,
    top: Annotated[
        int | None, typer.Option(help="Show the first so many in rank, also those that are not suspicious.")
    ] = None,
    inject: Annotated[
        str | None, typer.Option(help="Put in known faults (inflated, swapped, x100) and count how many are found.")
    ] = None,
    benchmarks: BenchmarksOption = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Find scores and models far outside of what other families, siblings and their other scores say.

    With --add the list is of your own models: every score of theirs, suspicious or not.

    Example: obslaws audit --top 10
    """
    from obslaws.audit.expected import expect
    from obslaws.audit.findings import findings
    from obslaws.errors import UsageError
    from obslaws.report.captions import data_caption

    if not 0.0 < false_discoveries < 1.0:
        raise UsageError(f"false discoveries are {false_discoveries:g}; expected a share between 0 and 1, e.g. 0.05.")
    check_top(top)
    data = open_fractions(view, snapshot, panel, add)
    own = own_models(data)
    data = choose_benchmarks(data, benchmarks)
    page = Page(format)
    if inject is not None:
        from obslaws.audit.faults import FAULTS, detection
        from obslaws.audit.faults import inject as put_in

        faulty, wrong = put_in(data, inject)
        with progress_bar(f"Auditing with faults: {FAULTS.get(inject, inject)}") as progress:
            expected = expect(faulty, progress)
        page.line(f"Audit with faults put in: {inject}, {FAULTS[inject]}", bold=True)
        page.line(data_caption(data))
        page.line()
        table = detection(faulty, expected, wrong)
        page.frame(table, _detected_for_people(table))
        return
    with progress_bar(f"Auditing {counted(data.n_cells, 'score')}") as progress:
        expected = expect(data, progress)
    found = findings(data, expected, false_discoveries, top, own or None)
    n = int((found["q"] <= false_discoveries).sum())
    beyond = f", {len(found) - n} next in rank" if n < len(found) else ""
    if own:
        page.line(f"Audit of {counted(len(own), 'own model')}: {n} of {len(found)} suspicious", bold=True)
    else:
        page.line(f"Audit: {n} suspicious{beyond}", bold=True)
    page.line(data_caption(data))
    page.line()
    page.frame(found, _for_people(found))
    page.line()
    page.line("Expected: from other families and the model's other scores; a model as a whole: from size and siblings.")
    page.line("Deviate: how far off it is, in standard deviations of the expectation.")
    if own:
        page.line("q: share of right scores among all of the panel, not yours alone, that are as surprising or more.")
    elif beyond:
        page.line(
            f"Next in rank: q above {false_discoveries:g}; q is the share of right scores among all down to there."
        )
    if n:
        page.line(
            f"About {100 * false_discoveries:g} % of the findings are right scores after all; each is a suspicion."
        )


def _for_people(found: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<model": found["model"], "<benchmark": found["benchmark"].fillna("all")})
    shown["score"] = found["score"].map(number)
    shown["expected"] = found["expected"].map(number)
    bounds = zip(found["lower"], found["upper"], strict=True)
    shown["95 % interval"] = [f"{number(low)} to {number(high)}" if low == low else "-" for low, high in bounds]
    shown["deviate"] = found["deviate"].map("{:+.1f}".format)
    shown["q"] = found["q"].map("{:.1e}".format)
    return shown.assign(**{"<reason": found["reason"]})


def _detected_for_people(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame({"<judged": table["judged"], "faults": table["n_faults"]})
    shown["found at 5 % false alarms"] = [f"{100 * share:.0f} %" for share in table["found"]]
    return shown.assign(**{"reported": table["n_reported"], "of these faults": table["n_reported_right"]})
