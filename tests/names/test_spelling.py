import pandas as pd
import pytest

from obslaws.names import canonical, hand_table, refuted_claims
from obslaws.schema import ATTRIBUTES
from obslaws.sources import SOURCES


@pytest.mark.parametrize(
    ("raw", "model"),
    [
        ("llama-2-7b", "meta-llama/Llama-2-7b-hf"),
        ("Meta-Llama/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("psmathur/orca_mini_3b", "pankajmathur/orca_mini_3b"),
        ("gpt2-xl", "openai-community/gpt2-xl"),
        ("qwen-1.5-7b", "Qwen/Qwen1.5-7B"),
        ("Qwen2.5-Coder (7B)", "Qwen/Qwen2.5-Coder-7B"),
        ("somebody/Something-7B", "somebody/Something-7B"),
        ("nobody knows", "nobody knows"),
    ],
)
def test_canonical(raw, model):
    assert canonical(raw) == model


def test_every_spelling_stands_once_and_leads_to_an_id():
    table = hand_table("models")
    assert table["raw"].str.lower().is_unique
    assert table["model"].str.fullmatch(r"[^/\s]+/[^/\s]+").all()
    assert table[["rule", "why"]].notna().all().all()


def test_no_chains():
    table = hand_table("models")
    ends = table["model"].map(canonical)
    assert (ends == table["model"]).all()


def test_opt_1_3b_is_not_13b():
    assert canonical("opt-1.3b") != canonical("opt-13b")


def test_refuted_claims_name_known_sources_and_attributes():
    table = refuted_claims()
    assert set(table["source"]) <= set(SOURCES)
    assert set(table["attribute"]) <= set(ATTRIBUTES)
    assert table["why"].notna().all()
    assert (table["model"].map(canonical) == table["model"]).all()


def test_base_families_are_canonical_with_documents():
    table = hand_table("base_families")
    assert table["model"].map(canonical).is_unique or table["model"].is_unique
    known = table[["n_params", "n_tokens"]].notna().any(axis=1)
    assert table.loc[known, "document_address"].str.startswith("http").all()
    assert pd.to_numeric(table["n_tokens"].dropna()).between(1e8, 1e14).all()
