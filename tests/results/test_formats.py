"""Each format, read from the shape that its program writes."""

import math
import sys
import types
import warnings

import pandas as pd
import pytest

from obslaws.errors import MeasurementWarning, SchemaError, UsageError
from obslaws.results import FORMATS, read_results
from obslaws.snapshot import load_snapshot

YAML = """\
- dataset: {id: openai/openai_humaneval, task_id: default}
  value: 41.2
  date: "2025-01-15T10:30:00Z"
  notes: no-tools
  verifyToken: eyJhbGciOi
- data:
    dataset: {id: cais/hle, task_id: default, revision: 5503434}
    value: 20.9
    source: {url: https://example.org/x, name: logs}
  filename: .eval_results/hle.yaml
"""


def scores(results):
    return results.scores.set_index("benchmark")["score"].to_dict()


def reasons(results):
    return {u.task: u.reason for u in results.unmapped}


def test_harness_run_gives_the_numbers_of_the_board(write, harness_v2):
    """The board's own row of this run, to rounding: it averages BBH and MuSR by task, GPQA by question."""
    results = read_results(write(harness_v2))
    board = load_snapshot().scores
    board = board[(board["model"] == "EleutherAI/pythia-1b") & (board["source"] == "open-llm-v2")]
    board = board.set_index("benchmark")["score"].to_dict()
    mine = scores(results)
    assert set(mine) == {"bbh", "musr", "gpqa", "ifeval", "mmlu_pro", "math_lvl5_2024"}
    for benchmark, score in mine.items():
        assert score == pytest.approx(board[benchmark], abs=1e-6), benchmark
    assert results.unmapped == ()


def test_harness_says_who_when_and_how_many(write, harness_v2):
    results = read_results(write(harness_v2))
    assert results.identity.model == "EleutherAI/pythia-1b"
    assert results.identity.revision.startswith("f73d7dcc")
    assert results.identity.precision == "float16"
    assert results.identity.n_params == 1011781632
    table = results.scores.set_index("benchmark")
    assert set(table["date"]) == {pd.Timestamp("2025-01-27")}
    assert table.loc["ifeval", "n_items"] == 541
    assert math.isnan(table.loc["ifeval", "stderr"]), "two metrics over the same prompts are not independent"
    assert table.loc["bbh", "stderr"] == pytest.approx(0.03 / math.sqrt(24))
    assert table.loc["gpqa", "stderr"] == pytest.approx(0.012664923317255711)
    assert table.loc["bbh", "task"] == "24 tasks leaderboard_bbh_*"
    assert table["setting"].isna().all()


def test_harness_reads_metric_filter_and_both_shapes_of_model_args(write, harness_v1):
    results = read_results(write(harness_v1))
    assert scores(results) == {"arc": 0.46, "hellaswag": 0.72, "gsm8k": 0.55}
    assert reasons(results)["piqa"].startswith("no rule for this task")
    assert results.identity.model == "acme/new-7b"
    assert math.isnan(results.identity.n_params)
    table = results.scores.set_index("benchmark")
    assert table.loc["arc", "n_items"] == 1172
    assert math.isnan(table.loc["hellaswag", "stderr"])
    assert table.loc["arc", "date"] == pd.Timestamp("2026-01-21"), "no date inside: the file name has one"


def test_harness_other_shot_count_is_another_test(write, harness_v1):
    harness_v1["n-shot"]["arc_challenge"] = 0
    results = read_results(write(harness_v1))
    assert "arc" not in scores(results)
    assert reasons(results)["arc_challenge"] == "run with 0 shots; 'arc' has 25"


def test_harness_partial_run_warns(write, harness_v1):
    harness_v1["config"]["limit"] = 50
    with pytest.warns(MeasurementWarning, match="limited to 50 questions per task"):
        results = read_results(write(harness_v1))
    assert results.notes[0].startswith("a partial run")
    harness_v1["config"]["limit"] = None
    harness_v1["n-samples"]["arc_challenge"]["effective"] = 100
    with pytest.warns(MeasurementWarning, match=r"not all questions were asked in arc_challenge \(100 of 1172\)"):
        assert read_results(write(harness_v1)).scores["n_items"].max() == 100


def test_harness_tasks_known_to_be_other_tests_say_so(write, harness_v2):
    harness_v2["results"] |= {
        "mmlu_pro": {"exact_match,custom-extract": 0.3},
        "bbh_cot_fewshot_snarks": {"exact_match,get-answer": 0.5},
        "ifeval": {"prompt_level_strict_acc,none": 0.9, "inst_level_strict_acc,none": 0.9},
        "mmlu_anatomy": {"acc,none": 0.4},
    }
    harness_v2["n-shot"] |= {"mmlu_anatomy": 5}
    results = read_results(write(harness_v2))
    assert scores(results)["mmlu_anatomy"] == 0.4
    assert scores(results)["ifeval"] == pytest.approx(0.22079424), "the board's own task goes first"
    why = reasons(results)
    assert set(why) == {"mmlu_pro", "bbh_cot_fewshot_snarks"}
    assert why["mmlu_pro"].startswith("answers are generated")


def test_harness_chat_template_is_the_setting(write, harness_v1):
    harness_v1 |= {"chat_template": "{% for m in messages %}", "fewshot_as_multiturn": True}
    assert set(read_results(write(harness_v1)).scores["setting"]) == {"chat-template, multi-turn"}


@pytest.mark.parametrize(("version", "benchmark"), [(3.0, "math_lvl5"), (1.0, "math_lvl5_2024"), (2.0, None)])
def test_harness_math_depends_on_the_version(write, harness_v2, version, benchmark):
    harness_v2["versions"]["leaderboard_math_algebra_hard"] = version
    results = read_results(write(harness_v2))
    assert {b for b in scores(results) if b.startswith("math")} == ({benchmark} if benchmark else set())
    if benchmark is None:
        assert "version 3 of the task; this is 2" in reasons(results)["leaderboard_math_hard"]


def test_harness_missing_part_falls_back_to_the_group_and_says_so(write, harness_v2):
    del harness_v2["results"]["leaderboard_bbh_snarks"]
    results = read_results(write(harness_v2))
    assert scores(results)["bbh"] == pytest.approx(0.29699704912341607)
    assert any("bbh is read from leaderboard_bbh: the harness weights" in note for note in results.notes)
    del harness_v2["results"]["leaderboard_bbh"], harness_v2["groups"]["leaderboard_bbh"]
    results = read_results(write(harness_v2))
    assert "bbh" not in scores(results)
    assert reasons(results)["leaderboard_bbh_navigate"] == "'bbh' averages 24 parts, found 23 of them"


def test_harness_mmlu_is_the_plain_mean_of_its_subjects(write, subjects):
    data = {"results": {f"mmlu_{s}": {"acc,none": 0.3 + 0.005 * i} for i, s in enumerate(subjects)}}
    data["results"] |= {"mmlu": {"acc,none": 0.5}, "mmlu_stem": {"acc,none": 0.4}}
    data |= {"n-shot": {f"mmlu_{s}": 5 for s in subjects}, "configs": {}}
    data["group_subtasks"] = {"mmlu": ["mmlu_stem"], "mmlu_stem": [f"mmlu_{s}" for s in subjects]}
    results = read_results(write(data))
    assert scores(results)["mmlu"] == pytest.approx(0.3 + 0.005 * 28)
    assert len(results.scores) == 58
    assert results.unmapped == ()


@pytest.mark.parametrize("value", [float("nan"), "N/A", None, [0.5], True])
def test_harness_value_that_is_no_number_is_reported(write, harness_v1, value):
    harness_v1["results"]["hellaswag"]["acc_norm,none"] = value
    results = read_results(write(harness_v1))
    assert "hellaswag" not in scores(results)
    assert "no number" in reasons(results)["hellaswag"]


def test_harness_percentage_is_refused_with_its_cure(write, harness_v1):
    harness_v1["results"]["hellaswag"]["acc_norm,none"] = 41.2
    with pytest.raises(UsageError, match=r"hellaswag is 41.2; expected a fraction in \[0, 1\]. .*did you mean 0.412"):
        read_results(write(harness_v1))


def test_old_leaderboard_file(write, lighteval_v1):
    results = read_results(write(lighteval_v1))
    assert results.format == "lighteval"
    mine = {b: s for b, s in scores(results).items() if not b.startswith("mmlu_")}
    assert mine == pytest.approx(
        {"arc": 0.5, "hellaswag": 0.83, "truthfulqa": 0.38, "winogrande": 0.74, "gsm8k": 0.14, "mmlu": 0.44}
    )
    assert list(reasons(results)) == ["drop"]
    assert results.identity.model == "acme/old-7b"
    assert results.notes == ("averages over tasks left out: all",)


def test_new_lighteval_file(write):
    data = {
        "config_general": {"max_samples": 10, "model_config": {"model_name": "a/b", "dtype": "bfloat16"}},
        "results": {
            "mmlu:anatomy|5": {"acc": 0.44, "acc_stderr": float("nan")},
            "leaderboard|arc:challenge|25|0": {"acc": 0.5, "acc_norm": 0.52},
            "custom|hellaswag|10": {"acc_norm": 0.6},
            "mmlu:_average|5": {"acc": 0.4},
        },
        "config_tasks": {"mmlu:anatomy|5": {"effective_num_docs": 135}},
        "summary_tasks": {},
    }
    with pytest.warns(MeasurementWarning, match="at most 10 questions"):
        results = read_results(write(data))
    assert scores(results) == {"mmlu_anatomy": 0.44, "arc": 0.52}
    assert results.scores["n_items"].tolist()[0] == 135
    assert "hellaswag" in reasons(results), "another suite has other prompts"
    assert results.identity.precision == "bfloat16"


def test_record_bounds_are_believed(write, eee):
    record, result = eee
    data = record(
        [
            result("IFEval", 0.41),
            result("BBH", 41.2, max_score=100),
            result("GPQA", 30.0, min_score=None, max_score=None, metric_unit="percent"),
            result("MUSR", 0.4, min_score=None, max_score=None),
            result("MMLU-PRO", 1250.0, max_score="Infinity"),
            result("MATH Level 5", -1),
            result("Elo", 1200, max_score="Infinity"),
        ]
    )
    results = read_results(write(data))
    assert scores(results) == pytest.approx({"ifeval": 0.41, "bbh": 0.412, "gpqa": 0.3})
    why = reasons(results)
    assert "neither bounds nor unit" in why["MUSR"]
    assert "bounds 0 to inf" in why["MMLU-PRO"]
    assert "missing (-1)" in why["MATH Level 5"]
    assert why["Elo"].startswith("no rule")
    table = results.scores.set_index("benchmark")
    assert table.loc["bbh", "stderr"] == pytest.approx(0.0001)
    assert table.loc["ifeval", "n_items"] == 500


def test_record_out_of_its_bounds_and_odd_scale(write, eee):
    record, result = eee
    with pytest.raises(UsageError, match=r"bbh is 41.2; expected a fraction"):
        read_results(write(record([result("BBH", 41.2)])))
    with pytest.warns(MeasurementWarning, match="0.41 on a declared scale of 0 to 100"):
        read_results(write(record([result("BBH", 0.41, max_score=100)])))


def test_record_of_a_harness_follows_its_rules(write, eee):
    record, result = eee
    library = {"name": "lm_eval", "version": "0.4.9"}
    one = result("arc_challenge", 0.46, metric_id="acc_norm", additional_details={"num_fewshot": "25"})
    other = result("hellaswag", 0.7, metric_id="acc_norm", additional_details={"num_fewshot": "0"})
    data = [record([one, other], eval_library=library), record([result("IFEval", 0.5)])]
    results = read_results(write(data))
    assert scores(results) == {"arc": 0.46, "ifeval": 0.5}
    assert "run with 0 shots" in reasons(results)["hellaswag"]


def test_record_must_hold_objects(write, eee):
    with pytest.raises(SchemaError, match="evaluation_results of record 1 is str; expected objects"):
        read_results(write(eee[0]("none")))


def test_hub_yaml(write):
    results = read_results(write(YAML, "humaneval.yaml"))
    assert scores(results) == {"humaneval": pytest.approx(0.412)}
    row = results.scores.iloc[0]
    assert (row["setting"], row["date"]) == ("no-tools", pd.Timestamp("2025-01-15"))
    assert reasons(results)["cais/hle/default"].startswith("no rule")


def test_hub_yaml_without_its_task_id(write):
    with pytest.raises(SchemaError, match=r"x.yml, entry 1: dataset needs an id and a task_id; found id"):
        read_results(write("- dataset: {id: a/b}\n  value: 1\n", "x.yml"))


def test_hub_yaml_without_the_hubs_parser(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.ModuleType("huggingface_hub"))
    assert scores(read_results(write(YAML, "a.yaml"))) == {"humaneval": pytest.approx(0.412)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("benchmark,score,stderr,n_shots\nmmlu,0.71,0.01,5\ngsm8k,0.5,,\n", "a.csv"),
        ("benchmark\tscore\nmmlu\t0.71\ngsm8k\t0.5\n", "a.tsv"),
        ("model,mmlu,gsm8k,arc\nme/x,0.71,0.5,\n", "a.csv"),
        ("\ufeffmmlu;gsm8k\r\n0.71;0.5\r\n", "a.csv"),
    ],
)
def test_tables_long_and_wide(write, text, name):
    results = read_results(write(text, name))
    assert (results.format, scores(results)) == ("table", {"mmlu": 0.71, "gsm8k": 0.5})


def test_table_shots_are_held_against_the_benchmark(write):
    results = read_results(write("benchmark,score,n_shots\nmmlu,0.71,0\n", "a.csv"))
    assert reasons(results) == {"mmlu": "run with 0 shots; 'mmlu' has 5"}


def test_every_format_has_its_rules():
    from obslaws.results.rules import read_rules

    assert {rule.format for rule in read_rules()} == set(FORMATS)


def test_no_warning_for_a_clean_file(write, harness_v1):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_results(write(harness_v1))
