import numpy as np

from obslaws.peers.monotone import PARTS, SIZE, Monotone, fresh_nets


def test_weights_start_above_zero_and_biases_on_both_sides():
    nets = fresh_nets(200)
    assert nets.shape == (200, SIZE)
    for i, ((at, (above, units)), most) in enumerate(zip(PARTS, (1, 1, *[10**-0.5] * 4), strict=True)):
        part = nets[:, at : at + above * units]
        assert np.abs(part).max() <= most
        assert np.abs(part).max() > 0.95 * most
        assert (part >= 0).all() == (i % 2 == 0)


def test_seeds_decide_the_nets():
    np.testing.assert_array_equal(fresh_nets(3), fresh_nets(3))
    assert not np.array_equal(fresh_nets(3), fresh_nets(3, random_state=1))
    np.testing.assert_array_equal(fresh_nets(3)[:2], fresh_nets(2))


def test_links_rise_and_stay_between_floor_and_one():
    floor = np.array([0.0, 0.25, 0.5])
    logit = np.log((floor + 1e-5) / (1 - floor + 1e-5))
    loadings = np.array([[0.5], [2.0], [-1.0]])
    made = Monotone(np.ones((1, 1)), np.column_stack([loadings, np.zeros(3), logit, fresh_nets(3)]), 0.0, 0)
    scores = made.scores(np.linspace(-20, 20, 50)[:, None])
    assert (scores > floor).all() and (scores < 1).all()
    assert (np.diff(scores, axis=0) * np.sign(loadings[:, 0]) >= -1e-12).all()
    assert (np.ptp(scores, axis=0) > 0.01).all()
