import pytest


def test_missing_is_coded_below_zero(parsed):
    made = parsed("every-eval-ever")
    assert made.dropped["missing, coded below 0"] == 4  # HELM lite, HELM classic twice, RewardBench 2
    assert made.scores["score"].ge(0).all()


def test_win_rates_and_means_of_the_board_are_no_scores(parsed):
    made = parsed("every-eval-ever")
    assert made.dropped["win rate or mean of the board, not a test"] >= 3
    assert not made.scores["benchmark"].str.contains("win|mean").any()


def test_the_same_nominal_test_is_another_benchmark_on_every_board(parsed):
    names = set(parsed("every-eval-ever").scores["benchmark"])
    assert {"mmlu@helm-mmlu", "gpqa@helm-capabilities", "mmlu_anatomy@helm-mmlu"} <= names
    assert not names & {"mmlu", "gpqa", "gsm8k", "mmlu_anatomy"}


def test_reward_bench_1_and_2_share_names_but_not_benchmarks(parsed):
    scores = parsed("every-eval-ever").scores
    one = scores[scores["model"] == "LxzGordon/URM-LLaMa-3.1-8B"].set_index("benchmark")["score"]
    assert one["safety@reward-bench"] == 0.9108
    assert one["safety@reward-bench-2"] == 0.9178


def test_identical_repetitions_are_counted_and_agents_are_settings(parsed):
    made = parsed("every-eval-ever")
    assert made.dropped["the same result again"] == 1
    hal = made.scores[made.scores["benchmark"].str.endswith("@hal")]
    assert hal["setting"].notna().all()
    assert hal.groupby(["model", "benchmark"]).size().max() > 1


def test_boards_that_are_left_out_are_counted(parsed):
    left = parsed("every-eval-ever").dropped
    assert left["board or scale not read (HELM Instruct on a scale of 5, LiveCodeBench Pro)"] == 2


def test_a_developer_that_is_wrong_and_one_that_is_unknown(parsed):
    models = set(parsed("every-eval-ever").scores["model"])
    assert "Writer/Palmyra-X-43B" in models
    assert "google/Palmyra-X-43B" not in models
    assert "CohereForAI/aya-expanse-32b" in models


def test_one_cell_to_the_digit(parsed):
    scores = parsed("every-eval-ever").scores
    gpt4 = scores[scores["model"].eq("openai/gpt-4-0613") & scores["benchmark"].eq("gsm8k@helm-lite")]
    assert gpt4["score"].tolist() == pytest.approx([0.932])
