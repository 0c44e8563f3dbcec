import numpy as np
import pytest

from obslaws.names import benchmarks_table
from obslaws.snapshot import load_snapshot
from obslaws.sources import SOURCES
from obslaws.sources.open_llm_v2_results import choose, official_first

PYTHIA = "EleutherAI/pythia-1b"


def of(parsed, model):
    scores = parsed("open-llm-v2-results").scores
    return scores[scores["model"] == model].set_index("benchmark")["score"]


def test_subtasks_average_to_the_row_of_the_board(parsed):
    """The board's own row of this run: plain means over tasks for BBH and MuSR, over questions for GPQA."""
    mine = of(parsed, PYTHIA)
    board = load_snapshot().scores
    board = board[board["model"].eq(PYTHIA) & board["source"].eq("open-llm-v2")].set_index("benchmark")["score"]
    for group, n in (("bbh", 24), ("musr", 3)):
        parts = mine[mine.index.str.startswith(f"{group}_")]
        assert len(parts) == n
        assert parts.mean() == pytest.approx(board[group], abs=1e-6)
    items = benchmarks_table().set_index("benchmark")["n_items"].astype("float64")
    gpqa = mine[mine.index.str.startswith("gpqa_")]
    assert np.average(gpqa, weights=items[gpqa.index]) == pytest.approx(board["gpqa"], abs=1e-6)
    strict = mine[["ifeval_prompt_level_strict_acc", "ifeval_inst_level_strict_acc"]]
    assert strict.mean() == pytest.approx(board["ifeval"], abs=1e-6)


def test_floors_of_the_tasks_make_the_floor_of_the_board():
    table = benchmarks_table().set_index("benchmark")
    for group in ("bbh", "musr"):
        parts = table[table["source"].eq("open-llm-v2-results") & table.index.str.startswith(f"{group}_")]
        weights = parts["n_items"].astype("float64")
        assert weights.sum() == float(table.loc[group, "n_items"])
        floor = np.average(parts["score_floor"].astype("float64"), weights=weights)
        assert floor == pytest.approx(float(table.loc[group, "score_floor"]), abs=1e-9)


def test_math_counts_from_math_verify_on(parsed):
    assert "math_algebra_hard" not in of(parsed, PYTHIA)
    assert of(parsed, "acme/new-7b")["math_algebra_hard"] == pytest.approx(2 / 307)
    assert parsed("open-llm-v2-results").notes["MATH scored before Math-Verify"] == 1


def test_the_newer_run_of_a_key_wins_and_a_template_is_a_setting(parsed):
    made = parsed("open-llm-v2-results")
    assert of(parsed, PYTHIA)["musr_murder_mysteries"] > 0.1
    assert made.notes["scores of an older run with the same key"] == 3
    new = made.scores[made.scores["model"] == "acme/new-7b"]
    assert set(new["setting"]) == {"chat template"}
    assert made.dropped["file without a model or results"] == 1


def test_files_are_wanted_newest_first_and_official_models_before_others():
    live = SOURCES["open-llm-v2-results"].live
    names = ["a/b/results_2024-06-12T11-26-03.000711.json", "c/d/results_2025-01-02T00-00-00.1.json", "README.md"]
    assert choose(names) == [names[1], names[0]]
    assert live.documents.day(names[0]) == "2024-06-12"
    assert "Qwen/Qwen2.5-7B" in official_first(load_snapshot().models, load_snapshot().scores)
