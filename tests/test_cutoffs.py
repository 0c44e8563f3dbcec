import numpy as np
import pandas as pd
import pytest

from obslaws.backtest import backtest
from obslaws.cutoffs import LEAST_KNOWN, draw
from obslaws.errors import FitError, UsageError
from obslaws.folds import Fold
from obslaws.forecasters import forecaster
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.splits import plan


@pytest.fixture(scope="module")
def core():
    return load_panel("core")


@pytest.fixture(scope="module")
def epoch():
    return load_panel("epoch-2025-11")


def scramble(panel, hidden):
    """Other scores in the cells that a fold asks about."""
    rng = np.random.default_rng(3)
    mask = hidden.reindex(index=panel.scores.index, columns=panel.scores.columns).notna()
    noise = pd.DataFrame(rng.uniform(size=panel.scores.shape), panel.scores.index, panel.scores.columns)
    return type(panel)(panel.name, panel.models, panel.scores.mask(mask, noise), panel.benchmarks, panel.provenance)


def test_what_trains_is_older_than_what_is_asked(core):
    (fold,) = plan(load_protocol("date-cutoff"), core)
    day = pd.Timestamp("2024-06-01")
    assert fold.train.models["release_date"].max() < day <= fold.queries["release_date"].min()
    assert len(fold.queries) > 50
    (later,) = plan(with_options(load_protocol("date-cutoff"), cutoff="2024-12-01"), core)
    assert len(later.train.models) > len(fold.train.models)


def test_what_trains_is_smaller_than_what_is_asked(core):
    (fold,) = plan(with_options(load_protocol("compute-cutoff"), cutoff="2e23"), core)
    assert fold.train.models["train_flop"].max() < 2e23 <= fold.queries["train_flop"].min()
    known = fold.train.scores.notna().sum()
    assert (known[fold.held_out.notna().any()] >= LEAST_KNOWN).all()


def test_fine_tunes_of_what_is_asked_do_not_train(core):
    models = core.models.copy()
    asked = models.index[models["train_flop"] >= 8.4e22][0]
    small = models.index[models["train_flop"] < 8.4e22][0]
    models.loc[small, "base_model"] = asked  # pruned from it, say
    panel = type(core)("lineage", models, core.scores, core.benchmarks)
    (fold,) = plan(load_protocol("compute-cutoff"), panel)
    assert small not in fold.train.models.index and small not in fold.queries.index


@pytest.mark.parametrize("k", [0, 1, 3, 5])
def test_new_models_come_after_everything_that_trains(epoch, k):
    folds = plan(with_options(load_protocol("new-model"), revealed=k), epoch)
    assert len(folds) > 10
    asked = [model for fold in folds for model in fold.queries.index]
    assert len(asked) == len(set(asked))
    for fold in folds:
        assert fold.train.models["release_date"].max() < fold.queries["release_date"].min()
        assert not set(fold.train.models.index) & set(fold.queries.index)
        assert (fold.held_out.notna().sum(axis=1) >= 1).all()
        if k == 0:
            assert fold.revealed is None
            continue
        assert (fold.revealed.notna().sum(axis=1) == k).all()
        assert not (fold.revealed.notna() & fold.held_out.notna()).any(axis=None)
        truth = epoch.scores.loc[fold.queries.index]
        assert fold.revealed.equals(truth.where(fold.revealed.notna()))


def test_revealed_cells_are_not_counted(epoch):
    result = backtest("new-model", epoch, "mean", revealed=5)
    folds = plan(with_options(load_protocol("new-model"), revealed=5), epoch)
    assert len(result.cells) == sum(int(fold.held_out.notna().to_numpy().sum()) for fold in folds)
    told = {(m, b) for fold in folds for m, b in fold.revealed.stack().dropna().index}
    assert not told & set(zip(result.cells["model"], result.cells["benchmark"], strict=True))


def test_revealed_scores_help(epoch):
    errors = [backtest("new-model", epoch, "model-mean", revealed=k).summary()["mae"] for k in (0, 5)]
    assert errors[1] < errors[0]


def test_what_is_told_depends_on_the_model_alone():
    scores = pd.DataFrame(np.arange(12.0).reshape(3, 4), index=list("abc"), columns=list("wxyz"))
    scores.loc["b", "x"] = np.nan
    whole = pd.DataFrame(draw(scores, 2, 0), scores.index, scores.columns)
    assert (whole.sum(axis=1) == 2).all() and not whole.loc["b", "x"]
    turned = scores.loc[["c", "a"], ["z", "x", "w", "y"]]
    again = pd.DataFrame(draw(turned, 2, 0), turned.index, turned.columns)
    pd.testing.assert_frame_equal(again, whole.loc[turned.index, turned.columns])
    assert draw(scores, 9, 0).sum() == 11
    assert any((draw(scores, 2, seed) != whole.to_numpy()).any() for seed in range(1, 5))


@pytest.mark.parametrize("protocol", ["date-cutoff", "compute-cutoff"])
def test_scrambling_what_is_hidden_moves_no_forecast(core, protocol):
    (fold,) = plan(load_protocol(protocol), core)
    one = backtest(protocol, core, "logit-ols")
    two = backtest(protocol, scramble(core, fold.held_out), "logit-ols")
    pd.testing.assert_frame_equal(one.cells.drop(columns="score"), two.cells.drop(columns="score"))
    assert not np.allclose(one.cells["score"], two.cells["score"])


@pytest.mark.parametrize("protocol", ["new-model", "leave-benchmark-out"])
@pytest.mark.parametrize("at", [0, -1])
def test_scrambling_one_fold_moves_none_of_its_forecasts(epoch, protocol, at):
    record = load_protocol(protocol)
    fold = plan(record, epoch)[at]
    other = plan(record, scramble(epoch, fold.held_out))[at]
    answers = [forecaster("model-mean").fit(f.train).forecast(f.queries, f.revealed).to_numpy() for f in (fold, other)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not fold.held_out.equals(other.held_out)


def test_a_new_benchmark_keeps_the_scores_of_a_few(epoch):
    folds = plan(with_options(load_protocol("leave-benchmark-out"), revealed=3), epoch)
    assert len(folds) > 25
    for fold in folds:
        assert fold.train.scores[fold.name].notna().sum() == 3
        assert fold.held_out.drop(columns=fold.name).isna().all(axis=None)
        assert fold.train.n_cells + fold.held_out[fold.name].notna().sum() == epoch.n_cells
    only = plan(load_protocol("leave-benchmark-out"), epoch, ["mmlu@epoch"])
    assert [fold.name for fold in only] == ["mmlu@epoch"]
    assert only[0].train.scores.shape[1] == 38  # the others are what it is learnt from


def test_a_revealed_answer_is_a_leak(epoch):
    rows = epoch.models.iloc[:2]
    answers = epoch.scores.iloc[:2]
    train = epoch.select(np.arange(179) >= 2)
    with pytest.raises(FitError, match=r"held-out scores are revealed, first openai/gpt-5\.1_medium on"):
        Fold("told", train, rows, answers, answers).check()


@pytest.mark.parametrize(
    ("protocol", "options", "words"),
    [
        ("date-cutoff", {"cutoff": "June"}, "cutoff is 'June'; expected a day such as 2024-06-01"),
        ("compute-cutoff", {"cutoff": "2024-06-01"}, "expected training compute in FLOP such as 8.4e22"),
        ("compute-cutoff", {"cutoff": "1e10"}, "0 models of panel 'core' train .* Move the cutoff"),
        ("new-model", {"cutoff": "1e22"}, "Protocol 'new-model' has no cutoff"),
        ("cells", {"revealed": 2}, "Protocol 'cells' reveals no scores"),
        ("new-model", {"revealed": -1}, "revealed is -1; expected 0 or more"),
        ("new-model", {"revealed": 99}, "Lower --revealed"),
        ("leave-benchmark-out", {"revealed": 999}, "no benchmark of panel .* more than 1998 scores"),
    ],
)
def test_bad_requests_say_what_to_do(protocol, options, words):
    with pytest.raises(UsageError, match=words):
        backtest(protocol, forecaster="mean", **options)
