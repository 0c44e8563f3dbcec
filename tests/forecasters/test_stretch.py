"""Factors on the spread of intervals: what they are learned from, and when they stay at one."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from obslaws.forecasters.skill import SkillForecaster
from obslaws.simulate import simulate_panel


@pytest.fixture(scope="module")
def panel():
    return simulate_panel(n_families=15, n_benchmarks=4, random_state=2).panel


def stretch_of(panel):
    return SkillForecaster(n_skills=1).fit(panel).stretch_


def dated(panel, dates):
    return dataclasses.replace(panel, models=panel.models.assign(release_date=dates))


def asked(dates, flop=np.nan):
    return pd.DataFrame({"release_date": pd.to_datetime(dates), "train_flop": flop})


@pytest.fixture(scope="module")
def stretch(panel):
    return stretch_of(panel)


def test_models_newer_than_all_training_data_get_the_larger_factor(panel, stretch):
    newest = panel.models["release_date"].max()
    factors = stretch.factors(np.array([1, 1, 1]), np.array([0, 0, 0]), asked([newest, newest + pd.Timedelta(days=1), pd.NaT]))
    assert factors[0] == factors[2] == stretch.by_kin(1)
    assert factors[1] == max(stretch.by_kin(1), stretch.beyond("day"))
    assert (factors >= 1).all()


def test_models_with_more_compute_than_all_training_data_get_the_larger_factor(panel, stretch):
    most = panel.models["train_flop"].max()
    factors = stretch.factors(np.array([1, 1]), np.array([0, 0]), asked([pd.NaT, pd.NaT], [most, 1.01 * most]))
    assert factors[0] == stretch.by_kin(1)
    assert factors[1] == max(stretch.by_kin(1), stretch.beyond("compute"))


def test_a_kink_in_compute_is_noticed(panel, stretch):
    """With more compute than the middle of the models, every model stays far below what smaller ones promise."""
    flop = panel.models["train_flop"]
    large = (flop > flop.quantile(0.5)).to_numpy()
    moved = panel.scores - 0.4 * np.outer(large, np.ones(4))
    kinked = stretch_of(dataclasses.replace(panel, scores=moved.clip(0.0, 1.0)))
    assert kinked.beyond("compute") > 1.3 * stretch.beyond("compute")


def test_a_break_in_time_is_noticed(panel, stretch):
    """From the middle of the time on every new series scores far lower: forecasts of a later time get wider."""
    released = panel.models["release_date"]
    late = (released > released.quantile(0.5)).to_numpy()
    moved = panel.scores - 0.4 * np.outer(late, np.ones(4))
    broken = stretch_of(dataclasses.replace(panel, scores=moved.clip(0.0, 1.0)))
    assert broken.beyond("day") > 1.3 * stretch.beyond("day")


def test_without_dates_there_is_no_time_ahead(panel):
    undated = stretch_of(dated(panel, pd.NaT))
    assert undated.beyond("day") == 1.0
    assert (undated.factors(np.array([0]), np.array([0]), asked(["2030-01-01"])) == undated.by_kin(0)).all()


def test_a_single_day_cannot_be_split(panel):
    assert stretch_of(dated(panel, pd.Timestamp("2024-01-01"))).beyond("day") == 1.0


def test_without_calibration_nothing_is_stretched(panel):
    plain = SkillForecaster(n_skills=1, calibrate=False).fit(panel).stretch_
    assert (plain.factors(np.array([0, 3]), np.array([0, 2]), asked(["2030-01-01", None], 1e30)) == 1.0).all()
