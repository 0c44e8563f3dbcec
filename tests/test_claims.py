import pandas as pd
import pytest

from obslaws.claims import resolve_models


def facts(*rows):
    columns = ["model", "attribute", "value", "basis", "source", "document"]
    return pd.DataFrame([(*row, None) for row in rows], columns=columns).astype("str")


def resolve(*rows, models=None):
    table = facts(*rows)
    return resolve_models(table, models or sorted(set(table["model"]))).set_index("model")


BASE = [
    ("meta-llama/Llama-3.1-8B", "n_params", "8030000000", "reported", "base-families"),
    ("meta-llama/Llama-3.1-8B", "n_tokens", "15000000000000", "reported", "base-families"),
    ("meta-llama/Llama-3.1-8B", "release_date", "2024-07-23", "reported", "base-families"),
]


def test_the_documented_claim_wins_over_papers():
    made = resolve(*BASE, ("meta-llama/Llama-3.1-8B", "n_tokens", "9000000000000", "reported", "sloth"))
    row = made.loc["meta-llama/Llama-3.1-8B"]
    assert (row["n_tokens"], row["n_tokens_source"], row["n_tokens_basis"]) == (15e12, "base-families", "reported")


def test_compute_is_six_n_d_with_the_active_size():
    row = resolve(*BASE).loc["meta-llama/Llama-3.1-8B"]
    assert row["train_flop"] == pytest.approx(6 * 8.03e9 * 15e12)
    assert row["flop_basis"] == "formula"


def test_a_fine_tune_finds_its_bases_tokens_through_a_chain_and_a_mirror():
    made = resolve(
        *BASE,
        ("a/Tuned-8B", "base_model", "unsloth/Meta-Llama-3.1-8B-bnb-4bit", "reported", "open-llm-v2"),
        ("a/Tuned-8B", "kind", "fine-tune", "reported", "open-llm-v2"),
        ("b/Again-8B", "base_model", "a/Tuned-8B", "reported", "open-llm-v2"),
        ("b/Again-8B", "kind", "fine-tune", "reported", "open-llm-v2"),
    )
    row = made.loc["b/Again-8B"]
    assert (row["n_tokens"], row["n_tokens_basis"], row["base_family"]) == (15e12, "base_model", "llama-3.1")
    assert made.loc["a/Tuned-8B", "base_model"] == "meta-llama/Llama-3.1-8B"


def test_official_chat_models_inherit_size_tokens_and_date():
    made = resolve(*BASE, ("meta-llama/Llama-3.1-8B-Instruct", "kind", "chat", "reported", "open-llm-v2"))
    row = made.loc["meta-llama/Llama-3.1-8B-Instruct"]
    assert row["base_model"] == "meta-llama/Llama-3.1-8B"
    assert (row["n_params"], row["n_tokens"], str(row["release_date"])) == (8.03e9, 15e12, "2024-07-23")
    assert row["variant"] == "chat" and row["is_official"]


def test_a_merge_of_unrelated_bases_inherits_nothing():
    made = resolve(
        *BASE,
        ("Qwen/Qwen2.5-7B", "n_tokens", "18000000000000", "reported", "base-families"),
        ("a/Mixed-8B", "kind", "merge", "reported", "open-llm-v2"),
        ("a/Mixed-8B", "base_model", "meta-llama/Llama-3.1-8B", "reported", "hub"),
        ("a/Mixed-8B", "base_model", "Qwen/Qwen2.5-7B", "reported", "hub"),
    )
    assert made.loc["a/Mixed-8B", "variant"] == "merge"
    assert pd.isna(made.loc["a/Mixed-8B", "n_tokens"])


def test_a_circle_of_parents_ends():
    made = resolve(
        ("a/One", "base_model", "a/Two", "reported", "hub"), ("a/Two", "base_model", "a/One", "reported", "hub")
    )
    assert made["n_tokens"].isna().all()


def test_packed_weights_do_not_shrink_a_model():
    made = resolve(
        *BASE,
        ("a/Tuned-8B", "n_params", "4015000000", "measured", "open-llm-v2"),
        ("a/Tuned-8B", "base_model", "meta-llama/Llama-3.1-8B", "reported", "open-llm-v2"),
        ("a/Tuned-8B", "kind", "fine-tune", "reported", "open-llm-v2"),
    )
    assert made.loc["a/Tuned-8B", "n_params"] == 8.03e9


def test_a_child_of_another_size_inherits_no_tokens():
    made = resolve(
        *BASE,
        ("a/Tuned-70B", "n_params", "70554000000", "measured", "open-llm-v2"),
        ("a/Tuned-70B", "base_model", "meta-llama/Llama-3.1-8B", "reported", "hub"),
        ("a/Tuned-70B", "kind", "fine-tune", "reported", "open-llm-v2"),
    )
    assert pd.isna(made.loc["a/Tuned-70B", "n_tokens"])


def test_refuted_claims_never_win():
    made = resolve(("cerebras/btlm-3b-8k-base", "n_tokens", "627000000000000", "reported", "obsscaling"))
    assert pd.isna(made.loc["cerebras/btlm-3b-8k-base", "n_tokens"])


def test_experts_without_a_stated_active_size_have_no_compute():
    made = resolve(
        ("a/Big-8x7B", "n_params", "46700000000", "measured", "open-llm-v2"),
        ("a/Big-8x7B", "n_tokens", "1000000000000", "reported", "sloth"),
    )
    row = made.loc["a/Big-8x7B"]
    assert row["is_moe"] and pd.isna(row["n_active_params"]) and pd.isna(row["train_flop"])


def test_a_checkpoint_states_its_tokens():
    name = "TinyLlama/TinyLlama-1.1B-intermediate-step-480k-1T"
    row = resolve((name, "kind", "pretrained", "reported", "open-llm-v1")).loc[name]
    assert (row["n_tokens"], row["n_tokens_basis"]) == (1e12, "name")
