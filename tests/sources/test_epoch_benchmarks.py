from pathlib import Path

import pytest

from obslaws.errors import SourceError
from obslaws.names import benchmarks_table
from obslaws.sources import SOURCES
from obslaws.sources.epoch_benchmarks import TESTS, parse

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


@pytest.fixture
def frames():
    return SOURCES["epoch-benchmarks"].read(UPSTREAM)


def test_every_file_gives_one_benchmark_in_its_unit(parsed):
    scores = parsed("epoch-benchmarks").scores
    units = benchmarks_table().set_index("benchmark")["unit"]
    assert set(scores["benchmark"]) == {f"{test}@epoch" for test, _, _ in TESTS.values()}
    for test, _, unit in TESTS.values():
        assert units[f"{test}@epoch"] == ("fraction" if unit == "percent" else unit)


def test_units_differ_by_file_whatever_the_heading_says(parsed):
    top = parsed("epoch-benchmarks").scores.groupby("benchmark")["score"].max()
    assert top["gdpval@epoch"] < 1  # "Win Rate (%)" holds fractions
    assert 0.3 < top["osworld@epoch"] < 1  # "Score" holds percentages
    assert top["metr_horizon@epoch"] > 100  # minutes
    assert top["webdev_arena@epoch"] > 1000  # Elo


def test_a_column_that_left_its_unit_is_refused(frames):
    frames["gdpval_external"]["Win Rate (%)"] = "49.7"
    with pytest.raises(SourceError, match=r"gdpval_external, Win Rate \(%\): found 49.7, expected fractions"):
        parse(frames)


def test_ratings_below_a_rating_are_refused(frames):
    frames["webdev_arena_external"]["Arena Score"] = "0.61"
    with pytest.raises(SourceError, match=r"found 0.61 in 'Arena Score', expected elo"):
        parse(frames)


def test_efforts_shots_and_documents_are_settings(parsed):
    scores = parsed("epoch-benchmarks").scores
    mini = scores[scores["model"].eq("openai/gpt-5.4-mini-2026-03-17") & scores["benchmark"].eq("gpqa_diamond@epoch")]
    assert mini["setting"].tolist() == ["high"]
    nova = scores[scores["model"].eq("amazon/amazon.nova-lite-v1-0") & scores["benchmark"].eq("mmlu@epoch")]
    assert nova["setting"].tolist() == ["5-shot; Stanford CRFM Leaderboard"]


def test_standard_errors_come_with_epochs_own_runs_only_in_the_scores_unit(parsed):
    scores = parsed("epoch-benchmarks").scores.set_index("benchmark")
    assert scores.loc["gpqa_diamond@epoch", "stderr"].notna().all()
    assert scores.loc["apex_agents@epoch", "stderr"].isna().all()  # theirs is in percent beside a fraction


def test_no_copies_of_other_boards_are_read():
    read = " ".join(SOURCES["epoch-benchmarks"].files)
    assert not any(word in read for word in ("aider", "live_bench", "swe_bench", "video"))


def test_rows_without_a_score_are_dropped_and_claims_are_dated(parsed, fact):
    assert parsed("epoch-benchmarks").dropped["row without score"] >= 1
    assert fact("epoch-benchmarks", "openai/gpt-5.4-mini-2026-03-17", "release_date") == {"2026-03-17"}


def test_files_that_are_not_known_are_counted(frames):
    made = parse({**frames, "a_new_benchmark": frames["gpqa_diamond"]})
    assert made.notes["files that are not read"] == 1
    with pytest.raises(SourceError, match=r"none of the files is known; found a_new_benchmark"):
        parse({"a_new_benchmark": frames["gpqa_diamond"]})
