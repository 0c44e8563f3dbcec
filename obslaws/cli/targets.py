"""Tables of forecast targets, shared by `obslaws observe` and `obslaws backtest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from obslaws.cli.output import Page, number

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.outcomes import Outcome


def target_tables(page: Page, outcomes: Sequence[Sequence[Outcome]]) -> None:
    """Print errors per target and in total; several forecasters are compared on the test models that all answer for.

    Parameters
    ----------
    page : Page
    outcomes : sequence of sequence of Outcome
        One row per forecaster, the same targets in each.
    """
    if len(outcomes) == 1:
        page.frame(*[_one(outcomes[0])] * 2)
        page.line()
        for line in _words(outcomes[0]):
            page.line(line)
    else:
        page.line("Mean squared error of held-out scores, as shares of the score range; lower is better")
        page.line()
        page.frame(*[_several(outcomes)] * 2)
        page.line()
        page.line("Sums over the targets; median absolute error and coverage over all held-out cells")
        page.line()
        page.frame(*[_totals(outcomes)] * 2)
    level = outcomes[0][0].level
    page.line()
    page.line(
        "mse and mae are mean squared and mean absolute errors, medae the median absolute error of held-out scores, "
        "as shares of the score range; lower is better."
    )
    page.line(
        f"Coverage is the share of held-out scores inside their {100 * level:g} % interval; "
        "beyond is how far the test models lie past the training models, in standard deviations."
    )


def _one(row: Sequence[Outcome]) -> pd.DataFrame:
    import pandas as pd

    found = [one.summary() for one in row]
    shown = {"<target": [s["target"] for s in found]}
    for column, form in (("n_train", "d"), ("n_test", "d")):
        shown[column] = [format(s[column], form) for s in found]
    for column in ("train_mse", "test_mse"):
        shown[column] = [number(s[column], ".3e") for s in found]
    for column in ("train_mae", "test_mae", "medae"):
        shown[column] = [number(s[column], ".4f") for s in found]
    shown["coverage"] = [number(s["coverage"], ".2f") for s in found]
    shown["beyond"] = [number(s["extrapolation"], ".2f") for s in found]
    return pd.DataFrame(shown)


def _words(row: Sequence[Outcome]) -> list[str]:
    lines = []
    for one in row:
        told = one.told
        if "coefficients" not in told:
            continue
        found = told["coefficients"]
        weights = "".join(f" {'+' if w >= 0 else '-'} {abs(w):.4g} {name}" for name, w in found["weights"].items())
        text = f"{one.target}: logit = {found['intercept']:.4f}{weights}"
        if found["floor"]:
            text += f", floor {found['floor']:.4f}"
        if line := told["equivalent_flop"]:
            text += f"; {line['family']}: {line['slope_per_log10']:.4f} log10(FLOP/1e21) {line['offset']:+.4f}"
        if not told["converged"]:
            text += "; not converged"
        if "stopped" in told:
            text += f"; the paper's search stops before this minimum, with a test error of {one.stopped_mse:.3e}"
        lines.append(text)
    return lines


def _several(outcomes: Sequence[Sequence[Outcome]]) -> pd.DataFrame:
    import pandas as pd

    from obslaws.outcomes import common_models

    shown: dict[str, list[str]] = {"<target": [one.target for one in outcomes[0]]}
    common = common_models(outcomes)
    shown["cells"] = [str(len(models)) for models in common]
    for row in outcomes:
        errors = [one.summary(models)["test_mse"] for one, models in zip(row, common, strict=True)]
        shown[row[0].forecaster] = [number(e, ".3e") for e in errors]
    return pd.DataFrame(shown)


def _totals(outcomes: Sequence[Sequence[Outcome]]) -> pd.DataFrame:
    import pandas as pd

    from obslaws.outcomes import totals

    found = totals(outcomes)
    beyond = [[one.extrapolation() for one in row] for row in outcomes]
    train = [sum(one.summary()["train_mse"] for one in row) for row in outcomes]
    return pd.DataFrame(
        {
            "<forecaster": [t["forecaster"] for t in found],
            "cells": [str(t["n_cells"]) for t in found],
            "train_mse": [number(t, ".4f") for t in train],
            "test_mse": [number(t["test_mse"], ".4f") for t in found],
            "test_mae": [number(t["test_mae"], ".4f") for t in found],
            "medae": [number(t["medae"], ".4f") for t in found],
            "coverage": [number(t["coverage"], ".2f") for t in found],
            "beyond": [number(float(pd.Series(b).median()), ".2f") for b in beyond],
        }
    )


def analysis_tables(page: Page, found: Mapping[str, Sequence[Mapping[str, Any]]], level: float) -> None:
    """Print what forecasters reach on several protocols.

    Parameters
    ----------
    page : Page
    found : mapping of str to sequence of dict
        By protocol, from `obslaws.outcomes.totals`: the same forecasters in each.
    level : float
        Nominal coverage.
    """
    import pandas as pd

    words = {
        "test_mse": "Mean squared error of held-out scores, summed over the targets of each analysis; lower is better",
        "medae": "Median absolute error over all held-out cells",
        "coverage": f"Share of held-out scores inside their {100 * level:g} % interval",
    }
    for at, (measure, title) in enumerate(words.items()):
        rows = [
            {
                "<protocol": name,
                "targets": str(told[0]["n_targets"]),
                "cells": str(max(one["n_cells"] for one in told)),
                **{one["forecaster"]: number(one[measure], ".2f" if measure == "coverage" else ".5f") for one in told},
            }
            for name, told in found.items()
        ]
        page.line(title)
        page.line()
        page.frame(*[pd.DataFrame(rows)] * 2)
        if at + 1 < len(words):
            page.line()


def prediction_table(page: Page, one: Outcome) -> None:
    """Print each model's forecast, held-out models first, in the target's unit.

    Parameters
    ----------
    page : Page
    one : Outcome
    """
    import pandas as pd

    from obslaws.quantities import format_flop

    rows = one.predictions.sort_values(["part", "score"], ascending=[True, False], kind="stable")
    flop = rows["equivalent_flop"]
    shown = pd.DataFrame(
        {
            "<model": rows["model"],
            "<part": rows["part"],
            **{c: rows[c].map(number) for c in ("score", "forecast", "lower", "upper")},
            "equivalent": ["-" if f != f else format_flop(f) for f in flop],
        }
    )
    page.frame(rows, shown)
