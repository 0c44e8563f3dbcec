"""Models of one's own join those of a view: nothing is lost, nothing is counted twice."""

import warnings

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import AssumptionWarning, SchemaError
from obslaws.panel import read_panel
from obslaws.report.captions import data_caption

MODELS = "model,family,n_params,n_tokens\nus/a,tiny,1e9,1e12\nus/b,tiny,3e9,1e12\n"
SCORES = "model,benchmark,score\nus/a,mmlu,0.3\nus/b,mmlu,0.4\nus/b,inhouse,0.4\n"


def write(folder, models=MODELS, scores=SCORES, benchmarks=None):
    (folder / "models.csv").write_text(models)
    (folder / "scores.csv").write_text(scores)
    if benchmarks is not None:
        (folder / "benchmarks.csv").write_text(benchmarks)
    return folder


def test_join_keeps_both(small_panel, tmp_path):
    own = read_panel(write(tmp_path))
    both = small_panel.join(own)
    assert list(both.models.index) == [*small_panel.models.index, "us/a", "us/b"]
    assert list(both.scores.columns) == [*small_panel.scores.columns, "inhouse"]
    assert both.n_cells == small_panel.n_cells + 3
    assert both.scores.loc["us/b", ["mmlu", "inhouse"]].tolist() == [0.4, 0.4]
    assert both.benchmarks.loc["mmlu", "score_floor"] == 0.25, "the view knows what guessing scores"
    pd.testing.assert_frame_equal(both.models.loc[small_panel.models.index], small_panel.models)
    assert (both.models.dtypes == small_panel.models.dtypes).all()
    assert (both.benchmarks.dtypes == small_panel.benchmarks.dtypes).all()
    assert f"and 2 models of folder {tmp_path.name}" in data_caption(both)
    assert "added" not in small_panel.provenance


def test_parts_joined_are_the_whole(small_panel):
    rows = np.arange(len(small_panel.models)) < 9
    whole = small_panel.select(rows).join(small_panel.select(~rows))
    pd.testing.assert_frame_equal(whole.models, small_panel.models)
    pd.testing.assert_frame_equal(whole.scores, small_panel.scores)
    pd.testing.assert_frame_equal(whole.benchmarks, small_panel.benchmarks)


def test_join_gives_known_families_their_name_series_and_lab(small_panel, tmp_path):
    models = "model,family,base_family,org,n_params\nus/a,Alpha Chat,,,2e9\nus/b,BETA,mine,us,2e9\nus/c,new,,,2e9\n"
    both = small_panel.join(read_panel(write(tmp_path, models, "model,benchmark,score\nus/a,mmlu,0.3\n")))
    told = both.models.loc[["us/a", "us/b", "us/c"], ["family", "base_family", "org"]]
    assert told.iloc[0].tolist() == ["alpha-chat", "alpha", "acme"]
    assert told.iloc[1].tolist() == ["beta", "mine", "us"], "what was said stands"
    assert told.iloc[2, :2].tolist() == ["new", "new"]


@pytest.mark.parametrize(
    ("models", "benchmarks", "words"),
    [
        ("model,family\nacme/Alpha-7B,x\n", None, "model 'acme/Alpha-7B' is also in"),
        ("model,family\nACME/alpha-7b,x\n", None, "as 'acme/Alpha-7B'. Take it out"),
        ("model,family\nus/a,x\n", "benchmark,score_floor\nmmlu,0.1\n", "'mmlu' has score_floor 0.1, and 0.25 in"),
        ("model,family\nus/a,x\n", "benchmark,unit\nmmlu,elo\n", "'mmlu' has unit elo, and fraction in"),
        ("model,family\nus/a,x\n", "benchmark,ceiling\nmmlu,0.9\n", "'mmlu' has ceiling 0.9, and none in"),
    ],
)
def test_join_refuses_what_is_not_the_same(small_panel, tmp_path, models, benchmarks, words):
    name = models.splitlines()[1].split(",")[0]
    own = read_panel(write(tmp_path, models, f"model,benchmark,score\n{name},mmlu,0.3\n", benchmarks))
    with pytest.raises(SchemaError, match=words):
        small_panel.join(own)


def test_a_score_above_its_ceiling_is_refused(tmp_path):
    folder = write(tmp_path, benchmarks="benchmark,ceiling\nmmlu,0.35\ninhouse,\n")
    with pytest.raises(SchemaError, match=r"row 3: us/b scores 0\.4 on mmlu, above its ceiling of 0\.35"):
        read_panel(folder)
    write(tmp_path, benchmarks="benchmark,ceiling\nmmlu,0.4\ninhouse,\n")
    assert read_panel(folder).benchmarks["ceiling"].fillna(0.0).tolist() == [0.4, 0.0]


def test_a_benchmark_that_is_called_almost_as_a_known_one_is_asked_about(small_panel, tmp_path):
    scores = "model,benchmark,score\nus/a,MMLU,0.3\nus/b,gsm8kk,0.4\nus/b,inhouse,0.4\n"
    own = read_panel(write(tmp_path, scores=scores))
    with pytest.warns(
        AssumptionWarning, match=r"'MMLU' \(did you mean 'mmlu'\?\), 'gsm8kk' \(did you mean 'gsm8k'\?\)\."
    ):
        both = small_panel.join(own)
    assert {"MMLU", "gsm8kk", "inhouse"} <= set(both.scores.columns)


def test_another_edition_of_a_benchmark_is_no_slip(small_panel, tmp_path):
    known = small_panel.join(read_panel(write(tmp_path, scores="model,benchmark,score\nus/a,contest_2024,0.3\n")))
    later = "model,family,n_params\nus/c,a,1e9\n"
    (tmp_path / "later").mkdir()
    own = read_panel(write(tmp_path / "later", models=later, scores="model,benchmark,score\nus/c,contest_2025,0.3\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert {"contest_2024", "contest_2025"} <= set(known.join(own).scores.columns)


def test_a_table_with_a_column_per_benchmark_is_told_how_to_be_written(tmp_path):
    with pytest.raises(SchemaError, match=r"found 'model', 'mmlu'.* Write a row per score: model,benchmark,score"):
        read_panel(write(tmp_path, scores="model,mmlu\nus/a,0.3\n"))


def test_a_file_in_place_of_its_folder_is_said_to_be_one(run, tmp_path):
    write(tmp_path)
    ran = run("families", "--add", tmp_path / "models.csv")
    assert ran.code == 1 and "is a file; name the folder that holds it" in ran.err


def test_a_floor_that_most_scores_lie_below_is_asked_about(tmp_path):
    models = "model,family\n" + "".join(f"us/{i},x\n" for i in range(5))
    scores = "model,benchmark,score\n" + "".join(f"us/{i},quiz,0.{2 + i}\n" for i in range(5))
    folder = write(tmp_path, models, scores, "benchmark,score_floor\nquiz,0.45\n")
    with pytest.warns(AssumptionWarning, match=r"benchmarks\.csv: 3 of 5 scores on 'quiz' lie below its .* 0\.45"):
        read_panel(folder)
    (folder / "benchmarks.csv").write_text("benchmark,score_floor\nquiz,0.35\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_panel(folder)
