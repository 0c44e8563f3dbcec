"""Commands `capability`, `efficiency` and `select models`: their options, shapes and refusals."""

import io
import json

import pandas as pd
import pytest

PAPER = ("--view", "ruan2024-pool", "--missing", "ruan2024")


def test_capability_gives_loadings_shares_and_models(run, small_folder):
    told = json.loads(run("capability", "--panel", small_folder, "--components", "2", "--format", "json").out)
    assert [row["benchmark"] for row in told["loadings"]] == ["mmlu", "gsm8k", "hellaswag"]
    assert set(told["loadings"][0]) == {"benchmark", "capability_1", "capability_2"}
    assert (told["n_models"], told["n_components"], told["converged"]) == (22, 2, True)
    assert sum(told["explained_variance_ratio"]) <= 1
    assert len(told["models"]) == 22
    assert {"model", "family", "train_flop", "capability_1"} <= set(told["models"][0])


def test_capability_of_the_paper(run):
    """Section 3.2: shares of 0.80, 0.12 and 0.05, and the largest loading of the first component is GSM8K's."""
    told = json.loads(run("capability", *PAPER, "--format", "json").out)
    assert told["explained_variance_ratio"] == pytest.approx([0.8016, 0.1190, 0.0463], abs=5e-5)
    assert max(told["loadings"], key=lambda row: row["capability_1"])["benchmark"] == "gsm8k"


def test_capability_chooses_and_rotates_and_draws(run, small_folder, tmp_path):
    figure, table = tmp_path / "map.png", tmp_path / "models.csv"
    ran = run("capability", "--panel", small_folder, "--model", "factor", "--components", "auto",
              "--rotation", "varimax", "--plot", figure, "--output", table)  # fmt: skip
    assert ran.code == 0
    assert {"Errors on hidden cells", "Loadings"} <= set(ran.out.splitlines())
    assert "rotated by varimax" in ran.out
    assert figure.stat().st_size > 10_000
    assert len(pd.read_csv(table)) == 22


def test_rotation_is_told(run):
    told = json.loads(run("capability", *PAPER, "--rotation", "oblimin", "--format", "json").out)
    assert told["rotation"]["n_agreeing"] > 10
    assert len(told["rotation"]["correlation"]) == 3
    assert "skill_1" in told["loadings"][0]
    ran = run("capability", *PAPER, "--rotation", "oblimin")
    assert "starts agree" in ran.out
    assert "Correlations of the skills: 1 and 2" in ran.out
    assert run("capability", *PAPER, "--format", "csv").out.splitlines()[0].startswith("model,family,train_flop")


def test_efficiency_gives_families_and_models(run, small_folder, tmp_path):
    common = ("efficiency", "--panel", small_folder, "--reference-family", "Alpha", "--components", "1")
    told = json.loads(run(*common, "--format", "json").out)
    assert told["reference_family"] == "alpha"
    assert {row["family"] for row in told["families"]} == {"alpha", "alpha-chat", "beta", "gamma", "delta"}
    own = next(row for row in told["families"] if row["family"] == "alpha")
    assert own["multiplier"] == pytest.approx(1.0)
    assert own["lower"] < 1 < own["upper"]
    assert len(told["models"]) == 22
    figure = tmp_path / "lines.svg"
    assert run(*common, "--plot", figure).code == 0
    assert figure.is_file()
    by_model = run(*common, "--by", "model", "--format", "csv").out
    assert len(by_model.splitlines()) == 23
    assert "The 20 of 22 models with most capability_1" in run(*common, "--by", "model").out


def test_efficiency_without_a_reference_takes_the_family_of_most_models(run, small_folder):
    told = json.loads(run("efficiency", "--panel", small_folder, "--components", "1", "--format", "json").out)
    sizes = {row["family"]: row["n_models"] for row in told["families"] if row["slope"] is not None}
    assert sizes[told["reference_family"]] == max(sizes.values())


def test_efficiency_ranks_nobody_by_guessing(run):
    rows = pd.read_csv(io.StringIO(run("efficiency", "--format", "csv").out)).set_index("family")
    assert rows.loc["cerebras-gpt", "flag"] == "at the floor"
    assert rows.loc["microllama", "flag"] == "below"
    assert rows["flag"].notna().is_monotonic_increasing
    assert rows["multiplier"].notna().all()  # programs have the number beside its flag
    lines = {line.split()[0]: line for line in run("efficiency").out.splitlines() if line.strip()}
    assert f"{rows.loc['cerebras-gpt', 'multiplier']:.2f}" not in lines["cerebras-gpt"]
    assert lines["cerebras-gpt"].endswith("at the floor")


def test_efficiency_of_the_paper(run):
    """Section 3.3: mean R2 of 0.9665 over families with three models, 0.7578 for all models on one line."""
    told = json.loads(run("efficiency", *PAPER, "--format", "json").out)
    assert told["mean_r2"] == pytest.approx(0.9665, abs=5e-5)
    assert told["pooled"]["r2"] == pytest.approx(0.7578, abs=5e-5)
    wide = json.loads(run("efficiency", *PAPER, "--reference-family", "qwen", "--format", "json").out)
    assert {row["upper"] for row in wide["families"]} == {None}
    assert "unbounded" in run("efficiency", *PAPER, "--reference-family", "qwen").out
    mixed = json.loads(run("efficiency", *PAPER, "--fit", "mixed", "--scatter", "shared", "--format", "json").out)
    assert mixed["fit"] == "mixed"


def test_select_of_the_paper(run):
    """Section 5, table 1: objectives at 8, 12 and 20 models, Llama-2 forced."""
    ran = run("select", "models", *PAPER, "--budget", "8,12,20", "--require", "llama-2", "--format", "json")
    told = json.loads(ran.out)
    assert [-one["objective"] for one in told] == pytest.approx([-37.4285, -16.9330, -10.2531], abs=5e-5)
    assert set(told[0]["units"]) == {"Llama-2", "Phi", "Mixtral", "MPT"}
    assert all(one["is_exact"] for one in told)
    small = ("select", "models", *PAPER, "--max-params", "7B", "--require", "llama-2", "--budget", "12")
    assert -json.loads(run(*small, "--format", "json").out)["objective"] == pytest.approx(-7.0429, abs=5e-5)
    old = ("select", "models", *PAPER, "--max-flop", "8.4e22", "--complete", "--budget", "36")
    assert -json.loads(run(*old, "--format", "json").out)["objective"] == pytest.approx(-3.2533, abs=5e-5)


@pytest.mark.parametrize("criterion", ["V", "A", "D", "I"])
def test_select_lists_the_models_of_one_budget(run, small_folder, tmp_path, criterion):
    table = tmp_path / "chosen.csv"
    ran = run("select", "models", "--panel", small_folder, "--components", "2", "--unit", "model", "--budget", "5",
              "--criterion", criterion, "--output", table)  # fmt: skip
    assert "proven" in ran.out
    chosen = pd.read_csv(table)
    assert len(chosen) == 5
    assert all(model in ran.out for model in chosen["model"])
    flop = run("select", "models", "--panel", small_folder, "--components", "2", "--budget-flop", "5e24",
               "--exclude", "gamma", "--format", "json")  # fmt: skip
    told = json.loads(flop.out)
    assert told["cost"] <= 5e24
    assert told["n_candidates"] == 19


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["capability", "--components", "many"], 2, "expected a number, or auto"),
        (["capability", "--components", "0"], 1, "n_components is 0"),
        (["capability", "--model", "factor", "--missing", "drop"], 2, "leave --missing out"),
        (["capability", "--benchmarks", "mlmu"], 1, "Did you mean 'mmlu'"),
        (["capability", "--output", "models.txt"], 1, "must end in .csv"),
        (["capability", "--plot", "nowhere/map.png"], 1, "there is no folder"),
        (["efficiency", "--reference-family", "alfa"], 1, "Did you mean 'alpha'"),
        (["efficiency", "--reference-family", "alpha", "--capability", "9"], 2, "there are 1 to 3"),
        (["efficiency", "--reference-family", "alpha", "--level", "90"], 1, "Did you mean 0.9"),
        (["select", "models"], 2, "give one of --budget"),
        (["select", "models", "--budget", "8", "--budget-flop", "1e24"], 2, "give one of --budget"),
        (["select", "models", "--budget", "two"], 1, "--budget is 'two'; expected a whole number of models, 1 or more"),
        (["select", "models", "--budget", "0"], 1, "--budget is '0'; expected a whole number of models"),
        (["select", "models", "--budget", "8,2.5"], 1, "--budget is '2.5'; expected a whole number of models"),
        (["select", "models", "--budget", ","], 1, "--budget is empty"),
        (["select", "models", "--budget", "1"], 1, "tells 3 capabilities apart"),
        (["select", "models", "--budget", "3", "--require", "alpha"], 1, "the required units cost 6"),
        (["select", "models", "--budget", "8", "--require", "alfa"], 1, "Did you mean 'alpha'"),
    ],
)
def test_what_makes_no_sense_is_refused(run, small_folder, arguments, code, words):
    ran = run(*arguments, "--panel", small_folder)
    assert (ran.code, ran.out) == (code, "")
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_a_law_rests_on_no_more_capabilities_than_there_are(run, small_folder):
    ran = run("select", "models", "--panel", small_folder, "--budget", "8", "--unit", "model", "--benchmarks", "mmlu")
    assert "Note: 1 capability instead of 3; the table carries no more." in ran.err
    assert ran.out.startswith("Models to evaluate, V-optimal for a law on 1 capability\n")
