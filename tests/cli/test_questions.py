"""Commands that read a skill model: skills, plan, reach, onboard."""

import json

import pytest

EXPECTED = {
    "loadings": {"skill", "benchmark", "loading", "lower", "upper"},
    "families": {"family", "base_family", "n_models", "effect", "lower", "upper", "compute_factor"},
    "own": {"base_family", "benchmark", "n_scores", "own", "sd", "lower", "upper"},
    "curves": {"benchmark", "floor", "ceiling", "middle", "per_decade_size", "interaction", "noise"},
}


@pytest.mark.parametrize("show", EXPECTED)
def test_skills_as_records_and_as_a_page(run, small_folder, show):
    rows = json.loads(run("skills", "--show", show, "--panel", small_folder, "--format", "json").out)
    assert EXPECTED[show] <= set(rows[0])
    page = run("skills", "--show", show, "--panel", small_folder, "--rotation", "varimax")
    assert page.code == 0
    assert "mmlu" in page.out or "alpha" in page.out


def test_plan_as_a_record_a_page_a_file_and_a_figure(run, small_folder, tmp_path):
    new = ["plan", "--flop", "1e23", "--basket", "mmlu=3,gsm8k", "--panel", small_folder]
    told = json.loads(run(*new, "--inference-tokens", "1T", "--format", "json").out)
    assert told["basket"] == {"mmlu": 0.75, "gsm8k": 0.25}
    assert [row["target"] for row in told["targets"]] == ["basket", "mmlu", "gsm8k"]
    for row in told["line"]:
        assert 6 * row["n_params"] * row["n_tokens"] + 2e12 * row["n_params"] == pytest.approx(1e23)
    figure, file = tmp_path / "plan.png", tmp_path / "plan.csv"
    page = run(*new, "--family", "alpha", "--rotation", "varimax", "--figure", figure, "--output", file)
    assert figure.stat().st_size > 10_000
    assert file.read_text().startswith("target,kind,n_params")
    assert "All known models of alpha saw 18T tokens" in page.out


def test_a_basket_of_domains_says_what_they_stand_for(run):
    ask = ["plan", "--flop", "1e24", "--basket", "math=1,code=1"]
    ran = run(*ask, "--view", "core")
    assert ran.code == 1
    assert "panel 'core' has no benchmark of the domain code; its domains: commonsense, instructions," in ran.err
    assert "Views with all that was named: ruan2024, ruan2024-pool," in ran.err
    assert ran.err.endswith("try --view ruan2024.\n")
    told = json.loads(run(*ask, "--view", "ruan2024-pool", "--format", "json").out)
    assert told["basket"] == {"gsm8k": 0.5, "humaneval": 0.5}
    assert told["domains"] == {"mathematics": ["gsm8k"], "code": ["humaneval"]}
    assert [row["target"] for row in told["targets"]] == ["basket", "gsm8k", "humaneval"]


def test_a_basket_that_the_usual_view_lacks_is_planned_on_the_nearest_that_has_it(run, small_folder):
    ask = ["plan", "--flop", "1e24", "--basket", "math=1,code=1"]
    ran = run(*ask)
    assert "Not every domain of the basket has a benchmark in view core; taking view ruan2024." in ran.err
    assert "view ruan2024, 148 models x 8 benchmarks" in ran.out
    assert "code: humaneval, weight 0.5" in ran.out
    table = run("skills", "--show", "families", "--basket", "code")
    assert "taking view ruan2024." in table.err
    assert "view ruan2024," in table.out
    own = run(*ask, "--panel", small_folder)
    assert own.code == 1
    assert "no benchmark of the domain code" in own.err
    nowhere = run("plan", "--flop", "1e24", "--basket", "writing=1,truth=1")
    assert nowhere.code == 1
    assert "none has all that was named" in nowhere.err


def test_tables_by_a_domain_too(run, small_folder):
    page = run("skills", "--show", "families", "--basket", "knowledge=3,math=1", "--panel", small_folder)
    assert "knowledge: mmlu, weight 0.75\nmathematics: gsm8k, weight 0.25\n" in page.out
    ran = run("capability", "--benchmarks", "math,hellaswag", "--components", "1", "--panel", small_folder)
    assert "mathematics: gsm8k.\n" in ran.err
    assert "22 models x 2 benchmarks" in ran.out


def test_reach_as_a_record_and_in_words(run, small_folder):
    new = ["reach", "--family", "alpha", "--benchmark", "mmlu", "--tokens", "18T", "--panel", small_folder]
    told = json.loads(run(*new, "--score", "0.6", "--format", "json").out)
    assert told["smallest"] < told["n_params"] < told["known_largest"]
    assert told["family"] == "alpha"
    assert "Reached at" in run(*new, "--score", "0.6").out
    never = run(*new, "--score", "0.9999").out
    assert "Not reached within" in never
    guessed = run(*new, "--score", "0.1").out
    assert "Reached by every size asked about: at " in guessed and "crosses" not in guessed
    assert json.loads(run(*new, "--score", "0.9999", "--format", "json").out)["upper"] is None


def test_onboard_forecasts_whom_it_was_not_told_of(run, small_folder, tmp_path):
    file, out = tmp_path / "mine.csv", tmp_path / "all.csv"
    file.write_text("model,score\nalpha-0.5b,0.2\nalpha-7b,0.5\nBeta-65B,0.45\nGamma-9B,0.4\n")
    new = ["onboard", "--scores", file, "--name", "mine", "--panel", small_folder]
    rows = json.loads(run(*new, "--format", "json").out)
    assert len(rows) == 18
    assert {row["benchmark"] for row in rows} == {"mine"}
    page = run(*new, "--output", out, "--score-floor", "0.1", "--items", "100")
    assert "mine: 18 models from the scores of 4" in page.out
    assert out.read_text().count("\n") == 19


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["skills", "--rotation", "none"], 2, "unrotated"),
        (["skills", "--basket", "mmlu"], 2, "--show families"),
        (["plan", "--flop", "1e15"], 1, "buys no model inside the data"),
        (["plan", "--flop", "1e23", "--basket", "mmul=1"], 1, "Did you mean 'mmlu'"),
        (["plan", "--flop", "1e23", "--variant", "tuned"], 2, "base or chat"),
        (["reach", "--benchmark", "mmlu", "--score", "70", "--tokens", "1T"], 1, "did you mean 0.7"),
        (["reach", "--benchmark", "mmul", "--score", "0.7", "--tokens", "1T"], 1, "Did you mean 'mmlu'"),
        (["reach", "--family", "alfa", "--benchmark", "mmlu", "--score", "0.7", "--tokens", "1T"], 1, "'alpha'"),
        (["onboard", "--scores", "nowhere.csv"], 1, "no such file"),
    ],
)
def test_what_makes_no_sense_is_refused(run, small_folder, arguments, code, words):
    ran = run(*arguments, "--panel", small_folder)
    assert ran.code == code
    assert words in ran.err


def test_a_plan_ends_with_the_command_that_forecasts_it(run, small_folder):
    ran = run("plan", "--flop", "1e23", "--family", "alpha", "--panel", small_folder)
    last = ran.out.strip().splitlines()[-1]
    assert "obslaws forecast --family alpha --params " in last and " --tokens " in last
    command = last.partition("obslaws ")[2].split()
    assert run(*command).code == 0  # from the same data, which the command names
    last = run("plan", "--flop", "1e23", "--variant", "chat", "--panel", small_folder).out.strip().splitlines()[-1]
    assert " --family NEW " in last and last.endswith(f"--variant chat --panel {small_folder}")
    told = json.loads(run("plan", "--flop", "1e23", "--panel", small_folder, "--format", "json").out)
    assert any("within half a point" in text for text in told["in_short"])
    assert "usual" in told["line"][0]


def test_an_unknown_model_is_told_with_its_row_and_what_to_do(run, small_folder, tmp_path):
    (tmp_path / "new.csv").write_text("model,score\nacme/Alpha-7B,0.4\nacme/Alfa-70B,0.6\n")
    ran = run("onboard", "--scores", tmp_path / "new.csv", "--panel", small_folder)
    assert ran.code == 1 and "new.csv, row 3: No model named 'acme/Alfa-70B'. Did you mean" in ran.err
    assert "let the model join with --add FOLDER" in ran.err


def test_more_benchmarks_than_there_are_is_said(run, small_folder):
    some, every = (run("select", "benchmarks", "--count", n, "--panel", small_folder).out for n in ("1", "9"))
    assert "These are all 3 that can be run. --count asked for 9." in every
    assert "These are all" not in some


def test_no_benchmarks_are_no_choice(run, small_folder):
    ran = run("select", "benchmarks", "--count", "0", "--panel", small_folder)
    assert (ran.code, ran.out) == (2, "") and "--count is 0; expected 1 or more" in ran.err


def test_diagnose_says_what_its_columns_mean(run, small_folder):
    ran = run("diagnose", "--panel", small_folder)
    for word in ("Trend: ", "Emergent: ", "Growth: ", "Shares, "):
        assert f"\n{word}" in ran.out


AT = ("--score", "0.5", "--tokens", "1T")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("forecast", "--family", "alpha", "--params", "7B", "--benchmarks", ","), "--benchmarks ',' is an empty list"),
        (("diagnose", "--benchmark", ""), "--benchmarks '' is an empty list"),
        (("diagnose", "--weakest-link", ","), "--weakest-link ',' is an empty list"),
        (("select", "benchmarks", "--targets", " , "), "--targets ' , ' is an empty list"),
        (("select", "models", "--budget", "3", "--require", ","), "--require ',' is an empty list"),
        (("reach", "--benchmarks", "mmlu,gsm8k", *AT), "names 2 benchmarks. Ask about one per call, e.g. 'mmlu'"),
        (("reach", "--benchmark", "knowledge", *AT), "is a domain, not a benchmark. Name one of its benchmarks: mmlu."),
        (("reach", "--benchmark", "mmlu", "--score", "1", *AT[2:]), "--score is 1; expected a fraction above 0"),
        (("plan", "--flop", "1e24", "--inference-tokens", "10"), "--inference-tokens is 10, without a unit: did you"),
        (("plan", "--flop", "1e24", "--inference-tokens", "1e18"), "1.0e24 FLOP is spent on inference alone: "),
        (("plan", "--flop", "1T"), "--flop: unknown unit 'T' in '1T'; expected training compute in FLOP, e.g. 1e24."),
        (("select", "models", "--budget", "3", "--max-params", "7"), "--max-params is 7, without a unit: did you mean"),
        (("forecast", "--family", "alpha", "--params", "7B", "--scores", ""), "scores: empty; expected a list such as"),
    ],
)  # fmt: skip
def test_lists_of_nothing_and_of_too_much_are_refused(run, small_folder, arguments, words):
    ran = run(*arguments, "--panel", small_folder)
    assert (ran.code, ran.out) == (1, "") and words in ran.err


def test_a_date_that_was_asked_about_is_told(run, small_folder):
    ask = ("reach", "--benchmark", "mmlu", *AT, "--panel", small_folder, "--forecaster", "size-tokens")
    assert "training tokens, released 2030-01-01\n" in run(*ask, "--date", "2030").out
    assert "released" not in run(*ask).out.splitlines()[0]
