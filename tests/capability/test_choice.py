"""Number of capabilities: found again on simulated tables, by forecasts that never see what they forecast."""

import numpy as np
import pandas as pd
import pytest

from obslaws.capability.choice import CAPABILITY_MODELS, cell_folds, choose_n_components
from obslaws.errors import UnknownNameError, UsageError


def simulated(n_factors, seed=0, n=100, width=8):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(width, n_factors))
    table = rng.normal(size=(n, n_factors)) @ loadings.T + 0.4 * rng.normal(size=(n, width))
    table[rng.random(table.shape) < 0.1] = np.nan
    return pd.DataFrame(0.5 + 0.05 * table)


@pytest.mark.parametrize("model", CAPABILITY_MODELS)
@pytest.mark.parametrize("truth", [1, 3])
def test_truth_comes_back(model, truth):
    found = choose_n_components(simulated(truth), model, n_folds=4)
    assert found.n_components == truth
    assert found.table.set_index("n_components").loc[found.n_best, "worse"] == 0
    assert list(found.table["n_components"]) == list(range(1, 8 if model == "pca" else 5))


def test_no_model_loses_all_its_scores_to_one_fold():
    observed = np.random.default_rng(0).random((200, 6)) < 0.5
    folds = cell_folds(observed, 5, 0)
    assert ((folds >= 0) == observed).all()
    for row in folds[observed.sum(axis=1) > 1]:
        assert len(set(row[row >= 0])) > 1
    sizes = np.bincount(folds[observed])
    assert sizes.min() > 0.7 * sizes.mean()


def test_the_forecast_of_a_hidden_cell_does_not_see_it():
    scores = simulated(2)
    folds = cell_folds(scores.notna().to_numpy(), 10, 0)
    seen = scores.mask(folds == 0)
    changed = scores.where(folds != 0, 0.9).mask(folds == 0)
    fit = CAPABILITY_MODELS["pca"](2).fit
    pd.testing.assert_frame_equal(fit(seen).fill(seen), fit(changed).fill(changed))


def test_progress_and_errors():
    done = []
    choose_n_components(simulated(1, n=30), numbers=[1, 2], n_folds=2, progress=lambda *at: done.append(at))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(UnknownNameError, match="Did you mean 'factor'"):
        choose_n_components(simulated(1, n=30), "factors")
    with pytest.raises(UsageError, match="expected some from 1 to 7"):
        choose_n_components(simulated(1, n=30), numbers=[3, 9])
    with pytest.raises(UsageError, match="n_folds is 1"):
        choose_n_components(simulated(1, n=30), n_folds=1)
