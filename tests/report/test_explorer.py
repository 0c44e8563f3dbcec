"""The explorer forecasts what the library forecasts, in a page that needs nothing but itself."""

import json
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import obslaws
from obslaws.errors import UsageError
from obslaws.forecasters import large
from obslaws.forecasters.base import complete_queries
from obslaws.panel import read_panel
from obslaws.report.explorer import explorer_data, explorer_page
from obslaws.report.html import json_for_script, render, serve_page, write_page
from obslaws.simulate import simulate_board


@pytest.fixture(scope="module")
def small(small_panel):
    return obslaws.SkillForecaster().fit(small_panel)


@pytest.fixture(scope="module")
def small_page(small, tmp_path_factory):
    return write_page(explorer_page(explorer_data(small)), tmp_path_factory.mktemp("page") / "small.html")


@pytest.fixture(scope="module")
def core():
    # without the replays that calibrate the intervals: they take most of the time, and the small panel has them
    return obslaws.SkillForecaster(calibrate=False).fit(obslaws.load_panel("core"))


@pytest.fixture(scope="module")
def board():
    """A panel for which the solver of large ones answers, a benchmark that nobody was scored on among its 15."""
    panel = simulate_board(n_models=400, n_benchmarks=15, fill=0.2, random_state=3).panel
    panel.scores["benchmark_4"] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "DENSE_PRODUCTS", 0.0)
        fitted = obslaws.SkillForecaster().fit(panel)
        assert fitted.is_large_
        explorer_data(fitted)  # which learns how far intervals are stretched: the fits that this repeats are large too
    return fitted


@pytest.fixture(scope="module")
def board_page(board, tmp_path_factory):
    return write_page(explorer_page(explorer_data(board)), tmp_path_factory.mktemp("page") / "board.html")


def random_queries(forecaster, data, n, seed=0):
    """Draw questions as the page asks them, and as the library takes them."""
    rng = np.random.default_rng(seed)
    panel, asked, rows, known = forecaster.panel_, [], [], []
    n_benchmarks = panel.scores.shape[1]
    for i in range(n):
        at = int(rng.integers(len(data["families"]))) if i > 2 else (0, 1, len(data["families"]) - 1)[i]
        one = data["families"][at]
        size, tokens = float(10 ** rng.uniform(7.5, 11.8)), float(10 ** rng.uniform(10, 13.7))
        active = size * float(rng.choice([1.0, 0.15]))
        variant = str(rng.choice(["base", "chat", "unknown"]))
        date = None if rng.random() < 0.4 else str(np.datetime64("2021-06-01") + int(rng.integers(2000)))
        scores = np.where(
            rng.random(n_benchmarks) < (0.4 if i % 2 else 0.0), rng.uniform(0.05, 0.95, n_benchmarks), np.nan
        )
        asked.append(
            {"family": at, "n_params": size, "n_active_params": active, "n_tokens": tokens, "variant": variant,
             "release_date": date, "scores": [None if np.isnan(s) else float(s) for s in scores]}
        )  # fmt: skip
        rows.append(
            {"family": one["family"], "base_family": one["base_family"], "n_params": size, "n_active_params": active,
             "n_tokens": tokens, "variant": variant, "release_date": date}
        )  # fmt: skip
        known.append(scores)
    index = [f"question {i}" for i in range(n)]
    return asked, pd.DataFrame(rows, index=index), pd.DataFrame(known, index=index, columns=panel.scores.columns)


def largest_difference(seen, forecaster, data, n, level=0.9):
    asked, rows, known = random_queries(forecaster, data, n)
    there = seen.page.evaluate("([q, level]) => q.map((one) => explorer.forecast(one, level)).flat()", [asked, level])
    # one by one, as the page asks: a score that one question tells of a benchmark nobody was scored on tells of all
    here = pd.concat([forecaster.forecast(rows[i : i + 1], known[i : i + 1], level=level) for i in range(n)])
    there = pd.DataFrame(there)
    assert there["benchmark"].tolist() == here["benchmark"].tolist()
    assert there["basis"].tolist() == here["basis"].tolist()
    columns = ["forecast", "lower", "upper"]
    return float(np.abs(there[columns].to_numpy(dtype=float) - here[columns].to_numpy()).max())


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_forecasts_of_the_page_are_those_of_the_library(opened, small, small_page, level):
    with opened(small_page) as seen:
        assert largest_difference(seen, small, explorer_data(small), 40, level) < 1e-6


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_forecasts_of_the_page_of_a_large_panel_are_those_of_the_library(opened, board, board_page, level):
    with opened(board_page) as seen:
        assert largest_difference(seen, board, explorer_data(board), 40, level) < 1e-6
        seen.page.wait_for_selector("body[data-ready]")
        assert seen.page.locator("#forecasts tbody tr").count() == 15
        assert not seen.errors and not seen.outside()


def test_a_page_of_a_large_panel_takes_no_room_for_pairs_of_benchmarks(board, board_page):
    panel, n_cells = board.panel_, board.panel_.n_cells
    n_benchmarks, n_relatives = panel.scores.shape[1], len(explorer_data(board)["families"])
    # a packed number takes six letters; mean and covariance of each family would take 15 benchmarks times eight of them
    numbers = 2 * (n_relatives * (4 + 16) + 2 * n_cells) + 40 * n_benchmarks
    assert board_page.stat().st_size < 60_000 + 500 * (len(panel.models) + n_relatives) + 6 * numbers


def test_a_score_that_no_curve_reaches_moves_the_page_as_the_library(opened, small_panel, tmp_path):
    """Told of a benchmark that nobody was scored on: prior wide, steps that never come to rest."""
    panel = replace(small_panel, scores=small_panel.scores.assign(hellaswag=np.nan))
    fitted = obslaws.SkillForecaster(calibrate=False).fit(panel)
    data, asked, rows = explorer_data(fitted), [], []
    for size in (3e7, 1e9, 7e10):
        query = {"n_params": size, "n_active_params": size, "n_tokens": 1e12, "variant": "base", "release_date": None}
        asked += [{"family": 0, **query, "scores": [None, None, told]} for told in (0.1, 0.94, 0.97)]
        rows += [query | {"family": "new", "base_family": "new"}] * 3
    rows = pd.DataFrame(rows, index=[f"question {i}" for i in range(len(rows))])
    known = pd.DataFrame({"hellaswag": [one["scores"][2] for one in asked]}, index=rows.index)
    here = fitted.forecast(rows, known)
    with opened(write_page(explorer_page(data), tmp_path / "page.html")) as seen:
        there = pd.DataFrame(seen.page.evaluate("(q) => q.map((one) => explorer.forecast(one, 0.9)).flat()", asked))
    columns = ["forecast", "lower", "upper"]
    assert np.abs(there[columns].to_numpy(dtype=float) - here[columns].to_numpy()).max() < 1e-6


def test_between_siblings_the_page_has_the_factor_of_the_library(opened, small, small_page):
    data = explorer_data(small)
    at = next(i for i, sizes in enumerate(data["siblings"]["sizes"]) if len(set(sizes)) > 1)
    one, sizes = data["families"][at], data["siblings"]["sizes"][at]
    assert one["stretch"]["between"] != one["stretch"]["within"]
    low, high = min(sizes), max(sizes)
    params = 2.0 ** np.array([low - 0.5, low, (low + high) / 2.0, high, high + 0.5])
    tokens = one["n_tokens"] / 4.0  # far below the most compute
    rows = [{"n_params": n, "n_active_params": n, "n_tokens": tokens} for n in params.tolist()]
    known = {"family": one["family"], "base_family": one["base_family"], "variant": "base"}
    here = small.forecast(pd.DataFrame(rows).assign(**known))
    asked = [row | {"family": at, "variant": "base", "release_date": None, "scores": None} for row in rows]
    with opened(small_page) as seen:
        there = pd.DataFrame(seen.page.evaluate("(q) => q.map((one) => explorer.forecast(one, 0.9)).flat()", asked))
    columns = ["forecast", "lower", "upper"]
    assert np.abs(there[columns].to_numpy(dtype=float) - here[columns].to_numpy()).max() < 1e-6


def test_covariates_of_the_page_are_those_of_the_library(opened, small, small_page):
    """Known families, a new one of a known series, one of none; sizes above and below the smallest, or unknown."""
    data = explorer_data(small)
    assert {one["kind"] for one in data["families"]} >= {"family", "pooled"}
    assert data["siblings"]["smallest"][0] is None and len(data["siblings"]["smallest"]) == len(data["families"])
    sizes, asked, rows = [1e7, 3e9, 4e11, None], [], []
    for at, one in enumerate(data["families"]):
        for size in sizes:
            query = {
                "n_params": size,
                "n_active_params": size,
                "n_tokens": 2e12,
                "variant": "base",
                "release_date": None,
            }
            asked.append({"family": at, **query})
            rows.append({"family": one["family"], "base_family": one["base_family"], **query})
    models = complete_queries(pd.DataFrame(rows, index=[f"question {i}" for i in range(len(rows))]))
    who = small.relatives(models)
    wanted = who.covariates, who.covariate_cov
    with opened(small_page) as seen:
        found = seen.page.evaluate(
            "([data, asked]) => asked.map((one) => "
            "arithmetic.covariates(data.scale, data.siblings, data.families[one.family], one))",
            [data, asked],
        )
    for name, part in zip(("x", "cov"), wanted, strict=True):
        np.testing.assert_allclose([one[name] for one in found], part, atol=1e-9)


@pytest.mark.slow
def test_page_of_the_bundled_snapshot(opened, core, tmp_path):
    data = explorer_data(core)
    path = write_page(explorer_page(data), tmp_path / "core.html")
    assert path.stat().st_size < 3e6
    with opened(path) as seen:
        assert largest_difference(seen, core, data, 30) < 1e-6
        assert not seen.errors and not seen.outside()


def test_page_is_silent_and_asks_nobody(opened, small_page):
    for width, scheme in ((1400, "light"), (390, "dark")):
        with opened(small_page, width, scheme) as seen:
            seen.page.wait_for_selector("body[data-ready]")
            assert seen.page.locator("#forecasts tbody tr").count() == 3
            assert seen.page.locator("#members tbody tr").count() == 6
            assert seen.page.locator("#charts svg").count() == 3
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            assert not seen.errors and not seen.outside()


def test_page_is_soon_ready(opened, small_page):
    with opened(small_page) as seen:
        seen.page.wait_for_selector("body[data-ready]")
        assert seen.page.locator("body").get_attribute("data-ready") is not None
        # the arithmetic alone: a machine with other work to do still answers while a slider moves
        assert (
            seen.page.evaluate(
                "(() => { const t = performance.now(); explorer.rows(); return performance.now() - t; })()"
            )
            < 100
        )


def first_row(seen):
    return seen.page.locator("#forecasts tbody tr").first.inner_text()


def changes(seen, act):
    before = first_row(seen)
    act()
    seen.page.wait_for_function("(old) => document.querySelector('#forecasts tbody tr').innerText !== old", arg=before)
    return before, first_row(seen)


WIDTH_OF_PLACEHOLDER = """(field) => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = getComputedStyle(field).font;
  return pen.measureText(field.placeholder).width;
}"""
ROOM = """(field) => {
  const style = getComputedStyle(field);
  return field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_an_unknown_score_says_so_in_full(opened, small_page, width):
    with opened(small_page, width) as seen:
        seen.page.locator("#known summary").click()
        field = seen.page.locator("#known input[placeholder=unknown]").first
        assert field.evaluate(WIDTH_OF_PLACEHOLDER) <= field.evaluate(ROOM)


def test_sliders_by_keyboard_move_the_forecast(opened, small_page):
    with opened(small_page) as seen:
        page = seen.page
        page.locator("#size").focus()
        changes(seen, lambda: page.keyboard.press("PageDown"))
        page.locator("#tokens").focus()
        changes(seen, lambda: page.keyboard.press("PageDown"))
        page.locator("#known summary").focus()
        page.keyboard.press("Enter")
        page.locator("#known-1").focus()
        _, now = changes(seen, lambda: page.keyboard.press("ArrowRight"))
        assert "own scores" in now
        assert "already has, and the law of its family" in page.locator("#basis").inner_text()
        changes(seen, lambda: page.locator("#forget").press("Enter"))
        changes(seen, lambda: page.locator("#size-text").fill("700M"))
        page.locator("#size-text").fill("seven")
        assert page.locator("#size-text").get_attribute("aria-invalid") == "true"
        changes(seen, lambda: page.locator("#level").select_option("0.5"))
        changes(seen, lambda: page.locator("#compare").select_option(label="gamma (3 known)"))
        assert page.locator("#forecasts thead").inner_text().strip().endswith("gamma\tbasis")
        assert not seen.errors


def test_search_finds_models_and_download_gives_csv(opened, small_page, tmp_path):
    with opened(small_page) as seen:
        page = seen.page
        page.locator("#search").fill("beta-7b")
        page.locator("#search").press("Enter")
        page.wait_for_function("document.getElementById('size-text').value === '7B'")
        assert page.locator("#family").evaluate("(e) => e.selectedOptions[0].text") == "beta (4 known)"
        assert page.locator("circle.found").count() == 3
        page.locator("#search").fill("nobody")
        page.locator("#search").press("Enter")
        assert "No family" in page.locator("#found").inner_text()
        with page.expect_download() as caught:
            page.locator("#download").click()
        frame = pd.read_csv(caught.value.path())
        assert frame["benchmark"].tolist() == ["mmlu", "gsm8k", "hellaswag"]
        assert (frame["lower"] < frame["forecast"]).all() and frame["caption"].str.contains("obslaws").all()


def test_hover_names_the_model(opened, small_page):
    with opened(small_page) as seen:
        dot = seen.page.locator("circle.dot").first
        dot.scroll_into_view_if_needed()
        dot.hover(force=True)
        seen.page.wait_for_selector("#tip:not([hidden])")
        assert "parameters" in seen.page.locator("#tip").inner_text()


def test_hostile_names_are_shown_as_text(opened, hostile_folder, hostile_names, tmp_path):
    forecaster = obslaws.SkillForecaster(calibrate=False).fit(read_panel(hostile_folder))
    path = write_page(explorer_page(explorer_data(forecaster)), tmp_path / "hostile.html")
    for width in (1400, 390):
        with opened(path, width) as seen:
            page = seen.page
            assert page.title() == "obslaws explorer"
            page.locator("#family").select_option(label="alpha (6 known)")
            page.wait_for_function("document.querySelectorAll('#members tbody tr').length === 6")
            shown = page.locator("#members tbody th").all_text_contents()
            assert set(shown) == set(hostile_names)
            page.locator("#compare").select_option(label='<i>beta</i> & "co" (4 known)')
            page.wait_for_selector("#compared li")
            assert page.locator("img, i, b").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert not seen.errors and not seen.outside()


def test_json_survives_its_element(hostile_names):
    hostile = {"a": [*hostile_names, "\u2028<!--"]}
    text = json_for_script(hostile)
    assert "<" not in text and json.loads(text) == hostile
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_for_script({"a": float("nan")})


def test_titles_are_escaped():
    page = render("page.html.j2", title="<script>1</script>", caption="a & b")
    assert "<script>1" not in page and "a &amp; b" in page


def test_only_the_skill_model_can_be_exported(line):
    with pytest.raises(UsageError, match="straight-line"):
        explorer_data(line)


def test_served_page_is_the_page_and_nothing_else():
    with serve_page("<p>here</p>") as (server, address):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with urllib.request.urlopen(address) as answer:
                assert answer.read() == b"<p>here</p>"
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            with pytest.raises(urllib.error.HTTPError, match="404") as refused:
                urllib.request.urlopen(address + "etc/passwd")
            refused.value.close()
            port = server.server_address[1]
            with pytest.raises(UsageError, match="--port"), serve_page("", port):
                pass
        finally:
            server.shutdown()
            thread.join()
