"""Reports: one page each, every name as text, every figure with its snapshot."""

import re
import sys

import pandas as pd
import pytest

from obslaws.errors import UnknownNameError, UsageError
from obslaws.report import notebook as notebooks
from obslaws.report.contents import Report, report_subject
from obslaws.report.html import link, write_page
from obslaws.report.notebook import NOTEBOOKS, notebook_page, run_notebook, write_pdf
from obslaws.report.tables import html_table

pytest.importorskip("jupytext")
KINDS = {"family": "alpha", "model": "acme/Alpha-7B", "benchmark": "mmlu"}


def test_every_report_has_its_notebook():
    assert {p.stem for p in NOTEBOOKS.glob("*.md")} == {*KINDS, "snapshot"}
    for path in NOTEBOOKS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert 'tags=["parameters"]' in text and "## What this cannot tell" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_report_of_ones_own_panel(kind, small_folder, small_panel, tmp_path, opened):
    done = run_notebook(NOTEBOOKS / f"{kind}.md", {"name": KINDS[kind], "panel_folder": str(small_folder)})
    report = Report(small_panel)
    page = notebook_page(done, f"{kind} <script>1</script>", report.caption)
    path = write_page(page, tmp_path / "page.html")
    for width, scheme in ((1400, "light"), (390, "dark")):
        with opened(path, width, scheme) as seen:
            assert seen.page.locator("table").count() >= 1
            assert seen.page.locator("img").count() >= 1
            broken = seen.page.evaluate("[...document.images].filter((i) => !i.complete || !i.naturalWidth).length")
            assert broken == 0
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            assert "panel folder" in seen.page.locator("header").inner_text()
            assert not seen.errors and not seen.outside()


def test_pdf_is_printed(chromium, tmp_path):
    page = write_page("<!DOCTYPE html><title>a</title><p>b", tmp_path / "a.html")
    assert write_pdf(page, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_pdf_without_a_browser_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(notebooks, "find_browser", lambda: None)
    with pytest.raises(UsageError, match="leave --pdf out"):
        write_pdf(tmp_path / "a.html", tmp_path / "a.pdf")


def test_without_the_extra_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(UsageError, match=re.escape("pip install 'obslaws[notebook]'")):
        run_notebook(NOTEBOOKS / "family.md")


def test_a_failing_cell_is_one_line(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("# %%\nraise ValueError('no such thing')\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"bad\.py failed: ValueError: no such thing"):
        run_notebook(path)
    with pytest.raises(UsageError, match="takes no parameters"):
        run_notebook(path, {"a": 1})


def test_subjects_are_found_or_the_nearest_is_offered(small_panel):
    report = Report(small_panel)
    assert report_subject("family", "ALPHA", report) == "alpha"
    assert report_subject("model", "alpha-7b", report) == "acme/Alpha-7B"
    assert report_subject("benchmark", "MMLU", report) == "mmlu"
    for kind, name in (("family", "alpa"), ("model", "alpha-8b"), ("benchmark", "mmlo")):
        with pytest.raises(UnknownNameError, match="Did you mean"):
            report_subject(kind, name, report)


def test_names_in_tables_are_text_and_links_are_addresses():
    frame = pd.DataFrame({"model": ["<script>1</script>"], "score": [0.5]})
    links = pd.DataFrame({"score": ["javascript:alert(1)"], "model": ['https://example.org/?"><b>']})
    table = html_table(frame, {"score": lambda s: f"{s:.2f}"}, links)
    assert "<script>" not in table and "javascript" not in table and "<b>" not in table
    assert link("a", "https://example.org") == '<a href="https://example.org" rel="noreferrer">a</a>'


def test_figures_of_a_notebook_are_on_its_page(tmp_path):
    path = tmp_path / "drawn.py"
    path.write_text(
        "# %%\nfrom matplotlib.figure import Figure\n\nf = Figure(figsize=(1, 1))\nf.subplots()\nf\n", encoding="utf-8"
    )
    page = notebook_page(run_notebook(path), "drawn", "", code=True)
    assert page.count("data:image/png;base64") == 1 and "%matplotlib" not in page
