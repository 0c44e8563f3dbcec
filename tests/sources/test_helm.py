import copy
import json

import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources import SOURCES
from obslaws.sources.helm import parse


def lines(content):
    return pd.DataFrame({"line": [json.dumps(content)]})


@pytest.fixture
def lite():
    from pathlib import Path

    path = Path(__file__).parents[1] / "fixtures" / "upstream" / "helm" / "helm_lite.json"
    return json.loads(path.read_text())


def test_the_release_files_say_what_every_eval_ever_has_of_them(parsed):
    both = parsed("helm").scores.merge(
        parsed("every-eval-ever").scores, on=["model", "benchmark"], suffixes=("", "_eee")
    )
    assert len(both) >= 7
    assert both["score"].to_numpy() == pytest.approx(both["score_eee"].to_numpy(), abs=5e-4)


def test_efficiency_win_rates_and_empty_cells_are_no_scores(parsed):
    made = parsed("helm")
    assert not made.scores["benchmark"].str.contains("win|inference|mean").any()
    assert made.dropped["win rate, mean of the board, or lower is better"] == 4 + 2 + 2 + 3
    assert made.dropped["cell without a value"] >= 2


def test_the_model_is_named_by_its_runs_and_by_its_title_where_there_are_none(parsed):
    models = set(parsed("helm").scores["model"])
    assert {"openai/gpt-4-0613", "ai21labs/J1-Grande-v1-17B"} <= models, sorted(models)


def test_a_test_that_nobody_knows_is_counted(lite):
    changed = copy.deepcopy(lite)
    changed[0]["header"][1]["value"] = "Brand new - EM"
    made = parse({"helm_lite": lines(changed)})
    assert made.dropped["test that is not in names/benchmarks.csv"] == 4


def test_another_layout_and_another_unit_are_refused(lite):
    with pytest.raises(SourceError, match=r"helm, helm_lite: no table 'Accuracy'; found Efficiency"):
        parse({"helm_lite": lines(lite[1:])})
    lite[0]["rows"][0][3]["value"] = 68.6
    with pytest.raises(SourceError, match=r"found 68.6, expected fractions"):
        parse({"helm_lite": lines(lite)})


def test_four_boards_four_addresses():
    live = SOURCES["helm"].live
    assert len(set(live.files.values())) == 4
    assert all(url.startswith("https://storage.googleapis.com/crfm-helm-public/") for url in live.files.values())
