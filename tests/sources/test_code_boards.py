"""Boards of one kind: EvalPlus, BigCodeBench and Aider."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from obslaws.errors import SourceError
from obslaws.sources.aider import records
from obslaws.sources.evalplus import parse as parse_evalplus

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


def test_evalplus_null_is_not_run_and_percent_becomes_fraction(parsed):
    made = parsed("evalplus")
    code = made.scores[made.scores["model"] == "ajibawa-2023/Code-13B"].set_index("benchmark")["score"]
    assert code.to_dict() == pytest.approx({"humaneval@evalplus": 0.561, "humaneval_plus@evalplus": 0.524})
    assert made.notes["tests not run (null)"] >= 2


def test_evalplus_trusts_links_of_one_name_only(parsed):
    models = set(parsed("evalplus").scores["model"])
    assert {"codellama/CodeLlama-70b-Python-hf", "meta-llama/Llama-3.1-8B-Instruct", "bigcode/starcoder"} <= models
    assert "openai/GPT-4o-Aug-2024" in models  # its link is a page of all models


def test_evalplus_tells_chat_from_completion(parsed):
    scores = parsed("evalplus").scores.set_index("model")["setting"]
    assert scores["bigcode/starcoder"].isna().all()
    assert set(scores["infly/OpenCoder-8B-Instruct"]) == {"chat"}


def test_evalplus_in_another_unit_is_refused():
    text = '{"a": {"link": "", "pass@1": {"humaneval": 170.0}}}'
    with pytest.raises(SourceError, match=r"found 170, expected percentages"):
        parse_evalplus({"results": pd.DataFrame({"line": [text]})})
    with pytest.raises(SourceError, match=r"evalplus, results: not JSON"):
        parse_evalplus({"results": pd.DataFrame({"line": ["<html>"]})})


def test_bigcodebench_conditions_are_settings(parsed):
    scores = parsed("bigcodebench").scores
    o1 = scores[scores["model"].eq("openai/o1-2024-12-17") & scores["benchmark"].eq("bigcodebench_hard_instruct")]
    assert set(o1["setting"]) == {"temperature=1, reasoning=medium", "temperature=1, reasoning=high"}
    coder = scores[scores["model"] == "agentica-org/DeepCoder-14B-Preview"]
    assert coder["setting"].isna().any()
    assert coder["setting"].str.contains("Reasoning|reasoning", na=False).any()


def test_bigcodebench_shared_links_are_not_trusted(parsed):
    models = set(parsed("bigcodebench").scores["model"])
    assert "microsoft/Phi-3.1-Mini-128K-Instruct" in models  # linked to the repository of Phi-3
    assert "Qwen/Qwen2-72B-Instruct" in models  # by hand: the link's name was never released


def test_bigcodebench_base_models_have_no_instruct_score_and_dates_are_not_read(parsed, fact):
    made = parsed("bigcodebench")
    base = made.scores[made.scores["model"] == "bigcode/starcoder2-3b"]
    assert set(base["benchmark"]) == {"bigcodebench_complete", "bigcodebench_hard_complete"}
    assert "release_date" not in set(made.facts["attribute"])
    mixtral = "mistralai/Mixtral-8x22B-Instruct-v0.1"
    assert fact("bigcodebench", mixtral, "n_active_params") == {"44000000000"}
    assert fact("bigcodebench", mixtral, "is_moe") == {"true"}  # upstream's flag says no
    assert fact("bigcodebench", "bigcode/starcoder2-3b", "n_active_params") == set()


def test_aider_counts_two_tries_except_for_refactoring(parsed):
    scores = parsed("aider").scores.set_index(["model", "benchmark"])["score"]
    assert scores["google/Gemini-2.0-Pro-exp-02-05", "aider_polyglot"] == pytest.approx(0.356)
    assert scores["anthropic/claude-3-opus-20240229", "aider_edit"].max() == pytest.approx(0.684)
    assert set(scores.index.get_level_values("benchmark")) == {"aider_polyglot", "aider_edit", "aider_refactor"}


def test_aider_edit_format_is_a_setting(parsed):
    assert parsed("aider").scores["setting"].notna().all()


@pytest.mark.parametrize("name", ["edit", "polyglot", "refactor"])
def test_records_agree_with_a_yaml_reader(name):
    root = Path(os.environ.get("OBSLAWS_UPSTREAM", UPSTREAM))
    text = (root / "aider" / f"{name}_leaderboard.yml").read_text(encoding="utf-8")
    mine = records(pd.Series(text.splitlines(), dtype="str"))
    theirs = pd.DataFrame(yaml.safe_load(text))
    assert mine["model"].tolist() == theirs["model"].astype("str").tolist()
    for column in ("pass_rate_1", "pass_rate_2"):
        if column in theirs:
            assert pd.to_numeric(mine[column]).tolist() == pytest.approx(theirs[column].tolist(), nan_ok=True)
    assert mine["edit_format"].tolist() == theirs["edit_format"].tolist()
    assert mine["date"].tolist() == theirs["date"].astype("str").tolist()
