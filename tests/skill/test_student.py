"""Student's t against scipy's."""

import numpy as np
import pytest
from scipy.stats import t

from obslaws.skill.student import student_t


@pytest.mark.parametrize("dof", [1.0, 2.0, 3.5, 4.0, 6.0, 10.0])
def test_distribution_and_density_are_scipys(dof):
    at = np.r_[np.linspace(-40.0, 40.0, 201), 0.0, 1e-9].reshape(7, -1)
    below, density = student_t(at, dof)
    np.testing.assert_allclose(below, t.cdf(at, dof), rtol=0, atol=1e-14)
    np.testing.assert_allclose(density, t.pdf(at, dof), rtol=1e-12)
