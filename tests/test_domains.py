"""A domain's name in place of those of its benchmarks."""

from dataclasses import replace

import pytest

from obslaws import load_panel
from obslaws.domains import benchmark_domains, find_benchmark, named_benchmarks
from obslaws.errors import AssumptionWarning, UnknownNameError, UsageError
from obslaws.views import list_views, view_benchmarks


def about(panel, **domains):
    table = panel.benchmarks.assign(domain=[domains.get(name) for name in panel.benchmarks.index])
    return replace(panel, benchmarks=table)


def found(word, panel):
    return named_benchmarks([word], panel)[0]


def test_a_known_benchmark_has_a_domain_where_the_table_tells_none(small_panel):
    assert benchmark_domains(small_panel.benchmarks).to_dict() == {
        "mmlu": "knowledge", "gsm8k": "mathematics", "hellaswag": "commonsense",
    }  # fmt: skip
    assert benchmark_domains(about(small_panel, mmlu="Exams").benchmarks).iloc[0] == "exams"
    own = small_panel.benchmarks.rename(index={"mmlu": "inhouse"})
    assert benchmark_domains(own).isna().tolist() == [True, False, False]


@pytest.mark.parametrize("word", ["mathematics", "MATH", " maths ", "mat"])
def test_short_forms(small_panel, word):
    one = found(word, small_panel)
    assert (one.domain, one.benchmarks) == ("mathematics", ("gsm8k",))


def test_a_domain_keeps_the_order_of_the_panel(small_panel):
    one = found("exams", about(small_panel, hellaswag="Exams", mmlu="exams"))
    assert one.benchmarks == ("mmlu", "hellaswag")


def test_the_name_of_a_benchmark_wins(small_panel):
    one = found("mmlu", about(small_panel, gsm8k="mmlu", mmlu="mmlu"))
    assert (one.domain, one.benchmarks) == (None, ("mmlu",))


def test_letters_of_several_domains_are_refused(small_panel):
    panel = about(small_panel, mmlu="common law", gsm8k="commonsense")
    with pytest.raises(UsageError, match="'comm' may stand for common law or commonsense"):
        found("comm", panel)


@pytest.mark.parametrize("word", ["ma", "", "mathematics2"])
def test_what_is_neither_is_refused(small_panel, word):
    with pytest.raises(UnknownNameError, match=f"No benchmark or domain named '{word}'"):
        found(word, small_panel)


def test_own_tables_are_told_where_a_domain_is_written(small_panel):
    with pytest.raises(UsageError, match=r"of the domain code;.*column domain of benchmarks\.csv"):
        found("coding", small_panel)


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["code"], "Views with it: ruan2024, ruan2024-pool, .*; try --view ruan2024"),
        (["instr", "code"], "Views with all that was named: benchpress-v1; try --view benchpress-v1"),
        (["writing", "truth"], "Views with it: epoch-2025-11; none has all that was named"),
    ],
)
def test_a_view_without_a_domain_names_those_with_it(words, cure):
    with pytest.raises(UsageError, match=cure):
        named_benchmarks(words, load_panel("core"))


@pytest.mark.parametrize("word", ["mm-lu", "MM LU", "mmlu_"])
def test_spelling_of_a_benchmark_does_not_decide(small_panel, word):
    assert find_benchmark(" MMLU ", small_panel) == "mmlu"  # case alone is not worth a word, as for families
    with pytest.warns(AssumptionWarning, match=f"Benchmark '{word}' is read as 'mmlu'"):
        assert (found(word, small_panel).benchmarks, found(word, small_panel).domain) == (("mmlu",), None)
    with pytest.warns(AssumptionWarning, match=f"Benchmark '{word}' is read as 'mmlu'"):
        assert find_benchmark(word, small_panel) == "mmlu"


def test_two_benchmarks_of_one_spelling_are_not_guessed_between(small_panel):
    twins = {"mmlu": "bar.exam", "gsm8k": "bar_exam"}
    panel = replace(small_panel, benchmarks=small_panel.benchmarks.rename(index=twins),
                    scores=small_panel.scores.rename(columns=twins))  # fmt: skip
    assert found("bar_exam", panel).benchmarks == ("bar_exam",)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'bar_exam' or 'bar\.exam'"):
        found("bar-exam", panel)


def test_a_domain_in_capitals_is_no_benchmark_of_like_spelling(small_panel):
    twins = {"hellaswag": "K_nowledge"}
    panel = replace(small_panel, benchmarks=small_panel.benchmarks.rename(index=twins),
                    scores=small_panel.scores.rename(columns=twins))  # fmt: skip
    assert found("Knowledge", panel).benchmarks == ("mmlu",)


@pytest.mark.parametrize("word", ["humaneval", "HumanEval"])
def test_a_benchmark_of_other_views_is_told_with_them(small_panel, word):
    core = load_panel("core")
    for find in (find_benchmark, lambda name, panel: named_benchmarks(["mmlu_pro", name], panel)):
        with pytest.raises(UsageError, match=f"panel 'core' has no benchmark '{word}'. Views with it: .*; try --view "):
            find(word, core)
    with pytest.raises(UnknownNameError, match=f"No benchmark named '{word}'"):
        find_benchmark(word, small_panel)


@pytest.mark.parametrize("view", list(list_views()))
def test_every_benchmark_of_a_view_has_a_domain_of_the_house(view):
    told, panel = view_benchmarks(view), load_panel(view)
    assert told.index.tolist() == panel.benchmarks.index.tolist()
    assert told["unit"].tolist() == panel.benchmarks["unit"].tolist()
    known = benchmark_domains(told)
    assert known.tolist() == benchmark_domains(panel.benchmarks).tolist()
    assert set(known) <= set(benchmark_domains(view_benchmarks("core"))) | {
        "agents", "chat", "code", "composite", "images", "language", "long context", "multilingual", "preference",
        "writing",
    }  # fmt: skip
