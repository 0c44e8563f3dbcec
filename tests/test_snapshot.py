import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from obslaws.errors import UnknownNameError
from obslaws.freezing import freeze, main
from obslaws.names import canonical
from obslaws.schema import TABLES, check_table
from obslaws.snapshot import data_root, list_snapshots, load_snapshot
from obslaws.sources import SOURCES

EXCERPT = Path(__file__).parent / "fixtures" / "upstream"
UPSTREAM = os.environ.get("OBSLAWS_UPSTREAM")


@pytest.fixture(scope="module")
def snapshot():
    return load_snapshot()


@pytest.mark.parametrize("name", ["models", "benchmarks", "scores", "facts"])
def test_the_committed_tables_hold_the_schema(snapshot, name):
    table = getattr(snapshot, name)
    units = dict(zip(snapshot.benchmarks["benchmark"], snapshot.benchmarks["unit"], strict=True))
    plain = table.astype({c: "str" for c in table.columns if isinstance(table[c].dtype, pd.CategoricalDtype)})
    checked = check_table(plain, name, units=units)
    assert len(checked) == snapshot.manifest["tables"][name]["rows"]
    assert list(checked.columns) == list(TABLES[name].columns)


def test_names_are_canonical(snapshot):
    models = snapshot.models["model"]
    assert models.str.fullmatch(r"[^/\s]+/[^/\s]+").all()
    assert (models.map(canonical) == models).all()
    assert models.str.lower().is_unique
    assert set(snapshot.scores["model"].cat.categories) <= set(models)


def test_scores_and_models_belong_together(snapshot):
    assert set(snapshot.scores["benchmark"].cat.categories) <= set(snapshot.benchmarks["benchmark"])
    assert set(snapshot.scores["source"].cat.categories) <= set(SOURCES)


def test_every_value_has_a_source_and_a_basis(snapshot):
    models = snapshot.models
    for column, stem in (("n_params",) * 2, ("n_tokens",) * 2, ("train_flop", "flop"), ("release_date",) * 2):
        known = models[column].notna()
        assert (models[f"{stem}_source"].notna() == known).all()
        assert (models[f"{stem}_basis"].notna() == known).all()


def test_the_manifest_names_every_source_licence_and_row(snapshot):
    assert set(snapshot.manifest["sources"]) == {s.id for s in SOURCES.values() if s.bundled}
    for entry in snapshot.manifest["sources"].values():
        assert entry["licence"] and entry["citation"] and entry["url"] and entry["revision"] and entry["retrieved"]
        assert entry["rows_read"] == entry["rows_kept"] + sum(entry["rows_dropped"].values())
        assert all(len(digest) == 64 for digest in entry["files"].values())
    kept_out = ("alpaca_eval", "swe_bench", "livecodebench", "models_table")
    assert not any(word in json.dumps(snapshot.manifest) for word in kept_out)


def test_scores_are_counted_per_source(snapshot):
    counted = {source: entry["scores"] for source, entry in snapshot.manifest["sources"].items() if entry["scores"]}
    assert snapshot.scores["source"].value_counts().to_dict() == counted


def test_the_snapshot_is_small(snapshot):
    assert sum(path.stat().st_size for path in snapshot.folder.iterdir()) < 3_000_000


def test_mended_values(snapshot):
    models = snapshot.models.set_index("model")
    assert models.loc["stabilityai/stablelm-2-1_6b", "n_params"] == pytest.approx(1.64e9, rel=0.05)
    assert models.loc["cerebras/btlm-3b-8k-base", "n_tokens"] == pytest.approx(627e9, rel=0.01)
    assert models.loc["google/gemma-2-9b-it", "n_tokens"] == 8e12
    assert models.loc["openlm-research/open_llama_7b_v2", "n_params"] < 8e9
    assert pd.isna(models.loc["mistralai/Mistral-7B-v0.1", "n_tokens"])  # never disclosed


def test_an_unknown_snapshot_offers_the_nearest():
    assert load_snapshot(list_snapshots()[-1]).date == list_snapshots()[-1]
    with pytest.raises(UnknownNameError, match=r"No snapshot named '2026-11-21'. Did you mean '2026-11-22'"):
        load_snapshot("2026-11-21")


def test_the_excerpt_freezes_to_the_same_bytes_twice(tmp_path):
    first = freeze(EXCERPT, tmp_path / "a")
    second = freeze(EXCERPT, tmp_path / "b")
    assert first == second
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["freeze", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no file" in capsys.readouterr().err


@pytest.mark.skipif(UPSTREAM is None, reason="OBSLAWS_UPSTREAM names no folder with upstream copies")
def test_the_committed_snapshot_is_what_the_sources_give(snapshot, tmp_path):
    freeze(Path(UPSTREAM), tmp_path, snapshot.date)
    if snapshot.manifest["writer"] == f"pyarrow {pa.__version__}":
        for path in snapshot.folder.iterdir():
            assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    for name in TABLES:  # another writer lays out other bytes; what they say is the same
        again = pd.read_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(again, pd.read_parquet(snapshot.folder / f"{name}.parquet"))


def test_data_root_holds_snapshots_and_views():
    assert (data_root() / "snapshots").is_dir()
    assert (data_root() / "views").is_dir()
