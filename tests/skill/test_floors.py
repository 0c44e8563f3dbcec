"""Floors that scores contradict: lowered where most lie below, left alone where few do."""

from dataclasses import replace

import numpy as np
import pytest

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.forecasters.skill import SkillForecaster
from obslaws.questions.onboard import with_benchmark
from obslaws.simulate import simulate_panel
from obslaws.skill.floors import credible_floor

BELOW = [0.20, 0.21, 0.22, 0.23, 0.24, 0.25, 0.26]


@pytest.mark.parametrize(
    ("scores", "floor"),
    [
        (BELOW, 0.245),  # the declaration counts as three scores more
        ([*BELOW, np.nan, np.nan], 0.245),
        (BELOW[:3], 0.5),  # too few to say
        ([*BELOW, *np.linspace(0.6, 0.9, 6)], 0.5),  # weak models do score less than guessing
        ([np.nan], 0.5),
    ],
)
def test_most_scores_decide(scores, floor):
    assert credible_floor(np.array(scores)[:, None], np.array([0.5]))[0] == pytest.approx(floor)


@pytest.fixture(scope="module")
def misdeclared():
    """Two panels, alike but for one benchmark, whose scores from 0.2 to 0.32 have a floor of 0.5 in the second."""
    panel = simulate_panel(n_families=10, random_state=2).panel
    name = panel.scores.columns[0]
    scores = panel.scores.assign(**{name: 0.2 + 0.12 * panel.scores[name].rank(pct=True)})
    floors = panel.benchmarks["score_floor"].where(panel.benchmarks.index != name, 0.0)
    honest = replace(panel, scores=scores, benchmarks=panel.benchmarks.assign(score_floor=floors))
    wrong = floors.where(floors.index != name, 0.5)
    return honest, replace(honest, benchmarks=honest.benchmarks.assign(score_floor=wrong))


def mean_error(forecaster, panel, hidden, name):
    told = forecaster.forecast(panel.models[hidden], benchmarks=[name]).set_index("model")["forecast"]
    return float((told - panel.scores.loc[hidden, name]).mean())


def test_a_wrong_floor_biases_no_forecast(misdeclared):
    family = misdeclared[0].models["family"]
    hidden = family.isin(family.unique()[:3]).to_numpy()
    name = misdeclared[0].scores.columns[0]
    for panel in misdeclared:
        fitted = SkillForecaster(calibrate=False).fit(panel.select(~hidden))
        assert abs(mean_error(fitted, panel, hidden, name)) < 0.05  # 0.15 with the floor as declared
    assert max(fit.floors[0] for fit in fitted.fits_) < 0.3


def test_a_wrong_floor_biases_no_new_benchmark(misdeclared):
    panel = misdeclared[1]
    name = panel.scores.columns[0]
    rest = panel.select(benchmarks=list(panel.scores.columns[1:]))
    told = panel.scores[name].iloc[::5]
    hidden = ~panel.models.index.isin(told.index)
    fitted = OnboardingForecaster(new=[name]).fit(with_benchmark(rest, name, told, 0.5))
    assert abs(mean_error(fitted, panel, hidden, name)) < 0.03  # 0.05 with the floor as declared
