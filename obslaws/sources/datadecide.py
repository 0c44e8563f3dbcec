"""DataDecide: 25 pre-training recipes x 14 sizes (4M to 1B) x 3 seeds on ten tasks, controlled from data to test.

The table has a row per checkpoint; only the last one of a run is a score. Below 1B, second and third seeds were stopped
early, at a quarter of the tokens: a seed counts where it got as far as the default one. Each seed is a model of its own
and stands in the revision. `metrics` is JSON, in older files a Python literal; `primary_metric` is the accuracy that
OLMES takes for the task. The mean over the ten tasks follows from them and is left out.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import canonical
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.tidy import SCORE_COLUMNS, claims, stack

__all__ = ["SOURCE", "model_of", "parse"]

COLUMNS = ["params", "data", "task", "step", "seed", "tokens", "compute", "metrics"]
RECIPES = {
    "Dolma1.7": "dolma1_7", "Dolma1.7 (no code)": "dolma1_7-no-code",
    "Dolma1.7 (no math, code)": "dolma1_7-no-math-code", "Dolma1.7 (no Reddit)": "dolma1_7-no-reddit",
    "Dolma1.7 (no Flan)": "dolma1_7-no-flan", "Dolma1.6++": "dolma1_6plus", "C4": "c4",
    "FineWeb-Pro": "fineweb-pro", "FineWeb-Edu": "fineweb-edu", "Falcon": "falcon", "Falcon+CC": "falcon-and-cc",
    "Falcon+CC (QC 10%)": "falcon-and-cc-qc-10p", "Falcon+CC (QC 20%)": "falcon-and-cc-qc-20p",
    "Falcon+CC (QC Orig 10%)": "falcon-and-cc-qc-orig-10p", "Falcon+CC (QC Tulu 10%)": "falcon-and-cc-qc-tulu-10p",
    "DCLM-Baseline": "dclm-baseline", "DCLM-Baseline (QC 10%)": "dclm-baseline-qc-10p",
    "DCLM-Baseline (QC 20%)": "dclm-baseline-qc-20p", "DCLM-Baseline (QC 7%, FW2)": "dclm-baseline-qc-7p-fw2",
    "DCLM-Baseline (QC 7%, FW3)": "dclm-baseline-qc-7p-fw3", "DCLM-Baseline (QC FW 3%)": "dclm-baseline-qc-fw-3p",
    "DCLM-Baseline (QC FW 10%)": "dclm-baseline-qc-fw-10p",
    "DCLM-Baseline 25% / Dolma 75%": "dclm-baseline-25p-dolma1.7-75p",
    "DCLM-Baseline 50% / Dolma 50%": "dclm-baseline-50p-dolma1.7-50p",
    "DCLM-Baseline 75% / Dolma 25%": "dclm-baseline-75p-dolma1.7-25p",
}  # fmt: skip
TASKS = ("mmlu", "arc_challenge", "arc_easy", "boolq", "csqa", "hellaswag", "openbookqa", "piqa", "socialiqa",
         "winogrande")  # fmt: skip
DEFAULT = "default"
_RUN = ["params", "data", "seed"]


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the last checkpoint of every run.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``macro_avg``, one row per size, recipe, task, step and seed; `metrics` holds fractions.

    Returns
    -------
    Parsed
        Scores on ``<task>@datadecide``; claims about tokens and compute of the default seed. Sizes are those of the
        name, which rounds them.
    """
    raw = frames["macro_avg"]
    need_columns(raw, COLUMNS, "datadecide")
    step = _number(raw["step"], "step")
    known = raw["data"].isin(RECIPES) & raw["params"].astype("str").str.fullmatch(r"\d+[MB]")
    task = raw["task"].isin(TASKS)
    last = step.eq(step.groupby([raw[c] for c in _RUN]).transform("max"))
    full = step.where(raw["seed"].eq(DEFAULT)).groupby([raw["params"], raw["data"]]).transform("max")
    short = step < 0.99 * full
    kept = raw[known & task & last & ~short]
    score = kept["metrics"].map(_primary).astype("float64")
    if not score.dropna().between(0, 1).all():
        raise SourceError(f"datadecide: primary_metric {score.max():g}, expected fractions. The unit changed upstream.")
    model = pd.Series([model_of(d, p) for d, p in zip(kept["data"], kept["params"], strict=True)], index=kept.index)
    model = model.astype("str").map(canonical)
    at = step[kept.index].astype("int64").astype("str")
    scores = pd.DataFrame({
        "model": model, "revision": "step" + at + "-seed-" + kept["seed"].astype("str").str.replace(" ", "-"),
        "precision": None, "benchmark": kept["task"].astype("str") + "@datadecide", "score": score, "stderr": None,
        "setting": None, "date": pd.NaT,
    })[SCORE_COLUMNS]  # fmt: skip
    first = kept["seed"].eq(DEFAULT)
    facts = stack(
        claims(model[first], "n_tokens", _number(kept.loc[first, "tokens"], "tokens"), "measured"),
        claims(model[first], "train_flop", _number(kept.loc[first, "compute"], "compute"), "formula"),
    ).drop_duplicates()
    dropped = {
        "recipe or size that is not known": int((~known).sum()),
        "mean over tasks, or a task that is not known": int((known & ~task).sum()),
        "checkpoint before the last": int((known & task & ~last).sum()),
        "last checkpoint of a seed that was stopped early": int((known & task & last & short).sum()),
        "row without a primary metric": int(score.isna().sum()),
    }
    typed = dict.fromkeys(("model", "revision", "precision", "benchmark", "setting"), "str")
    scores = scores[scores["score"].notna()].reset_index(drop=True).astype(typed | {"stderr": "float64"})
    return Parsed(scores, facts, len(raw), dropped)


def model_of(recipe: str, size: str) -> str:
    """Give the repository of a recipe at a size.

    Examples
    --------
    >>> model_of("Dolma1.7 (no code)", "150M")
    'allenai/DataDecide-dolma1_7-no-code-150M'
    """
    return f"allenai/DataDecide-{RECIPES[recipe]}-{size}"


def _number(values: pd.Series, name: str) -> pd.Series:
    out = pd.to_numeric(values, errors="coerce").astype("float64")
    if out.isna().all() and len(out):
        raise SourceError(f"datadecide: column {name!r} holds no number. The upstream changed: adapt its parse().")
    return out


def _primary(text: Any) -> float:
    content = str(text)
    try:
        found = json.loads(content)
    except ValueError:
        # NaN and inf are no literals; they are never the primary metric
        try:
            found = ast.literal_eval(re.sub(r"\b(?:nan|inf)\b", "None", content))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return float("nan")
    value = found.get("primary_metric") if isinstance(found, dict) else None
    return float(value) if isinstance(value, (int, float)) else float("nan")


SOURCE = Source(
    id="datadecide",
    title="DataDecide, final checkpoints",
    url="https://huggingface.co/datasets/allenai/DataDecide-eval-results",
    revision="live",
    retrieved="live",
    licence="ODC-BY",
    citation="Magnusson et al. (2025). DataDecide: how to predict best pretraining data with small experiments. "
    "arXiv 2504.11393.",
    files=("datadecide/macro_avg.csv",),
    parse=parse,
    live=Live(
        {"macro_avg": "data/macro_avg-*.parquet"}, "allenai/DataDecide-eval-results", max_bytes=400_000_000,
        on_request=True,
    ),
    bundled=False,
)  # fmt: skip
