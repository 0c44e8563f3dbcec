"""The default forecaster on panels too large for the exact solver: one interface, honest intervals."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import UsageError
from obslaws.forecasters import large, new_benchmark
from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel
from obslaws.simulate import simulate_board, simulate_panel
from obslaws.skill.sample import sampled_bases


class Split:
    """A board with a sixth of the cells and some base families held out, and the forecaster of the rest."""

    def __init__(self, n_models, n_benchmarks, fill, n_families, random_state=0):
        self.panel = simulate_board(n_models, n_benchmarks, fill=fill, random_state=random_state).panel
        rng = np.random.default_rng(1)
        self.base = self.panel.models["base_family"].factorize()[0]
        self.new = np.isin(self.base, rng.permutation(self.base.max() + 1)[:n_families])
        self.scores = self.panel.scores.to_numpy()
        self.seen = np.isfinite(self.scores)
        self.hidden = self.seen & (rng.random(self.seen.shape) < 1 / 6) & ~self.new[:, None]
        self.training = self.panel.hide(self.hidden).select(~self.new)
        self.fitted = SkillForecaster(n_skills=3).fit(self.training)

    def covered(self, rows, cells, known=None):
        """Share of the held-out scores inside their 90 % interval, with its standard error by base family."""
        queries = self.panel.models[rows]
        deviate = self.fitted.predict(queries, known).normal_score(np.where(cells[rows], self.scores[rows], np.nan))
        there = np.isfinite(deviate)
        inside, group = (np.abs(deviate) < 1.6448536)[there], self.base[rows][np.nonzero(there)[0]]
        _, group = np.unique(group, return_inverse=True)
        excess = np.bincount(group, weights=inside - inside.mean())  # of the cells of one base family together
        return inside.mean(), np.sqrt((excess**2).sum()) / len(inside)


@pytest.fixture(scope="module")
def split():
    return Split(5000, 80, 0.06, 100)


def near(found, wanted=0.9, errors=3.0):
    share, error = found
    return abs(share - wanted) < errors * error


@pytest.mark.slow
def test_intervals_of_held_out_cells_cover(split):
    assert split.fitted.is_large_
    assert near(split.covered(split.hidden.any(axis=1), split.hidden))


@pytest.mark.slow
def test_intervals_of_held_out_base_families_cover(split):
    assert near(split.covered(split.new, split.seen))


@pytest.mark.slow
def test_intervals_cover_when_scores_are_given(split):
    first = split.seen & (np.cumsum(split.seen, axis=1) <= 2)
    given = pd.DataFrame(
        np.where(first, split.scores, np.nan)[split.new],
        split.panel.models.index[split.new],
        split.panel.scores.columns,
    )
    assert near(split.covered(split.new, split.seen & ~first, given))


def test_everyone_is_answered_by_whom_it_should(split):
    old, kin = split.training.models.head(1), split.training.models.tail(1)
    young = kin.set_axis(["org/of-the-family"])
    other = young.assign(family="of-the-series").set_axis(["org/of-the-series"])
    alien = young.assign(family="nobody", base_family="nobody").set_axis(["org/alien"])
    table = split.fitted.forecast(pd.concat([old, young, other, alien]))
    assert list(table.groupby("model", sort=False)["basis"].first()) == [
        "own scores",
        "family",
        "base family",
        "pooled",
    ]
    width = (table["upper"] - table["lower"]).groupby(table["model"], sort=False).mean()
    assert width.is_monotonic_increasing
    assert table[["lower", "forecast", "upper"]].apply(lambda row: row.is_monotonic_increasing, axis=1).all()


def test_known_scores_draw_forecasts_to_them(split):
    alien = split.training.models.tail(1).assign(family="x", base_family="x").set_axis(["org/alien"])
    plain = split.fitted.forecast(alien)
    told = split.fitted.forecast(alien, pd.DataFrame({"benchmark_1": [0.9], "benchmark_3": [0.9]}, alien.index))
    before, after = (t.set_index("benchmark") for t in (plain, told))
    assert (after["forecast"] > before["forecast"]).mean() > 0.9
    assert (after["upper"] - after["lower"]).mean() < (before["upper"] - before["lower"]).mean()
    assert (after["basis"] == "own scores").all()


def test_a_later_time_is_forecast_from_a_sample(monkeypatch):
    monkeypatch.setattr(large, "_AHEAD_CELLS", 1000)
    monkeypatch.setattr(large, "DENSE_PRODUCTS", 0.0)
    panel = simulate_board(n_models=900, n_benchmarks=15, fill=0.2, random_state=2).panel
    assert 500 < large.spoken_for(panel).n_cells < 1500
    young = panel.models.tail(1).assign(release_date=pd.Timestamp("2030-01-01")).set_axis(["org/young"])
    fitted = SkillForecaster(n_skills=1).fit(panel)
    assert fitted.forecast(young)["upper"].notna().all()
    assert 0.5 < fitted.stretch_.beyond("day", 0) < 2.0  # the board is what the model says it is
    every = panel.models["train_flop"][panel.scores.notna().any(axis=1)].max()
    assert fitted.stretch_.frontiers["compute"].last == np.log10(every)


def test_rows_are_worked_out_some_at_a_time(split, monkeypatch):
    queries = split.panel.models.head(7)
    whole = split.fitted.predict(queries)
    wanted = whole.quantile(0.3)
    monkeypatch.setattr(large, "_AT_ONCE", 250)
    # sums of other lengths round another way, and Newton's method stops within 1e-9
    np.testing.assert_allclose(split.fitted.predict(queries).quantile(0.3), wanted, rtol=0, atol=2e-9)
    np.testing.assert_array_equal(split.fitted.predict(queries).cdf(wanted), whole.cdf(wanted))


def newcomers(split, n_told):
    """Models of the largest base family that was held out, those to be told of first, and their scores."""
    models = split.panel.models[split.new]
    of_one = models[models["base_family"] == models["base_family"].value_counts().index[0]]
    return of_one[:n_told], of_one[n_told:], split.panel.scores.loc[of_one.index]


def same_answers(one, other, models, **tolerance):
    left, right = (fitted.predict(models) for fitted in (one, other))
    np.testing.assert_allclose(left.logit, right.logit, **tolerance)
    np.testing.assert_allclose(left.logit_sd, right.logit_sd, **tolerance)


@pytest.mark.slow
def test_an_update_comes_to_what_a_refit_finds(split):
    told, asked, scores = newcomers(split, 12)
    plain = SkillForecaster(n_skills=3, calibrate=False).fit(split.training)
    panel = replace(
        split.training,
        models=pd.concat([split.training.models, told]),
        scores=pd.concat([split.training.scores, scores.loc[told.index]]),
    )
    refitted = SkillForecaster(n_skills=3, calibrate=False).fit(panel).predict(asked)
    updated = plain.update(scores.loc[told.index], told).predict(asked)
    before = plain.predict(asked)
    apart = np.abs(updated.logit - refitted.logit) / refitted.logit_sd
    assert apart.mean() < 0.12 < np.mean(np.abs(before.logit - refitted.logit) / refitted.logit_sd) / 3
    assert np.mean(updated.logit_sd / refitted.logit_sd) == pytest.approx(1.0, abs=0.05)
    assert np.mean(before.logit_sd / refitted.logit_sd) > 1.3


def test_an_update_moves_its_base_family_alone(split):
    told, asked, scores = newcomers(split, 12)
    updated = split.fitted.update(scores.loc[told.index], told)
    others = split.training.models.iloc[::500]
    same_answers(split.fitted, updated, others, rtol=0, atol=0)
    table = updated.forecast(pd.concat([told[:1], asked]))
    assert table["basis"].iloc[0] == "own scores"
    assert set(table["basis"]) == {"own scores", "family", "base family"}
    assert set(split.fitted.forecast(asked)["basis"]) == {"pooled"}


def test_scores_told_one_by_one_come_to_the_same(split):
    told, asked, scores = newcomers(split, 4)
    known = split.training.models.index[100]
    more = split.panel.scores.loc[[known]].where(split.hidden[split.panel.models.index == known])
    column = split.training.scores.columns[split.training.scores.loc[known].isna()][0]
    more.loc[known, column] = 0.4
    together = split.fitted.update(pd.concat([scores.loc[told.index], more]), told)
    one_by_one = split.fitted
    for name in told.index:
        one_by_one = one_by_one.update(scores.loc[[name]], told.loc[[name]])
    one_by_one = one_by_one.update(more)
    every = pd.concat([told, asked, split.training.models.loc[[known]]])
    same_answers(together, one_by_one, every, rtol=0, atol=1e-6)
    with pytest.raises(UsageError, match="has a score on"):
        together.update(more)


def test_a_score_told_of_a_known_model_draws_it(split):
    name = split.training.models.index[100]
    hidden = split.training.scores.columns[split.training.scores.loc[name].isna()]
    query = split.training.models.loc[[name]]
    column = list(split.training.scores.columns).index(hidden[0])
    told = [split.fitted.predict(query).quantile(share)[0, column] for share in (0.1, 0.9)]
    low, high = (
        split.fitted.update(pd.DataFrame({hidden[0]: [value]}, index=[name])).forecast(query).set_index("benchmark")
        for value in told
    )
    assert (high["forecast"] >= low["forecast"]).mean() > 0.8
    drawn = high.loc[hidden[0], "forecast"] - low.loc[hidden[0], "forecast"]
    assert 0.3 * (told[1] - told[0]) < drawn < told[1] - told[0]


@pytest.mark.parametrize(
    "command",
    [
        ["skills"],
        ["skills", "--show", "families"],
        ["skills", "--show", "own"],
        ["skills", "--show", "curves"],
        ["plan", "--flop", "1e23", "--family", "llama-2", "--rotation", "varimax"],
        ["select", "benchmarks", "--count", "2"],
        ["select", "next", "--family", "llama-2", "--params", "30B", "--tokens", "2T"],
        ["audit", "--top", "5"],
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_every_question_has_an_answer(command, run, monkeypatch):
    monkeypatch.setattr(large, "DENSE_PRODUCTS", 0.0)
    done = run(*command, "--view", "ruan2024-pool", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)


def test_a_new_benchmark_is_onboarded_as_by_the_exact_fit(monkeypatch):
    panel = simulate_panel(n_families=60, n_benchmarks=10, missing=0.6, random_state=2).panel
    scored = np.flatnonzero(panel.scores["benchmark_1"].notna())
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    hidden[np.setdiff1d(scored, scored[::9]), 1] = True
    answers = []
    for limit in (large.DENSE_PRODUCTS, 0.0):
        monkeypatch.setattr(large, "DENSE_PRODUCTS", limit)
        fitted = OnboardingForecaster(new=["benchmark_1"]).fit(panel.hide(hidden))
        answers.append(fitted.forecast(panel.models[hidden.any(axis=1)], benchmarks=["benchmark_1"]))
        assert fitted.skill_.is_large_ == (limit == 0.0)
    exact, found = answers
    sd = (exact["upper"] - exact["lower"]) / 3.29
    assert np.abs((found["forecast"] - exact["forecast"]) / sd).mean() < 0.3
    assert ((found["upper"] - found["lower"]) / (3.29 * sd)).median() == pytest.approx(1.0, abs=0.1)
    assert set(found["basis"]) == {"new benchmark"}


def test_many_models_are_onboarded_some_at_a_time(monkeypatch):
    panel = simulate_panel(n_families=20, n_benchmarks=6, random_state=0).panel
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    hidden[5:, 0] = True
    fitted = OnboardingForecaster(new=["benchmark_0"]).fit(panel.hide(hidden))
    whole = fitted.forecast(panel.models, benchmarks=["benchmark_0"])
    monkeypatch.setattr(new_benchmark, "_AT_ONCE", 17)
    parts = fitted.forecast(panel.models, benchmarks=["benchmark_0"])
    for bound in ("lower", "forecast", "upper"):  # the same draws, some of them left out
        np.testing.assert_allclose(parts[bound], whole[bound], atol=0.003)


def test_the_named_views_stay_with_the_exact_solver():
    fitted = SkillForecaster(n_skills=1, calibrate=False).fit(load_panel("core"))
    assert not fitted.is_large_
    data = fitted.data_
    wide = replace(data, scores=np.broadcast_to(np.nan, (len(data.scores), 2000)))
    assert large.is_large(wide, 3)
    assert not large.is_large(data, 8)


def test_a_sample_of_base_families_is_spread_evenly():
    np.testing.assert_array_equal(sampled_bases(10, 5), [0, 2, 4, 6, 8])
    np.testing.assert_array_equal(sampled_bases(3, 7), [0, 1, 2])
    assert len(sampled_bases(1001, 37)) == 37


def test_boards_are_what_was_asked_for():
    board = simulate_board(n_models=2000, n_benchmarks=50, fill=0.05, random_state=3)
    again = simulate_board(n_models=2000, n_benchmarks=50, fill=0.05, random_state=3)
    pd.testing.assert_frame_equal(board.panel.scores, again.panel.scores)
    assert board.panel.n_cells == pytest.approx(5000, abs=300)
    assert board.panel.models.index.is_unique
    assert board.panel.models.groupby("family")["base_family"].nunique().max() == 1
    for wrong in ({"n_models": 0}, {"fill": 1.2}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            simulate_board(**wrong)
