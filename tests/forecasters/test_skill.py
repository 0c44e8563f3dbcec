"""The default forecaster on panels whose truth is known: recovery, coverage, no peeking, and odd panels."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from obslaws.forecasters import skill
from obslaws.forecasters.skill import SkillForecaster
from obslaws.simulate import simulate_panel, true_covariates
from obslaws.skill import posterior
from obslaws.skill.covariates import raw_covariates
from obslaws.skill.fit import fit_skills
from obslaws.skill.interpretation import named_skills
from obslaws.skill.problem import Priors

NUMBERS = ["forecast", "lower", "upper"]


@pytest.fixture(scope="module")
def simulated():
    return simulate_panel(n_families=9, missing=0.05, random_state=1)


@pytest.fixture(scope="module")
def panel(simulated):
    return simulated.panel


@pytest.fixture(scope="module")
def fitted(panel):
    return SkillForecaster().fit(panel)


def newcomer(panel, **changes):
    """A larger sibling of the panel's first family, or whatever the changes make of it."""
    out = panel.models.iloc[[0]].assign(n_params=50e9, n_active_params=50e9, train_flop=np.nan, **changes)
    return out.set_axis(pd.Index(["new/model"], name="model"))


def finite(answers):
    numbers = answers[["lower", "forecast", "upper"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert ((numbers >= 0) & (numbers <= 1)).all()
    assert (np.diff(numbers, axis=1) >= 0).all()


def width(answers):
    return (answers["upper"] - answers["lower"]).to_numpy()


# ---- recovery


def slope_of_logits(fitted, fit, pair):
    """Change of every logit between two models that differ in one covariate: estimate and posterior sd, shape (J,)."""
    covariates = fitted.relatives(pair).covariates
    apart, state, d, k = covariates[1] - covariates[0], fit.state, fit.n_skills, fit.system.n_slopes
    n_benchmarks = len(state.loadings)
    rows = np.zeros((n_benchmarks, len(fit.shared_cov)))
    for j in range(n_benchmarks):
        rows[j, :k] = np.outer(apart, state.loadings[j]).ravel()
        rows[j, k + n_benchmarks + j * d :][:d] = apart @ state.slopes
    return state.loadings @ (apart @ state.slopes), np.sqrt(np.einsum("ji,ik,jk->j", rows, fit.shared_cov, rows))


@pytest.mark.slow
def test_recovers_slopes_noise_and_ceilings():
    """Loadings @ slopes is what data can tell whatever the rotation: a decade of size, a decade of tokens."""
    deviates, noise, ceilings = [], [], []
    for seed in range(12):
        panel, truth = (s := simulate_panel(n_families=20, random_state=seed)).panel, s.truth
        fitted = SkillForecaster(n_skills=2, calibrate=False).fit(panel)
        # one fit of what the simulation has: size x tokens, floors at guessing, nothing in the smallest sibling
        without = fitted.scale_.columns(["smallest sibling"])
        fit = fit_skills(fitted.data_, 2, Priors(floor_logit=8.0, floor_logit_sd=1e-3, without=without))
        middle = panel.models.iloc[[0, 0]].set_axis(["less", "more"]).assign(variant="base", n_tokens=2e12)
        size = middle.assign(n_params=[2e9, 20e9], n_active_params=[2e9, 20e9])
        tokens = middle.assign(n_params=7e9, n_active_params=7e9, n_tokens=[0.7e12, 7e12])
        for pair in (size, tokens):
            estimate, sd = slope_of_logits(fitted, fit, pair)
            wanted = truth.loadings @ np.diff(true_covariates(pair) @ truth.slopes, axis=0)[0]
            deviates.append((estimate - wanted) / sd)
        noise.append(np.sqrt(fit.variances.noise / truth.noise_var))
        ceilings.append(fit.ceilings - truth.ceilings)
    deviates, noise, ceilings = (np.concatenate(part) for part in (deviates, noise, ceilings))
    assert np.abs(deviates).max() < 4
    # posterior sds are those of the deviates, within the error of 12 panels (4 / sqrt(24) for a panel's common part)
    assert 0.6 < deviates.std() < 1.4
    # some 80 models a panel: noise to a fifth in the middle, and never three times off (item sampling may hide it)
    assert 0.8 < np.median(noise) < 1.25
    assert noise.max() < 3
    # a ceiling that few models come near is told by its prior alone: in the middle within a point, mostly within eight
    assert abs(np.median(ceilings)) < 0.02
    assert np.quantile(np.abs(ceilings), 0.9) < 0.08


# ---- coverage


def hide_larger(panel, rng):
    """A third of the base families lose all scores but those of the smallest model of each family."""
    bases = panel.models["base_family"].unique()
    held = rng.choice(bases, max(1, len(bases) // 3), replace=False)
    beyond = panel.models.groupby("family")["n_params"].rank() > 1
    rows = (panel.models["base_family"].isin(held) & beyond).to_numpy()
    return panel.select(~rows), rows[:, None] & np.ones(panel.scores.shape, dtype=bool)


def hide_cells(panel, rng):
    """A fifth of the cells; every model keeps one."""
    cells = rng.random(panel.scores.shape) < 0.2
    cells[np.arange(len(cells)), rng.integers(cells.shape[1], size=len(cells))] = False
    return panel.hide(cells), cells


class Whole(SkillForecaster):
    """One fit with every covariate and floors at guessing, as the simulation has it; the default averages two parts."""

    def _fits(self):
        self.is_large_ = False
        return [fit_skills(self.data_, 4, Priors(floor_logit=8.0, floor_logit_sd=1e-3))]


@pytest.fixture(scope="module", params=[hide_larger, hide_cells])
def inside(request):
    """Held-out cells inside their 90 % interval and their count, shape (48 panels, 2); by the posterior, calibrated."""
    out = {"posterior": [], "calibrated": []}
    for seed in range(48):
        panel = simulate_panel(n_families=9, n_benchmarks=5, random_state=seed).panel
        train, cells = request.param(panel, np.random.default_rng(seed))
        asked = cells.any(axis=1)
        held, scores = cells[asked], panel.scores.to_numpy()[asked]
        for kind, counts in out.items():
            with pytest.MonkeyPatch.context() as patch:
                model = SkillForecaster() if kind == "calibrated" else Whole(calibrate=False)
                if kind == "posterior":  # here logits are normal
                    patch.setattr(posterior, "NODES", posterior.NORMAL_NODES)
                answers = model.fit(train).forecast(panel.models[asked])
            lower, upper = (answers[name].to_numpy().reshape(held.shape) for name in ("lower", "upper"))
            counts.append((((lower <= scores) & (scores <= upper))[held].sum(), held.sum()))
    return {kind: np.array(counts, dtype=float) for kind, counts in out.items()}


def coverage(counts):
    """Share inside with its standard error over panels: cells of one model, and of one fit, are not independent."""
    inside, n = counts.T
    share = inside.sum() / n.sum()
    return share, np.sqrt(((inside - share * n) ** 2).sum()) / n.sum()


@pytest.mark.slow
def test_the_posterior_covers_what_it_promises(inside):
    """Drawn from the model itself, 90 % intervals cover 90 % without any calibration, within three standard errors."""
    share, error = coverage(inside["posterior"])
    assert error < 0.02
    assert abs(share - 0.9) < 3 * error


@pytest.mark.slow
def test_calibrated_intervals_cover_too(inside):
    """Tails heavier than those of the simulation, and replays of few groups, cost three standard errors at most."""
    share, error = coverage(inside["calibrated"])
    assert share > 0.9 - 3 * error
    assert share < 0.96


# ---- no peeking


@pytest.mark.parametrize("hide", [hide_larger, hide_cells])
def test_scrambled_held_out_scores_move_no_forecast(panel, hide):
    train, cells = hide(panel, np.random.default_rng(0))
    scores = panel.scores.to_numpy().copy()
    scores[cells] = np.random.default_rng(1).permutation(scores[cells])
    scrambled = dataclasses.replace(panel, scores=pd.DataFrame(scores, panel.scores.index, panel.scores.columns))
    again, _ = hide(scrambled, np.random.default_rng(0))
    one, two = (SkillForecaster().fit(part).forecast(panel.models) for part in (train, again))
    pd.testing.assert_frame_equal(one, two)


def test_the_queries_of_a_call_do_not_see_each_other(fitted, panel):
    """Own scores of one query inform that query alone."""
    both = pd.concat([newcomer(panel), newcomer(panel).set_axis(["new/other"])])
    scores = pd.DataFrame({panel.scores.columns[0]: [0.9, np.nan]}, index=both.index)
    together = fitted.forecast(both, scores=scores).query("model == 'new/other'")
    alone = fitted.forecast(both.tail(1))
    np.testing.assert_allclose(together[NUMBERS], alone[NUMBERS], atol=1e-12)


def test_identical_twice(panel, fitted):
    again = SkillForecaster().fit(panel)
    pd.testing.assert_frame_equal(again.forecast(newcomer(panel)), fitted.forecast(newcomer(panel)))
    pd.testing.assert_frame_equal(fitted.forecast(newcomer(panel)), fitted.forecast(newcomer(panel)))


# ---- what is known narrows


@pytest.mark.slow
def test_own_scores_help_on_the_other_benchmarks():
    """Eight panels, two base families each that the fit never saw; k = 0, 1, 3 of their models' own scores."""
    errors, widths = {0: [], 1: [], 3: []}, {0: [], 1: [], 3: []}
    for seed in range(8):
        panel = simulate_panel(n_families=12, random_state=100 + seed).panel
        held = panel.models["base_family"].isin(panel.models["base_family"].unique()[:2]).to_numpy()
        fitted = SkillForecaster().fit(panel.select(~held))
        queries, scores = panel.models[held], panel.scores[held]
        for k in errors:
            answers = fitted.forecast(queries, scores=scores.iloc[:, :k], benchmarks=scores.columns[3:])
            errors[k].append(np.abs(answers["forecast"].to_numpy() - scores.iloc[:, 3:].to_numpy().ravel()).mean())
            widths[k].append(width(answers).mean())
            assert set(answers["basis"]) == {"own scores" if k else "pooled"}
    error, wide = ({k: np.mean(v) for k, v in part.items()} for part in (errors, widths))
    assert error[3] < error[1] < error[0]
    assert wide[3] < wide[1] < wide[0]


def test_a_measured_benchmark_is_forecast_near_its_score(fitted, panel):
    benchmark = panel.scores.columns[2]
    scores = pd.DataFrame({benchmark: [0.55]}, index=["new/model"])
    plain = fitted.forecast(newcomer(panel), benchmarks=[benchmark])
    told = fitted.forecast(newcomer(panel), scores=scores, benchmarks=[benchmark])
    assert abs(told["forecast"][0] - 0.55) < abs(plain["forecast"][0] - 0.55)
    assert width(told)[0] < width(plain)[0]


@pytest.fixture(scope="module")
def only_weak(panel):
    """The panel's last benchmark was run on the weaker half of the models alone."""
    name, others = panel.scores.columns[-1], panel.scores.columns[:-1]
    strong = (panel.scores[others].mean(axis=1) > panel.scores[others].mean(axis=1).median()).to_numpy()
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    hidden[:, -1] = strong & panel.scores[name].notna().to_numpy()
    return SkillForecaster().fit(panel.hide(hidden)), panel.models[hidden[:, -1]], name


def test_a_curve_that_is_extrapolated_is_doubted(only_weak, panel, monkeypatch):
    """Intervals of strong models widen on the benchmark that none of them ran; nothing else changes."""
    fitted, strong, name = only_weak

    def asked():
        return fitted.forecast(strong, benchmarks=[name]), fitted.forecast(newcomer(panel)), fitted.forecast(strong)

    doubted = asked()
    monkeypatch.setattr(skill, "curve_doubt", lambda fit, rows: np.zeros((2, len(rows), len(panel.scores.columns))))
    plain = asked()
    ratio = width(doubted[0]) / width(plain[0])
    assert (ratio > 1 - 1e-9).all()
    assert np.median(ratio) > 1.1
    np.testing.assert_array_equal(doubted[0]["forecast"], plain[0]["forecast"])
    pd.testing.assert_frame_equal(doubted[1], plain[1])  # stretched by replays instead
    known = panel.scores.drop(columns=name).loc[strong.index].stack().dropna().index  # measured and fitted
    rows = [frame.set_index(["model", "benchmark"]).loc[known, NUMBERS] for frame in (doubted[2], plain[2])]
    pd.testing.assert_frame_equal(*rows)


def test_basis_says_who_answered_and_less_known_is_wider(fitted, panel):
    nobody = {"family": "unheard-of", "base_family": "unheard-of"}
    stranger = newcomer(panel, **nobody).assign(org="unheard-of")
    unsigned = newcomer(panel, **nobody).assign(org=None)
    cousin = newcomer(panel, family="unheard-of")
    answers = {
        "family": newcomer(panel), "base family": cousin, "lab": newcomer(panel, **nobody), "pooled": stranger,
    }  # fmt: skip
    wide = {}
    for basis, queries in answers.items():
        found = fitted.forecast(queries)
        assert set(found["basis"]) == {basis}
        wide[basis] = width(found).mean()
    assert wide["family"] < wide["pooled"]
    assert wide["base family"] < wide["pooled"]
    assert wide["lab"] < wide["pooled"]
    np.testing.assert_array_equal(fitted.forecast(unsigned)[NUMBERS], fitted.forecast(stranger)[NUMBERS])


def test_models_that_name_no_lab_share_none(panel):
    """Without names of labs each base family is alone in its own; of one name, all base families are in one."""
    models = panel.models
    unsigned = SkillForecaster(n_skills=1, calibrate=False).fit(
        dataclasses.replace(panel, models=models.assign(org=None))
    )
    bases = models["base_family"].unique()
    assert set(unsigned.lab_index_) == {f"lab of {base}" for base in bases}
    one = SkillForecaster(n_skills=1, calibrate=False).fit(dataclasses.replace(panel, models=models.assign(org="one")))
    assert set(one.lab_index_) == {"one"}
    assert [len(fitted.fits_[0].state.lab) for fitted in (unsigned, one)] == [len(bases), 1]


def test_a_base_family_of_two_labs_belongs_to_the_one_of_most_models(panel):
    models = panel.models.assign(org="others")
    first = models["base_family"] == models["base_family"].iloc[0]
    models.loc[first, "org"] = ["one", *["two"] * (first.sum() - 1)]
    fitted = SkillForecaster(n_skills=1, calibrate=False).fit(dataclasses.replace(panel, models=models))
    assert set(fitted.lab_index_) == {"two", "others"}
    lab = fitted.data_.nesting.lab[fitted.base_index_[models["base_family"].iloc[0]]]
    assert lab == fitted.lab_index_["two"]


def test_small_siblings_are_seen(panel, fitted):
    """The smallest model of the first family is learned; a newcomer of half its size is its own smallest sibling."""
    first = panel.models["family"] == panel.models["family"].iloc[0]
    smallest = panel.models.loc[first, "n_active_params"].min()
    assert fitted.siblings_.family[panel.models["family"].iloc[0]] == smallest
    larger, smaller = newcomer(panel), newcomer(panel).assign(n_params=smallest / 2, n_active_params=smallest / 2)
    assert raw_covariates(larger, fitted.siblings_)[0, 5] == pytest.approx(smallest / 50e9)
    assert raw_covariates(smaller, fitted.siblings_)[0, 5] == 1.0


def test_unknown_size_or_tokens_widens(fitted, panel):
    told = fitted.forecast(newcomer(panel))
    for columns in (["n_tokens"], ["n_params", "n_active_params"], ["n_params", "n_active_params", "n_tokens"]):
        untold = fitted.forecast(newcomer(panel).assign(**dict.fromkeys(columns, np.nan)))
        finite(untold)
        assert width(untold).mean() > width(told).mean()


def test_a_larger_model_scores_higher(fitted, panel):
    """Slopes of simulated panels are positive on average; forecasts follow."""
    sizes = np.array([1e9, 8e9, 60e9])
    queries = pd.concat([newcomer(panel).set_axis([f"new/{size:g}"]) for size in sizes])
    queries = queries.assign(n_params=sizes, n_active_params=sizes)
    mean = fitted.forecast(queries).groupby("model", sort=False)["forecast"].mean()
    assert mean.is_monotonic_increasing


# ---- odd panels


def test_panel_with_much_missing_and_unknown():
    panel = simulate_panel(n_families=9, missing=0.6, unknown=0.4, moe=0.3, random_state=2).panel
    assert panel.models["n_tokens"].isna().any()
    finite(SkillForecaster().fit(panel).forecast(pd.concat([panel.models, newcomer(panel)])))


def test_where_most_cells_are_missing_one_fit_does_with_a_skill_less():
    full = simulate_panel(n_families=12, missing=0.3, random_state=2).panel
    sparse = simulate_panel(n_families=12, missing=0.6, random_state=2).panel
    told = {n: [fit.n_skills for fit in SkillForecaster(n, calibrate=False).fit(sparse).fits_] for n in (None, 2)}
    assert told == {None: [3, 4], 2: [2, 2]}
    fitted = SkillForecaster(calibrate=False).fit(sparse)
    assert [fit.n_skills for fit in SkillForecaster(calibrate=False).fit(full).fits_] == [4, 4]
    new = sparse.models.head(2).set_axis(["one", "two"])
    after = fitted.update(pd.DataFrame({sparse.scores.columns[0]: [0.4, 0.6]}, index=new.index), new)
    assert after.predict(new).point.shape == (2, sparse.scores.shape[1])
    found = named_skills(fitted.surfaces_, fitted.weights_, list(sparse.scores.columns), n_draws=20, n_starts=3)
    assert len(found.names) == 4


def test_mixture_of_experts():
    panel = simulate_panel(n_families=12, moe=0.5, random_state=4).panel
    fitted = SkillForecaster().fit(panel)
    assert fitted.scale_.used[2]
    dense, sparse = newcomer(panel), newcomer(panel).assign(n_active_params=12e9)
    finite(fitted.forecast(sparse))
    assert (fitted.forecast(sparse)["forecast"] != fitted.forecast(dense)["forecast"]).any()


def test_one_family():
    panel = simulate_panel(n_families=1, random_state=5).panel
    fitted = SkillForecaster().fit(panel)
    finite(fitted.forecast(newcomer(panel)))
    stranger = fitted.forecast(newcomer(panel, family="unheard-of", base_family="unheard-of"))
    finite(stranger)
    assert width(stranger).mean() > width(fitted.forecast(newcomer(panel))).mean()


def test_one_benchmark():
    panel = simulate_panel(n_families=9, n_benchmarks=1, n_skills=1, random_state=6).panel
    fitted = SkillForecaster().fit(panel)
    assert [fit.n_skills for fit in fitted.fits_] == [1] * len(fitted.fits_)
    finite(fitted.forecast(newcomer(panel)))


def test_a_model_without_scores_is_forecast_like_one_that_is_not_in_the_panel(panel):
    """Its row says nothing, so it may not matter whether it is there; covariates are scaled with it, hence 0.01."""
    row = np.arange(len(panel.models)) == 2
    queries = panel.models[row]
    blank = SkillForecaster().fit(panel.hide(row[:, None] & np.ones(panel.scores.shape, dtype=bool)))
    gone = SkillForecaster().fit(panel.select(~row))
    one, two = (fitted.forecast(queries) for fitted in (blank, gone))
    finite(one)
    np.testing.assert_allclose(one["forecast"], two["forecast"], atol=0.01)


def test_a_benchmark_that_nobody_ran(panel):
    hidden = np.zeros(panel.scores.shape, dtype=bool)
    hidden[:, 2] = True
    answers = SkillForecaster().fit(panel.hide(hidden)).forecast(newcomer(panel))
    finite(answers)
    unknown = answers["benchmark"] == panel.scores.columns[2]
    assert set(answers.loc[unknown, "basis"]) == {"none"}
    assert width(answers[unknown]).min() > width(answers[~unknown]).max()


def test_names_of_families_do_not_matter(panel, fitted):
    """Families are numbered by name; another numbering may move nothing but rounding."""
    renamed = panel.models.assign(
        family="x" + panel.models["family"].str[::-1], base_family="x" + panel.models["base_family"].str[::-1]
    )
    again = SkillForecaster().fit(dataclasses.replace(panel, models=renamed)).forecast(renamed)
    np.testing.assert_allclose(again[NUMBERS], fitted.forecast(panel.models)[NUMBERS], atol=2e-3)


# ---- the simulation itself


def test_simulated_truth_is_what_it_says():
    simulated = simulate_panel(n_families=30, n_benchmarks=5, n_skills=3, missing=0.2, unknown=0.2, random_state=7)
    panel, truth = simulated.panel, simulated.truth
    seen = panel.scores.notna().to_numpy()
    np.testing.assert_array_equal(panel.scores.to_numpy()[seen], truth.scores[seen])
    assert 0.1 < 1 - seen.mean() < 0.2
    assert seen.any(axis=1).all()
    base = np.searchsorted(truth.base_families, panel.models["base_family"].to_numpy(dtype=str))
    own = truth.own_intercepts[base]
    np.testing.assert_allclose(truth.logits, truth.intercepts + own + truth.skills @ truth.loadings.T)
    scale = np.sqrt(truth.noise_var + truth.expected * (1 - truth.expected) / truth.n_items)
    inside = (truth.scores > 0) & (truth.scores < 1)
    deviates = ((truth.scores - truth.expected) / scale)[inside]
    # Student-t with 6 degrees of freedom has sd sqrt(6 / 4); some 700 cells
    np.testing.assert_allclose(deviates.std(), np.sqrt(1.5), atol=0.2)
    assert len(set(panel.models["family"])) == len(truth.families) == 30
    assert len(set(panel.models["base_family"])) == len(truth.base_families) == 20
    pd.testing.assert_frame_equal(
        simulate_panel(random_state=3).panel.scores, simulate_panel(random_state=3).panel.scores
    )
