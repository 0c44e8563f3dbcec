import numpy as np
import pandas as pd
import pytest

from obslaws.forecasters import forecaster
from obslaws.forecasters.line import fit_line
from obslaws.forecasters.naive import shrinkage
from obslaws.links import clipped_logit


def query(small_panel, **changes):
    one = small_panel.models.loc[["bee/Beta-13B"]].rename(index={"bee/Beta-13B": "bee/Beta-30B"})
    return one.assign(train_flop=np.nan, **{"n_params": 30e9, "n_active_params": 30e9, **changes})


def one_row(answers):
    return answers.set_index("benchmark")


def test_mean_is_the_mean(small_panel):
    answers = one_row(forecaster("mean").fit(small_panel).forecast(query(small_panel)))
    np.testing.assert_allclose(answers["forecast"], small_panel.scores.mean())
    assert set(answers["basis"]) == {"pooled"}


def test_carry_forward_takes_the_nearest_smaller_sibling(small_panel):
    fitted = forecaster("carry-forward").fit(small_panel)
    answers = one_row(fitted.forecast(query(small_panel)))
    np.testing.assert_allclose(answers["forecast"], small_panel.scores.loc["bee/Beta-13B"])
    assert set(answers["basis"]) == {"family"}
    # nobody is smaller: the smallest there is
    tiny = one_row(fitted.forecast(query(small_panel, n_params=0.1e9)))
    np.testing.assert_allclose(tiny["forecast"], small_panel.scores.loc["bee/Beta-1B"])
    # 65B has no gsm8k: the next one answers for it
    huge = one_row(fitted.forecast(query(small_panel, n_params=100e9)))
    assert huge.loc["mmlu", "forecast"] == small_panel.scores.loc["bee/Beta-65B", "mmlu"]
    assert huge.loc["gsm8k", "forecast"] == small_panel.scores.loc["bee/Beta-13B", "gsm8k"]
    # size unknown: the largest
    unsized = one_row(fitted.forecast(query(small_panel, n_params=np.nan)))
    assert unsized.loc["mmlu", "forecast"] == small_panel.scores.loc["bee/Beta-65B", "mmlu"]


def test_carry_forward_falls_back_to_the_base_family_then_to_the_mean(small_panel):
    fitted = forecaster("carry-forward").fit(small_panel)
    tuned = one_row(fitted.forecast(query(small_panel, family="beta-tuned")))
    assert set(tuned["basis"]) == {"base family"}
    np.testing.assert_allclose(tuned["forecast"], small_panel.scores.loc["bee/Beta-13B"])
    stranger = one_row(fitted.forecast(query(small_panel, family="new", base_family="new")))
    assert set(stranger["basis"]) == {"pooled"}
    np.testing.assert_allclose(stranger["forecast"], small_panel.scores.mean())


def test_carry_forward_is_less_sure_the_farther_it_carries(small_panel):
    fitted = forecaster("carry-forward").fit(small_panel)
    near, far = (one_row(fitted.forecast(query(small_panel, n_params=s))) for s in (70e9, 700e9))
    width = (far["upper"] - far["lower"]) - (near["upper"] - near["lower"])
    assert (width >= 0).all()
    assert width["mmlu"] > 0


def test_carry_forward_never_looks_at_the_model_itself(small_panel):
    fitted = forecaster("carry-forward").fit(small_panel)
    answers = one_row(fitted.forecast(small_panel.models.loc[["bee/Beta-13B"]]))
    np.testing.assert_allclose(answers["forecast"], small_panel.scores.loc["bee/Beta-7B"])


def test_model_mean_follows_the_models_other_scores(small_panel):
    fitted = forecaster("model-mean").fit(small_panel)
    new = query(small_panel, family="new", base_family="new")
    means = small_panel.scores.mean()
    known = pd.DataFrame({"mmlu": [means["mmlu"] + 0.2]}, index=new.index)
    answers = one_row(fitted.forecast(new, known))
    assert set(answers.loc[["gsm8k", "hellaswag"], "basis"]) == {"own scores"}
    expected = means + 0.2 / (1 + fitted.model_shrinkage_)
    np.testing.assert_allclose(answers.loc["gsm8k", "forecast"], expected["gsm8k"])
    # a benchmark's own score does not speak for itself
    assert answers.loc["mmlu", "basis"] == "pooled"


def test_model_mean_asks_the_family_then_the_base_family(small_panel):
    fitted = forecaster("model-mean").fit(small_panel)
    for family, base_family, basis in (
        ("beta", "beta", "family"),
        ("beta-x", "beta", "base family"),
        ("x", "x", "pooled"),
    ):
        answers = fitted.forecast(query(small_panel, family=family, base_family=base_family))
        assert set(answers["basis"]) == {basis}


def test_shrinkage_is_the_ratio_of_variances():
    rng = np.random.default_rng(1)
    at = np.repeat(np.arange(4000), 3)
    values = rng.normal(0, 0.5, 4000)[at] + rng.normal(0, 1.0, len(at))
    assert shrinkage(values, at) == pytest.approx(4.0, rel=0.15)  # 4000 groups: four standard errors are about 12 %
    assert shrinkage(np.array([0.1, 0.2]), np.array([0, 1])) == 1.0


def test_line_is_regression_with_dummies():
    rng = np.random.default_rng(2)
    terms, families = rng.normal(size=(30, 3)), np.repeat(["a", "b", "c"], 10)
    score = rng.uniform(0.3, 0.9, 30)
    line = fit_line(terms, families, score, 0.25, 0.01)
    design = np.hstack([terms, (families[:, None] == ["a", "b", "c"]).astype(float)])
    coef, rss, *_ = np.linalg.lstsq(design, clipped_logit(score, 0.25), rcond=None)
    np.testing.assert_allclose(line.slopes, coef[:3])
    np.testing.assert_allclose(line.intercepts, coef[3:])
    np.testing.assert_allclose(line.logit_sd, np.sqrt(rss[0] / 24))
    np.testing.assert_allclose(line.inverse_gram, np.linalg.inv(design.T @ design)[:3, :3])


def test_a_direction_that_no_family_explores_gets_no_slope():
    size = np.tile(np.arange(5.0), 2)
    tokens = np.repeat([1.0, 2.0], 5)  # constant within each family
    score = 1 / (1 + np.exp(-(0.3 * size - 1)))
    line = fit_line(np.column_stack([size, tokens]), np.repeat(["a", "b"], 5), score, 0.0, 0.001)
    np.testing.assert_allclose(line.slopes, [0.3, 0.0], atol=1e-12)


def test_regressions_find_their_own_law(small_panel):
    log10_flop = np.log10(small_panel.models["train_flop"].to_numpy(dtype=float) / 1e22)
    scores = small_panel.scores.copy()
    scores.loc[:, "gsm8k"] = 1 / (1 + np.exp(-(0.4 + 0.7 * log10_flop)))
    panel = type(small_panel)("law", small_panel.models, scores, small_panel.benchmarks)
    new = query(small_panel)
    answers = one_row(forecaster("compute").fit(panel).forecast(new))
    flop = 6 * 30e9 * 1.4e12
    assert answers.loc["gsm8k", "forecast"] == pytest.approx(1 / (1 + np.exp(-(0.4 + 0.7 * np.log10(flop / 1e22)))))


@pytest.mark.parametrize("name", ["compute", "size-tokens", "logit-ols"])
def test_without_size_a_model_gets_the_mean(small_panel, name):
    new = query(small_panel, n_params=np.nan, n_active_params=np.nan)
    answers = one_row(forecaster(name).fit(small_panel).forecast(new))
    np.testing.assert_allclose(answers["forecast"], small_panel.scores.mean())
    assert set(answers["basis"]) == {"pooled"}


def test_logit_ols_says_whose_intercept_it_used_and_is_less_sure_of_strangers(small_panel):
    fitted = forecaster("logit-ols").fit(small_panel)
    widths = []
    for family, base_family, basis in (
        ("beta", "beta", "family"),
        ("beta-x", "beta", "base family"),
        ("x", "x", "pooled"),
    ):
        answers = one_row(fitted.forecast(query(small_panel, family=family, base_family=base_family)))
        assert set(answers["basis"]) == {basis}
        widths.append(answers.loc["mmlu", "upper"] - answers.loc["mmlu", "lower"])
    assert widths[0] < min(widths[1:])
