"""Factors on the spread of intervals: what they are learned from, and when they stay at one."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

import obslaws.forecasters.stretch as room
from obslaws.folds import draw
from obslaws.forecasters.past_errors import GROWTH, Beyond, Errors, Factor, errors_of, grown, lag_of
from obslaws.forecasters.skill import SkillForecaster
from obslaws.forecasters.stretch import MOST_TOLD
from obslaws.panel import load_panel
from obslaws.simulate import simulate_panel
from obslaws.skill.replay import middle
from obslaws.skill.student import widened, widening


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
    factors = stretch.factors(
        np.array([1, 1, 1]), np.array([0, 0, 0]), asked([newest, newest + pd.Timedelta(days=1), pd.NaT])
    )
    assert factors[0] == factors[2] == stretch.by_kin(1)
    assert factors[1] == pytest.approx(stretch.beyond("day", 1, lead=1 / 365.25), rel=1e-12)
    assert factors[1] > stretch.beyond("day", 1) > stretch.by_kin(1)


def test_models_of_the_fit_are_not_stretched(panel, stretch):
    fitted = np.array([True, False])
    factors = stretch.factors(np.array([0, 0]), np.array([0, 0]), asked([pd.NaT, pd.NaT]), fitted)
    assert factors[0] == 1.0 != factors[1] == stretch.by_kin(0)


def test_models_between_siblings_have_a_factor_of_their_own(panel, stretch):
    newest = panel.models["release_date"].max()
    fitted = np.array([False, False, False, True])
    between = np.array([[False, False], [True, False], [True, True], [True, True]])  # on two benchmarks
    days = [newest, newest, newest + pd.Timedelta(days=1), newest]
    factors = stretch.factors(np.full(4, 2), np.zeros(4, dtype=int), asked(days), fitted, between)
    assert stretch.by_kin(2) != stretch.between(2)
    assert factors[:2].tolist() == [[stretch.by_kin(2)] * 2, [stretch.between(2), stretch.by_kin(2)]]
    assert (factors[2] == stretch.factors(np.array([2]), np.array([0]), asked(days[2:3]))).all(), "ahead of all data"
    assert (factors[3] == 1.0).all()
    assert stretch.between(2, MOST_TOLD + 9) == stretch.between(2, 4)
    # siblings stray by themselves in this panel: being between two of them says nothing more
    assert stretch.between(2) == pytest.approx(stretch.by_kin(2), rel=0.15)
    few = stretch_of(
        panel.select(panel.models["base_family"].isin(panel.models["base_family"].unique()[:2]).to_numpy())
    )
    assert few.between(2, 1) == few.by_kin(2, 1), "too few to learn from"


def test_intervals_between_siblings_hold_what_they_promise():
    """Of `core`, where siblings of nearly the same size do stray alike; one size of each family in three is asked."""
    panel = load_panel("core")
    size, family = np.log(panel.models["n_active_params"].to_numpy(dtype=float)), panel.models["family"].factorize()[0]
    hidden = middle(size, family) & (family % 3 == 0)
    fitted = SkillForecaster().fit(panel.select(~hidden))
    scores, queries = panel.scores[hidden].to_numpy(), panel.models[hidden].assign(release_date=pd.NaT)
    between = fitted.predict(queries)
    plain = SkillForecaster(calibrate=False).fit(panel.select(~hidden)).predict(queries)
    shares, widths = [], []
    for predicted in (between, plain):
        lower, upper = predicted.quantile(0.05), predicted.quantile(0.95)
        seen = np.isfinite(scores) & np.isfinite(lower)
        shares.append(((lower <= scores) & (scores <= upper))[seen].mean())
        widths.append(np.median((upper - lower)[seen]))
    assert shares[0] == pytest.approx(0.9, abs=0.05)
    assert shares[1] > 0.95, "as the posterior claims"
    assert widths[0] < 0.75 * widths[1]


@pytest.mark.parametrize(
    ("scale", "n_groups", "took_part", "believed"),
    [(2.0, 400, True, 1.0), (0.5, 400, True, 400 / 420), (0.5, 20, True, 0.5), (0.5, 20, False, 1.0)],
)
def test_many_errors_are_believed_and_narrowing_by_few_families_in_part(scale, n_groups, took_part, believed):
    """Deviates of the claimed shape, but wider or narrower: the logarithm of the factor, for 400 independent ones."""
    shares = (np.arange(400) + 0.5) / 400
    spread = scale * t.ppf(shares, 4) * norm.ppf(0.95) / t.ppf(0.95, 4)  # as the logits of forecasts are spread
    deviates = norm.ppf(t.cdf(spread * t.ppf(0.95, 4) / norm.ppf(0.95), 4))[:, None]
    found = errors_of([deviates], [np.random.default_rng(0).permutation(400) % n_groups]).factor(0.0, took_part)
    assert found.log == pytest.approx(believed * np.log(scale) * 400 / 410, abs=0.02)


def test_few_errors_move_the_factor_little():
    deviates = 3.0 * norm.ppf((np.arange(5) + 0.5) / 5)[:, None]
    few = errors_of([deviates], [np.arange(5)]).factor()
    many = errors_of([np.tile(deviates, (100, 1))], [np.random.default_rng(0).permutation(500)]).factor()
    assert 0.0 < few.log < 0.5 * many.log


def test_what_few_errors_leave_open_of_the_factor_widens():
    """Deviates as claimed; and intervals hold, on average over the levels, where the scale is as uncertain as said."""
    deviates = norm.ppf((np.arange(10) + 0.5) / 10)[:, None]
    parts = [np.tile(deviates, (n, 1)) for n in (1, 10, 100)]
    found = [errors_of([part], [np.random.default_rng(0).permutation(len(part))]).factor() for part in parts]
    assert found[0].value > found[1].value > found[2].value
    rng, levels = np.random.default_rng(0), np.array([0.8, 0.9, 0.95])
    scale = np.exp(0.3 * rng.standard_normal(400_000))
    errors = np.abs(scale * rng.standard_t(4, 400_000))
    inside = [
        (errors < factor * t.ppf(0.5 + levels / 2, 4)[:, None]).mean(axis=1) for factor in (1.0, widening(levels, 0.09))
    ]
    assert np.mean(inside[1]) == pytest.approx(levels.mean(), abs=0.005)
    assert np.mean(inside[0]) < levels.mean() - 0.01


def test_factors_ahead_are_drawn_towards_those_within():
    """Few errors of later times say little: the family's own factor counts for ten of them."""
    few, many = Errors(0.5, 5.0, 5), Errors(0.5, 5000.0, 90)
    within = Factor(-0.2, 0.01)
    assert few.factor(within.log).log == pytest.approx((5 * 0.5 - 10 * 0.2) / 15)
    assert many.factor(within.log).log == pytest.approx(0.5, abs=0.002)
    assert Beyond().factor(within) == within


def test_models_with_more_compute_than_all_training_data_get_the_larger_factor(panel, stretch):
    most = panel.models["train_flop"].max()
    factors = stretch.factors(np.array([1, 1]), np.array([0, 0]), asked([pd.NaT, pd.NaT], [most, 1.01 * most]))
    assert factors[0] == stretch.by_kin(1)
    assert factors[1] == pytest.approx(stretch.beyond("compute", 1, lead=np.log10(1.01)), rel=1e-9)
    newest = panel.models["release_date"].max()
    days = [newest + pd.Timedelta(days=1), newest + pd.Timedelta(days=3653)]
    both = stretch.factors(np.array([1, 1]), np.array([0, 0]), asked(days, [1e60, 1.01 * most]))
    assert both[0] == pytest.approx(stretch.beyond("compute", 1, lead=60 - np.log10(most)), rel=1e-9)
    assert both[1] == pytest.approx(stretch.beyond("day", 1, lead=3653 / 365.25), rel=1e-9)


def test_the_variance_grows_with_the_lead_like_that_of_a_random_walk(stretch):
    """Steps of the same variance, uncorrelated, beside what is in error from the start."""
    leads = np.array([0.0, 0.5, 1.0, 3.0])
    squares = np.array([stretch.beyond("day", 0, lead=lead) for lead in leads]) ** 2
    np.testing.assert_allclose(squares / squares[0], 1.0 + GROWTH * leads, rtol=1e-9)


@pytest.mark.parametrize("sd", [1.0, 2.0])
def test_errors_that_grow_as_claimed_ask_for_one_factor(sd):
    """Deviates spread as the claim has it, so far ahead: taken as if forecasts had been so wide, the factor is `sd`."""
    rng = np.random.default_rng(0)
    lead = rng.uniform(0.0, 2.0, 4000)
    spread = sd * t.rvs(4, size=4000, random_state=rng) * grown(lead) * norm.ppf(0.95) / t.ppf(0.95, 4)
    deviates = norm.ppf(t.cdf(spread * t.ppf(0.95, 4) / norm.ppf(0.95), 4))[:, None]
    found = errors_of([widened(deviates, grown(lead)[:, None])], [np.arange(4000)])
    assert found.log == pytest.approx(np.log(sd), abs=0.05)


def test_a_kink_in_compute_is_noticed(panel, stretch):
    """With more compute than the middle of the models, every model stays far below what smaller ones promise."""
    flop = panel.models["train_flop"]
    large = (flop > flop.quantile(0.5)).to_numpy()
    moved = panel.scores - 0.4 * np.outer(large, np.ones(4))
    kinked = stretch_of(dataclasses.replace(panel, scores=moved.clip(0.0, 1.0)))
    assert kinked.beyond("compute", 0) > 1.3 * stretch.beyond("compute", 0)


def test_a_break_in_time_is_noticed(panel, stretch):
    """From the middle of the time on every new series scores far lower: forecasts of a later time get wider."""
    released = panel.models["release_date"]
    late = (released > released.quantile(0.5)).to_numpy()
    moved = panel.scores - 0.4 * np.outer(late, np.ones(4))
    broken = stretch_of(dataclasses.replace(panel, scores=moved.clip(0.0, 1.0)))
    assert np.log(broken.beyond("day", 1)) > 1.5 * np.log(stretch.beyond("day", 1))


def test_without_dates_there_is_no_time_ahead(panel):
    undated = stretch_of(dated(panel, pd.NaT))
    assert undated.beyond("day", 0) == undated.by_kin(0)
    assert (undated.factors(np.array([0]), np.array([0]), asked(["2030-01-01"])) == undated.by_kin(0)).all()


def test_a_single_day_cannot_be_split(panel):
    stretch = stretch_of(dated(panel, pd.Timestamp("2024-01-01")))
    assert stretch.beyond("day", 1) == stretch.by_kin(1)


def test_without_calibration_nothing_is_stretched(panel):
    plain = SkillForecaster(n_skills=1, calibrate=False).fit(panel).stretch_
    assert (plain.factors(np.array([0, 3]), np.array([0, 2]), asked(["2030-01-01", None], 1e30)) == 1.0).all()


def test_scores_told_have_factors_of_their_own(panel, stretch):
    newest = panel.models["release_date"].max()
    factors = stretch.factors(np.array([0, 0]), np.array([2, 2]), asked([newest, newest + pd.Timedelta(days=1)]))
    assert factors[0] == stretch.by_kin(0, 2)
    assert factors[1] == pytest.approx(stretch.beyond("day", 0, 2, lead=1 / 365.25), rel=1e-12)


def test_where_too_few_models_have_so_many_scores_the_factor_of_fewer_holds(stretch):
    """Four benchmarks: of four told scores none is left to be forecast."""
    assert stretch.by_kin(0, 4) == stretch.by_kin(0, 3)
    assert stretch.beyond("day", 0, MOST_TOLD + 9) == stretch.beyond("day", 0, 3)


def test_factors_do_not_depend_on_the_order_of_models(panel, stretch):
    turned = dataclasses.replace(panel, models=panel.models.iloc[::-1], scores=panel.scores.iloc[::-1])
    other = stretch_of(turned)
    assert other.by_kin(0, 2) == pytest.approx(stretch.by_kin(0, 2), rel=1e-3)
    assert other.beyond("day", 0, 2) == pytest.approx(stretch.beyond("day", 0, 2), rel=1e-3)


def test_conditioning_that_promises_too_much_is_noticed(panel, monkeypatch):
    """Told scores that are believed to settle everything: intervals after them are stretched, those before are not."""
    first, plain = stretch_of(panel), room.condition
    honest = [first.by_kin(0, n) for n in (0, 2)]

    def settled(mean, cov, scores, *rest):
        after, spread = plain(mean, cov, scores, *rest)
        return after, np.where(np.isfinite(scores).any(axis=1)[:, None, None], 0.01 * spread, spread)

    monkeypatch.setattr(room, "condition", settled)
    vain = stretch_of(panel)
    assert vain.by_kin(0, 2) > 1.5 * honest[1]
    assert vain.by_kin(0, 0) == honest[0]


def test_scores_that_lead_astray_are_noticed(panel):
    """Late models score far too high on one benchmark of four, each on another: what is told says little."""
    rng = np.random.default_rng(0)
    late = (panel.models["release_date"] > panel.models["release_date"].quantile(0.5)).to_numpy()
    lift = 0.3 * late[:, None] * (rng.integers(4, size=len(late))[:, None] == np.arange(4))
    astray = stretch_of(dataclasses.replace(panel, scores=(panel.scores + lift).clip(0.0, 1.0)))
    assert astray.beyond("day", 0, 2) > max(1.3, stretch_of(panel).beyond("day", 0, 2))


@pytest.mark.slow
def test_intervals_after_told_scores_keep_their_promise():
    """New base families of simulated panels, one, three or five of their scores told: 90 % intervals of the others."""
    shares = {1: [], 3: [], 5: []}
    for seed in range(20):
        panel = simulate_panel(n_families=16, n_benchmarks=8, missing=0.2, random_state=seed).panel
        bases = sorted(panel.models["base_family"].unique())
        asked_for = panel.models["base_family"].isin(bases[:2]).to_numpy()
        fitted = SkillForecaster(n_skills=2).fit(panel.select(~asked_for))
        scores = panel.scores.loc[asked_for]
        for n_told, found in shares.items():
            told = draw(scores, n_told, seed=0)
            predictive = fitted.predict(panel.models.loc[asked_for], scores.where(told))
            rest = scores.mask(told).to_numpy()
            inside = (predictive.quantile(0.05) <= rest) & (rest <= predictive.quantile(0.95))
            if np.isfinite(rest).any():
                found.append(inside[np.isfinite(rest)].mean())
    # models of one panel share its fit: the panel is what varies
    for n_told, found in shares.items():
        error = np.std(found, ddof=1) / np.sqrt(len(found))
        assert np.mean(found) == pytest.approx(0.9, abs=3.0 * error), n_told


def test_forecasts_that_fell_short_before_are_shifted(panel):
    """Every new series from the middle of the time on scores higher than all before it would have it."""
    released = panel.models["release_date"]
    rank = released.rank(pct=True).to_numpy()
    higher = dataclasses.replace(
        panel, scores=(panel.scores + 0.5 * np.maximum(rank - 0.5, 0.0)[:, None]).clip(0.0, 1.0)
    )
    stretch, newest = stretch_of(higher), released.max()
    ahead = stretch.ahead()
    assert ahead.lag > stretch_of(panel).ahead().lag + 0.1
    days = [newest, newest + pd.Timedelta(days=73), newest + pd.Timedelta(days=36525), pd.NaT]
    shifts = stretch.shifts(np.zeros(4, dtype=int), asked(days))
    np.testing.assert_allclose(shifts, [0.0, 73 / 365.25 * ahead.lag, 2.0 * ahead.reach * ahead.lag, 0.0])
    assert 0.1 < ahead.reach < 100.0
    told = stretch.shifts(np.array([0, 1, 2]), asked([days[1]] * 3))
    np.testing.assert_allclose(told, [73 / 365.25 * stretch.ahead(n).lag for n in range(3)])
    assert 0.0 < told[2] < told[0]  # what is told of a model speaks for it, and not whole


def test_a_shift_moves_the_forecast_by_so_many_standard_deviations(panel):
    fitted = SkillForecaster(n_skills=1).fit(panel)
    ahead = fitted.stretch_.ahead()
    query = panel.models.tail(1).assign(family="new", base_family="new", org=None).set_axis(["new/model"])
    late = query.assign(release_date=panel.models["release_date"].max() + pd.Timedelta(days=100 * 365))
    moved = fitted.predict(late)
    fitted.stretch_.shifts = lambda n_told, queries: np.zeros(len(queries))
    plain = fitted.predict(late)
    np.testing.assert_allclose(moved.logit, plain.logit + ahead.lag * ahead.furthest * plain.logit_sd, rtol=1e-9)


def test_what_the_training_data_promise_is_not_shifted_on_average():
    """Boards drawn from the model itself: no progress beyond what size, data and date say."""
    boards = (simulate_panel(n_families=15, n_benchmarks=4, random_state=seed).panel for seed in range(8))
    found = [one.lag * one.reach for one in (stretch_of(panel).ahead() for panel in boards)]
    assert abs(np.mean(found)) < 3.0 * np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.std(found, ddof=1) < 0.5


@pytest.mark.parametrize("lag", [0.0, 0.5])
def test_the_lag_is_a_regression_through_no_lag(lag):
    rng = np.random.default_rng(0)
    ramp, group = rng.random(400), np.arange(400)
    deviates = lag * ramp[:, None] + 0.3 * rng.standard_normal((400, 5))
    assert lag_of([(deviates, group, ramp)]) == pytest.approx(lag * 400 / 410, abs=0.03)
    twice = [(deviates, group, ramp), (deviates[:100], group[:100], ramp[:100])]  # asked again, not more families
    assert lag_of(twice) == pytest.approx(lag * 400 / 410, abs=0.03)
    few = lag_of([(deviates[:10], group[:10], ramp[:10])] * 50)
    assert few == pytest.approx(lag_of([(deviates[:10], group[:10], ramp[:10])]))
    assert lag_of([(deviates[:2], group[:2], ramp[:2])]) == 0.0
