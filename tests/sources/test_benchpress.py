import json

import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources.benchpress import parse


def test_two_documents_about_one_cell_are_both_kept(parsed):
    scores = parsed("benchpress").scores
    cell = scores[scores["model"].eq("deepseek-ai/deepseek-r1-distill-llama-8b")
                  & scores["benchmark"].eq("livecodebench@benchpress")]  # fmt: skip
    assert dict(zip(cell["setting"], cell["score"], strict=True)) == pytest.approx(
        {"reported at huggingface.co": 0.396, "reported at arxiv.org": 0.425}
    )


def test_the_same_number_at_one_host_counts_once(parsed):
    assert parsed("benchpress").dropped["the same number in two documents of a host"] >= 1


def test_ratings_and_indices_keep_their_unit(parsed):
    top = parsed("benchpress").scores.groupby("benchmark")["score"].max()
    assert top["codeforces_rating@benchpress"] > 1000
    assert top["mmlu@benchpress"] < 1


def test_percentages_below_1_are_counted_not_guessed(parsed):
    assert parsed("benchpress").notes["percentages below 1, kept as they are"] >= 1


def test_sizes_are_claimed_for_open_models_only(fact):
    assert fact("benchpress", "openai/gpt-oss-120b", "n_params") == {"116800000000"}
    assert fact("benchpress", "openai/gpt-oss-120b", "n_active_params") == {"5100000000"}
    assert fact("benchpress", "microsoft/phi-4", "n_active_params") == set()
    assert fact("benchpress", "google/gemini-2.5-pro", "n_params") == set()


def test_cells_that_failed_an_audit_are_left_out():
    data = {
        "models": [{"id": "gpt-4", "provider": "OpenAI", "release_date": "2023-03-14", "open_weights": False,
                    "params_total_M": None, "params_active_M": None}],
        "benchmarks": [],
        "scores": [
            {"model_id": "gpt-4", "benchmark_id": "mmlu", "score": 86.4, "reference_url": "", "audit_status": s}
            for s in ("verified", "disputed")
        ],
    }  # fmt: skip
    made = parse({"llm_benchmark_data": pd.DataFrame({"line": [json.dumps(data)]})})
    assert len(made.scores) == 1
    assert made.dropped["cell that failed the audit"] == 1
    with pytest.raises(SourceError, match=r"benchpress: no 'benchmarks'; found models"):
        parse({"llm_benchmark_data": pd.DataFrame({"line": ['{"models": []}']})})
