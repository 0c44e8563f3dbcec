"""Named rotations: gradients, agreement with statsmodels, simple structure found again, fixed signs and order."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from statsmodels.multivariate.factor_rotation import rotate_factors

from obslaws.capability.rotation import ROTATIONS, rotate
from obslaws.errors import UnknownNameError, UsageError

RNG = np.random.default_rng(0)
CLEAR = np.array(
    [[0.8, 0, 0], [0.7, 0, 0], [0.9, 0.1, 0], [0, 0.6, 0], [0, 0.7, 0], [0.1, 0.8, 0], [0, 0, 0.6], [0, 0, 0.5]]
)
NOISY = CLEAR + RNG.normal(0, 0.1, CLEAR.shape)
TURN = np.linalg.qr(RNG.normal(size=(3, 3)))[0]


@pytest.mark.parametrize("name", ROTATIONS)
def test_gradient_is_that_of_finite_differences(name):
    criterion = ROTATIONS[name][0]
    slope = approx_fprime(NOISY.ravel(), lambda at: float(criterion(at.reshape(NOISY.shape))[0]), 1e-7)
    np.testing.assert_allclose(criterion(NOISY)[1].ravel(), slope, atol=1e-6)


@pytest.mark.parametrize("name", ["varimax", "quartimax", "oblimin"])
def test_at_or_below_the_minimum_of_statsmodels(name):
    """statsmodels makes one start from the unrotated axes."""
    criterion, oblique = ROTATIONS[name]
    unrotated = NOISY @ TURN
    extra = {"gamma": 0.0, "rotation_method": "oblique"} if oblique else {}
    theirs, _ = rotate_factors(unrotated, "oblimin" if oblique else name, *extra.values(), tol=1e-9)
    found = rotate(unrotated, name)
    assert found.converged
    assert criterion(found.loadings)[0] <= criterion(theirs)[0] + 1e-9
    both = np.abs(theirs)[:, np.argsort(-(theirs**2).sum(axis=0))]
    np.testing.assert_allclose(np.abs(found.loadings), both, atol=1e-4)


@pytest.mark.parametrize("name", ROTATIONS)
def test_clear_structure_comes_back_from_any_turn(name):
    found = rotate(CLEAR @ TURN, name)
    assert found.converged
    assert not found.is_boundary
    np.testing.assert_allclose(found.loadings, CLEAR, atol=0.1)


@pytest.mark.parametrize("name", ROTATIONS)
def test_what_a_rotation_may_not_change(name):
    unrotated = NOISY @ TURN
    found = rotate(unrotated, name)
    rebuilt = found.loadings @ found.correlation @ found.loadings.T
    np.testing.assert_allclose(rebuilt, unrotated @ unrotated.T, atol=1e-10)
    np.testing.assert_allclose(unrotated @ np.linalg.inv(found.turn).T, found.loadings, atol=1e-12)
    np.testing.assert_allclose(np.diag(found.correlation), 1.0)
    assert (found.loadings.sum(axis=0) > 0).all()


@pytest.mark.parametrize("name", ROTATIONS)
def test_two_runs_and_any_start_agree(name):
    one, two = rotate(NOISY, name), rotate(NOISY @ TURN, name, random_state=7)
    np.testing.assert_allclose(one.loadings, two.loadings, atol=1e-4)
    assert np.array_equal(rotate(NOISY, name).loadings, one.loadings)


@pytest.mark.parametrize("name", ["geomin", "oblimin"])
def test_oblique_truth_comes_back(name):
    correlation = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.4], [0.3, 0.4, 1.0]])
    clear = np.where(np.abs(CLEAR) < 0.2, 0.0, CLEAR)
    found = rotate(clear @ np.linalg.cholesky(correlation), name)
    # geomin's epsilon keeps it a little off
    np.testing.assert_allclose(found.loadings, clear, atol=0.02)
    np.testing.assert_allclose(found.correlation, correlation, atol=0.05)


def test_many_minima_are_told():
    loadings = RNG.normal(size=(6, 4))
    found = rotate(loadings, "geomin", n_starts=100)
    assert 1 <= found.n_agreeing < found.n_starts
    assert found.criterion <= rotate(loadings, "geomin", n_starts=1).criterion + 1e-12


def test_one_factor_is_only_signed():
    found = rotate(-NOISY[:, :1], "oblimin")
    np.testing.assert_allclose(found.loadings, NOISY[:, :1])


def test_errors():
    with pytest.raises(UnknownNameError, match=r"No rotation named 'varimaks'. Did you mean 'varimax'"):
        rotate(NOISY, "varimaks")
    with pytest.raises(UsageError, match="n_starts is 0"):
        rotate(NOISY, "varimax", n_starts=0)
    with pytest.raises(UsageError, match="not finite"):
        rotate(NOISY * np.nan, "varimax")
