from obslaws.names import benchmarks_table
from obslaws.schema import check_table

HEADLINE = ["mmlu", "arc", "hellaswag", "winogrande", "truthfulqa", "gsm8k"]
HEADLINE += ["ifeval", "bbh", "math_lvl5", "gpqa", "musr", "mmlu_pro"]


def test_headline_benchmarks_come_first_with_items_and_floors():
    table = check_table(benchmarks_table(), "benchmarks").set_index("benchmark")
    assert list(table.index[:12]) == HEADLINE
    assert table.loc[HEADLINE, ["score_floor", "n_items", "harness", "title"]].notna().all().all()


def test_mmlu_has_57_subjects_that_add_up():
    table = check_table(benchmarks_table(), "benchmarks").set_index("benchmark")
    subjects = table[table["source"] == "mmlu-by-task"]
    assert len(subjects) == 57
    assert subjects["n_items"].sum() == table.loc["mmlu", "n_items"] == 14042


def test_old_and_new_math_are_two():
    assert {"math_lvl5", "math_lvl5_2024"} <= set(benchmarks_table()["benchmark"])
