import numpy as np
import pytest

from obslaws.errors import ConvergenceWarning
from obslaws.peers import stages
from obslaws.peers.adam import descend
from obslaws.peers.draws import Draws
from obslaws.peers.huber import huber
from obslaws.peers.lowrank import Factors, fit_low_rank
from obslaws.peers.monotone import PARTS, SIZE
from obslaws.peers.stages import first_stage, learned_stage, logistic_stage, second_stage, train


@pytest.fixture(scope="module")
def saturating():
    """Scores that flatten at 0.6, 1 and 0.9, some unknown."""
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(8), 5)
    X = rng.normal(size=(40, 3))
    theta = rng.normal(size=8)[family] + X @ np.array([1.0, 0.5, 0.0])
    curves = [0.6 / (1 + np.exp(-2 * theta)), 0.25 + 0.75 / (1 + np.exp(-theta)), 0.9 / (1 + np.exp(1 - theta))]
    scores = np.column_stack(curves)
    scores[rng.uniform(size=scores.shape) < 0.1] = np.nan
    return Factors(scores, X, family, np.array([0.0, 0.25, 0.0]))


@pytest.fixture(scope="module")
def fitted(saturating):
    basic = first_stage(saturating, 1)[0]
    return basic, second_stage(saturating, basic)


@pytest.mark.parametrize(
    ("setup", "options"),
    [(logistic_stage, {}), (logistic_stage, {"train_floor": True}), (learned_stage, {})],
)
def test_gradients_are_those_of_finite_differences(saturating, setup, options):
    stage, model, *lowest = setup(saturating, 2, dtype=np.float64, **options)
    rng = np.random.default_rng(1)
    params = rng.normal(size=stage.cuts[-1])
    for least in lowest:
        params = np.where(least == 0.0, np.abs(params), params)
    by_residual = rng.normal(size=stage.known.shape) * stage.known
    gradient = model(params)[1](by_residual.copy()).copy()
    for a, b in zip(stage.cuts[:-1], stage.cuts[1:], strict=True):
        for k in rng.choice(np.arange(a, b), min(4, b - a), replace=False):
            step = np.zeros_like(params)
            step[k] = 1e-6
            up, down = ((model(params + sign * step)[0] * by_residual).sum() for sign in (1, -1))
            assert gradient[k] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-7)


def test_the_first_stage_ends_where_our_optimiser_does(saturating, fitted):
    basic = fitted[0]
    curve = 1 / (
        1 + np.exp(-(basic.skills(saturating.covariates, saturating.family) @ basic.loadings.T + basic.offsets))
    )
    residual = saturating.scores - saturating.score_floor - (1 - saturating.score_floor) * curve
    known = np.isfinite(residual).astype(float)
    assert basic.objective == pytest.approx(huber(np.nan_to_num(residual), known), rel=1e-4)
    # a step late and stopped by patience, hence not lower than a minimum by more than rounding
    assert basic.objective == pytest.approx(fit_low_rank(saturating, 1).objective, rel=0.02)


def test_the_second_stage_follows_ceilings(saturating, fitted):
    basic, trained = fitted
    assert trained.objective < 0.01 * basic.objective
    nets = trained.benchmarks[:, -SIZE:]
    for at, (above, units) in PARTS[::2]:
        assert (nets[:, at : at + above * units] >= 0).all()
    again = second_stage(saturating, basic)
    np.testing.assert_array_equal(again.benchmarks, trained.benchmarks)
    assert not np.array_equal(second_stage(saturating, basic, 1).benchmarks, trained.benchmarks)


def test_nets_are_laid_out_as_their_fits_are(saturating, fitted):
    """What the stage computes from its flat array is what `Monotone.scores` makes of the rows."""
    trained = fitted[1]
    stage, model, _ = learned_stage(saturating, 1, np.float64)
    nets = trained.benchmarks[:, -SIZE:]
    w1, b1, w2, b2, w3, b3 = (
        nets[:, a:b] for a, b in [(0, 10), (10, 20), (20, 120), (120, 130), (130, 140), (140, 141)]
    )
    layers = [
        np.stack([w1, b1], axis=2),
        np.concatenate([w2.reshape(-1, 10, 10).transpose(0, 2, 1), b2[:, :, None]], axis=2),
        np.concatenate([w3, b3], axis=1)[:, None],
    ]
    flat = stage.flat([trained.coefficients.T, trained.benchmarks[:, :2], trained.benchmarks[:, 2:3], *layers])
    residual = model(flat)[0].T
    expected = np.nan_to_num(trained.scores(stage.design) - saturating.scores)
    np.testing.assert_allclose(residual, expected, atol=1e-12)


def test_both_stages_in_turn(saturating, fitted):
    np.testing.assert_array_equal(train(saturating, 1).benchmarks, fitted[1].benchmarks)


def test_the_first_stage_trains_floors_where_asked(saturating):
    """A floor of 0.1 where guessing is said to give nothing."""
    raised = saturating.scores.copy()
    raised[:, 0] = 0.1 + raised[:, 0] * 0.9 / 0.6
    data = Factors(raised, saturating.covariates, saturating.family, saturating.score_floor)
    held, floor = first_stage(data, 1)
    assert floor is data.score_floor
    freed, floor = first_stage(data, 1, train_floor=True)
    assert freed.objective < held.objective
    np.testing.assert_allclose(floor, [0.1, 0.25, 0.0], atol=0.02)


def test_one_benchmark_alone_has_a_loading_of_one_at_the_start_of_both_stages(saturating, monkeypatch):
    starts = []

    def watched(model, start, n_known, lowest=None, rates=()):
        starts.append(start)
        return descend(model, start, n_known, 0.01, lowest, max_epochs=1)

    monkeypatch.setattr(stages, "adam", watched)
    rows = np.isfinite(saturating.scores[:, 0])
    alone = Factors(saturating.scores[rows][:, :1], saturating.covariates[rows], saturating.family[rows], np.zeros(1))
    with pytest.warns(ConvergenceWarning, match="still gained after 100,000 epochs"):
        basic = first_stage(alone, 1)[0]
    with pytest.warns(ConvergenceWarning):
        second_stage(alone, basic)
    assert basic.loadings[0, 0] != 1.0
    assert [start[11] for start in starts] == [1.0, 1.0]
    np.testing.assert_allclose(starts[1][:11], [*basic.intercepts[:, 0], *basic.slopes[:, 0]], rtol=1e-6)


def test_the_start_is_the_one_that_torch_drew(saturating, monkeypatch):
    """Slopes, intercepts, offsets and loadings in this order, slopes and loadings in absolute value."""
    starts = []

    def watched(model, start, n_known, lowest=None, rates=()):
        starts.append(start)
        return descend(model, start, n_known, 0.01, lowest, max_epochs=1)

    monkeypatch.setattr(stages, "adam", watched)
    with pytest.warns(ConvergenceWarning):
        first_stage(saturating, 2)
    draws = Draws(42)
    slopes, intercepts, offsets, loadings = (draws.normal(*shape) for shape in ((3, 2), (8, 2), (1, 3), (2, 3)))
    lines = np.concatenate([intercepts, np.abs(slopes)])
    expected = [lines.T.ravel(), np.concatenate([np.abs(loadings), offsets]).T.ravel()]
    np.testing.assert_allclose(starts[0], np.concatenate(expected), rtol=1e-6)
