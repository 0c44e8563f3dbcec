"""`obslaws import`, and its results in `obslaws forecast --scores`."""

import io
import json

import numpy as np
import pandas as pd
import pytest

NEW = ["forecast", "--family", "alpha", "--params", "22B", "--tokens", "18T"]


@pytest.fixture
def results_file(tmp_path):
    """A results file of lm-evaluation-harness 0.4 with three tasks of the v1 board and one that has no benchmark."""
    data = {
        "results": {
            "hellaswag": {"alias": "hellaswag", "acc,none": 0.5, "acc_norm,none": 0.72, "acc_norm_stderr,none": "N/A"},
            "gsm8k": {"exact_match,strict-match": 0.55, "exact_match,flexible-extract": 0.6, "alias": "gsm8k"},
            "arc_challenge": {"acc_norm,none": 0.5, "alias": "arc_challenge"},
            "piqa": {"acc,none": 0.78, "alias": "piqa"},
        },
        "configs": {},
        "n-shot": {"hellaswag": 10, "gsm8k": 5, "arc_challenge": 0, "piqa": 0},
        "config": {"model_args": "pretrained=acme/new-22b,dtype=bfloat16", "limit": None},
        "date": 1768964383.8,
        "lm_eval_version": "0.4.9",
    }
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data))
    return file


def test_table_lists_scores_and_what_was_not_mapped(run, results_file):
    ran = run("import", results_file)
    assert ran.code == 0
    assert "acme/new-22b, bfloat16" in ran.out
    assert "results.json, format lm-eval, obslaws" in ran.out
    assert "Not mapped to a benchmark (2):" in ran.out
    assert "  arc_challenge: run with 0 shots; 'arc' has 25" in ran.out
    assert "  piqa: no rule for this task" in ran.out
    row = next(line.split() for line in ran.out.splitlines() if line.startswith("gsm8k"))
    assert row == ["gsm8k", "0.550", "-", "-", "-", "2026-01-21", "gsm8k"]


def test_json_and_csv(run, results_file):
    told = json.loads(run("import", results_file, "--format", "json").out)
    assert [(s["benchmark"], s["score"]) for s in told["scores"]] == [("hellaswag", 0.72), ("gsm8k", 0.55)]
    assert [u["task"] for u in told["unmapped"]] == ["arc_challenge", "piqa"]
    assert told["identity"]["n_params"] is None
    ran = run("import", results_file, "--format", "csv")
    assert pd.read_csv(io.StringIO(ran.out))["score"].tolist() == [0.72, 0.55]
    assert "piqa: no rule" in ran.err


def test_output_is_a_scores_file_again(run, results_file, tmp_path, small_folder):
    out = tmp_path / "mine.csv"
    assert f"Scores: {out}" in run("import", results_file, "--output", out).out
    again = run("import", out, "--format", "csv").out
    assert pd.read_csv(io.StringIO(again))[["benchmark", "score"]].equals(pd.read_csv(out)[["benchmark", "score"]])
    new = [*NEW, "--panel", small_folder, "--forecaster", "model-mean", "--format", "json"]
    assert run(*new, "--scores", out).out == run(*new, "--scores", results_file).out


def test_partial_run_is_noted_once(run, results_file):
    data = json.loads(results_file.read_text())
    data["config"]["limit"] = 20
    results_file.write_text(json.dumps(data))
    ran = run("import", results_file)
    assert "Note: a partial run: limited to 20 questions per task" in ran.out
    assert ran.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.json"], "'nowhere.json': no such file"),
        (["{file}", "--output", "x.parquet"], "the name must end in .csv"),
        (["{file}", "--output", "nowhere/x.csv"], "there is no folder 'nowhere'"),
        (["{file}", "--from", "ligtheval"], "Did you mean 'lighteval'"),
    ],
)
def test_bad_input_is_one_line(run, results_file, arguments, words):
    ran = run("import", *[a.format(file=results_file) for a in arguments])
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_forecast_takes_the_same_file_and_says_what_it_left(run, results_file, small_folder):
    new = [*NEW, "--panel", small_folder, "--forecaster", "model-mean", "--format", "json"]
    ran = run(*new, "--scores", results_file)
    assert ran.code == 0
    assert ran.out == run(*new, "--scores", "hellaswag=0.72,gsm8k=0.55").out
    assert "left out, no benchmark: arc_challenge (run with 0 shots; 'arc' has 25), piqa" in ran.err


def test_forecast_refuses_a_file_without_anything_known(run, tmp_path, small_folder):
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"results": {"piqa": {"acc,none": 0.7}}, "configs": {}}))
    ran = run(*NEW, "--panel", small_folder, "--scores", file)
    assert (ran.code, ran.out) == (1, "")
    assert "r.json: no score on a benchmark of the panel (mmlu, gsm8k, hellaswag). Found: piqa (no rule" in ran.err


def test_forecast_refuses_a_misspelt_benchmark_of_a_table(run, tmp_path, small_folder):
    file = tmp_path / "r.csv"
    file.write_text("benchmark,score\nmmul,0.7\n")
    ran = run(*NEW, "--panel", small_folder, "--scores", file)
    assert ran.code == 1
    assert "No benchmark named 'mmul'. Did you mean 'mmlu'" in ran.err


def test_forecast_with_own_rules(run, results_file, small_folder, tmp_path):
    rules = tmp_path / "rules.csv"
    rules.write_text("format,task,metric,n_shots,benchmark\nlm-eval,piqa,acc,any,mmlu\n")
    new = [*NEW, "--panel", small_folder, "--forecaster", "model-mean", "--format", "json", "--scores"]
    with_rules = run(*new, results_file, "--tasks", rules)
    assert with_rules.code == 0
    assert with_rules.out == run(*new, "hellaswag=0.72,gsm8k=0.55,mmlu=0.78").out


@pytest.mark.slow
def test_a_results_file_conditions_the_forecast_of_the_missing_benchmarks(run, tmp_path):
    """From results.json to forecast on the bundled snapshot: other numbers, narrower intervals."""
    data = {
        "results": {
            "leaderboard_ifeval": {"prompt_level_strict_acc,none": 0.76, "inst_level_strict_acc,none": 0.84},
            "leaderboard_mmlu_pro": {"acc,none": 0.52, "acc_stderr,none": 0.0045},
            "leaderboard_gpqa": {"acc_norm,none": 0.37, "acc_norm_stderr,none": 0.014},
        },
        "configs": {},
        "n-shot": {"leaderboard_ifeval": 0, "leaderboard_mmlu_pro": 5, "leaderboard_gpqa": 0},
        "lm_eval_version": "0.4.9",
    }
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data))
    new = ["forecast", "--family", "qwen2.5", "--variant", "chat", "--params", "22B", "--tokens", "18T", "--benchmarks",
           "bbh,math_lvl5,musr", "--format", "json"]  # fmt: skip
    without, given = (pd.DataFrame(json.loads(run(*new, *more).out)) for more in ([], ["--scores", file]))
    assert given["benchmark"].tolist() == without["benchmark"].tolist() == ["bbh", "math_lvl5", "musr"]
    assert set(given["basis"]) == {"own scores"}
    assert (np.abs(given["forecast"] - without["forecast"]) > 1e-4).all()
    assert (given["upper"] - given["lower"]).mean() < 0.95 * (without["upper"] - without["lower"]).mean()
