import re
from pathlib import Path

import pytest

from obslaws.errors import UsageError
from obslaws.report.contents import open_report
from obslaws.scoreboard.races import RACES

pytest.importorskip("jupytext")
COMMITTED = Path(__file__).parents[2] / "docs" / "scoreboard.csv"


@pytest.mark.slow
def test_report_on_the_snapshot(run, tmp_path):
    ran = run("report", "snapshot", "--output", tmp_path / "snapshot.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "snapshot.html").read_text(encoding="utf-8")
    assert re.search(r"snapshot 20\d\d-\d\d-\d\d \([0-9a-f]{12}\), obslaws", page)
    assert page.count("<table") == 4 and "open-llm-v2" in page
    assert "<title>Snapshot - obslaws</title>" in page
    assert "Page made by <code>obslaws report snapshot</code>" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|https?://|#)""", page)
    assert "<script src" not in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["family", "alpa"], "Did you mean 'alpha'"),
        (["family", "alpha", "--output", "page.txt"], "must end in .html"),
        (["model", "nobody"], "No model named 'nobody'"),
    ],
)
def test_report_refuses_before_it_runs(run, small_folder, arguments, words):
    ran = run("report", *arguments, "--panel", small_folder)
    assert ran.code == 1 and words in ran.err and "Running" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("family", "AL-PHA"), "alpha.html"),
        (("benchmark", "MMLU"), "mmlu.html"),
        (("model", "alpha-7b"), "Alpha-7B.html"),
        (("model", "ACME/alpha-7b"), "acme-Alpha-7B.html"),
    ],
)
def test_a_page_is_called_as_its_subject_is_spelled(run, small_folder, tmp_path, monkeypatch, arguments, file):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("obslaws.report.notebook.run_notebook", lambda path, parameters: None)
    monkeypatch.setattr("obslaws.report.notebook.notebook_page", lambda *_, **__: "<p>a page")
    ran = run("report", *arguments, "--panel", small_folder)
    assert ran.code == 0, ran.err
    assert [path.name for path in tmp_path.iterdir()] == [file] and f"Page: {file}" in ran.out


def test_own_models_join_those_of_a_report(run, small_folder, tmp_path, monkeypatch):
    own = tmp_path / "mine"
    own.mkdir()
    (own / "models.csv").write_text("model,family,n_params,n_tokens\nus/a,tiny,1e9,1e12\n", encoding="utf-8")
    (own / "scores.csv").write_text("model,benchmark,score\nus/a,mmlu,0.3\n", encoding="utf-8")
    given = {}

    def told(path, parameters):
        given.update(parameters)
        raise UsageError("far enough")

    monkeypatch.setattr("obslaws.report.notebook.run_notebook", told)
    ran = run("report", "family", "Tiny", "--panel", small_folder, "--add", own)
    assert "far enough" in ran.err
    assert given["name"] == "tiny" and given["add_folder"] == str(own.resolve())
    report = open_report("core", add_folder=given["add_folder"])
    assert "core and 1 model of folder mine" in report.caption
    page = report.members_table(report.members("tiny")).replace("<wbr>", "")
    assert "us/a" in page and "Sources" not in page
    assert "Sources. " in report.members_table(report.members("llama-2"))
    assert "your own tables are the only one" in report.claims_table("us/a")
    assert "<table" in report.claims_table("meta-llama/Llama-2-7b-hf")


def test_report_on_a_scoreboard_needs_its_rows(run, tmp_path):
    ran = run("report", "scoreboard", tmp_path / "mine.csv")
    assert ran.code == 1 and "Write it with: obslaws scoreboard --output mine.csv" in ran.err.replace("\n", " ")
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ran = run("report", "scoreboard", tmp_path / "mine.csv", "--output", tmp_path / "page.html")
    assert ran.code == 1 and "no column 'race'" in ran.err.replace("\n", " ") and "Running" not in ran.err


@pytest.mark.slow
def test_report_on_the_committed_scoreboard(run, tmp_path):
    ran = run("report", "scoreboard", COMMITTED, "--output", tmp_path / "page.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Page made by <code>obslaws report scoreboard scoreboard.csv</code>" in page
    assert page.count("<table") == len(RACES) and page.count("data:image/svg+xml") == 4
    assert re.search(r"snapshot 20\d\d-\d\d-\d\d \([0-9a-f]{12}\), obslaws", page)
