"""Names in files are found as those on the command line are: case and separators do not decide."""

import json

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import AssumptionWarning, SchemaError, UnknownNameError
from obslaws.known_scores import known_scores
from obslaws.panel import read_panel
from obslaws.protocols import load_protocol, read_cells, read_groups, with_options
from obslaws.quantities import known_as
from obslaws.registry.resolve import read_scores, resolve, unregistered
from obslaws.results import read_results
from obslaws.select.benchmarks import read_costs
from obslaws.splits import plan

KNOWN = ["mmlu_pro", "gsm8k", "hella", "HELLA"]


def write(path, text):
    path.write_text(text)
    return path


def test_case_is_forgiven_in_silence_and_separators_with_a_note():
    assert known_as(["GSM8K", "gsm8k", "x"], KNOWN, "benchmark") == {"GSM8K": "gsm8k", "gsm8k": "gsm8k", "x": "x"}
    with pytest.warns(AssumptionWarning, match=r"^mine.csv: benchmark 'MMLU-Pro' is read as 'mmlu_pro'\.$"):
        assert known_as(["MMLU-Pro"], KNOWN, "benchmark", "mine.csv") == {"MMLU-Pro": "mmlu_pro"}


def test_of_models_case_alone_is_forgiven():
    """A size of 15B is not one of 1.5B, however alike they are spelled."""
    assert known_as(["X/A-15b", "x/a-1.5b"], ["x/A-1.5B"], "model") == {"X/A-15b": "X/A-15b", "x/a-1.5b": "x/A-1.5B"}


def test_models_that_differ_in_case_alone_are_told(tmp_path):
    write(tmp_path / "models.csv", "model,family\nus/a-1B,a\nUS/A-1b,a\nus/a-1.5B,a\nus/a-15B,a\n")
    write(tmp_path / "scores.csv", "model,benchmark,score\nus/a-1B,mmlu,0.5\n")
    with pytest.warns(AssumptionWarning, match=r"models 'us/a-1B' and 'US/A-1b' differ only in case"):
        read_panel(tmp_path)


def test_a_floor_is_told_in_plain_words(tmp_path):
    write(tmp_path / "models.csv", "model,family\nus/a-1B,a\n")
    write(tmp_path / "scores.csv", "model,benchmark,score\nus/a-1B,mmlu,0.5\n")
    write(tmp_path / "benchmarks.csv", "benchmark,score_floor\nmmlu,25\n")
    with pytest.raises(SchemaError, match=r"found 25, expected score of guessing, fraction between 0 and 0\.999"):
        read_panel(tmp_path)


def test_a_name_that_fits_two_or_none_stays():
    assert known_as(["Hella", "hella", "", " ", "--"], [*KNOWN, "-"], "benchmark") == {
        n: n for n in ("Hella", "hella", "", " ", "--")
    }


def test_many_are_told_in_one_note():
    with pytest.warns(AssumptionWarning, match=r"Benchmark 'a-1' is read as 'a_1', .*, and 3 more so\.$"):
        known_as([f"a-{n}" for n in range(1, 8)], [f"a_{n}" for n in range(1, 8)], "benchmark")


@pytest.mark.parametrize("text", ["benchmark,score\nGSM8K,0.5\nHella-Swag,0.6\n", "GSM8K,Hella-Swag\n0.5,0.6\n"])
def test_own_scores(tmp_path, small_panel, text):
    path = write(tmp_path / "mine.csv", text)
    with pytest.warns(AssumptionWarning, match="mine.csv: benchmark 'Hella-Swag' is read as 'hellaswag'"):
        given = known_scores(path, small_panel, "x")
    assert given.iloc[0].to_dict() == {"gsm8k": 0.5, "hellaswag": 0.6}
    with pytest.warns(AssumptionWarning):
        assert read_results(path).scores["benchmark"].tolist() == ["gsm8k", "hellaswag"]


def test_own_scores_name_a_benchmark_once(tmp_path, small_panel):
    path = write(tmp_path / "mine.csv", "benchmark,score\nGSM8K,0.5\ngsm8k,0.6\n")
    with pytest.raises(SchemaError, match="row 3: a second score on 'gsm8k'"):
        known_scores(path, small_panel, "x")


def test_scores_of_an_own_panel(tmp_path):
    write(tmp_path / "models.csv", "model,family\nus/a-1B,a\nus/a-3B,a\n")
    write(tmp_path / "benchmarks.csv", "benchmark\nmy_test\n")
    write(tmp_path / "scores.csv", "model,benchmark,score\nUS/A-1b,My-Test,0.5\nus/a-3B,my_test,0.6\n")
    with pytest.warns(AssumptionWarning, match="scores.csv: benchmark 'My-Test' is read as 'my_test'"):
        assert read_panel(tmp_path).scores["my_test"].to_dict() == {"us/a-1B": 0.5, "us/a-3B": 0.6}
    write(tmp_path / "scores.csv", "model,benchmark,score\nUS/A-1b,my_test,0.5\nus/a-1B,my_test,0.6\n")
    with pytest.raises(SchemaError, match="row 3: a second score of us/a-1B on my_test"):
        read_panel(tmp_path)


def test_costs(tmp_path):
    path = write(tmp_path / "costs.csv", "benchmark,cost\nGSM8K,2\n")
    np.testing.assert_equal(read_costs(path, ["gsm8k", "mmlu"]), [2.0, np.nan])
    write(path, "benchmark,cost\nGSM8K,2\ngsm8k,3\n")
    with pytest.raises(SchemaError, match="row 3: a second cost of 'gsm8k'"):
        read_costs(path, ["gsm8k", "mmlu"])
    write(path, "benchmark,cost\nGSM8k,2\ngsm9k,3\n")
    with pytest.raises(UnknownNameError, match="row 3: No benchmark named 'gsm9k'"):
        read_costs(path, ["gsm8k", "mmlu"])


def test_cells_and_groups(tmp_path, small_panel):
    cells = read_cells(write(tmp_path / "cells.csv", "fold,model,benchmark\na,Bee/beta-7b,MMLU\n"))
    fold = plan(load_protocol("cells"), small_panel, cells=cells)[0]
    assert fold.held_out.loc["bee/Beta-7B", "mmlu"] > 0
    cells = read_cells(write(tmp_path / "cells.csv", "fold,model,benchmark\na,Bee/beta-7b,MMLU\nb,bee/Beta-7B,mmlu\n"))
    with pytest.raises(SchemaError, match="bee/Beta-7B on mmlu is held out a second time"):
        plan(load_protocol("cells"), small_panel, cells=cells)
    groups = read_groups(write(tmp_path / "groups.csv", "group,family\none,Beta\none,GAMMA\n"))
    folds = plan(with_options(load_protocol("leave-family-out"), groups=groups), small_panel)
    assert set(folds[0].queries["family"]) == {"beta", "gamma"}


def test_scores_that_resolve(tmp_path):
    path = write(tmp_path / "came.csv", "model,benchmark,score\nUs/A-9B,MMLU,0.5\n")
    record = {
        "kind": "forecast", "line": 1, "registered": "2026-01-01", "forecaster": "mean", "model": "us/a-9B",
        "benchmark": "mmlu", "basis": "pooled", "view": "core", "snapshot": "x",
        "quantiles": {share: 0.4 for share in ("0.025", "0.05", "0.1", "0.5", "0.9", "0.95", "0.975")},
    }  # fmt: skip
    came = read_scores(path)
    done = resolve([record], came)
    assert done["score"].tolist() == [0.5] and unregistered(done, came) == ""
    write(path, "model,benchmark,score\na,MMLU,0.5\na,mmlu,0.6\n")
    with pytest.raises(SchemaError, match="row 3: a second score"):
        read_scores(path)


def test_observed_families_and_benchmarks(run, small_folder, tmp_path):
    models = pd.read_csv(small_folder / "models.csv")["model"]
    target = pd.DataFrame({"model": models, "mine": np.linspace(0.1, 0.9, len(models))})
    target.to_csv(tmp_path / "mine.csv", index=False)
    ran = run(
        "observe", "--target", tmp_path / "mine.csv", "--panel", small_folder, "--test-families", "BETA",
        "--exclude-benchmarks", "GSM8K", "--reference-family", "Alpha", "--predictor", "MMLU", "--format", "json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["columns"][0]["n_test"] == 4
    ran = run("observe", "--target", tmp_path / "mine.csv", "--panel", small_folder, "--test-families", "beto")
    assert ran.code == 1 and "No family named 'beto'. Did you mean 'beta'?" in ran.err


def test_three_benchmarks_of_a_weakest_link(run, small_folder):
    ran = run("diagnose", "--panel", small_folder, "--weakest-link", "MMLU,GSM8K,HellaSwag")
    assert "No benchmark named" not in ran.err and "between mmlu and gsm8k" in ran.out
