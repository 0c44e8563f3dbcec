import pandas as pd
import pytest

from obslaws.naming import REVIEW_COLUMNS, resolve_boards
from obslaws.sources import Parsed
from obslaws.sources.tidy import CLAIM_COLUMNS, no_scores, stack


def rows(names, **columns):
    table = pd.DataFrame({"model": names, "benchmark": "mmlu", "score": 0.5, "setting": None, **columns})
    return table.reindex(columns=no_scores().columns)


@pytest.fixture
def parsed():
    hub = Parsed(rows(["Qwen/Qwen2.5-7B-Instruct"]), stack(), 1)
    made = ["Qwen/qwen2.5-7b-instruct", "Qwen/Qwen2.5 7B Instruct".replace(" ", "-"), "qwen/qwen9"]
    names = pd.DataFrame({"raw": ["qwen2.5-7b-instruct", "Qwen2.5 7B Instruct", "qwen9"], "model": made})
    facts = pd.DataFrame([(made[2], "n_params", "9", "reported", None)], columns=CLAIM_COLUMNS)
    board = Parsed(rows(made, score=[0.6, 0.7, 0.8]), facts, 3, names=names)
    return {"open-llm-v2": hub, "board": board}


def test_boards_get_the_ids_of_hub_sources_and_lose_no_measurement(parsed):
    out, review = resolve_boards(parsed)
    scores = out["board"].scores
    assert scores["model"].tolist() == ["Qwen/Qwen2.5-7B-Instruct"] * 2 + ["qwen/qwen9"]
    assert scores["setting"].fillna("").tolist() == ["", "spelling 2", ""]
    assert review.columns.tolist() == REVIEW_COLUMNS
    assert review.set_index("raw")["rule"].to_dict() == {
        "qwen2.5-7b-instruct": "hub-id", "Qwen2.5 7B Instruct": "hub-id", "qwen9": "new",
    }  # fmt: skip
    assert out["open-llm-v2"] is parsed["open-llm-v2"]


def test_without_boards_nothing_happens(parsed):
    hub = {"open-llm-v2": parsed["open-llm-v2"]}
    out, review = resolve_boards(hub)
    assert out == hub
    assert review.empty


def test_parse_results_are_not_changed(parsed):
    before = parsed["board"].scores.copy()
    resolve_boards(parsed)
    pd.testing.assert_frame_equal(parsed["board"].scores, before)
