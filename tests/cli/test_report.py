import re

import pytest

pytest.importorskip("jupytext")


@pytest.mark.slow
def test_report_on_the_snapshot(run, tmp_path):
    ran = run("report", "snapshot", "--output", tmp_path / "snapshot.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "snapshot.html").read_text(encoding="utf-8")
    assert re.search(r"snapshot 20\d\d-\d\d-\d\d \([0-9a-f]{12}\), obslaws", page)
    assert page.count("<table") == 4 and "open-llm-v2" in page
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
