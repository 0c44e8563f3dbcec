"""Reports: one page each, every name as text, every figure with its snapshot."""

import dataclasses
import re
import sys
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.text import Text

from obslaws.errors import AssumptionWarning, UnknownNameError, UsageError
from obslaws.report import contents
from obslaws.report import notebook as notebooks
from obslaws.report.contents import Report, open_report, report_subject
from obslaws.report.html import link, render, write_page
from obslaws.report.notebook import NOTEBOOKS, notebook_page, run_notebook, write_pdf
from obslaws.report.scoreboard_page import scoreboard_html
from obslaws.report.sources import document_url
from obslaws.report.style import DARK, LIGHT
from obslaws.report.tables import html_table, members_table, sources_table

pytest.importorskip("jupytext")
KINDS = {"family": "alpha", "model": "acme/Alpha-7B", "benchmark": "mmlu"}
# a table, and the line with its data's day, hash and version before the next heading
CAPTIONS = """[...document.querySelectorAll('main table')].map((table) => {
  for (let at = table.closest('.scroll').nextElementSibling; at; at = at.nextElementSibling) {
    if (/^H[23]$/.test(at.tagName)) break;
    if (at.matches('.hint') && at.textContent.includes('obslaws 0.')) return true;
  }
  return false;
})"""
BROKEN = "[...document.images].filter((i) => !i.complete || !i.naturalWidth).length"


def test_every_report_has_its_notebook():
    assert {p.stem for p in NOTEBOOKS.glob("*.md")} == {*KINDS, "snapshot", "scoreboard"}
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
            assert seen.page.evaluate(BROKEN) == 0
            assert all(seen.page.evaluate(CAPTIONS))
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            assert "panel folder" in seen.page.locator("header").inner_text()
            assert not seen.errors and not seen.outside()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_goes_on_shows_a_shade_on_that_side(opened, tmp_path, scheme):
    cells = "".join(f"<td>number {at}</td>" for at in range(40))
    body = Markup(f"<div class='scroll'><table><tr>{cells}</tr></table></div>")
    page = render("report.html.j2", title="wide", caption="made up", body=body)
    path = write_page(page, tmp_path / "wide.html")

    def edges(seen):
        shot = tmp_path / "shot.png"
        seen.page.locator(".scroll").screenshot(path=shot)
        seen_ = imread(shot)[3, :, :3]  # above the words
        return seen_[2], seen_[-3]

    with opened(path, 390, scheme) as seen:
        ground = np.array(to_rgb((DARK if scheme == "dark" else LIGHT).ground))
        left, right = edges(seen)
        assert np.abs(left - ground).max() < 0.02 < 0.05 < np.abs(right - ground).max()
        seen.page.evaluate("document.querySelector('.scroll').scrollLeft = 1e6")
        left, right = edges(seen)
        assert np.abs(right - ground).max() < 0.02 < 0.05 < np.abs(left - ground).max()


def test_a_table_that_fits_has_no_shade(opened, tmp_path):
    # a width between two pixels left a hairline
    cell = "<table><tr><td>a</td></tr></table>"
    tables = "".join(
        f"<div class='scroll' style='width: {300 + at / 8}px; height: {40 + at / 8}px'>{cell}</div>" for at in range(8)
    )
    page = render("report.html.j2", title="a", caption="made up", body=Markup(tables))
    with opened(write_page(page, tmp_path / "fits.html"), 1280, "dark") as seen:
        box = seen.page.locator("main").bounding_box()
        seen.page.screenshot(path=tmp_path / "shot.png", full_page=True)
        left, top, height = (round(box[side]) for side in ("x", "y", "height"))
    shown = imread(tmp_path / "shot.png")[top : top + height, left + 250 : left + 330, :3]
    assert np.abs(shown - to_rgb(DARK.ground)).max() < 0.1  # the line below the row is in the first 100 pixels


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
    with pytest.warns(AssumptionWarning, match="read as 'alpha'"):
        assert report_subject("family", "al pha", report) == "alpha"
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


def test_the_benchmark_asked_for_stands_first_and_then_those_that_most_have(small_panel):
    scores = small_panel.scores.copy()
    scores.iloc[1:, scores.columns.get_loc("mmlu")] = float("nan")
    panel = dataclasses.replace(small_panel, scores=scores)
    heads = re.findall(r'<th scope="col">([^<]*)', members_table(panel, list(scores.index), None, first="gsm8k"))
    titles = [str(panel.benchmarks["title"][b]) for b in scores.columns]
    assert heads[4] == str(panel.benchmarks["title"]["gsm8k"]) and set(heads[4:]) == set(titles)
    assert heads[-1] == str(panel.benchmarks["title"]["mmlu"])


def test_sources_fit_their_page_with_licence_and_citation(tmp_path, opened):
    words = {"title": "words " * 8, "licence": "unstated upstream " * 4, "citation": "Author et al. (2024). " * 4}
    one = words | {"scores": 1, "facts": 2, "retrieved": "2024-01-01", "revision": f"{'a1' * 20}; hal-*: {'b2' * 20}"}
    table = sources_table({"every-eval-ever": one})
    assert "a1a1a1a1a1a1; hal-*: b2b2b2b2b2b2" in table
    path = write_page(render("report.html.j2", title="t", caption="c", body=table), tmp_path / "page.html")
    with opened(path, 1280) as seen:
        assert seen.page.evaluate(
            "[...document.querySelectorAll('.scroll')].every(d => d.scrollWidth <= d.clientWidth)"
        )


def test_figures_of_a_notebook_are_on_its_page(tmp_path):
    path = tmp_path / "drawn.py"
    drawn = "f = Figure(figsize=(1, 1))\nf.subplots()"
    path.write_text(
        f"# %%\nfrom matplotlib.figure import Figure\nfrom obslaws.report.style import figure_style\n\n{drawn}\nf\n"
        f"# %%\nwith figure_style():\n    {drawn.replace(chr(10), chr(10) + '    ')}\nf\n",
        encoding="utf-8",
    )
    page = notebook_page(run_notebook(path), "drawn", "", code=True)
    assert page.count("<picture>") == 2 and "%matplotlib" not in page
    plain, styled = (re.findall("base64,([^'\"]*)", part) for part in page.split("<picture>")[1:])
    assert plain[0] == plain[1]  # nobody knows which of its colours mean what
    dark, light = (b64decode(one).decode("utf-8") for one in styled)
    assert DARK.ground in dark and LIGHT.ground not in dark and LIGHT.ground in light


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["record", "hostile_record"])
def test_report_on_a_scoreboard(kind, request, tmp_path, opened):
    """From the file alone, in a browser; names of forecasters are text whatever they hold."""
    record, rows = request.getfixturevalue(kind), tmp_path / "scoreboard.csv"
    rows.write_text(record.to_csv(), encoding="utf-8")
    done = run_notebook(NOTEBOOKS / "scoreboard.md", {"name": str(rows)})
    path = write_page(notebook_page(done, "Scoreboard", record.caption), tmp_path / "page.html")
    for width, scheme in ((1400, "light"), (390, "dark")):
        with opened(path, width, scheme) as seen:
            page = seen.page
            assert page.title() == "Scoreboard - obslaws"
            assert page.locator("table").count() == 2 and page.locator("img").count() == 2
            assert set(page.locator("tbody th").all_text_contents()) == set(record.table["forecaster"])
            assert page.locator("main b, main i").count() == 0 and page.evaluate(BROKEN) == 0
            assert all(page.evaluate(CAPTIONS))
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert not seen.errors and not seen.outside()
            links = page.locator("main a[href^=http]").count()
            assert links > 0 if kind == "record" else links == 0 and "is not on this machine" in page.content()


@pytest.mark.slow
def test_hostile_names_in_a_report_are_text(hostile_folder, hostile_names, tmp_path, opened):
    family = '<i>beta</i> & "co"'
    parameters = {"name": "alpha", "panel_folder": str(hostile_folder), "benchmark": "mmlu"}
    for kind in ("family", "benchmark"):
        name = {"family": "alpha", "benchmark": "mmlu"}[kind]
        told = {k: v for k, v in {**parameters, "name": name}.items() if kind == "family" or k != "benchmark"}
        done = run_notebook(NOTEBOOKS / f"{kind}.md", told)
        path = write_page(notebook_page(done, f"{kind} {family}", "obslaws 0.1.0"), tmp_path / f"{kind}.html")
        with opened(path, 390) as seen:
            page = seen.page
            assert page.title() == f"{kind} {family} - obslaws"
            assert set(hostile_names) <= set(page.locator("tbody th").all_text_contents())
            assert page.locator("main b, main i, main img[onerror]").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert not seen.errors and not seen.outside()


def test_every_known_number_links_to_its_source():
    report = open_report()
    members = report.members("qwen2.5")
    table = report.members_table(members)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table)
    numbers = [cell for cell in cells if re.search(r"\d", re.sub("<[^>]*>", "", cell))]
    assert len(numbers) == members[["n_params", "n_tokens", "release_date"]].size + 42
    assert all(cell.startswith(('<a href="https://', '<a href="#source-')) for cell in numbers)
    # size, tokens and date of the base models lead to the document that states them
    assert '<a href="https://arxiv.org/abs/2412.15115" rel="noreferrer">18T</a>' in table
    inside = set(re.findall(r'href="#(source-[^"]*)"', table))
    assert inside <= set(re.findall(r'id="([^"]*)"', table))


def test_claims_link_their_source_and_document():
    table = open_report().claims_table("Qwen/Qwen2.5-14B")
    assert '<a href="https://arxiv.org/abs/2412.15115" rel="noreferrer">Qwen2.5 Technical Report</a>' in table
    assert ">14.8B<" in table and ">1.6e24 FLOP<" in table
    assert set(re.findall(r'href="#(source-[^"]*)"', table)) <= set(re.findall(r'id="([^"]*)"', table))


def test_addresses_are_found_in_what_sources_write():
    assert document_url("A report <https://example.org/a>, page 2") == "https://example.org/a"
    assert document_url("https://example.org/b") == "https://example.org/b"
    assert document_url("variant") is None and document_url(float("nan")) is None


def test_the_page_of_the_command_is_that_of_the_report(hostile_record):
    page = scoreboard_html(hostile_record)
    assert page.count("data:image/svg+xml") == 4 and page.count("<table") == 2
    assert "<script>document" not in page and "&lt;script&gt;document" in page


def test_every_figure_of_a_report_names_its_data(small_panel, monkeypatch):
    drawn = {}
    monkeypatch.setattr(contents, "figure_html", lambda figure, words: drawn.setdefault(words, figure) and Markup())
    report = Report(small_panel)
    members = report.members("alpha")
    query = report.next_size(members)
    report.family_figure(query), report.levels(query, "mmlu"), report.rivals(members, "mmlu")
    report.families("mmlu"), report.density("mmlu"), report.expected_figure("acme/Alpha-7B")
    assert len(drawn) == 7
    for words, figure in drawn.items():
        text = " ".join(part.get_text() for part in figure.findobj(Text)).replace("\n", " ")
        assert report.caption in text, words
