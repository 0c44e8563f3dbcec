import hashlib
from pathlib import Path

import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.names import benchmarks_table
from obslaws.schema import check_table
from obslaws.sources import SOURCES

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


@pytest.fixture(params=list(SOURCES))
def source(request):
    return SOURCES[request.param]


def test_the_excerpt_parses_to_valid_tables(source):
    parsed = source.parse(source.read(UPSTREAM))
    check_table(parsed.facts.assign(source=source.id), "facts")
    units = dict(zip(benchmarks_table()["benchmark"], benchmarks_table()["unit"], strict=True))
    if len(parsed.scores):
        check_table(parsed.scores.assign(source=source.id), "scores", units=units)
    assert len(parsed.scores) or len(parsed.facts)


def test_every_score_belongs_to_a_known_benchmark_and_an_owned_model(source):
    parsed = source.parse(source.read(UPSTREAM))
    assert set(parsed.scores["benchmark"]) <= set(benchmarks_table()["benchmark"])
    names = pd.concat([parsed.scores["model"], parsed.facts["model"]])
    assert names.str.fullmatch(r"[^/\s]+/[^/\s]+").all()


def test_rows_are_counted_before_and_after(source):
    frames = source.read(UPSTREAM)
    parsed = source.parse(frames)
    assert 0 <= sum(parsed.dropped.values()) <= parsed.n_rows
    assert all(n >= 0 for n in (*parsed.dropped.values(), *parsed.notes.values()))


def test_identity_licence_and_citation_are_stated(source):
    assert all((source.title, source.url, source.revision, source.retrieved, source.licence, source.citation))
    assert not any(word in " ".join(source.files) for word in ("alpaca", "swe_bench", "livecodebench", "models_table"))


def test_parse_is_pure(source):
    frames = source.read(UPSTREAM)
    before = {
        k: hashlib.sha256(pd.util.hash_pandas_object(f).to_numpy().tobytes()).hexdigest() for k, f in frames.items()
    }
    first, second = source.parse(frames), source.parse(frames)
    pd.testing.assert_frame_equal(first.facts, second.facts)
    after = {
        k: hashlib.sha256(pd.util.hash_pandas_object(f).to_numpy().tobytes()).hexdigest() for k, f in frames.items()
    }
    assert before == after


def test_a_missing_file_is_named(source, tmp_path):
    if source.files:
        with pytest.raises(SourceError, match=source.files[0].rpartition("/")[2]):
            source.read(tmp_path)
    else:
        assert source.read(tmp_path) == {}


def test_a_column_that_is_gone_is_named():
    source = SOURCES["sloth"]
    frames = {"data_v2": source.read(UPSTREAM)["data_v2"].drop(columns="Family2")}
    with pytest.raises(SourceError, match=r"sloth: column 'Family2' is gone.*adapt its parse"):
        source.parse(frames)
