"""Scores told after the fit: as good as conditioning, near a refit, and refused where they make no sense."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import UnknownNameError, UsageError
from obslaws.forecasters.base import complete_queries
from obslaws.forecasters.nested import kin_names
from obslaws.forecasters.skill import SkillForecaster
from obslaws.simulate import simulate_panel


def hidden_model(panel, name):
    scores = panel.scores.copy()
    scores.loc[name] = np.nan
    return replace(panel, scores=scores)


@pytest.fixture(scope="module")
def panel():
    return simulate_panel(n_families=12, random_state=2).panel


@pytest.fixture(scope="module")
def name(panel):
    return panel.models.index[panel.models["family"] == "series-02"][2]


@pytest.fixture(scope="module")
def fitted(panel, name):
    return SkillForecaster(calibrate=False).fit(hidden_model(panel, name))


@pytest.fixture(scope="module")
def family(panel):
    return panel.models[panel.models["family"] == "series-02"]


def test_its_own_forecast_is_near_the_one_that_conditions_on_the_scores(panel, name, fitted):
    """Conditioning holds the benchmarks' asymptotes fast; an update lets them answer too: up to a point and a half."""
    told = panel.scores.loc[[name]]
    updated = fitted.update(told).forecast(panel.models.loc[[name]])
    given = fitted.forecast(panel.models.loc[[name]], told)
    np.testing.assert_allclose(updated["forecast"], given["forecast"], atol=0.015)
    assert set(updated["basis"]) == {"own scores"}


def test_one_at_a_time_is_all_at_once(panel, name, fitted, family):
    told, step = panel.scores.loc[[name]], fitted
    for benchmark in told.columns:
        step = step.update(told[[benchmark]])
    once, each = (f.forecast(family) for f in (fitted.update(told), step))
    np.testing.assert_allclose(each["forecast"], once["forecast"], atol=1e-6)
    np.testing.assert_allclose(each["upper"], once["upper"], atol=1e-6)


def test_a_new_model_is_placed_as_a_query_is(panel, name, fitted):
    """Told through plain arrays, asked through frames: the same bits, whatever else stands in the table."""
    twin = panel.models.loc[[name]].astype({"org": object, "base_family": object, "variant": object})
    new = pd.concat([
        twin.set_axis(["new/twin"]),
        twin.assign(family="one", base_family=None, org=None).set_axis(["new/family"]),
        twin.assign(n_params=np.nan, n_active_params=np.nan, train_flop=np.nan, variant=None).set_axis(["new/unknown"]),
        twin.assign(family="two", base_family="two", release_date="2024-05-01").set_axis(["new/dated"]),
    ])  # fmt: skip
    asked = ["new/dated", "new/twin", name, "new/unknown", "new/family"]
    scores = pd.DataFrame({"benchmark_0": 0.5, "benchmark_2": [0.3, 0.4, 0.5, 0.6, np.nan]}, index=asked)
    updated = fitted.update(scores, new).told_
    queries = complete_queries(pd.concat([new, twin]).loc[asked])
    wanted = fitted.relatives(queries)
    for part in fields(wanted):
        np.testing.assert_array_equal(getattr(updated.who, part.name), getattr(wanted, part.name), err_msg=part.name)
    assert list(updated.models) == kin_names(asked, queries)


@pytest.mark.slow
def test_siblings_move_towards_a_refit():
    """A refit also moves variances, asymptotes and what neighbours in size carry over: what is left is small."""
    before, after = [], []
    for seed in range(8):
        panel = simulate_panel(n_families=14, random_state=seed).panel
        name = panel.models.index[panel.models["family"] == "series-02"][-1]
        siblings = panel.models[(panel.models["base_family"] == "series-02") & (panel.models.index != name)]
        # siblings that were scored are known already; a larger one was not
        ask = siblings.iloc[[-1]].assign(n_params=60e9, n_active_params=60e9, train_flop=np.nan).set_axis(["new/model"])
        fitted = SkillForecaster(n_skills=2, calibrate=False).fit(hidden_model(panel, name))
        told = fitted.update(panel.scores.loc[[name]]).forecast(ask)["forecast"].to_numpy()
        refit = SkillForecaster(n_skills=2, calibrate=False).fit(panel).forecast(ask)["forecast"].to_numpy()
        before.append(np.abs(fitted.forecast(ask)["forecast"].to_numpy() - refit).mean())
        after.append(np.abs(told - refit).mean())
    assert np.mean(after) < 0.7 * np.mean(before)
    assert np.mean(after) < 0.003, "a third of a point"


def test_a_new_model_of_a_new_family_helps_its_siblings(panel, name, fitted):
    twin = panel.models.loc[[name]].assign(family="brand-new", base_family="brand-new", org="new")
    first, second = twin.set_axis(["new/small"]), twin.assign(n_params=40e9, n_active_params=40e9).set_axis(["new/big"])
    told = (panel.scores.loc[[name]] - 0.05).clip(lower=0.0).set_axis(["new/small"])
    updated = fitted.update(told, first)
    before, after = fitted.forecast(second), updated.forecast(second)
    assert set(before["basis"]) == {"pooled"}
    assert set(after["basis"]) == {"family"}
    assert (after["upper"] - after["lower"]).mean() < 0.8 * (before["upper"] - before["lower"]).mean()
    again = updated.update(pd.DataFrame({"benchmark_0": [0.5]}, index=["new/big"]), second)
    assert set(again.forecast(second)["basis"]) == {"own scores"}
    assert len(again.told_.models) == 2
    assert len(fitted.told_.models) == 0, "the first forecaster stays as it was"


def test_a_new_model_of_a_new_lab_helps_its_other_series(panel, name, fitted):
    """Two base families that nobody knew, of one lab that nobody knew: told of one, the other follows."""
    twin = panel.models.loc[[name]]
    told = twin.assign(family="one", base_family="one", org="new").set_axis(["new/one"])
    cousin = twin.assign(family="two", base_family="two", org="new").set_axis(["new/two"])
    stranger = twin.assign(family="two", base_family="two", org="newer").set_axis(["newer/two"])
    updated = fitted.update((panel.scores.loc[[name]] - 0.1).clip(lower=0.0).set_axis(["new/one"]), told)
    moved = {
        who: (updated.forecast(ask)["forecast"] - fitted.forecast(ask)["forecast"]).to_numpy()
        for who, ask in (("itself", told), ("cousin", cousin), ("stranger", stranger))
    }
    assert set(updated.forecast(cousin)["basis"]) == {"lab"}, "a lab that it was told of"
    assert set(updated.forecast(stranger)["basis"]) == {"pooled"}
    size = {who: np.abs(by).mean() for who, by in moved.items()}
    assert size["itself"] > size["cousin"]
    # beside what benchmarks and slopes carry to anybody, the cousin shares the variance of labs with what was told
    for fit, update in zip(updated.fits_, updated.told_.updates, strict=True):
        queries = [complete_queries(ask) for ask in (cousin, stranger)]
        near, far = (
            update.covariance(updated.told_.kin(kin_names(q.index, q), updated.relatives(q)))[0] for q in queries
        )
        shared = fit.state.loadings @ fit.variances.lab @ fit.state.loadings.T
        np.testing.assert_allclose(near - far, shared[:, update.benchmark], atol=1e-10)
    width = [(a["upper"] - a["lower"]).mean() for a in (updated.forecast(cousin), updated.forecast(stranger))]
    assert width[0] < width[1]
    # the order of telling and asking, and a label of the same name, decide nothing
    again = fitted.update(panel.scores.loc[[name], ["benchmark_0"]].set_axis(["new/two"]), cousin)
    both = again.update(panel.scores.loc[[name]].set_axis(["new/one"]), told)
    other = fitted.update(panel.scores.loc[[name]].set_axis(["new/one"]), told)
    other = other.update(panel.scores.loc[[name], ["benchmark_0"]].set_axis(["new/two"]), cousin)
    np.testing.assert_allclose(both.forecast(cousin)["forecast"], other.forecast(cousin)["forecast"], atol=1e-6)


@pytest.mark.parametrize(
    ("scores", "error", "words"),
    [
        ({"benchmark_9": [0.5]}, UnknownNameError, "No benchmark named 'benchmark_9'"),
        ({"benchmark_0": [41.2]}, UsageError, "a score of 41.2; expected fractions"),
        ({"benchmark_0": [np.nan]}, UsageError, "no score given"),
    ],
)
def test_scores_that_make_no_sense_are_refused(fitted, name, scores, error, words):
    with pytest.raises(error, match=words):
        fitted.update(pd.DataFrame(scores, index=[name]))


def test_known_scores_unknown_models_and_doubled_rows_are_refused(panel, fitted, name):
    other = panel.models.index[0]
    with pytest.raises(UsageError, match="has a score on 'benchmark_0' already"):
        fitted.update(panel.scores.loc[[other], ["benchmark_0"]])
    once = fitted.update(panel.scores.loc[[name], ["benchmark_0"]])
    with pytest.raises(UsageError, match="already"):
        once.update(panel.scores.loc[[name], ["benchmark_0"]])
    with pytest.raises(UsageError, match="nothing is known of 'new/model'"):
        fitted.update(pd.DataFrame({"benchmark_0": [0.5]}, index=["new/model"]))
    with pytest.raises(UsageError, match="two rows"):
        fitted.update(pd.DataFrame({"benchmark_0": [0.5, 0.6]}, index=[name, name]))
    twice = panel.models.loc[[name, name]].set_axis(["new/model"] * 2)
    with pytest.raises(UsageError, match="two rows of 'new/model'"):
        fitted.update(pd.DataFrame({"benchmark_0": [0.5]}, index=["new/model"]), twice)
    negative = panel.models.loc[[name, other]].set_axis(["other/model", "new/model"]).assign(n_tokens=[1e12, -1.0])
    with pytest.raises(UsageError, match="n_tokens of 'new/model' is -1; expected a positive"):
        fitted.update(pd.DataFrame({"benchmark_0": [0.5]}, index=["new/model"]), negative)
