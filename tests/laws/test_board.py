"""Laws on the leaderboard: known truth in simulated panels, stated figures on the embedded snapshot."""

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import FitError
from obslaws.laws.board.compute import compute_laws, crossover, family_crossover
from obslaws.laws.board.densing import capability_density, densing_trend
from obslaws.laws.board.effective import effective_compute, efficiency_trend
from obslaws.laws.board.performance import architectures, mmlu_from_architecture, performance_error
from obslaws.laws.board.reference import equivalent_log_size, reference_planes
from obslaws.laws.registry import law
from obslaws.panel import COVARIATES, Panel, load_panel

DAYS = 800
DENSER = 0.006  # per day


def growing_panel(seed=0, n_families=60):
    """Families of three sizes whose density grows with their date; scores follow from size, tokens and density."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n_families):
        day = rng.integers(0, DAYS)
        tokens = 10 ** rng.uniform(11.5, 12.8)
        for size in 10 ** rng.uniform(8.8, 10.8, 3):
            rows.append((f"o/f{i}-{size:.3g}", f"f{i}", day, size, tokens, np.exp(DENSER * max(day - 330, 0))))
    table = pd.DataFrame(rows, columns=["model", "family", "day", "n_params", "n_tokens", "density"]).set_index("model")
    models = pd.DataFrame(index=table.index, columns=list(COVARIATES))
    models = models.assign(
        org="o", family=table["family"], base_family=table["family"], variant="base",
        n_params=table["n_params"], n_active_params=table["n_params"], n_tokens=table["n_tokens"],
        train_flop=6 * table["n_params"] * table["n_tokens"],
        release_date=pd.Timestamp("2023-01-31") + pd.to_timedelta(table["day"], unit="D"),
    )  # fmt: skip
    facts = pd.DataFrame(
        {"title": ["A", "B"], "metric": "acc", "unit": "fraction", "score_floor": [0.25, 0.0], "n_items": 2000.0},
        index=pd.Index(["mmlu", "bbh"], name="benchmark"),
    )
    scores = pd.DataFrame(index=models.index)
    for name, (a, b, c) in {"mmlu": (-2.2, 0.7, 0.6), "bbh": (-2.6, 0.8, 0.5)}.items():
        points = {"n_params": table["n_params"] * table["density"], "n_tokens": table["n_tokens"]}
        clean = law("size_tokens_sigmoid").evaluate(
            {**points, "score_floor": facts["score_floor"][name]}, {"a": a, "b": b, "c": c}
        )
        scores[name] = np.clip(clean + 0.005 * rng.normal(size=len(clean)), 0, 1)
    return Panel("growing", models, scores, facts)


@pytest.fixture(scope="module")
def growing():
    return growing_panel()


@pytest.fixture(scope="module")
def core():
    return load_panel("core")


def test_reference_finds_its_planes_and_sizes(growing):
    planes = reference_planes(growing, "mmlu", "2023-12-31", np.empty((0, len(growing.models))))
    np.testing.assert_allclose(planes[0], [-2.2, 0.7, 0.6], atol=0.12)
    told = equivalent_log_size(growing, "mmlu", planes)[0]
    # a model of the reference period on a trillion tokens is its own equivalent
    early = (growing.models["release_date"] < "2023-12-01") & np.isclose(growing.models["n_tokens"], 1e12, rtol=0.3)
    gap = told[early.to_numpy()] - np.log(growing.models.loc[early, "n_params"].to_numpy(dtype=float))
    assert np.nanmedian(np.abs(gap)) < 0.4


def test_density_trend_finds_the_truth(growing):
    trend = densing_trend(growing, n_draws=100, since="2023-12-31")
    # density is flat until the reference period ends and grows by 0.006 a day after it; tokens add to it
    assert trend.lower < DENSER < trend.upper * 1.3
    assert trend.slope == pytest.approx(DENSER, rel=0.5)
    months = trend.doubling_months()
    assert months[1] < months[0] < months[2]
    assert trend.frontier["log_density"].is_monotonic_increasing
    assert (np.diff(trend.frontier["days"]) > 0).all()


def test_densities_do_not_depend_on_the_order_of_models(growing):
    order = np.random.default_rng(0).permutation(len(growing.models))
    shuffled = Panel("s", growing.models.iloc[order], growing.scores.iloc[order], growing.benchmarks)
    one, _ = capability_density(growing)
    other, _ = capability_density(shuffled)
    np.testing.assert_allclose(
        one.set_index("model")["log_density"].sort_index(),
        other.set_index("model")["log_density"].sort_index(),
        rtol=1e-4,
    )


def test_reference_says_what_it_lacks(growing):
    with pytest.raises(
        FitError, match=r"0 base models until 2022-01-01 score more than 5 points above guessing on 'mmlu'"
    ):
        reference_planes(growing, "mmlu", "2022-01-01", np.empty((0, len(growing.models))))


def test_density_doubles_on_the_snapshot_about_as_published(core):
    """Published: 0.007 per day, 3.3 months. `obslaws laws board density` prints ours."""
    trend = densing_trend(core, n_draws=200)
    assert trend.lower < 0.007 < trend.upper
    assert 0.004 < trend.slope < 0.012
    months = trend.doubling_months()
    assert months[1] < 3.3 < months[2]


def test_architectures_agree_with_the_sizes_of_the_snapshot(core):
    """Layers x (4 h^2 + 2 or 3 h d) is what a dense transformer has outside its vocabulary."""
    known = core.models.join(architectures(), how="inner")
    assert len(known) > 75
    attention = 4 * known["width"] ** 2
    for gates in (2, 3):
        known[f"share_{gates}"] = known["n_layers"] * (attention + gates * known["width"] * known["ffn_width"])
    least, most = known["share_2"] / known["n_params"], known["share_3"] / known["n_params"]
    large = known["n_params"] > 1.2e9  # below, the vocabulary is most of the model
    # multi-query attention (Falcon) has fewer than 4 h^2, hence the upper margin
    assert (least[large] < 1.2).all()
    assert (most[large] > 0.65).all()


def test_performance_law_overpredicts_old_models_and_fits_those_of_its_year(core):
    told = performance_error(core, n_draws=300)
    assert told.overall["n_models"] >= 60
    assert told.overall["mae_lower"] < told.overall["mae"] < told.overall["mae_upper"]
    by_year = told.by_year.set_index("year")
    assert by_year.loc[2022, "bias"] > 15
    assert abs(by_year.loc[2024, "bias"]) < 4
    assert told.overall["refit_mae"] < told.overall["mean_mae"]
    one = mmlu_from_architecture(core).set_index("model").loc["meta-llama/Meta-Llama-3-8B"]
    assert one["predicted"] == pytest.approx(65.43, abs=0.3)  # 15T tokens and 8.03B parameters


def test_compute_laws_find_a_logistic_in_compute():
    rng = np.random.default_rng(1)
    panel = growing_panel(3, 20)
    truth = {"slope": 1.5, "midpoint": 22.5, "ceiling": 0.9}
    x = {"train_flop": panel.models["train_flop"], "score_floor": 0.25}
    scores = panel.scores.assign(mmlu=law("compute_sigmoid").evaluate(x, truth) + 0.01 * rng.normal(size=60))
    scores["bbh"] = np.nan
    table = compute_laws(Panel("c", panel.models, scores, panel.benchmarks)).set_index("benchmark")
    row = table.loc["mmlu"]
    assert abs(row["slope"] - 1.5) < 4 * row["slope_se"]
    assert row["midpoint"] == pytest.approx(22.5, abs=0.15)
    assert row["held_out_mae"] < 2 < row["mean_mae"]
    assert table.loc["bbh", "reason"].startswith("fewer than 8 models")


def test_crossing_of_two_laws_is_where_they_are_equal():
    one, x = law("power_offset"), np.geomspace(1e6, 1e12, 40)
    rng = np.random.default_rng(0)
    sets = ({"y_inf": 1.0, "k": 30.0, "b": 0.2}, {"y_inf": 1.2, "k": 500.0, "b": 0.4})
    fits = [
        one.fit(
            {"scale": x}, one.evaluate({"scale": x}, s) * np.exp(0.002 * rng.normal(size=40)), n_starts=20, bootstrap=60
        )
        for s in sets
    ]
    told = crossover(*fits, "scale", 1e3, 1e12, names=("a", "b"))
    grid = np.geomspace(1e3, 1e12, 100_000)
    gap = one.evaluate({"scale": grid}, sets[0]) - one.evaluate({"scale": grid}, sets[1])
    true = grid[np.flatnonzero(np.diff(np.sign(gap)))[0]]
    assert told.lower < true < told.upper
    assert told.first == "b"
    assert told.share > 0.95


def test_families_that_never_meet_say_so(core):
    told = family_crossover(core, "pythia", "qwen1.5", "mmlu", n_draws=40)
    assert np.isnan(told.at)
    assert told.first == "qwen1.5"
    with pytest.raises(FitError, match="a curve of its own needs 3"):
        family_crossover(core, "mpt", "qwen1.5", "mmlu", n_draws=5)


def test_effective_compute_shows_gains_of_later_families(growing):
    told = effective_compute(growing)
    assert told["gain"].median() == pytest.approx(0, abs=0.3)
    trend = efficiency_trend(growing, n_draws=200)
    assert trend.lower > 0
    assert 0 < trend.doubling_months < 24
