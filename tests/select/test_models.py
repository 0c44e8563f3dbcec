"""Subsets of models: names, budgets, requirements."""

import numpy as np
import pytest

from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import UnknownNameError, UsageError
from obslaws.panel import load_panel
from obslaws.select.models import select_models


@pytest.fixture(scope="module")
def panel():
    return load_panel("ruan2024-pool")


@pytest.fixture(scope="module")
def placed(panel):
    return CapabilityPCA(missing="ruan2024").fit_transform(panel.scores)


def test_families_come_whole(panel, placed):
    found = select_models(placed, panel.models, budget=20, require=["llama-2"])
    assert "Llama-2" in found.units
    sizes = panel.models["family"].value_counts()
    assert len(found.models) == sizes[list(found.units)].sum() <= 20
    assert set(found.models["family"]) == set(found.units)
    assert found.is_exact
    assert found.gap == 0
    assert -found.objective == pytest.approx(-10.2531, abs=5e-5)  # table 1 of the paper, by the authors' notebook


def test_single_models_tell_more_than_families(panel, placed):
    by_family, by_model = (select_models(placed, panel.models, budget=12, unit=unit) for unit in ("family", "model"))
    assert by_model.is_exact
    assert len(by_model.models) == 12
    assert by_model.objective < by_family.objective
    assert by_family.efficiency < by_model.efficiency < 1


@pytest.mark.parametrize("criterion", ["V", "A", "D", "I"])
def test_each_criterion_is_best_at_its_own(panel, placed, criterion):
    mine = select_models(placed, panel.models, budget=10, unit="model", criterion=criterion)
    every = select_models(placed, panel.models, budget=77, unit="model", criterion=criterion)
    assert every.efficiency == pytest.approx(1.0)
    assert 0 < mine.efficiency < 1
    for other in "VADI":
        theirs = select_models(placed, panel.models, budget=10, unit="model", criterion=other)
        again = select_models(
            placed, panel.models, budget=10, unit="model", criterion=criterion, require=theirs.models.index
        )
        assert mine.objective <= again.objective * (1 + 1e-9) + 1e-12


def test_a_budget_of_compute(panel, placed):
    found = select_models(placed, panel.models, budget_flop=1e24, unit="model")
    assert found.cost == found.models["train_flop"].sum() <= 1e24
    assert found.n_left_out == 2
    assert found.is_exact


def test_excluded_models_are_no_candidates(panel, placed):
    found = select_models(placed, panel.models, budget=12, exclude=["phi", "facebook/opt-66b"])
    assert found.n_candidates == 77 - 3
    assert "Phi" not in found.units
    if "OPT" in found.units:
        assert len(found.models[found.models["family"] == "OPT"]) == 7


def test_the_basis_of_capabilities_does_not_matter(panel, placed):
    mixed = placed @ np.array([[1.0, 0.4, 0.0], [0.0, 3.0, 0.2], [0.1, 0.0, 0.5]])
    for criterion in ("V", "D"):
        one, two = (select_models(c, panel.models, budget=16, criterion=criterion) for c in (placed, mixed))
        assert one.units == two.units


def test_errors(panel, placed):
    with pytest.raises(UsageError, match="give one budget"):
        select_models(placed, panel.models)
    with pytest.raises(UsageError, match="give one budget"):
        select_models(placed, panel.models, budget=8, budget_flop=1e24)
    with pytest.raises(UsageError, match="unit is 'org'"):
        select_models(placed, panel.models, budget=8, unit="org")
    with pytest.raises(UnknownNameError, match=r"No candidate family or model to require named 'lama-2'. Did you mean"):
        select_models(placed, panel.models, budget=8, require=["lama-2"])
    with pytest.raises(UnknownNameError, match="to require named 'phi'"):
        select_models(placed, panel.models, budget=8, require=["phi"], exclude=["Phi"])
    with pytest.raises(UsageError, match="0 candidates are left of 2"):
        select_models(placed.head(2), panel.models, budget=8, exclude=panel.models["family"][placed.index[:2]])
