import numpy as np
import pandas as pd
import pytest

from obslaws.downstream.default import default_recipe
from obslaws.downstream.law import SigmoidLaw, fit_exact
from obslaws.downstream.predictors import Components
from obslaws.errors import FitError


def table(weights, n=60, noise=0.01, seed=0):
    """Models with three capabilities behind six benchmarks, and a score that follows from `weights` of them."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, 3))
    skill = np.linalg.qr(drawn - drawn.mean(axis=0))[0] * np.sqrt(n) * [0.3, 0.15, 0.08]  # the components themselves
    loadings = np.linalg.qr(rng.normal(size=(6, 3)))[0]
    scores = pd.DataFrame(0.5 + skill @ loadings.T, columns=list("abcdef"))
    models = pd.DataFrame({"train_flop": np.exp(50 + skill[:, 0])}, index=scores.index)
    share = 1 / (1 + np.exp(1 - skill @ np.asarray(weights))) + noise * rng.normal(size=n)
    return models, scores, share


@pytest.mark.parametrize(("weights", "n_components"), [((5, 0, 0), 1), ((5, 8, 0), 2), ((5, 8, 12), 3)])
def test_components_that_matter_are_taken_and_others_mostly_left(weights, n_components):
    taken = [default_recipe(None, *table(weights, seed=s), calibrate=False).name for s in range(8)]
    assert min(taken) == f"pc{n_components}"
    assert taken.count(f"pc{n_components}") >= 5  # a needless component passes in one of six, where chance decides


def test_choice_against_a_plain_loop():
    models, scores, share = table((5, 2, 1), noise=0.03)
    recipe = default_recipe(None, models, scores, share, calibrate=False)
    for k in (1, 2, 3):
        x = Components(k, "ruan2024").fit(models, scores).transform(models, scores)
        mse = fit_exact(x, share, SigmoidLaw()).mse
        assert recipe.choice["akaike"][f"pc{k}"] == pytest.approx(len(share) * np.log(mse) + 2 * (k + 2))
    assert recipe.name == min(recipe.choice["akaike"], key=recipe.choice["akaike"].get)


def test_a_predictor_that_is_named_is_taken():
    recipe = default_recipe("pc3", *table((5, 0, 0)), calibrate=False)
    assert recipe.name == "pc3"
    assert "akaike" not in recipe.choice


def test_few_models_get_few_components_and_too_few_none():
    assert default_recipe(None, *table((5, 8, 12), n=4)).name in ("pc1", "pc2")
    with pytest.raises(FitError, match="2 training models and 6 benchmarks cannot carry a law"):
        default_recipe(None, *(part[:2] for part in table((5, 0, 0))))
