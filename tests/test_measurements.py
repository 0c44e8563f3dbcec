"""Cells that were measured more than once: all of them kept, one picked, by a precedence that can be changed."""

import pytest

from obslaws.errors import UnknownNameError, UsageError
from obslaws.snapshot import load_snapshot
from obslaws.views import view_measurements, view_panel


@pytest.fixture(scope="module")
def data():
    return load_snapshot()


def test_every_cell_of_a_panel_is_one_of_its_measurements(data):
    panel = view_panel("core", data)
    rows = view_measurements("core", data)
    picked = rows[rows["picked"]].set_index(["model", "benchmark"])["score"]
    assert picked.index.is_unique
    cells = panel.scores.rename_axis("model").reset_index().melt("model", var_name="benchmark", value_name="cell")
    cells = cells.set_index(["model", "benchmark"])["cell"].dropna()
    assert len(cells) == len(picked)
    assert (cells == picked.reindex(cells.index)).all()
    assert len(rows) > len(picked)


def test_sources_that_the_view_does_not_use_are_listed_too(data):
    rows = view_measurements("core", data)
    assert "sloth" in set(rows.loc[~rows["picked"], "source"])


def test_precedence_can_be_changed(data):
    plain = view_panel("core", data)
    other = view_panel("core", data, sources=["obsscaling", "open-llm-v1", "open-llm-v2"])
    model, benchmark = "meta-llama/Llama-2-7b-hf", "mmlu"
    first = data.scores[(data.scores["source"] == "obsscaling") & (data.scores["model"] == model)]
    expected = first.loc[first["benchmark"] == benchmark, "score"].iloc[0]
    assert other.scores.loc[model, benchmark] == expected
    assert plain.n_cells == pytest.approx(other.n_cells, rel=0.02)


def test_a_precedence_names_known_sources(data):
    with pytest.raises(UnknownNameError, match=r"Did you mean 'open-llm-v2'"):
        view_panel("core", data, sources=["open-lm-v2"])
    with pytest.raises(UsageError, match="the precedence names no source"):
        view_panel("core", data, sources=[])


def test_duplicates_count_every_measurement_of_a_cell(data):
    rows = data.duplicates(["mmlu"])
    assert set(rows["benchmark"]) == {"mmlu"}
    sizes = rows.groupby(["model", "benchmark"])["n_measurements"].agg(["size", "first"])
    assert (sizes["size"] == sizes["first"]).all()
    assert (sizes["first"] > 1).all()


def test_doubtful_names_are_listed_for_review(data):
    review = data.review()
    assert {"source", "raw", "model", "rule", "confidence", "nearest"} <= set(review.columns)
    assert (review["confidence"] < 0.9).all()
    assert len(review) == data.manifest["review"]["rows"]
