import itertools
import json

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.forecasters.skill import SkillForecaster
from obslaws.select.benchmarks import rank_next, read_costs, select_benchmarks
from obslaws.select.posterior import Joint, joint_posterior, loss, loss_after_each, measured, population
from obslaws.simulate import simulate_panel
from obslaws.skill.doubt import curve_doubt

NAMES = list("abcdefg")


@pytest.fixture(scope="module")
def joint():
    """Three cases over seven benchmarks of three factors."""
    rng = np.random.default_rng(3)
    loadings = rng.normal(size=(3, 7, 3))
    cov = loadings @ np.swapaxes(loadings, 1, 2) + 0.05 * np.eye(7)
    return Joint(cov, rng.uniform(5, 25, (3, 7)), rng.uniform(0.05, 0.5, (3, 7)))


def plain_loss(joint, chosen):
    """Expected errors with a set known, by conditioning on the set at once."""
    out = np.zeros(7)
    for cov, slope, noise in zip(joint.cov, joint.slope, joint.noise, strict=True):
        at = list(chosen)
        if at:
            gain = cov[:, at] @ np.linalg.inv(cov[np.ix_(at, at)] + np.diag(noise[at]))
            cov = cov - gain @ cov[at]
        out += slope * np.sqrt(np.diag(cov)) * np.sqrt(2 / np.pi) / 3
    out[list(chosen)] = 0
    return out


def test_one_score_after_another_is_all_at_once(joint):
    left = measured(measured(joint, 4), 1)
    rest = [j for j in range(7) if j not in (1, 4)]
    np.testing.assert_allclose(loss(left)[rest], plain_loss(joint, (4, 1))[rest], rtol=1e-10)
    after = loss_after_each(measured(joint, 4))
    for c in rest:
        keep = [j for j in rest if j != c]
        np.testing.assert_allclose(after[c][keep], plain_loss(joint, (4, c))[keep], rtol=1e-10)
        assert after[c, c] == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_small_sets_are_the_best_there_are(joint, count):
    found = select_benchmarks(joint, NAMES, count)
    best = min(plain_loss(joint, s).sum() for s in itertools.combinations(range(7), count))
    assert found.is_exact
    assert found.steps["error_left"].iloc[-1] == pytest.approx(best / 7)
    assert found.error_before == pytest.approx(plain_loss(joint, ()).mean())
    assert found.error_before - found.steps["reduction"].sum() == pytest.approx(best / 7)


def test_a_budget_is_spent_as_well_as_can_be(joint):
    costs = np.array([5.0, 1.0, 2.0, 4.0, 3.0, 1.5, np.nan])
    found = select_benchmarks(joint, NAMES, costs=costs, budget=6.0)
    sets = (s for k in range(1, 7) for s in itertools.combinations(range(6), k) if costs[list(s)].sum() <= 6)
    assert found.steps["cost"].sum() <= 6
    assert found.steps["error_left"].iloc[-1] == pytest.approx(min(plain_loss(joint, s).mean() for s in sets))
    free = select_benchmarks(joint, NAMES, costs=np.zeros(7), budget=0.0)
    assert len(free.steps) == 7


def test_targets_and_candidates_are_kept(joint):
    targets, candidates = np.isin(NAMES, ["f", "g"]), ~np.isin(NAMES, ["f", "g"])
    found = select_benchmarks(joint, NAMES, 2, targets=targets, candidates=candidates)
    assert found.n_targets == 2 and not set(found.steps["benchmark"]) & {"f", "g"}
    best = min(plain_loss(joint, s)[5:].mean() for s in itertools.combinations(range(5), 2))
    assert found.steps["error_left"].iloc[-1] == pytest.approx(best)
    with pytest.raises(UsageError, match="Say how many"):
        select_benchmarks(joint, NAMES)
    with pytest.raises(UsageError, match="Nothing can be chosen: 0 of 7"):
        select_benchmarks(joint, NAMES, costs=np.full(7, 3.0), budget=2.0)


def test_what_comes_next_is_ranked_by_what_it_tells(joint):
    known = np.isin(NAMES, ["a"])
    ranked = rank_next(joint, NAMES, known)
    assert set(ranked["benchmark"]) == set("bcdefg")
    assert ranked["reduction"].is_monotonic_decreasing
    top = NAMES.index(ranked["benchmark"][0])
    rest = [j for j in range(1, 7) if j != top]
    now, after = plain_loss(joint, ()), plain_loss(joint, (top,))
    assert ranked["reduction"][0] == pytest.approx((now[1:].sum() - after[1:].sum()) / 6)
    assert ranked["reduction_others"][0] == pytest.approx((now[rest] - after[rest]).sum() / 6)
    cheap = rank_next(joint, NAMES, known, np.where(np.isin(NAMES, ["d"]), 0.001, 1.0))
    assert cheap["benchmark"][0] == "d"
    with pytest.raises(UsageError, match="every benchmark of the panel is measured"):
        rank_next(joint, NAMES, np.ones(7, dtype=bool))


@pytest.fixture(scope="module")
def fitted():
    panel = simulate_panel(n_families=8, random_state=0).panel
    scores = panel.scores.copy()
    scores.iloc[-1, 2:] = np.nan
    return SkillForecaster(calibrate=False).fit(type(panel)(panel.name, panel.models, scores, panel.benchmarks))


def test_the_joint_is_that_of_the_forecast(fitted):
    """Given beside the fit or held by it, a score leads to much the same spread; scores only narrow it."""
    query = fitted.panel_.models.tail(1)
    joint = joint_posterior(fitted, query)
    predictive = fitted.predict(query)
    sd = np.sqrt(np.einsum("kjj->kj", joint.cov))
    np.testing.assert_allclose(sd[:, :2], predictive.logit_sd[:, 0, :2], rtol=1e-6)
    # beyond the models that were scored the forecast doubts the curves as well, whatever is measured next
    doubt = np.stack([curve_doubt(fit, np.array([len(fitted.panel_.models) - 1]))[0][0] for fit in fitted.fits_])
    np.testing.assert_allclose(np.sqrt(sd**2 + doubt)[:, 2:], predictive.logit_sd[:, 0, 2:], rtol=1e-6)
    column = fitted.panel_.scores.columns[4]
    more = joint_posterior(fitted, query, pd.DataFrame({column: [predictive.point[0, 4]]}, index=query.index))
    spread, left = (np.einsum("kjj->kj", one.cov) for one in (joint, more))
    assert (left <= spread + 1e-12).all() and ((left / spread).argmin(axis=1) == 4).all()
    assert (loss(population(fitted)) > loss(joint)).mean() > 0.8


def test_costs_are_read_with_care(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("benchmark,cost\nb,2.5\na,0\n")
    np.testing.assert_equal(read_costs(path, ["a", "b", "c"]), [0.0, 2.5, np.nan])
    path.write_text("benchmark,cost\nb,-1\n")
    with pytest.raises(SchemaError, match="row 2: cost is '-1'"):
        read_costs(path, ["a", "b"])
    path.write_text("benchmark,cost\nbb,1\n")
    with pytest.raises(UnknownNameError, match="No benchmark named 'bb'"):
        read_costs(path, ["a", "b"])
    path.write_text("benchmark,price\nb,1\n")
    with pytest.raises(SchemaError, match="no column 'cost'"):
        read_costs(path, ["a", "b"])


def test_the_commands(run, small_folder, tmp_path):
    at = ("--panel", small_folder)
    told = json.loads(run("select", "benchmarks", "--count", "2", "--format", "json", *at).out)
    assert told["is_exact"] and len(told["steps"]) == 2
    (tmp_path / "costs.csv").write_text("benchmark,cost\nmmlu,3\ngsm8k,1\nhellaswag,2\n")
    priced = run("select", "benchmarks", "--budget", "2", "--costs", tmp_path / "costs.csv", *at)
    assert priced.code == 0 and "mmlu" not in priced.out
    asked = ("--family", "alpha", "--params", "22B", "--tokens", "18T", "--scores", "mmlu=0.8")
    ranked = json.loads(run("select", "next", *asked, "--format", "json", *at).out)
    assert {r["benchmark"] for r in ranked} == {"gsm8k", "hellaswag"}
    one = run("select", "next", "--model", "bee/Beta-65B", *at)
    assert one.code == 0 and "gsm8k" in one.out
    assert run("select", "next", *at).code == 2
    for command in ("next", "benchmarks"):  # facts of a model that the panel knows are not dropped in silence
        done = run("select", command, "--model", "bee/Beta-65B", "--family", "alpha", "--params", "7B", *at)
        assert (done.code, done.out) == (2, "") and "leave out --family, --params" in " ".join(done.err.split())
    assert run("select", "next", "--model", "bee/Beta-7B", *at).code == 1


def test_the_pages_say_what_their_columns_are(run, small_folder):
    at = ("--panel", small_folder)
    budget = run("select", "benchmarks", "--budget", "2", *at).out
    assert budget == run("select", "benchmarks", "--count", "2", *at).out  # without --costs each costs 1
    assert "No other set is expected to do better." in budget and "in points of 100" in budget
    asked = ("select", "next", "--family", "alpha", "--params", "22B", "--tokens", "18T", *at)
    page = run(*asked).out
    assert all(words in page for words in ("Own error: ", "Mean less by: ", "Others: "))
    for top in ("0", "-1"):
        assert f"--top is {top}; expected 1 or more rows" in run(*asked, "--top", top).err
