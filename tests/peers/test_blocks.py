"""Small systems solved together against numpy, one at a time."""

import numpy as np
import pytest

from obslaws.peers.blocks import halve, solve, substitute


@pytest.mark.parametrize("d", [1, 2, 5])
def test_each_block_is_solved(d):
    rng = np.random.default_rng(d)
    roots = rng.normal(size=(4, 3, d, d + 2))
    blocks, right = roots @ roots.transpose(0, 1, 3, 2), rng.normal(size=(4, 3, d, 6))
    systems = np.moveaxis(np.concatenate([blocks, right], axis=-1), (2, 3), (0, 1))
    found = solve(systems.copy())
    np.testing.assert_allclose(np.moveaxis(found, (0, 1), (2, 3)), np.linalg.solve(blocks, right), rtol=1e-8)
    factored = systems.copy()
    halves = halve(factored)
    factors = np.moveaxis(factored[:, :d], (1, 0), (2, 3))
    np.testing.assert_allclose(np.tril(factors), np.linalg.cholesky(blocks), rtol=1e-8)
    np.testing.assert_array_equal(substitute(factored, halves), found)
