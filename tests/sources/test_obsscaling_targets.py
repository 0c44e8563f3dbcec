from pathlib import Path

import pandas as pd
import pytest

from obslaws.errors import SourceError
from obslaws.sources import SOURCES
from obslaws.views import view_panel

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


def parsed(name, **changes):
    source = SOURCES[name]
    return source.parse({**source.read(UPSTREAM), **changes})


def score(scores, model, benchmark, setting=None):
    rows = scores[(scores["model"] == model) & (scores["benchmark"] == benchmark)]
    if setting is not None:
        rows = rows[rows["setting"] == setting]
    (value,) = rows["score"]
    return value


def test_emergent_post_training_and_leaderboard_scores_as_upstream_has_them():
    scores, model = parsed("obsscaling-downstream").scores, "meta-llama/Llama-2-7b-hf"
    assert score(scores, model, "bigbench_word_unscrambling") == 0.089
    assert score(scores, model, "bigbench_ipa_transliterate_bleu") == pytest.approx(0.2723879)  # BLEU / 100
    assert score(scores, model, "gsm8k_cot@obsscaling", "flexible-extract") == 0.154
    assert score(scores, model, "gsm8k_cot@obsscaling", "strict-match") == 0.142
    assert score(scores, model, "gsm8k_cot_maj5@obsscaling", "flexible-extract") == 0.162
    assert score(scores, model, "bbh_fewshot_boolean_expressions@obsscaling", "flexible-extract") == 0.688
    assert score(scores, model, "gpqa") == pytest.approx(0.2667785)


def test_overall_corrected_score_is_the_mean_over_27_subtasks():
    scores = parsed("obsscaling-downstream").scores
    rows = scores[(scores["setting"] == "flexible-extract") & scores["benchmark"].str.startswith("bbh_cot_")]
    wide = rows.pivot(index="model", columns="benchmark", values="score").dropna()
    tasks = [c for c in wide if "overall" not in c]
    assert len(tasks) == 27
    pd.testing.assert_series_equal(wide[tasks].mean(axis=1), wide["bbh_cot_overall@obsscaling"], check_names=False)


def test_agents_keep_their_unit_and_models_their_hub_ids():
    scores = parsed("obsscaling-instruct").scores
    assert score(scores, "openai/gpt-4-0613", "agentbench_overall") == 4.01
    assert score(scores, "anthropic/Claude-2.0", "agentboard_mean_success") == pytest.approx(0.262)
    assert score(scores, "openai/gpt-4-0613", "mmlu@obsscaling-instruct") == 0.864


def test_a_name_that_nobody_decided_is_refused():
    frames = SOURCES["obsscaling-instruct"].read(UPSTREAM)
    strange = frames["instruct_llm_agent_eval"].replace({"Model": {"claude-2.0": "claude-9"}})
    with pytest.raises(SourceError, match="nobody decided yet which model 'claude-9' is"):
        parsed("obsscaling-instruct", instruct_llm_agent_eval=strange)


@pytest.mark.parametrize(
    ("view", "shape", "n_cells"),
    [
        ("ruan2024-emergent", (84, 8), 613),
        ("ruan2024-post-training", (94, 9), 749),
        ("ruan2024-leaderboard-v2", (72, 6), 432),
        ("ruan2024-instruct", (27, 7), 180),
        ("ruan2024-agents", (27, 11), 220),
    ],
)
def test_views_of_the_targets(view, shape, n_cells):
    panel = view_panel(view)
    assert (panel.scores.shape, panel.n_cells) == (shape, n_cells)
