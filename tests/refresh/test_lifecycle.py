"""Snapshots compared, checked, given away; and the commands that do it."""

import json

import pandas as pd
import published
import pytest

from obslaws.cli.app import main
from obslaws.errors import SchemaError, SourceError, UnknownNameError, UsageError
from obslaws.lifecycle.diff import _next_models, compare, moved_forecasts
from obslaws.lifecycle.export import export
from obslaws.lifecycle.validate import validate
from obslaws.panel import load_panel
from obslaws.snapshot import load_snapshot, open_snapshot


@pytest.fixture
def changed(run_refresh, hub):
    """Refresh after one score of Qwen2.5-7B went up by a tenth, one row went and one came."""
    from pathlib import Path

    csv = published.read(Path(__file__).parents[1] / "fixtures/upstream/open_llm_leaderboard/huggingface_v2.csv")
    frame = published.v2_contents(csv)
    frame.loc[frame["fullname"] == "Qwen/Qwen2.5-7B", "GPQA Raw"] += 0.1
    new = frame[frame["fullname"] == "01-ai/Yi-1.5-9B-32K"].assign(fullname="acme/new-7B", eval_name="acme_new-7B")
    frame = pd.concat([frame[frame["fullname"] != "01-ai/Yi-1.5-9B-32K"], new], ignore_index=True)
    hub.commit(published.V2, {published.V2_FILE: published.parquet(frame)})
    return open_snapshot(run_refresh("open-llm-v2").folder)


def test_diff_names_every_change(base, changed):
    told = compare(base, changed)
    v2 = told.summary.set_index(["table", "source"]).loc[("scores", "open-llm-v2")]
    assert tuple(v2) == (6, 1, 6)
    (moved,) = told.scores[told.scores["change"] == "changed"].to_dict("records")
    assert (moved["model"], moved["benchmark"]) == ("Qwen/Qwen2.5-7B", "gpqa")
    assert moved["after"] - moved["before"] == pytest.approx(0.1)
    assert "acme/new-7B" in set(told.models.loc[told.models["change"] == "added", "model"])
    same = compare(base, base)
    assert not len(same.models) and not len(same.scores)


def test_forecasts_that_would_move(small_panel, monkeypatch):
    moved = load_panel_changed(small_panel)
    pair = iter([small_panel, moved])
    monkeypatch.setattr("obslaws.lifecycle.diff.view_panel", lambda view, snapshot: next(pair))
    told = moved_forecasts(None, None)
    assert len(told)
    assert told["benchmark"].iloc[0] == "mmlu", "the skill model moves the others a little, too"
    assert told["moved"].abs().is_monotonic_decreasing
    pair = iter([small_panel, moved])
    fast = moved_forecasts(None, None, name="logit-ols")
    assert set(fast["benchmark"]) == {"mmlu"}
    assert list(fast) == list(told)
    pair = iter([small_panel, small_panel])
    assert moved_forecasts(None, None, name="nobody would fit this").empty, "the same panels need no fit"


def test_forecasts_of_whole_panels_can_be_compared(base):
    assert moved_forecasts(base, base, name="logit-ols").empty
    panel = load_panel("core")
    models = _next_models(panel, panel)
    assert len(models) > 100
    assert models.notna().all(axis=None)


def load_panel_changed(panel):
    from dataclasses import replace

    scores = panel.scores.copy()
    scores.loc[scores.index.str.startswith("acme/"), "mmlu"] *= 0.8
    return replace(panel, scores=scores)


@pytest.fixture
def copy(base, tmp_path):
    return export(base, tmp_path / "copy")[0].parent


def test_validate_finds_what_was_changed(copy, base):
    assert validate(copy)["scores"] == len(base.scores)
    table = copy / "scores.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(SchemaError, match=r"scores.parquet: was changed after it was written"):
        validate(copy)
    table.unlink()
    with pytest.raises(SchemaError, match=r"scores.parquet: is missing"):
        validate(copy)
    (copy / "manifest.json").write_text('{"date": "2026')
    with pytest.raises(SourceError, match=r"manifest.json cannot be read"):
        validate(copy)


def test_exported_tables_say_the_same(base, tmp_path):
    export(base, tmp_path / "csv", "csv")
    back = pd.read_csv(tmp_path / "csv" / "scores.csv", dtype={"revision": "str"})
    assert len(back) == len(base.scores)
    assert back["score"].to_numpy() == pytest.approx(base.scores["score"].to_numpy(), nan_ok=True)
    assert open_snapshot(export(base, tmp_path / "parquet")[0].parent).hash == base.hash


def test_exported_records_hold_every_score(base, tmp_path):
    files = [p for p in export(base, tmp_path / "eee", "eee") if p.name != "manifest.json"]
    assert {p.stem for p in files} == set(base.scores["source"].unique())
    records = [r for p in files for r in json.loads(p.read_text())]
    results = [x for r in records for x in r["evaluation_results"]]
    assert len(results) == base.scores["score"].notna().sum()
    one = next(r for r in records if r["evaluation_id"].startswith("open-llm-v2/Qwen/Qwen2.5-7B/"))
    assert one["schema_version"] == "0.3.0"
    assert one["model_info"]["developer"] == "Qwen"
    gpqa = next(x for x in one["evaluation_results"] if x["evaluation_name"] == "gpqa")
    assert gpqa["metric_config"]["max_score"] == 1.0
    assert 0.2 < gpqa["score_details"]["score"] < 0.5


def test_export_refuses(base, tmp_path):
    with pytest.raises(UnknownNameError, match=r"No format named 'parket'. Did you mean 'parquet'"):
        export(base, tmp_path / "a", "parket")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("")
    with pytest.raises(UsageError, match="not an empty folder"):
        export(base, tmp_path / "b")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
        raise SystemExit(0)
    caught = capsys.readouterr()
    return int(left.value.code or 0), caught.out, caught.err


def test_the_commands(changed, base, capsys, tmp_path):
    code, out, _ = run(capsys, "snapshot", "diff", base.folder, changed.folder, "--format", "json")
    assert code == 0
    assert {row["source"]: row["changed"] for row in json.loads(out)}["open-llm-v2"] == 1
    code, out, _ = run(capsys, "snapshot", "diff", base.folder, changed.folder, "--show", "scores")
    assert "Qwen/Qwen2.5-7B" in out
    code, out, _ = run(capsys, "snapshot", "validate", changed.folder)
    assert (code, "hashes, schema and keys hold" in out) == (0, True)
    code, out, _ = run(capsys, "snapshot", "list", "--format", "json")
    assert "2027-02-02" in {row["name"] for row in json.loads(out)}
    for option in ("--output", "--out"):
        export = ("snapshot", "export", "--snapshot", "2027-02-02", "--format", "csv", option, tmp_path / option)
        code, out, err = run(capsys, *export)
        assert (code, err, (tmp_path / option / "facts.csv").is_file()) == (0, "", True)


def test_refresh_tells_by_its_exit_code_and_says_why(home, hub, base, monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    published.publish(hub, published_upstream())
    monkeypatch.setattr("obslaws.lifecycle.refresh.load_snapshot", lambda name: base)
    code, out, err = run(capsys, "refresh", "--source", "open-llm-v1,open-llm-v2")
    assert code == 0
    assert "Use it with --snapshot" in out
    assert "open-llm-v2: fetching" in err
    hub.repos.pop(published.V1)
    code, out, err = run(capsys, "refresh", "--source", "open-llm-v1,open-llm-v2", "--format", "json")
    assert code == 1
    assert {r["source"]: r["status"] for r in json.loads(out) if r["status"] != "carried"} == {
        "open-llm-v1": "failed", "open-llm-v2": "refreshed"
    }  # fmt: skip
    (line,) = [line for line in err.splitlines() if line.startswith("Failed:")]
    assert "HTTP 404, not there any more" in line
    assert load_snapshot("latest").manifest["sources"]["open-llm-v1"]["failed"]
    assert run(capsys, "refresh", "--source", "open-lm")[0] == 1
    assert run(capsys, "refresh", "--deadline", "0")[0] == 1


def published_upstream():
    from pathlib import Path

    return Path(__file__).parents[1] / "fixtures" / "upstream"


def test_a_refreshed_snapshot_makes_panels(changed):
    assert len(load_panel("core", "2027-02-02").models) > 5
