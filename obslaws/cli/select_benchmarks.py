"""`obslaws select benchmarks` and `obslaws select next`: what to evaluate of a model, to know the rest."""

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
    SnapshotOption,
    ViewOption,
    benchmark_names,
    check_top,
    choose_benchmarks,
    open_fractions,
    token_count,
)
from obslaws.cli.output import Page, number, progress_bar, records

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.panel import Panel

CostsOption = Annotated[
    Path | None, typer.Option("--costs", help="CSV with benchmark, cost; what it leaves out cannot be chosen.")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="A model of the panel; what it has is known.")]
FamilyOption = Annotated[str | None, typer.Option("--family", help="Family of a model that the panel does not know.")]
ParamsOption = Annotated[str | None, typer.Option("--params", help="Its parameters: 32e9, 32B.")]
TokensOption = Annotated[
    str | None,
    typer.Option("--tokens", help="Its training tokens: 18e12, 18T; by default what the family saw, or `unknown`."),
]
ScoresOption = Annotated[str | None, typer.Option("--scores", help="Scores it already has: mmlu=0.71, or a file.")]


def benchmarks(
    count: Annotated[int | None, typer.Option(help="How many benchmarks; 3 when there is no --budget.")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Most that they may cost together, in the unit of --costs.")
    ] = None,
    costs: CostsOption = None,
    targets: Annotated[
        str | None, typer.Option(help="Benchmarks or domains to be told, separated by commas; all by default.")
    ] = None,
    exclude: Annotated[
        str | None, typer.Option(help="Benchmarks or domains that cannot be run, separated by commas.")
    ] = None,
    model: ModelOption = None,
    family: FamilyOption = None,
    params: ParamsOption = None,
    tokens: TokensOption = None,
    scores: ScoresOption = None,
    benchmarks: BenchmarksOption = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Choose the benchmarks of a model that tell the rest best; of any model, or of the one named.

    Example: obslaws select benchmarks --count 3
    """
    import numpy as np

    from obslaws.report.captions import data_caption
    from obslaws.select.benchmarks import select_benchmarks
    from obslaws.select.posterior import joint_posterior, population

    if count is not None and count < 1:
        raise typer.BadParameter(f"--count is {count}; expected 1 or more.")
    data = open_fractions(view, snapshot, panel, add)
    data = choose_benchmarks(data, benchmarks)
    columns = list(map(str, data.scores.columns))
    price = None if costs is None else _costs(costs, columns)
    asked, known, told = _asked(data, model, family, params, tokens, scores)
    able = np.isin(columns, benchmark_names(data, exclude, "--exclude") or [])
    wanted = None if targets is None else np.isin(columns, benchmark_names(data, targets, "--targets") or [])
    limit = count
    if price is None and budget is not None and budget >= 1:  # without --costs each costs 1, and every set can be tried
        limit, budget = int(budget if count is None else min(count, budget)), None
    fitted = _fitted(data)
    learnt = data.scores.notna().any().to_numpy()
    joint = population(fitted) if asked is None else joint_posterior(fitted, asked, told)
    # the error on a benchmark counts as often as models have it
    usual = data.scores.notna().mean().to_numpy()
    goal = np.where(known, 0.0, usual if wanted is None else wanted * np.where(learnt, usual, 0.0))
    open_to = ~able & ~known & learnt & (True if price is None else np.isfinite(price))
    found = select_benchmarks(
        joint,
        columns,
        3 if limit is None and budget is None else limit,
        targets=goal,
        candidates=open_to,
        costs=price,
        budget=budget,
    )
    page = Page(format)
    who = "a model of which nothing is known" if asked is None else str(asked.index[0])
    page.line(f"Benchmarks to evaluate of {who}", bold=True)
    page.line(data_caption(data))
    if format is Format.json:
        page.record({"error_before": found.error_before, "is_exact": found.is_exact, "n_targets": found.n_targets,
                     "steps": records(found.steps)})  # fmt: skip
        return
    page.line()
    page.frame(found.steps, _steps_for_people(found.steps, price is not None))
    page.line()
    page.line(
        f"Expected error: in points of 100, once it and those above are run; the mean over {found.n_targets} "
        f"benchmarks, each as often as models have it, those run counting 0. Before any: {found.error_before:.2f}."
    )
    if len(found.steps) == open_to.sum():
        asked_for = f" --count asked for {count}." if count is not None and count > len(found.steps) else ""
        page.line(f"These are all {len(found.steps)} that can be run.{asked_for}")
    else:
        page.line("No other set is expected to do better." if found.is_exact else "Chosen one by one; not proven best.")


def next_(
    model: ModelOption = None,
    family: FamilyOption = None,
    params: ParamsOption = None,
    tokens: TokensOption = None,
    scores: ScoresOption = None,
    costs: CostsOption = None,
    top: Annotated[int | None, typer.Option(help="Only the best so many.")] = None,
    benchmarks: BenchmarksOption = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Rank the benchmarks that a model has no score of by what their score would tell about all the others.

    Example: obslaws select next --model Qwen/Qwen2.5-7B
    """
    from obslaws.report.captions import data_caption
    from obslaws.select.benchmarks import rank_next
    from obslaws.select.posterior import joint_posterior

    check_top(top)
    data = open_fractions(view, snapshot, panel, add)
    data = choose_benchmarks(data, benchmarks)
    columns = list(map(str, data.scores.columns))
    price = None if costs is None else _costs(costs, columns)
    asked, known, told = _asked(data, model, family, params, tokens, scores)
    if asked is None:
        raise typer.BadParameter("name a --model of the panel, or a --family with --params.")
    fitted = _fitted(data)
    known = known | ~data.scores.notna().any().to_numpy()
    ranked = rank_next(joint_posterior(fitted, asked, told), columns, known, price)
    ranked = ranked if top is None else ranked.head(top)

    page = Page(format)
    page.line(f"What to evaluate next of {asked.index[0]}", bold=True)
    page.line(data_caption(data))
    page.line()
    page.frame(ranked, _ranked_for_people(ranked, price is not None))
    page.line()
    page.line("Own error: expected error of its forecast, in points of 100.")
    page.line(
        "Mean less by: how far its score would bring down the mean over all that is unknown, its own error included."
    )
    page.line("Others: the part of that which is not its own error; tells most about: the one that gains most.")


def _costs(path: Path, columns: list[str]) -> NDArray[np.float64]:
    from obslaws.select.benchmarks import read_costs

    return read_costs(path, columns)


def _asked(
    data: Panel, model: str | None, family: str | None, params: str | None, tokens: str | None, scores: str | None
) -> tuple[pd.DataFrame | None, NDArray[np.bool_], pd.DataFrame | None]:
    """Describe the model, which of its scores are known, and those that the panel does not hold."""
    import numpy as np

    from obslaws.known_scores import known_scores
    from obslaws.quantities import parse_count
    from obslaws.query import find_model, query

    if model is not None:
        facts = {"--family": family, "--params": params, "--tokens": tokens}
        if given := [option for option, value in facts.items() if value is not None]:
            raise typer.BadParameter(
                f"--model {model!r} is a model of the panel, which knows what it is: leave out {', '.join(given)}, or "
                "leave out --model for a model of your own."
            )
        asked = data.models.loc[[find_model(data.models.index, model)]]
    elif family is not None and params is not None:
        size = parse_count(params, "--params", unit="B")
        asked = query(data, family, size, token_count(tokens))
    elif family is not None or params is not None or scores is not None:
        raise typer.BadParameter("give --family and --params together, or a --model of the panel.")
    else:
        return None, np.zeros(data.scores.shape[1], dtype=bool), None
    name = str(asked.index[0])
    told = None if scores is None else known_scores(scores, data, name)
    known = data.scores.reindex(index=asked.index).notna().to_numpy()[0]
    if told is not None:
        known = known | told.reindex(columns=data.scores.columns).notna().to_numpy()[0]
    return asked, known, told


def _fitted(data: Panel) -> SkillForecaster:
    from obslaws.forecasters.skill import SkillForecaster

    with progress_bar(f"Fitting skill to {len(data.models)} models"):
        return SkillForecaster().fit(data)


def _steps_for_people(steps: pd.DataFrame, priced: bool) -> pd.DataFrame:
    shown: dict[str, Any] = {"<benchmark": steps["benchmark"]}
    if priced:
        shown["cost"] = steps["cost"].map("{:g}".format)
    return _frame(shown, **{"expected error": steps["error_left"], "less by": steps["reduction"]})


def _ranked_for_people(ranked: pd.DataFrame, priced: bool) -> pd.DataFrame:
    shown: dict[str, Any] = {"<benchmark": ranked["benchmark"]}
    if priced:
        shown["cost"] = ranked["cost"].map("{:g}".format)
    told = {"own error": ranked["error"], "mean less by": ranked["reduction"], "others": ranked["reduction_others"]}
    return _frame(shown, **told).assign(**{"<tells most about": ranked["tells_most"]})


def _frame(shown: dict[str, Any], **points: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({**shown, **{name: column.map(lambda x: number(x, ".2f")) for name, column in points.items()}})
