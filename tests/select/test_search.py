"""Search over sets: against a plain loop over all of them, bounds that hold, and the paper's objectives."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import UnknownNameError, UsageError
from obslaws.panel import load_panel
from obslaws.select.design import CRITERIA, make_design
from obslaws.select.enumeration import best_per_cost, best_set
from obslaws.select.exchange import exchange
from obslaws.select.relaxation import relax
from obslaws.select.search import search

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "select_ruan2024.json").read_text())


def problem(n_units=9, k=3, criterion="V", seed=0, flop=False, require=()):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, n_units)
    units = np.repeat(np.arange(n_units), sizes)
    s = rng.normal(size=(len(units), k)) * np.array([3.0, 1.0, 0.3, 0.2])[:k]
    cost = 10.0 ** rng.uniform(20, 24, len(units)) if flop else np.ones(len(units))
    return make_design(s, units, cost, criterion, np.isin(np.arange(n_units), require)), s, units, cost


def slow_loss(s, rows, criterion):
    """The textbook's formulas, one set at a time."""
    centred = s - s.mean(axis=0)
    information = centred[rows].T @ centred[rows]
    if criterion == "D":
        return -np.log(np.linalg.det(information))
    inverse = np.linalg.inv(information)
    if criterion == "I":
        low, high = centred.min(axis=0), centred.max(axis=0)
        inside = np.random.default_rng(0).uniform(low, high, size=(400_000, s.shape[1]))
        return float(np.einsum("ni,ij,nj->n", inside, inverse, inside).mean())
    return float(np.trace((centred.T @ centred if criterion == "V" else np.eye(s.shape[1])) @ inverse))


def slow_best(design, s, units, cost, budget, criterion):
    best = np.inf
    required = tuple(np.flatnonzero(design.is_required))
    free = np.flatnonzero(~design.is_required)
    for size in range(len(free) + 1):
        for extra in combinations(free, size):
            rows = np.isin(units, [*required, *extra])
            if cost[rows].sum() <= budget * (1 + 1e-12) and rows.sum() >= s.shape[1]:
                best = min(best, slow_loss(s, rows, criterion))
    return best


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_criteria_are_those_of_the_textbook(criterion, k):
    design, s, units, _ = problem(k=k, criterion=criterion)
    chosen = np.zeros(len(design.cost), dtype=bool)
    chosen[[0, 2, 3, 5, 7]] = True
    expected = slow_loss(s, chosen[units], criterion)
    # the box is drawn from 400,000 times: four standard errors are below one per cent
    assert design.exact_loss(chosen) == pytest.approx(expected, rel=0.01 if criterion == "I" else 1e-9)
    quick = design.loss(design.information[chosen].sum(axis=0)[None])
    assert quick[0] == pytest.approx(design.exact_loss(chosen), rel=1e-9)


@pytest.mark.parametrize("criterion", ["V", "A", "D"])
@pytest.mark.parametrize(("flop", "budget"), [(False, 7), (False, 12), (True, 1.5e24)])
@pytest.mark.parametrize("require", [(), (4,)])
def test_enumeration_is_the_plain_loop(criterion, flop, budget, require):
    design, s, units, cost = problem(8, criterion=criterion, flop=flop, require=require, seed=3)
    expected = slow_best(design, s, units, cost, budget, criterion)
    found = best_set(design, budget)
    assert found.loss == pytest.approx(expected, rel=1e-9)
    assert design.exact_loss(found.chosen) == pytest.approx(expected, rel=1e-9)
    assert design.cost[found.chosen].sum() <= budget * (1 + 1e-9)
    assert found.chosen[list(require)].all()


def test_one_pass_gives_the_best_of_every_budget():
    design, *_ = problem(15, seed=1)
    per_cost = best_per_cost(design, 20)
    for budget in (3, 6, 13, 20):
        best = min(one.loss for cost, one in per_cost.items() if cost <= budget)
        assert best == pytest.approx(best_set(design, budget).loss, rel=1e-12)
    for cost, one in per_cost.items():
        assert design.n_models[one.chosen].sum() == cost


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(("flop", "budget"), [(False, 6), (False, 15), (True, 3e23), (True, 5e24)])
@pytest.mark.parametrize("seed", [0, 1])
def test_branch_and_bound_is_the_enumeration(criterion, flop, budget, seed):
    design, *_ = problem(18, criterion=criterion, flop=flop, seed=seed)
    exact, found = best_set(design, budget), search(design, budget)
    assert found.is_exact
    assert found.method == "branch and bound"
    assert found.loss == pytest.approx(exact.loss, rel=1e-8)
    nobody = np.zeros(18, dtype=bool)
    relaxed = relax(design, budget, design.is_required, nobody)
    assert relaxed.bound <= exact.loss + 1e-9 * abs(exact.loss)
    # what the penalties say holds for every unit: deciding it otherwise costs at least so much
    for unit in range(0, 18, 3):
        one = np.arange(18) == unit
        if relaxed.penalty[unit] < 0:
            other = best_set(design, budget, ~one).loss
        elif np.isfinite(relaxed.penalty[unit]):
            other = best_set(make_required(design, one), budget).loss
        else:
            continue
        assert other >= relaxed.bound + abs(relaxed.penalty[unit]) - 1e-7 * abs(exact.loss)


def make_required(design, more):
    return type(design)(design.criterion, design.information, design.cost, design.n_models, design.is_required | more)


def test_exchange_keeps_budget_and_requirements_and_its_bound_holds():
    design, *_ = problem(60, seed=5, require=(7,))
    chosen, loss = exchange(design, 20, np.ones(60), n_starts=3)
    assert design.cost[chosen].sum() <= 20
    assert chosen[7]
    found = search(design, 20, max_nodes=0)
    assert found.bound <= search(design, 20).loss <= found.loss <= loss * (1 + 1e-9)
    assert found.method == "exchange" or found.is_exact


@pytest.fixture(scope="module")
def pools():
    panel = load_panel("ruan2024-pool")
    models = panel.models
    return {
        "all_sizes": (panel, ["Llama-2"]),
        "at_most_7b": (panel.select((models["n_params"] <= 7e9).to_numpy()), ["Llama-2"]),
        "at_most_84e21_flop": (
            panel.select((models["train_flop"].le(8.4e22) & panel.scores.notna().all(axis=1)).to_numpy()),
            [],
        ),
    }


@pytest.mark.parametrize("setting", ["all_sizes", "at_most_7b", "at_most_84e21_flop"])
def test_golden_objectives_of_the_paper(pools, setting):
    """Section 5, table 1: the notebooks' objectives with their cap of ten families, and better ones without it."""
    panel, require = pools[setting]
    s = CapabilityPCA(missing="ruan2024").fit_transform(panel.scores).to_numpy()
    names, units = np.unique(panel.models["family"], return_inverse=True)
    design = make_design(s, units, np.ones(len(s)), "V", np.isin(names, require))
    per_cost = best_per_cost(design, 36)
    for budget, golden in GOLDEN["any_number"][setting].items():
        best = min((one for cost, one in per_cost.items() if cost <= int(budget)), key=lambda one: one.loss)
        found = search(design, int(budget))
        assert found.is_exact
        for loss, chosen in ((best.loss, best.chosen), (found.loss, found.chosen)):
            assert -loss == pytest.approx(golden["objective"], rel=5e-6)  # six digits
            assert set(names[chosen]) == set(golden["families"])
        capped = GOLDEN["at_most_10_families"][setting][budget]
        assert -best.loss >= capped["objective"] * (1 + 5e-6)
        if len(golden["families"]) <= 10:
            assert set(capped["families"]) == set(golden["families"])


def test_what_cannot_be_met():
    design, *_ = problem(9, require=(0, 1, 2))
    with pytest.raises(UsageError, match="the required units cost"):
        search(design, 1)
    with pytest.raises(UsageError, match="tells 3 capabilities apart"):
        search(problem(9)[0], 2)
    with pytest.raises(UsageError, match="tells 3 capabilities apart"):
        search(problem(30)[0], 2)
    with pytest.raises(UnknownNameError, match="criterion"):
        problem(criterion="G")
    flat = np.zeros((6, 2))
    flat[:, 0] = np.arange(6)
    with pytest.raises(UsageError, match="do not spread along all of their 2 capabilities"):
        make_design(flat, np.arange(6), np.ones(6))
