"""The paper's numbers, by command: ``obslaws backtest --protocol ruan2024-emergent --forecaster pc3,compute,size``.

``ruan2024_fits.csv`` holds 98 fits made by running the functions of ryoungj/ObsScaling (commit 4d6e1e4) on its own
tables (python 3.11, numpy 2.4, scikit-learn 1.9, scipy 1.17); ``PUBLISHED`` the test errors printed in figures 4 and
C.5 of arXiv 2405.10938v3, which hold out the models preregistered later.
"""

import csv
from pathlib import Path

import pytest

from obslaws.backtest import backtest

with Path(__file__).with_name("ruan2024_fits.csv").open(newline="", encoding="utf-8") as file:
    FITS = list(csv.DictReader(file))
PUBLISHED = {
    "ruan2024-emergent-preregistered": (0.0040, 0.0032, 0.013, 0.0099),
    "ruan2024-post-training-preregistered": (0.0026, 0.0060, 0.0064),
}
CASES = sorted({(row["protocol"], row["predictor"]) for row in FITS})


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "predictor"), CASES)
def test_every_fit_of_the_paper(protocol, predictor):
    outcomes = {one.target: one for one in backtest(protocol, forecaster=predictor).outcomes}
    for row in (row for row in FITS if (row["protocol"], row["predictor"]) == (protocol, predictor)):
        told = outcomes[row["target"]].summary()
        assert (told["n_train"], told["n_test"]) == (int(row["n_train"]), int(row["n_test"]))
        if "stopped" not in told:
            # a stopped search ends within a part in ten thousand of the minimum: the third digit stands
            for name in ("train_mse", "test_mse", "train_mae", "test_mae"):
                assert told[name] == pytest.approx(float(row[name]), rel=1e-3), (row["target"], name)
            found = told["coefficients"]
            assert found["intercept"] == pytest.approx(float(row["intercept"]), rel=2e-3)
            weights = [float(w) for w in row["weights"].split()]
            assert list(found["weights"].values()) == pytest.approx(weights, rel=2e-3, abs=2e-3)
            if row["slope_per_log10"]:
                line = told["equivalent_flop"]
                assert line["slope_per_log10"] == pytest.approx(float(row["slope_per_log10"]), rel=2e-3)
                assert line["offset"] == pytest.approx(float(row["offset"]), rel=2e-3)
        else:
            # where a quasi-Newton search ends early, its last steps depend on rounding; the minimum does not
            stop = told["stopped"]
            assert stop["train_mse"] == pytest.approx(float(row["train_mse"]), rel=1e-3)
            assert stop["test_mse"] == pytest.approx(float(row["test_mse"]), rel=0.02)
            assert told["objective"] < stop["objective"]


@pytest.mark.parametrize("protocol", PUBLISHED)
def test_published_test_errors_with_the_models_preregistered_later(protocol):
    targets = backtest(protocol, forecaster="observational-paper").summary()["targets"]
    errors = [t.get("stopped", t)["test_mse"] for t in targets]
    assert [float(f"{error:.1e}") for error in errors] == list(PUBLISHED[protocol])


def test_the_published_fit_of_persian_qa_stopped_before_its_minimum():
    (told,) = backtest("ruan2024-emergent", forecaster="pc3", benchmarks=["bigbench_parsinlu_qa"]).summary()["targets"]
    assert told["stopped"]["train_mse"] == pytest.approx(1.8086e-4, rel=1e-3)
    assert told["stopped"]["test_mse"] == pytest.approx(1.497e-3, rel=1e-3)
    assert told["converged"]
    assert told["train_mse"] == pytest.approx(2 * told["objective"] / 40, rel=1e-9)
    assert told["train_mse"] == pytest.approx(1.8047e-4, rel=1e-4)
    assert told["test_mse"] == pytest.approx(2.300e-3, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "most"),
    # totals of ours over the paper's configuration, each law at its minimum. (With Persian QA as published, stopped
    # short of it, the total on the emergent tasks is 0.04 % below ours: the next test.)
    [
        ("ruan2024-emergent", 1.0),
        ("ruan2024-emergent-complete", 0.95),
        ("ruan2024-post-training", 0.99),
        ("ruan2024-agents", 0.5),
        ("ruan2024-leaderboard-v2", 1.0),
    ],
)
def test_ours_against_the_paper_and_its_baselines(protocol, most):
    total = {}
    known = ("compute", "size") if protocol != "ruan2024-agents" else ()
    for name in ("observational", "observational-paper", *known):
        total[name] = backtest(protocol, forecaster=name).summary()["total"]
    assert total["observational"]["test_mse"] <= total["observational-paper"]["test_mse"] * most
    for name in known:
        assert total["observational"]["test_mse"] < total[name]["test_mse"]
        assert total["observational"]["test_mae"] < total[name]["test_mae"]
    assert total["observational"]["coverage"] >= 0.89  # of 90; the paper's own fit claims too much, 0.84 to 0.90


@pytest.mark.slow
def test_with_the_published_stop_the_emergent_totals_differ_in_the_fourth_digit():
    """Ours leaves the third component of Persian QA out; the paper's search stops where it has hardly begun with it."""
    ours = backtest("ruan2024-emergent", forecaster="observational").summary()["total"]["test_mse"]
    targets = backtest("ruan2024-emergent", forecaster="observational-paper").summary()["targets"]
    published = sum(t.get("stopped", t)["test_mse"] for t in targets)
    assert ours == pytest.approx(0.16362, abs=5e-6)
    assert published == pytest.approx(0.16356, abs=5e-6)


def test_compute_has_no_answer_where_nobody_knows_it():
    told = backtest("ruan2024-agents", forecaster="compute").summary()
    assert told["n_cells"] == 0
    assert [one["n_unanswered"] for one in told["targets"]] == [2, 1]


@pytest.mark.parametrize("name", ["observational", "skill"])
def test_median_error_over_the_122_emergent_cells(name):
    summary = backtest("ruan2024-emergent-complete", forecaster=name).summary()
    assert summary["n_cells"] == 122
    assert summary["medae"] <= 4.3  # points of the raw score; the paper's configuration reaches 4.30
