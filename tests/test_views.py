import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from obslaws import load_panel
from obslaws.errors import UnknownNameError
from obslaws.names import canonical
from obslaws.panel import COVARIATES
from obslaws.views import list_views, view_panel

EXCERPT = Path(__file__).parent / "fixtures" / "upstream"
UPSTREAM = os.environ.get("OBSLAWS_UPSTREAM")
SLOTH = {
    "MMLU": "mmlu", "ARC": "arc", "HellaSwag": "hellaswag", "Winogrande": "winogrande", "TruthfulQA": "truthfulqa",
    "GSM8K": "gsm8k", "IFEval": "ifeval", "BBH": "bbh", "MATH Lvl 5": "math_lvl5_2024", "GPQA": "gpqa", "MUSR": "musr",
    "MMLU-PRO": "mmlu_pro",
}  # fmt: skip


@pytest.fixture(scope="module", params=["core", "ruan2024", "sloth", "tott", "finetunes"])
def panel(request):
    return load_panel(request.param)


def test_the_views_are_listed():
    assert set(list_views()) >= {"core", "ruan2024", "sloth", "tott", "finetunes"}
    assert all(list_views().values())


def test_every_view_is_a_clean_panel(panel):
    assert panel.models.index.is_unique
    assert list(panel.models.columns) == list(COVARIATES)
    assert panel.models["family"].notna().all() and panel.models["base_family"].notna().all()
    values = panel.scores.to_numpy()
    assert np.nanmin(values) >= 0 and np.nanmax(values) <= 1
    assert panel.benchmarks["score_floor"].notna().all()
    counts = [left for _, left in panel.provenance["filters"]]
    assert counts == sorted(counts, reverse=True) and counts[-1] == len(panel.models)


def test_shapes():
    shapes = {name: load_panel(name).scores.shape for name in ("ruan2024", "sloth", "tott")}
    assert shapes == {"ruan2024": (148, 8), "sloth": (188, 12), "tott": (53, 21)}


def test_core_has_400_models_with_size_tokens_and_compute():
    panel = load_panel("core")
    assert panel.scores.shape[0] >= 400 and panel.scores.shape[1] == 12
    assert panel.models[["n_params", "n_active_params", "n_tokens", "train_flop"]].notna().all().all()
    assert set(panel.models["variant"]) == {"base", "chat"}
    assert (panel.models["n_active_params"] <= panel.models["n_params"] * 1.001).all()


def test_core_families_hold_one_variant_each():
    models = load_panel("core").models
    assert (models.groupby("family")["variant"].nunique() == 1).all()
    assert (models.groupby("family")["base_family"].nunique() == 1).all()
    sizes = models[models["family"] == "qwen2.5"]["n_params"]
    assert len(sizes) == 7 and sizes.is_unique


def test_core_takes_the_unquantised_run_and_no_unread_answers():
    scores = load_panel("core").scores
    assert not ((scores["gsm8k"] == 0) & (scores["mmlu"] > 0.4)).any()
    assert np.isnan(scores.loc["01-ai/Yi-1.5-9B-32K", "gsm8k"])


def test_finetunes_inherit_and_say_so():
    panel = load_panel("finetunes")
    assert len(panel.models) > 1400
    assert panel.models["base_model"].notna().mean() > 0.99
    assert not panel.scores.isna().any().any()


def check_sloth(table: pd.DataFrame) -> None:
    panel = load_panel("sloth")
    table.index = table["Model"].map(canonical)
    assert table.index.is_unique
    theirs, ours = table, panel.models.loc[table.index]
    scores = theirs[list(SLOTH)].rename(columns=SLOTH)
    np.testing.assert_allclose(panel.scores.loc[table.index, scores.columns], scores, rtol=1e-12)
    columns = {"#Params (B)": ("n_params", 1e9), "Pretraining Data Size (T)": ("n_tokens", 1e12)}
    for column, (ours_column, unit) in {**columns, "FLOPs (1E21)": ("train_flop", 1e21)}.items():
        np.testing.assert_allclose(ours[ours_column], theirs[column] * unit, rtol=1e-12)
    assert (ours["family"] == theirs["Family2"]).all()
    assert (ours["base_family"] == theirs["Family"]).all()


def test_sloth_is_the_peers_table_on_the_excerpt():
    check_sloth(pd.read_csv(EXCERPT / "sloth" / "data_v2.csv"))


@pytest.mark.skipif(UPSTREAM is None, reason="OBSLAWS_UPSTREAM names no folder with upstream copies")
def test_sloth_is_the_peers_whole_table():
    table = pd.read_csv(Path(UPSTREAM) / "sloth" / "data_v2.csv")
    check_sloth(table)
    assert len(table) == len(load_panel("sloth").models)


def test_ruan2024_keeps_the_published_labels_and_the_published_error():
    models = load_panel("ruan2024").models
    assert models.loc["meta-llama/Llama-2-7b-hf", "family"] == "Llama-2"
    assert models.loc["cerebras/btlm-3b-8k-base", "n_tokens"] == 627e12


def test_tott_joins_what_the_paper_splits():
    models = load_panel("tott").models
    assert models.loc[["meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-13b-hf"], "family"].tolist() == ["llama-2"] * 2


def test_an_unknown_view_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No view named 'slot'\. Did you mean 'sloth'"):
        view_panel("slot")
