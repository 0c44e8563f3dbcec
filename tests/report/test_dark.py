"""Figures for dark pages: the same words, every one of them legible."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.text import Text

from obslaws.capability.pca import CapabilityPCA
from obslaws.errors import StorageError, UsageError
from obslaws.plotting import fitted_against_measured, level_curves
from obslaws.query import query
from obslaws.report.capability_figures import capability_figure
from obslaws.report.dark import contrast, darken, night_colour
from obslaws.report.figures import check_figure_path, forecast_figure, save_figure
from obslaws.report.style import DARK


@pytest.fixture(params=["forecast", "capability", "levels", "law"])
def figure(request, line, small_panel):
    if request.param == "forecast":
        return forecast_figure(line, query(small_panel, "alpha", 22e9), caption="snapshot 2026-11-22")
    if request.param == "capability":
        return capability_figure(CapabilityPCA(2).fit(small_panel.scores), small_panel)
    ax = Figure(layout="constrained").subplots()
    if request.param == "law":
        fitted_against_measured(ax, pd.DataFrame({"measured": [2.0, 3.0, 4.0], "fitted": [2.1, 2.9, 4.0]}), "loss")
    else:
        size = np.geomspace(1e8, 1e11, 9)
        grid = pd.DataFrame(np.add.outer(np.log10(size), np.log10(size)), size * 100, size)
        at = pd.DataFrame({"n_params": size, "n_tokens": size * 100})
        level_curves(ax, grid, at, at, at.head(1))
    return ax.figure


def words(figure):
    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def test_every_word_stays_and_can_be_read(figure):
    before = [text.get_text() for text in words(figure)]
    darken(figure)
    shown = words(figure)
    assert [text.get_text() for text in shown] == before
    cells = {text for mesh in figure.findobj(QuadMesh) for text in mesh.axes.texts}
    faint = [text.get_text() for text in shown if text not in cells and contrast(text.get_color()) < 4.5]
    assert faint == []
    assert to_hex(figure.get_facecolor()) == DARK.ground
    assert {to_hex(ax.get_facecolor()) for ax in figure.axes} == {DARK.ground}


def test_cells_of_a_heat_map_are_dark_and_their_numbers_can_be_read(small_panel):
    figure = darken(capability_figure(CapabilityPCA(2).fit(small_panel.scores), small_panel))
    heat = figure.axes[1]
    cells = to_rgba_array(heat.collections[0].get_facecolor())[:, :3]
    loadings = [abs(float(text.get_text().replace("\u2212", "-"))) for text in heat.texts]
    strength = [contrast(cell) for cell in cells]
    assert np.corrcoef(loadings, strength)[0, 1] > 0.8  # the more, the brighter
    assert min(strength) < 1.3
    for text, cell in zip(heat.texts, cells, strict=True):
        assert contrast(text.get_color(), cell) > 4


def test_colours_keep_their_hue_and_opacity():
    for colour in ("#0173b2", "#d55e00", "#440154"):
        found = night_colour((*to_rgb(colour), 0.3))
        assert contrast(found[:3]) >= 4.5 and found[3] == 0.3
    assert night_colour("none")[3] == 0


def test_saving_dark_changes_colours_alone(line, small_panel, tmp_path):
    asked = query(small_panel, "alpha", 22e9)
    light = save_figure(forecast_figure(line, asked), tmp_path / "light.svg").read_text()
    dark = save_figure(forecast_figure(line, asked), tmp_path / "dark.svg", dark=True).read_text()
    assert "#ffffff" in light and "#ffffff" not in dark
    assert DARK.ground in dark


@pytest.mark.parametrize("command", [["forecast", "--family", "alpha", "--params", "22B"], ["plan", "--flop", "1e24"]])
def test_the_option_draws_it_so(run, small_folder, tmp_path, command):
    own = ("--panel", small_folder)
    ran = run(*command, *own, "--figure", tmp_path / "dark.svg", "--dark")
    assert ran.code == 0, ran.err
    assert DARK.ground in (tmp_path / "dark.svg").read_text()
    ran = run(*command, *own, "--dark")
    assert (ran.code, ran.out) == (1, "") and "--plot FILE.png" in ran.err


def test_a_figure_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    folder = tmp_path / "a.png"
    folder.mkdir()
    with pytest.raises(UsageError, match=r"a\.png' is a folder; name a file in it"):
        check_figure_path(folder)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Figure, "savefig", refuse)
    with pytest.raises(StorageError, match="not written: Permission denied"):
        save_figure(Figure(), tmp_path / "b.png")
