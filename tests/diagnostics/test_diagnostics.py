"""Diagnostics: shapes that were simulated are named, nothing is found where nothing is, every benchmark in seconds."""

import time

import numpy as np
import pandas as pd
import pytest

from obslaws.diagnostics.diagnose import diagnose
from obslaws.diagnostics.emergence import emergence, emergence_table, resolution_loss
from obslaws.diagnostics.predictability import predictability_table
from obslaws.diagnostics.table import everything
from obslaws.diagnostics.trends import adjusted, test_trend, trend_table
from obslaws.diagnostics.weakest_link import weakest_link
from obslaws.errors import FitError, UsageError
from obslaws.laws.runs import load_runs
from obslaws.panel import COVARIATES, Panel

RATE = 0.1


def panel_of(scores, flop, family, n_items=1000.0, floor=0.0):
    names = [f"m{i}" for i in range(len(flop))]
    models = pd.DataFrame(index=pd.Index(names, name="model"), columns=list(COVARIATES))
    models = models.assign(family=family, train_flop=flop, variant="base")
    table = pd.DataFrame(scores, index=models.index)
    table.columns = [f"b{j}" for j in range(table.shape[1])]
    facts = pd.DataFrame(
        {"title": table.columns, "unit": "fraction", "score_floor": floor, "n_items": n_items}, index=table.columns
    )
    return Panel("made", models, table, facts)


def families(rng, n_families=25):
    """Families of one to six sizes; the sizes of a family lie close together, as they do on leaderboards."""
    flop, family = [], []
    for i in range(n_families):
        middle = rng.uniform(20.5, 24)
        for _ in range(rng.integers(1, 7)):
            flop.append(middle + rng.uniform(-0.8, 0.8))
            family.append(f"f{i}")
    return 10 ** np.array(flop), np.array(family)


def null_panel(seed, n_benchmarks=30, shape=None, n_families=25):
    rng = np.random.default_rng(seed)
    flop, family = families(rng, n_families)
    codes = pd.factorize(family)[0]
    level = rng.normal(0, 0.1, (codes.max() + 1, n_benchmarks))
    shared = 0.04 * rng.normal(size=(len(flop), 1))  # a model that is good is good everywhere
    scores = 0.5 + level[codes] + shared + 0.04 * rng.standard_t(4, size=(len(flop), n_benchmarks))
    if shape is not None:
        scores[:, : n_benchmarks // 2] += shape(np.log10(flop))[:, None]
    return panel_of(scores, flop, family)


def test_false_alarms_on_null_panels_stay_below_the_rate():
    """Under the complete null every rejection is false: the rate is the share of panels with any."""
    alarms = [(~trend_table(null_panel(seed), RATE)["trend"].isin(["flat", "untested"])).any() for seed in range(50)]
    assert np.mean(alarms) < RATE + 3 * np.sqrt(RATE * (1 - RATE) / 50)


def test_false_discoveries_among_true_ones_stay_below_the_rate():
    """Half of the benchmarks rise: the mean share of the others among what is found."""
    share, power = [], []
    for seed in range(15):
        table = trend_table(null_panel(seed, shape=lambda x: 0.1 * (x - 22)), RATE)
        found = ~table["trend"].isin(["flat", "untested"]).to_numpy()
        share.append(found[15:].sum() / max(found.sum(), 1))
        power.append(found[:15].mean())
    assert np.mean(share) < RATE
    assert np.mean(power) > 0.8


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (lambda x: 0.12 * (x - 22), "positive"),
        (lambda x: -0.12 * (x - 22), "inverse"),
        (lambda x: 0.12 * np.abs(x - 22.2), "U"),
        (lambda x: -0.12 * np.abs(x - 22.2), "inverted-U"),
        (lambda x: 0.2 * np.maximum(x - 22.2, 0), "positive"),  # flat, then rising: no U
    ],
    ids=["rise", "fall", "U", "arch", "hockey stick"],
)
def test_shapes_are_named(shape, name):
    table = trend_table(null_panel(1, shape=shape, n_families=80), RATE)
    assert (table["trend"][:15] == name).mean() > 0.7, table["trend"].value_counts()


def test_families_with_one_size_each_are_compared_between():
    rng = np.random.default_rng(0)
    flop = 10 ** rng.uniform(20, 24, 30)
    test = test_trend(np.log10(flop), 0.1 * np.log10(flop) + 0.05 * rng.normal(size=30), np.arange(30).astype(str))
    assert test.basis == "between"
    assert test.p_rise < 1e-4
    few = test_trend(np.log10(flop[:5]), flop[:5], np.arange(5).astype(str))
    assert few.basis == "none"


def test_scaling_within_families_is_not_confused_with_better_families():
    """Large families happen to be good, and within each size does nothing."""
    rng = np.random.default_rng(2)
    flop, family = families(rng)
    middle = pd.Series(np.log10(flop)).groupby(family).transform("mean").to_numpy()
    scores = (0.1 * (middle - 22) + 0.02 * rng.normal(size=len(flop)))[:, None] + 0.5
    assert trend_table(panel_of(scores, flop, family))["trend"][0] == "flat"


def test_q_values():
    p = np.array([0.001, 0.2, np.nan, 0.03, 0.9])
    q = adjusted(p)
    assert q[0] == pytest.approx(0.004)
    assert np.isnan(q[2])
    assert (q[[0, 3, 1, 4]][:-1] <= q[[0, 3, 1, 4]][1:]).all()
    with pytest.raises(UsageError, match="rate is 2"):
        trend_table(null_panel(0, 2), 2)


def test_emergence_is_seen_where_small_models_only_guess():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(20, 25, 60))
    family = np.array([f"f{i % 20}" for i in range(60)])
    noise = 0.005 * rng.normal(size=60)
    jump = emergence(x, 0.25 + np.where(x > 23, 0.15 * (x - 22.5), 0) + noise, family, 0.25, 2000)
    assert jump.emergent
    assert jump.threshold == pytest.approx(23, abs=0.4)
    smooth = emergence(x, 0.3 + 0.1 * (x - 20) + noise, family, 0.25, 2000)
    assert not smooth.emergent
    few = emergence(x[:4], x[:4], family[:4], 0.0)
    assert few.growth == "untested"


@pytest.mark.parametrize(("bend", "growth"), [(0.0, "by the law"), (-0.12, "accelerated"), (0.12, "slower")])
def test_growth_is_told_from_the_curvature(bend, growth):
    """F = ln(-ln p): straight is growth by the law, concave faster, convex slower (Hu et al. 2023, definition 1)."""
    named = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.uniform(20, 25, 150)
        family = np.array([f"f{i % 30}" for i in range(150)])
        p = np.exp(-np.exp(1.0 - 0.5 * (x - 22.5) + bend * (x - 22.5) ** 2))
        named.append(emergence(x, np.clip(p + 0.01 * rng.normal(size=150), 0, 1), family, 0.0, 2000).growth)
    assert named.count(growth) >= 9, named


def test_ratings_have_no_emergence():
    made = null_panel(0, 3)
    facts = made.benchmarks.assign(unit=["fraction", "elo", "points"])
    assert emergence_table(Panel("u", made.models, made.scores, facts))["benchmark"].tolist() == ["b0"]


def test_accuracy_loses_what_the_answer_loss_still_shows():
    """On the ladder the small runs guess on MMLU while the loss of the answer falls all along."""
    runs = load_runs("ladder").query("task == 'mmlu' and n_params < 8e8").groupby("run").tail(1)
    flop = 6 * runs["n_params"] * runs["n_tokens"]
    table = resolution_loss(flop, {"answer loss": runs["answer_loss"], "accuracy": runs["accuracy"]})
    assert table["spearman"][0] > 0.9
    assert table["loss"][1] >= 0
    with pytest.raises(UsageError, match="2 models"):
        resolution_loss([1, 2], {"a": [1, 2]})


def test_weakest_link_is_found_where_it_holds():
    rng = np.random.default_rng(0)
    flop, family = families(rng)
    n = len(flop)
    a, b = rng.uniform(0.3, 0.9, n), rng.uniform(0.3, 0.9, n)
    made = panel_of(np.column_stack([a, b, np.minimum(a, b) + 0.01 * rng.normal(size=n)]), flop, family)
    told = weakest_link(made, "b0", "b1", "b2").summary
    assert told["median_position"] == pytest.approx(-1, abs=0.1)
    assert told["weight_weak"] == pytest.approx(1, abs=0.05)
    assert told["weight_strong"] == pytest.approx(0, abs=0.05)
    mean = panel_of(np.column_stack([a, b, (a + b) / 2]), flop, family)
    assert weakest_link(mean, "b0", "b1", "b2").summary["median_position"] == pytest.approx(0, abs=0.01)
    with pytest.raises(FitError, match="0 models"):
        weakest_link(panel_of(np.full((6, 3), np.nan), np.full(6, 1e22), np.arange(6).astype(str)), "b0", "b1", "b2")


def test_shares_of_variance_follow_what_was_simulated():
    rng = np.random.default_rng(0)
    flop, family = families(rng, 60)
    x, codes, n = np.log10(flop) - 22, pd.factorize(family)[0], len(flop)
    skill, own_family = rng.normal(size=n), rng.normal(size=codes.max() + 1)[codes]
    scores = np.column_stack(
        [
            0.5 + 0.1 * x + 0.005 * rng.normal(size=n),
            0.5 + 0.1 * own_family + 0.005 * rng.normal(size=n),
            0.5 + 0.08 * rng.normal(size=n),
            *(0.5 + 0.1 * skill + 0.01 * rng.normal(size=n) for _ in range(5)),
        ]
    )
    table = predictability_table(panel_of(scores, flop, family)).set_index("benchmark")
    parts = ["scale", "skills", "family", "noise", "own"]
    assert table[parts].sum(axis=1).to_numpy() == pytest.approx(1)
    assert (table[parts] >= 0).all(axis=None)
    assert table.loc["b0", "scale"] > 0.9
    assert table.loc["b1", "family"] > 0.7
    assert table.loc["b2", "predictable"] < 0.15
    assert table.loc["b5", "skills"] > 0.7
    assert table[["scale", "skills"]].sum(axis=1).to_numpy() == pytest.approx(table["predictable"].to_numpy())


def test_diagnoses_do_not_depend_on_the_order_of_models():
    made = null_panel(4, 6, shape=lambda x: 0.1 * (x - 22))
    order = np.random.default_rng(1).permutation(len(made.models))
    shuffled = Panel("s", made.models.iloc[order], made.scores.iloc[order], made.benchmarks)
    pd.testing.assert_frame_equal(diagnose(made), diagnose(shuffled))


def test_every_benchmark_of_the_snapshot_is_diagnosed():
    panel = everything()
    start = time.process_time()
    table = diagnose(panel)
    assert time.process_time() - start < 60
    assert len(table) == len(panel.benchmarks) > 300
    assert table["benchmark"].is_unique
    tested = table[table["trend"] != "untested"]
    assert len(tested) > 150
    assert (tested["trend"] == "positive").mean() > 0.8
    assert table.set_index("benchmark").loc["truthfulqa", "trend"] == "U"
