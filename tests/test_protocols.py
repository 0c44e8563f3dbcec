import json

import pandas as pd
import pytest

from obslaws.errors import FitError, SchemaError, UnknownNameError, UsageError
from obslaws.folds import Fold
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, protocol_names, read_cells, read_groups, with_options
from obslaws.splits import plan

# rows, families, test groups, test models, cells: Maia Polo et al. (2024), as counted in their stored results
SLOTH = {
    "sloth-v1-1": (134, 41, 19, 60, 360),
    "sloth-v1-2": (96, 22, 15, 46, 276),
    "sloth-v2-1": (102, 37, 12, 37, 222),
    "sloth-v2-2": (62, 17, 9, 26, 156),
    "sloth-both-1": (74, 26, 11, 27, 324),
    "sloth-both-2": (46, 12, 7, 20, 240),
}

SPLITTING = ("date-cutoff", "compute-cutoff", "rolling-origin", "new-model", "leave-benchmark-out")
MATRICES = {"epoch-cells": (179, 38, 1324, 10), "benchpress-cells": (72, 45, 3696, 6)}


@pytest.fixture(scope="module")
def sloth():
    return load_panel("sloth")


def test_protocols_travel_with_the_package():
    named = {"leave-family-out", "cells", *SPLITTING, *MATRICES, *SLOTH}
    assert {n for n in protocol_names() if not n.startswith("ruan2024")} >= named
    for name in protocol_names():
        assert load_protocol(name).id == name


def test_unknown_protocol_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'sloth-v1-1'"):
        load_protocol("sloth_v1-1")


@pytest.mark.parametrize("name", SLOTH)
def test_sloth_settings_are_the_published_ones(sloth, name):
    protocol = load_protocol(name)
    n_rows, n_families, n_groups, n_models, n_cells = SLOTH[name]
    folds = plan(protocol, sloth)
    assert len(folds) == n_groups
    assert sum(len(fold.queries) for fold in folds) == n_models
    assert sum(int(fold.held_out.notna().to_numpy().sum()) for fold in folds) == n_cells
    assert protocol.counts == {"n_rows": n_rows, "n_families": n_families, "n_models": n_models, "n_cells": n_cells}
    for fold in folds:
        everyone = pd.concat([fold.train.models, fold.queries])
        assert len(everyone) == n_rows
        assert everyone["family"].nunique() == n_families
        assert fold.train.scores.notna().all(axis=None)
        for family, asked in fold.queries.groupby("family"):
            kept = fold.train.models[fold.train.models["family"] == family]
            assert len(kept) == protocol.n_observed
            assert kept["n_params"].max() <= asked["n_params"].min()


def test_sloth_peers_are_all_there():
    for name in SLOTH:
        protocol = load_protocol(name)
        assert len(protocol.peers) == 28
        assert protocol.best["mae_groups"] == min(p["mae_groups"] for p in protocol.peers.values())
    assert load_protocol("sloth-v1-1").best["mae_groups"] == 4.056


def test_fixed_protocols_take_no_options():
    with pytest.raises(UsageError, match=r"takes no observed.*'leave-family-out'"):
        with_options(load_protocol("sloth-v1-1"), observed=3)
    assert with_options(load_protocol("sloth-v1-1"), observed=1).n_observed == 1
    with pytest.raises(UsageError, match="observed is -1; expected 0 or more"):
        with_options(load_protocol("leave-family-out"), observed=-1)


def test_leave_family_out_keeps_the_smallest_of_each_family(small_panel):
    folds = plan(load_protocol("leave-family-out"), small_panel)
    assert [fold.name for fold in folds] == ["alpha", "beta", "delta", "gamma"]
    alpha = folds[0]
    assert set(alpha.queries["family"]) == {"alpha", "alpha-chat"}
    kept = alpha.train.models.query("base_family == 'alpha'")
    assert sorted(kept["family"]) == ["alpha", "alpha-chat"]
    assert set(kept["n_params"]) == {0.5e9}
    assert len(alpha.queries) + len(alpha.train.models) == len(small_panel.models)


def test_large_families_only_when_many_are_observed(small_panel):
    folds = plan(with_options(load_protocol("leave-family-out"), observed=3), small_panel)
    assert [fold.name for fold in folds] == ["alpha", "beta", "delta"]
    # the three chat models are no more than are observed: they stay
    assert set(folds[0].queries["family"]) == {"alpha"}
    assert (folds[0].train.models["family"] == "alpha-chat").sum() == 3


def test_a_new_family_altogether(small_panel):
    folds = plan(with_options(load_protocol("leave-family-out"), observed=0), small_panel)
    for fold in folds:
        assert not set(fold.train.models["base_family"]) & set(fold.queries["base_family"])


def test_derivatives_are_held_out_with_their_base(small_panel):
    models = small_panel.models.copy()
    models.loc["acme/Alpha-Chat-0.5B", "base_model"] = "acme/Alpha-32B"  # distilled, say: no longer innocent
    models.loc["gang/Gamma-2B", "base_model"] = "acme/Alpha-Chat-0.5B"
    panel = type(small_panel)("lineage", models, small_panel.scores, small_panel.benchmarks)
    fold = plan(load_protocol("leave-family-out"), panel)[0]
    assert "acme/Alpha-Chat-0.5B" in fold.queries.index
    # a derivative elsewhere is hidden, but its own family's fold asks for it
    assert "gang/Gamma-2B" not in fold.queries.index
    assert "gang/Gamma-2B" not in fold.train.models.index


def test_a_circle_of_base_models_ends(small_panel):
    models = small_panel.models.copy()
    models.loc["gang/Gamma-2B", "base_model"] = "gang/Gamma-9B"
    models.loc["gang/Gamma-9B", "base_model"] = "gang/Gamma-2B"
    panel = type(small_panel)("circle", models, small_panel.scores, small_panel.benchmarks)
    assert len(plan(load_protocol("leave-family-out"), panel)) == 4


def test_unknown_sizes_are_never_the_smallest(small_panel):
    models = small_panel.models.copy()
    models.loc["bee/Beta-1B", "n_params"] = float("nan")
    panel = type(small_panel)("unsized", models, small_panel.scores, small_panel.benchmarks)
    fold = plan(load_protocol("leave-family-out"), panel)[1]
    assert "bee/Beta-1B" in fold.queries.index
    assert "bee/Beta-7B" in fold.train.models.index


def test_groups_from_files(tmp_path, small_panel):
    (tmp_path / "groups.csv").write_text("group,family\none,alpha\ntwo,beta\none,delta\n")
    (tmp_path / "groups.json").write_text(json.dumps([["alpha", "delta"], ["beta"]]))
    assert read_groups(tmp_path / "groups.csv") == {"one": ("alpha", "delta"), "two": ("beta",)}
    groups = read_groups(tmp_path / "groups.json")
    assert groups == {"alpha": ("alpha", "delta"), "beta": ("beta",)}
    folds = plan(with_options(load_protocol("leave-family-out"), groups=groups), small_panel)
    assert [fold.name for fold in folds] == ["alpha", "beta"]
    assert set(folds[0].queries["family"]) == {"alpha", "delta"}
    with pytest.raises(UnknownNameError, match=r"No family named 'betta'\. Did you mean 'beta'"):
        plan(with_options(load_protocol("leave-family-out"), groups={"x": ("betta",)}), small_panel)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("g.csv", "group,fam\na,b\n", "g.csv: no column 'family'; found group, fam"),
        ("g.csv", "group,family\na,b\nc,b\n", r"more than one place: \['b'\]"),
        ("g.csv", "group,family\na,\n", "row 2, column 'family': empty"),
        ("g.csv", "", "g.csv: empty file"),
        ("g.json", '{"a": 1}', "JSON list of lists of families; found dict"),
        ("g.json", "[[", "not JSON"),
    ],
)
def test_bad_groups_say_what_is_wrong(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(SchemaError, match=words):
        read_groups(tmp_path / name)


def test_missing_file_says_so(tmp_path):
    with pytest.raises(SchemaError, match="no such file; expected a CSV with columns fold, model, benchmark"):
        read_cells(tmp_path / "none.csv")


def test_cells_hide_what_the_file_names_and_nothing_else(tmp_path, small_panel):
    path = tmp_path / "cells.csv"
    path.write_text("fold,model,benchmark\n1,bee/Beta-7B,mmlu\n1,bee/Beta-7B,gsm8k\n0,acme/Alpha-7B,mmlu\n")
    folds = plan(load_protocol("cells"), small_panel, cells=read_cells(path))
    assert [fold.name for fold in folds] == ["1", "0"]
    first = folds[0]
    assert first.train.n_cells == small_panel.n_cells - 2
    assert len(first.train.models) == len(small_panel.models)
    assert first.held_out.notna().sum().to_dict() == {"mmlu": 1, "gsm8k": 1, "hellaswag": 0}
    only = plan(load_protocol("cells"), small_panel, ["gsm8k"], read_cells(path))
    assert [list(fold.held_out.columns) for fold in only] == [["gsm8k"]]


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ("0,bee/Beta-8B,mmlu", UnknownNameError, "No model named 'bee/Beta-8B'. Did you mean"),
        ("0,bee/Beta-7B,mmul", UnknownNameError, "No benchmark named 'mmul'. Did you mean 'mmlu'"),
        ("0,bee/Beta-65B,gsm8k", SchemaError, "no score of bee/Beta-65B on gsm8k"),
        ("0,bee/Beta-7B,mmlu\n1,bee/Beta-7B,mmlu", SchemaError, "row 3: bee/Beta-7B on mmlu is held out a second time"),
    ],
)
def test_bad_cells_say_what_is_wrong(tmp_path, small_panel, row, error, words):
    path = tmp_path / "cells.csv"
    path.write_text(f"fold,model,benchmark\n{row}\n")
    with pytest.raises(error, match=words):
        plan(load_protocol("cells"), small_panel, cells=read_cells(path))


def test_cells_and_families_are_not_mixed_up(small_panel):
    with pytest.raises(UsageError, match="'cells' needs a table of cells"):
        plan(load_protocol("cells"), small_panel)
    with pytest.raises(UsageError, match="'leave-family-out' takes no table of cells"):
        plan(load_protocol("leave-family-out"), small_panel, cells=pd.DataFrame())


def test_a_leak_is_refused(small_panel):
    rows = small_panel.models.iloc[:2]
    with pytest.raises(
        FitError, match=r"Fold 'leaky': 6 held-out scores are in its training panel, first acme/Alpha-0\.5B on mmlu"
    ):
        Fold("leaky", small_panel, rows, small_panel.scores.iloc[:2]).check()


def test_nothing_to_hold_out_or_to_train_on(small_panel):
    with pytest.raises(UsageError, match=r"no family of panel 'small.*' has more than 9 models"):
        plan(with_options(load_protocol("leave-family-out"), observed=9), small_panel)
    alone = small_panel.select((small_panel.models["family"] == "beta").to_numpy())
    assert len(plan(load_protocol("leave-family-out"), alone)) == 1
    with pytest.raises(FitError, match="leaves no score to train on"):
        plan(with_options(load_protocol("leave-family-out"), observed=0), alone)
