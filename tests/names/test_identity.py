import pandas as pd
import pytest

from obslaws.names import hand_table, model_id, model_ids, split_effort


@pytest.mark.parametrize(
    ("raw", "name", "effort"),
    [
        ("gpt-5.2-2025-12-11_xhigh", "gpt-5.2-2025-12-11", "xhigh"),
        ("claude-3-7-sonnet-20250219_16K", "claude-3-7-sonnet-20250219", "16k"),
        ("o3-mini-high", "o3-mini", "high"),
        ("grok-4.1-thinking", "grok-4.1", "thinking"),
        ("gemini-2.5-flash-lite-preview-09-2025-no-thinking", "gemini-2.5-flash-lite-preview-09-2025", "no-thinking"),
        ("o1-2024-12-17 (temperature=1, reasoning=low)", "o1-2024-12-17", "temperature=1, reasoning=low"),
        ("mistral-medium", "mistral-medium", ""),
        ("qwen3-235b-a22b-thinking-2507", "qwen3-235b-a22b-thinking-2507", ""),
        ("kimi-k2-thinking", "kimi-k2-thinking", ""),
        ("gpt-4-32k", "gpt-4-32k", ""),
        ("GPT-4 (May 2023)", "GPT-4 (May 2023)", ""),
    ],
)
def test_effort_is_a_setting_only_where_makers_sell_it(raw, name, effort):
    assert split_effort(raw) == (name, effort)


@pytest.mark.parametrize(
    ("raw", "maker", "made"),
    [
        ("Claude 3.5 Sonnet", None, "anthropic/Claude-3.5-Sonnet"),
        ("meta/llama-3.1-70b-instruct-turbo", "meta", "meta-llama/llama-3.1-70b-instruct-turbo"),
        ("llama-3.1-nemotron-70b-instruct", "Nvidia", "nvidia/llama-3.1-nemotron-70b-instruct"),
        ("llama-3.1-tulu-3-8b", None, "allenai/llama-3.1-tulu-3-8b"),
        ("ChatGPT-4o-latest (2025-03-26)", "OpenAI", "openai/ChatGPT-4o-latest-2025-03-26"),
        ("amazon.nova-lite-v1:0", None, "amazon/amazon.nova-lite-v1-0"),
        ("Something new", None, "unknown/Something-new"),
        ("unknown/o4-mini-2025-04-16", "unknown", "openai/o4-mini-2025-04-16"),
        ("google/Palmyra-X-43B", "google", "Writer/Palmyra-X-43B"),
    ],
)
def test_a_name_becomes_an_id(raw, maker, made):
    assert model_id(raw, maker) == made


def test_a_column_of_names_with_missing_makers():
    made = model_ids(pd.Series(["gpt-4o", "phi-4"]), pd.Series(["OpenAI", None]))
    assert made.tolist() == ["openai/gpt-4o", "microsoft/phi-4"]


def test_hand_decisions_are_ids_with_a_reason_and_no_name_is_decided_twice():
    table = hand_table("reviewed")
    assert table["model"].str.fullmatch(r"[^/\s]+/[^/\s]+").all()
    assert table["why"].notna().all()
    assert not table["raw"].str.lower().duplicated().any()
    both = table.merge(hand_table("models"), on="raw")
    assert both.empty or (both["model_x"] == both["model_y"]).all()


def test_makers_are_labels_or_patterns_and_labels_are_lower_case():
    table = hand_table("makers")
    assert set(table["kind"]) == {"label", "name"}
    labels = table.loc[table["kind"] == "label", "pattern"]
    assert (labels == labels.str.lower()).all()
    assert not labels.duplicated().any()
