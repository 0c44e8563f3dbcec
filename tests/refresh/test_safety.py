"""Files that want to harm: names that climb, tables that unfold, addresses that are no addresses, names with HTML."""

import dataclasses
import io
import zipfile

import numpy as np
import pandas as pd
import published
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obslaws.errors import SourceError
from obslaws.fetching import limits
from obslaws.fetching.limits import read_parquet, read_zip, safe_name, whole_shards
from obslaws.snapshot import open_snapshot


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "a/../../x", "a\\..\\x", "C:/x.csv", "a\x00b", ""])
def test_names_that_leave_their_folder(name):
    with pytest.raises(SourceError, match="leaves its folder; refused"):
        safe_name(name, "here")


def test_a_repository_with_a_climbing_name_is_refused(run_refresh, hub):
    found = hub.repos[published.V2]
    content = found.commits[found.refs["main"]][published.V2_FILE]
    hub.commit(published.V2, {published.V2_FILE: content, "data/../../../evil.parquet": b"x"})
    (failed,) = run_refresh("open-llm-v2").failed
    assert "leaves its folder" in failed.cause


@pytest.mark.parametrize("name", ["data/model.pkl", "data/a.pickle", "data/a.joblib", "data/a.npy"])
def test_what_is_no_table_is_not_opened(name):
    with pytest.raises(SourceError, match="is no table"):
        whole_shards("here", "there", "data/*", [name])


def test_rows_and_columns_are_counted_before_decoding(tmp_path, monkeypatch):
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"a": np.zeros(2_000_000), "b": np.zeros(2_000_000)}), path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(limits, "MAX_CELLS", 1_000_000)
    with pytest.raises(SourceError, match=r"absurdly large \(2,000,000 x 2 cells"):
        read_parquet(path, "here")
    wide = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"c{i}": [0.0] for i in range(5_000)}), wide)
    with pytest.raises(SourceError, match=r"absurdly large \(5,000 columns"):
        read_parquet(wide, "here")


def test_a_text_that_unfolds_is_refused(tmp_path):
    path = tmp_path / "bomb.parquet"
    folded = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2_000, dtype=np.int32)), pa.array(["x" * 1_000_000]))
    # without its schema arrow finds a column of plain texts, as it would in a file of others
    pq.write_table(pa.table({"a": folded}), path, store_schema=False)
    assert path.stat().st_size < 3_000_000
    assert pq.read_schema(path).field("a").type == pa.string()
    with pytest.raises(SourceError, match="bytes unfolded"):
        read_parquet(path, "here")


def test_texts_numbers_and_dates_come_back(tmp_path):
    frame = pd.DataFrame(
        {
            "t": ["a", None, "ä"],
            "n": [1.5, np.nan, 2.0],
            "d": pd.to_datetime(["2024-01-01"] * 3),
            "nested": [[1], [2], []],
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    back = read_parquet(tmp_path / "a.parquet", "here")
    assert list(back) == ["t", "n", "d"]
    assert back["t"].tolist()[::2] == ["a", "ä"]
    assert pd.isna(back["t"][1])


def test_zips(tmp_path, monkeypatch):
    def packed(**members):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), content)
        path = tmp_path / "a.zip"
        path.write_bytes(file.getvalue())
        return path

    assert read_zip(packed(data__one_csv=b"a,b\n1,2\n", notes=b"x"), "here") == {"one": b"a,b\n1,2\n"}
    with pytest.raises(SourceError, match="leaves its folder"):
        read_zip(packed(**{"..__one_csv": b"a"}), "here")
    monkeypatch.setattr(limits, "MAX_UNFOLDED", 1_000_000)
    with pytest.raises(SourceError, match="bytes unfolded"):
        read_zip(packed(one_csv=b"0" * 5_000_000), "here")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(SourceError, match="is damaged"):
        read_zip(tmp_path / "a.zip", "here")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://example.org/a.csv", "data:text/csv,a"])
def test_only_http(run_refresh, board, address):
    live = dataclasses.replace(board["epoch"].live, files={"trimmed_notable_ai_models": address})
    registry = {**board, "epoch": dataclasses.replace(board["epoch"], live=live)}
    (failed,) = run_refresh("epoch", registry=registry).failed
    assert "is not http or https; refused" in failed.cause


@pytest.mark.parametrize(("source", "path"), [("epoch", "trimmed_notable"), ("open-llm-v2", "/x")])
def test_absurd_sizes_are_refused_unread(run_refresh, hub, board, source, path):
    live = dataclasses.replace(board[source].live, max_bytes=1000)
    registry = {**board, source: dataclasses.replace(board[source], live=live)}
    (failed,) = run_refresh(source, registry=registry).failed
    assert "expected at most 1,000" in failed.cause


def test_html_in_a_name_is_text(run_refresh, hub):
    from pathlib import Path

    csv = Path(__file__).parents[1] / "fixtures" / "upstream" / "open_llm_leaderboard" / "huggingface_v2.csv"
    frame = published.v2_contents(published.read(csv))
    name = 'evil/<img src="x" onerror="alert(1)">'
    frame.loc[0, "fullname"] = name
    hub.commit(published.V2, {published.V2_FILE: published.parquet(frame)})
    done = run_refresh("open-llm-v2")
    assert name in set(open_snapshot(done.folder).models["model"])
