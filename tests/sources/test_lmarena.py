import json

import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources import SOURCES
from obslaws.sources.lmarena import parse


def test_ratings_keep_their_unit_and_the_day_of_the_board(parsed):
    scores = parsed("lmarena").scores
    assert scores["score"].between(500, 2000).all()
    boards = scores["setting"].str.extract(r"^board (\d{4}-\d\d-\d\d)")[0]
    assert set(boards) == {"2025-07-18", "2025-08-06", "2025-12-17", "2026-03-29", "2026-04-19"}
    assert (boards == scores["date"].dt.strftime("%Y-%m-%d")).all()


def test_plain_votes_and_style_control_are_two_scales(parsed):
    scores = parsed("lmarena").scores
    days = scores.groupby("benchmark")["date"].agg(lambda d: set(d.dt.year))
    assert days["arena_text"] == {2025}
    assert 2026 in days["arena_text_style_control"]  # the site shows style control since


def test_efforts_are_settings_and_modes_of_other_makers_are_not(parsed):
    scores = parsed("lmarena").scores
    gpt = scores[scores["model"].eq("openai/gpt-5.1") & scores["benchmark"].eq("arena_text")]
    assert set(gpt["setting"]) == {"board 2025-12-17; high"}
    assert scores["model"].eq("deepseek-ai/deepseek-v3.2-thinking").any()


def test_half_the_interval_is_the_standard_error(parsed):
    scores = parsed("lmarena").scores.set_index(["model", "benchmark", "setting"])
    table = scores.loc[("google/Gemini-2.5-Pro", "arena_text", "board 2025-08-06")]
    assert table["stderr"] == pytest.approx(5 / 1.96, rel=1e-3)


def test_languages_and_trades_are_counted(parsed):
    assert parsed("lmarena").notes["ratings in categories of language or trade"] > 0
    assert not parsed("lmarena").scores["benchmark"].str.contains("korean").any()


def test_the_table_of_the_hub():
    table = pd.DataFrame({
        "model_name": ["gpt-4o-2024-08-06"] * 2, "organization": "openai", "license": "Proprietary",
        "rating": [1265.0, 1300.0], "rating_lower": [1260.0, 1290.0], "rating_upper": [1270.0, 1310.0],
        "category": ["overall", "korean"], "leaderboard_publish_date": "2026-09-01",
    })  # fmt: skip
    made = parse({"text_style_control_latest": table})
    assert made.scores["benchmark"].tolist() == ["arena_text_style_control"]
    assert made.scores["stderr"].iloc[0] == pytest.approx(10 / 3.92, rel=1e-3)
    assert made.notes["ratings in categories of language or trade"] == 1


def test_another_unit_and_another_layout_are_refused():
    board = {"full": {"gpt-4-0613": {"rating": 0.7, "rating_q025": 0.6, "rating_q975": 0.8}}}
    with pytest.raises(SourceError, match=r"rating of 0.7, expected Elo-like"):
        parse({"leaderboard-text": pd.DataFrame({"line": [json.dumps(board)]})})
    with pytest.raises(SourceError, match=r"no category 'full'; found overall"):
        parse({"leaderboard-text": pd.DataFrame({"line": ['{"overall": {}}']})})
    assert SOURCES["lmarena"].live.hub == "lmarena-ai/leaderboard-dataset"
