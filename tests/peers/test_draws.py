import json
from pathlib import Path

import numpy as np
import pytest

from obslaws.peers.draws import Draws
from obslaws.peers.monotone import PARTS, fresh_nets

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "torch_draws.json").read_text(encoding="utf-8"))


def test_numbers_are_those_that_torch_drew():
    """Blocks of 16, a block begun again at the end, single numbers in pairs; torch's are in single precision."""
    draws = Draws(42)
    for shape, expected in GOLDEN["normal"]:
        drawn = draws.normal(*shape)
        assert drawn.shape == tuple(shape)
        np.testing.assert_allclose(drawn.ravel(), expected, atol=2e-6)
    for (below, above), expected in zip(((1, 10), (10, 10), (10, 1)), GOLDEN["linear"], strict=True):
        drawn = (2 * draws.uniform(above * below + above) - 1) / np.sqrt(below)
        np.testing.assert_allclose(drawn, expected, atol=2e-6)


def test_nets_are_linear_layers_in_turn():
    """Two nets from one stream, the middle layer turned: units of the layer above come first in torch."""
    drawn = 2 * Draws(7).uniform(2, 141) - 1
    for row, net in zip(drawn, fresh_nets(2, 7), strict=True):
        (first, _), (w2, shape), (b2, _) = PARTS[0], PARTS[2], PARTS[3]
        np.testing.assert_allclose(net[first : first + 10], np.abs(row[:10]))
        np.testing.assert_allclose(net[w2:b2].reshape(shape), np.abs(row[20:120]).reshape(10, 10).T / np.sqrt(10))
        np.testing.assert_allclose(net[b2 : b2 + 10], row[120:130] / np.sqrt(10))


@pytest.mark.parametrize("seed", [0, 2**32])
def test_a_seed_is_its_lower_32_bits(seed):
    np.testing.assert_array_equal(Draws(seed).normal(20), Draws(0).normal(20))


def test_numbers_spread_as_they_should():
    # four standard errors of 20,000 numbers
    drawn = Draws(3).normal(20_000)
    assert abs(drawn.mean()) < 4 / np.sqrt(20_000)
    assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / 20_000)
    assert 0 <= Draws(3).uniform(1000).min() and Draws(3).uniform(1000).max() < 1
