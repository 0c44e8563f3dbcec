"""Better places for families: never worse, found from afar, and what the plain loop over left-out benchmarks gives."""

import numpy as np
import pytest

from obslaws.links import clipped_logit, inverse
from obslaws.peers.huber import huber
from obslaws.peers.places import MARGIN, RIDGE, Places


@pytest.fixture
def table():
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(7), 3)
    L, b, floor = rng.normal(size=(6, 2)), rng.normal(size=6), np.array([0.0, 0.25, 0.0, 0.25, 0.0, 0.1])
    alpha, by_covariates = rng.normal(size=(7, 2)), 0.3 * rng.normal(size=(2, 21))
    scores = inverse((alpha[family] + by_covariates.T) @ L.T + b, floor)
    known = np.ones((6, 21))
    known[2, 4] = 0.0
    member = np.eye(7)[family]
    return scores, known, floor, member, alpha, by_covariates, L, b


def losses(table, alpha):
    scores, known, floor, member, _, by_covariates, L, b = table
    r = scores - inverse((member @ alpha + by_covariates.T) @ L.T + b, floor)
    return np.array([huber(r[member[:, f] == 1].T, known[:, member[:, f] == 1]) for f in range(member.shape[1])])


def places(table):
    scores, known, floor, member = table[:4]
    half = known * (1.0 - floor[:, None]) / 2.0
    return Places(known * (scores.T - floor[:, None]) - half, half, member, member.argmax(axis=1))


def test_no_family_is_worse_and_one_with_a_wild_score_is_found(table):
    scores, _, _, _, alpha, by_covariates, L, b = table
    scores[:3, 0] = 0.97 - scores[:3, 0]  # one benchmark of the first family says something else
    far = alpha + 3.0
    better = places(table).better(far.T, by_covariates, L, b).T
    before, after, truth = (losses(table, at) for at in (far, better, alpha))
    assert (after <= before).all()
    assert (after[1:] < 0.001).all()
    assert after[0] <= 1.05 * truth[0]


def test_leaving_out_is_the_plain_loop(table):
    scores, known, floor, member, _, by_covariates, L, b = table
    pairs = (L[:, :, None] * L[:, None, :]).reshape(6, 4).T
    offered = places(table)._offered(L @ by_covariates + b[:, None], L, pairs)
    share = np.clip((scores - floor) / (1.0 - floor), MARGIN, 1.0 - MARGIN)
    weight = known.T * (2.0 * (1.0 - floor) * share * (1.0 - share)) ** 2
    wanted = clipped_logit(share, margin=MARGIN) - b - by_covariates.T @ L.T
    for f in range(member.shape[1]):
        here = member[:, f] == 1
        whole = sum(w * np.outer(row, row) for w, row in zip(weight[here].sum(axis=0), L, strict=True))
        ridge = np.diag(RIDGE * np.full(2, np.trace(whole) / 2) + 1e-9)
        for out in range(-1, 6):
            kept = [j for j in range(6) if j != out]
            block = sum(weight[here, j].sum() * np.outer(L[j], L[j]) for j in kept) + ridge
            right = sum((weight[here, j] * wanted[here, j]).sum() * L[j] for j in kept)
            np.testing.assert_allclose(offered[:, out + 2, f], np.linalg.solve(block, right), rtol=1e-6)
