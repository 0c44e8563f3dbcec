"""Figures of reports: what they show, that names and units are there, and that both palettes work."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from obslaws.backtest import backtest
from obslaws.errors import UnknownNameError, UsageError
from obslaws.query import query
from obslaws.report.backtest_figures import backtest_figure, cutoff_figure
from obslaws.report.html import figure_html
from obslaws.report.model_figures import card_figure, density_figure, families_figure, levels_figure
from obslaws.report.style import DARK, LIGHT, in_the_dark


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.fixture(scope="module")
def asked(small_panel):
    return query(small_panel, "alpha", n_params=20e9, n_tokens=18e12)


@pytest.fixture(scope="module")
def results(small_panel, line):
    told = {"panel": small_panel, "observed": 1, "groups": {"alpha": ("alpha",), "delta": ("delta",)}}
    return [backtest("leave-family-out", forecaster=name, **told) for name in ("logit-ols", "mean")]


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def figures(request, small_panel, line, asked, results):
    told = {"caption": "snapshot 2026-11-22 (0123456789ab)", "dark": request.param}
    return {
        "families": families_figure(line, ["alpha", "beta"], ["mmlu", "gsm8k"], **told),
        "levels": levels_figure(line, asked, "mmlu", **told),
        "card": card_figure(line, asked, asked.assign(mmlu=0.7)[["mmlu"]], **told),
        "density": density_figure(small_panel, "mmlu", **told),
        "backtest": backtest_figure(results, **told),
        "cutoff": cutoff_figure(small_panel, results[0], ["mmlu", "gsm8k"], **told),
    }


def test_every_figure_names_data_and_units(figures, tmp_path):
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
        assert "snapshot 2026-11-22" in words(figure).replace("\n", " "), name
        labels = [a.get_xlabel() + a.get_ylabel() for a in figure.axes]
        assert any("fraction" in text or "parameters" in text for text in labels), name


def test_page_holds_the_figure_twice_and_in_other_colours(figures):
    shown = figure_html(figures["card"], 'a "card" <b>')
    assert shown.count("data:image/svg+xml;base64,") == 2
    assert "<b>" not in shown and "prefers-color-scheme: dark" in shown


def test_palettes_have_no_colour_of_two_meanings():
    for palette in (LIGHT, DARK):
        assert len(set(palette.series)) == len(palette.series) == 6
    assert in_the_dark(f"{LIGHT.ground} {LIGHT.forecast}") == f"{DARK.ground} {DARK.forecast}"


def test_frontier_of_density_never_rises(small_panel):
    figure = density_figure(small_panel, "mmlu", [0.4, 0.6])
    steps = [line for line in figure.axes[0].lines if line.get_label().endswith("or more")]
    assert len(steps) == 2
    assert all((np.diff(step.get_ydata()) <= 0).all() for step in steps)


def test_what_cannot_be_drawn_is_said(small_panel, line, asked, results):
    with pytest.raises(UnknownNameError, match="Did you mean 'mmlu'"):
        levels_figure(line, asked, "mmlo")
    with pytest.raises(UnknownNameError, match="family"):
        families_figure(line, ["nobody"], ["mmlu"])
    other = dataclasses.replace(results[0], protocol="another")
    with pytest.raises(UsageError, match="several protocols"):
        backtest_figure([results[0], other])
