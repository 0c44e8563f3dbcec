import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import SchemaError, UsageError
from obslaws.panel import Panel
from obslaws.registry.chain import read_chain
from obslaws.registry.register import SHARES, panel_digest, register
from obslaws.registry.resolve import add_up, read_scores, resolve

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def registered(tmp_path, small_panel):
    path = tmp_path / "registry.jsonl"
    register(
        path, small_panel, small_panel.models.loc[["bee/Beta-65B", "dada/Delta-0.16B"]], forecaster="mean", now=NOW
    )
    return path


def test_a_line_says_who_what_when_and_from_what(registered, small_panel):
    first, second = read_chain(registered)
    assert (first["model"], first["benchmark"]) == ("bee/Beta-65B", "gsm8k")
    assert (second["model"], second["benchmark"]) == ("dada/Delta-0.16B", "mmlu")
    assert first["registered"] == "2026-11-22T12:00:00+00:00"
    assert first["panel"] == panel_digest(small_panel)
    assert first["forecaster"] == "mean"
    values = [first["quantiles"][f"{share:g}"] for share in SHARES]
    assert values == sorted(values) and 0 <= values[0] < values[-1] <= 1


def test_what_is_known_is_not_forecast(tmp_path, small_panel):
    with pytest.raises(UsageError, match="Nothing to register"):
        register(tmp_path / "r.jsonl", small_panel, small_panel.models.head(1), forecaster="mean")
    model = small_panel.models.loc[["bee/Beta-65B"]]
    with pytest.raises(UsageError, match="Nothing to register"):
        known = pd.DataFrame({"gsm8k": [0.5]}, index=model.index)
        register(tmp_path / "r.jsonl", small_panel, model, known, forecaster="mean")
    assert not (tmp_path / "r.jsonl").exists()


def test_the_digest_is_that_of_the_data(small_panel):
    scores = small_panel.scores.copy()
    scores.iloc[0, 0] += 1e-9
    other = Panel("other", small_panel.models, scores, small_panel.benchmarks)
    same = Panel("name", small_panel.models.copy(), small_panel.scores.copy(), small_panel.benchmarks)
    assert panel_digest(small_panel) == panel_digest(same) != panel_digest(other)


def test_scores_that_came_are_put_beside(registered):
    records = read_chain(registered)
    came = pd.DataFrame([("BEE/Beta-65B", "gsm8k", 0.4), ("x/y", "mmlu", 0.1)], columns=["model", "benchmark", "score"])
    table = resolve(records, came)
    assert table["score"].tolist()[0] == 0.4 and np.isnan(table["score"].tolist()[1])
    assert table["inside"].tolist()[0] == (table["lower"][0] <= 0.4 <= table["upper"][0])
    total = add_up(table)
    assert (total["n_forecasts"], total["n_resolved"]) == (2, 1)
    assert total["mae"] == pytest.approx(100 * abs(table["forecast"][0] - 0.4))
    assert set(total["coverage"]) == {"0.8", "0.9", "0.95"}
    assert add_up(resolve(records)) == {"n_forecasts": 2, "n_resolved": 0, "n_repeats": 0}
    assert add_up(resolve([])) == {"n_forecasts": 0, "n_resolved": 0, "n_repeats": 0}


def test_a_forecast_registered_twice_counts_once(registered, small_panel):
    model = small_panel.models.loc[["bee/Beta-65B"]]
    register(registered, small_panel, model, forecaster="mean", now=NOW)
    register(registered, small_panel, model, forecaster="logit-ols", now=NOW)
    records = read_chain(registered)
    came = pd.DataFrame([("bee/Beta-65B", "gsm8k", 0.4)], columns=["model", "benchmark", "score"])
    table = resolve(records, came)
    assert table["repeat"].tolist() == [False, False, True, False]
    total = add_up(table)
    assert (total["n_forecasts"], total["n_resolved"], total["n_repeats"]) == (3, 2, 1)
    assert total["mae"] == pytest.approx(100 * (table["forecast"].iloc[[0, 3]] - 0.4).abs().mean())
    # the first line counts, whatever a later one says
    later = [*records[:2], {**records[2], "quantiles": {share: 0.9 for share in records[2]["quantiles"]}}]
    assert add_up(resolve(later, came))["mae"] == add_up(resolve(records[:2], came))["mae"]


def test_a_newer_panel_resolves_and_the_same_data_do_not(registered, small_panel):
    records = read_chain(registered)
    scores = small_panel.scores.copy()
    scores.loc["bee/Beta-65B", "gsm8k"] = 0.5
    newer = Panel("small", small_panel.models, scores, small_panel.benchmarks, {"hash": "new"})
    assert resolve(records, panel_of=lambda view: newer)["score"].tolist()[0] == 0.5
    same = Panel("small", small_panel.models, scores, small_panel.benchmarks)
    assert resolve(records, panel_of=lambda view: same)["score"].isna().all()


def test_bad_tables_are_named(tmp_path):
    path = tmp_path / "scores.csv"
    for text, words in (
        ("model,score\na,0.1\n", "no column 'benchmark'"),
        (
            "model,benchmark,score\na,mmlu,71\n",
            r"row 2: score is 71; expected a fraction such as 0.71. Did you mean 0.71\?",
        ),
        ("model,benchmark,score\na,mmlu,80\n", r"row 2: score is 80; .* Did you mean 0.8\?"),
        ("model,benchmark,score\na,mmlu,high\n", r"row 2: score is 'high'; expected a fraction such as 0.71\.$"),
        ("model,benchmark,score\na,mmlu,-3\n", r"row 2: score is -3; expected a fraction such as 0.71\.$"),
        ("model,benchmark,score\na,mmlu,0.1\na,mmlu,0.2\n", "row 3: a second score"),
    ):
        path.write_text(text)
        with pytest.raises(SchemaError, match=words):
            read_scores(path)
    with pytest.raises(SchemaError, match="no such file"):
        read_scores(tmp_path / "none.csv")


def test_the_commands(run, small_folder, tmp_path):
    at = ("--registry", tmp_path / "r.jsonl")
    asked = ("--panel", small_folder, "--forecaster", "logit-ols", "--format", "json", *at)
    done = run("register", "--model", "bee/Beta-65B", *asked)
    assert done.code == 0 and json.loads(done.out)[0]["benchmark"] == "gsm8k"
    done = run(
        "register", "--model", "acme/Alpha-22B", "--family", "alpha", "--params", "22B", "--tokens", "18T",
        "--scores", "mmlu=0.8", *asked,
    )  # fmt: skip
    assert [line["benchmark"] for line in json.loads(done.out)] == ["gsm8k", "hellaswag"]
    assert run("register", "--model", "acme/None", *asked).code == 2
    done = run("register", "--model", "bee/Beta-65B", "--params", "7B", "--date", "2025-01-31", *asked)
    assert (done.code, done.out) == (2, "") and "leave out --params, --date" in " ".join(done.err.split())
    seal = json.loads(run("registry", "verify", "--format", "json", *at).out)["seal"]
    assert "3 lines, chain whole" in run("registry", "verify", "--head", seal, *at).out
    (tmp_path / "came.csv").write_text("model,benchmark,score\nacme/Alpha-22B,gsm8k,0.5\n")
    done = run("resolve", "--scores", tmp_path / "came.csv", *at)
    assert done.out.startswith("1 of 3 registered forecasts have a score") and "Error " in done.out
    told = json.loads(run("resolve", "--scores", tmp_path / "came.csv", "--format", "json", *at).out)
    assert told["n_resolved"] == 1 and [f["score"] for f in told["forecasts"]] == [None, 0.5, None]
    text = (tmp_path / "r.jsonl").read_text().replace("Alpha-22B", "Alpha-23B", 1)
    (tmp_path / "r.jsonl").write_text(text)
    done = run("registry", "verify", *at)
    assert done.code == 1 and "line 2: its content does not fit its seal" in done.err


def test_the_list_of_forecasts(run, registered, tmp_path):
    at = ("--registry", registered)
    (tmp_path / "came.csv").write_text("model,benchmark,score\nbee/Beta-65B,gsm8k,0.5\n")
    came = ("--scores", tmp_path / "came.csv")
    told = json.loads(run("registry", "list", *at, *came, "--format", "json").out)
    assert [(one["model"], one["benchmark"], one["resolved"]) for one in told] == [
        ("bee/Beta-65B", "gsm8k", True), ("dada/Delta-0.16B", "mmlu", False),
    ]  # fmt: skip
    assert all(one["lower"] <= one["forecast"] <= one["upper"] for one in told)
    assert run("registry", "list", *at, *came, "--format", "csv").out.startswith("line,registered,forecaster,model")
    done = run("registry", "list", *at)
    assert "2 forecasts, 0 with a score" in done.out and "2026-11-22" in done.out
    assert ": no view of the snapshot, so its forecasts have no score" in done.err
    assert run("registry", "list", "--registry", tmp_path / "none.jsonl").code == 1


def test_repeats_are_told(run, registered, small_panel, tmp_path):
    register(registered, small_panel, small_panel.models.loc[["bee/Beta-65B"]], forecaster="mean", now=NOW)
    (tmp_path / "came.csv").write_text("model,benchmark,score\nbee/Beta-65B,gsm8k,0.5\n")
    common = ("--registry", registered, "--scores", tmp_path / "came.csv")
    done = run("resolve", *common)
    assert done.out.startswith("1 of 2 registered forecasts have a score\n1 more is a repeat")
    assert done.out.count("bee/Beta-65B") == 1
    assert "yes, repeat" in run("registry", "list", *common).out


def test_the_forecast_on_record_is_the_one_that_forecast_prints(run, small_folder, tmp_path):
    asked = ("--family", "alpha", "--params", "22B", "--tokens", "18T", "--panel", small_folder, "--format", "json")
    printed = {one["benchmark"]: one["forecast"] for one in json.loads(run("forecast", *asked).out)}
    place = ("--registry", tmp_path / "r.jsonl")
    lines = json.loads(run("register", "--model", "acme/Alpha-22B", *asked, *place).out)
    assert {one["benchmark"]: one["forecast"] for one in lines} == pytest.approx(printed, abs=1e-6)
    listed = json.loads(run("registry", "list", *place, "--format", "json").out)
    assert {one["benchmark"]: one["forecast"] for one in listed} == pytest.approx(printed, abs=1e-6)


def test_the_page_of_register_has_forecast_and_interval(run, small_folder, tmp_path):
    asked = ("--family", "alpha", "--params", "22B", "--panel", small_folder, "--forecaster", "mean")
    done = run("register", "--model", "acme/Alpha-22B", *asked, "--registry", tmp_path / "r.jsonl")
    assert "90 % interval" in done.out and " to " in done.out and "0.95" not in done.out
    assert "registered before" not in done.out
    again = ("--registry", tmp_path / "r.jsonl", "--benchmarks", "mmlu")
    done = run("register", "--model", "acme/Alpha-22B", *asked, *again)
    assert "1 of them mean had registered before; `resolve` counts the first of each alone." in done.out


def test_a_line_without_a_point_forecast_is_judged_by_its_median(registered):
    early = [{key: value for key, value in one.items() if key != "forecast"} for one in read_chain(registered)]
    assert resolve(early)["forecast"].tolist() == [one["quantiles"]["0.5"] for one in early]
    late = [{**one, "forecast": 0.25} for one in early]
    assert resolve(late)["forecast"].tolist() == [0.25, 0.25]


def test_scores_that_belong_to_no_forecast_are_told(run, registered, tmp_path):
    """A misspelt model or benchmark would otherwise read as if nothing had been measured."""
    came = tmp_path / "came.csv"
    ask = ("resolve", "--registry", registered, "--scores", came)
    came.write_text("model,benchmark,score\nbee/Beta-65,gsm8k,0.5\ndada/Delta-0.16B,mlmu,0.3\n")
    told = run(*ask).err
    assert "of 2 scores, 2 with no forecast on record: 'bee/Beta-65' on 'gsm8k' (did you mean 'bee/Beta-65B'?)" in told
    assert "'dada/Delta-0.16B' on 'mlmu' (did you mean 'mmlu'?)" in told
    came.write_text("model,benchmark,score\nBEE/Beta-65B,gsm8k,0.5\n")
    assert "no forecast on record" not in run(*ask).err
    came.write_text("model,benchmark,score\nbee/Beta-65B,gsm8k,0.5\nBEE/Beta-65B,gsm8k,0.6\n")
    assert "row 3: a second score" in run(*ask).err
