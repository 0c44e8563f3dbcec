"""Broken, foreign and hostile files: one line that says what was found and what helps."""

import json

import pytest

from obslaws.errors import ObslawsError, SchemaError, UnknownNameError, UsageError
from obslaws.results import document, read_results


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "a.json", "empty file"),
        ('{"results": {', "a.json", r"no valid JSON \(.* at line 1, column \d+\). Was the file cut off"),
        ('{"a": 1, "a": 2}', "a.json", "key 'a' stands twice"),
        (
            '{"eval": {}, "version": 2}',
            "a.json",
            r"unknown format, JSON with the keys 'eval', 'version'. Understood are",
        ),
        ("[]", "a.json", "a JSON list with 0 entries"),
        ("[1, 2]", "a.json", "a JSON list of int with 2 entries"),
        ("42", "a.json", "holds only int"),
        ('{"results": [], "configs": {}}', "a.json", "unknown format"),
        ('{"results": {}, "configs": {}}', "a.json", "without a single score. Did the run end"),
        ("a: [1, 2", "a.yaml", "no valid YAML at line"),
        ("!!python/object/apply:os.system ['true']", "a.yaml", "no valid YAML"),
        ("benchmark,score\n", "a.csv", "no rows below the header"),
        ("just prose", "notes.txt", "no rows below the header"),
        ("benchmark,score,scroe\nmmlu,0.5,1\n", "a.csv", "unknown column 'scroe'"),
        ("mmlu,mmlu\n0.5,0.5\n", "a.csv", "column 'mmlu' stands twice"),
        ("benchmark,score\nmmlu,0.5,7\n", "a.csv", "row 2: 3 cells, the header has 2"),
        (
            "benchmark,score\nmmlu,0.5\nmmlu,0.6\n",
            "a.csv",
            r"a.csv, row 3: a second score on 'mmlu' \(the first: row 2\)",
        ),
        ("[" * 100_000, "a.json", "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "a.json", "too long to be read"),
    ],
    ids=range(19),
)
def test_broken_files_name_the_cause(write, text, name, words):
    with pytest.raises(SchemaError, match=words) as caught:
        read_results(write(text, name))
    assert str(caught.value).startswith(name)


def test_places(tmp_path, write):
    with pytest.raises(UsageError, match="no such file"):
        read_results(tmp_path / "nowhere.json")
    write("{}", "results_1.json")
    with pytest.raises(UsageError, match=r"is a folder: it holds results_1.json; give one of them"):
        read_results(tmp_path)
    with pytest.raises(UsageError, match="holds single answers"):
        read_results(write("{}", "samples_gsm8k.jsonl"))
    (tmp_path / "a.json").write_bytes(b"\x1f\x8b\x08\x00\xff")
    with pytest.raises(SchemaError, match="no UTF-8 text"):
        read_results(tmp_path / "a.json")


def test_size_is_capped(write, monkeypatch):
    monkeypatch.setattr(document, "LARGEST", 2**20)
    with pytest.raises(SchemaError, match="2 MB; a results file has at most 1 MB"):
        read_results(write(" " * 2**21, "a.json"))


def test_named_format_must_fit(write, harness_v1):
    file = write(harness_v1)
    assert read_results(file, "lm-eval").format == "lm-eval"
    with pytest.raises(SchemaError, match="does not look like every-eval-ever"):
        read_results(file, "every-eval-ever")
    with pytest.raises(UnknownNameError, match=r"No format of results named 'lm_eval'. Did you mean 'lm-eval'"):
        read_results(file, "lm_eval")


def test_hostile_names_stay_text(write, harness_v1):
    evil = "\x1b[31m<script>alert(1)</script>\n../../etc/passwd\x00" + "x" * 1000
    harness_v1["results"][evil] = {"acc,none": 0.5}
    harness_v1["config"]["model_args"] = f"pretrained={evil}"
    results = read_results(write(harness_v1))
    for text in (results.identity.model, *(u.task for u in results.unmapped)):
        assert text.isprintable()
        assert len(text) <= 210
    assert any("<script>" in u.task for u in results.unmapped)


def test_yaml_bomb_is_not_unfolded(write):
    levels = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    bomb = "\n".join(levels)
    with pytest.raises(SchemaError, match="unknown format, YAML with the keys 'a0'"):
        read_results(write(bomb, "a.yaml"))


@pytest.mark.parametrize(
    "data",
    [
        {"results": {"a": None}, "configs": []},
        {"results": {"a": 5}, "n-shot": None},
        {"results": {"arc_challenge": {"acc_norm,none": 0.5}}, "configs": None, "versions": 3, "config": "x"},
        {"results": {"arc_challenge": {"acc_norm,none": 0.5}}, "n-shot": {"arc_challenge": "many"}, "date": "soon"},
        {"results": {"g": {"acc,none": 1}}, "group_subtasks": {"g": ["g"], "h": ["g", "h"]}, "configs": {}},
        {"results": {"g": {"acc,none": 0.5}}, "group_subtasks": {"g": 3, "h": "gg", "i": None}, "n-samples": {"g": 1}},
        {"results": {"g": {"acc,none": 0.5}}, "n-shot": {"g": 1e308}, "n-samples": {"g": {"effective": 1e999}}},
        {"results": {"harness|a|x": {"acc": 1}}},
        {"results": {"a": {"acc": 0.5}}, "config_general": None},
        {"schema_version": 1, "evaluation_results": [{}], "model_info": 3},
        {"schema_version": 1, "evaluation_results": [{"score_details": [], "metric_config": 4}], "eval_library": []},
        [{"dataset": {"id": 3, "task_id": 4}, "value": {"a": 1}, "source": "x"}],
    ],
    ids=range(12),
)
def test_odd_but_readable_shapes_never_crash(write, data):
    try:
        results = read_results(write(json.dumps(data)))
    except ObslawsError:
        return
    assert len(results.scores) + len(results.unmapped) >= 1


def test_groups_of_groups_of_groups_are_walked_once(write):
    """Sixty levels, each naming the next one twice over two ways: a walk of every way would never end."""
    names = {f"g{i}": [f"g{i + 1}", f"h{i + 1}"] for i in range(60)} | {f"h{i}": [f"g{i + 1}"] for i in range(1, 60)}
    data = {"results": {"g0": {"acc,none": 0.5}, "g60": {"acc,none": 0.5}}, "group_subtasks": names, "configs": {}}
    assert [u.task for u in read_results(write(data)).unmapped] == ["g0", "g60"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task,benchmark\na,b\n", "column 'format' is missing"),
        ("format,task,benchmark,metrik\nlm-eval,a,b,c\n", "unknown column 'metrik'. Did you mean 'metric'"),
        ("format,task,benchmark\nlm-eval,,b\n", "row 2: 'task' is empty"),
        ("format,task,benchmark\nlm-eval,a*b*,b\n", r"more than one '\*'"),
        ("format,task,benchmark,scale\nlm-eval,a,b,10\n", "scale is '10'; expected 1 or 100"),
        ("format,task,benchmark,n_parts\nlm-eval,a,b,many\n", "n_parts is 'many'"),
    ],
)
def test_own_rules_are_checked(write, harness_v1, text, words):
    with pytest.raises(SchemaError, match=words):
        read_results(write(harness_v1), tasks=write(text, "mine.csv"))


def test_own_rules_win(write, harness_v1):
    mine = write("format,task,metric,n_shots,benchmark\nlm-eval,piqa,acc,any,xwinograd\n", "mine.csv")
    table = read_results(write(harness_v1), tasks=mine).scores.set_index("benchmark")
    assert table.loc["xwinograd", "score"] == 0.78
    wrong = write("format,task,benchmark\nlm-eval,piqa,xwinogard\n", "wrong.csv")
    with pytest.raises(UnknownNameError, match=r"No benchmark named 'xwinogard'. Did you mean 'xwinograd'"):
        read_results(write(harness_v1), tasks=wrong)
    with pytest.raises(UsageError, match="no such file; expected a CSV with columns format"):
        read_results(write(harness_v1), tasks="nowhere.csv")


def test_allowed_shots_are_mapped_with_a_warning(write, harness_v1):
    harness_v1["n-shot"]["arc_challenge"] = 0
    mine = write("format,task,metric,n_shots,benchmark\nlm-eval,arc_challenge,acc_norm,0|25,arc\n", "mine.csv")
    with pytest.warns(UserWarning, match="run with 0 shots, 'arc' has 25; a rule allows it"):
        results = read_results(write(harness_v1), tasks=mine)
    assert "arc" in set(results.scores["benchmark"])
