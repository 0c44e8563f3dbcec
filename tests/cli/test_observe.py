import json

import pytest

BASE = ["observe", "--target", "ruan2024-emergent", "--column", "bigbench_word_unscrambling"]


def test_json_gives_errors_coefficients_and_the_line(run):
    options = [
        "--cutoff-flop",
        "8.4e22",
        "--config",
        "paper",
        "--predictor",
        "pc3",
        "--predictions",
        "--format",
        "json",
    ]
    code, out, _ = run(*BASE, *options)
    (told,) = json.loads(out)["columns"]
    assert code == 0
    assert (told["n_train"], told["n_test"], len(told["predictions"])) == (44, 40, 84)
    assert told["coefficients"]["weights"]["pc1"] == pytest.approx(6.7425, rel=1e-3)
    assert told["equivalent_flop"]["slope_per_log10"] == pytest.approx(2.0021, rel=1e-3)
    assert {"train_mse", "test_mse", "train_mae", "test_mae", "medae", "coverage"} <= set(told)
    assert {"model", "score", "forecast", "lower", "upper"} <= set(told["predictions"][0])


def test_own_file_own_cut_and_figure(run, tmp_path):
    target = tmp_path / "mine.csv"
    lines = ["Model,mine", "meta-llama/Llama-2-7b-hf,20", "META-LLAMA/llama-2-13b-hf,40", "google/gemma-2b,10"]
    more = ["google/gemma-7b,45", "meta-llama/Llama-2-70b-hf,70", "huggyllama/llama-7b,15", "huggyllama/llama-13b,25"]
    target.write_text("\n".join([*lines, *more, "nobody/knows,3"]) + "\n")
    hidden = tmp_path / "test.csv"
    hidden.write_text("model\nmeta-llama/Llama-2-70b-hf\ngoogle/gemma-7b\n")
    figure = tmp_path / "mine.png"
    command = [
        "observe",
        "--target",
        str(target),
        "--test",
        str(hidden),
        "--score-range",
        "0,100",
        "--predictor",
        "size",
    ]
    code, out, _ = run(*command, "--figure", str(figure), "--predictions")
    assert code == 0
    assert "mine" in out
    assert figure.stat().st_size > 5000


def test_names_of_columns_may_hold_commas(run, tmp_path):
    target = tmp_path / "mine.csv"
    models = ["Llama-2-7b-hf", "Llama-2-13b-hf", "Llama-2-70b-hf", "Meta-Llama-3-8B", "Meta-Llama-3-70B"]
    rows = [f"meta-llama/{model},0.{n},0.{n + 1}" for n, model in enumerate(models, start=2)]
    target.write_text("\n".join(['model,"score,strict",other', *rows]) + "\n")
    command = ["observe", "--target", target, "--cutoff-params", "13B", "--predictor", "size", "--format", "json"]
    for asked in (["--column", "score,strict", "--column", "other"], ["--column", "other"]):
        code, out, _ = run(*command, *asked)
        assert code == 0
        assert len(json.loads(out)["columns"]) == len(asked) // 2


def test_several_predictors_are_compared_on_common_rows(run):
    code, out, _ = run(*BASE, "--cutoff-flop", "8.4e22", "--predictor", "compute,pc3,mmlu")
    assert code == 0
    assert "compute" in out
    assert "29" in out  # models with known compute


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "give exactly one of"),
        (["--cutoff-flop", "1e22", "--test-share", "0.1"], 2, "give exactly one of"),
        (["--cutoff-flop", "-1"], 1, "expected compute in FLOP"),
        (["--cutoff-date", "someday"], 1, "is no date; expected e.g. 2024-05-31"),
        (["--test-share", "3"], 1, "a share between 0 and 1"),
        (["--cutoff-flop", "1e22", "--score-range", "1"], 2, "expected two numbers"),
        (["--cutoff-flop", "1e22", "--config", "mine"], 1, "expected one of default, paper"),
        (["--test", "nowhere.csv"], 1, "no such file"),
        (["--test-families", "Lama"], 1, "Did you mean 'Llama'"),
        (["--cutoff-flop", "8.4e22", "--figure", "x.bmp"], 1, "must end in"),
    ],
)
def test_wrong_options_say_what_to_do(options, code, words, run):
    found, _, err = run(*BASE, *options)
    assert found == code
    assert words in " ".join(err.replace("│", " ").split())


def test_an_unknown_target_offers_the_nearest(run):
    code, _, err = run("observe", "--target", "ruan2024-emergnt", "--cutoff-flop", "8.4e22")
    assert code == 1
    assert "Did you mean 'ruan2024-emergent'" in err


def test_several_analyses_in_one_table(run):
    protocols = "ruan2024-agents,ruan2024-leaderboard-v2"
    command = ["backtest", "--protocol", protocols, "--forecaster", "observational-paper,size"]
    code, out, _ = run(*command)
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line.startswith("ruan2024-")]
    assert [row[0] for row in rows] == 3 * protocols.split(",")
    assert rows[0][1:] == ["2", "3", "0.00381", "-"]  # nobody knows the size of closed models
    told = json.loads(run(*command, "--format", "json").out)
    assert [(one["protocol"], one["forecaster"]) for one in told] == [
        (protocol, name) for protocol in protocols.split(",") for name in ("observational-paper", "size")
    ]
    assert told[2]["n_cells"] == 56
    assert told[2]["test_mse"] == pytest.approx(float(rows[1][3]), abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ruan2024-agents,leave-family-out"], "'leave-family-out' has no targets"),
        (["ruan2024-agents,ruan2024-emergent", "--view", "core"], "several protocols take --forecaster"),
    ],
)
def test_several_analyses_refuse_what_makes_no_sense(run, arguments, words):
    code, out, err = run("backtest", "--protocol", *arguments)
    assert (code != 0, out) == (True, "")
    assert words in err


MINE = ["model,mine", "meta-llama/Llama-2-7b-hf,.2", "meta-llama/Llama-2-13b-hf,.4", "meta-llama/Llama-2-70b-hf,.6"]
MORE = ["google/gemma-2b,.1", "google/gemma-7b,.45", "huggyllama/llama-13b,.25"]
STRANGE = ["gemma-2bb,.1", "zzzz,.2", "org/Llama-2-7b-hf,.2", "qqqq,.3"]


def test_rows_without_a_known_model_are_told(run, tmp_path):
    target = tmp_path / "mine.csv"
    target.write_text("\n".join([*MINE, *MORE, *STRANGE]) + "\n")
    hidden = tmp_path / "test.csv"
    hidden.write_text("model\nmeta-llama/Llama-2-70b-hf\ngoogle/gemma-7bb\n")
    command = ["observe", "--target", target, "--test", hidden, "--predictor", "size", "--format", "json"]
    code, out, err = run(*command)
    told = json.loads(out)
    assert code == 0
    assert (told["n_models"], told["n_matched"], told["unmatched"]) == (10, 6, [row.split(",")[0] for row in STRANGE])
    assert "Note: 6 of 10 models of mine.csv are in panel 'ruan2024'; 4 are left out" in err
    assert "'gemma-2bb' (nearest: 'google/gemma-2b'), 'zzzz', 'org/Llama-2-7b-hf' (nearest: 'meta-llama/Ll" in err
    assert "and 1 more" in err
    assert "Note: 1 of 2 models of test.csv are in panel" in err


def test_a_file_without_any_known_model_is_refused(run, tmp_path):
    target = tmp_path / "mine.csv"
    target.write_text("model,mine\nsomeone/gemma-2b,.1\nzzzz,.2\n")
    code, out, err = run("observe", "--target", target, "--cutoff-params", "13B")
    assert (code, out) == (1, "")
    assert "none of the 2 models" in err and "e.g. 'google/gemma-2b'" in err


def test_help_names_the_view_that_predicts(run):
    assert "`ruan2024` by default" in " ".join(run("observe", "--help").out.replace("│", " ").split())


def test_cutoffs_that_nobody_means_are_asked_about(run):
    assert "--cutoff-params is 7, without a unit: did you mean 7B?" in run(*BASE, "--cutoff-params", "7").err
    assert "may be 2024-06-01 or 2024-01-06" in run(*BASE, "--cutoff-date", "01/06/2024").err


def test_a_reference_family_must_be_known(run):
    """Without one the line of equivalent compute was left out in silence."""
    done = run(*BASE, "--cutoff-flop", "8.4e22", "--reference-family", "llama9")
    assert done.code == 1 and "No family named 'llama9'. Did you mean " in done.err


def test_fractions_are_no_percentages(run, tmp_path):
    target = tmp_path / "mine.csv"
    models = ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-13b-hf", "meta-llama/Llama-2-70b-hf")
    target.write_text("\n".join(["model,mine", *(f"{model},0.{n}" for n, model in enumerate(models, start=4))]) + "\n")
    ask = ("observe", "--target", target, "--cutoff-params", "13B", "--predictor", "size")
    ran = run(*ask, "--score-range", "25,100")
    assert ran.code == 1
    assert "no score is above 0.6, and the score range is 25,100" in ran.err and "--score-range 0.25,1" in ran.err
    assert run(*ask, "--score-range", "0.25,1").code == 0


def test_a_benchmark_as_target_is_named_and_its_columns_are_explained(run, small_folder):
    ran = run("observe", "--target", "mmlu", "--panel", small_folder, "--cutoff-params", "13B", "--predictor", "size")
    assert ran.out.startswith("mmlu from small") and "medae the median absolute error" in ran.out
    assert "Fitting 1 target ..." in ran.err
