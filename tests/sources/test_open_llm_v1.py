def test_inverted_flags_are_negated(fact):
    assert fact("open-llm-v1", "Contamination/contaminated_proof_7b_v1.0", "is_flagged") == {"true"}
    assert fact("open-llm-v1", "meta-llama/Llama-2-7b-hf", "is_flagged") == {"false"}
    assert fact("open-llm-v1", "mistralai/Mixtral-8x7B-v0.1", "is_merge") == {"false"}


def test_the_architecture_decides_on_experts(fact):
    # one of its rows carries the architecture "Unknown"; a single claim of experts is enough when claims are resolved
    assert "true" in fact("open-llm-v1", "mistralai/Mixtral-8x7B-v0.1", "is_moe")
    assert fact("open-llm-v1", "Qwen/Qwen1.5-7B", "is_moe") == {"false"}


def test_percent_becomes_fraction(parsed):
    scores = parsed("open-llm-v1").scores
    assert scores["score"].between(0, 1).all()
    llama = scores[scores["model"].eq("meta-llama/Llama-2-7b-hf") & scores["benchmark"].eq("hellaswag")]
    assert llama["score"].round(4).tolist() == [0.7859, 0.7774]  # two precisions


def test_floored_sizes_are_never_claimed(parsed):
    assert "n_params" not in set(parsed("open-llm-v1").facts["attribute"])


def test_submission_dates_are_no_release_dates(parsed):
    assert "release_date" not in set(parsed("open-llm-v1").facts["attribute"])


def test_precision_twins_keep_their_rows(parsed):
    scores = parsed("open-llm-v1").scores
    twins = scores[scores["model"].str.startswith("bhenrym14/") & scores["benchmark"].eq("mmlu")]
    assert len(twins) > 1
    assert twins["precision"].is_unique or twins["revision"].nunique() > 1
    assert twins["score"].max() - twins["score"].min() > 0.2  # the largest gap of the board: a run that failed


def test_renamed_repositories_meet_under_one_name(parsed):
    names = set(parsed("open-llm-v1").scores["model"])
    assert {"facebook/opt-125m", "Qwen/Qwen1.5-14B", "WizardLMTeam/WizardLM-70B-V1.0"} <= names
    assert not {"Facebook/OPT-125M", "Qwen/Qwen2-beta-14B", "WizardLM/WizardLM-70B-V1.0"} & names
