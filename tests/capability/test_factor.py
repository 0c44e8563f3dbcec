"""Factor analysis: scikit-learn's contract, simulated truth, another program's maximum, fixed signs and order."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import FactorAnalysis
from sklearn.utils.estimator_checks import parametrize_with_checks

from obslaws.capability.factor import CapabilityFactors
from obslaws.capability.rotation import ROTATIONS
from obslaws.errors import ConvergenceWarning, UsageError
from obslaws.panel import load_panel


@pytest.fixture(scope="module")
def scores():
    return load_panel("ruan2024").scores


@parametrize_with_checks([CapabilityFactors(n_components=2), CapabilityFactors(n_components=2, rotation="varimax")])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_complete_data_reach_the_maximum_of_scikit_learn(scores):
    complete = scores.dropna()
    # its noise is bounded at 1e-12, ours at 0.005 of the variance: two factors stay off both
    theirs = FactorAnalysis(2, tol=1e-10, max_iter=20_000, svd_method="lapack").fit(complete)
    ours = CapabilityFactors(2).fit(complete)
    assert not ours.heywood_.any()
    assert ours.model_.log_likelihood == pytest.approx(theirs.score(complete) * len(complete), abs=1e-4)
    np.testing.assert_allclose(ours.model_.covariance, theirs.get_covariance(), atol=1e-6)


def test_truth_comes_back():
    rng = np.random.default_rng(0)
    loadings = np.array([[0.9, 0], [0.8, 0], [0.7, 0], [0, 0.8], [0, 0.6], [0.5, 0.5]])
    correlation = np.array([[1, 0.4], [0.4, 1]])
    noise = 1 - np.diag(loadings @ correlation @ loadings.T)
    factors = rng.normal(size=(6000, 2)) @ np.linalg.cholesky(correlation).T
    table = factors @ loadings.T + rng.normal(size=(6000, 6)) * np.sqrt(noise)
    table[rng.random(table.shape) < 0.3] = np.nan
    fitted = CapabilityFactors(2, rotation="oblimin").fit(0.5 + 0.1 * table)
    # four standard errors of a loading with some 4,000 models are near 0.06; oblimin leaves the mixed benchmark's pull
    np.testing.assert_allclose(fitted.loadings_, loadings, atol=0.1)
    np.testing.assert_allclose(fitted.rotation_.correlation, correlation, atol=0.12)
    np.testing.assert_allclose(fitted.communalities_, 1 - noise, atol=0.06)
    # posterior standard deviations are those of the actual errors
    placed, sd = fitted.transform(0.5 + 0.1 * table), fitted.std_errors(0.5 + 0.1 * table)
    seen = placed.notna().all(axis=1)
    z = ((placed - factors) / sd)[seen]
    np.testing.assert_allclose(z.std(), 1.0, atol=0.1)


@pytest.mark.parametrize("rotation", [None, *ROTATIONS])
def test_tables_do_not_depend_on_order(scores, rotation):
    one = CapabilityFactors(3, rotation).fit(scores)
    two = CapabilityFactors(3, rotation).fit(scores.iloc[::-1, ::-1])
    np.testing.assert_allclose(two.loadings_.loc[one.loadings_.index], one.loadings_, atol=2e-3)
    assert (one.loadings_.sum() > 0).all()
    assert (np.diff(one.explained_variance_ratio_) < 0).all()
    assert one.explained_variance_ratio_.sum() == pytest.approx(one.communalities_.mean())


def test_the_spread_of_a_benchmark_does_not_matter(scores):
    one = CapabilityFactors(2).fit(scores)
    two = CapabilityFactors(2).fit(scores.assign(mmlu=scores["mmlu"] / 10))
    np.testing.assert_allclose(two.loadings_, one.loadings_, atol=1e-4)


def test_rotated_capabilities_are_skills_of_unit_variance(scores):
    fitted = CapabilityFactors(2, "varimax").fit(scores)
    placed = fitted.transform(scores)
    assert list(placed.columns) == ["skill_1", "skill_2"]
    assert placed.index.equals(scores.index)
    spread = np.cov(placed.T, ddof=0) + np.diag((fitted.std_errors(scores) ** 2).mean())
    np.testing.assert_allclose(np.diag(spread), 1.0, atol=0.05)


def test_missing_cells_are_filled_in_from_the_others(scores):
    fitted = CapabilityFactors(2).fit(scores)
    filled = fitted.fill(scores)
    assert filled.notna().all(axis=None)
    assert filled.where(scores.notna()).equals(scores.rename_axis(columns=None))


def test_too_many_factors_are_told(scores):
    assert CapabilityFactors(4).fit(scores).heywood_.any()


def test_errors(scores):
    with pytest.raises(UsageError, match="n_components is 0"):
        CapabilityFactors(0).fit(scores)
    with pytest.raises(UsageError, match="needs two benchmarks"):
        CapabilityFactors(1).fit(scores[["mmlu"]])
    with pytest.warns(ConvergenceWarning, match="still rose after"):
        assert not CapabilityFactors(2, max_iter=3).fit(scores).converged_
    blank = pd.concat([scores.head(30), scores.tail(2) * np.nan])
    assert CapabilityFactors(1).fit(blank).n_models_ == 30
