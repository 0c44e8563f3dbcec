"""Plans, inverse forecasts and tables on panels whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from obslaws.errors import UnknownNameError, UsageError
from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel
from obslaws.questions import skills as tables
from obslaws.questions.basket import parse_basket
from obslaws.questions.plan import budget_line, compute_optimal
from obslaws.questions.reach import reach
from obslaws.questions.setting import AVERAGE, find_setting
from obslaws.simulate import simulate_panel, true_covariates

EQUAL = {f"benchmark_{i}": 1 / 6 for i in range(6)}


@pytest.fixture(scope="module")
def simulated():
    return simulate_panel(n_families=24, random_state=0)


@pytest.fixture(scope="module")
def model(simulated):
    return SkillForecaster(n_skills=2, calibrate=False).fit(simulated.panel)


@pytest.fixture(scope="module")
def core():
    return load_panel("core")


@pytest.fixture(scope="module")
def average(simulated):
    return find_setting(simulated.panel)


# ---- plan


@pytest.mark.parametrize("inference", [0.0, 3e12])
def test_the_budget_is_spent_to_the_last_flop(simulated, inference):
    size, tokens = budget_line(simulated.panel.models, 3e22, inference)
    np.testing.assert_allclose(6 * size * tokens + 2 * size * inference, 3e22, rtol=1e-9)
    known = simulated.panel.models
    ratio = known["n_tokens"] / known["n_active_params"]
    assert tokens.min() >= known["n_tokens"].min() * 0.999
    assert tokens.max() <= known["n_tokens"].max() * 1.001
    assert (tokens / size).max() <= ratio.max() * 1.001
    assert (tokens / size).min() >= ratio.min() * 0.999


def test_plan_finds_the_true_optimum_inside_its_interval(simulated, model, average):
    """Truth on the same line: the optimum of the true logits; a 99 % interval misses at most one of six."""
    found = compute_optimal(model, average, 3e22, EQUAL, level=0.99)
    size, tokens = budget_line(simulated.panel.models, 3e22)
    x, truth = true_covariates(average.queries(size, tokens)), simulated.truth
    logits = x @ truth.slopes @ truth.loadings.T
    rows = found.targets.set_index("target")
    hits = 0
    for j, name in enumerate(EQUAL):
        best = size[np.argmax(logits[:, j])]
        hits += rows.loc[name, "n_params_lower"] * 0.97 <= best <= rows.loc[name, "n_params_upper"] * 1.03
    assert hits >= 5
    assert rows.loc["basket", "kind"] == "basket"
    assert (rows["near_lower"] <= rows["n_params"]).all()
    assert (rows["n_params"] <= rows["near_upper"]).all()


def test_inference_asks_for_smaller_models(model, average):
    alone, served = (compute_optimal(model, average, 3e22, EQUAL, t).targets.iloc[0] for t in (0.0, 2e13))
    assert served["n_params"] < alone["n_params"]


def test_an_edge_is_flagged_and_noted(model, average):
    """A line cut short has its best end at the edge."""
    low = model.panel_.models[["n_active_params", "n_tokens"]].max()
    found = compute_optimal(model, average, 6 * low.prod() * 0.9, {"benchmark_0": 1.0})
    row = found.targets.iloc[0]
    assert row["at_boundary"] == row["flag"].startswith("boundary")
    assert not row["at_boundary"] or any("At the edge" in note for note in found.notes)
    assert any("more than any model" in note for note in found.notes)


def test_a_plan_says_what_to_rely_on_and_where_to_look_first(model, average):
    found = compute_optimal(model, average, 3e22, EQUAL)
    best, line = found.targets.iloc[0], found.line
    assert line["usual"].any() and best["n_params"] == pytest.approx(line.loc[line["value"].idxmax(), "n_params"])
    assert found.advised["usual"] and found.advised["value"] == line.loc[line["usual"], "value"].max()
    short = " ".join(found.in_short())
    assert "within half a point of the best for basket" in short and "tokens" in short
    assert any("took about this compute, a third to three times" in note for note in found.notes)


def test_an_optimum_at_the_end_of_the_data_is_no_advice(model, average):
    found = compute_optimal(model, average, 3e22, EQUAL)
    line = found.line.assign(value=np.linspace(0.3, 0.5, len(found.line)), usual=np.arange(len(found.line)) < 100)
    best = {"n_params": line["n_params"].iloc[-1], "near_lower": line["n_params"].iloc[-2], "value": 0.5,
            "near_upper": line["n_params"].iloc[-1], "at_boundary": True}  # fmt: skip
    edge = replace(found, line=line, targets=found.targets.head(1).assign(**best))
    limit, usual = edge.in_short()
    assert "where the data end" in limit and "no advice to go there" in limit
    assert "models of about this compute have had" in usual and "11.8 points lower" in usual
    assert edge.advised["n_params"] == line["n_params"].iloc[99]
    near = replace(edge, line=line.assign(value=0.499)).in_short()
    assert near[1].endswith("is expected best, within half a point of that.") and len(near) == 2
    unheard = replace(edge, line=line.assign(usual=False)).in_short()
    assert unheard == [limit]
    flat = edge.targets.assign(at_boundary=False, flag="interaction not identified", value=0.385)
    inner = replace(edge, targets=flat)
    assert inner.in_short()[0].startswith("Any size from") and inner.in_short()[1].startswith("Rely on that range")


def test_a_budget_that_buys_nothing_is_told_which_would(simulated):
    with pytest.raises(UsageError, match=r"Did you mean 1e24\?"):
        budget_line(simulated.panel.models, 24.0)
    with pytest.raises(UsageError, match=r"could have had: they took \d\.\de\d+ FLOP to "):
        budget_line(simulated.panel.models, 1e33)


@pytest.mark.parametrize(
    ("flop", "inference", "words"),
    [(1e15, 0.0, "buys no model inside the data"), (-1.0, 0.0, "flop is -1"), (1e22, -5.0, "inference tokens are -5")],
)
def test_impossible_budgets_are_refused(simulated, flop, inference, words):
    with pytest.raises(UsageError, match=words):
        budget_line(simulated.panel.models, flop, inference)


def test_baskets(small_panel):
    assert parse_basket("mmlu=1, gsm8k=3", small_panel).weights == {"mmlu": 0.25, "gsm8k": 0.75}
    assert parse_basket(None, small_panel).weights == dict.fromkeys(small_panel.scores.columns, 1 / 3)
    with pytest.raises(UnknownNameError, match="mmlu"):
        parse_basket("mmul", small_panel)
    for text, words in (
        ("mmlu=0", "weight '0'"),
        ("mmlu:1,gsm8k:2", "write 'mmlu=1,gsm8k=2'"),
        ("mmlu=x", "weight 'x'"),
        ("mmlu,mmlu", "stands twice;"),
        (" ", "no benchmark"),
    ):
        with pytest.raises(UsageError, match=words):
            parse_basket(text, small_panel)


def test_a_domain_shares_its_weight_among_its_benchmarks(core):
    found = parse_basket("math=2,gpqa=1,Reason=1", core)
    assert found.domains == {"mathematics": ("gsm8k", "math_lvl5"), "reasoning": ("arc", "bbh", "musr")}
    assert found.weights == pytest.approx(
        {"gsm8k": 1 / 4, "math_lvl5": 1 / 4, "gpqa": 1 / 4, "arc": 1 / 12, "bbh": 1 / 12, "musr": 1 / 12}
    )
    assert found.told()[0] == "mathematics: gsm8k, math_lvl5, weight 0.25 each"
    assert parse_basket("science", core).told() == ["science: gpqa, weight 1"]
    for text in ("math,gsm8k", "gsm8k=2,math=1", "math,mathematics"):
        with pytest.raises(UsageError, match=r"stands twice \(the domain mathematics has it\)"):
            parse_basket(text, core)


def test_settings(simulated):
    panel = simulated.panel
    assert find_setting(panel).family == AVERAGE
    chat = find_setting(panel, "series-00", "chat")
    assert (chat.family, chat.variant) == ("series-00-chat", "chat")
    assert find_setting(panel, "Series-00", release_date="2025-02-01").release_date == pd.Timestamp("2025-02-01")
    with pytest.raises(UnknownNameError, match="series-00"):
        find_setting(panel, "series-0")
    with pytest.raises(UsageError, match="no date"):
        find_setting(panel, release_date="soon")


# ---- reach


def test_reach_reads_the_forecast_backwards(simulated, model):
    """The forecast at the size that is found is the score that was asked for, and the same for the interval's ends."""
    setting = find_setting(simulated.panel, "series-00")
    middle = model.forecast(setting.queries(np.array([7e9]), np.array([2e12])), benchmarks=["benchmark_1"])
    score = float(middle["forecast"].iloc[0])
    found = reach(model, setting, "benchmark_1", score, 2e12)
    assert found.n_params == pytest.approx(7e9, rel=0.02)
    ends = [(s, c) for s, c in ((found.lower, "upper"), (found.upper, "lower")) if s is not None]
    assert ends
    for size, column in ends:
        back = model.forecast(setting.queries(np.array([size]), np.array([2e12])), benchmarks=["benchmark_1"])
        assert back[column].iloc[0] == pytest.approx(score, abs=2e-3)  # linear between points an eighth apart in logs
    assert (found.lower or 0) < found.n_params < (found.upper or np.inf)


def test_what_is_never_reached_is_open(simulated, model):
    setting = find_setting(simulated.panel, "series-00")
    top = reach(model, setting, "benchmark_0", 0.9999, 2e12)
    assert top.n_params is None
    assert top.upper is None
    some = [reach(model, setting, "benchmark_1", score, 2e12) for score in (0.3, 0.6, 0.9)]
    sizes = [np.inf if r.n_params is None else r.n_params for r in some]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(("score", "words"), [(70.0, "Did you mean 0.7"), (0.0, "between 0 and 1")])
def test_reach_refuses_what_makes_no_sense(simulated, model, score, words):
    with pytest.raises(UsageError, match=words):
        reach(model, find_setting(simulated.panel), "benchmark_1", score, 2e12)
    with pytest.raises(UnknownNameError, match="benchmark_1"):
        reach(model, find_setting(simulated.panel), "benchmark_9", 0.5, 2e12)


# ---- tables


def test_families_are_ranked_as_in_truth(simulated, model):
    found = tables.families(model, EQUAL).set_index("family")
    truth = simulated.truth
    effect = pd.Series((truth.family_effects @ truth.loadings.T).mean(axis=1), index=truth.families)
    assert len(found) == len(truth.families)
    assert found["effect"].corr(effect.reindex(found.index), method="spearman") > 0.8
    inside = (found["lower"] <= found["effect"]) & (found["effect"] <= found["upper"])
    assert inside.all()
    sure = found["compute_factor"].notna()
    assert ((found["compute_factor"] > 1) == (found["effect"] > 0))[sure].all()
    # effects are relative to the mean of the families: truth is, too, once its mean is taken out
    off = (effect - effect.mean()).reindex(found.index)
    covered = (found["lower"] <= off) & (off <= found["upper"])
    assert covered.mean() > 0.75, "90 % intervals; families of one series err together"


def test_curves_hold_the_true_slopes(simulated, model):
    found, truth = tables.curves(model, level=0.99), simulated.truth
    wanted = truth.loadings @ truth.slopes[0]
    inside = (found["per_decade_size_lower"] <= wanted) & (wanted <= found["per_decade_size_upper"])
    assert inside.sum() >= 5
    assert (found["floor"] < found["middle"]).all()
    assert (found["middle"] < found["ceiling"]).all()


def test_own_intercepts_are_small_where_there_are_none(model):
    """The simulation has none: about one in ten 90 % intervals may leave 0 out, within three standard errors."""
    found = tables.own_intercepts(model)
    assert len(found) == 6 * len(model.base_index_)
    assert ((found["lower"] > 0) | (found["upper"] < 0)).mean() < 0.1 + 3 * np.sqrt(0.09 / len(found))
    assert (found["sd"] > 0).all()


def test_surface_rises_with_size(model, average):
    grid = tables.level_surface(model, average, EQUAL, 8).pivot(index="n_tokens", columns="n_params", values="value")
    assert (np.diff(grid.to_numpy(), axis=1) > 0).mean() > 0.9
