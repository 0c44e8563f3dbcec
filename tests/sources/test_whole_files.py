"""Every source on the whole upstream files, where they are: set `OBSLAWS_UPSTREAM` to the folder with the copies."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from obslaws.names import benchmarks_table
from obslaws.schema import check_table
from obslaws.sources import SOURCES

UPSTREAM = os.environ.get("OBSLAWS_UPSTREAM", "")
pytestmark = pytest.mark.skipif(not UPSTREAM, reason="OBSLAWS_UPSTREAM is not set")

# rows read, scores, models, benchmarks
WHOLE = {
    "lmarena": (6594, 6593, 520, 22),
    "every-eval-ever": (8484, 7775, 536, 106),
    "epoch-benchmarks": (3925, 3280, 369, 42),
    "livebench": (460, 8289, 205, 24),
    "aider": (181, 181, 151, 3),
    "evalplus": (125, 428, 125, 4),
    "bigcodebench": (404, 651, 195, 4),
    "benchpress": (1390, 1381, 83, 49),
}


def test_records_of_the_live_collection_give_the_whole_table():
    """The table turned into records, as the live collection holds them, and back: the same scores."""
    from obslaws.sources.every_eval_ever import TABLE, parse, records

    source = SOURCES["every-eval-ever"]
    table = source.read(Path(UPSTREAM))[TABLE]
    documents = []
    for key, part in table.fillna("").groupby(["dataset", "model_id", "developer"], sort=False):
        results = [
            {
                "evaluation_name": row["evaluation_name"],
                "source_data": {"url": [row["source_url"]]},
                "metric_config": {"lower_is_better": row["lower_is_better"] == "True", "min_score": 0, "max_score": 1},
                "score_details": {"score": float(row["score"])},
                "generation_config": json.loads(row["gen"]) if row["gen"] else None,
            }
            for row in part.to_dict("records")
        ]
        about = {"id": key[1], "developer": key[2]}
        record = {"schema_version": "0.3.0", "model_info": about, "evaluation_results": results}
        documents.append({"name": f"data/{key[0]}/{key[1]}/{len(documents)}.json", "text": json.dumps(record)})
    mine, whole = parse(records({"records": pd.DataFrame(documents)})), parse({TABLE: table})
    columns = ["model", "benchmark", "setting", "score"]
    pair = [p.scores[columns].fillna("").sort_values(columns).reset_index(drop=True) for p in (mine, whole)]
    pd.testing.assert_frame_equal(*pair)


def test_helm_reads_its_own_layout_of_the_whole_boards():
    """The four boards of the table in HELM's layout: every score comes back under the same model and test."""
    from obslaws.sources.helm import parse

    table = SOURCES["every-eval-ever"].read(Path(UPSTREAM))["derived_other_leaderboards_long"]
    frames = {}
    for board in ("helm_lite", "helm_capabilities", "helm_mmlu"):
        wide = table[table["dataset"] == board].pivot(index="model_id", columns="evaluation_name", values="score")
        header = [{"value": "Model"}, *({"value": t if t.startswith("Mean") else f"{t} - EM"} for t in wide)]
        rows = [
            [{"value": model}, *({"value": float(x) if float(x) >= 0 else None,
                                  "run_spec_names": [f"t:model={model.replace('/', '_', 1)}"]} for x in row)]
            for model, row in zip(wide.index, wide.to_numpy(), strict=True)
        ]  # fmt: skip
        frames[board] = pd.DataFrame({"line": [json.dumps([{"title": "Accuracy", "header": header, "rows": rows}])]})
    mine = parse(frames)
    assert mine.dropped["test that is not in names/benchmarks.csv"] == 0
    theirs = SOURCES["every-eval-ever"].parse({"derived_other_leaderboards_long": table}).scores
    theirs = theirs[theirs["benchmark"].str.contains("@helm-") & ~theirs["benchmark"].str.endswith("classic")]
    both = mine.scores.merge(theirs, on=["model", "benchmark", "score"])
    assert len(mine.scores) == len(theirs)
    assert len(both) >= len(theirs)


@pytest.fixture(scope="module", params=list(WHOLE))
def whole(request):
    source = SOURCES[request.param]
    return source, source.parse(source.read(Path(UPSTREAM)))


def test_rows_scores_models_and_benchmarks(whole):
    source, made = whole
    counted = (made.n_rows, len(made.scores), made.scores["model"].nunique(), made.scores["benchmark"].nunique())
    assert counted == WHOLE[source.id]


def test_the_tables_are_valid(whole):
    source, made = whole
    units = dict(zip(benchmarks_table()["benchmark"], benchmarks_table()["unit"], strict=True))
    check_table(made.scores.assign(source=source.id), "scores", units=units)
    check_table(made.facts.assign(source=source.id), "facts")
    assert set(made.scores["benchmark"]) <= set(units)


def test_the_excerpt_is_true(whole):
    source, made = whole
    excerpt = source.parse(source.read(Path(__file__).parents[1] / "fixtures" / "upstream"))
    columns = ["model", "benchmark", "score"]
    mine = set(excerpt.scores[columns].round(9).itertuples(index=False, name=None))
    theirs = set(made.scores[columns].round(9).itertuples(index=False, name=None))
    # an excerpt may hold one of two names that share a link, so that the link counts in it
    assert len(mine - theirs) <= 2
