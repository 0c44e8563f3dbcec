"""The fitter: truth within its errors, the batched solver beside a plain one, warnings where nothing is identified."""

import numpy as np
import pytest
from scipy.optimize import minimize

from obslaws.errors import ExtrapolationWarning, FitError, UnknownNameError, UsageError
from obslaws.laws.catalogue.chinchilla import chinchilla_grid
from obslaws.laws.fitter import holdout
from obslaws.laws.registry import law

ONE = law("chinchilla")
TRUTH = ONE.coefficients()


def runs(n=90, noise=0.004, seed=0, sizes=None):
    rng = np.random.default_rng(seed)
    x = {
        "n_params": rng.choice(sizes, n) if sizes is not None else 10 ** rng.uniform(7.7, 10, n),
        "n_tokens": 10 ** rng.uniform(9, 11.5, n),
    }
    return x, ONE.evaluate(x) * np.exp(noise * rng.standard_t(4, size=n))


@pytest.fixture(scope="module")
def fit():
    x, y = runs()
    return ONE.fit(x, y, n_starts=60, bootstrap=200)


def test_truth_within_four_standard_errors(fit):
    distance = (fit.params - np.array([*TRUTH.values()])) / fit.draws.std()
    assert (distance.abs() < 4).all()
    assert fit.converged
    assert fit.identified, fit.warnings
    derived = fit.derived()
    assert derived.loc["size_exponent", "lower"] < 0.5126 < derived.loc["size_exponent", "upper"]


def test_batched_solver_agrees_with_a_plain_one(fit):
    """The oracle: scipy's BFGS on the same objective from a point nearby; it must not find anything better."""

    def objective(z):
        return float(fit.problem.objective(fit.problem.residuals(z[None])[0])[0])

    plain = minimize(
        objective, fit.z + 0.01, method="Nelder-Mead", options={"maxiter": 6000, "fatol": 1e-14, "xatol": 1e-9}
    )
    assert fit.objective <= plain.fun * (1 + 1e-9)
    assert plain.fun == pytest.approx(fit.objective, rel=1e-3)


def test_same_seed_same_fit_and_the_world_keeps_its_seed(fit):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    x, y = runs()
    again = ONE.fit(x, y, n_starts=60, bootstrap=200)
    assert (again.params == fit.params).all()
    assert (again.draws.to_numpy() == fit.draws.to_numpy()).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_order_of_points_changes_nothing(fit):
    x, y = runs()
    order = np.random.default_rng(5).permutation(len(y))
    again = ONE.fit({k: v[order] for k, v in x.items()}, y[order], n_starts=60)
    np.testing.assert_allclose(again.params, fit.params, rtol=1e-3)


def test_intervals_of_three_kinds_hold_the_truth(fit):
    for method in ("wald", "profile", "bootstrap"):
        ends = fit.conf_int(0.999, method)
        assert (ends["lower"] <= np.array([*TRUTH.values()])).all(), method
        assert (ends["upper"] >= np.array([*TRUTH.values()])).all(), method
    assert (fit.conf_int(0.5)["lower"] >= fit.conf_int(0.9)["lower"]).all()
    with pytest.raises(UsageError, match="no method 'guess'"):
        fit.conf_int(method="guess")


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say():
    """60 simulated suites; three binomial errors of a share of 0.9 are allowed below."""
    inside = {"wald": [], "bootstrap": [], "profile": []}
    for seed in range(60):
        x, y = runs(60, seed=seed, noise=0.003)
        one = ONE.fit(x, y, n_starts=6, starts=[[*TRUTH.values()]], bootstrap=100)
        for method, hits in inside.items():
            if method == "profile" and seed >= 12:  # the slow one
                continue
            ends = one.conf_int(0.9, method)
            truth = np.array([*TRUTH.values()])
            hits.append(((ends["lower"] <= truth) & (truth <= ends["upper"])).to_numpy())
    for method, hits in inside.items():
        assert np.mean(hits) > 0.9 - 3 * np.sqrt(0.9 * 0.1 / len(hits)), method
        assert np.mean(hits) < 0.98, method


def test_published_grid_has_all_starts_and_finds_the_same(fit):
    grid = chinchilla_grid()
    assert grid.shape == (4500, 5)
    x, y = runs()
    again = ONE.fit(x, y, starts=grid[::15])
    assert again.objective == pytest.approx(fit.objective, rel=1e-6)
    assert again.starts["n_starts"] == 300


def test_held_parameters_stay(fit):
    x, y = runs()
    held = ONE.fit(x, y, fixed={"E": 1.7}, n_starts=40)
    assert held.params["E"] == pytest.approx(1.7)
    assert np.isnan(held.std_errors["E"])
    assert held.objective > fit.objective
    assert held.summary().set_index("parameter").loc["E", "note"] == "held"


def test_one_size_identifies_nothing_and_says_so():
    x, y = runs(40, sizes=np.array([1e9]))
    one = ONE.fit(x, y, n_starts=40)
    assert not one.identified
    told = " ".join(one.warnings)
    assert "ill-conditioned" in told or "bound" in told


def test_parameter_at_a_bound_is_named():
    x, y = runs()
    low = ONE.fit(x, y - 1.8172 - 0.05, space="linear", n_starts=60)  # as if there were less than no rest
    assert low.at_bound == {"E": "lower"}
    assert low.warnings[0] == "E ended at its lower bound"
    assert not low.identified
    assert np.isnan(low.std_errors["E"])


def test_clusters_widen_what_points_alone_would_say():
    rng = np.random.default_rng(2)
    sizes = 10 ** rng.uniform(7.7, 10, 14)
    model = np.repeat(np.arange(14), 10)
    x = {"n_params": sizes[model], "n_tokens": np.tile(np.geomspace(1e9, 3e11, 10), 14)}
    y = ONE.evaluate(x) * np.exp(rng.normal(0, 0.01, 14)[model] + rng.normal(0, 0.001, 140))
    alone = ONE.fit(x, y, n_starts=20)
    together = ONE.fit(x, y, n_starts=20, clusters=model)
    assert together.std_errors["alpha"] > 1.3 * alone.std_errors["alpha"]


def test_predictions_cover_new_runs_and_warn_far_away(fit):
    x, y = runs(400, seed=9)
    told = fit.predict(x, level=0.9)
    inside = ((told["lower"] <= y) & (y <= told["upper"])).mean()
    assert inside == pytest.approx(0.9, abs=0.06)
    assert told["distance"].max() < 0.1
    with pytest.warns(ExtrapolationWarning, match="farthest: 2"):
        far = fit.predict({"n_params": [1e12], "n_tokens": [3e11]})
    assert far["distance"][0] == pytest.approx(2.0, abs=0.05)


def test_information_criteria_prefer_the_form_that_made_the_data(fit):
    from obslaws.laws.compare import compare

    x, _ = runs(150)
    y = ONE.evaluate(x, "besiroglu-2024-all") * np.exp(0.004 * np.random.default_rng(3).normal(size=150))
    table = compare(["kaplan_nd", "chinchilla", "gadre_loss"], x, y, n_starts=40)
    assert table["law"].iloc[0] == "chinchilla"
    assert table["delta_aicc"].iloc[0] == 0
    assert (table["delta_aicc"].iloc[1:] > 5).all()


def test_linear_and_log_likelihoods_are_of_the_same_output():
    x, y = runs(noise=0.002)
    log = ONE.fit(x, y, n_starts=20, delta=np.inf)
    linear = ONE.fit(x, y, n_starts=20, space="linear", delta=np.inf)
    assert log.quality["aicc"] == pytest.approx(linear.quality["aicc"], rel=0.15)
    np.testing.assert_allclose(log.params[["E", "alpha", "beta"]], linear.params[["E", "alpha", "beta"]], rtol=0.1)


def test_holdout_shows_the_law_beside_baselines():
    x, y = runs()
    table = holdout(ONE, x, y, by="n_params", n_starts=40)
    assert table["n_test"].iloc[0] == 18
    errors = table.set_index("who")["mean_abs_rel_error"]
    assert errors["chinchilla"] < 0.02
    assert errors["chinchilla"] < errors.drop("chinchilla").min()
    with pytest.raises(UsageError, match="share one value"):
        holdout(ONE, {**x, "n_params": np.full(90, 1e9)}, y, by="n_params")


def test_checklist_answers_what_it_can_and_counts_the_rest(fit):
    report = fit.checklist({"counting": "embeddings in", "data": "simulated"}, profile=False)
    assert not report.complete
    assert "training data" not in " ".join(report.missing)
    assert any("metric" in item for item in report.missing)
    text = report.text()
    for words in ("Huber, delta 0.001, summed", "residuals in log space", "60 starts", "within 1 %", "besiroglu-2024"):
        assert words in text.replace("63 starts", "60 starts"), words
    assert {"as fitted", "least squares", "linear residuals"} <= set(report.sensitivity["choice"])
    assert len(report.holdout) == 4
    full = {name: "told" for name in ("rivals", "counting", "data", "hyperparameters", "checkpoints", "metric",
                                      "processing", "provenance")}  # fmt: skip
    assert fit.checklist(full, profile=False, deltas=False).complete
    with pytest.raises(UnknownNameError, match="'colour'"):
        fit.checklist({"colour": "red"})


def test_rows_without_output_are_dropped_and_counted():
    x, y = runs()
    y[:3] = np.nan
    x["n_params"][0] = np.nan
    one = ONE.fit(x, y, n_starts=20)
    assert one.counts == (("given", 90), ("with an output", 87))
    assert one.n_points == 87


def test_faults_are_named():
    x, y = runs(20)
    with pytest.raises(FitError, match="3 points with an output, 5 free parameters"):
        ONE.fit({k: v[:3] for k, v in x.items()}, y[:3])
    with pytest.raises(FitError, match='have no logarithm\\. Fit with space="linear"'):
        ONE.fit(x, -y)
    with pytest.raises(UnknownNameError, match="'gamma'"):
        ONE.fit(x, y, fixed={"gamma": 1.0})
    with pytest.raises(UsageError, match="no space 'sqrt'"):
        ONE.fit(x, y, space="sqrt")
    with pytest.raises(FitError, match="none of"):
        law("loss_to_loss").fit({"loss_x": np.full(8, 1e-30)}, np.ones(8), fixed={"E_x": 5.0})
