"""Compute -> capability: the paper's lines, the mixed model against statsmodels, equivalent compute."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from obslaws.capability.compute_law import default_reference, efficiency_table, equivalent_flop, fit_compute_law
from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import FitError, UnknownNameError, UsageError
from obslaws.panel import load_panel

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "compute_law_ruan2024.json").read_text())


@pytest.fixture(scope="module")
def panel():
    return load_panel("ruan2024-pool")


@pytest.fixture(scope="module")
def placed(panel):
    return CapabilityPCA(missing="ruan2024").fit_transform(panel.scores)


@pytest.fixture(scope="module")
def law(panel, placed):
    return fit_compute_law(placed["capability_1"], panel.models)


@pytest.mark.parametrize("component", [1, 2, 3])
def test_golden_lines_of_families(panel, placed, component):
    """Section 3.3, figure 3: slopes, intercepts at 1e21 FLOP and R2 of every family, to the six digits given."""
    law = fit_compute_law(placed[f"capability_{component}"], panel.models)
    rows = [row for row in GOLDEN["rows"] if row[2] == component]
    assert set(law.families) == {row[0] for row in rows}
    for family, n, _, slope, intercept, r2 in rows:
        line = law.line(family)
        assert line.n_models == n
        assert (line.slope, line.intercept) == pytest.approx((slope, intercept), abs=2e-6, rel=1e-5)
        assert line.r2 == pytest.approx(r2, abs=2e-5)
    three = [line.r2 for line in law.families.values() if line.n_models > 2]
    assert len(three) == 14
    assert np.mean(three) == pytest.approx(GOLDEN["mean_r2_of_families_with_3_models"][component - 1], abs=5e-5)


def test_golden_pooled_line(law):
    """Section 3.3: one line through all 75 models with known compute explains less."""
    assert law.pooled.n_models == 75
    assert law.n_left_out == 2
    assert law.pooled.r2 == pytest.approx(GOLDEN["pooled_r2_of_component_1"], abs=5e-5)


def test_golden_lines_of_single_benchmarks(panel):
    """Section 3.3: three benchmarks are nearly as linear in log compute as the first component."""
    for benchmark, r2 in GOLDEN["mean_r2_of_benchmarks"].items():
        law = fit_compute_law(panel.scores[benchmark], panel.models)
        assert np.mean([one.r2 for one in law.families.values() if one.n_models > 2]) == pytest.approx(r2, abs=5e-5)


def test_summary_keeps_every_family(panel, placed):
    lonely = panel.models["family"].where(panel.models.index != "mistralai/Mistral-7B-v0.1", "Mistral")
    models = panel.models.assign(family=lonely, train_flop=panel.models["train_flop"].fillna(1e23))
    table = fit_compute_law(placed["capability_1"], models).summary().set_index("family")
    assert len(table) == 22
    assert table.loc["Mistral", "note"] == "one model"
    assert np.isnan(table.loc["Mistral", "slope"])
    assert table.loc["Phi", "note"].startswith("two models")
    assert np.isnan(table.loc["Phi", "r2"])


def test_mixed_lines_are_those_of_statsmodels(panel, placed):
    law = fit_compute_law(placed["capability_1"], panel.models, "mixed")
    frame = law.models.assign(x=law.models["log10_flop"] - law.models["log10_flop"].mean())
    theirs = smf.mixedlm("capability ~ x", frame, groups="family", re_formula="~x").fit(reml=True)
    assert law.pooled.slope == pytest.approx(theirs.fe_params["x"], rel=1e-3)
    assert np.sqrt(law.pooled.cov[1, 1]) == pytest.approx(
        theirs.bse_fe["x"], rel=0.05
    )  # theirs knows that the variances are estimated
    for family, effects in theirs.random_effects.items():
        slope = theirs.fe_params["x"] + effects["x"]
        assert law.families[family].slope == pytest.approx(slope, rel=0.01)
    # small families borrow: their slopes move towards the average one
    alone = fit_compute_law(placed["capability_1"], panel.models)
    gemma = alone.line("Gemma").slope, law.line("Gemma").slope
    assert law.pooled.slope < gemma[1] < gemma[0]


def test_a_family_is_worth_its_own_compute_in_itself(law, panel, placed):
    table = equivalent_flop(law, "llama-2", placed["capability_1"], panel.models).set_index("model")
    own = table[table["family"] == "Llama-2"]
    np.testing.assert_allclose(own["multiplier"], 1.0, atol=0.06)  # its R2 is 0.9995
    assert ((own["lower"] < own["train_flop"]) & (own["train_flop"] < own["upper"])).all()
    assert (own["decades_outside"] < 0.03).all()
    assert table.loc["mistralai/Mistral-7B-v0.1", ["equivalent_flop", "lower", "upper"]].notna().all()
    assert np.isnan(table.loc["mistralai/Mistral-7B-v0.1", "multiplier"])
    assert table.loc["facebook/opt-125m", "decades_outside"] > 1
    by_family = efficiency_table(law, "Llama-2").set_index("family")
    assert by_family.loc["Llama-2", "multiplier"] == pytest.approx(1.0)
    assert by_family.index[0] == "Phi"
    assert ((by_family["lower"] < by_family["multiplier"]) & (by_family["multiplier"] < by_family["upper"])).all()


def test_what_only_guesses_has_no_multiplier_to_rank_by(law, panel, placed):
    table = efficiency_table(law, "Llama-2")
    flags = table.set_index("family")["flag"]
    lowest = placed["capability_1"][panel.models["family"] == "Llama-2"].min()
    mean = law.models.groupby("family")["capability"].mean()
    assert (flags.eq("below") == (mean < lowest).reindex(flags.index)).all()
    assert flags["Llama-2"] == "" and flags["Pythia"] == "below"
    assert table["flag"].ne("").is_monotonic_increasing  # flagged families stand last
    assert table["multiplier"].notna().all()
    models = equivalent_flop(law, "Llama-2", placed["capability_1"], panel.models).set_index("model")
    assert models.loc["facebook/opt-125m", "flag"] == "below"
    assert models.loc["meta-llama/Llama-2-7b-hf", "flag"] == ""


def test_flat_families_are_told_from_those_whose_slope_is_unknown():
    flop = np.array([1e21, 1e22, 1e23, 1e24])
    rows = {
        "measure": [-0.5, -0.19, 0.11, 0.4],
        "guesses": [-0.8, -0.81, -0.795, -0.8],
        "stands": [0.1, 0.11, 0.1, 0.105],
        "noisy": [0.4, -0.4, 0.5, 0.1],
        "rises": [-0.2, 0.02, 0.21, 0.4],
    }
    index = [f"{family}-{i}" for family in rows for i in range(4)]
    models = pd.DataFrame({"family": np.repeat(list(rows), 4), "train_flop": np.tile(flop, 5)}, index=index)
    capability = pd.Series(np.concatenate(list(rows.values())), index=index, name="capability_1")
    law = fit_compute_law(capability, models)
    flags = efficiency_table(law, "measure").set_index("family")["flag"].to_dict()
    assert flags == {"rises": "", "measure": "", "noisy": "", "stands": "flat", "guesses": "at the floor"}
    assert default_reference(law) == "guesses"  # all have four models: the first by name
    with pytest.raises(FitError, match="None of 5 families has a line"):
        default_reference(fit_compute_law(capability.iloc[[0, 5, 10, 15, 16]], models))


def test_shared_scatter_has_more_degrees_of_freedom(law, panel, placed):
    own, shared = (
        equivalent_flop(law, "Qwen", placed["capability_1"], panel.models, scatter=way).set_index("model")
        for way in ("own", "shared")
    )
    np.testing.assert_array_equal(own["equivalent_flop"], shared["equivalent_flop"])
    # three models of Qwen: one degree of freedom, and nothing can be excluded
    assert np.isinf(own["upper"]).all() and (own["lower"] == 0).all()
    assert np.isfinite(shared["upper"]).all()


def test_the_unit_of_compute_moves_only_intercepts(panel, placed):
    scaled = panel.models.assign(train_flop=panel.models["train_flop"] * 1000)
    one, two = (fit_compute_law(placed["capability_1"], models) for models in (panel.models, scaled))
    assert one.line("OPT").slope == pytest.approx(two.line("OPT").slope)
    worth = [efficiency_table(law, "Llama-2").set_index("family")["multiplier"] for law in (one, two)]
    pd.testing.assert_series_equal(*worth)


def test_errors(law, panel, placed):
    with pytest.raises(UnknownNameError, match="Did you mean 'Llama-2'"):
        law.line("lama-2")
    with pytest.raises(UsageError, match="scatter is 'mine'"):
        equivalent_flop(law, "Llama-2", placed["capability_1"], panel.models, scatter="mine")
    with pytest.raises(UsageError, match="fit is 'ols'"):
        fit_compute_law(placed["capability_1"], panel.models, "ols")
    few = placed["capability_1"][panel.models["family"].isin(["OPT", "Llama-2"])]
    with pytest.raises(FitError, match="at least three families; found 2"):
        fit_compute_law(few, panel.models, "mixed")
    lonely = placed["capability_1"].drop("microsoft/phi-2")
    with pytest.raises(FitError, match=r"Family 'Phi': 1 model\(s\) with known compute"):
        fit_compute_law(lonely, panel.models).line("phi")
