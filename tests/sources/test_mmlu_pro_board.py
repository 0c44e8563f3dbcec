from pathlib import Path

import pytest

from obslaws.errors import SourceError
from obslaws.sources import SOURCES
from obslaws.sources.mmlu_pro_board import parse

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


def test_who_measured_is_the_setting(parsed):
    scores = parsed("mmlu-pro-board").scores
    overall = scores[scores["benchmark"].eq("mmlu_pro@tiger")].set_index(["model", "setting"])["score"].to_dict()
    small = "made-here/Example-7B-Instruct"
    assert {setting for model, setting in overall if model == small and isinstance(setting, str)} == {"self-reported"}
    assert sorted(v for (model, _), v in overall.items() if model == small) == [0.4034, 0.412]


def test_subjects_that_were_not_reported_are_missing(parsed):
    made = parsed("mmlu-pro-board")
    assert made.notes["subjects not reported"] == 28
    assert made.scores["benchmark"].nunique() == 15


def test_unknown_sizes_make_no_claim(fact):
    assert fact("mmlu-pro-board", "made-here/Example-70B-Instruct", "n_params") == {"70000000000"}
    assert fact("mmlu-pro-board", "unknown/Made-Here-Closed-2031-01", "n_params") == set()


def test_percentages_are_refused():
    frames = SOURCES["mmlu-pro-board"].read(UPSTREAM)
    frames["results"].loc[0, "Overall"] = "40.34"
    with pytest.raises(SourceError, match=r"Overall: found 40.34, expected fractions"):
        parse(frames)
