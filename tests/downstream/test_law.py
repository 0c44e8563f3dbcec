import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from obslaws.downstream.equivalent import equivalent_line
from obslaws.downstream.law import SigmoidLaw, curve, fit_exact, objective
from obslaws.downstream.paper import fit_paper
from obslaws.errors import FitError


def simulated(n=60, noise=0.02, floor=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) * [0.3, 0.1]
    params = np.array([-1.0, 5.0, -4.0, floor])
    share = curve(params, x, True)[0] + noise * rng.normal(size=n)
    return x, share, params


@pytest.mark.parametrize("has_floor", [False, True])
def test_derivatives_of_the_curve(has_floor):
    x, _, params = simulated()
    params = np.append(params[:3], 0.07) if has_floor else params[:3]
    _, slopes = curve(params, x, has_floor)
    for i in (0, 17):
        numeric = approx_fprime(params, lambda p, i=i: curve(p, x, has_floor)[0][i], 1e-7)
        np.testing.assert_allclose(slopes[i], numeric, atol=1e-6)


@pytest.mark.parametrize("delta", [np.inf, 0.03])
@pytest.mark.parametrize("has_floor", [False, True])
def test_no_general_search_finds_a_lower_objective(delta, has_floor):
    x, share, _ = simulated(floor=0.05)
    law = SigmoidLaw(has_floor, delta)
    fit = fit_exact(x, share, law)
    bounds = [(None, None)] * 3 + ([(0, 0.2)] if has_floor else [])
    rng = np.random.default_rng(1)
    for _ in range(10):
        start = np.append(rng.normal(size=3) * 3, [0.02] if has_floor else [])
        other = minimize(objective, start, (x, share, law), method="L-BFGS-B", bounds=bounds, tol=1e-14)
        assert fit.objective <= other.fun * (1 + 1e-9)
    assert fit.converged
    assert fit.n_agreeing >= 1


def test_truth_lies_within_four_standard_errors():
    inside = []
    for seed in range(20):
        x, share, params = simulated(seed=seed)
        fit = fit_exact(x, share, SigmoidLaw())
        inside.append(np.abs(fit.params - params[:3]) / np.sqrt(np.diag(fit.cov)))
    assert np.max(inside) < 4
    assert 0.4 < np.median(inside) < 1.0  # 0.67 for honest errors


def test_units_of_the_predictors_do_not_matter():
    x, share, _ = simulated()
    one, other = (fit_exact(z, share, SigmoidLaw()) for z in (x, 1000 * x + 7))
    np.testing.assert_allclose(one.predict(x), other.predict(1000 * x + 7), atol=1e-8)


def test_a_curve_stays_between_floor_and_one():
    x, share, _ = simulated()
    fit = fit_exact(x, share, SigmoidLaw(True))
    far = fit.predict(np.array([[-50.0, 0.0], [50.0, 0.0]]))
    assert ((far >= fit.floor) & (far <= 1)).all()


def test_the_papers_search_never_ends_below_the_minimum():
    x, share, _ = simulated(n=30, noise=0.1)
    for has_floor in (False, True):
        for fitter in ("robust", "ols"):
            fit, stopped = fit_paper(x, share, has_floor, fitter)
            least = fit_exact(x, share, fit.law, [fit.params]).objective
            assert least * (1 - 1e-9) <= fit.objective <= least * 1.0001
            assert stopped is None or stopped.objective > fit.objective * 1.0001


def test_where_the_papers_search_stops_short_the_minimum_is_the_fit():
    """Tiny errors make a tiny gradient: BFGS takes the flat slope for the bottom."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    share = 0.004 / (1.0 + np.exp(-x @ np.array([1.0, 0.5]))) + 1e-5 * rng.normal(size=30)
    fit, stopped = fit_paper(x, share, False)
    assert stopped is not None and not stopped.converged
    assert fit.converged and fit.objective < 0.9 * stopped.objective
    assert fit.objective == pytest.approx(fit_exact(x, share, fit.law).objective, rel=1e-6)


@pytest.mark.parametrize(
    ("x", "share", "words"),
    [
        (np.zeros((1, 1)), np.zeros(1), "at least two training models; found 1"),
        (np.array([[1.0], [np.nan]]), np.zeros(2), "finite predictors"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, share, words):
    with pytest.raises(FitError, match=words):
        fit_exact(x, share, SigmoidLaw())


def test_equivalent_line_inverts():
    import pandas as pd

    models = pd.DataFrame({"family": ["a", "a", "a", "b"], "train_flop": [1e21, 1e22, 1e23, 1e22]})
    line = equivalent_line(models, np.array([-1.0, 0.0, 1.0, 9.0]), "a")
    assert (line.slope, line.offset, line.n_models) == pytest.approx((1.0, -1.0, 3))
    np.testing.assert_allclose(line.flop(np.array([0.5])), 10**22.5)
    assert equivalent_line(models, np.zeros(4), "b") is None
