"""Plain addresses: tables that a page lists, release files, and texts that end too early without anybody saying so."""

import dataclasses
import json
from pathlib import Path

import pytest

from obslaws.errors import SourceError
from obslaws.fetching import Network
from obslaws.snapshot import open_snapshot
from obslaws.sources.livebench import listed_tables

FIXTURES = Path(__file__).parents[1] / "fixtures" / "upstream"


def outcome(done, source):
    return next(o for o in done.outcomes if o.source == source)


def scores_of(snapshot, source):
    scores = snapshot.scores[snapshot.scores["source"] == source]
    columns = ["model", "benchmark", "setting", "score"]
    return set(scores[columns].round(9).itertuples(index=False, name=None))


@pytest.fixture
def network(hub):
    """Nine files one after the other need more time than one does."""
    return Network(endpoint=hub.url, timeout=2.0, deadline=30.0, tries=2, pause=0.05)


@pytest.fixture
def livebench(hub, board):
    """Publish the seven tables, a category file, and the page that lists the folder."""
    names = []
    for path in sorted((FIXTURES / "livebench").glob("*.csv")):
        hub.put(f"public/{path.name}", path.read_bytes())
        names.append(path.name)
    entries = [{"name": n, "download_url": "https://example.org/elsewhere"} for n in [*names, "categories_x.json"]]
    url = hub.put("contents/public", json.dumps(entries).encode())

    def listing(text):
        return {frame: f"{hub.url}/public/{frame}.csv" for frame in listed_tables(text)}

    live = dataclasses.replace(board["livebench"].live, files={"listing": url}, listing=listing)
    return {**board, "livebench": dataclasses.replace(board["livebench"], live=live)}


def test_listed_tables_give_the_frozen_rows_and_are_fetched_once(run_refresh, hub, base, livebench):
    done = run_refresh("livebench", registry=livebench)
    assert outcome(done, "livebench").status == "refreshed", done.failed
    now = open_snapshot(done.folder)
    assert scores_of(now, "livebench") == scores_of(base, "livebench")
    asked = len(hub.log)
    again = run_refresh("livebench", registry=livebench, base=now)
    assert (again.folder, {r.status for r in hub.log[asked:]}) == (None, {304})


def test_a_new_table_is_taken_and_one_with_new_tasks_only_is_counted(run_refresh, hub, livebench):
    hub.put("public/table_2026_01_08.csv", b"model,typos,brand_new\nphi-4,50.0,40.0\n")
    hub.put("public/table_2026_06_25.csv", b"model,another\nphi-4,40.0\n")
    old = [p.name for p in (FIXTURES / "livebench").glob("*.csv")]
    page = json.dumps([{"name": n} for n in [*old, "table_2026_01_08.csv", "table_2026_06_25.csv"]])
    hub.put("contents/public", page.encode(), 1_780_000_000.0)
    done = run_refresh("livebench", registry=livebench)
    now = open_snapshot(done.folder)
    assert any("release 2026-01-08" in str(row[2]) for row in scores_of(now, "livebench"))
    dropped = now.manifest["sources"]["livebench"]["rows_dropped"]
    assert dropped["row of a table without a known task"] == 1


def test_a_dry_run_reads_the_page_only(run_refresh, hub, livebench):
    told = outcome(run_refresh("livebench", registry=livebench, dry_run=True), "livebench")
    assert told.n_bytes > 1_000
    assert [r.path for r in hub.asked("GET")] == ["/contents/public"]


@pytest.mark.parametrize(("text", "words"), [
    ("<html>", "is no list of names"), ('{"message": "API rate limit exceeded"}', "is no list of names"),
    ('[{"name": "index.html"}]', "no table_<yyyy_mm_dd>.csv listed; found index.html"),
])  # fmt: skip
def test_a_page_that_lists_nothing(text, words):
    with pytest.raises(SourceError, match=words):
        listed_tables(text)


def test_a_listing_cannot_lead_elsewhere():
    names = ["table_2024_06_24.csv", "../../table_2024_06_24.csv", "table_2024_06_24.csv?x=http://evil"]
    found = listed_tables(json.dumps([{"name": n, "download_url": "file:///etc/passwd"} for n in names]))
    assert list(found) == ["table_2024_06_24"]
    assert found["table_2024_06_24"].startswith("https://raw.githubusercontent.com/LiveBench/")


def test_helm_from_its_release_files(run_refresh, hub, board):
    urls = {p.stem: hub.put(f"helm/{p.name}", p.read_bytes()) for p in (FIXTURES / "helm").glob("*.json")}
    live = dataclasses.replace(board["helm"].live, files=urls)
    registry = {**board, "helm": dataclasses.replace(board["helm"], live=live)}
    done = run_refresh("helm", registry=registry)
    now = open_snapshot(done.folder)
    assert ("openai/gpt-4-0613", "gsm8k@helm-lite", None, 0.932) in {
        (m, b, None, s) for m, b, _, s in scores_of(now, "helm")
    }
    cells = now.duplicates(["gsm8k@helm-lite"])
    assert set(cells["source"]) == {"every-eval-ever", "helm"}, "two sources of one measurement both stay"


@pytest.fixture
def untold(hub, board):
    """Publish Epoch's tables without their lengths; give a function that cuts one."""
    hub.told = False
    path = "/data/trimmed_large_scale_ai_models.csv"
    whole, modified = hub.files[path]

    def cut(content):
        hub.files[path] = (content(whole), modified)

    return cut


def test_a_table_without_a_length_is_read_when_it_is_whole(run_refresh, untold):
    assert outcome(run_refresh("epoch"), "epoch").status == "refreshed"


CUTS = {
    "within its last row": (lambda whole: whole[: whole.rstrip(b"\n").rfind(b",") - 3], "cells, the heading"),
    "after a row": (
        lambda whole: b"\n".join(whole.splitlines()[:-2]) + b"\n",
        "rows, in snapshot 2026-01-01 there were",
    ),
    "inside a quoted cell": (lambda whole: whole + b'"begun, ', "epoch, trimmed_large_scale_ai_models is damaged"),
}


@pytest.mark.parametrize("case", CUTS)
def test_a_table_without_a_length_that_was_cut(run_refresh, untold, base, case):
    content, words = CUTS[case]
    untold(content)
    done = run_refresh("epoch")
    (failed,) = done.failed
    assert words in failed.cause, failed.cause


def test_a_last_line_without_an_end_is_asked_for_twice(run_refresh, hub, untold):
    untold(lambda whole: whole.rstrip(b"\n"))
    assert outcome(run_refresh("epoch"), "epoch").status == "refreshed", "the same bytes twice are the whole file"
    assert len(hub.asked("GET", part="large_scale")) == 2


def test_a_shrunk_table_can_be_accepted(run_refresh, untold):
    untold(CUTS["after a row"][0])
    (failed,) = run_refresh("epoch").failed
    assert "Expected at least as many, since it came without its length" in failed.cause
    assert "--accept-shrink" in failed.cause
    assert outcome(run_refresh("epoch", accept_shrink=True), "epoch").status == "refreshed"


def test_the_review_file_lists_every_doubtful_name_of_the_snapshot(run_refresh, base):
    """Boards that are carried over keep their names in it, as a freeze of everything would list them."""
    before = base.review()
    assert set(before["source"]) > {"livebench"}
    after = open_snapshot(run_refresh("open-llm-v2").folder)
    assert after.review().to_dict("records") == before.to_dict("records")
    for source, entry in after.manifest["sources"].items():
        assert entry.get("names") == base.manifest["sources"][source].get("names"), source


def test_the_review_file_of_a_refreshed_board_too(run_refresh, base, livebench):
    after = open_snapshot(run_refresh("livebench", registry=livebench).folder)
    assert after.review().to_dict("records") == base.review().to_dict("records")
    again = open_snapshot(run_refresh("open-llm-v1", registry=livebench, base=after).folder)
    assert again.review().to_dict("records") == base.review().to_dict("records")
