import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources.datadecide import RECIPES, parse

DCLM = "allenai/DataDecide-dclm-baseline-1B"
CODE = "allenai/DataDecide-dolma1_7-no-code-150M"


def test_only_the_last_checkpoint_of_a_full_run_is_a_score(parsed):
    made = parsed("datadecide")
    dclm = made.scores[made.scores["model"] == DCLM]
    assert set(dclm["revision"]) == {f"step69369-seed-{s}" for s in ("default", "large-aux-2", "large-aux-3")}
    assert set(made.scores.loc[made.scores["model"] == CODE, "revision"]) == {"step38157-seed-default"}
    assert made.dropped["checkpoint before the last"] == 3
    assert made.dropped["last checkpoint of a seed that was stopped early"] == 2


def test_json_and_python_literals(parsed):
    scores = parsed("datadecide").scores.set_index(["model", "benchmark"])["score"]
    assert scores[(CODE, "mmlu@datadecide")] == 0.27, "a Python literal with nan in it"
    assert scores[(CODE, "hellaswag@datadecide")] == 0.38
    assert parsed("datadecide").dropped["row without a primary metric"] == 1


def test_tokens_and_compute_are_those_of_the_default_seed(fact):
    assert fact("datadecide", DCLM, "n_tokens") == {str(69369 * 1441792)}
    assert len(fact("datadecide", CODE, "train_flop")) == 1


def test_means_and_unknown_recipes_are_counted(parsed):
    dropped = parsed("datadecide").dropped
    assert dropped["mean over tasks, or a task that is not known"] == 3
    assert dropped["recipe or size that is not known"] == 1
    assert len(RECIPES) == len(set(RECIPES.values())) == 25


def test_percentages_are_refused():
    row = {"params": "1B", "data": "C4", "task": "mmlu", "step": 1, "seed": "default", "tokens": 1e9, "compute": 6e18,
           "metrics": '{"primary_metric": 27.0}'}  # fmt: skip
    with pytest.raises(SourceError, match="primary_metric 27, expected fractions"):
        parse({"macro_avg": pd.DataFrame([row])})
