"""The contract that every registered forecaster keeps."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import UnknownNameError
from obslaws.forecasters import FORECASTERS, forecaster
from obslaws.forecasters.base import FORECAST_COLUMNS

BASES = {"own scores", "family", "base family", "lab", "pooled", "none"}


# the default of `sloth` takes a second a fit; it has a test of its own in test_peers.py
@pytest.fixture(params=[{"sloth": "sloth:link=logistic"}.get(name, name) for name in FORECASTERS])
def name(request):
    return request.param


def check(answers, n_rows):
    assert list(answers.columns) == list(FORECAST_COLUMNS)
    assert len(answers) == n_rows
    numbers = answers[["lower", "forecast", "upper"]].to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (numbers <= 1).all()
    assert (np.diff(numbers, axis=1) >= 0).all()
    assert set(answers["basis"]) <= BASES


def strangers(panel):
    """A sibling, a stranger, one with nothing known but its name."""
    out = panel.models.iloc[[0, 0, 0]].copy()
    out.index = pd.Index(["new/sibling", "new/stranger", "new/unknown"], name="model")
    out["n_params"] = out["n_active_params"] = [50e9, 50e9, np.nan]
    out["n_tokens"] = [9e12, 9e12, np.nan]
    out["train_flop"] = np.nan
    out["release_date"] = pd.NaT
    out.loc[out.index[1:], ["family", "base_family"]] = "unheard-of"
    return out


@pytest.mark.parametrize("name", list(FORECASTERS))
def test_names_agree_with_the_registry(name):
    assert FORECASTERS[name].name == name
    assert name in FORECASTERS


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No forecaster named 'carry_forward'\. Did you mean 'carry-forward'"):
        forecaster("carry_forward")


def test_the_registry_imports_nothing_before_it_is_asked():
    code = (
        "import sys, obslaws.forecasters as f; list(f.FORECASTERS); 'skill' in f.FORECASTERS;"
        "sys.exit(any(m.startswith(('scipy', 'sklearn', 'obslaws.forecasters.')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tidy_frame(name, small_panel):
    fitted = forecaster(name).fit(small_panel)
    check(fitted.forecast(small_panel.models), small_panel.scores.size)
    check(fitted.forecast(strangers(small_panel)), 9)
    only = fitted.forecast(strangers(small_panel), benchmarks=["gsm8k"], level=0.5)
    check(only, 3)
    assert (only["level"] == 0.5).all()


def test_a_higher_level_is_wider(name, small_panel):
    fitted = forecaster(name).fit(small_panel)
    narrow, wide = (fitted.forecast(strangers(small_panel), level=level) for level in (0.5, 0.95))
    assert (wide["lower"] <= narrow["lower"]).all()
    assert (wide["upper"] >= narrow["upper"]).all()
    np.testing.assert_array_equal(wide["forecast"], narrow["forecast"])


def test_two_fits_agree_and_leave_the_panel_alone(name, small_panel):
    before = small_panel.scores.copy(), small_panel.models.copy()
    one, two = (forecaster(name).fit(small_panel).forecast(strangers(small_panel)) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(small_panel.scores, before[0])
    pd.testing.assert_frame_equal(small_panel.models, before[1])


def test_order_of_models_does_not_matter(name, small_panel):
    turned = small_panel.select(list(small_panel.models.index[::-1]))
    one, two = (forecaster(name).fit(panel).forecast(strangers(small_panel)) for panel in (small_panel, turned))
    columns = ["forecast", "lower", "upper"]
    # iterative fits stop within their tolerance, not at the same bit
    np.testing.assert_allclose(one[columns], two[columns], atol=2e-3)


@pytest.mark.parametrize("families", [("beta",), ("alpha-chat",)])
def test_one_family(name, small_panel, families):
    panel = small_panel.select(small_panel.models["family"].isin(families).to_numpy())
    check(forecaster(name).fit(panel).forecast(strangers(panel)), 9)


def test_one_benchmark(name, small_panel):
    panel = small_panel.select(benchmarks=["gsm8k"])
    check(forecaster(name).fit(panel).forecast(strangers(panel)), 3)


def test_one_score(name, small_panel):
    panel = small_panel.select(["bee/Beta-7B"], ["mmlu"])
    check(forecaster(name).fit(panel).forecast(strangers(panel)), 3)


def test_a_model_without_any_score(name, small_panel):
    hidden = (small_panel.models["family"] == "gamma").to_numpy()[:, None] & np.ones(3, dtype=bool)
    panel = small_panel.hide(hidden)
    check(forecaster(name).fit(panel).forecast(panel.models.query("family == 'gamma'")), 9)


def test_a_benchmark_without_any_score(name, small_panel):
    hidden = np.zeros(small_panel.scores.shape, dtype=bool)
    hidden[:, 1] = True
    answers = forecaster(name).fit(small_panel.hide(hidden)).forecast(strangers(small_panel))
    check(answers, 9)
    assert set(answers.loc[answers["benchmark"] == small_panel.scores.columns[1], "basis"]) <= {
        "none",
        "own scores",
        "pooled",
    }


def test_nothing_known_of_any_model_but_scores(name, small_panel):
    models = small_panel.models.assign(n_params=np.nan, n_active_params=np.nan, n_tokens=np.nan, train_flop=np.nan)
    panel = type(small_panel)("bare", models.assign(release_date=pd.NaT), small_panel.scores, small_panel.benchmarks)
    check(forecaster(name).fit(panel).forecast(strangers(panel)), 9)
