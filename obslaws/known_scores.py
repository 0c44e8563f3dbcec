"""Scores that a model to forecast already has, as users hand them over: a short list, or a file of results.

In: text, and a `Panel` that knows the benchmarks. Out: the wide row that `Forecaster.forecast` takes as `scores`; its
``attrs["n_items"]`` says how many questions stand behind a score, where they are fewer than the benchmark has.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import MeasurementWarning, SchemaError, UnknownNameError, UsageError
from obslaws.quantities import known_as, parse_fraction, parse_number
from obslaws.results import read_results

if TYPE_CHECKING:
    from obslaws.panel import Panel
    from obslaws.results import Results

__all__ = ["DOUBT_LEVEL", "doubtful_scores", "known_scores"]

DOUBT_LEVEL = 0.998  # one score in 500 lies outside by chance
_FEW_ITEMS = 100.0  # where nobody counted the questions


def known_scores(text: str | Path, panel: Panel, model: str, tasks: str | Path | None = None) -> pd.DataFrame:
    """Read scores that the model to forecast already has.

    Parameters
    ----------
    text : str or Path
        ``"mmlu=0.71,gsm8k=0.8"``, or a file that `obslaws.results.read_results` reads: results of a harness, or a CSV.
    panel : Panel
        Knows the benchmarks and their units.
    model : str
        Index of the row that comes back.
    tasks : str or Path, optional
        Rules of your own from tasks to benchmarks.

    Returns
    -------
    DataFrame of shape (1, n_given)
        Fractions, one column per benchmark given. ``attrs["n_items"]`` maps benchmarks of which only a part was asked
        to the number of questions; without it, the benchmark's own number counts.

    Raises
    ------
    UsageError
        A value is no fraction, a benchmark is given twice, or there is no such file.
    UnknownNameError
        A list or a table names a benchmark that the panel does not hold; the nearest is offered.
    SchemaError
        The file is broken, holds several models, nothing that the panel knows, or a partial run that does not say how
        many questions it asked.

    Warns
    -----
    AssumptionWarning
        A benchmark of a list or a table is spelled in another way in the panel, not by case alone.
    MeasurementWarning
        Tasks of a results file that are not used, and why; scores that rest on a part of the questions.
    """
    if isinstance(text, str) and not text.strip():
        raise UsageError("scores: empty; expected a list such as mmlu=0.71,gsm8k=0.8, or a file of results.")
    if not isinstance(text, Path) and "=" in text and not _exists(Path(text)):
        row, n_items = _row_of_text(text, panel), dict[str, float]()
    else:
        row, n_items = _row_of_file(Path(text), panel, tasks)
    given = pd.DataFrame([row], index=pd.Index([model], name="model"))
    if n_items:
        given.attrs["n_items"] = n_items
    return given


def doubtful_scores(given: pd.DataFrame, panel: Panel, expected: pd.DataFrame) -> list[str]:
    """Name the given scores that a model of this family, size and tokens can hardly have.

    Parameters
    ----------
    given : DataFrame of shape (1, n_given)
        From `known_scores`.
    panel : Panel
        Knows what guessing scores, and how many questions there are.
    expected : DataFrame of shape (n_given, 8)
        What `Forecaster.forecast` says of these benchmarks at `DOUBT_LEVEL` without the given scores.

    Returns
    -------
    list of str
        One sentence or two for each score outside its interval, or below guessing by more than three standard errors
        of its questions: the score, the interval, the likely cure.
    """
    asked = given.attrs.get("n_items", {})
    out = []
    for row in expected.to_dict(orient="records"):
        benchmark, lower, upper = str(row["benchmark"]), float(row["lower"]), float(row["upper"])
        score = float(given[benchmark].iloc[0])
        facts: Any = panel.benchmarks.loc[benchmark]
        floor = float(facts["score_floor"])
        n_items = float(np.fmin(float(facts.get("n_items", np.nan)), asked.get(benchmark, np.nan)))
        noise = np.sqrt(floor * (1.0 - floor) / (n_items if n_items > 0 else _FEW_ITEMS))
        below_guessing = bool(score < floor - 3.0 * noise)
        reasons = []
        if score < lower or score > upper:
            span = f"{lower:.3f} to {upper:.3f}"
            reasons.append(f"lies outside {span}, the {100 * DOUBT_LEVEL:g} % interval without the scores given")
        if below_guessing:
            reasons.append(f"lies below {floor:.3f}, what guessing scores")
        if reasons:
            cure = _cure(score, lower, upper, below_guessing)
            out.append(f"{benchmark}={score:g} {', and '.join(reasons)}. {cure}")
    return out


def _cure(score: float, lower: float, upper: float, below_guessing: bool) -> str:
    if score < lower and lower <= 100.0 * score <= upper:
        return f"A percentage divided by 100 twice? Did you mean {100.0 * score:g}?"
    if below_guessing:
        return "Below guessing, the answers were probably not read: check the prompt format and how they are extracted."
    if score > upper:
        return "Check family, size, shots and metric, and whether the test was trained on."
    return "Check family, size, tokens, shots and metric, and that the score is a fraction of the questions."


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a long list is no possible file name
        return False


def _row_of_text(text: str, panel: Panel) -> dict[str, float]:
    row: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        benchmark, equals, value = (p.strip() for p in part.partition("="))
        if not (benchmark and equals and value):
            raise UsageError(f"scores: cannot read {part!r}; expected benchmark=score, e.g. mmlu=0.71,gsm8k=0.8.")
        benchmark = known_as([benchmark], panel.scores.columns, "benchmark", stacklevel=5)[benchmark]
        if benchmark not in panel.scores.columns:
            raise UnknownNameError("benchmark", benchmark, panel.scores.columns)
        if benchmark in row:
            raise UsageError(f"scores: a second score on {benchmark!r}. Keep one.")
        read = parse_fraction if panel.benchmarks.at[benchmark, "unit"] == "fraction" else parse_number
        row[benchmark] = read(value, f"scores: {benchmark}")
    return row


def _row_of_file(path: Path, panel: Panel, tasks: str | Path | None) -> tuple[dict[str, float], dict[str, float]]:
    if not _exists(path):
        raise UsageError(f"scores: {str(path)!r} is neither a list such as mmlu=0.71,gsm8k=0.8 nor a file that exists.")
    results = read_results(path, tasks=tasks, benchmarks=map(str, panel.scores.columns))
    scores = results.scores
    if scores["model"].nunique() > 1:
        raise SchemaError(
            f"{path.name}: scores of {scores['model'].nunique()} models; keep those of the one to forecast."
        )
    held = scores["benchmark"].isin(panel.scores.columns)
    if results.format == "table":
        _refuse_misspelt(results, scores.loc[~held, "benchmark"].tolist(), panel)
    used = scores[held]
    if used.empty:
        known = ", ".join(map(str, panel.scores.columns[:12]))
        tasks_found = ", ".join([*scores["task"], *(f"{u.task} ({u.reason})" for u in results.unmapped)][:4])
        raise SchemaError(f"{path.name}: no score on a benchmark of the panel ({known}). Found: {tasks_found}.")
    twice = used["benchmark"][used["benchmark"].duplicated()]
    if len(twice):
        settings = ", ".join(used.loc[used["benchmark"] == twice.iloc[0], "setting"].fillna("none"))
        raise UsageError(f"{path.name}: a second score on {twice.iloc[0]!r} (settings: {settings}). Keep one.")
    _tell_unused(results, scores.loc[~held, "benchmark"].tolist())
    return dict(zip(used["benchmark"], used["score"], strict=True)), _questions(results, used, panel)


def _questions(results: Results, used: pd.DataFrame, panel: Panel) -> dict[str, float]:
    """Count the questions behind each score that rests on fewer than its benchmark has.

    A partial run that does not count them may still give a standard error: that of n questions, answered with
    probability p, is the root of p (1 - p) / n.
    """
    known = panel.benchmarks.get("n_items", pd.Series(dtype="float64")).astype("float64").to_dict()
    out = {}
    for benchmark, asked, score, stderr in zip(
        used["benchmark"], used["n_items"], used["score"], used["stderr"], strict=True
    ):
        p = min(max(score, 0.01), 0.99)
        if not asked > 0 and results.is_partial and stderr > 0:
            asked = p * (1.0 - p) / stderr**2
        if not asked > 0 and results.is_partial:
            raise SchemaError(
                f"{results.file}: a partial run that does not say how many questions of {benchmark!r} it asked. "
                "Run it without a limit, or give the score in a CSV with the columns benchmark, score, n_items."
            )
        every = known.get(benchmark, float("nan"))
        if asked > 0 and not asked >= 0.99 * every:  # rounding and a few refused questions are no partial run
            out[str(benchmark)] = float(asked)
    if out:
        parts = [
            f"{b} ({n:,.0f} of {known[b]:,.0f})" if known.get(b, 0) > 0 else f"{b} ({n:,.0f})" for b, n in out.items()
        ]
        words = f"{results.file}: scores on a part of the questions weigh less: {_some(parts)}."
        warnings.warn(words, MeasurementWarning, stacklevel=5)
    return out


def _refuse_misspelt(results: Results, not_held: list[str], panel: Panel) -> None:
    for unmapped in results.unmapped:
        if not unmapped.reason.startswith("no benchmark of that name"):
            raise UsageError(f"{results.file}: {unmapped.task}: {unmapped.reason}. Leave out what is unknown.")
        not_held.append(unmapped.task)
    if not_held:
        raise UnknownNameError("benchmark", not_held[0], panel.scores.columns)


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''}"


def _tell_unused(results: Results, not_held: list[str]) -> None:
    told = []
    if not_held:
        told.append(f"not in the panel: {_some(not_held)}")
    if results.unmapped:
        told.append(f"no benchmark: {_some([f'{u.task} ({u.reason})' for u in results.unmapped])}")
    if told:
        words = f"{results.file}: left out, {'; '.join(told)}. `obslaws import` lists everything."
        warnings.warn(words, MeasurementWarning, stacklevel=4)
