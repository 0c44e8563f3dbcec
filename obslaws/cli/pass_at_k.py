"""`obslaws pass-at-k`: coverage of repeated sampling, measured, forecast, and paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obslaws.cli.options import Format, FormatOption, LevelOption, names
from obslaws.cli.output import Page, number


def pass_at_k(
    counts: Annotated[
        Path, typer.Argument(help="CSV with problem, n_samples, n_correct, and model if there are several.")
    ],
    k: Annotated[
        str, typer.Option(help="Samples per problem, separated by commas; more than were drawn, too.")
    ] = "1,10,100,1000",
    method: Annotated[str, typer.Option(help="beta-binomial, zero-inflated or power-law.")] = "beta-binomial",
    cost: Annotated[str | None, typer.Option(help="Cost of one sample, MODEL=COST, separated by commas.")] = None,
    budget: Annotated[float | None, typer.Option(help="Per problem: which model gives most for it.")] = None,
    target: Annotated[float | None, typer.Option(help="Coverage wanted: which model gives it for least.")] = None,
    level: LevelOption = 0.9,
    format: FormatOption = Format.table,
) -> None:
    """Estimate pass@k without bias, and forecast it for more samples than were drawn.

    Example: obslaws pass-at-k counts.csv --k 1,100,10000
    """
    import pandas as pd

    from obslaws.errors import UsageError
    from obslaws.forecasters.base import check_level
    from obslaws.pass_at_k.choice import best_for_budget, cheapest_for_coverage
    from obslaws.pass_at_k.estimate import check_counts, coverage
    from obslaws.pass_at_k.forecast import fit_coverage
    from obslaws.reading import read_csv

    check_level(level)
    sizes, prices = _whole(k), _prices(cost)
    if budget is None and target is None and prices:
        raise UsageError("pass-at-k: --cost is for --budget or --target; give one of them as well.")
    if not prices and not (budget is None and target is None):
        raise UsageError("pass-at-k: --budget and --target need --cost MODEL=COST for every model.")
    if budget is not None and target is not None:
        raise UsageError("pass-at-k: give --budget or --target, not both.")
    if not counts.is_file():
        raise UsageError(f"counts {str(counts)!r}: no such file. Expected a CSV with problem, n_samples, n_correct.")
    table = check_counts(read_csv(counts, "a CSV with problem, n_samples, n_correct"), counts.name)
    parts = {str(m): part for m, part in table.groupby("model")} if "model" in table else {counts.stem: table}
    several = len(parts) > 1
    fits = {
        model: fit_coverage(part, method, where=f"{counts.name}, model {model!r}" if several else counts.name)
        for model, part in parts.items()
    }
    page = Page(format)
    if budget is not None or target is not None:
        frame = (
            best_for_budget(fits, prices, budget, level)
            if budget is not None
            else cheapest_for_coverage(fits, prices, float(target or 0), level)
        )
        what = f"Coverage for {budget:g} a problem" if budget is not None else f"Cost of a coverage of {target:g}"
        page.line(what, bold=True)
    else:
        frame = pd.concat(
            [
                fits[model].coverage(sizes, level).assign(model=model, measured=coverage(part, sizes))
                for model, part in parts.items()
            ]
        )
        frame = frame[["model", "k", "measured", "coverage", "lower", "upper", "level", "distance"]]
        page.line(f"Coverage of k samples, {method}, {100 * level:g} % intervals", bold=True)
    page.line()
    shown = pd.DataFrame({"<model": frame["model"]})
    for name in [c for c in frame if c not in ("model", "level")]:
        shown[str(name).replace("_", " ")] = [number(v, ".6g" if name == "k" else ".4g") for v in frame[name]]
    page.frame(frame, shown)
    page.line()
    page.line(_explained(budget, target))


def _explained(budget: float | None, target: float | None) -> str:
    """Say what the columns hold."""
    if target is not None:
        never = "inf: not with 10 million samples."
        return f"k: samples per problem that reach it. Cost: of them, for one problem, with its interval; {never}"
    far = "Distance: decades by which k goes beyond the samples drawn."
    if budget is not None:
        return f"k: samples that the budget buys. {far} Best: share of resamplings of problems in which it comes first."
    return f"Measured: estimated without bias, where all problems have k samples. Coverage: as fitted. {far}"


def _whole(text: str) -> list[float]:
    from obslaws.errors import UsageError

    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise UsageError(f"--k {text!r}: expected whole numbers of at least 1, separated by commas, e.g. 1,10,100.")
    return [float(size) for size in sizes]


def _prices(text: str | None) -> dict[str, float]:
    from obslaws.errors import UsageError

    out = {}
    for item in names(text, "--cost") or []:
        model, mark, value = item.rpartition("=")
        try:
            out[model] = float(value)
        except ValueError:
            mark = ""
        if not mark:
            raise UsageError(f"--cost {item!r}: expected MODEL=COST.")
    return out
