"""Contracts over the catalogue: what every law declares, and that the fitter finds every law's own coefficients."""

import numpy as np
import pytest

from obslaws.errors import SchemaError, UnknownNameError, UsageError
from obslaws.laws.base import GROUPS
from obslaws.laws.registry import all_laws, law, list_laws

LAWS = list(all_laws().values())
BY_ID = [pytest.param(one, id=one.id) for one in LAWS]

# two_stage: only k A and k (E - l0) count. farseer: each exponent trades off with its offset over two decades of size.
# distillation: while the teacher is better than the student could be, only c1 d1^(-1 / f1) counts; gamma trades off
# with the exponents under it.
HELD = {"two_stage": ("E", "k"), "farseer": ("alpha", "beta", "gamma"), "distillation": ("c1", "gamma")}


def truth(one):
    complete = [s.params for s in one.published if set(s.params) >= set(one.param_names)]
    return {name: float((complete[0] if complete else one.typical)[name]) for name in one.param_names}


def design(one, rng, n_points=240):
    """Points spread over the range in which the law was studied."""
    x = {}
    for v in one.variables:
        u = rng.random(n_points)
        spread = np.exp(np.log(v.low) + u * np.log(v.high / v.low)) if v.log else v.low + u * (v.high - v.low)
        x[v.name] = np.round(spread) if v.name == "n_epochs" else spread
    return x


def test_there_are_enough_laws_in_every_group():
    listed = list_laws()
    assert len(listed) >= 32
    assert {one.group for one in listed} == set(GROUPS)
    assert sum(one.core for one in listed) >= 30


@pytest.mark.parametrize("one", BY_ID)
def test_declaration_is_complete(one):
    assert one.title and one.formula and one.source, "docstring: first line, formula after ::, References"
    for v in (*one.variables, one.output):
        assert v.unit
        assert f"{v.name} : {v.unit}" in type(one).__doc__
    assert all(v.low <= v.high for v in one.variables), "simulations need a range"
    assert one.output.name not in [v.name for v in one.variables]
    assert one.space in ("log", "linear")
    for p in one.params:
        assert p.lower < p.upper
        assert not p.log or p.lower > 0
        assert p.start is None or p.lower <= p.start[0] < p.start[1] <= p.upper
    for s in one.published:
        assert set(s.params) <= set(one.param_names)
        assert s.basis in ("read", "recomputed")
        assert s.setting
        for p in one.params:
            assert p.name not in s.params or p.lower <= s.params[p.name] <= p.upper
    assert len({s.name for s in one.published}) == len(one.published)


@pytest.mark.parametrize("one", BY_ID)
def test_unverified_laws_have_no_coefficients_and_hide(one):
    if one.verified:
        assert one in list_laws()
        return
    assert not one.published
    assert one not in list_laws()
    assert one in list_laws(unverified=True)
    with pytest.raises(UsageError, match="no complete set"):
        one.evaluate(design(one, np.random.default_rng(0), 3))


@pytest.mark.parametrize("one", BY_ID)
def test_derivatives_agree_with_differences(one):
    from obslaws.laws.problem import Problem

    rng = np.random.default_rng(1)
    x = one.points(design(one, rng, 7))
    theta = np.array([*truth(one).values()])
    ends = np.zeros(len(theta))
    problem = Problem(one, x, np.ones(7), "linear", np.inf, ends, ends)
    z = problem.z(theta)
    exact = problem.residuals(z[None])[1][0] * problem.scale
    for j in range(len(z)):
        step = 1e-6 * max(abs(z[j]), 1e-2)
        up, down = (problem.predict((z + s * step * np.eye(len(z))[j])[None])[0] for s in (1, -1))
        scale = np.abs(exact[j]).max() + 1e-12
        np.testing.assert_allclose(exact[j] / scale, (up - down) / (2 * step) / scale, atol=2e-4)


@pytest.mark.parametrize("one", BY_ID)
def test_every_law_finds_its_own_coefficients(one):
    """Four standard errors; what the design does not identify has wide ones, and the curve itself is found anyway."""
    rng = np.random.default_rng(7)
    x, known = design(one, rng), truth(one)
    clean = one.evaluate(x, known)
    noise = 5e-4
    y = (
        clean * np.exp(noise * rng.normal(size=len(clean)))
        if one.space == "log"
        else (clean + noise * np.std(clean) * rng.normal(size=len(clean)))
    )
    fixed = {name: known[name] for name in HELD.get(one.id, ())}
    fit = one.fit(x, y, fixed=fixed, n_starts=40, delta=np.inf)
    error = fit.fitted - clean
    unit = clean if one.space == "log" else np.std(clean)
    assert np.sqrt(np.mean((error / unit) ** 2)) < noise
    distance = (fit.z - fit.problem.z(np.array([*known.values()])))[fit.free]
    assert (np.abs(distance) < 4 * np.sqrt(np.diag(fit.cov_z))[fit.free] + 1e-9).all()
    resting = [name for name in fit.at_bound if abs(known[name] - fit.params[name]) > 1e-6]
    assert not resting, f"{resting} ended at a bound away from the truth"


def test_unit_of_size_changes_only_the_scale():
    one = law("chinchilla")
    rng = np.random.default_rng(0)
    x = design(one, rng, 80)
    y = one.evaluate(x) * np.exp(0.003 * rng.normal(size=80))
    first = one.fit(x, y, n_starts=40)
    second = one.fit({**x, "n_params": x["n_params"] * 1e3}, y, n_starts=40)
    for name in ("E", "B", "alpha", "beta"):
        assert second.params[name] == pytest.approx(first.params[name], rel=1e-4)
    assert second.params["A"] == pytest.approx(first.params["A"] * 1e3 ** first.params["alpha"], rel=1e-3)


def test_names_and_columns_are_checked():
    with pytest.raises(UnknownNameError, match="Did you mean 'chinchilla'"):
        law("chinchila")
    with pytest.raises(SchemaError, match="no column 'n_tokens'"):
        law("chinchilla").evaluate({"n_params": [1e9]})
    with pytest.raises(SchemaError, match="missing values"):
        law("chinchilla").evaluate({"n_params": [1e9, np.nan], "n_tokens": [1e9, 1e9]})
    with pytest.raises(UnknownNameError, match="besiroglu-2024"):
        law("chinchilla").evaluate({"n_params": [1e9], "n_tokens": [1e9]}, "besiroglu")
    with pytest.raises(UnknownNameError, match="'gamma'"):
        law("chinchilla").coefficients({"gamma": 1.0})
    with pytest.raises(UsageError, match="no value for E"):
        law("chinchilla").coefficients({"A": 1.0})
