import pandas as pd

from obslaws.names import CERTAIN, resolve_names

KNOWN = ["Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-2-7b-chat-hf", "meta-llama/Llama-3.3-70B-Instruct",
         "google/gemma-2-9b-it", "somebody/gemma-2-9b-it", "EleutherAI/gpt-j"]  # fmt: skip
LISTED = ["Qwen", "meta-llama", "google", "EleutherAI"]


def resolved(raw, made):
    table = resolve_names(pd.DataFrame({"raw": [raw], "model": [made]}), KNOWN, LISTED)
    return table.iloc[0]


def test_each_rule_has_its_confidence():
    assert resolved("x", "qwen/qwen2.5-7b-instruct")[["model", "rule", "confidence"]].tolist() == [
        KNOWN[0],
        "hub-id",
        1.0,
    ]
    assert resolved("x", "meta-llama/llama-2-7b-chat")[["model", "rule"]].tolist() == [KNOWN[1], "letters"]
    assert resolved("x", "unknown/GPT-J")["rule"] == "new"  # too short to go by letters alone
    assert resolved("x", "unknown/Gemma-2-9B-IT")[["model", "rule"]].tolist() == ["google/gemma-2-9b-it", "owner"]
    assert resolved("lab/rm-7b", "lab/rm-7b")["rule"] == "stated"


def test_a_hand_decision_wins_over_a_known_name():
    one = resolved("mixtral-8x7b-instruct", "mistralai/Mixtral-8x7B-Instruct-v0.1")
    assert one[["rule", "confidence"]].tolist() == ["hand", 1.0]


def test_a_suffix_is_not_dropped_but_the_neighbour_is_shown():
    one = resolved("llama-3.3-70b-instruct-turbo", "meta-llama/llama-3.3-70b-instruct-turbo")
    assert one["model"] == "meta-llama/llama-3.3-70b-instruct-turbo"
    assert one["nearest"] == "meta-llama/Llama-3.3-70B-Instruct"
    assert one["confidence"] < CERTAIN


def test_base_and_chat_never_meet():
    assert resolved("qwen2.5-7b", "Qwen/qwen2.5-7b")["model"] == "Qwen/qwen2.5-7b"


def test_boards_agree_with_each_other_on_a_model_that_is_new():
    pairs = pd.DataFrame({"raw": ["gemini-2.5-pro", "Gemini 2.5 Pro"],
                          "model": ["google/gemini-2.5-pro", "google/Gemini-2.5-Pro"]})  # fmt: skip
    table = resolve_names(pairs, KNOWN, LISTED)
    assert table["model"].tolist() == ["google/gemini-2.5-pro"] * 2
    assert table["rule"].tolist() == ["new", "letters"]


def test_an_id_that_was_settled_before_is_found_again_under_another_spelling():
    pairs = pd.DataFrame(
        {"raw": ["claude-opus-4-5", "new-one"], "model": ["anthropic/claude-opus-4-5", "acme/new-one"]}
    )
    told = resolve_names(pairs, [], [], ["anthropic/claude-opus-4.5"]).set_index("raw")
    assert tuple(told.loc["claude-opus-4-5", ["model", "rule"]]) == ("anthropic/claude-opus-4.5", "letters")
    assert told.loc["new-one", "rule"] == "new"
