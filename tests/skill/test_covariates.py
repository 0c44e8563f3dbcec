"""What is unknown of a model becomes an expectation with a covariance: against the dense normal conditional."""

import numpy as np
import pandas as pd
import pytest

from obslaws.skill.covariates import CovariateScale, Siblings, raw_covariates


@pytest.fixture
def raw():
    rng = np.random.default_rng(2)
    size = rng.normal(23, 2, 300)
    tokens = 0.6 * (size - 23) + rng.normal(28, 1, 300)
    sparsity, chat = np.where(rng.random(300) < 0.2, 1.4, 0.0), (rng.random(300) < 0.4).astype(float)
    return np.column_stack([size, tokens, sparsity, chat])


def conditional(z, cov):
    """Textbook formula for one row."""
    u = np.isnan(z)
    mean, spread = np.where(u, 0.0, z), np.zeros((len(z), len(z)))
    gain = cov[np.ix_(u, ~u)] @ np.linalg.inv(cov[np.ix_(~u, ~u)])
    mean[u] = gain @ z[~u]
    spread[np.ix_(u, u)] = cov[np.ix_(u, u)] - gain @ cov[np.ix_(~u, u)]
    return mean, spread


def test_known_covariates_are_standardised(raw):
    scale = CovariateScale.learn(raw)
    mean, cov = scale.apply(raw)
    assert not cov.any()
    np.testing.assert_allclose(mean.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(mean.std(axis=0), 1, atol=1e-10)
    centred = mean[:, 0] * mean[:, 1]
    np.testing.assert_allclose(mean[:, 4], (centred - centred.mean()) / centred.std(), atol=1e-10)


@pytest.mark.parametrize("gaps", [[0], [1], [0, 1], [1, 3], [0, 1, 2], [0, 1, 2, 3]])
def test_unknown_covariates_follow_the_normal_conditional(raw, gaps):
    scale = CovariateScale.learn(raw)
    rows = raw[:7].copy()
    rows[:, gaps] = np.nan
    mean, cov = scale.apply(rows)
    for i, row in enumerate((rows - scale.centre) / scale.scale):
        wanted_mean, wanted_cov = conditional(row, scale.cov)
        np.testing.assert_allclose(mean[i, :4], wanted_mean, atol=1e-10)
        np.testing.assert_allclose(cov[i, :4, :4], wanted_cov, atol=1e-10)
        # E[ab] = E[a]E[b] + cov(a, b) holds exactly; its variance is that of the delta method
        product = wanted_mean[0] * wanted_mean[1] + wanted_cov[0, 1]
        np.testing.assert_allclose(mean[i, 4], (product - scale.product_centre) / scale.product_scale, atol=1e-10)
        slope = np.r_[wanted_mean[1], wanted_mean[0], 0.0, 0.0] / scale.product_scale
        np.testing.assert_allclose(cov[i, 4, 4], slope @ wanted_cov @ slope, atol=1e-10)
        np.testing.assert_allclose(cov[i, :4, 4], wanted_cov @ slope, atol=1e-10)


def test_dependence_is_learned_from_partly_known_rows(raw):
    holes = raw.copy()
    rng = np.random.default_rng(3)
    holes[rng.random(300) < 0.3, 1] = np.nan
    complete, partial = CovariateScale.learn(raw).cov, CovariateScale.learn(holes).cov
    # 300 rows, 90 of them without tokens: four standard errors of a correlation on the rest
    np.testing.assert_allclose(partial, complete, atol=4 / np.sqrt(210))


def test_rows_do_not_touch_each_other(raw):
    scale = CovariateScale.learn(raw)
    rows = raw[:20].copy()
    rows[::3, 0] = rows[::4, 1] = np.nan
    together = scale.apply(rows)
    alone = [scale.apply(rows[[i]]) for i in range(20)]
    np.testing.assert_allclose(together[0], np.concatenate([mean for mean, _ in alone]), atol=1e-12)
    np.testing.assert_allclose(together[1], np.concatenate([cov for _, cov in alone]), atol=1e-12)


def test_what_does_not_vary_carries_no_slope(raw):
    raw[:, 2] = 0.0
    scale = CovariateScale.learn(raw)
    assert list(scale.used) == [True, True, False, True, True]
    assert scale.apply(raw)[0].shape == (300, scale.n_covariates)


def test_raw_covariates_of_a_panel():
    models = pd.DataFrame(
        {
            "n_params": [8e9, np.nan, 47e9],
            "n_active_params": [8e9, np.nan, 13e9],
            "n_tokens": [15e12, np.nan, np.nan],
            "variant": ["base", "unknown", "chat"],
            "release_date": pd.to_datetime(["2024-01-01", None, "2023-01-01"]),
            "family": ["a", "a", "b"],
            "base_family": ["a", "a", "b"],
        }
    )
    raw = raw_covariates(models, Siblings({"a": 2e9}, {"a": 2e9}, 0.4))
    np.testing.assert_allclose(raw[0], [np.log(8e9), np.log(15e12), 0, 0, 365 / 365.25, 0.25, 0, 0, 0])
    assert np.isnan(raw[1, :6]).all()
    np.testing.assert_allclose(raw[2], [np.log(13e9), np.nan, np.log(47 / 13), 1, 0, 0.4, 0, 0, 0])
    alone = raw_covariates(models)
    np.testing.assert_array_equal(alone[:, :5], raw[:, :5])
    assert np.isnan(alone[:, 5]).all(), "without training models nothing is known of siblings"


def sizes(*rows):
    return pd.DataFrame(rows, columns=["family", "base_family", "n_active_params"])


@pytest.fixture
def siblings():
    return Siblings.learn(
        sizes(
            ("a", "a", 8e9), ("a", "a", 2e9), ("a", "a", np.nan), ("a-chat", "a", 4e9), ("a-chat", "a", 16e9),
            ("b", "b", 7e9), ("c", "c", np.nan),
        )
    )  # fmt: skip


def test_smallest_siblings_are_learned(siblings):
    assert siblings.family == {"a": 2e9, "a-chat": 4e9, "b": 7e9}
    assert siblings.base == {"a": 2e9, "b": 7e9}
    # families of several sizes alone: shares 1/4 and 1, 1/4 and 1; a single model would be its own smallest sibling
    assert siblings.usual == pytest.approx((0.25 + 1 + 1 + 0.25) / 4)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (("a", "a", 8e9), 0.25),
        (("a-chat", "a", 8e9), 0.5),
        (("a-math", "a", 8e9), 0.25),
        (("a", "a", 2e9), 1.0),
        (("a", "a", 0.5e9), 1.0),
        (("a-math", "a", 1e9), 1.0),
        (("z", "z", 8e9), 0.625),
        (("c", "c", 8e9), 0.625),
        (("b", "b", 70e9), 0.1),
        (("a", "a", np.nan), np.nan),
        (("z", "z", np.nan), np.nan),
    ],
    ids=[
        "family", "its own, not that of the base family", "base family where the family is new", "smallest",
        "smaller than the smallest", "smaller than that of the base family", "nothing known", "no size of it known",
        "a family of one size", "unknown size", "nothing known, unknown size",
    ],
)  # fmt: skip
def test_share_of_the_smallest_sibling(siblings, row, wanted):
    np.testing.assert_allclose(siblings.share(sizes(row)), [wanted])


def test_without_families_of_several_sizes_nothing_is_usual():
    alone = Siblings.learn(sizes(("a", "a", 8e9), ("b", "b", 2e9), ("b", "b", 2e9)))
    assert np.isnan(alone.usual)
    np.testing.assert_array_equal(alone.share(sizes(("b", "b", 4e9), ("z", "z", 4e9))), [0.5, np.nan])
