"""A benchmark of one's own: honest width on simulated panels, and files that make no sense."""

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import FitError, ObslawsWarning, SchemaError, UnknownNameError, UsageError
from obslaws.forecasters import forecaster
from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.questions.onboard import forecast_new, read_scores, with_benchmark
from obslaws.simulate import simulate_panel


@pytest.fixture(scope="module")
def simulated():
    return simulate_panel(n_families=12, n_benchmarks=7, random_state=5)


def told(simulated, name, k, seed=0):
    """Scores of k models on one benchmark; the panel without it, and all its scores."""
    scores = simulated.panel.scores[name]
    rest = simulated.panel.select(benchmarks=[n for n in simulated.panel.scores.columns if n != name])
    some = np.random.default_rng(seed).choice(len(scores), k, replace=False)
    return rest, scores.iloc[some], scores


def test_a_new_benchmark_is_forecast_for_all_others(simulated):
    rest, some, scores = told(simulated, "benchmark_1", 6)
    panel = with_benchmark(rest, "mine", some, 0.25, 500)
    model = OnboardingForecaster(new=["mine"]).fit(panel)
    answer = forecast_new(model, "mine")
    assert len(answer) == len(scores) - 6
    assert set(answer["basis"]) == {"new benchmark"}
    assert answer["forecast"].is_monotonic_decreasing
    assert ((answer["lower"] <= answer["forecast"]) & (answer["forecast"] <= answer["upper"])).all()
    truth = scores.reindex(answer["model"]).to_numpy()
    assert np.corrcoef(answer["forecast"], truth)[0, 1] > 0.8
    again = forecast_new(OnboardingForecaster(new=["mine"]).fit(panel), "mine")
    pd.testing.assert_frame_equal(answer, again)
    other = model.forecast(panel.models.head(2))
    assert set(other.loc[other["benchmark"] != "mine", "basis"]) == {"own scores"}
    assert other["forecast"].notna().all()


def test_scores_of_more_models_make_it_narrower(simulated):
    """On average: three scores near the floor may leave less open than fifteen that show a curve."""
    width = {3: 0.0, 15: 0.0}
    for name in ("benchmark_0", "benchmark_1", "benchmark_4"):
        for k in width:
            rest, some, _ = told(simulated, name, k)
            model = OnboardingForecaster(new=["mine"]).fit(with_benchmark(rest, "mine", some))
            answer = forecast_new(model, "mine")
            width[k] += (answer["upper"] - answer["lower"]).mean()
    assert width[15] < 0.7 * width[3]


@pytest.mark.slow
def test_width_is_honest_on_simulated_panels():
    """90 % intervals from 4 scores, 14 new benchmarks of two panels; a benchmark's cells err together."""
    inside = []
    for seed in (0, 1):
        simulated = simulate_panel(n_families=12, n_benchmarks=7, random_state=seed)
        for j in range(7):
            rest, some, scores = told(simulated, f"benchmark_{j}", 4, seed=j)
            facts = simulated.panel.benchmarks.iloc[j]
            panel = with_benchmark(rest, "mine", some, facts["score_floor"], facts["n_items"])
            answer = forecast_new(OnboardingForecaster(new=["mine"]).fit(panel), "mine")
            truth = scores.reindex(answer["model"]).to_numpy()
            inside.append(((answer["lower"] <= truth) & (truth <= answer["upper"])).mean())
    assert 0.82 < np.mean(inside) < 0.98


def test_sparse_benchmarks_are_found_and_named(simulated):
    rest, some, _ = told(simulated, "benchmark_2", 5)
    panel = with_benchmark(rest, "mine", some)
    assert forecaster("onboard").fit(panel).new_ == ["mine"]
    assert forecaster("onboard", few=3).fit(panel).new_ == []
    with pytest.raises(UnknownNameError, match="Did you mean 'mine'"):
        forecaster("onboard", new=["mime"]).fit(panel)
    with pytest.raises(FitError, match="skills need at least 3"):
        forecaster("onboard", new=["mine"]).fit(panel.select(benchmarks=["benchmark_0", "benchmark_1", "mine"]))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("model,points\na,1\n", SchemaError, "no column 'score'"),
        ("model,score\nacme/Alpha-7B,41\n", UsageError, "did you mean 0.41"),
        ("model,score\nacme/Alpha-8B,0.4\n", UnknownNameError, "acme/Alpha-7B"),
        ("model,score\nalpha-7b,0.4\nacme/Alpha-7B,0.5\n", UsageError, "a second score"),
        ("model,score\nalpha-7b,0.4\n", UsageError, "expected 3 or more"),
    ],
)
def test_files_that_make_no_sense(small_panel, tmp_path, text, error, words):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(error, match=words):
        read_scores(tmp_path / "mine.csv", small_panel)


def test_blank_cells_are_left_out_and_told(small_panel, tmp_path):
    rows = ["acme/Alpha-7B,0.4", "acme/Alpha-14B,", "bee/Beta-7B,0.3", ",0.5", ",", "gang/Gamma-9B,0.5"]
    (tmp_path / "mine.csv").write_text("\n".join(["model,score", *rows]) + "\n")
    with pytest.warns(ObslawsWarning, match=r"mine\.csv: left out, row 3 \(no score\), row 5 \(no model\)\.$"):
        assert read_scores(tmp_path / "mine.csv", small_panel).tolist() == [0.4, 0.3, 0.5]


def test_one_file_has_one_benchmark(small_panel, tmp_path):
    rows = [f"{model},{name},0.4" for model in ("acme/Alpha-7B", "bee/Beta-7B", "gang/Gamma-9B") for name in "ab"]
    (tmp_path / "mine.csv").write_text("\n".join(["model,benchmark,score", *rows]) + "\n")
    with pytest.raises(
        SchemaError, match=r"mine\.csv, column 'benchmark': 2 benchmarks, 'a', 'b'; expected .* one new"
    ):
        read_scores(tmp_path / "mine.csv", small_panel)
    (tmp_path / "mine.csv").write_text("\n".join(["model,benchmark,score", *rows[::2]]) + "\n")
    assert len(read_scores(tmp_path / "mine.csv", small_panel)) == 3


def test_benchmarks_that_make_no_sense(simulated):
    rest, some, _ = told(simulated, "benchmark_2", 5)
    for settings, words in (
        ({"score_floor": 25.0}, "score floor is 25"),
        ({"n_items": 0}, "items is 0"),
        ({"ceiling": 2.0}, "ceiling is 2"),
        ({"ceiling": 0.26}, "above the ceiling of 0.26"),
    ):
        with pytest.raises(UsageError, match=words):
            with_benchmark(rest, "mine", some, **settings)
    with pytest.raises(UsageError, match="holds 'benchmark_1' already"):
        with_benchmark(rest, "benchmark_1", some)
    with pytest.raises(UsageError, match="no such file"):
        read_scores(__import__("pathlib").Path("nowhere.csv"), rest)
