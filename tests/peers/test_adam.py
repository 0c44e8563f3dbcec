import numpy as np
import pytest

from obslaws.peers.adam import EPOCHS, PATIENCE, adam, descend

TARGET = np.array([0.3, -0.2, 0.9, 0.05])


def bowl(params):
    """Residuals are the distance from the target: Huber's loss of it."""
    return params - TARGET, lambda by_residual: by_residual


def plainly(start, rate, lowest):
    """Adam as textbooks write it, with the schedule spelled out."""
    x, m, v = start.copy(), np.zeros(4), np.zeros(4)
    best, bad, loss_best, flat, t = np.inf, 0, np.inf, 0, 0
    while bad < PATIENCE:
        t += 1
        r = x - TARGET
        mae = np.mean(np.abs(r))
        loss = np.mean(np.where(np.abs(r) <= 0.01, r**2 / 0.02, np.abs(r) - 0.005))
        g = np.where(np.abs(r) <= 0.01, r / 0.01, np.sign(r)) / 4
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x = np.maximum(x - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), lowest)
        if mae < best - 1e-5:
            best, bad, kept = mae, 0, x.copy()
        else:
            bad += 1
        if loss < loss_best * (1 - 1e-4):
            loss_best, flat = loss, 0
        else:
            flat += 1
            if flat > 20:
                rate, flat = 0.95 * rate, 0
    return kept, best, t


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_the_plain_slow_loop_agrees(rate):
    lowest = np.array([-np.inf, 0.0, -np.inf, -np.inf])
    kept, best, epochs = plainly(np.zeros(4), rate, lowest)
    found = descend(bowl, np.zeros(4), 4, rate, lowest)
    assert (found.epochs, found.converged) == (epochs, True)
    assert found.mae == pytest.approx(best, abs=1e-12)
    np.testing.assert_allclose(found.params, kept, atol=1e-12)
    assert found.params[1] == 0.0


def test_parameters_are_those_one_step_after_the_error():
    found = descend(bowl, np.zeros(4), 4, 0.1, max_epochs=1)
    assert found.mae == np.abs(TARGET).mean()
    np.testing.assert_allclose(found.params, 0.1 * np.sign(TARGET), atol=1e-7)
    assert not found.converged


def test_the_rate_with_the_lowest_error_is_kept():
    start = np.zeros(4)
    each = [descend(bowl, start, 4, rate) for rate in (0.1, 0.01)]
    found = adam(bowl, start, 4, rates=(0.1, 0.01))
    best = min(each, key=lambda one: one.mae)
    assert (found.mae, found.rate, found.epochs) == (best.mae, best.rate, sum(one.epochs for one in each))
    assert found.epochs < EPOCHS
    assert (start == 0).all()
