"""What a large fit tells of benchmarks, families and skills, beside the exact fit to the same panel."""

import numpy as np
import pytest

from obslaws.skill.interpretation import named_skills
from obslaws.skill.predict import Relatives
from obslaws.skill.sparse_predict import logits_of
from obslaws.skill.sparse_surface import SparseSurface
from obslaws.skill.surface import DenseSurface
from obslaws.skill.update import Kin


@pytest.fixture(scope="module")
def surfaces(fits):
    return DenseSurface(fits[0]), SparseSurface(fits[1])


@pytest.fixture(scope="module")
def width(fits):
    return 1 + len(fits[1].state.slopes)


def near(found, wanted, of_sd, sd):
    """Estimates apart by a share of their posterior sd."""
    return np.sqrt(np.mean((found - wanted) ** 2)) < of_sd * np.sqrt(np.mean(sd**2))


def test_lines_are_those_of_the_exact_fit(surfaces, fits):
    dense, sparse = surfaces
    base = fits[0].problem.data.nesting.base
    at, ratios = np.arange(30), []
    for family in (-1, 0, 7, 40):
        for known in ({"family": family, "base": base[family]}, {"base": base[family]}) if family >= 0 else ({},):
            (mean, cov), (wanted, wanted_cov) = sparse.lines(at, **known), dense.lines(at, **known)
            sd = np.sqrt(np.diag(wanted_cov)).reshape(wanted.shape)
            assert near(mean, wanted, 0.6, sd)
            assert np.linalg.eigvalsh(cov).min() > -1e-9
            ratios.append(np.sqrt(np.diag(cov)).reshape(sd.shape)[:, 0] / sd[:, 0])
    assert np.median(ratios) == pytest.approx(1.0, abs=0.15)


def test_a_line_says_of_a_new_model_what_its_forecast_says(surfaces, fits):
    """Mean and variance of the logit of a model that is not in the panel, but for what models stray."""
    fit, data = fits[1], fits[1].problem.data
    family = 5
    x = data.covariates[data.nesting.family == family][:1]
    who = Relatives(*(np.array([n]) for n in (-1, family, -1, -1)), np.array([np.nan]), x, np.zeros((1, *[x.size] * 2)))
    answer = logits_of(fit, who)
    mean, cov = surfaces[1].lines(np.arange(30), family)
    row = np.r_[1.0, x[0]]
    np.testing.assert_allclose(mean @ row, answer.mean[0], atol=1e-10)
    var = np.einsum("k,jkjl,l->j", row, cov.reshape(30, len(row), 30, len(row)), row)
    stray = np.einsum("ja,ab,jb->j", fit.state.loadings, fit.variances.model, fit.state.loadings)
    # the forecast counts family and slopes as if they varied apart
    assert np.median(np.sqrt(var + stray) / answer.sd[0]) == pytest.approx(1.0, abs=0.1)


def test_contrasts_and_gains_are_sums_over_lines(surfaces, width):
    sparse = surfaces[1]
    weights, basket = np.linspace(-1.0, 1.0, width), np.linspace(0.0, 0.1, 30)
    at = np.arange(30)
    plain, plain_cov = sparse.lines(at)
    mean, var = sparse.contrast(weights)
    np.testing.assert_allclose(mean, plain @ weights, atol=1e-10)
    blocks = plain_cov.reshape(30, width, 30, width)
    np.testing.assert_allclose(var, np.einsum("k,jkjl,l->j", weights, blocks, weights), rtol=1e-8)
    step = np.r_[0.0, weights[1:]]
    means, covs = sparse.gains(basket, step)
    np.testing.assert_allclose(means[:, 1], basket @ plain @ step, atol=1e-10)
    np.testing.assert_allclose(
        covs[:, 1, 1], np.einsum("j,k,jklm,l,m->", basket, step, blocks, basket, step), rtol=1e-8
    )
    for family in (0, 11):
        line, cov = sparse.lines(at, family)
        np.testing.assert_allclose(means[family, 0], basket @ (line - plain)[:, 0], atol=1e-10)
        # what the intercepts add is of the benchmarks, not of the family
        cov, items = cov.reshape(30, width, 30, width), sparse.fit.items_cov
        mixed = np.einsum("a,jab,b->j", sparse.fit.state.family[sparse.fit.problem.cells.family_place[family]],
                          items[:, 1:3, :1], np.ones(1))  # fmt: skip
        own = np.einsum("j,jl,l->", basket, cov[:, 0, :, 0], basket) - basket**2 @ (items[:, 0, 0] + 2.0 * mixed)
        assert covs[family, 0, 0] == pytest.approx(own, rel=1e-8)


def test_families_add_what_the_exact_fit_says(surfaces, width):
    basket, step = np.full(30, 1 / 30), np.r_[0.0, 1.0, np.zeros(width - 2)]
    (wanted, wanted_cov), (mean, cov) = (surface.gains(basket, step) for surface in surfaces)
    sd = np.sqrt(wanted_cov[:, 0, 0])
    assert near(mean[:, 0], wanted[:, 0], 0.6, sd)
    assert np.median(np.sqrt(cov[:, 0, 0]) / sd) == pytest.approx(1.0, abs=0.15)
    assert mean[0, 1] == pytest.approx(wanted[0, 1], abs=2.0 * np.sqrt(wanted_cov[0, 1, 1]))


def test_own_intercepts_are_told_where_there_are_scores(surfaces, fits):
    own, seen = surfaces[1].own(), np.isfinite(fits[1].problem.data.scores)
    base = fits[1].problem.data.nesting.base_of_model
    pairs = {(base[i], j) for i, j in zip(*np.nonzero(seen), strict=True)}
    assert list(zip(own.base, own.benchmark, strict=True)) == sorted(pairs)
    wanted = surfaces[0].own()
    at = own.base * 30 + own.benchmark
    assert np.corrcoef(own.mean, wanted.mean[at])[0, 1] > 0.9
    assert np.median(own.var / wanted.var[at]) == pytest.approx(1.0, abs=0.3)


def test_skills_have_the_loadings_of_the_exact_fit(surfaces, board):
    names = list(board.panel.scores.columns)
    wanted, found = (named_skills([one], np.ones(1), names, "varimax", 400, 5) for one in surfaces)
    mine, theirs = found.rotation.loadings, wanted.rotation.loadings
    assert np.abs(np.corrcoef(mine.T, theirs.T)[:2, 2:]).max(axis=1).min() > 0.97
    assert np.linalg.norm(mine) == pytest.approx(np.linalg.norm(theirs), rel=0.1)
    ratio = np.linalg.norm(found.draws.std(axis=0)) / np.linalg.norm(wanted.draws.std(axis=0))
    assert 0.5 < ratio < 1.2, "draws do not move the skills"
    assert found.coefficients.shape == wanted.coefficients.shape


def kin_of(fit, rows, is_new=False):
    """Models of the data, as they are or as new siblings of theirs."""
    data, rows = fit.problem.data, np.asarray(rows)
    nesting = data.nesting
    base = nesting.base_of_model[rows]
    known = np.full(len(rows), -1) if is_new else rows, nesting.family[rows], base, nesting.lab[base]
    who = Relatives(*known, data.size[rows], data.covariates[rows], data.covariate_cov[rows])
    return Kin(who, np.arange(len(rows)), *known[1:])


def test_skills_vary_together_as_each_varies_alone(surfaces, fits):
    """With slopes held, covariances by level are those that the fit keeps, which are one round of messages older."""
    fit, rows = fits[1], np.arange(0, 200, 7)
    cells, spreads = fit.problem.cells, fit.belief.spreads
    seen, new = (surfaces[1].together(kin_of(fit, rows, is_new)) for is_new in (False, True))
    held = [together.own() - together.response @ together.slopes_cov @ np.swapaxes(together.response, 1, 2)
            for together in (seen, new)]  # fmt: skip
    kept = np.moveaxis(spreads.model[:, :, cells.place[rows]], 2, 0)
    np.testing.assert_allclose(np.linalg.solve(kept, held[0]), np.broadcast_to(np.eye(2), kept.shape), atol=0.03)
    family = cells.family_place[fit.problem.data.nesting.family[rows]]
    above = np.moveaxis(spreads.family[:, :, family], 2, 0) + fit.variances.model
    np.testing.assert_allclose(np.linalg.solve(above, held[1]), np.broadcast_to(np.eye(2), above.shape), atol=0.03)
    np.testing.assert_allclose(seen.mean, fit.skills[rows])


def test_joint_covariances_are_those_of_the_exact_fit(surfaces, fits):
    """Of the mean logit over benchmarks, which does not depend on the axes, at half of the cells' fill."""
    rows, moments = np.arange(0, 300, 5), []
    for surface, fit in zip(surfaces, fits, strict=True):
        both = surface.together(kin_of(fit, rows).join(kin_of(fit, rows[:20], is_new=True)))
        loading = fit.state.loadings.mean(axis=0)
        cov = np.einsum("a,mnab,b->mn", loading, both.covariances(both), loading)
        np.testing.assert_allclose(np.diag(cov), np.einsum("a,mab,b->m", loading, both.own(), loading))
        assert np.linalg.eigvalsh(cov).min() > -1e-9
        moments.append(cov)
    wanted, found = moments
    assert np.median(np.sqrt(np.diag(found) / np.diag(wanted))) == pytest.approx(1.0, abs=0.15)
    apart = np.triu_indices(len(wanted), 1)
    assert np.corrcoef(found[apart], wanted[apart])[0, 1] > 0.9


def test_what_a_new_benchmark_may_be_like_is_as_the_exact_fit_has_it(surfaces):
    dense, sparse = surfaces
    assert np.median(np.sqrt(sparse.untold() / dense.untold())) == pytest.approx(1.0, abs=0.15)
    ratio = np.sqrt(sparse.open_asymptotes() / dense.open_asymptotes())
    np.testing.assert_allclose(np.median(ratio, axis=1), 1.0, atol=0.15)
