import json

import pandas as pd

from obslaws.snapshot import load_snapshot
from obslaws.sources.hub_models import hub_scores, models_without_facts, parse


def test_masks_are_no_parameters_and_packed_weights_no_size(parsed, fact):
    assert fact("hub-models", "EleutherAI/pythia-1b", "n_params") == {"1011782144"}
    for name in ("ModelCloud/Llama-3.2-1B-Instruct-gptqmodel-4bit-vortex-v1", "Nekochu/Luminia-13B-v3"):
        assert fact("hub-models", name, "n_params") == set()
    assert parsed("hub-models").notes["sizes of quantised copies and adapters"] == 2


def test_parents_merges_licences_and_days(parsed, fact):
    merge = "automerger/YamshadowExperiment28-7B"
    assert fact("hub-models", merge, "base_model") == {"automerger/YamShadow-7B", "yam-peleg/Experiment28-7B"}
    assert fact("hub-models", merge, "is_merge") == {"true"}
    assert fact("hub-models", merge, "licence") == {"apache-2.0"}
    assert fact("hub-models", merge, "release_date") == {"2024-03-18"}
    assert fact("hub-models", "facebook/opt-66b", "release_date") == set(), "the hub's records begin on 2 March 2022"
    assert parsed("hub-models").dropped["model that the hub no longer has"] == 1


def test_reported_results_have_the_scale_of_their_benchmark(parsed):
    made = parsed("hub-models")
    scores = made.scores.set_index(["model", "benchmark"])
    assert scores.loc[("Qwen/Qwen2.5-7B", "gpqa_diamond@hub"), "score"] == 0.364
    gsm8k = scores.loc[("Qwen/Qwen2.5-7B", "gsm8k@hub")]
    assert (gsm8k["setting"], gsm8k["date"]) == ("reported; 4-shot", pd.Timestamp("2025-11-03"))
    assert made.notes["values of at most 1 on a scale of 100"] == 1
    assert made.notes["results on datasets or tasks without a rule"] == 1


def test_a_value_outside_its_scale_is_left_out_and_counted():
    rows = [["a/b", "cais/hle", "x", 209.0, "", None], ["a/b", "cais/hle", "x", "n/a", "", None]]
    scores, notes = hub_scores(pd.DataFrame(rows, columns=["raw", "dataset", "task", "value", "setting", "date"]))
    assert scores.empty
    assert notes["values outside their scale"] == 2


def test_a_broken_document_costs_only_itself(parsed):
    frame = pd.DataFrame({"name": ["a/b", "a/c"], "text": ["{", json.dumps({"id": "a/c", "total": 7e9})]})
    made = parse({"models": frame})
    assert made.dropped["record that is no JSON"] == 1
    assert set(made.facts["model"]) == {"a/c"}


def test_the_models_that_matter_lack_something():
    models, scores = load_snapshot().models, load_snapshot().scores
    wanted = models_without_facts(models, scores)
    known = models.set_index("model").loc[wanted]
    lacks = known["n_params"].isna() | known["n_params_basis"].eq("name") | known["release_date"].isna()
    lacks |= known["base_model"].isna() & known["variant"].ne("base")
    assert lacks.all()
    assert 1_000 < len(wanted) < len(models)
    assert not set(wanted) & {"openai/gpt-4-0613", "anthropic/claude-2.1"}, "nothing to ask the hub about"
