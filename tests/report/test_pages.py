"""Pages as people read them: on a phone, on paper, by keyboard, by ear."""

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from obslaws.report.html import figure_html, render, write_page
from obslaws.report.style import DARK, LIGHT, figure_style
from obslaws.report.tables import html_table

LONG = "an-organisation/A-Model-Of-A-Very-Long-Name-70B-Instruct-Preview"
WIDER = "[...document.querySelectorAll('main *')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"


def drawing():
    with figure_style():
        figure = Figure(figsize=(12, 2))
        figure.subplots().set(xlabel="size (count)")
    return figure_html(figure, "Scores (fractions) of made-up models.")


def numbers(n_columns=15):
    return pd.DataFrame({"model": [LONG], **{f"MMLU-Pro {at}": [0.123] for at in range(n_columns)}})


@pytest.fixture
def page(tmp_path):
    lines = Markup("<pre>{}</pre>").format("a line of output " * 20)
    body = drawing() + html_table(numbers()) + lines
    return write_page(render("report.html.j2", title="wide", caption="made up", body=body), tmp_path / "wide.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_that_goes_on_is_of_full_size_and_shows_a_shade(opened, page, tmp_path, scheme):
    ground = np.array(to_rgb((DARK if scheme == "dark" else LIGHT).ground))
    with opened(page, 390, scheme) as seen:
        drawn = seen.page.locator("figure img")
        assert drawn.evaluate("i => i.getBoundingClientRect().width >= 0.99 * i.naturalWidth")
        for scrolled, at in ((0, -3), (1e6, 2)):
            seen.page.locator("figure .scroll").evaluate(f"d => d.scrollLeft = {scrolled}")
            seen.page.locator("figure .scroll").screenshot(path=tmp_path / "shot.png")
            top = imread(tmp_path / "shot.png")[3, :, :3]
            assert np.abs(top[at] - ground).max() > 0.05 > 0.02 > np.abs(top[-1 - at] - ground).max()


def test_paper_cuts_nothing_off(opened, page):
    with opened(page, 718) as seen:  # A4 between its margins
        assert seen.page.evaluate(f"{WIDER}.length") > 0
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate(f"{WIDER}.map((e) => e.outerHTML.slice(0, 80))") == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 718


def test_paper_is_light(opened, page):
    with opened(page, 718, "dark") as seen:
        seen.page.emulate_media(media="print", color_scheme="dark")
        ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [390, 1400])
def test_a_long_name_is_shown_in_full_and_stays_in_sight(opened, page, width):
    with opened(page, width) as seen:
        head = seen.page.locator("tbody th")
        assert head.inner_text() == LONG
        assert head.evaluate("e => e.scrollWidth <= e.clientWidth && getComputedStyle(e).textOverflow == 'clip'")
        assert head.evaluate("e => e.getBoundingClientRect().width") <= 0.4 * width
        seen.page.locator(".scroll:has(table)").evaluate("d => d.scrollLeft = 1e6")
        assert head.evaluate("e => e.getBoundingClientRect().left") >= 0


def test_what_scrolls_is_reached_by_keyboard_and_has_a_name(opened, page):
    with opened(page, 390) as seen:
        reached = []
        for _ in range(2):
            seen.page.keyboard.press("Tab")
            reached.append(seen.page.evaluate("document.activeElement.getAttribute('aria-label')"))
            assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached[0] == "Figure" and reached[1].startswith("Table: model, MMLU-Pro 0")


def test_a_caption_says_what_is_drawn_and_is_heard_once():
    shown = drawing()
    words = "Scores (fractions) of made-up models."
    assert f"alt='{words}'" in shown and f"<figcaption aria-hidden='true'>{words}</figcaption>" in shown
