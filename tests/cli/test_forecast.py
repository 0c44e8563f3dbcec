import io
import json
import os

import pandas as pd
import pytest

from obslaws.cli.forecast import _explain
from obslaws.cli.output import write_rows
from obslaws.errors import StorageError
from obslaws.query import query

KEYS = ["model", "family", "benchmark", "forecast", "lower", "upper", "level", "basis"]
MORE = ["given", "siblings", "data"]
NEW = ["forecast", "--family", "alpha", "--params", "22B", "--tokens", "18T", "--forecaster", "logit-ols"]


def test_json_is_the_contract(run, small_folder):
    ran = run(*NEW, "--panel", small_folder, "--format", "json")
    assert ran.code == 0
    rows = json.loads(ran.out)
    assert [list(row) for row in rows] == [KEYS + MORE] * 3
    assert [row["benchmark"] for row in rows] == ["mmlu", "gsm8k", "hellaswag"]
    for row in rows:
        assert 0 <= row["lower"] <= row["forecast"] <= row["upper"] <= 1
        assert row["level"] == 0.9
        assert row["model"] == "alpha-22B"
        assert row["basis"] == "family"
        assert row["given"] is None
        assert list(row["siblings"]) == ["acme/Alpha-14B", "acme/Alpha-32B"]
        assert "models released to 2024-09, 22 models x 3 benchmarks" in row["data"]
    assert "obslaws" in ran.err, "JSON keeps its caption on stderr"


def test_csv_holds_the_same_numbers_as_json(run, small_folder):
    rows = json.loads(run(*NEW, "--panel", small_folder, "--format", "json").out)
    frame = pd.read_csv(io.StringIO(run(*NEW, "--panel", small_folder, "--format", "csv").out))
    pd.testing.assert_frame_equal(frame[KEYS], pd.DataFrame(rows)[KEYS])
    siblings = pd.DataFrame([row["siblings"] for row in rows])
    pd.testing.assert_frame_equal(frame[list(siblings)], siblings)


def test_json_and_csv_tell_what_was_given(run, small_folder):
    ask = [*NEW, "--panel", small_folder, "--scores", "mmlu=0.7", "--benchmarks", "gsm8k,mmlu"]
    assert [row["given"] for row in json.loads(run(*ask, "--format", "json").out)] == [None, 0.7]
    assert pd.read_csv(io.StringIO(run(*ask, "--format", "csv").out))["given"].tolist()[1] == 0.7


def test_output_holds_the_rows_of_csv(run, small_folder, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("old")
    ran = run(*NEW, "--panel", small_folder, "--output", file)
    assert ran.out.splitlines()[-1] == f"Rows: {file}"
    assert file.read_text() == run(*NEW, "--panel", small_folder, "--format", "csv").out
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"


def test_output_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    file = tmp_path / "rows.csv"
    file.write_text("old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"rows.csv: not written: No space left on device\."):
        write_rows(pd.DataFrame({"a": [1]}), file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_table_stands_beside_the_nearest_members(run, small_folder):
    ran = run(*NEW, "--panel", small_folder)
    header = next(line for line in ran.out.splitlines() if line.startswith("benchmark"))
    assert header.split()[-3:] == ["Alpha-14B", "Alpha-32B", "basis"]
    assert "90 % interval" in header
    title = (
        "alpha-22B: 22B parameters, 18T training tokens, 2.4e24 FLOP, released 2024-09-19, as the newest of its family"
    )
    assert ran.out.splitlines()[0] == title
    assert "obslaws" in ran.out
    assert "Basis 'family': the law of family alpha, 6 of whose models are in the panel." in ran.out
    assert "Fitting logit-ols to 22 models" in ran.err


def test_sizes_read_alike_however_they_are_written(run, small_folder):
    for params, tokens in (("22e9", "18e12"), ("22b", "18t"), ("22000M", "18000B")):
        ran = run("forecast", "--family", "ALPHA", "--params", params, "--tokens", tokens, "--panel", small_folder,
                  "--forecaster", "logit-ols", "--format", "json")  # fmt: skip
        assert ran.out == run(*NEW, "--panel", small_folder, "--format", "json").out


def test_chat_finds_the_sibling_family(run, small_folder):
    rows = json.loads(run(*NEW, "--variant", "chat", "--panel", small_folder, "--format", "json").out)
    assert {row["family"] for row in rows} == {"alpha-chat"}


def test_like_takes_what_is_not_given(run, small_folder):
    ran = run("forecast", "--like", "Alpha-7B", "--params", "22B", "--panel", small_folder, "--format", "json",
              "--forecaster", "logit-ols")  # fmt: skip
    assert ran.out == run(*NEW, "--panel", small_folder, "--format", "json").out


def test_unknown_family_is_allowed_and_says_so(run, small_folder):
    new = [part if part != "alpha" else "alpah" for part in NEW]
    known = json.loads(run(*NEW, "--panel", small_folder, "--format", "json").out)
    ran = run(*new, "--panel", small_folder, "--format", "json")
    rows = json.loads(ran.out)
    assert ran.code == 0
    assert "Family 'alpah' is unknown. Did you mean 'alpha'" in ran.err
    assert "Its lab (--org) or a model that it is like (--like) tells `obslaws forecast` more." in ran.err
    assert {row["basis"] for row in rows} == {"pooled"}
    for one, other in zip(rows, known, strict=True):
        assert one["upper"] - one["lower"] > other["upper"] - other["lower"]


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("acme/alpha-7B", "'acme/alpha-7B' is a model of the panel, of family 'alpha', and not a family"),
        ("Beta-13B", "Name the family (--family beta)"),
        ("alpha,beta", "'alpha,beta' names 2 families. Ask about one family per call, e.g. 'alpha'."),
    ],
)
def test_a_model_or_a_list_is_not_taken_for_a_new_family(run, small_folder, tmp_path, family, words):
    register = ["register", "--model", "us/new", "--registry", tmp_path / "r", "--params", "7B", "--forecaster", "mean"]
    for command in (["forecast", "--params", "7B", "--forecaster", "mean"], register, ["plan", "--flop", "1e22"]):
        ran = run(*command, "--family", family, "--panel", small_folder)
        assert (ran.code, ran.out) == (1, "") and words in ran.err, command
    assert words in run("families", family, "--panel", small_folder).err


def test_spelling_of_a_benchmark_does_not_decide(run, small_folder):
    ask = [*NEW, "--panel", small_folder, "--format", "json"]
    ran = run(*ask, "--benchmarks", "GSM8k", "--scores", "MMLU=0.6")
    assert "is read as" not in ran.err
    said = run(*ask, "--benchmarks", "GSM-8k", "--scores", "MM-LU=0.6")
    assert "Note: Benchmark 'GSM-8k' is read as 'gsm8k'." in said.err
    assert "Note: Benchmark 'MM-LU' is read as 'mmlu'." in said.err
    assert said.out == ran.out == run(*ask, "--benchmarks", "gsm8k", "--scores", "mmlu=0.6").out
    assert "a second score on 'mmlu'" in run(*ask, "--scores", "MMLU=0.6,mmlu=0.6").err


def test_a_family_is_registered_as_new_only_where_that_is_said(run, small_folder, tmp_path):
    place = tmp_path / "r.jsonl"
    ask = ["register", "--model", "us/new", "--params", "7B", "--forecaster", "mean", "--registry", place, "--panel",
           small_folder]  # fmt: skip
    ran = run(*ask, "--family", "alhpa")
    assert ran.code == 1 and not place.exists()
    assert "--family 'alhpa': no such family in panel" in ran.err and "Did you mean 'alpha'" in ran.err
    assert "add --new-family if the family is new" in ran.err
    assert run(*ask, "--family", "omega", "--new-family").code == 0
    assert "knows the family 'beta'. Leave --new-family out" in run(*ask, "--family", "beta", "--new-family").err
    assert "leave out --new-family" in " ".join(
        run("register", "--model", "bee/Beta-65B", "--new-family", "--panel", small_folder).err.split()
    )


def test_other_spelling_is_the_same_family_and_said(run, small_folder):
    ask = [part if part != "alpha" else "Al.pha" for part in NEW]
    ran = run(*ask, "--panel", small_folder, "--format", "json")
    assert "Note: Family 'Al.pha' is read as 'alpha'." in ran.err
    assert ran.out == run(*NEW, "--panel", small_folder, "--format", "json").out


@pytest.mark.parametrize("tokens", [[], ["--tokens", "unknown"]])
def test_tokens_of_a_new_family_may_be_unknown(run, small_folder, tokens):
    ran = run("forecast", "--family", "omega", "--params", "7B", *tokens, "--panel", small_folder)
    assert ran.code == 0
    assert ran.out.startswith("omega-7B: 7B parameters, unknown training tokens, unknown compute, release date unknown")
    assert "Note: Training tokens of this 'omega' model are unknown: they are integrated out" in ran.err
    assert "nan" not in ran.out
    ask = ["forecast", "--family", "omega", "--params", "7B", *tokens, "--panel", small_folder, "--plot", "a.png"]
    ran = run(*ask)
    assert ran.code == 1 and "Error: --plot draws over training compute, unknown without tokens" in ran.err


@pytest.mark.parametrize(
    "command",
    [["select", "next"], ["register", "--model", "us/new", "--forecaster", "mean", "--new-family", "--registry"]],
)
def test_tokens_may_be_left_out_elsewhere(run, small_folder, tmp_path, command):
    place = [tmp_path / "registry"] if command[0] == "register" else []
    ran = run(*command, *place, "--family", "omega", "--params", "7B", "--panel", small_folder)
    assert ran.code == 0, ran.err
    assert "Note: Training tokens of this 'omega' model are unknown" in ran.err


def test_lab_of_a_new_family_is_told(run, small_folder):
    new = [part if part != "alpha" else "omega" for part in NEW]
    ran = run(*new, "--panel", small_folder, "--org", "ACME")
    assert "forecast as a new family: what is known of the lab 'acme'" in ran.err
    assert "No model of the panel is by 'acne': naming the lab changes nothing. Did you mean 'acme'?" in (
        run(*new, "--panel", small_folder, "--org", "acne").err
    )


def test_every_basis_has_its_words(small_panel):
    asked = query(small_panel, "alpha", 22e9)
    answer = pd.DataFrame({"basis": ["lab", "family"]})
    assert _explain(answer, small_panel, asked) == [
        "Basis 'lab': other series of the lab acme.",
        "Basis 'family': the law of family alpha, 6 of whose models are in the panel.",
    ]


def test_impossible_own_score_is_named(run, small_folder):
    ask = [*NEW[:-2], "--panel", small_folder]
    likely = {row["benchmark"]: round(row["forecast"], 2) for row in json.loads(run(*ask, "--format", "json").out)}
    given = f"mmlu=0.05,hellaswag={likely['hellaswag'] / 100:g},gsm8k={likely['gsm8k']}"
    ran = run(*ask, "--scores", given)
    notes = [line for line in ran.err.splitlines() if line.startswith("Note: ")]
    assert len(notes) == 2
    assert notes[0].startswith("Note: mmlu=0.05 lies outside ")
    assert "the 99.8 % interval" in notes[0] and "below 0.250, what guessing scores" in notes[0]
    assert notes[1].startswith("Note: hellaswag=0.00") and " lies outside " in notes[1]
    assert f"Did you mean {likely['hellaswag']:g}?" in notes[1]
    assert "Note: " not in run(*ask, "--scores", f"mmlu={likely['mmlu']}").err


def test_panel_too_small_for_a_law_says_so(run, tmp_path):
    (tmp_path / "models.csv").write_text("model,family,n_params,n_tokens\nus/a,tiny,1e9,1e12\nus/b,tiny,3e9,1e12\n")
    (tmp_path / "scores.csv").write_text("model,benchmark,score\nus/a,mmlu,0.3\nus/b,mmlu,0.4\n")
    ran = run("forecast", "--family", "tiny", "--params", "3B", "--panel", tmp_path)
    assert ran.code == 0
    assert (
        "Note: The panel holds 2 models of known size with scores, of 2 sizes: too few for a slope in size" in ran.err
    )
    assert "--add FOLDER in place of --panel FOLDER" in ran.err
    assert "the mean of family tiny" in ran.out and "the law of family" not in ran.out


def test_scores_come_as_a_list_or_a_file(run, small_folder, tmp_path):
    file = tmp_path / "given.csv"
    file.write_text("benchmark,score\nmmlu,0.71\ngsm8k,0.8\n")
    new = [*NEW[:-1], "model-mean", "--panel", small_folder, "--format", "json"]
    listed = run(*new, "--scores", "mmlu=0.71, gsm8k=0.8")
    assert listed.code == 0
    assert listed.out == run(*new, "--scores", file).out
    assert listed.out != run(*new).out


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (["alpha"], "and the law of its family."),
        (["alpha-2", "--like", "Alpha-7B"], "and other families of the series alpha."),
        (["omega", "--org", "acme"], "and other series of the lab acme."),
        (["omega"], "and all families of the panel together."),
    ],
)
def test_whose_law_stands_beside_own_scores_is_told(run, small_folder, who, words):
    told = ("--params", "7B", "--forecaster", "model-mean", "--panel", small_folder, "--scores", "mmlu=0.7")
    assert words in run("forecast", "--family", *who, *told).out


def test_level_and_benchmarks_are_respected(run, small_folder):
    narrow = json.loads(run(*NEW, "--panel", small_folder, "--format", "json", "--level", "0.5").out)
    wide = json.loads(run(*NEW, "--panel", small_folder, "--format", "json", "--benchmarks", "gsm8k,mmlu").out)
    assert [row["benchmark"] for row in wide] == ["gsm8k", "mmlu"]
    assert {row["level"] for row in narrow} == {0.5}
    assert narrow[0]["upper"] - narrow[0]["lower"] < wide[1]["upper"] - wide[1]["lower"]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot_writes_the_file_and_names_it_last(run, small_folder, tmp_path, ending):
    file = tmp_path / f"picture.{ending}"
    ran = run(*NEW, "--panel", small_folder, "--plot", file)
    assert ran.code == 0
    assert file.stat().st_size > 10_000
    assert ran.out.splitlines()[-1] == f"Figure: {file}"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--params", "-5"], r"--params is -5; expected a positive count such as 32e9, 32B"),
        (["--params", "32"], r"--params is 32, without a unit: did you mean 32B\?"),
        (["--tokens", "18"], r"--tokens is 18, without a unit: did you mean 18T\?"),
        (["--org", "bee"], r"Family 'alpha' is by 'acme' in the panel, not by 'bee'. Leave the organisation out"),
        (["--output", "rows.txt"], r"the name must end in .csv"),
        (["--params", "0"], r"--params is 0; expected a positive"),
        (["--params", "nan"], r"--params is nan; expected a positive"),
        (["--tokens", "inf"], r"--tokens is inf; expected a positive"),
        (["--tokens", "1500"], r"--tokens is 1500, without a unit: did you mean 1500B\?"),
        (["--params", "7000"], r"--params is 7000, without a unit: did you mean 7000M\?"),
        (["--tokens", "1,5T"], r"'1,5T' is not a number; .* Did you mean 1\.5T\?"),
        (["--params", "7 billion"], r"unknown suffix 'billion' .* Did you mean 7B\?"),
        (["--tokens", "18X"], r"unknown suffix 'X' in '18X'"),
        (["--params", "big"], r"--params: 'big' is not a number"),
        (
            ["--scores", "mmlu=73"],
            r"mmlu is 73; expected a fraction in \[0, 1\]. Scores are fractions: did you mean 0.73",
        ),
        (["--scores", "mmlu=73%"], r"'73%' is not a number; expected a fraction .* Did you mean 0.73\?"),
        (["--scores", "mmlu=nan"], r"mmlu is nan; expected a fraction"),
        (["--scores", "mmlu=high"], r"'high' is not a number"),
        (["--scores", "mmul=0.7"], r"No benchmark named 'mmul'. Did you mean 'mmlu'"),
        (["--scores", "mmlu"], r"neither a list such as mmlu=0.71,gsm8k=0.8 nor a file"),
        (["--scores", "mmlu=0.7,mmlu=0.8"], r"a second score on 'mmlu'"),
        (["--benchmarks", "helaswag"], r"No benchmark or domain named 'helaswag'. Did you mean 'hellaswag'"),
        (["--level", "90"], r"level is 90; .* Did you mean 0.9"),
        (["--like", "Alpha-8B"], r"No model named 'Alpha-8B'. Did you mean"),
        (["--forecaster", "skil"], r"No forecaster named 'skil'. Did you mean 'skill'"),
        (["--date", "soon"], r"'soon' is no date; expected e.g. 2025-01-31"),
        (["--active-params", "70B"], r"more than n_params"),
        (["--plot", "picture.bmp"], r"the name must end in .png, .svg, .pdf"),
        (["--plot", "nowhere/picture.png"], r"there is no folder 'nowhere'"),
        (["--panel", "nowhere"], r"panel 'nowhere': no such folder"),
    ],
)
def test_bad_input_is_one_line_with_its_cure(run, small_folder, changed, words):
    panel = [] if "--panel" in changed else ["--panel", small_folder]
    ran = run(*NEW, *panel, *changed)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("Error: ")
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(ran.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["forecast", "--params", "7B"],
        ["forecast", "--family", "alpha"],
        ["forecast", "--family", "alpha", "--params", "7B", "--variant", "instruct"],
        ["forecast", "--family", "alpha", "--params", "7B", "--format", "xml"],
        ["forecast", "--family", "alpha", "--params", "7B", "--tasks", "rules.csv"],
        ["forecast", "--nonsense"],
        ["predict"],
    ],
)
def test_usage_is_exit_code_two(run, arguments):
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("scores", "model,benchmark\nacme/a,mmlu\n", "scores.csv: column 'score' is missing"),
        ("scores", "model,benchmark,score\nacme/a,mmlu,good\n", "scores.csv, row 2, column 'score': found 'good'"),
        ("scores", "model,benchmark,score\nacme/a,mmlu,73\n", "found 73, expected"),
        ("scores", "model,benchmark,score\nacme/a,mmlu,inf\n", "scores.csv, row 2, column 'score'"),
        ("scores", "model,benchmark,score\nacme/a,mmlu,0.7\nacme/a,mmlu,0.7\n", "duplicate key"),
        ("scores", "model,benchmark,score\n", "scores.csv: no rows"),
        ("scores", 'model,benchmark,score\nacme/a,mmlu,"0,7"\n', "found '0,7', expected a number. Write 0.5, not 0,5."),
        ("scores", "", "scores.csv: empty file"),
        ("models", "", "models.csv: empty file"),
        ("models", "model;family\nacme/a;a\n", "models.csv: semicolons stand between the columns"),
        ("models", "model,family,n_params\nacme/a,a,-7\n", "models.csv, row 2, column 'n_params': found -7"),
    ],
)
def test_bad_tables_name_file_row_column_and_cure(run, tmp_path, table, text, words):
    (tmp_path / "models.csv").write_text("model,family,n_params,n_tokens\nacme/a,a,7e9,1e12\n")
    (tmp_path / "scores.csv").write_text("model,benchmark,score\nacme/a,mmlu,0.7\n")
    (tmp_path / "benchmarks.csv").write_text("benchmark\nmmlu\n")
    (tmp_path / f"{table}.csv").write_text(text)
    ran = run(
        "forecast", "--family", "a", "--params", "7B", "--tokens", "1T", "--panel", tmp_path, "--forecaster", "mean"
    )
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_one_family_one_benchmark_one_model_still_answers(run, tmp_path):
    (tmp_path / "models.csv").write_text("model,family,n_params,n_tokens\nacme/a,a,7e9,1e12\n")
    (tmp_path / "scores.csv").write_text("model,benchmark,score\nacme/a,mmlu,0.7\n")
    ran = run(
        "forecast", "--family", "a", "--params", "14B", "--panel", tmp_path, "--forecaster", "mean", "--format", "json"
    )
    assert ran.code == 0
    assert json.loads(ran.out)[0]["forecast"] == pytest.approx(0.7)


@pytest.fixture
def own_folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "models.csv").write_text("model,family,n_params,n_tokens\nus/a,tiny,1e9,1e12\nus/b,tiny,3e9,1e12\n")
    (folder / "scores.csv").write_text("model,benchmark,score\nus/a,mmlu,0.3\nus/b,mmlu,0.4\nus/b,inhouse,0.4\n")
    return folder


def test_own_models_join_those_of_the_panel(run, small_folder, own_folder):
    ask = ["forecast", "--family", "tiny", "--params", "7B", "--tokens", "1T", "--panel", small_folder,
           "--forecaster", "logit-ols"]  # fmt: skip
    ran = run(*ask, "--add", own_folder)
    assert ran.code == 0
    assert "unknown" not in ran.err, "the family is known now"
    assert "and 2 models of folder mine, 24 models x 4 benchmarks" in ran.out
    header = next(line for line in ran.out.splitlines() if line.startswith("benchmark"))
    assert header.split()[-3:] == ["a", "b", "basis"]
    assert run(*ask, "--add", small_folder).err == (
        f"Error: panel {small_folder.name!r}: model 'acme/Alpha-0.5B' is also in {small_folder.name!r}. "
        "Take it out of models and scores, or give your own model another name.\n"
    )
    assert "Error: --add 'nowhere': no such folder" in run(*ask, "--add", "nowhere").err


@pytest.mark.parametrize(
    "command",
    [
        ["families"],
        ["reach", "--benchmark", "mmlu", "--score", "0.5", "--tokens", "1T", "--forecaster", "logit-ols"],
        ["select", "models", "--budget", "2", "--components", "1"],
        ["audit", "--benchmarks", "mmlu,gsm8k"],
        ["capability", "--components", "1"],
        ["efficiency", "--components", "1", "--by", "model"],
        ["backtest", "--protocol", "leave-family-out", "--observed", "1", "--forecaster", "mean"],
    ],
)
def test_other_commands_take_own_models_too(run, small_folder, own_folder, command):
    ran = run(*command, "--panel", small_folder, "--add", own_folder)
    assert ran.code == 0, ran.err
    assert "and 2 models of folder mine" in ran.out


def test_an_audit_tells_every_score_of_own_models(run, small_folder, own_folder):
    audit = ["audit", "--panel", small_folder, "--add", own_folder, "--format", "json"]
    rows = json.loads(run(*audit).out)
    scores = {(row["model"], row["benchmark"]): row["score"] for row in rows if row["kind"] == "score"}
    assert scores == {("us/a", "mmlu"): 0.3, ("us/b", "mmlu"): 0.4, ("us/b", "inhouse"): 0.4}
    assert {row["model"] for row in rows if row["kind"] == "model"} <= {"us/a", "us/b"}
    assert all((row["reason"] == "as expected") == (row["p"] > 0.05) for row in rows)
    assert len(json.loads(run(*audit, "--top", "2").out)) == 2


def test_own_models_stand_below_those_with_most_capability(run, small_folder, own_folder):
    ran = run("capability", "--panel", small_folder, "--add", own_folder, "--components", "1")
    own = ran.out.partition("Your own models\n")[2]
    assert [line.split()[0] for line in own.splitlines()[3:]] == ["us/a", "us/b"]
    ran = run("efficiency", "--panel", small_folder, "--add", own_folder, "--components", "1", "--by", "model")
    assert "us/a" in ran.out and "The 20 of 24 models with most capability_1, and your own" in ran.out


def test_a_backtest_tells_how_own_models_are_forecast(run, small_folder, own_folder):
    ask = ["backtest", "--protocol", "leave-family-out", "--forecaster", "mean", "--panel", small_folder,
           "--add", own_folder]  # fmt: skip
    told = json.loads(run(*ask, "--observed", "1", "--format", "json").out)
    assert (told["own"]["n_models"], told["own"]["n_cells"]) == (1, told["per_group"]["tiny"]["n_cells"])
    assert told["own"]["mae"] == pytest.approx(told["per_group"]["tiny"]["mae"])
    page = run(*ask, "--observed", "3").out
    assert "Your own models" in page and "The protocol asks about none of them; they train." in page


def test_own_models_predict_an_own_target(run, small_folder, own_folder, tmp_path):
    models = pd.read_csv(small_folder / "models.csv")["model"]
    rows = [f"{model},{0.2 + 0.02 * at:.2f}" for at, model in enumerate([*models, "us/a", "us/b"])]
    (tmp_path / "target.csv").write_text("\n".join(["model,mine", *rows]))
    ask = ["observe", "--target", tmp_path / "target.csv", "--test-families", "tiny", "--predictor", "mmlu",
           "--panel", small_folder, "--add", own_folder]  # fmt: skip
    told = json.loads(run(*ask, "--predictions", "--format", "json").out)
    assert told["n_matched"] == 24
    held = [row["model"] for row in told["columns"][0]["predictions"] if row["part"] == "test"]
    assert held == ["us/a", "us/b"]


def test_other_exceptions_keep_their_traceback(run, small_folder, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("obslaws.query.query", broken)
    with pytest.raises(ZeroDivisionError):
        run(*NEW, "--panel", small_folder)
