"""Small files in the shape that the harnesses write; the numbers of pythia-1b are those of its true run."""

import json

import pytest

BBH = {
    "boolean_expressions": 0.468, "causal_judgement": 0.5187165775401069, "date_understanding": 0.204,
    "disambiguation_qa": 0.332, "formal_fallacies": 0.468, "geometric_shapes": 0.108, "hyperbaton": 0.512,
    "logical_deduction_five_objects": 0.204, "logical_deduction_seven_objects": 0.128,
    "logical_deduction_three_objects": 0.36, "movie_recommendation": 0.24, "navigate": 0.44, "object_counting": 0.072,
    "penguins_in_a_table": 0.1917808219178082, "reasoning_about_colored_objects": 0.104, "ruin_names": 0.2,
    "salient_translation_error_detection": 0.224, "snarks": 0.5393258426966292, "sports_understanding": 0.46,
    "temporal_sequences": 0.26, "tracking_shuffled_objects_five_objects": 0.2,
    "tracking_shuffled_objects_seven_objects": 0.16, "tracking_shuffled_objects_three_objects": 0.32,
    "web_of_lies": 0.496,
}  # fmt: skip
MUSR = {"murder_mysteries": 0.492, "object_placements": 0.265625, "team_allocation": 0.308}
GPQA = {"diamond": 0.2727272727272727, "extended": 0.2600732600732601, "main": 0.24553571428571427}
SHOTS = {"bbh": 3, "musr": 0, "gpqa": 0, "math": 4}


@pytest.fixture
def harness_v2():
    """Group `leaderboard` of lm-evaluation-harness for EleutherAI/pythia-1b, as the Open LLM Leaderboard v2 ran it."""
    results, subtasks, shots, versions = {}, {"leaderboard": []}, {}, {}
    results["leaderboard"] = {" ": " ", "alias": "leaderboard"}
    for group, parts, total, error in (
        ("leaderboard_bbh", BBH, 0.29699704912341607, 0.005711255426751417),
        ("leaderboard_musr", MUSR, 0.3544973544973545, 0.017061219716364134),
        ("leaderboard_gpqa", GPQA, 0.25671140939597314, 0.012664923317255711),
    ):
        results[group] = {"acc_norm,none": total, "acc_norm_stderr,none": error, "alias": f" - {group}"}
        subtasks["leaderboard"].append(group)
        subtasks[group] = [f"{group}_{part}" for part in parts]
        for part, value in parts.items():
            task = f"{group}_{part}"
            entry = {"alias": f"  - {task}", "acc_norm,none": value, "acc_norm_stderr,none": 0.03, "sample_len": 250}
            results[task], shots[task], versions[task] = entry, SHOTS[group.rpartition("_")[2]], 1.0
    results["leaderboard_ifeval"] = {
        "alias": " - leaderboard_ifeval",
        "prompt_level_strict_acc,none": 0.16820702402957485,
        "prompt_level_strict_acc_stderr,none": 0.016096550188063007,
        "inst_level_strict_acc,none": 0.2733812949640288,
        "inst_level_strict_acc_stderr,none": "N/A",
        "prompt_level_loose_acc,none": 0.1756007393715342,
        "inst_level_loose_acc,none": 0.2865707434052758,
        "inst_level_loose_acc_stderr,none": "N/A",
    }
    results["leaderboard_mmlu_pro"] = {"acc,none": 0.11361369680851063, "acc_stderr,none": 0.002893183639282246}
    results["leaderboard_math_hard"] = {"exact_match,none": 4 / 1324, "exact_match_stderr,none": 0.0015}
    results["leaderboard_math_algebra_hard"] = {"exact_match,none": 2 / 307, "exact_match_stderr,none": 0.0046}
    subtasks["leaderboard_math_hard"] = ["leaderboard_math_algebra_hard"]
    subtasks["leaderboard"] += ["leaderboard_math_hard", "leaderboard_ifeval", "leaderboard_mmlu_pro"]
    shots |= {"leaderboard_ifeval": 0, "leaderboard_mmlu_pro": 5, "leaderboard_math_algebra_hard": 4}
    versions |= {"leaderboard_ifeval": 2.0, "leaderboard_mmlu_pro": 0.1, "leaderboard_math_algebra_hard": 1.0}
    return {
        "results": results,
        "groups": {name: results[name] for name in subtasks},
        "group_subtasks": subtasks,
        "configs": {"leaderboard_ifeval": {"num_fewshot": 0}},
        "versions": versions,
        "n-shot": shots,
        "higher_is_better": {"leaderboard_mmlu_pro": {"acc": True}},
        "n-samples": {"leaderboard_ifeval": {"original": 541, "effective": 541}},
        "config": {
            "model": "hf",
            "model_args": "pretrained=EleutherAI/pythia-1b,revision=main,dtype=float16,trust_remote_code=False",
            "model_num_parameters": 1011781632,
            "model_dtype": "torch.float16",
            "model_revision": "main",
            "model_sha": "f73d7dcc545c8bd326d8559c8ef84ffe92fea6b2",
            "limit": None,
        },
        "git_hash": "1f84a09f",
        "date": 1737936000.5,
        "lm_eval_version": "0.4.5",
        "model_name": "EleutherAI/pythia-1b",
        "chat_template": None,
        "fewshot_as_multiturn": False,
    }


@pytest.fixture
def harness_v1():
    """Four tasks of the Open LLM Leaderboard v1, run by lm-evaluation-harness 0.4."""
    return {
        "results": {
            "arc_challenge": {"acc,none": 0.41, "acc_stderr,none": 0.014, "acc_norm,none": 0.46,
                              "acc_norm_stderr,none": 0.015, "alias": "arc_challenge"},
            "hellaswag": {"acc,none": 0.5, "acc_norm,none": 0.72, "acc_norm_stderr,none": "N/A", "alias": "hellaswag"},
            "gsm8k": {"exact_match,strict-match": 0.55, "exact_match_stderr,strict-match": 0.013,
                      "exact_match,flexible-extract": 0.6, "alias": "gsm8k"},
            "piqa": {"acc,none": 0.78, "acc_stderr,none": 0.01, "alias": "piqa"},
        },
        "configs": {"gsm8k": {"num_fewshot": 5}},
        "versions": {"arc_challenge": 1.0, "gsm8k": 3.0},
        "n-shot": {"arc_challenge": 25, "hellaswag": 10, "piqa": 0},
        "n-samples": {"arc_challenge": {"original": 1172, "effective": 1172}},
        "config": {"model": "vllm", "model_args": {"pretrained": "acme/new-7b", "dtype": "bfloat16"},
                   "model_num_parameters": -1, "limit": None},
        "git_hash": "abc",
    }  # fmt: skip


@pytest.fixture
def lighteval_v1(subjects):
    """Open LLM Leaderboard v1: keys `harness|task|shots`, MMLU by subject."""
    results = {
        "harness|arc:challenge|25": {"acc": 0.53, "acc_stderr": 0.015, "acc_norm": 0.5, "acc_norm_stderr": 0.05},
        "harness|hellaswag|10": {"acc": 0.593, "acc_norm": 0.83, "acc_norm_stderr": 0.0043},
        "harness|truthfulqa:mc|0": {"mc1": 0.25, "mc2": 0.38, "mc2_stderr": 0.014},
        "harness|winogrande|5": {"acc": 0.74, "acc_stderr": 0.012},
        "harness|gsm8k|5": {"acc": 0.14, "acc_stderr": 0.0097},
        "harness|drop|3": {"em": 0.001, "f1": 0.05},
        "all": {"acc": 0.47, "acc_norm": 0.48, "mc2": 0.38},
    }
    for i, subject in enumerate(subjects):
        results[f"harness|hendrycksTest-{subject}|5"] = {"acc": 0.3 + 0.005 * i, "acc_stderr": 0.04, "acc_norm": 0.3}
    return {
        "results": results,
        "versions": {"all": 0},
        "config_tasks": {"harness|gsm8k|5": "LM Harness task"},
        "summary_tasks": {},
        "summary_general": {},
        "config_general": {"model_name": "acme/old-7b", "model_sha": "0" * 40, "model_dtype": "torch.float16",
                           "max_samples": None},
    }  # fmt: skip


def record(results, **more):
    """One record of Every Eval Ever."""
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "hfopenllm_v2/acme_new-7b/1777613486.9",
        "retrieved_timestamp": "1777613486.918081",
        "source_metadata": {"source_type": "documentation", "evaluator_relationship": "third_party"},
        "eval_library": {"name": "HF Open LLM v2", "version": "unknown"},
        "model_info": {"id": "acme/new-7b", "name": "new-7b", "developer": "acme"},
        "evaluation_results": results,
        **more,
    }


def result(name, score, **metric):
    config = {"lower_is_better": False, "score_type": "continuous", "min_score": 0.0, "max_score": 1.0, **metric}
    uncertainty = {"standard_error": {"value": 0.01}, "num_samples": 500}
    return {"evaluation_name": name, "metric_config": {k: v for k, v in config.items() if v is not None},
            "score_details": {"score": score, "uncertainty": uncertainty}}  # fmt: skip


@pytest.fixture
def eee():
    """Builder of a record, and of one of its results."""
    return record, result


@pytest.fixture
def write(tmp_path):
    """Write an object as JSON, or text as it is, and give the path."""

    def write(content, name="results_2026-01-21T03-44-18.458309.json"):
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def subjects():
    from obslaws.names import benchmarks_table

    table = benchmarks_table()
    return [b.removeprefix("mmlu_") for b in table.loc[table["source"] == "mmlu-by-task", "benchmark"]]
