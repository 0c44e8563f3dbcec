"""Named peers against the numbers that their authors, or others with their programs, obtained."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from obslaws.backtest import backtest
from obslaws.errors import UnknownNameError, UsageError
from obslaws.forecasters import FORECASTERS, forecaster
from obslaws.forecasters.base import complete_queries
from obslaws.forecasters.settings import split_names
from obslaws.forecasters.sloth import Sloth
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))


@pytest.fixture(scope="module")
def sloth():
    return load_panel("sloth")


# Their fits are stochastic: other seeds and roundings move their means over groups by 0.1 to 0.2 points, so that 0.3 is
# as near as two good optimisers come. What is slower than a few seconds is measured by benchmarks/bench_sloth.py.
@pytest.mark.parametrize(
    ("variant", "ours", "tolerance"),
    [
        ("logSlogT_sigmoid_faminter", "size-tokens-huber", 0.15),
        ("logF_sigmoid_faminter", "compute-huber", 0.15),
        ("logF_sigmoid", "compute-huber:intercept=shared", 0.15),
        ("factor_sigmoid_d=2", "sloth:d=2,link=logistic,intercept=shared", 0.15),
        ("factor_sigmoid_faminter_d=1", "sloth:d=1,link=logistic", 0.3),
        ("factor_sigmoid_faminter_d=2", "sloth:d=2,link=logistic", 0.3),
        pytest.param("factor_sigmoid_faminter_d=3", "sloth:d=3,link=logistic", 0.3, marks=pytest.mark.slow),
        ("pca_d=2", "pca-compute:d=2", 0.05),
        ("pca_d=4", "pca-compute:d=4", 0.05),
    ],
)
def test_stored_errors_are_reached(sloth, variant, ours, tolerance):
    error = backtest("sloth-v2-1", sloth, ours).summary()["mae_groups"]
    assert error == pytest.approx(load_protocol("sloth-v2-1").peers[variant]["mae_groups"], abs=tolerance)


# the authors' procedure from their start: what is left are other roundings
@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "variant", "ours"),
    [
        ("sloth-v2-1", "factor_trainlink_d=4", "sloth:d=4,intercept=shared"),
        ("sloth-v2-2", "factor_trainlink_faminter_d=3", "sloth:d=3"),
    ],
)
def test_stored_errors_of_the_learned_link_are_reached(sloth, setting, variant, ours):
    error = backtest(setting, sloth, ours).summary()["mae_groups"]
    assert error == pytest.approx(load_protocol(setting).peers[variant]["mae_groups"], abs=0.3)


def test_the_learned_link_answers_everybody_whatever_the_order_of_models(small_panel):
    """A sibling, a stranger, one with nothing known; a benchmark without any score, one score missing elsewhere."""
    hidden = np.zeros(small_panel.scores.shape, dtype=bool)
    hidden[:, 1], hidden[3, 0] = True, True
    panel = small_panel.hide(hidden)
    queries = panel.models.iloc[[0, 0, 0]].copy()
    queries.index = ["new/sibling", "new/stranger", "new/unknown"]
    queries.loc[queries.index[1:], ["family", "base_family"]] = "unheard-of"
    queries.loc["new/unknown", ["n_params", "n_active_params", "n_tokens", "train_flop"]] = np.nan
    turned = panel.select(list(panel.models.index[::-1]))
    fitted, again = (forecaster("sloth:d=1").fit(one) for one in (panel, turned))
    answers = fitted.forecast(queries)
    pd.testing.assert_frame_equal(answers, again.forecast(queries))
    assert answers["forecast"].between(answers["lower"], answers["upper"]).all()
    assert answers[["lower", "upper"]].stack().between(0, 1).all()
    assert answers.query("model == 'new/sibling' and benchmark != 'gsm8k'")["basis"].eq("family").all()
    width = (answers["upper"] - answers["lower"]).groupby(answers["model"]).mean()
    assert width["new/stranger"] > width["new/sibling"]
    other = forecaster("sloth:d=1,random_state=1").fit(panel)
    assert other.objective_ != fitted.objective_


def test_slopes_by_family_are_each_familys_own(small_panel):
    """Twice the size moves families differently; a stranger moves as they do on average."""
    fitted = forecaster("sloth:d=1,link=logistic,inputs=compute,slope=family").fit(small_panel)
    queries = small_panel.models.groupby("family").head(1)
    stranger = queries.head(1).assign(family="unheard-of", base_family="unheard-of")

    def logits(models):
        means = fitted.predict(complete_queries(models)).mean
        floor = small_panel.benchmarks["score_floor"].to_numpy()
        return np.log((means - floor) / (1 - means))[:, 1]

    def rises(models):
        twice = models.assign(train_flop=np.nan, n_params=2 * models["n_params"])
        twice["n_active_params"] = np.nan
        return logits(twice) - logits(models)

    own = rises(queries)
    assert np.ptp(own) > 0.05
    assert rises(stranger)[0] == pytest.approx(own.mean(), rel=1e-6)
    shared = forecaster("sloth:d=1,link=logistic,inputs=compute").fit(small_panel)
    assert fitted.objective_ < shared.objective_


def test_a_family_that_one_benchmark_has_not_seen_takes_the_mean_slope(small_panel):
    gone = small_panel.scores.copy()
    gone.loc[small_panel.models["family"] == "gamma", "gsm8k"] = np.nan
    panel = type(small_panel)(small_panel.name, small_panel.models, gone, small_panel.benchmarks)
    fitted = forecaster("sloth:d=1,link=logistic,inputs=compute,slope=family,joint=no").fit(panel)
    queries = small_panel.models[small_panel.models["family"] == "gamma"]
    stranger = queries.assign(family="unheard-of", base_family="unheard-of")
    column = list(panel.scores.columns).index("gsm8k")
    answers = [fitted.predict(complete_queries(models)).mean[:, column] for models in (queries, stranger)]
    np.testing.assert_allclose(answers[0], answers[1])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mae", "r2"), [("eci", 6.95, 0.863), ("matrix", 6.00, 0.888)])
def test_epoch_matrix_as_others_filled_it(name, mae, r2):
    # measured elsewhere with the peers' own programs, to 0.01 points; their starts and stopping differ from ours
    summary = backtest("epoch-cells", forecaster=name).summary()
    assert summary["mae"] == pytest.approx(mae, abs=0.1)
    assert summary["r2"] == pytest.approx(r2, abs=0.005)
    assert 0.85 <= summary["intervals"]["90"]["coverage"] <= 0.95


def test_components_without_clipping_are_the_stored_ones_exactly(sloth):
    from obslaws.splits import plan

    errors = []
    for fold in plan(load_protocol("sloth-v1-2"), sloth):
        fitted = forecaster("pca-compute:d=3,slope=family").fit(fold.train)
        errors.append(np.abs(fitted.predict(fold.queries).mean - fold.held_out.to_numpy()).mean())
    stored = load_protocol("sloth-v1-2").peers["pca_d=3"]["mae_groups"]
    assert 100 * np.mean(errors) == pytest.approx(stored, abs=0.01)


def test_all_variants_have_a_name():
    from peers import SETTINGS, variants

    for setting in SETTINGS:
        ours = variants(setting)
        assert set(ours) == set(load_protocol(setting).peers)
        for text in ours.values():
            assert forecaster(text).label == text


def test_settings_are_read_by_the_type_of_their_default():
    made = forecaster("sloth:d=2,link=logistic,joint=no,random_state=7")
    assert isinstance(made, Sloth)
    assert (made.n_skills, made.link, made.joint, made.random_state) == (2, "logistic", False, 7)
    assert forecaster("matrix:ridge=0.5,blend=0").ridge == 0.5
    assert forecaster("sloth", n_skills=1).n_skills == 1
    assert split_names("skill, sloth:d=3,link=logistic,eci") == ["skill", "sloth:d=3,link=logistic", "eci"]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("slothe:d=2", UnknownNameError, "No forecaster named 'slothe'. Did you mean 'sloth'"),
        ("sloth:skils=2", UnknownNameError, "No setting of 'sloth' named 'skils'"),
        ("sloth:d", UsageError, "Setting 'd' of 'sloth': expected key=value"),
        ("sloth:d=two", UsageError, "Setting 'n_skills' of 'sloth' is 'two'; expected a whole number"),
        ("sloth:d=0", UsageError, "n_skills is 0; expected 1 or more"),
        ("sloth:link=probit", UsageError, "is 'probit'; expected trained or logistic"),
        ("sloth:slope=steep", UsageError, "is 'steep'; expected shared or family"),
        ("sloth:search=adam", UnknownNameError, "No setting of 'sloth' named 'search'"),
        ("sloth:joint=maybe", UsageError, "is 'maybe'; expected yes or no"),
        ("matrix:ridge=big", UsageError, "is 'big'; expected a number"),
        ("matrix:ridge=-1", UsageError, "ridge -1"),
        ("mean:x=1", UnknownNameError, "No setting of 'mean' named 'x'"),
    ],
)
def test_bad_settings_say_what_is_wrong(text, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        forecaster(text)


def test_a_family_that_was_not_seen_is_less_certain(small_panel):
    known = small_panel.models.tail(1)
    stranger = known.assign(family="unheard-of", base_family="unheard-of")
    for name in ("sloth:link=logistic,d=1", "compute-huber", "pca-compute:d=1", "latent:d=1"):
        fitted = forecaster(name).fit(small_panel)
        widths = [(a["upper"] - a["lower"]).mean() for a in map(fitted.forecast, (known, stranger))]
        assert widths[1] > widths[0], name
    assert set(FORECASTERS) >= {"sloth", "eci", "matrix", "latent", "pca-compute", "compute-huber", "size-tokens-huber"}


@pytest.mark.parametrize("name", ["eci", "matrix"])
def test_own_scores_move_forecasts(small_panel, name):
    fitted = forecaster(name).fit(small_panel.select(small_panel.models.index[:-1].tolist()))
    query = small_panel.models.tail(1)
    high, low = (small_panel.scores.tail(1)[["mmlu"]] * 0 + value for value in (0.9, 0.3))
    answers = [fitted.forecast(query, scores).set_index("benchmark")["forecast"] for scores in (high, low)]
    assert answers[0]["gsm8k"] > answers[1]["gsm8k"] + 0.1
