"""The words for a new model: families, sizes, the model that it is like, the scores it has."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obslaws.errors import AssumptionWarning, ExtrapolationWarning, SchemaError, UnknownNameError, UsageError
from obslaws.families import family_members, family_table, match_family, nearest_members
from obslaws.known_scores import known_scores
from obslaws.panel import Panel
from obslaws.quantities import format_count, parse_count
from obslaws.query import find_model, query
from obslaws.questions.setting import find_setting


@given(st.floats(1e3, 9e14))
def test_counts_survive_being_written_and_read(count):
    assert parse_count(format_count(count)) == pytest.approx(count, rel=0.006)
    assert parse_count(repr(count)) == count


def test_one_name_of_several_models_is_told():
    with pytest.raises(UsageError, match=r"2 models are called 'b-1': a/B-1, c/B-1. Give the whole id"):
        find_model(["a/B-1", "c/B-1", "c/B-2"], "b-1")
    with pytest.raises(UsageError, match="x9/B and 2 more"):
        find_model([f"x{n}/B" for n in range(12)], "b")


@pytest.mark.parametrize("text", ["-1B", "0", "nan", "inf", "-inf", "7Q", "", "B", "1e400", "7 B 8"])
def test_no_count_without_a_number_above_zero(text):
    with pytest.raises(UsageError, match="expected a positive count such as 32e9, 32B, 500M or 18T"):
        parse_count(text, "--params")


def test_query_is_a_model_that_no_leaderboard_has(small_panel):
    asked = query(small_panel, "ALPHA", 22e9)
    row = asked.iloc[0]
    assert asked.index[0] not in small_panel.models.index
    assert (row["family"], row["variant"], row["org"]) == ("alpha", "base", "acme")
    assert row["n_tokens"] == 18e12, "all members saw the same tokens"
    assert row["train_flop"] == 6 * 22e9 * 18e12


def test_chat_means_the_sibling_and_base_leads_back(small_panel):
    assert match_family(small_panel, "alpha", "chat").family == "alpha-chat"
    assert match_family(small_panel, "alpha-chat", "base").family == "alpha"
    assert match_family(small_panel, "alpha-chat").variant == "chat"


def test_missing_sibling_falls_back_on_the_series(small_panel):
    with pytest.warns(ExtrapolationWarning, match="No chat models of 'beta' in the panel"):
        asked = query(small_panel, "beta", 7e9, variant="chat")
    assert asked.iloc[0]["base_family"] == "beta"
    assert asked.iloc[0]["family"] not in set(small_panel.models["family"])


def test_far_away_is_said(small_panel):
    with pytest.warns(ExtrapolationWarning, match="more than a decade outside"):
        query(small_panel, "alpha", 3e12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_params": 250e9}, "250B parameters lie more than a factor of 3 outside the panel's 160M to 65B"),
        ({"n_tokens": 0.09e12}, "90B training tokens lie more than a factor of 3 outside the panel's 300B to 18T"),
        ({"release_date": "2026-01-31"}, "2026-01-31 lies more than a year outside the panel's 2024-09-19 to"),
    ],
)
def test_each_covariate_far_away_is_said(small_panel, changed, words):
    with pytest.warns(ExtrapolationWarning, match=words):
        query(small_panel, **{"family": "alpha", "n_params": 22e9} | changed)


@pytest.mark.parametrize(
    ("name", "found"), [("Alpha Chat", "alpha-chat"), ("alpha.chat", "alpha-chat"), ("BE_TA", "beta")]
)
def test_spelling_does_not_decide(small_panel, name, found):
    with pytest.warns(AssumptionWarning, match=f"Family '{name}' is read as '{found}'"):
        assert match_family(small_panel, name).family == found
    with pytest.warns(AssumptionWarning, match=f"is read as '{found}'"):
        assert set(family_members(small_panel, name)["family"]) == {found}


def test_other_versions_of_a_family_are_offered(small_panel):
    names = {"alpha": "qwen2.5", "alpha-chat": "qwen2.5-chat", "beta": "qwen2", "gamma": "qwen", "delta": "qwen1.5"}
    panel = Panel("versions", small_panel.models.replace({"family": names, "base_family": names}), small_panel.scores,
                  small_panel.benchmarks)  # fmt: skip
    for name in ("qwen3", "Qwen-3"):
        assert match_family(panel, name).nearest == ("qwen2.5", "qwen2")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'qwen2.5' or 'qwen2'\?"):
        family_members(panel, "qwen3")


def test_two_families_of_one_spelling_are_not_guessed_between(small_panel):
    models = small_panel.models.replace({"family": {"beta": "al-pha", "gamma": "al_pha"}})
    panel = Panel("twins", models, small_panel.scores, small_panel.benchmarks)
    assert not match_family(panel, "al.pha").known


def test_organisation_is_that_of_the_family_or_the_one_told(small_panel):
    with pytest.warns(ExtrapolationWarning, match="what is known of the lab 'bee'"):
        assert query(small_panel, "new", 7e9, 1e12, org="BEE").iloc[0]["org"] == "bee"
    with pytest.warns(ExtrapolationWarning, match="No model of the panel is by 'nobody'|is unknown"):
        assert query(small_panel, "new", 7e9, 1e12, org="nobody").iloc[0]["org"] == "nobody"
    assert query(small_panel, "alpha", 7e9, org="Acme").iloc[0]["org"] == "acme"
    with pytest.raises(UsageError, match="'alpha' is by 'acme' in the panel, not by 'bee'"):
        query(small_panel, "alpha", 7e9, org="bee")


def test_tokens_left_out(small_panel):
    def tokens(*counts):
        models = small_panel.models.copy()
        models.loc[models["family"] == "gamma", "n_tokens"] = counts
        return query(Panel("some", models, small_panel.scores, small_panel.benchmarks), "gamma", 7e9).iloc[0]

    with pytest.warns(AssumptionWarning, match=r"6T, the median of 'gamma' \(5.8T to 6.2T\)"):
        assert tokens(5.8e12, 6e12, 6.2e12)["n_tokens"] == 6e12
    with pytest.warns(AssumptionWarning, match="unknown, whose known members saw 3T to 6T: they are integrated out"):
        row = tokens(3e12, 6e12, 6e12)
    assert np.isnan(row["n_tokens"]) and np.isnan(row["train_flop"])
    with pytest.warns(AssumptionWarning, match="Training tokens of this 'alpha' model are unknown"):
        assert np.isnan(query(small_panel, "alpha", 7e9, math.nan).iloc[0]["n_tokens"])
    with pytest.warns((AssumptionWarning, ExtrapolationWarning)):
        assert np.isnan(query(small_panel, "new", 7e9).iloc[0]["n_tokens"])


def test_date_is_that_of_the_newest_of_the_family_as_in_the_other_questions(small_panel):
    models = small_panel.models.copy()
    models.loc["acme/Alpha-7B", "release_date"] = pd.Timestamp("2024-12-24")
    panel = Panel("some", models, small_panel.scores, small_panel.benchmarks)
    assert query(panel, "alpha", 22e9).iloc[0]["release_date"] == pd.Timestamp("2024-12-24")
    assert find_setting(panel, "alpha").release_date == pd.Timestamp("2024-12-24")
    assert query(panel, "alpha", 22e9, release_date="2024-10-01").iloc[0]["release_date"] == pd.Timestamp("2024-10-01")
    zoned = query(panel, "alpha", 22e9, release_date="2024-10-01T12:00Z").iloc[0]["release_date"]
    assert zoned == pd.Timestamp("2024-10-01T12:00")
    with pytest.warns(ExtrapolationWarning, match="'new' is unknown"):
        assert pd.isna(query(panel, "new", 7e9, 1e12).iloc[0]["release_date"])


def test_like_copies_a_model_but_is_none(small_panel):
    twin = small_panel.models.loc["bee/Beta-7B"]
    asked = query(small_panel, like="beta-7b")
    assert asked.index[0] != "bee/Beta-7B"
    for column in ("family", "n_params", "n_tokens", "train_flop", "release_date"):
        assert asked.iloc[0][column] == twin[column]
    assert query(small_panel, like="beta-7b", n_params=9e9).iloc[0]["n_params"] == 9e9


def test_a_new_family_like_a_model_is_of_its_series_and_lab(small_panel):
    twin = small_panel.models.loc["bee/Beta-7B"]
    with pytest.warns(ExtrapolationWarning, match=f"The known families of its series, '{twin['base_family']}', answer"):
        asked = query(small_panel, "beta-next", like="beta-7b").iloc[0]
    assert asked["family"] == "beta-next"
    for column in ("base_family", "org", "variant", "n_params", "n_tokens", "release_date"):
        assert asked[column] == twin[column]
    with pytest.warns(ExtrapolationWarning, match="what is known of the lab 'acme'"):
        other = query(small_panel, "beta-next", like="beta-7b", org="acme").iloc[0]
    assert (other["base_family"], other["org"]) == ("beta-next", "acme")


@pytest.mark.parametrize("size", [-1.0, 0.0, math.nan, math.inf])
def test_size_must_be_a_count(small_panel, size):
    with pytest.raises(UsageError, match="expected a positive, finite count"):
        query(small_panel, "alpha", size)


def test_what_is_missing_is_named(small_panel):
    with pytest.raises(UsageError, match="No family given"):
        query(small_panel)
    with pytest.raises(UsageError, match="No size given for 'alpha'"):
        query(small_panel, "alpha")


def test_nearest_members_stand_on_both_sides(small_panel):
    assert list(nearest_members(small_panel, "alpha", 22e9).index) == ["acme/Alpha-14B", "acme/Alpha-32B"]
    assert list(nearest_members(small_panel, "alpha", 7e9).index) == ["acme/Alpha-7B", "acme/Alpha-14B"]
    assert list(nearest_members(small_panel, "alpha", 70e9).index) == ["acme/Alpha-14B", "acme/Alpha-32B"]
    assert nearest_members(small_panel, "unknown", 7e9).empty


def test_no_model_is_lost_between_families(small_panel):
    table = family_table(small_panel)
    assert table["n_models"].sum() == len(small_panel.models)
    assert table["n_scores"].sum() == small_panel.n_cells
    listed = [m for family in table["family"] for m in family_members(small_panel, family).index]
    assert sorted(listed) == sorted(small_panel.models.index)
    with pytest.raises(UnknownNameError, match="Did you mean 'delta'"):
        family_members(small_panel, "dleta")


def test_known_scores_of_a_file(small_panel, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("model,benchmark,score\nx,gsm8k,0.5\nx,mmlu,0.7\n")
    frame = known_scores(file, small_panel, "alpha-22B")
    assert frame.index.tolist() == ["alpha-22B"]
    assert frame.loc["alpha-22B"].to_dict() == {"gsm8k": 0.5, "mmlu": 0.7}
    assert np.isfinite(frame.to_numpy()).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "mine.csv: empty file; expected a CSV with columns benchmark, score"),
        ("benchmark,value\nmmlu,0.5\n", "mine.csv: column 'score' is missing; found 'benchmark', 'value'"),
        ("model,benchmark,score\nx,mmlu,0.5\ny,mmlu,0.5\n", "mine.csv: scores of 2 models"),
    ],
)
def test_known_scores_refuses_other_shapes(small_panel, tmp_path, text, words):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(SchemaError, match=words):
        known_scores(tmp_path / "mine.csv", small_panel, "m")


def test_known_scores_of_a_list_longer_than_a_file_name(small_panel):
    long = ", ".join(["mmlu=0.7", *[" " * 30] * 20, "gsm8k=0.5"])
    assert known_scores(long, small_panel, "m").iloc[0].to_dict() == {"mmlu": 0.7, "gsm8k": 0.5}
    with pytest.raises(UsageError, match="neither a list such as"):
        known_scores("x" * 5000, small_panel, "m")


def test_known_scores_names_the_row(small_panel, tmp_path):
    (tmp_path / "mine.csv").write_text("benchmark,score\nmmlu,0.5\ngsm8k,73\n")
    with pytest.raises(UsageError, match=r"mine.csv, row 3: gsm8k is 73; .* did you mean 0.73"):
        known_scores(tmp_path / "mine.csv", small_panel, "m")


def test_far_beyond_the_family_its_own_models_do_not_tell_the_slope(small_panel):
    largest = small_panel.models.query("family == 'beta'")["train_flop"].max()
    tokens = small_panel.models["n_tokens"].max()
    with pytest.warns(ExtrapolationWarning, match=r"times the compute of the largest known model of 'beta'"):
        query(small_panel, "beta", n_params=20 * largest / 6 / tokens, n_tokens=tokens)


def test_a_day_that_may_be_two_is_asked_about(small_panel):
    with pytest.raises(UsageError, match="'03/04/2025' may be 2025-04-03 or 2025-03-04; write the one that is meant"):
        query(small_panel, "alpha", 7e9, release_date="03/04/2025")
    told = query(small_panel, "alpha", 7e9, release_date="31/01/2025")["release_date"]
    assert told.iloc[0] == pd.Timestamp("2025-01-31")
    with pytest.raises(UsageError, match="'soon' is no date"):
        query(small_panel, "alpha", 7e9, release_date="soon")


def test_headings_of_scores_are_found_whatever_the_case(small_panel, tmp_path):
    (tmp_path / "mine.csv").write_text("Benchmark,Score\nmmlu,0.7\n")
    assert known_scores(tmp_path / "mine.csv", small_panel, "acme/new").loc["acme/new", "mmlu"] == 0.7
