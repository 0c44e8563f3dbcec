import numpy as np
import pandas as pd
import pytest

import obslaws
from obslaws.errors import FitError, SchemaError, UnknownNameError, UsageError
from obslaws.forecasters.observational import ObservationalForecaster, PaperForecaster
from obslaws.observe import area_under_errors, observe, sweep
from obslaws.protocols import load_protocol, protocol_names
from obslaws.splits import plan, target_fold
from obslaws.targets import Cut, read_targets, snapshot_targets

WU = "bigbench_word_unscrambling"


@pytest.fixture(scope="module")
def panel():
    return obslaws.load_panel("ruan2024")


@pytest.fixture(scope="module")
def table(panel):
    return snapshot_targets("ruan2024-emergent", panel)


@pytest.mark.parametrize("forecaster", [ObservationalForecaster, PaperForecaster])
def test_scrambled_test_scores_move_no_forecast(panel, table, forecaster):
    cut = Cut(flop=8.4e22)
    fold = target_fold(panel, table, WU, (0.0, 1.0), cut)
    asked = fold.queries.index
    scores = table.scores.copy()
    scores.loc[asked, WU] = np.random.default_rng(0).permutation(scores.loc[asked, WU])
    other = target_fold(panel, type(table)(table.name, scores, table.benchmarks), WU, (0.0, 1.0), cut)
    one, two = (forecaster().fit(f.train).forecast(f.queries, benchmarks=[WU]) for f in (fold, other))
    pd.testing.assert_frame_equal(one, two)


def test_order_of_models_does_not_matter(panel, table):
    turned = panel.select(list(panel.models.index[::-1]))
    one, two = (observe(p, table, Cut(flop=8.4e22), [WU])[0][0] for p in (panel, turned))
    a, b = (o.predictions.set_index("model")["forecast"] for o in (one, two))
    np.testing.assert_allclose(a, b.loc[a.index], atol=1e-6)


def test_a_fold_asks_only_for_the_target_and_keeps_what_is_known_of_test_models(panel, table):
    fold = target_fold(panel, table, WU, (0.0, 1.0), Cut(flop=8.4e22), without=["gsm8k"], held_out=["google/gemma-2b"])
    assert list(fold.held_out.columns) == [WU]
    assert "gsm8k" not in fold.train.scores
    assert "google/gemma-2b" in fold.queries.index
    assert fold.train.scores.loc[fold.queries.index, "mmlu"].notna().all()
    assert fold.train.scores.loc[fold.queries.index, WU].isna().all()


def test_scores_in_percent_give_the_same_laws(panel, table):
    percent = type(table)("mine", table.scores * 100, table.benchmarks)
    one = observe(panel, table, Cut(flop=8.4e22), [WU], score_range=(0, 1))[0][0].summary()
    two = observe(panel, percent, Cut(flop=8.4e22), [WU], score_range=(0, 100))[0][0]
    assert two.summary()["test_mse"] == pytest.approx(one["test_mse"], rel=1e-6)
    assert two.predictions["score"].max() > 50


def test_unknown_compute_is_held_out_and_no_law_on_compute_answers_for_it(panel, table):
    found = observe(panel, table, Cut(flop=8.4e22), [WU], ["compute", "pc3"], config="paper")
    compute, capability = (row[0].summary() for row in found)
    assert capability["n_unanswered"] == 0
    assert compute["n_unanswered"] == int(panel.models.loc[found[0][0].predictions["model"], "train_flop"].isna().sum())


def test_intervals_hold_on_held_out_models(panel, table):
    told = observe(panel, table, Cut(flop=8.4e22), [WU])[0][0].summary()
    assert told["coverage"] >= 0.9
    assert told["width"] < 0.6


def test_a_benchmark_of_the_panel_can_be_the_target(panel):
    own = snapshot_targets("gsm8k", panel)
    found = observe(panel, own, Cut(params=13e9))[0][0]
    assert "gsm8k" not in found.told["coefficients"]["benchmark_weights"]
    assert found.summary()["n_test"] > 10


def test_without_a_target_every_benchmark_is_forecast_from_the_others(panel):
    small = panel.select(benchmarks=["mmlu", "arc", "hellaswag"])
    asked = small.models.iloc[:3]
    answer = ObservationalForecaster().fit(small).forecast(asked, benchmarks=["mmlu"])
    error = answer["forecast"].to_numpy() - small.scores.loc[asked.index, "mmlu"].to_numpy()
    assert np.abs(error).max() < 0.2


def test_sweep_over_held_out_shares(panel, table):
    swept = sweep(panel, table, WU, ["compute", "pc3"], shares=(0.5, 0.3, 0.1))
    assert len(swept) == 6
    area = area_under_errors(swept)
    assert area["pc3"] < area["compute"]


@pytest.mark.parametrize("name", [n for n in protocol_names() if n.startswith("ruan2024")])
def test_protocols_plan_folds(name):
    record = load_protocol(name)
    folds = plan(record, obslaws.load_panel(record.view))
    assert [fold.name for fold in folds] == [task.target for task in record.tasks]


def test_what_makes_no_sense_is_refused(panel, table, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'bigbench_word_unscrambling'"):
        observe(panel, table, Cut(flop=8.4e22), ["bigbench_word_unscramble"])
    with pytest.raises(UnknownNameError, match="No predictor named 'pcx'"):
        observe(panel, table, Cut(flop=8.4e22), [WU], ["pcx"])
    with pytest.raises(UnknownNameError, match="No benchmark named 'gsm9k'"):
        observe(panel, table, Cut(flop=8.4e22), [WU], without=["gsm9k"])
    with pytest.raises(UsageError, match="every one of 84 models with a score is held out"):
        observe(panel, table, Cut(flop=1e10), [WU])
    with pytest.raises(UsageError, match="0 <= low < high"):
        observe(panel, table, Cut(flop=8.4e22), [WU], score_range=(1, 0))
    with pytest.raises(UsageError, match="link is 'logit'"):
        observe(panel, table, Cut(flop=8.4e22), [WU], link="logit")
    with pytest.raises(FitError, match="principal components need"):
        observe(panel, table, Cut(flop=2e20), [WU], ["pc4"])
    agents = obslaws.load_panel("ruan2024-instruct")
    with pytest.raises(UsageError, match="'agentbench_overall' is in points of 10"):
        observe(agents, snapshot_targets("ruan2024-agents", agents), Cut(top_share=0.1), ["agentbench_overall"])
    file = tmp_path / "mine.csv"
    for text, words in (
        ("", "empty file"),
        ("name,score\na/b,0.5\n", "no column 'model'"),
        ("model,score\n", "no rows below the header"),
        ("model,score\na/b,0.5\na/b,0.6\n", "row 3: a/b stands twice"),
        ("model,score\n,0.5\n", "row 2: no model"),
        ("model,score\na/b,high\n", "no column of numbers"),
        ("model,score\na/b,0.5\nc/d,high\n", r"row 3, column 'score': found 'high', expected a number"),
    ):
        file.write_text(text)
        with pytest.raises(SchemaError, match=words):
            read_targets(file, panel)
    file.write_text("model,score\nmeta-llama/llama-2-7B-hf,0.5\ngoogle/gemma-2b,many\n")
    with pytest.raises(SchemaError, match="row 3, column 'score': found 'many', expected a number"):
        read_targets(file, panel, ["score"])
    file.write_text("model,score\na/b,0.5\n")
    with pytest.raises(SchemaError, match="none of the 1 models"):
        observe(panel, read_targets(file, panel), Cut(flop=8.4e22))
    file.write_text("model,score\nmeta-llama/llama-2-7B-hf,50\ngoogle/gemma-2b,20\n")
    with pytest.raises(SchemaError, match=r"found 50 .*above the top of the score range"):
        observe(panel, read_targets(file, panel), Cut(flop=8.4e22))
