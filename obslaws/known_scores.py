"""Scores that a model to forecast already has, as users hand them over: a short list, or a CSV file.

In: text, and a `Panel` that knows the benchmarks. Out: the wide row that `Forecaster.forecast` takes as `scores`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.quantities import parse_fraction

if TYPE_CHECKING:
    from obslaws.panel import Panel

__all__ = ["known_scores"]


def known_scores(text: str | Path, panel: Panel, model: str) -> pd.DataFrame:
    """Read scores that the model to forecast already has.

    Parameters
    ----------
    text : str or Path
        ``"mmlu=0.71,gsm8k=0.8"``, or a CSV file with columns benchmark, score and optionally model.
    panel : Panel
        Knows the benchmarks and their units.
    model : str
        Index of the row that comes back.

    Returns
    -------
    DataFrame of shape (1, n_given)
        Fractions, one column per benchmark given.

    Raises
    ------
    UsageError
        A value is no fraction, or a benchmark is given twice.
    UnknownNameError
        A benchmark that the panel does not hold; the nearest is offered.
    SchemaError
        The file lacks a column, or holds several models.
    """
    pairs = _pairs_of_file(Path(text)) if isinstance(text, Path) or "=" not in text else _pairs_of_text(text)
    row: dict[str, float] = {}
    for where, benchmark, value in pairs:
        if benchmark not in panel.scores.columns:
            raise UnknownNameError("benchmark", benchmark, panel.scores.columns)
        if benchmark in row:
            raise UsageError(f"{where}: a second score on {benchmark!r}. Keep one.")
        row[benchmark] = parse_fraction(value, f"{where}: {benchmark}")
    return pd.DataFrame([row], index=pd.Index([model], name="model"))


def _pairs_of_text(text: str) -> list[tuple[str, str, str]]:
    pairs = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        benchmark, equals, value = (p.strip() for p in part.partition("="))
        if not (benchmark and equals and value):
            raise UsageError(f"scores: cannot read {part!r}; expected benchmark=score, e.g. mmlu=0.71,gsm8k=0.8.")
        pairs.append(("scores", benchmark, value))
    return pairs


def _pairs_of_file(path: Path) -> list[tuple[str, str, str]]:
    if not path.is_file():
        raise UsageError(f"scores: {str(path)!r} is neither a list such as mmlu=0.71,gsm8k=0.8 nor a file that exists.")
    if not path.read_text(encoding="utf-8").strip():
        raise SchemaError(f"{path.name}: empty file; expected a CSV with columns benchmark, score[, model].")
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    for column in ("benchmark", "score"):
        if column not in table.columns:
            found = ", ".join(map(repr, table.columns)) or "no columns"
            raise SchemaError(
                f"{path.name}: column {column!r} is missing; found {found}. Expected benchmark, score[, model]."
            )
    if "model" in table.columns and table["model"].nunique() > 1:
        raise SchemaError(
            f"{path.name}: scores of {table['model'].nunique()} models; keep the rows of the one to forecast."
        )
    rows = zip(table["benchmark"], table["score"], strict=True)
    return [(f"{path.name}, row {i + 2}", b.strip(), s) for i, (b, s) in enumerate(rows)]
