"""A benchmark with few scores: the default forecasts it as a new one, and all others as ever."""

import numpy as np
import pandas as pd
import pytest

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster
from obslaws.simulate import simulate_panel

NAME, NUMBERS = "benchmark_1", ["forecast", "lower", "upper"]


@pytest.fixture(scope="module")
def whole():
    return simulate_panel(n_families=14, n_benchmarks=7, random_state=4).panel


@pytest.fixture(scope="module")
def panel(whole):
    """Seven scores on one benchmark, and a model without any score."""
    hidden = np.zeros(whole.scores.shape, dtype=bool)
    hidden[:, 1] = True
    hidden[::11, 1] = False
    hidden[1] = True
    return whole.hide(hidden)


@pytest.fixture(scope="module")
def fitted(panel):
    return SkillForecaster().fit(panel)


def answers(forecaster, queries, scores=None):
    table = forecaster.forecast(queries, scores)
    mine = (table["benchmark"] == NAME).to_numpy()
    return table[mine].reset_index(drop=True), table[~mine].reset_index(drop=True)


def test_which_benchmarks_have_few_scores(panel, fitted):
    assert [panel.scores.columns[j] for j in fitted.few_] == [NAME]
    assert panel.scores[NAME].notna().sum() == 7
    assert not len(SkillForecaster(few=6, calibrate=False).fit(panel).few_)
    assert not len(SkillForecaster(few=0, calibrate=False).fit(panel).few_)
    small = panel.select(np.arange(len(panel.models)) < 12)
    assert not len(SkillForecaster(calibrate=False).fit(small.select(benchmarks=[NAME, "benchmark_2"])).few_)


def test_it_is_onboarded_and_the_others_are_forecast_as_ever(panel, fitted):
    scored = panel.models[panel.scores.notna().any(axis=1)]
    few, others = answers(fitted, scored)
    new, _ = answers(OnboardingForecaster(new=[NAME]).fit(panel), scored)
    np.testing.assert_allclose(few[NUMBERS], new[NUMBERS], atol=1e-12)
    plain_few, plain_others = answers(fitted.plain(), scored)
    pd.testing.assert_frame_equal(others, plain_others)
    assert (few["basis"] == plain_few["basis"]).all()
    assert np.abs(few["forecast"] - plain_few["forecast"]).max() > 0.01


def test_what_it_was_not_checked_on_comes_from_the_joint_posterior(whole, panel, fitted):
    """Models without other scores, and models that something was told of since."""
    unscored = panel.models.iloc[[1]]
    stranger = unscored.set_axis(pd.Index(["new/model"], name="model"))
    for queries in (unscored, stranger):
        pd.testing.assert_frame_equal(fitted.forecast(queries), fitted.plain().forecast(queries))
    told = whole.scores.iloc[[2]][[NAME]]
    assert panel.scores[NAME].isna().iloc[2]
    both = panel.models.iloc[[2, 3]]
    given = fitted.forecast(both, told)
    joint, apart = fitted.plain().forecast(both, told), fitted.forecast(both)
    first = (given["model"] == both.index[0]).to_numpy()
    pd.testing.assert_frame_equal(given[first], joint[first])
    pd.testing.assert_frame_equal(given[~first], apart[~first])
    updated = fitted.update(told)
    pd.testing.assert_frame_equal(updated.forecast(both), updated.plain().forecast(both))


def test_no_answer_depends_on_who_else_is_asked(panel, fitted):
    together = fitted.forecast(panel.models.iloc[2:12])
    apart = pd.concat([fitted.forecast(panel.models.iloc[[i]]) for i in range(2, 12)], ignore_index=True)
    np.testing.assert_allclose(together[NUMBERS], apart[NUMBERS], rtol=1e-9)


def test_deviates_are_those_of_the_quantiles(panel, fitted):
    predictive = fitted.predict(panel.models)
    for share, deviate in ((0.1, -1.2816), (0.5, 0.0), (0.9, 1.2816)):
        inside = predictive.quantile(share)
        found = predictive.normal_score(inside)
        assert np.median(np.abs(found - deviate)[(inside > 0) & (inside < 1)]) < 0.01
    assert np.isnan(predictive.normal_score(np.full(panel.scores.shape, np.nan))).all()
