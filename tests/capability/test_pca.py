"""Principal capabilities: scikit-learn's contract, numbers from the paper's tables, imputation against a slow loop."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from obslaws.capability.imputation import impute
from obslaws.capability.pca import WAYS, CapabilityPCA
from obslaws.errors import ConvergenceWarning, FitError, UsageError
from obslaws.panel import load_panel

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "pca_ruan2024.json").read_text())


@pytest.fixture(scope="module")
def scores():
    return load_panel("ruan2024").scores


@parametrize_with_checks([CapabilityPCA(n_components=2, missing=way) for way in WAYS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_golden_complete_rows(scores):
    golden = GOLDEN["complete_rows"]
    fitted = CapabilityPCA(missing="drop").fit(scores)
    assert fitted.n_models_ == golden["n_models"] == scores.notna().all(axis=1).sum()
    # the golden numbers have three decimals
    np.testing.assert_allclose(fitted.explained_variance_ratio_, golden["explained_variance_ratio"], atol=5e-4)


def test_golden_imputed_rows(scores):
    golden = GOLDEN["imputed_rows"]
    assert scores.shape[0] == golden["n_models"]
    assert scores.isna().to_numpy().sum() == golden["n_missing"]
    fitted = CapabilityPCA(n_components=5, missing="ruan2024").fit(scores)
    assert fitted.converged_
    assert fitted.n_iter_ < 50
    # the golden numbers have four decimals; the snapshot mends no score of this table
    np.testing.assert_allclose(fitted.explained_variance_ratio_, golden["explained_variance_ratio"], atol=6e-5)


def test_golden_components_of_the_paper():
    """Section 3.2, figures 2 and C.1 (77 base models): shares, axes with their signs, imputed cells, places."""
    golden, panel = GOLDEN["pool77"], load_panel("ruan2024-pool")
    assert panel.scores.shape == (golden["n_models"], 8)
    assert panel.scores.isna().to_numpy().sum() == golden["n_missing"]
    fitted = CapabilityPCA(n_components=5, missing="ruan2024").fit(panel.scores)
    six_digits = {"rtol": 1e-5, "atol": 1e-6}  # that the golden numbers have
    np.testing.assert_allclose(fitted.explained_variance_ratio_, golden["explained_variance_ratio"], **six_digits)
    np.testing.assert_allclose(fitted.explained_variance_, golden["explained_variance"], **six_digits)
    np.testing.assert_allclose(fitted.mean_, golden["mean"], **six_digits)
    # the paper's rule for signs (largest entry positive) and ours (sum positive) part on the fourth and fifth at most
    signs = np.sign(np.sum(golden["components"], axis=1))[:, None]
    np.testing.assert_array_equal(signs[:3], 1)
    np.testing.assert_allclose(fitted.components_ * signs, golden["components"], **six_digits)
    filled = fitted.fill(panel.scores)
    hidden = panel.scores.isna()
    found = {model: filled.loc[model, hidden.loc[model].to_numpy()].item() for model in golden["imputed_cells"]}
    assert found == pytest.approx(golden["imputed_cells"], rel=1e-5)
    placed = fitted.transform(panel.scores)
    for model, place in golden["scores"].items():
        np.testing.assert_allclose(placed.loc[model][:3], place, **six_digits)


def test_golden_shares_of_parts_of_the_pool():
    """Without GSM8K (figure C.1), and what the forecasts at the default cutoff of 8.4e22 FLOP rest on."""
    panel = load_panel("ruan2024-pool")
    small = panel.scores[panel.models["train_flop"] <= 8.4e22]
    assert len(small) == GOLDEN["pool77_small"]["n_models"]
    for part, golden in (
        (panel.scores.drop(columns="gsm8k"), GOLDEN["pool77_without_gsm8k"]),
        (small, GOLDEN["pool77_small"]),
    ):
        fitted = CapabilityPCA(n_components=5, missing="ruan2024").fit(part)
        np.testing.assert_allclose(fitted.explained_variance_ratio_, golden["explained_variance_ratio"], rtol=1e-5)


def test_frames(scores):
    fitted = CapabilityPCA(n_components=2, missing="drop").fit(scores)
    placed = fitted.transform(scores)
    assert list(placed.columns) == ["capability_1", "capability_2"] == list(fitted.get_feature_names_out())
    assert placed.index.equals(scores.index)
    assert list(fitted.loadings_.index) == list(scores.columns)
    np.testing.assert_array_equal(placed.isna().any(axis=1), scores.isna().any(axis=1))
    complete = placed.dropna()
    np.testing.assert_allclose(complete.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(complete.var(), fitted.explained_variance_)


@pytest.mark.parametrize("missing", WAYS)
def test_signs_and_order_do_not_depend_on_order(scores, missing):
    one = CapabilityPCA(missing=missing).fit(scores)
    two = CapabilityPCA(missing=missing).fit(scores.iloc[::-1, ::-1])
    assert (one.loadings_.sum() > 0).all()
    np.testing.assert_allclose(two.loadings_.loc[one.loadings_.index], one.loadings_, atol=1e-8)


def slow_fill(table, passes):
    """The paper's loop, cell by cell, for a fixed number of passes."""
    n, width = table.shape
    observed = [[not np.isnan(table[i, j]) for j in range(width)] for i in range(n)]
    mean = [np.mean([table[i, j] for i in range(n) if observed[i][j]]) for j in range(width)]
    sd = [np.std([table[i, j] for i in range(n) if observed[i][j]]) for j in range(width)]
    z = np.array([[(table[i, j] - mean[j]) / sd[j] if observed[i][j] else 0.0 for j in range(width)] for i in range(n)])
    for _ in range(passes):
        centre = z.mean(axis=0)
        axis = np.linalg.eigh((z - centre).T @ (z - centre))[1][:, -1]
        for i in range(n):
            along = (z[i] - centre) @ axis
            for j in range(width):
                if not observed[i][j]:
                    z[i, j] = centre[j] + along * axis[j]
    return np.array([[min(max(mean[j] + sd[j] * z[i, j], 0), 1) for j in range(width)] for i in range(n)])


def test_imputation_is_the_plain_slow_loop(scores):
    """A hundred passes of the loop: cells move by less than 1e-14 after twenty."""
    table = scores.to_numpy()
    found = impute(table)
    np.testing.assert_allclose(found.fill(table), slow_fill(table, 100), atol=1e-9)
    seen = ~np.isnan(table)
    np.testing.assert_array_equal(found.fill(table)[seen], table[seen])


def test_models_are_filled_in_one_by_one(scores):
    found = impute(scores.to_numpy()[:100])
    later = scores.to_numpy()[100:]
    np.testing.assert_allclose(found.fill(later), np.concatenate([found.fill(row[None]) for row in later]), atol=1e-9)


def test_nothing_is_learned_from_transformed_models(scores):
    train, test = scores.iloc[:90], scores.iloc[90:]
    fitted = CapabilityPCA(missing="ruan2024").fit(train)
    before = fitted.transform(test)
    fitted.transform(test.sample(frac=1, random_state=0))
    np.testing.assert_array_equal(fitted.transform(test), before)
    assert before.notna().all(axis=None)


def test_without_missing_cells_nothing_is_filled_in(scores):
    complete = scores.dropna()
    plain, filled = CapabilityPCA().fit(complete), CapabilityPCA(missing="ruan2024").fit(complete)
    np.testing.assert_array_equal(filled.loadings_, plain.loadings_)
    assert filled.converged_


def test_says_when_it_stops_early(scores):
    with pytest.warns(ConvergenceWarning, match="still moved after 2 passes"):
        fitted = CapabilityPCA(missing="ruan2024", max_iter=2).fit(scores)
    assert not fitted.converged_
    assert fitted.n_iter_ == 2


def test_errors(scores):
    with pytest.raises(UsageError, match=r"missing is 'mean'; expected 'likelihood', 'drop', 'ruan2024'"):
        CapabilityPCA(missing="mean").fit(scores)
    with pytest.raises(UsageError, match="n_components is 0"):
        CapabilityPCA(n_components=0).fit(scores)
    sparse = pd.DataFrame(np.where(np.eye(4, dtype=bool), np.nan, 0.5))
    with pytest.raises(FitError, match=r"two models with all scores; found 0 of 4"):
        CapabilityPCA(missing="drop").fit(sparse)
    blank = scores.assign(gsm8k=np.nan)
    with pytest.raises(FitError, match="no observed score in column 5"):
        CapabilityPCA(missing="ruan2024").fit(blank)


def test_the_ways_agree_where_nothing_is_missing(scores):
    complete = scores.dropna()
    ways = [CapabilityPCA(missing=way).fit(complete) for way in WAYS]
    for other in ways[1:]:
        np.testing.assert_allclose(other.transform(complete), ways[0].transform(complete), atol=1e-12)
        np.testing.assert_allclose(other.explained_variance_ratio_, ways[0].explained_variance_ratio_)
        assert other.noise_variance_ == pytest.approx(ways[0].noise_variance_)


def test_a_model_without_scores_has_no_likely_capabilities(scores):
    empty = scores.head(3) * np.nan
    placed = CapabilityPCA().fit(pd.concat([scores, empty.set_axis(["a/1", "a/2", "a/3"])])).transform(empty)
    assert placed.isna().all(axis=None)


def test_likelihood_is_not_far_from_the_imputation(scores):
    """Forty of 1,184 cells are missing: the axes may differ, but not much."""
    ours, theirs = CapabilityPCA().fit(scores), CapabilityPCA(missing="ruan2024").fit(scores)
    assert ours.converged_
    cosines = np.linalg.svd(ours.components_ @ theirs.components_.T, compute_uv=False)
    assert cosines.min() > 0.99
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, atol=0.01)


@pytest.mark.parametrize("name", ["varimax", "oblimin"])
def test_rotated_components_are_skills_of_unit_variance(scores, name):
    complete = scores.dropna()
    plain, turned = CapabilityPCA().fit(complete), CapabilityPCA(rotation=name).fit(complete)
    placed = turned.transform(complete)
    assert list(placed.columns) == ["skill_1", "skill_2", "skill_3"] == list(turned.get_feature_names_out())
    np.testing.assert_allclose(placed.cov(), turned.rotation_.correlation, atol=1e-10)
    # loadings times skills rebuild what loadings times capabilities do
    np.testing.assert_allclose(
        placed @ turned.loadings_.to_numpy().T, plain.transform(complete) @ plain.components_, atol=1e-10
    )
