"""Ratings and other units: one affine link there and back, for every forecaster alike."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import UsageError
from obslaws.forecasters import forecaster
from obslaws.known_scores import known_scores
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.report.figures import forecast_figure
from obslaws.simulate import simulate_panel
from obslaws.splits import plan
from obslaws.units import Units, only_fractions

FEW = ("skill", "matrix", "model-mean", "logit-ols")


def with_rating(panel, unit="elo", of="bench-1"):
    """The panel with one benchmark told in another unit: a straight line in its logit, or the exponential of one."""
    name = panel.scores.columns[1] if of not in panel.scores else of
    share = panel.scores[name].clip(0.02, 0.98)
    level = np.log(share / (1 - share))
    values = 1500 + 200 * level if unit == "elo" else np.exp(3 + level)
    facts = panel.benchmarks.copy()
    facts.loc[name, "unit"] = unit
    return replace(panel, scores=panel.scores.assign(**{name: values}), benchmarks=facts), name


@pytest.fixture(scope="module")
def simulated():
    return simulate_panel(n_families=12, random_state=3).panel


def test_the_way_there_and_back(simulated):
    for unit in ("elo", "minutes"):
        panel, name = with_rating(simulated, unit)
        units = Units.learn(panel)
        assert units.rated.tolist() == [c == name for c in panel.scores.columns]
        inside = units.panel(panel)
        column = inside.scores[name].dropna()
        assert column.mean() == pytest.approx(0.5)
        assert column.std(ddof=0) == pytest.approx(0.1)
        assert (inside.benchmarks["unit"] == "fraction").all()
        np.testing.assert_allclose(units.scores(inside.scores.to_numpy()), panel.scores.to_numpy(), rtol=1e-12)
        assert only_fractions(panel).scores.columns.tolist() == [c for c in panel.scores.columns if c != name]


def test_fractions_alone_pass_untouched(simulated):
    units = Units.learn(simulated)
    assert units.panel(simulated) is simulated
    assert only_fractions(simulated) is simulated


def test_one_rating_or_a_constant_one_has_a_spread(simulated):
    panel, name = with_rating(simulated)
    constant = replace(
        panel, scores=panel.scores.assign(**{name: panel.scores[name].mask(panel.scores[name] > 0, 1600.0)})
    )
    units = Units.learn(constant)
    assert units.spread[units.rated].tolist() == [160.0]
    assert np.isfinite(units.fractions(constant.scores.to_numpy())[constant.scores.notna()]).all()


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("unit", ["elo", "minutes"])
def test_another_zero_and_another_scale_change_nothing(simulated, name, unit):
    """Elo against other opponents, or hours for minutes: the forecasts are the same ones in other numbers."""
    panel, rating = with_rating(simulated, unit)
    turn = (lambda x: 3 * x - 700) if unit == "elo" else (lambda x: x / 60)
    turned = replace(panel, scores=panel.scores.assign(**{rating: turn(panel.scores[rating])}))
    asked = panel.models.tail(4)
    one, other = (forecaster(name).fit(p).forecast(asked) for p in (panel, turned))
    mine = (one["benchmark"] == rating).to_numpy()
    for column in ("forecast", "lower", "upper"):
        np.testing.assert_allclose(other[column][~mine], one[column][~mine], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(other[column][mine], turn(one[column][mine]), rtol=1e-5)


def test_ratings_are_forecast_and_told():
    """Codeforces in BenchPress' table: a hidden third is forecast better than by the mean, intervals hold."""
    panel = load_panel("benchpress-v1")
    name = "codeforces_rating@benchpress"
    column = panel.scores[name]
    hidden = column.notna() & (np.random.default_rng(0).random(len(column)) < 0.33)
    mask = np.zeros(panel.scores.shape, dtype=bool)
    mask[hidden.to_numpy(), panel.scores.columns.get_loc(name)] = True
    fitted = forecaster("skill").fit(panel.hide(mask))
    answer = fitted.forecast(panel.models[hidden], benchmarks=[name])
    truth = column[hidden].to_numpy()
    spread = np.abs(truth - column[~hidden].mean()).mean()
    assert np.abs(answer["forecast"] - truth).mean() < 0.6 * spread
    assert ((answer["lower"] <= truth) & (truth <= answer["upper"])).mean() > 0.75
    # told of a model, a rating moves the rest, by `scores` and by `update`
    asked = panel.models[hidden].head(1)
    high = pd.DataFrame({name: [column.max()]}, index=asked.index)
    fitted = fitted.plain()  # benchmarks with few scores are not forecast apart once something is told
    plain, given, told = fitted.forecast(asked), fitted.forecast(asked, high), fitted.update(high).forecast(asked)
    others = (plain["benchmark"] != name).to_numpy()
    assert (given["forecast"] - plain["forecast"])[others].mean() > 0
    assert (told["forecast"] - plain["forecast"])[others].mean() > 0
    assert given["forecast"][~others].item() > plain["forecast"][~others].item()


def test_protocols_tell_ratings_and_ask_about_fractions():
    panel = load_panel("benchpress-v1")
    rated = panel.benchmarks.index[panel.benchmarks["unit"] != "fraction"]
    folds = plan(with_options(load_protocol("new-model"), revealed=3), panel)
    assert all(fold.held_out[rated].isna().all().all() for fold in folds)
    assert all(fold.held_out.notna().any(axis=1).all() for fold in folds)
    assert any(fold.revealed[rated].notna().any().any() for fold in folds)
    assert any(fold.train.scores[rated].notna().any().any() for fold in folds)
    names = {fold.name for fold in plan(with_options(load_protocol("leave-benchmark-out"), revealed=3), panel)}
    assert names
    assert not names & set(rated)


def test_a_panel_of_ratings_alone_cannot_be_backtested(simulated):
    panel, name = with_rating(simulated)
    with pytest.raises(UsageError, match="errors are in points"):
        plan(load_protocol("leave-family-out"), panel.select(benchmarks=[name]))


def test_ratings_are_read_as_numbers(simulated):
    panel, name = with_rating(simulated)
    assert known_scores(f"{name}=1800", panel, "new").iloc[0].tolist() == [1800.0]
    with pytest.raises(UsageError, match="is not a number"):
        known_scores(f"{name}=high", panel, "new")


def test_a_rating_is_drawn_within_its_own_axis(simulated):
    panel, name = with_rating(simulated)
    fitted, query = forecaster("skill").fit(panel), panel.models.tail(1)
    fractions = [c for c in panel.scores.columns if c != name][:1]
    figure = forecast_figure(fitted, query, None, [*fractions, name])
    low, high = figure.axes[1].get_ylim()
    answer = fitted.forecast(query, benchmarks=[name]).iloc[0]
    assert low < answer["lower"] < answer["upper"] < high
    assert [ax.get_ylabel() for ax in figure.axes] == ["score (fraction)", "score (elo)"]
