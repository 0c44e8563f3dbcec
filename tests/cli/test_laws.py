"""The commands of laws, diagnostics and pass@k: what they print, and how they fail."""

import json

import numpy as np
import pandas as pd
import pytest

from obslaws.laws.registry import law


@pytest.fixture
def ask(run):
    """Run the program and insist on how it ends."""

    def ask(*arguments, fails=0):
        ran = run(*arguments)
        assert ran.code == fails, ran.err
        return ran

    return ask


def test_list_holds_the_catalogue(ask):
    told = json.loads(ask("laws", "list", "--format", "json").out)
    assert len(told) >= 32
    assert {"law", "group", "formula", "source", "variables", "params"} <= set(told[0])
    assert all(row["verified"] for row in told)
    more = json.loads(ask("laws", "list", "--all", "--format", "json").out)
    assert {row["law"] for row in more if not row["verified"]} >= {"farseer", "weight_sparsity"}
    assert "qid" in ask("laws", "list", "--group", "precision").out
    assert "Did you mean 'precision'" in ask("laws", "list", "--group", "precison", fails=1).err


def test_show_gives_formula_units_and_coefficients(ask):
    page = ask("laws", "show", "chinchilla").out
    for words in ("L = E + A / N^alpha + B / D^beta", "nats/token", "hoffmann-2022", "0.3478", "arXiv:2404.10102"):
        assert words in page
    told = json.loads(ask("laws", "show", "farseer", "--format", "json").out)
    assert told["published"] == []
    assert "none are given" in ask("laws", "show", "farseer").out


def test_evaluate_takes_counts_as_people_write_them(ask):
    told = json.loads(ask("laws", "evaluate", "chinchilla", "n_params=1B", "n_tokens=20B", "--format", "json").out)
    assert told[0]["loss"] == pytest.approx(2.53005, rel=1e-5)
    own = ask("laws", "evaluate", "porian_alloc", "train_flop=1e19", "--param", "a=0.5", "--format", "csv").out
    assert float(own.splitlines()[1].split(",")[1]) == pytest.approx(0.118 * 1e19**0.5)
    assert "no complete set" in ask("laws", "evaluate", "two_stage", "train_flop=1e21", fails=1).err
    own = ("laws", "evaluate", "chinchilla", "n_params=7B", "n_tokens=1T", "--param")
    for text in ("abc", "", "nan"):
        assert f"E: '{text}' is not a number; expected one such as 1.8, 4e-3" in ask(*own, f"E={text}", fails=1).err
    assert "Did you mean 70B?" in ask(*own, "E=70 billion", fails=1).err
    assert "expected NAME=VALUE" in ask("laws", "evaluate", "chinchilla", "1B", fails=1).err
    assert "either" in ask("laws", "evaluate", "chinchilla", fails=1).err


def test_evaluate_says_which_set_and_what_lies_outside(ask, tmp_path):
    inside = ask("laws", "evaluate", "chinchilla", "n_params=1B", "n_tokens=20B")
    assert "Set besiroglu-2024 (first of 3; --set takes besiroglu-2024-all or hoffmann-2022): E = " in inside.out
    assert "Note" not in inside.err
    for size in ("70", "1e15"):
        ran = ask("laws", "evaluate", "chinchilla", f"n_params={size}", "n_tokens=20B", "--set", "hoffmann-2022")
        assert "Set hoffmann-2022: E = " in ran.out
        assert f"Note: n_params: {float(size):g} lies outside 4e+07 to 1e+10 count" in ran.err
        assert "n_tokens:" not in ran.err
    (tmp_path / "x.csv").write_text("n_params,n_tokens\n1e9,2e10\n1e12,2e10\n10,2e10\n")
    ran = ask("laws", "evaluate", "chinchilla", "--data", tmp_path / "x.csv", "--param", "E=1.8", "--format", "csv")
    assert "n_params: 2 of 3 values lie outside" in ran.err and ran.out.startswith("n_params,n_tokens,loss")
    assert "with E of your own" in ran.err


def test_fit_reports_intervals_warnings_and_the_checklist(ask, tmp_path):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"n_params": 10 ** rng.uniform(8, 10, 60), "n_tokens": 10 ** rng.uniform(9.5, 11.5, 60)})
    x["loss"] = law("chinchilla").evaluate(x) * np.exp(0.003 * rng.normal(size=60))
    x.to_csv(tmp_path / "runs.csv", index=False)
    (tmp_path / "setup.json").write_text(json.dumps({"counting": "embeddings in"}))
    command = ["laws", "fit", "chinchilla", str(tmp_path / "runs.csv"), "--starts", "20", "--bootstrap", "20"]
    told = json.loads(ask(*command, "--format", "json").out)
    assert told["identified"] in (True, False)
    assert {row["parameter"] for row in told["params"]} == {"E", "A", "B", "alpha", "beta"}
    page = ask(
        *command, "--checklist", "--setup", str(tmp_path / "setup.json"), "--plot", str(tmp_path / "fit.png")
    ).out
    for words in ("size_exponent", "starts within 1 %", "embeddings in", "Sensitivity", "Incomplete: 7 required"):
        assert words in page
    assert (tmp_path / "fit.png").stat().st_size > 5000
    held = json.loads(ask(*command, "--fix", "E=1.8", "--format", "json").out)
    assert next(r for r in held["params"] if r["parameter"] == "E")["note"] == "held"
    assert "No column of" in ask(*command, "--column", "lose", fails=1).err
    assert "no such file" in ask("laws", "fit", "chinchilla", "none.csv", fails=1).err
    assert "Did you mean 'gadre'" in ask("laws", "fit", "chinchilla", "gadr", fails=1).err


def test_compare_ranks_laws(ask):
    args = (
        "laws",
        "compare",
        "gadre_loss,kaplan_nd",
        "gadre",
        "--column",
        "loss",
        "--starts",
        "30",
        "--format",
        "json",
    )
    told = json.loads(ask(*args).out)
    assert [row["law"] for row in told] == ["gadre_loss", "kaplan_nd"]


def test_reproduce_says_what_holds(ask):
    done = ask("laws", "reproduce", "gadre", "--format", "json")
    assert all(row["holds"] for row in json.loads(done.out))
    assert "4 of 4 figures hold" in done.err
    assert "No reproduction named 'gadr'" in ask("laws", "reproduce", "gadr", fails=1).err


def test_board_commands_name_the_snapshot(ask):
    told = json.loads(ask("laws", "board", "density", "--format", "json").out)
    assert told["doubling_lower"] < told["doubling_months"] < told["doubling_upper"]
    page = ask("laws", "board", "performance").out
    assert "snapshot 20" in page and "mean absolute error" in page
    crossing = ask("laws", "board", "crossover", "qwen2.5", "gemma-2", "--benchmark", "bbh").out
    assert "ahead" in crossing
    assert "arc" in ask("laws", "board", "compute", "--benchmarks", "arc").out
    assert "decades a year" in ask("laws", "board", "efficiency", "--benchmarks", "mmlu,bbh").out


def test_diagnose_classes_trends(ask):
    told = json.loads(ask("diagnose", "--benchmarks", "truthfulqa,mmlu", "--format", "json").out)
    assert {row["benchmark"]: row["trend"] for row in told} == {"mmlu": "positive", "truthfulqa": "U"}
    assert "median position" in ask("diagnose", "--weakest-link", "mmlu,math_lvl5,mmlu_pro").out
    assert "expected three" in ask("diagnose", "--weakest-link", "mmlu", fails=1).err
    assert "leave out --view" in ask("diagnose", "--everything", "--view", "core", fails=1).err


def test_pass_at_k_forecasts_and_chooses(ask, tmp_path):
    rng = np.random.default_rng(0)
    parts = []
    for model, a in (("weak", 0.4), ("strong", 1.5)):
        c = rng.binomial(50, rng.beta(a, 4, 80))
        parts.append(pd.DataFrame({"model": model, "problem": range(80), "n_samples": 50, "n_correct": c}))
    path = tmp_path / "counts.csv"
    pd.concat(parts).to_csv(path, index=False)
    told = json.loads(ask("pass-at-k", str(path), "--k", "1,50,1000", "--format", "json").out)
    assert len(told) == 6
    assert told[2]["measured"] is None and told[2]["coverage"] > told[1]["coverage"]
    best = ask("pass-at-k", str(path), "--budget", "5", "--cost", "weak=1,strong=10", "--format", "csv").out
    assert best.splitlines()[1].startswith("weak")
    assert "need --cost" in ask("pass-at-k", str(path), "--budget", "5", fails=1).err
    assert "whole numbers" in ask("pass-at-k", str(path), "--k", "a", fails=1).err
    assert "no such file" in ask("pass-at-k", "none.csv", fails=1).err


def test_pass_at_k_names_file_row_and_cure(ask, tmp_path):
    """Slips in a file of counts, and in the options around it."""
    path = tmp_path / "counts.csv"

    def refused(rows, *options):
        path.write_text("model,problem,n_samples,n_correct\n" + "\n".join(rows) + "\n")
        return ask("pass-at-k", str(path), *options, fails=1).err

    good = [f"{model},{i},100,{9 * i + 1}" for model in ("m", "n") for i in range(6)]
    assert "counts.csv, row 3, column 'n_correct': found an empty cell" in refused([good[0], "m,1,100,", *good[2:]])
    assert "counts.csv, row 9, column 'n_correct': found 'x'" in refused([*good[:7], "n,1,100,x", *good[8:]])
    assert "row 9: problem '0' of model 'n' comes twice" in refused([*good[:7], "n,0,100,1", *good[8:]])
    assert "counts.csv, row 2: no model. Fill it in." in refused([",9,100,1", *good])
    assert "counts.csv, model 'n': 2 problems, 11 correct samples; expected at least 5 problems" in refused(good[:8])
    assert "Did you mean 0.9?" in refused(good, "--level", "90")
    assert "at least 1" in refused(good, "--k", "0")
    assert "--cost is for --budget or --target" in refused(good, "--cost", "m=1")
    assert "budget is -1; expected a positive number" in refused(good, "--cost", "m=1,n=1", "--budget", "-1")
    assert "Give it too: n=COST" in refused(good, "--cost", "m=1", "--budget", "1")


def test_pass_at_k_explains_its_columns_and_writes_valid_json(ask, tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text(
        "problem,n_samples,n_correct\n" + "".join(f"{i},100,{c}\n" for i, c in enumerate((0, 0, 0, 1, 2, 90)))
    )
    assert "Distance: decades" in ask("pass-at-k", str(path)).out
    assert "Best: share" in ask("pass-at-k", str(path), "--cost", "counts=1", "--budget", "9").out
    never = ("pass-at-k", str(path), "--method", "zero-inflated", "--cost", "counts=1", "--target", "0.9999")
    assert json.loads(ask(*never, "--format", "json").out)[0]["cost"] is None


def test_runs_of_ones_own_are_refused_with_row_and_column(ask, tmp_path):
    path = tmp_path / "runs.csv"

    def refused(text, *options):
        path.write_text(text)
        return ask("laws", "fit", "chinchilla", str(path), *options, fails=1).err

    head = "n_params,n_tokens,loss\n"
    text = refused(f"{head}1e9,2e10,2.9\n2e9,3e10,n.a.x\n")
    assert "column loss, row 3: found 'n.a.x'; expected a plain number" in text.replace("'loss'", "loss")
    assert "column 'n_params', row 2: found '1B'" in refused(f"{head}1B,2e10,2.9\n2e9,3e10,2.8\n")
    assert "column 'n_tokens' has missing values (1, the first in row 3" in refused(f"{head}1e9,2e10,3\n2e9,,2.7\n")
    assert "no column 'n_params' (parameters, count). Found: N, D, loss." in refused("N,D,loss\n1e9,2e10,2.9\n")
    for option, value, words in (
        ("--level", "90", "Did you mean 0.9?"),
        ("--starts", "-1", "n_starts is -1; expected 0 or more"),
        ("--bootstrap", "-1", "bootstrap is -1; expected 0 or more"),
        ("--delta", "0", "delta is 0; expected a positive number"),
        ("--delta", "nan", "delta is nan; expected a positive number"),
    ):
        assert words in ask("laws", "fit", "gadre_loss", "gadre", option, value, fails=1).err
