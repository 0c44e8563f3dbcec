"""The other commands, and what holds for all of them."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest

from obslaws.forecasters import FORECASTERS
from obslaws.protocols import protocol_names

HEAVY = ("statsmodels", "seaborn", "sklearn", "scipy.optimize", "matplotlib", "pandas")
COMMANDS = (
    ["forecast"],
    ["backtest"],
    ["snapshot"],
    ["snapshot", "info"],
    ["snapshot", "list"],
    ["snapshot", "show"],
    ["snapshot", "diff"],
    ["snapshot", "validate"],
    ["snapshot", "export"],
    ["refresh"],
    ["families"],
    ["explore"],
    ["skills"],
    ["plan"],
    ["reach"],
    ["onboard"],
    ["import"],
    ["capability"],
    ["efficiency"],
    ["select"],
    ["select", "models"],
    ["laws"],
    *(["laws", name] for name in ("list", "show", "evaluate", "fit", "compare", "reproduce", "board")),
    *(["laws", "board", name] for name in ("density", "performance", "compute", "efficiency", "crossover")),
    ["diagnose"],
    ["pass-at-k"],
    ["report"],
    ["report", "family"],
    ["report", "model"],
    ["report", "benchmark"],
    ["report", "snapshot"],
    ["select", "benchmarks"],
    ["select", "next"],
    ["scoreboard"],
    ["audit"],
    ["register"],
    ["resolve"],
    ["registry"],
    ["registry", "list"],
    ["registry", "verify"],
)
GROUPS = (["snapshot"], ["select"], ["registry"], ["report"], ["laws"], ["laws", "board"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(run, command):
    ran = run(*command, "--help")
    assert ran.code == 0
    assert "Usage" in ran.out
    if command not in GROUPS:
        assert f"Example: obslaws {' '.join(command)}" in " ".join(ran.out.replace("│", " ").split())


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from obslaws.cli.app import app
for arguments in (["--help"], ["forecast", "--help"], ["backtest", "--help"], ["snapshot", "-h"], ["families", "-h"],
                  ["capability", "-h"], ["efficiency", "-h"], ["select", "models", "-h"],
                  ["explore", "-h"], ["report", "family", "-h"]):
    try:
        app(arguments)
    except SystemExit:
        pass
found = [m for m in {HEAVY!r} if m in sys.modules]
sys.exit(f"imported by --help: {{found}}" if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_version_and_module_entry():
    done = subprocess.run([sys.executable, "-m", "obslaws", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("obslaws ")


def test_errors_of_the_process_go_to_stderr(small_folder):
    command = [sys.executable, "-m", "obslaws", "families", "gama", "--panel", str(small_folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No family named 'gama'. Did you mean 'gamma'" in done.stderr
    assert "Traceback" not in done.stderr


def test_families_counts_every_model(run, small_folder):
    rows = json.loads(run("families", "--panel", small_folder, "--format", "json").out)
    assert sum(row["n_models"] for row in rows) == 22
    assert rows[0]["family"] == "alpha"
    assert "alpha-chat" in run("families", "--panel", small_folder).out


def test_family_lists_its_members_smallest_first(run, small_folder):
    rows = json.loads(run("families", "Beta", "--panel", small_folder, "--format", "json").out)
    assert [row["model"] for row in rows] == ["bee/Beta-1B", "bee/Beta-7B", "bee/Beta-13B", "bee/Beta-65B"]
    assert rows[-1]["gsm8k"] is None
    assert rows[0]["release_date"] == "2024-09-19"


def test_backtest_gives_one_summary_or_a_list(run, small_folder):
    new = ["backtest", "--protocol", "leave-family-out", "--panel", small_folder, "--format", "json"]
    one = json.loads(run(*new, "--forecaster", "logit-ols").out)
    many = json.loads(run(*new, "--forecaster", "logit-ols,mean", "--benchmarks", "mmlu").out)
    keys = {"protocol", "forecaster", "n_models", "n_cells", "mae", "mae_groups", "medae", "rmse", "bias", "coverage",
            "width", "seconds", "per_benchmark", "per_group"}  # fmt: skip
    assert keys <= set(one)
    assert [s["forecaster"] for s in many] == ["logit-ols", "mean"]
    assert list(many[0]["per_benchmark"]) == ["mmlu"]
    assert set(one["per_benchmark"]) == {"mmlu", "gsm8k", "hellaswag"}


def test_backtest_table_shows_a_row_per_forecaster(run, small_folder):
    ran = run("backtest", "--protocol", "leave-family-out", "--panel", small_folder, "--forecaster", "mean,compute")
    lines = [line.split()[0] for line in ran.out.splitlines() if line.strip()]
    assert {"mean", "compute", "mmlu", "gsm8k"} <= set(lines)
    assert "No model can tell" in ran.out
    for column in ("mae", "mae_groups", "medae", "bias", "width", "crps", "R2", "within 3", "decisions", "Abstained"):
        assert re.search(rf"\b{column}( and medae)?[,:] ", ran.out), f"{column} is explained"
    assert "two sources" not in ran.out  # measured on the snapshot, not on a panel of one's own
    assert "Backtest leave-family-out, mean" in ran.err


def test_backtest_hides_the_cells_of_a_file(run, small_folder, tmp_path):
    file = tmp_path / "cells.csv"
    file.write_text("fold,model,benchmark\na,bee/Beta-7B,mmlu\na,bee/Beta-7B,gsm8k\nb,gang/Gamma-2B,mmlu\n")
    new = ["backtest", "--protocol", "cells", "--cells", file, "--panel", small_folder, "--forecaster", "mean"]
    told = json.loads(run(*new, "--format", "json").out)
    assert (told["n_cells"], told["n_models"]) == (3, 2)
    assert set(told["per_group"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--protocol", "leave-familiy-out"], "Did you mean 'leave-family-out'"),
        (["--protocol", "leave-family-out", "--forecaster", "mean,avarage"], "No forecaster named 'avarage'"),
        (["--protocol", "cells", "--cells", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--protocol", "leave-family-out", "--observed", "-1"], "observed is -1"),
        (["--protocol", "leave-family-out", "--level", "90"], "Did you mean 0.9"),
        (["--protocol", "leave-family-out", "--jobs", "0"], "jobs is 0"),
        (["--protocol", "leave-family-out", "--forecaster", ","], "--forecaster ',' names none; expected names"),
        (["--protocol", "cells"], "needs a table of cells: --cells FILE, a CSV with columns fold, model, benchmark"),
        (["--protocol", "sloth-v1-1"], "'sloth-v1-1' belongs to view 'sloth': of the families that it names, panel"),
        (["--protocol", "epoch-cells"], "belongs to view 'epoch-2025-11': of the models that it names"),
        (["--protocol", "ruan2024-agents"], "belongs to view 'ruan2024-instruct' and cannot be run on panel"),
        (["--protocol", "leave-family-out", "--benchmarks", ","], "--benchmarks ',' is an empty list"),
        (["--protocol", "leave-family-out", "--benchmark", "mmul"], "Did you mean 'mmlu'"),
        (["--protocol", "ruan2024-emergent"], "belongs to view 'ruan2024': of the families that it names"),
    ],
)
def test_backtest_refuses_what_makes_no_sense(run, small_folder, arguments, words):
    ran = run("backtest", *arguments, "--panel", small_folder)
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


def test_a_protocol_on_another_view_than_its_own_names_its_own(run):
    ran = run("backtest", "--protocol", "sloth-v1-1", "--view", "core", "--forecaster", "mean")
    assert ran.code == 1
    assert "belongs to view 'sloth'" in ran.err and "Leave out --panel and --view" in ran.err
    ran = run("backtest", "--protocol", "ruan2024-agents", "--view", "core", "--forecaster", "mean")
    assert ran.code == 1
    assert "belongs to view 'ruan2024-instruct' and cannot be run on panel 'core': The split" in ran.err


def test_backtest_lists_protocols_and_forecasters(run):
    ran = run("backtest", "--list")
    names = {line.split()[0] for line in ran.out.splitlines() if line.strip()}
    assert ran.code == 0 and {*protocol_names(), *FORECASTERS} <= names
    assert "--list" in run("backtest", "--help").out
    told = json.loads(run("backtest", "--format", "json", "--list").out)
    assert [one["protocol"] for one in told["protocols"]] == protocol_names()
    assert [one["forecaster"] for one in told["forecasters"]] == list(FORECASTERS)
    assert all(one["view"] and one["title"] for one in told["protocols"])
    ran = run("backtest")
    assert ran.code == 2 and "--protocol: none given. What is hidden" in " ".join(ran.err.replace("│", " ").split())


def test_own_panel_and_view_exclude_each_other(run, small_folder):
    assert run("families", "--panel", small_folder, "--view", "core").code == 2


def test_snapshot_info_names_every_source_with_its_licence(run):
    rows = json.loads(run("snapshot", "info", "--format", "json").out)
    assert {"open-llm-v1", "open-llm-v2"} <= {row["source"] for row in rows}
    assert all(row["licence"] for row in rows)
    assert run("snapshot", "info").out.startswith("snapshot 20")


def test_snapshot_list_names_snapshots_and_views(run):
    rows = json.loads(run("snapshot", "list", "--format", "json").out)
    assert {row["kind"] for row in rows} == {"snapshot", "view"}
    assert "core" in {row["name"] for row in rows}


def test_snapshot_show_tells_value_basis_and_source(run):
    told = json.loads(run("snapshot", "show", "qwen2.5-7b", "--format", "json").out)
    assert told["model"] == "Qwen/Qwen2.5-7B"
    assert told["attributes"]["n_tokens"]["value"] == 18e12
    assert told["attributes"]["n_tokens"]["source"]
    assert {claim["source"] for claim in told["claims"]} >= {"epoch"}
    assert pd.DataFrame(told["scores"])["score"].between(0, 1).all()
    assert "What holds" in run("snapshot", "show", "Qwen/Qwen2.5-7B").out


def test_snapshot_show_offers_the_nearest_model(run):
    ran = run("snapshot", "show", "Qwen/Qwen2.5-8B")
    assert ran.code == 1
    assert "Did you mean" in ran.err


def test_members_carry_the_source_of_size_and_tokens(run):
    rows = json.loads(run("families", "qwen2.5", "--format", "json").out)
    assert all(row["n_tokens_source"] for row in rows)
    assert {row["n_tokens"] for row in rows} == {18e12}


def test_an_unknown_choice_is_named_with_those_that_are_known(run):
    asked = [one for one in COMMANDS if one not in GROUPS and "--format" in run(*one, "--help").out]
    assert len(asked) > 30
    for command in asked:
        ran = run(*command, "--format", "csvv")
        told = " ".join(ran.err.replace("│", " ").split())
        assert (ran.code, ran.out) == (2, ""), command
        assert re.search(r"Invalid value for '--format': 'csvv' is not one of '\w+', '\w+'", told), command
        assert ("Did you mean 'csv'?" in told) == ("'csv'" in told.partition("one of")[2].partition(".")[0]), command
        assert "Value error" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("forecast", "--level", "ninety"), "'--level': 'ninety' is not a number"),
        (("forecast", "--level", "90%"), r"'--level': '90%' is not a number. Did you mean 0.9?"),
        (("select", "benchmarks", "--count", "3.5"), "'--count': '3.5' is not a whole number"),
        (("skills", "--rotation", "varimx"), "'varimx' is not one of 'none', 'varimax'"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(run, arguments, words):
    ran = run(*arguments)
    told = " ".join(ran.err.replace("│", " ").split())
    assert (ran.code, ran.out) == (2, "") and words in told and "Input should be" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--format json forecast", "No such option: --format. Options stand behind the command: obslaws forecast --f"),
        ("--format json", "Options stand behind the command: obslaws COMMAND --format"),
        ("--bogus forecast", "Neither obslaws nor forecast has it; see obslaws forecast -h"),
        ("--view core report family x", "Options stand behind the command: obslaws report --view"),
        ("report --view core family x", "Options stand behind the command: obslaws report family --view"),
        ("forecast qwen2.5 --params 7B", "'qwen2.5' has no place in obslaws forecast, which takes options only. "
         "Name it by an option: obslaws forecast --family qwen2.5"),
        ("families a b", "'b' has no place in obslaws families, which takes NAME and options. Options begin with --"),
        ("families --family a", "No such option: --family. It is written obslaws families NAME. See"),
        ("forecast --model x", "No such option: --model. See obslaws forecast -h."),
        ("forecast --benchmarks mmlu --family x --benchmark=arc",
         "--benchmark stands twice, with 'mmlu' and 'arc'. Give it once: --benchmark mmlu,arc."),
        ("snapshot foo", "No such command: obslaws snapshot foo. Commands of obslaws snapshot: diff, export, info"),
        ("snapshot shwo", "No such command: obslaws snapshot shwo. Did you mean 'show'?"),
        ("verify", "No such command: obslaws verify. It is written obslaws registry verify."),
        ("forecast --familly x", "No such option: --familly. Did you mean '--family'?"),
    ],
)  # fmt: skip
def test_what_stands_in_the_wrong_place_is_told_its_own(run, arguments, words):
    ran = run(*arguments.split())
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_a_coverage_has_an_interval_where_several_families_speak(run):
    options = ("backtest", "--protocol", "date-cutoff", "--forecaster", "size-tokens", "--cutoff")
    one, many = (run(*options, day).out.split("Scores inside")[1] for day in ("2025-03-05", "2024-12-01"))
    assert " to " not in one.split("Per benchmark")[0] and "nan" not in one
    assert re.search(r"0\.\d{3} \(0\.\d\d to [01]\.\d\d\)", many)


def test_a_missing_option_says_what_it_is_for(run):
    done = run("observe")
    assert done.code == 2
    told = " ".join(done.err.replace("│", " ").split())
    assert "Missing option '--target'. CSV with a column model and one per target" in told
