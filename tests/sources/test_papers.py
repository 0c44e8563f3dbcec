import math

import pandas as pd
import pytest

from obslaws.names import refuted_claims
from obslaws.sources.tidy import numbers


def refuted(source, model, attribute):
    table = refuted_claims()
    return ((table["source"] == source) & (table["model"] == model) & (table["attribute"] == attribute)).any()


def test_obsscaling_627_trillion_tokens_are_kept_and_refuted(fact):
    assert fact("obsscaling", "cerebras/btlm-3b-8k-base", "n_tokens") == {"627000000000000"}
    assert refuted("obsscaling", "cerebras/btlm-3b-8k-base", "n_tokens")
    assert refuted("obsscaling", "cerebras/btlm-3b-8k-base", "train_flop")


def test_obsscaling_ifeval_is_not_read(parsed):
    assert "ifeval" not in set(parsed("obsscaling").scores["benchmark"])


@pytest.mark.parametrize("model", ["mistralai/Mixtral-8x7B-v0.1", "Qwen/Qwen2-57B-A14B", "deepseek-ai/DeepSeek-V2"])
def test_obsscaling_sizes_of_experts_never_win(model):
    assert refuted("obsscaling", model, "n_params")


def test_sloth_math_is_the_old_scoring_and_v2_has_two_decimals(parsed):
    scores = parsed("sloth").scores
    assert "math_lvl5_2024" in set(scores["benchmark"])
    assert "math_lvl5" not in set(scores["benchmark"])
    rounded = scores[scores["benchmark"].isin(["ifeval", "bbh", "gpqa", "musr", "mmlu_pro"])]["score"]
    assert all(math.isclose(s, round(s, 2), abs_tol=1e-12) for s in rounded)


def test_sloth_sizes_stay_as_they_are_and_are_refuted(fact):
    assert fact("sloth", "stabilityai/stablelm-2-1_6b", "n_params") == {"6000000000"}
    assert refuted("sloth", "stabilityai/stablelm-2-1_6b", "n_params")
    assert fact("sloth", "mistralai/Mixtral-8x7B-v0.1", "n_params") == {"7000000000"}


def test_sloth_instruct_models_carry_their_bases_tokens(parsed):
    facts = parsed("sloth").facts
    tokens = facts[facts["attribute"] == "n_tokens"].set_index("model")["basis"]
    assert tokens["meta-llama/Llama-2-7b-chat-hf"] == "base_model"
    assert tokens["meta-llama/Llama-2-7b-hf"] == "reported"


def test_statistical_scaling_law_scores_are_never_used(parsed):
    made = parsed("statistical-scaling-law")
    assert made.scores.empty
    assert made.notes["scores not used: raw and normalised values are mixed"] > 0


def test_tott_splits_no_family_and_names_its_conditions(parsed):
    made = parsed("tott")
    assert "family" not in set(made.facts["attribute"])
    assert set(made.scores["setting"]) == {"base", "e3/mmluaux"}
    assert made.scores["benchmark"].str.endswith("@tott").all()
    assert not made.scores.duplicated(["model", "benchmark", "setting"]).any()
    assert made.dropped["models without metadata"] == 2


def test_epoch_tokens_need_compute_that_agrees(fact):
    assert fact("epoch", "bigcode/starcoder2-15b", "n_tokens") == set()  # 913B unique, 4.3T seen
    assert fact("epoch", "meta-llama/Llama-2-70b-hf", "n_tokens") == {"2000000000000"}
    assert fact("epoch", "Qwen/Qwen2.5-Math-1.5B", "n_tokens") == set()  # a continuation of Qwen2.5


def test_epoch_text_with_commas():
    text = pd.Series(["1,144,220,000,000", "14180000,14180000", "2e12", None, "about 3"])
    assert numbers(text).fillna(-1).tolist() == [1144220000000.0, -1, 2e12, -1, -1]


def test_epoch_keeps_language_models_that_are_evaluated_here(parsed):
    made = parsed("epoch")
    assert made.dropped["not a language model"] >= 1
    assert made.dropped["a model that no table here evaluates"] >= 1


def test_hub_leaves_out_packed_sizes_and_its_own_birthday(parsed):
    made = parsed("hub")
    assert made.notes["sizes of quantised copies and adapters"] > 0
    dates = made.facts.loc[made.facts["attribute"] == "release_date", "value"]
    assert (dates > "2022-03-02").all()


def test_hub_takes_stages_for_lineage_but_not_siblings(parsed):
    facts = parsed("hub").facts
    parents = facts[facts["attribute"] == "base_model"].groupby("model")["value"].agg(set)
    assert parents["01-ai/Yi-1.5-34B-Chat"] == {"01-ai/Yi-1.5-34B"}
    assert "01-ai/yi-coder-9b-base" not in parents.index  # "mode" is a sibling


def test_mmlu_subjects_only(parsed):
    made = parsed("mmlu-by-task")
    assert made.scores["benchmark"].nunique() == 57
    assert made.notes["arc:challenge|25: acc, not acc_norm as on the leaderboard"] > 0


def test_base_families_carry_the_document(parsed):
    facts = parsed("base-families").facts
    tokens = facts[facts["attribute"] == "n_tokens"]
    assert tokens["document"].str.contains(r"<http", regex=True).all()
