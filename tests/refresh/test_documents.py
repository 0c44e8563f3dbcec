"""Sources that come in many documents: a part at a time, nothing twice, nothing lost when it is cut."""

import dataclasses
import json
from pathlib import Path

import loopback_hub
import pandas as pd
import published
import pytest

from obslaws.fetching import Network, Wanted
from obslaws.lifecycle.refresh import refresh
from obslaws.lifecycle.validate import validate
from obslaws.snapshot import open_snapshot
from obslaws.sources import SOURCES

Fault = loopback_hub.Fault
FIXTURES = Path(__file__).parents[1] / "fixtures" / "upstream"
RESULTS = "open-llm-leaderboard/results"
EEE = "evaleval/EEE_datastore"
MUSR = {f"leaderboard_musr_{part}": 0.3 for part in ("murder_mysteries", "object_placements", "team_allocation")}


@pytest.fixture
def network(hub):
    """Many files need more time than one does; no test here waits for the end of it."""
    return Network(endpoint=hub.url, timeout=2.0, deadline=30.0, tries=2, pause=0.05)


def outcome(done, source):
    return next(o for o in done.outcomes if o.source == source)


def run_file(model, value=0.3):
    results = {task: {"acc_norm,none": value, "acc_norm_stderr,none": 0.03} for task in MUSR}
    args = f"pretrained={model},revision=main,dtype=bfloat16"
    return json.dumps({"results": results, "config": {"model_args": args, "model_dtype": "torch.bfloat16"}}).encode()


@pytest.fixture
def runs(hub):
    """Publish twelve results files of twelve models, one of them official."""
    models = [f"acme/model-{i}" for i in range(11)] + ["Qwen/Qwen2.5-7B"]
    files = {f"{m}/results_2024-0{1 + i % 9}-01T10-00-0{i % 10}.1.json": run_file(m) for i, m in enumerate(models)}
    hub.commit(RESULTS, {**files, "README.md": b"", "acme/other/notes.txt": b"x"})
    return files


def scores_of(done, source):
    scores = open_snapshot(done.folder).scores
    return scores[scores["source"] == source]


def test_a_part_at_a_time_until_nothing_is_left(run_refresh, hub, runs):
    source, base, seen = "open-llm-v2-results", None, set()
    for n, left in ((5, 7), (10, 2), (12, 0)):
        options = {"base": base} if base else {}
        done = run_refresh(source, limit=5, **options)
        base = open_snapshot(done.folder)
        validate(base.folder)
        assert outcome(done, source).n_left == left
        mine = scores_of(done, source)
        assert mine["model"].nunique() == n
        assert seen < set(mine["model"])
        seen = set(mine["model"])
        assert len(base.manifest["sources"][source]["files"]) == n
        assert base.manifest["sources"][source]["rows_read"] == n
    asked = len(hub.asked("GET", part="/resolve/"))
    assert asked == 12
    again = run_refresh(source, limit=5, base=base)
    assert (outcome(again, source).status, outcome(again, source).cause) == (
        "carried",
        "every document was read before",
    )
    assert again.folder is None
    assert len(hub.asked("GET", part="/resolve/")) == asked


def test_official_models_come_first_then_the_newest(run_refresh, runs):
    done = run_refresh("open-llm-v2-results", limit=1)
    assert set(scores_of(done, "open-llm-v2-results")["model"]) == {"Qwen/Qwen2.5-7B"}


def test_since_counts_by_document(run_refresh, hub, runs):
    hub.repos[RESULTS].modified = "2026-01-01T00:00:00.000Z"
    done = run_refresh("open-llm-v2-results", since="2024-08-01")
    assert outcome(done, "open-llm-v2-results").n_rows == sum(
        "results_2024-08" in n or "results_2024-09" in n for n in runs
    )


def test_a_dry_run_only_counts(run_refresh, hub, runs):
    told = outcome(run_refresh("open-llm-v2-results", dry_run=True, limit=5), "open-llm-v2-results")
    assert (told.status, told.n_left) == ("found", 12)
    assert hub.n_bytes == 0


def test_they_come_on_request_only(run_refresh, home, base, board, network):
    told = refresh(network=network, base=base, registry=board, dry_run=True)
    named = {o.source for o in told.outcomes}
    assert "open-llm-v2" in named
    assert not named & {"open-llm-v2-results", "every-eval-ever", "hub-models", "datadecide"}


def test_a_fault_half_way_keeps_what_came_and_the_next_run_goes_on(run_refresh, hub, runs, base):
    last = sorted(runs, key=lambda n: n.rpartition("/")[2])[0]
    hub.faults.append(Fault(path=last.rpartition("/")[2], status=403))
    done = run_refresh("open-llm-v2-results")
    told = outcome(done, "open-llm-v2-results")
    assert told.status == "partial"
    assert "HTTP 403, access refused" in told.cause
    n = scores_of(done, "open-llm-v2-results")["model"].nunique()
    assert n >= 1
    hub.faults.clear()
    again = run_refresh("open-llm-v2-results", base=open_snapshot(done.folder))
    assert outcome(again, "open-llm-v2-results").status == "refreshed"
    assert scores_of(again, "open-llm-v2-results")["model"].nunique() == 12


def test_offline_reads_what_was_brought(run_refresh, hub, runs, network):
    first = run_refresh("open-llm-v2-results", limit=4)
    asked = len(hub.log)
    quiet = dataclasses.replace(network, offline=True)
    again = run_refresh("open-llm-v2-results", limit=4, network=quiet)
    assert len(hub.log) == asked
    assert open_snapshot(again.folder).hash == open_snapshot(first.folder).hash


def test_a_folder_listing_has_pages(run_refresh, hub, runs):
    hub.page = 3
    assert outcome(run_refresh("open-llm-v2-results"), "open-llm-v2-results").n_rows == 12


@pytest.mark.parametrize(
    ("name", "words"),
    [("../../../results_2024-01-01T1.1.json", "leaves its folder"), (None, "no file */*/results_*.json")],
)
def test_odd_names_and_an_empty_repository(run_refresh, hub, name, words):
    hub.commit(RESULTS, {name: run_file("a/b")} if name else {"README.md": b""})
    (failed,) = run_refresh("open-llm-v2-results").failed
    assert words in failed.cause


def records(upstream, version="0.3.0"):
    """Write the collection's records of the excerpt: one per model and board, as the datastore holds them."""
    table = published.read(upstream / "every_eval_ever" / "derived_other_leaderboards_long.csv").fillna("")
    out = {}
    for i, (key, part) in enumerate(table.groupby(["dataset", "model_id", "developer"], sort=True)):
        board, model, developer = key
        results = [
            {
                "evaluation_name": row["evaluation_name"],
                "source_data": {"source_type": "url", "url": [row["source_url"]]},
                "metric_config": {"lower_is_better": row["lower_is_better"] == "True", "score_type": "continuous",
                                  "min_score": 0.0, "max_score": float(row["max_score"])},
                "score_details": {"score": float(row["score"])},
                "generation_config": json.loads(row["gen"]) if row["gen"] else None,
            }
            for row in part.to_dict("records")
        ]  # fmt: skip
        record = {"schema_version": version, "evaluation_id": f"{board}/{model}/1", "evaluation_results": results,
                  "model_info": {"id": model, "name": model, "developer": developer}}  # fmt: skip
        out[f"data/{board}/{model}/{i:08}-0000.json"] = json.dumps(record).encode()
    return out


def test_records_of_every_eval_ever_give_the_rows_of_the_frozen_table(run_refresh, hub, base):
    hub.commit(
        EEE, {**records(FIXTURES), "data/alpaca_eval/x/y/1.json": b"{}", "data/hal-gaia/a/b_samples.jsonl": b"x"}
    )
    done = run_refresh("every-eval-ever")
    assert outcome(done, "every-eval-ever").status == "refreshed", done.failed
    now, before = scores_of(done, "every-eval-ever"), base.scores[base.scores["source"] == "every-eval-ever"]
    columns = ["model", "benchmark", "setting", "score"]
    one, other = (
        f[columns].astype({c: "str" for c in columns[:3]}).sort_values(columns).reset_index(drop=True)
        for f in (now, before)
    )
    pd.testing.assert_frame_equal(one, other)
    assert not hub.asked(part="alpaca_eval")


def test_percentages_and_standard_errors_of_a_record_are_declared(run_refresh, hub):
    result = {"evaluation_name": "GSM8K", "metric_config": {"min_score": 0, "max_score": 100},
              "score_details": {"score": 93.2, "uncertainty": {"standard_error": {"value": 0.8}}}}  # fmt: skip
    odd = {
        "evaluation_name": "MMLU",
        "metric_config": {"min_score": 1, "max_score": 5},
        "score_details": {"score": 4.0},
    }
    record = {"schema_version": "0.3.0", "model_info": {"id": "acme/new-9b", "developer": "acme"},
              "evaluation_results": [result, odd]}  # fmt: skip
    old = {**record, "schema_version": "0.0.1"}
    hub.commit(EEE, {
        "data/helm_lite/acme/new-9b/1.json": json.dumps(record).encode(),
        "data/helm_lite/acme/new-9b/2.json": json.dumps(old).encode(),
        "data/helm_lite/acme/new-9b/3.json": b'{"cut',
    })  # fmt: skip
    done = run_refresh("every-eval-ever")
    mine = scores_of(done, "every-eval-ever")
    (row,) = mine[mine["model"] == "acme/new-9b"].to_dict("records")
    assert (row["score"], row["stderr"]) == pytest.approx((0.932, 0.008))
    entry = open_snapshot(done.folder).manifest["sources"]["every-eval-ever"]
    assert entry["grown_from"] == "2026-01-01"
    assert len(mine) > 15, "the earlier rows stay"


@pytest.fixture
def hub_models(hub, base):
    """Publish records of the models of the excerpt that lack facts, and let one of them be gone."""
    wanted = SOURCES["hub-models"].live.documents.models(base.models, base.scores)
    for i, name in enumerate(wanted[:-1]):
        hub.model(name, createdAt="2024-05-01T10:00:00.000Z", safetensors={"parameters": {"BF16": 10**9 + i},
                  "total": 10**9 + i}, cardData={"license": "mit", "base_model": "acme/base"},
                  baseModels={"relation": "finetune", "models": [{"id": "acme/base", "_id": "1"}]},
                  evalResults=[{"filename": ".eval_results/x.yaml", "verified": False, "data": {"dataset": {
                      "id": "Idavidrein/gpqa", "task_id": "gpqa_diamond"}, "value": 30.5 + i / 10}}])  # fmt: skip
    return wanted


def test_records_of_models_fill_gaps_a_part_at_a_time(run_refresh, hub, base, hub_models):
    limit = len(hub_models) // 2 + 1
    first = run_refresh("hub-models", limit=limit)
    told = outcome(first, "hub-models")
    assert (told.status, told.n_rows, told.n_left) == ("refreshed", limit, len(hub_models) - limit), told
    after = open_snapshot(first.folder)
    facts = after.facts[after.facts["source"] == "hub-models"]
    assert set(facts["attribute"]) >= {"n_params", "release_date", "base_model", "licence"}
    missing = base.models["release_date"].isna().sum()
    assert after.models.set_index("model").loc[base.models["model"], "release_date"].isna().sum() < missing
    mine = after.scores[after.scores["source"] == "hub-models"]
    assert set(mine["benchmark"].astype("str")) == {"gpqa_diamond@hub"}
    asked = len(hub.log)
    second = run_refresh("hub-models", base=after)
    entry = open_snapshot(second.folder).manifest["sources"]["hub-models"]
    assert set(entry["files"]) == set(hub_models)
    assert entry["rows_dropped"] == {"model that the hub no longer has": 1}
    assert len(hub.log) > asked
    asked = len(hub.log)
    third = run_refresh("hub-models", base=open_snapshot(second.folder))
    assert (third.folder, len(hub.log)) == (None, asked), "every model was asked about"


def test_owners_of_several_models_are_asked_once(home, hub, tmp_path):
    from obslaws.fetching.models import fetch_models

    names = [f"acme/model-{i}" for i in range(6)] + ["other/one"]
    for name in names:
        hub.model(name, createdAt="2024-05-01T10:00:00.000Z")
    source, folder = SOURCES["hub-models"], tmp_path / "cache"
    network = Network(endpoint=hub.url, timeout=1.0, tries=1)
    came = fetch_models(source, network, folder, lambda done, total: None, False, Wanted(models=tuple(names)))
    assert len(came.hashes) == 7
    assert [r.path.partition("?")[0] for r in hub.log] == ["/api/models", "/api/models/other/one"]
    again = fetch_models(source, network, folder, lambda done, total: None, False, Wanted(models=tuple(names)))
    assert (again.hashes, len(hub.log)) == (came.hashes, 2), "every answer is on disk"


def test_a_hub_that_has_enough_keeps_the_records_that_came(run_refresh, hub, hub_models, network):
    hub.faults.append(Fault(path=hub_models[2].partition("/")[2], status=429, headers={"Retry-After": "3600"}))
    told = outcome(run_refresh("hub-models"), "hub-models")
    assert told.status == "partial"
    assert "HTTP 429, too many requests" in told.cause
    assert told.n_rows >= 1


def test_no_record_at_all_is_a_failure(run_refresh, hub, hub_models):
    hub.faults.append(Fault(path="/api/models/", status=503))
    (failed,) = run_refresh("hub-models").failed
    assert "HTTP 503, the server has a fault" in failed.cause


@pytest.fixture
def hub_boards(hub):
    author = {"_id": "1", "type": "org", "name": "acme", "fullname": "Acme", "avatarUrl": "", "isPro": False}

    def entry(model, value, **more):
        return {"rank": 1, "modelId": model, "value": value, "filename": ".eval_results/x.yaml", "verified": False,
                "author": author, **more}  # fmt: skip

    hub.boards["Idavidrein/gpqa"] = [entry("Qwen/Qwen2.5-7B", 36.4), entry("acme/new-7b", 41.2, verified=True)]
    hub.boards["cais/hle"] = [entry("acme/new-7b", 20.9, notes="no-tools")]
    hub.boards["allenai/olmOCR-bench"] = [entry("acme/ocr", 80.0)]


def test_boards_of_benchmark_datasets(run_refresh, hub, hub_boards):
    done = run_refresh("hub-boards")
    assert outcome(done, "hub-boards").status == "refreshed", done.failed
    mine = scores_of(done, "hub-boards").set_index(["model", "benchmark"])
    assert mine.loc[("acme/new-7b", "gpqa_diamond@hub"), "setting"] == "verified"
    assert mine.loc[("acme/new-7b", "hle@hub"), "score"] == pytest.approx(0.209)
    assert not hub.asked(part="olmOCR-bench/leaderboard"), "boards without a rule are only listed"
    again = run_refresh("hub-boards", base=open_snapshot(done.folder))
    assert again.folder is None


def test_a_refused_board_costs_only_itself(run_refresh, hub, hub_boards):
    hub.faults.append(Fault(path="cais/hle/leaderboard", status=403))
    done = run_refresh("hub-boards")
    assert outcome(done, "hub-boards").status == "partial"
    assert "board of cais/hle: HTTP 403" in outcome(done, "hub-boards").cause
    assert set(scores_of(done, "hub-boards")["benchmark"].astype("str")) == {"gpqa_diamond@hub"}
    hub.faults.clear()
    whole = run_refresh("hub-boards", base=open_snapshot(done.folder))
    hub.faults.append(Fault(path="cais/hle/leaderboard", status=403))
    again = run_refresh("hub-boards", base=open_snapshot(whole.folder), out=whole.folder.parent / "again")
    assert outcome(again, "hub-boards").status == "partial"
    assert len(scores_of(again, "hub-boards")) == len(scores_of(whole, "hub-boards")) == 3, "its last rows stay"
