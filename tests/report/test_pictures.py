"""Figures of reports: what they show, that names and units are there, and that both palettes work."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import obslaws
from obslaws.backtest import backtest
from obslaws.capability.compute_law import fit_compute_law
from obslaws.capability.factor import CapabilityFactors
from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import UnknownNameError, UsageError
from obslaws.quantities import format_name
from obslaws.query import query
from obslaws.report.backtest_figures import backtest_figure, cutoff_figure
from obslaws.report.capability_figures import capability_figure, capability_unit, efficiency_figure
from obslaws.report.figures import forecast_figure
from obslaws.report.html import figure_html
from obslaws.report.model_figures import card_figure, density_figure, families_figure, levels_figure
from obslaws.report.scoreboard_figures import errors_figure, reliability_figure
from obslaws.report.selection_figures import benchmarks_figure, chosen_models_figure
from obslaws.report.style import DARK, LIGHT, in_the_dark, legend_above


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
def figures(request, small_panel, line, asked, results, record):
    told = {"caption": "snapshot 2026-11-22 (0123456789ab)", "dark": request.param}
    return {
        "families": families_figure(line, ["alpha", "beta"], ["mmlu", "gsm8k"], **told),
        "levels": levels_figure(line, asked, "mmlu", **told),
        "card": card_figure(line, asked, asked.assign(mmlu=0.7)[["mmlu"]], **told),
        "density": density_figure(small_panel, "mmlu", **told),
        "backtest": backtest_figure(results, **told),
        "cutoff": cutoff_figure(small_panel, results[0], ["mmlu", "gsm8k"], **told),
        "errors": errors_figure(record.table, **told),
        "reliability": reliability_figure(record.reliability, **told),
        "benchmarks": benchmarks_figure(
            9.0,
            pd.DataFrame({"benchmark": ["mmlu", "gsm8k"], "error_left": [4.0, 1.0]}),
            pd.DataFrame({"benchmark": ["mmlu", "gsm8k"], "reduction": [3.0, 1.0], "reduction_others": [2.0, 0.5]}),
            "a model",
            **told,
        ),
        "chosen": chosen_models_figure(
            pd.DataFrame(np.eye(3), list("abc"), ["capability_1", "capability_2", "capability_3"]),
            pd.DataFrame({"family": ["x"]}, ["a"]),
            pd.DataFrame({"budget": [1, 2], "efficiency": [0.2, 0.4]}),
            **told,
        ),
    }


def test_every_figure_names_data_and_units(figures, tmp_path):
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
        assert "snapshot 2026-11-22" in words(figure).replace("\n", " "), name
        assert without_unit(figure) == [], name


def test_no_words_are_cut_by_the_rim(figures):
    assert {name: found for name, figure in figures.items() if (found := cut(figure))} == {}


def test_a_legend_takes_the_columns_that_fit():
    figure = Figure(figsize=(5.6, 3), layout="constrained")
    signs = [figure.subplots().plot([0, 1], [0, 1])[0]] * 6
    legend_above(figure, signs, [f"qwen{n}-instruct" for n in range(6)])
    assert cut(figure) == []
    assert 1 < figure.legends[0]._ncols < 6


def cut(figure):
    """Words that reach beyond the figure on a side; ticks outside of their axes are never drawn."""
    figure.draw_without_rendering()
    shown = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for ax in figure.axes:
        shown += [*ax.texts, ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown if text.get_text()]
    return [word for word, box in boxes if box.x0 < -1 or box.x1 > figure.bbox.x1 + 1]


def without_unit(figure):
    """Titles of axes that do not end with a unit in brackets, and numbers without any title."""
    found = []
    titled = {kind for ax in figure.axes for kind in "xy" if getattr(ax, f"{kind}axis").get_label_text()}
    for ax in figure.axes:
        for kind in "xy":
            axis = getattr(ax, f"{kind}axis")
            title = axis.get_label_text()
            words_ = [t.get_text() for t in axis.get_ticklabels() if t.get_visible() and t.get_text()]
            numbers = bool(words_) and all(re.fullmatch(r"[−\d.$\\{}mathdeful^]+[BTM]?", t) for t in words_)
            if (title and not title.endswith(")")) or (numbers and kind not in titled):
                found.append(title or str(words_))
    return found


def test_other_figures_name_units_too(line, asked):
    pool = obslaws.load_panel("ruan2024-pool")
    pca, factors = CapabilityPCA(2, missing="ruan2024"), CapabilityFactors(2, "varimax")
    placed = pca.fit_transform(pool.scores)
    law = fit_compute_law(placed["capability_1"], pool.models)
    made = {
        "forecast": forecast_figure(line, asked),
        "principal components": capability_figure(pca, pool),
        "one component": capability_figure(CapabilityPCA(1, missing="ruan2024").fit(pool.scores), pool),
        "factors": capability_figure(factors.fit(pool.scores), pool),
        "efficiency": efficiency_figure(law, law.spelling("llama-2"), unit=capability_unit(pca)),
    }
    assert {name: without_unit(figure) for name, figure in made.items() if without_unit(figure)} == {}
    assert (capability_unit(pca), capability_unit(factors)) == ("fractions of a score", "standard deviations")


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


def test_names_are_never_read_as_formulas(record):
    table = record.table.replace({"forecaster": {"mean": r"$\frac$ _a", "logit-ols": "_" + "w" * 500}})
    for figure in (errors_figure(table, "panel folder a $b$"), reliability_figure(_renamed(record, table), "$")):
        figure.savefig(io.BytesIO(), format="svg")
        assert r"\$\frac\$ _a" in words(figure)
    assert format_name("_a").strip() == "_a" and len(format_name("w" * 500)) == 36


def _renamed(record, table):
    names = dict(zip(record.table["forecaster"], table["forecaster"], strict=True))
    return record.reliability.assign(forecaster=record.reliability["forecaster"].map(names))
