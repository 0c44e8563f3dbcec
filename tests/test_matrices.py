"""The two sparse matrices that others published numbers on, and the cells that are asked about."""

import numpy as np
import pandas as pd
import pytest

from obslaws.backtest import backtest
from obslaws.errors import UsageError
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol
from obslaws.splits import plan

CELLS = {"epoch-cells": (179, 38, 1324, 10), "benchpress-cells": (72, 45, 3696, 6)}


def test_epoch_matrix_is_the_published_one():
    panel = load_panel("epoch-2025-11")
    assert panel.scores.shape == (179, 38) and panel.n_cells == 1324
    assert panel.models["release_date"].notna().all()
    assert float(np.nanmean(panel.scores)) == pytest.approx(0.511548, abs=1e-6)
    assert panel.provenance["licence"] == "CC BY 4.0"
    efforts = panel.models.loc[panel.models.index.str.startswith("openai/gpt-5-2025-08-07")]
    assert len(efforts) == 2 and efforts["family"].nunique() == 1


def test_benchpress_matrix_keeps_its_ratings_apart():
    panel = load_panel("benchpress-v1")
    assert panel.scores.shape == (83, 49) and panel.n_cells == 1375
    assert panel.benchmarks["unit"].value_counts().to_dict() == {"fraction": 45, "elo": 3, "points": 1}
    rated = panel.benchmarks["unit"] != "fraction"
    assert panel.scores.loc[:, ~rated].max(axis=None) <= 1
    assert panel.scores["chatbot_arena_elo@benchpress"].min() > 1000


@pytest.mark.parametrize("name", CELLS)
def test_the_folds_are_those_of_the_record(name):
    protocol = load_protocol(name)
    folds = plan(protocol, load_panel(protocol.view))
    held = pd.concat([fold.held_out.stack().dropna() for fold in folds])
    models, benchmarks = (held.index.get_level_values(level).nunique() for level in (0, 1))
    assert (models, benchmarks, len(held), len(folds)) == CELLS[name]
    assert tuple(protocol.counts.values()) == CELLS[name]


def test_halves_of_a_draw_ask_each_cell_once():
    protocol = load_protocol("benchpress-cells")
    folds = {fold.name: fold for fold in plan(protocol, load_panel(protocol.view))}
    assert list(folds) == ["1a", "1b", "2a", "2b", "3a", "3b"]
    one, two = folds["1a"].held_out, folds["1b"].held_out.reindex(folds["1a"].held_out.index)
    assert not (one.notna() & two.notna()).any(axis=None)
    counts = one.notna().sum(axis=1) + two.notna().sum(axis=1)
    assert counts.min() >= 8
    assert (one.notna().sum(axis=1) - counts / 2).abs().max() <= 0.5


def test_mean_of_the_epoch_matrix_errs_as_expected():
    # a plain loop: mean of the other folds' cells, per benchmark
    panel, errors = load_panel("epoch-2025-11"), []
    for fold in plan(load_protocol("epoch-cells"), panel):
        errors.append((fold.held_out - fold.train.scores.mean()).stack().dropna().abs())
    assert backtest("epoch-cells", forecaster="mean").summary()["mae"] == pytest.approx(100 * pd.concat(errors).mean())


def test_recorded_cells_take_no_others():
    with pytest.raises(UsageError, match="'epoch-cells' takes no table of cells"):
        backtest("epoch-cells", forecaster="mean", cells=pd.DataFrame())
