import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources.livebench import parse


def test_a_release_is_part_of_the_key(parsed):
    scores = parsed("livebench").scores
    one = scores[scores["model"].eq("microsoft/phi-4") & scores["benchmark"].eq("zebra_puzzle@livebench")]
    assert one["setting"].str.startswith("release 20").all()
    assert one["setting"].is_unique
    assert len(one) > 1


def test_percent_becomes_fraction_and_tasks_come_and_go(parsed):
    scores = parsed("livebench").scores
    assert scores["score"].between(0, 1).all()
    old = scores.loc[scores["benchmark"] == "web_of_lies_v2@livebench", "date"]
    new = scores.loc[scores["benchmark"] == "web_of_lies_v3@livebench", "date"]
    assert old.max() < new.min()


def test_base_means_without_thinking_for_claude(parsed):
    scores = parsed("livebench").scores
    sonnet = scores[scores["model"] == "anthropic/claude-3-7-sonnet-20250219"]["setting"]
    assert {"release 2025-05-30; no thinking", "release 2025-05-30; thinking-64k"} <= set(sonnet)


def test_a_table_without_tasks_and_one_in_fractions_are_refused():
    with pytest.raises(SourceError, match=r"table_2026_01_08: no column is a known task; found model, overall"):
        parse({"table_2026_01_08": pd.DataFrame({"model": ["a"], "overall": ["50.0"]})})
    fractions = pd.DataFrame({"model": list("abcdef"), "typos": ["0.5"] * 6})
    with pytest.raises(SourceError, match=r"typos: no value above 0.5, expected percentages"):
        parse({"table_2026_01_08": fractions})


def test_a_task_that_is_new_is_counted():
    table = pd.DataFrame({"model": ["phi-4"], "typos": ["50.0"], "brand_new": ["40.0"]})
    made = parse({"table_2026_01_08": table})
    assert made.notes["columns that are no known task"] == 1
    assert made.scores["date"].iloc[0] == pd.Timestamp("2026-01-08")
