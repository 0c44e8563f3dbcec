import pytest


def test_raw_values_not_the_normalised_ones(parsed):
    scores = parsed("open-llm-v2").scores
    row = scores[scores["model"].eq("meta-llama/Llama-3.1-8B") & scores["benchmark"].eq("gpqa")]
    assert row["score"].iloc[0] == pytest.approx(0.3112, abs=5e-3)  # normalised it would be about 0.08


def test_sizes_of_zero_adapters_and_4bit_are_missing(fact, parsed):
    assert fact("open-llm-v2", "mistral-community/Mixtral-8x22B-v0.1", "n_params") == set()
    assert fact("open-llm-v2", "DUAL-GPO/zephyr-7b-ipo-0k-15k-i1", "n_params") == set()
    assert fact("open-llm-v2", "Qwen/Qwen2.5-7B", "n_params") == {"7616000000"}
    assert parsed("open-llm-v2").notes["sizes <= 0"] == 1


def test_removed_is_no_base_model_and_a_root_is_not_its_own(fact, parsed):
    assert "Removed" not in set(parsed("open-llm-v2").facts["value"])
    assert fact("open-llm-v2", "3rd-Degree-Burn/L-3.1-Science-Writer-8B", "base_model") == set()
    assert fact("open-llm-v2", "Qwen/Qwen2.5-7B", "base_model") == set()
    assert fact("open-llm-v2", "argilla/notus-7b-v1", "base_model") == {"mistralai/Mistral-7B-v0.1"}


def test_old_math_is_another_benchmark(parsed):
    scores = parsed("open-llm-v2").scores
    by = scores[scores["model"] == "Qwen/Qwen2.5-7B"].set_index("benchmark")["score"]
    assert by["math_lvl5"] != by["math_lvl5_2024"]
    assert parsed("open-llm-v2").notes["rows of the older MATH dump that the final table no longer has"] >= 1


def test_upload_dates_older_than_the_hub_are_missing(fact):
    assert fact("open-llm-v2", "openai-community/gpt2", "release_date") == set()
    assert fact("open-llm-v2", "meta-llama/Llama-3.1-8B", "release_date") == {"2024-07-14"}


def test_hub_availability_is_not_read(parsed):
    assert not parsed("open-llm-v2").facts["attribute"].str.contains("hub").any()


def test_chat_template_is_part_of_the_key(parsed):
    scores = parsed("open-llm-v2").scores
    assert set(scores.loc[scores["model"] == "Qwen/Qwen2.5-7B-Instruct", "setting"]) == {"chat-template"}
    assert scores.loc[scores["model"] == "Qwen/Qwen2.5-7B", "setting"].isna().all()
