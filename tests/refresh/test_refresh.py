"""From the loopback hub to a snapshot: the same rows as the committed ones, nothing downloaded twice."""

import dataclasses
import json
import os
from pathlib import Path

import loopback_hub
import pandas as pd
import published
import pytest

from obslaws.errors import StorageError, UnknownNameError, UsageError
from obslaws.fetching import Network
from obslaws.lifecycle.refresh import refresh
from obslaws.lifecycle.validate import validate
from obslaws.snapshot import load_snapshot, open_snapshot

UPSTREAM = os.environ.get("OBSLAWS_UPSTREAM")
TABLES = ("models", "benchmarks", "scores", "facts")
Fault = loopback_hub.Fault
BOARDS = ("open-llm-v1", "open-llm-v2")


def plain(frame):
    return frame.astype({c: "str" for c in frame if isinstance(frame[c].dtype, pd.CategoricalDtype)})


def test_the_excerpts_come_back_as_they_were_frozen(run_refresh, base):
    done = run_refresh()
    assert [o.status for o in done.outcomes if o.source in BOARDS] == ["refreshed", "refreshed"]
    assert done.folder.name == "2027-02-02"
    again = load_snapshot("latest")
    for name in TABLES:
        pd.testing.assert_frame_equal(plain(getattr(again, name)), plain(getattr(base, name)))
    validate(again.folder)


def test_the_first_run_makes_one_call_per_source_and_file_the_second_downloads_nothing(run_refresh, hub, board):
    run_refresh(*BOARDS, "epoch")
    assert len(hub.asked("GET", part="/api/datasets/")) == 2
    assert len(hub.asked("HEAD", part="/resolve/")) == 2
    assert len(hub.asked("GET", part="/data/")) == 3 + 2  # Epoch's three tables, and two small files of the hub
    first = len(hub.log)
    done = run_refresh(*BOARDS, "epoch")
    later = hub.log[first:]
    assert [r.status for r in later if "/api/" not in r.path] == [304] * 3
    assert sum(r.n_bytes for r in later if "/api/" not in r.path) == 0
    assert len(later) == 5
    assert {o.n_bytes for o in done.outcomes} == {0}


def test_two_runs_give_the_same_bytes(run_refresh, tmp_path):
    first, second = (run_refresh(out=tmp_path / name).folder for name in ("a", "b"))
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_nothing_new_makes_no_new_snapshot(run_refresh):
    name = run_refresh().folder.name
    again = run_refresh(base=load_snapshot(name))
    assert again.folder is None
    assert [o.status for o in again.outcomes if o.source in BOARDS] == ["unchanged", "unchanged"]


def test_a_taken_day_gets_a_number_and_the_newest_is_found(run_refresh, home):
    names = [run_refresh().folder.name for _ in range(3)]
    assert names == ["2027-02-02", "2027-02-02.2", "2027-02-02.3"]
    (home / "snapshots" / "2027-02-02.3").rename(home / "snapshots" / "2027-12-31.10")
    (home / "snapshots" / "2027-02-02.2").rename(home / "snapshots" / "2027-12-31.9")
    assert load_snapshot("latest").name == "2027-12-31.10"


def test_the_embedded_snapshot_answers_until_another_is_named(run_refresh, monkeypatch):
    folder = run_refresh(date="2027-01-01").folder
    assert load_snapshot().name != "2027-01-01"
    assert load_snapshot("2027-01-01").folder == folder
    monkeypatch.setenv("OBSLAWS_SNAPSHOT", "latest")
    assert load_snapshot().name == "2027-01-01"
    monkeypatch.setenv("OBSLAWS_SNAPSHOT", str(folder))
    assert load_snapshot().folder == folder


def test_the_manifest_says_what_came_from_where(run_refresh, hub, board):
    hub.faults.append(Fault(path="open-llm-leaderboard-old", status=404))
    manifest = open_snapshot(run_refresh().folder).manifest["sources"]
    fresh, failed = manifest["open-llm-v2"], manifest["open-llm-v1"]
    repo = hub.repos["open-llm-leaderboard/contents"]
    assert (fresh["revision"], fresh["retrieved"]) == (repo.refs["main"], "2027-02-02")
    assert fresh["frozen_part"]["benchmarks"] == ["math_lvl5_2024"]
    assert "failed" not in fresh
    assert failed["carried_from"] == "2026-01-01"
    assert "HTTP 404" in failed["failed"]
    assert manifest["sloth"]["carried_from"] == "2026-01-01"


def test_both_known_layouts_of_v2(run_refresh, hub, base):
    csv = published.read(published_folder() / "huggingface_v2.csv")
    early = published.v2_contents(csv, early=True).drop(columns="fullname")
    hub.commit(published.V2, {published.V2_FILE: published.parquet(early)})
    done = run_refresh("open-llm-v2")
    assert done.folder is not None, done.failed
    now, before = (s.scores[s.scores["source"] == "open-llm-v2"] for s in (open_snapshot(done.folder), base))
    pd.testing.assert_frame_equal(plain(now).reset_index(drop=True), plain(before).reset_index(drop=True))
    facts = open_snapshot(done.folder).facts
    moe = facts[facts["source"].eq("open-llm-v2") & facts["attribute"].isin(["is_moe", "is_flagged"])]
    old = base.facts[base.facts["source"].eq("open-llm-v2") & base.facts["attribute"].isin(["is_moe", "is_flagged"])]
    pd.testing.assert_frame_equal(plain(moe).reset_index(drop=True), plain(old).reset_index(drop=True))


def published_folder():
    return Path(__file__).parents[1] / "fixtures" / "upstream" / "open_llm_leaderboard"


def test_an_older_file_is_found_under_its_new_hash(run_refresh, hub):
    found = hub.repos[published.V1]
    content = found.commits[found.refs["main"]][published.V1_FILE]
    hub.commit(published.V1, {"data/train-00000-of-00001-0123456789abcdef.parquet": content})
    assert run_refresh("open-llm-v1").folder is not None


def test_shards_are_put_together_and_a_missing_one_is_named(run_refresh, hub, base):
    frame = published.v2_contents(published.read(published_folder() / "huggingface_v2.csv"))
    parts = [published.parquet(frame[:9]), published.parquet(frame[9:])]
    names = [f"data/train-{i:05}-of-00002.parquet" for i in range(2)]
    hub.commit(published.V2, dict(zip(names, parts, strict=True)))
    assert open_snapshot(run_refresh("open-llm-v2").folder).scores.shape == base.scores.shape
    hub.commit(published.V2, {names[0]: parts[0]})
    (failed,) = run_refresh("open-llm-v2").failed
    assert "1 files 'data/*.parquet'" in failed.cause
    assert "expected 2" in failed.cause


def test_a_dry_run_downloads_and_writes_nothing(run_refresh, hub, home):
    done = run_refresh(*BOARDS, "epoch", dry_run=True)
    assert {o.status for o in done.outcomes} == {"found"}
    assert all(o.n_bytes > 0 for o in done.outcomes)
    assert hub.n_bytes == 0
    assert not (home / "snapshots").exists()


def test_offline_uses_what_was_fetched(run_refresh, hub, network, tmp_path, monkeypatch):
    quiet = dataclasses.replace(network, offline=True)
    failed = run_refresh(*BOARDS, "epoch", network=quiet).failed
    assert {o.source for o in failed} == {*BOARDS, "epoch"}
    assert all("Refresh once with network" in o.cause for o in failed)
    first = run_refresh(*BOARDS, "epoch", out=tmp_path / "first")
    asked = len(hub.log)
    second = run_refresh(*BOARDS, "epoch", out=tmp_path / "second", network=quiet)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    third = run_refresh(*BOARDS, "epoch", out=tmp_path / "third")
    assert len(hub.log) == asked
    for one in (second, third):
        assert not one.failed
        assert open_snapshot(one.folder).hash == open_snapshot(first.folder).hash


def test_since_leaves_alone_what_did_not_change(run_refresh):
    done = run_refresh(since="2025-06-01")
    assert {o.source: o.cause for o in done.outcomes if o.source in BOARDS} == dict.fromkeys(
        BOARDS, "unchanged upstream since 2025-03-20"
    )
    assert done.folder is None
    assert run_refresh(since="2025-03-20").folder is not None


@pytest.mark.parametrize(
    ("names", "options", "error", "words"),
    [
        (["open-lm-v2"], {}, UnknownNameError, "Did you mean 'open-llm-v2'"),
        (["sloth"], {}, UsageError, "published once"),
        (["epoch"], {"since": "last week"}, UsageError, "since is 'last week', expected a day"),
    ],
)
def test_arguments_that_make_no_sense(run_refresh, names, options, error, words):
    with pytest.raises(error, match=words):
        run_refresh(*names, **options)


def test_out_must_be_empty(run_refresh, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="not an empty folder"):
        run_refresh(out=tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"snapshot was not written"):
        run_refresh(out=tmp_path / "file" / "below")


def test_the_token_goes_to_the_hub_only_and_is_stored_nowhere(run_refresh, hub, home, tmp_path, monkeypatch):
    token = "hf_" + "x" * 30
    monkeypatch.setenv("HF_TOKEN", token)
    hub.faults.append(Fault(path="open-llm-leaderboard-old", status=401))
    done = run_refresh(*BOARDS, "epoch")
    sent = {r.path.split("?")[0].split("/")[1] for r in hub.log if token in json.dumps(r.headers)}
    assert sent == {"api", "datasets"}
    assert not any(token in o.cause for o in done.outcomes)
    for path in (*home.rglob("*"), *(tmp_path / "hf").rglob("*")):
        assert not path.is_file() or token.encode() not in path.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(UPSTREAM is None, reason="OBSLAWS_UPSTREAM names no folder with upstream copies")
def test_the_whole_boards_give_the_committed_rows(home, hub, network):
    registry = published.publish(hub, Path(UPSTREAM))
    patient = Network(endpoint=hub.url)
    done = refresh(BOARDS, network=patient, registry=registry, date="2027-01-01")
    now, committed = open_snapshot(done.folder), load_snapshot()
    for name in ("scores", "facts"):
        pair = [plain(getattr(s, name)) for s in (now, committed)]
        for source in BOARDS:
            one, other = (f[f["source"] == source].reset_index(drop=True) for f in pair)
            assert len(one) > 20_000 or name == "facts"
            pd.testing.assert_frame_equal(one, other)
    first = len(hub.log)
    refresh(BOARDS, network=patient, registry=registry, date="2027-01-01")
    assert [r.method for r in hub.log[first:]] == ["GET", "GET"]
    assert all("/api/datasets/" in r.path for r in hub.log[first:])
