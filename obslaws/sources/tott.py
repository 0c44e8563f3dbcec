"""Training on the test task: 53 base models on 21 tests in one harness, before and after fine-tuning on task data.

The condition of a run is the score's `setting`: ``base``, or the name of the fine-tuning. Family labels split Llama 2
(7B apart from 13B and 70B) and are not claimed.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.names import canonical
from obslaws.sources.base import Parsed, Source, need_columns
from obslaws.sources.tidy import claims, numbers, scores_of, stack

__all__ = ["SOURCE", "parse"]

METRICS = ("acc,none", "acc_norm,none", "exact_match,none", "exact_match,strict-match")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read accuracies of every condition, and size, tokens and month of release.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``derived_evaluations_long``, shape (n_values, 7), and ``derived_model_metadata``, shape (n_models, 5); text.

    Returns
    -------
    Parsed
        Scores on ``<task>@tott``; where a task has both accuracies, the length-normalised one.
    """
    runs, models = frames["derived_evaluations_long"], frames["derived_model_metadata"]
    need_columns(runs, ["condition", "model", "task", "metric", "value"], "tott, evaluations")
    need_columns(models, ["model", "params_B", "tokens_B", "date_YYMM"], "tott, metadata")
    accuracy = runs["metric"].isin(METRICS)
    kept = runs[accuracy].assign(setting=runs["condition"].str.replace("new_evals/", "", regex=False))
    kept = kept.sort_values("metric", key=lambda m: m.eq("acc_norm,none"), kind="stable")
    doubled = kept.duplicated(["model", "task", "setting"], keep="last")
    kept = kept[~doubled]
    scores = [
        scores_of(part[["model", "setting", "value"]], {"value": f"{task}@tott"})
        for task, part in kept.groupby("task", sort=True)
    ]
    known = models["params_B"].notna()
    month = pd.to_datetime(models["date_YYMM"].str.slice(0, 4), format="%y%m", errors="coerce")
    facts = stack(
        claims(models["model"], "n_params", numbers(models["params_B"], 1e9), "reported"),
        claims(models["model"], "n_tokens", numbers(models["tokens_B"], 1e9), "reported"),
        claims(models["model"], "release_date", month, "reported", "month only; the first day stands for it"),
    )
    table = pd.concat(scores, ignore_index=True).assign(model=lambda t: t["model"].map(canonical))
    return Parsed(
        table,
        facts,
        len(runs) + len(models),
        {"Brier scores and flexible extraction": int((~accuracy).sum()), "second accuracy of a run": int(doubled.sum()),
         "models without metadata": int((~known).sum())},
    )  # fmt: skip


SOURCE = Source(
    id="tott",
    title="Training on the test task, evaluations and model metadata",
    url="https://github.com/socialfoundations/training-on-the-test-task",
    revision="c357810e554ab33207a1578729659e01695923f2",
    retrieved="2026-11-22",
    licence="unstated upstream (numbers only)",
    citation="Dominguez-Olmedo, Dorner and Hardt (2024). Training on the test task confounds evaluation and emergence.",
    files=("training_on_test_task/derived_evaluations_long.csv", "training_on_test_task/derived_model_metadata.csv"),
    parse=parse,
)
