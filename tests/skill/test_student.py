"""Student's t against scipy's, and the deviates of logits against both."""

import numpy as np
import pytest
from scipy.stats import norm, t

from obslaws.skill.student import heavy, student_t


@pytest.mark.parametrize("dof", [1.0, 2.0, 3.5, 4.0, 6.0, 10.0])
def test_distribution_and_density_are_scipys(dof):
    at = np.r_[np.linspace(-40.0, 40.0, 201), 0.0, 1e-9].reshape(7, -1)
    below, density = student_t(at, dof)
    np.testing.assert_allclose(below, t.cdf(at, dof), rtol=0, atol=1e-14)
    np.testing.assert_allclose(density, t.pdf(at, dof), rtol=1e-12)


def test_heavy_deviates_keep_probabilities_and_the_central_nine_tenths():
    at = np.linspace(-5.0, 5.0, 41)
    found = heavy(at)
    np.testing.assert_allclose(t.cdf(found * t.ppf(0.95, 4) / norm.ppf(0.95), 4), norm.cdf(at), rtol=0, atol=1e-12)
    np.testing.assert_allclose(heavy(norm.ppf([0.05, 0.5, 0.95])), norm.ppf([0.05, 0.5, 0.95]), atol=1e-12)
    np.testing.assert_array_equal(found, -heavy(-at))
    assert (np.diff(found) > 0).all()
