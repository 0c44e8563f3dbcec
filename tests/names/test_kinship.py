import math

import pytest

from obslaws.names import hand_table, kinship, size_in_name
from obslaws.schema import VARIANTS


@pytest.mark.parametrize(
    ("model", "family", "base_family", "variant"),
    [
        ("Qwen/Qwen2.5-7B", "qwen2.5", "qwen2.5", None),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-instruct", "qwen2.5", "chat"),
        ("Qwen/Qwen2.5-7B-Instruct-1M", "qwen2.5-instruct-1m", "qwen2.5", "chat"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "llama-3-instruct", "llama-3", "chat"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-instruct", "llama-3.1", "chat"),
        ("google/gemma-2-9b-it", "gemma-2-it", "gemma-2", "chat"),
        ("google/gemma-2b", "gemma", "gemma", None),
        ("EleutherAI/pythia-1.4b-deduped", "pythia-deduped", "pythia", "base"),
        ("EleutherAI/gpt-neox-20b", "gpt-neo-j", "gpt-neo-j", "base"),
        ("bigscience/bloom", "bloom", "bloom", "base"),
        ("bigscience/bloom-7b1", "bloom", "bloom", "base"),
        ("stabilityai/stablelm-2-1_6b", "stablelm-2", "stablelm-2", "base"),
        ("01-ai/Yi-1.5-34B-Chat-16K", "yi-1.5-chat-16k", "yi-1.5", "chat"),
        ("ibm-granite/granite-3.0-1b-a400m-base", "granite-3.0-moe", "granite-3.0", "base"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1-distill-qwen", "qwen2.5", "fine-tune"),
        ("databricks/dolly-v2-3b", "dolly-v2", "pythia", "fine-tune"),
        ("codellama/CodeLlama-7b-hf", "codellama", "llama-2", "base"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2.5-coder-instruct", "qwen2.5", "chat"),
        ("lmsys/vicuna-7b-v1.5", "lmsys/vicuna-v1.5", "lmsys/vicuna-v1.5", None),
    ],
)
def test_kinship(model, family, base_family, variant):
    kin = kinship(model)
    assert (kin.family, kin.base_family, kin.variant) == (family, base_family, variant)


@pytest.mark.parametrize("size", ["0.5", "1.5", "3", "7", "14", "32", "72"])
def test_scale_alone_does_not_change_the_family(size):
    assert kinship(f"Qwen/Qwen2.5-{size}B").family == "qwen2.5"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("stablelm-2-1_6b", 1.6e9),
        ("bloom-1b1", 1.1e9),
        ("rwkv-4-1b5-pile", 1.5e9),
        ("SmolLM-135M", 135e6),
        ("Infinity-Instruct-3M-0613-Llama3-70B", 70e9),
        ("Qwen2.5-14B-Instruct-1M", 14e9),
        ("orca_mini_v8_1_70b", 70e9),
        ("orca_mini_v9_0_3B-Instruct", 3e9),
        ("h2ogpt-oig-oasst1-512-6_9b", 6.9e9),
        ("gemma-2-9b-it", 9e9),
    ],
)
def test_size_in_name(name, size):
    assert size_in_name(name) == pytest.approx(size)


@pytest.mark.parametrize("name", ["Mixtral-8x7B-v0.1", "Qwen1.5-MoE-A2.7B", "phi-2", "gpt2-large", "Qwen2-57B-A14B"])
def test_experts_and_silent_names_state_no_size(name):
    assert math.isnan(size_in_name(name))


def test_the_hand_table_is_well_formed():
    table = hand_table("families")
    assert table["pattern"].is_unique
    assert set(table["variant"].dropna()) <= set(VARIANTS)
    assert hand_table("organisations")["org"].is_unique
