"""Everything that goes wrong on the way: one line with the cause, the others' rows kept, the old snapshot untouched."""

import dataclasses
import errno
import io
import resource
import time
from pathlib import Path

import loopback_hub
import pandas as pd
import published
import pytest

from obslaws.errors import StorageError
from obslaws.lifecycle import storing
from obslaws.lifecycle.validate import validate
from obslaws.snapshot import load_snapshot, open_snapshot

Fault = loopback_hub.Fault
CONTENTS = "open-llm-leaderboard/contents"
BODY = {
    "hub": "/cdn/",
    "http": "trimmed_notable",
}  # where the bodies of large hub files, and of Epoch's table, come from


def outcome(done, source):
    return next(o for o in done.outcomes if o.source == source)


def failed(done, source, words):
    """The source failed with one short line, the other one did not, and the snapshot is whole."""
    told = outcome(done, source)
    assert told.status == "failed"
    assert words in told.cause, told.cause
    assert "\n" not in told.cause
    assert len(told.cause) < 330, told.cause
    if done.folder is not None:
        validate(done.folder)
        assert open_snapshot(done.folder).manifest["sources"][source]["failed"] == told.cause
    return told


@pytest.fixture
def large(hub):
    """Make v2's file so large that it comes from the other origin, as the real one does."""
    frame = published.v2_contents(published.read(published_csv()))
    frame["padding"] = [f"{i:05}" * 3000 for i in range(len(frame))]
    file = io.BytesIO()
    frame.to_parquet(file, index=False, compression="none")
    hub.commit(published.V2, {published.V2_FILE: file.getvalue()})
    return len(file.getvalue())


def published_csv():
    return Path(__file__).parents[1] / "fixtures" / "upstream" / "open_llm_leaderboard" / "huggingface_v2.csv"


STATUS = [
    (401, "HTTP 401, not signed in; set HF_TOKEN"),
    (403, "HTTP 403, access refused; ask for access"),
    (404, "HTTP 404, not there any more"),
    (429, "HTTP 429, too many requests"),
    (500, "HTTP 500, the server has a fault"),
    (503, "HTTP 503, the server has a fault"),
]


@pytest.mark.parametrize(("status", "words"), STATUS)
@pytest.mark.parametrize(("source", "path"), [("open-llm-v2", f"/api/datasets/{CONTENTS}"), ("epoch", BODY["http"])])
def test_status(run_refresh, hub, base, source, path, status, words):
    hub.faults.append(Fault(path=path, status=status))
    done = run_refresh(source, "open-llm-v1")
    failed(done, source, words)
    assert outcome(done, "open-llm-v1").status == "refreshed"
    kept = open_snapshot(done.folder).facts
    assert (kept["source"] == source).sum() == (base.facts["source"] == source).sum()


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("source", "path"), [("open-llm-v2", f"/api/datasets/{CONTENTS}"), ("epoch", BODY["http"])])
def test_a_passing_fault_is_tried_again(run_refresh, hub, source, path, status):
    hub.faults.append(Fault(path=path, status=status, times=1))
    assert outcome(run_refresh(source), source).status == "refreshed"


@pytest.mark.parametrize(("source", "path"), [("open-llm-v2", f"/api/datasets/{CONTENTS}"), ("epoch", BODY["http"])])
def test_retry_after_is_obeyed(run_refresh, hub, source, path):
    hub.faults.append(Fault(path=path, status=429, headers={"Retry-After": "1"}, times=1))
    start = time.monotonic()
    assert outcome(run_refresh(source), source).status == "refreshed"
    assert time.monotonic() - start > 1.0
    hub.faults.append(Fault(path=path, status=429, headers={"Retry-After": "3600"}))
    start = time.monotonic()
    failed(run_refresh(source), source, "HTTP 429, too many requests")
    assert time.monotonic() - start < 4


def test_host_not_found(run_refresh, board, network):
    live = dataclasses.replace(board["epoch"].live, files={"trimmed_notable_ai_models": "http://nowhere.invalid/a.csv"})
    registry = {**board, "epoch": dataclasses.replace(board["epoch"], live=live)}
    nowhere = dataclasses.replace(network, endpoint="http://nowhere.invalid")
    done = run_refresh("epoch", "open-llm-v2", registry=registry, network=nowhere)
    for source in ("epoch", "open-llm-v2"):
        failed(done, source, "host not found")
    assert done.folder is None


def test_connection_refused(run_refresh, board, network):
    dead = f"http://127.0.0.1:{loopback_hub.unused_port()}"
    live = dataclasses.replace(board["epoch"].live, files={"trimmed_notable_ai_models": f"{dead}/a.csv"})
    registry = {**board, "epoch": dataclasses.replace(board["epoch"], live=live)}
    done = run_refresh("epoch", "open-llm-v2", registry=registry, network=dataclasses.replace(network, endpoint=dead))
    for source in ("epoch", "open-llm-v2"):
        failed(done, source, "connection refused")


@pytest.mark.parametrize(("source", "path"), [("open-llm-v2", f"/api/datasets/{CONTENTS}"), ("epoch", BODY["http"])])
def test_a_server_that_says_nothing(run_refresh, hub, source, path):
    hub.faults.append(Fault(path=path, kind="hang"))
    failed(run_refresh(source), source, "no answer in time")


def test_a_body_that_stops_without_an_end(run_refresh, hub, large, network):
    short = dataclasses.replace(network, deadline=3.0)
    hub.faults += [Fault(path=p, method="GET", kind="hang", after=200) for p in BODY.values()]
    done = run_refresh("open-llm-v2", "epoch", "open-llm-v1", network=short)
    failed(done, "epoch", "no answer in time")
    failed(done, "open-llm-v2", "nothing came within 3 s")
    assert outcome(done, "open-llm-v1").status == "refreshed"


@pytest.mark.parametrize("kind", ["cut", "reset", "too-long"])
def test_a_cut_body_by_http(run_refresh, hub, kind):
    hub.faults.append(Fault(path=BODY["http"], kind=kind))
    words = "the connection was lost" if kind == "reset" else "the file broke off"
    failed(run_refresh("epoch"), "epoch", words)
    hub.faults[0].times = 1
    assert outcome(run_refresh("epoch"), "epoch").status == "refreshed"


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_cut_body_from_the_hub_is_asked_for_again(run_refresh, hub, large, kind):
    hub.faults.append(Fault(path=BODY["hub"], method="GET", kind=kind, times=1))
    assert outcome(run_refresh("open-llm-v2"), "open-llm-v2").status == "refreshed"
    assert len(hub.asked("GET", part="/cdn/")) == 2


@pytest.mark.parametrize("kind", ["cut", "too-short", "too-long", "garbage"])
def test_a_body_from_the_hub_that_is_never_right(run_refresh, hub, base, large, kind, network):
    hub.faults.append(Fault(path=BODY["hub"], method="GET", kind=kind))
    told = failed(run_refresh("open-llm-v2", "epoch"), "open-llm-v2", "")
    assert any(w in told.cause for w in ("broke off", "its hash is", "nothing came", "bytes came", "lost"))
    hub.faults.clear()
    assert outcome(run_refresh("open-llm-v2"), "open-llm-v2").status == "refreshed"


def test_a_shorter_length_than_the_body_by_http_is_noticed_by_what_is_missing(run_refresh, hub):
    hub.faults.append(Fault(path=BODY["http"], kind="too-short"))
    told = outcome(run_refresh("epoch"), "epoch")
    assert told.status == "failed", told


@pytest.mark.parametrize(("source", "path"), [("open-llm-v2", f"/api/datasets/{CONTENTS}"), ("epoch", BODY["http"])])
def test_redirects_in_a_circle(run_refresh, hub, source, path):
    hub.faults.append(Fault(path=path, kind="loop"))
    failed(run_refresh(source), source, "redirected in a circle")


def test_a_damaged_file_in_the_cache_is_fetched_again(run_refresh, hub, tmp_path):
    run_refresh("open-llm-v2")
    blobs = [p for p in (tmp_path / "hf").rglob("blobs/*") if p.is_file()]
    assert blobs
    for blob in blobs:
        blob.write_bytes(b"PAR1 rotten PAR1")
    assert outcome(run_refresh("open-llm-v2"), "open-llm-v2").status in ("refreshed", "unchanged")


def v2(**changed):
    return published.v2_contents(published.read(published_csv())).assign(**changed)


TABLES = {
    "corrupted": (lambda: b"PAR1" + b"\x07" * 500 + b"PAR1", "is damaged"),
    "not parquet": (lambda: b"<html>504</html>", "is damaged"),
    "column gone": (lambda: published.parquet(v2().drop(columns="BBH Raw")), "column 'BBH Raw' is gone"),
    "column of words": (lambda: published.parquet(v2(**{"BBH Raw": "n/a"})), "holds 'n/a', expected numbers"),
    "unit": (
        lambda: published.parquet(v2(**{"GPQA Raw": v2()["GPQA Raw"] * 100})),
        "'GPQA Raw' holds values from",
    ),
    "unit unseen by range": (
        lambda: published.parquet(v2(**{"GPQA Raw": v2()["GPQA Raw"] / 100})),
        "the median of 'gpqa' over the models known before went from",
    ),
    "size in counts": (
        lambda: published.parquet(v2(**{"#Params (B)": v2()["#Params (B)"] * 1e9})),
        "expected trained parameters, count between",
    ),
    "empty": (lambda: published.parquet(v2()[:0]), "is empty"),
    "shrunk": (lambda: published.parquet(v2()[:3]), "3 rows, in snapshot 2026-01-01 there were 19"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_changed(run_refresh, hub, base, case):
    content, words = TABLES[case]
    hub.commit(published.V2, {published.V2_FILE: content()})
    done = run_refresh("open-llm-v1", "open-llm-v2")
    failed(done, "open-llm-v2", words)
    now = open_snapshot(done.folder).scores
    assert (now["source"] == "open-llm-v2").sum() == (base.scores["source"] == "open-llm-v2").sum()


def test_v1_in_fractions_is_refused(run_refresh, hub):
    folder = published_csv().parent
    frame = published.v1_contents(published.read(folder / "huggingface_v1.csv"))
    frame["ARC"] /= 100
    hub.commit(published.V1, {published.V1_FILE: published.parquet(frame)})
    failed(run_refresh("open-llm-v1"), "open-llm-v1", "expected 0 to 100 (percent)")


def test_a_parser_that_stumbles_is_the_sources_fault_only(run_refresh, board):
    def stumble(frames):
        raise KeyError("Score")

    registry = {**board, "epoch": dataclasses.replace(board["epoch"], parse=stumble)}
    failed(run_refresh("epoch", "open-llm-v1", registry=registry), "epoch", "could not be read (KeyError: 'Score')")


def test_a_full_disk_leaves_everything_as_it_was(run_refresh, home, monkeypatch):
    before = run_refresh().folder
    bytes_before = {p.name: p.read_bytes() for p in before.iterdir()}

    def full(tables, entries, out, date):
        (out / "models.parquet").write_bytes(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(storing, "write_snapshot", full)
        with pytest.raises(StorageError, match=r"not written: no space left on the device; free some"):
            run_refresh()
    assert [p.name for p in (home / "snapshots").iterdir()] == [before.name]
    assert {p.name: p.read_bytes() for p in before.iterdir()} == bytes_before
    validate(load_snapshot("latest").folder)
    assert run_refresh().folder is not None


def test_a_full_disk_of_the_operating_system(run_refresh, tmp_path):
    """No file may grow beyond 8 kB for a while: the system itself refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))
        with pytest.raises(StorageError, match="no space left on the device"):
            run_refresh("epoch", out=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".aside*"))
    assert run_refresh("epoch", out=tmp_path / "out").folder.is_dir()


def test_a_column_more_is_no_fault(run_refresh, hub):
    hub.commit(published.V2, {published.V2_FILE: published.parquet(v2(Nice=pd.Series(range(19)) / 2))})
    assert outcome(run_refresh("open-llm-v2"), "open-llm-v2").status == "refreshed"
