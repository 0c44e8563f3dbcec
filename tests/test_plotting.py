import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from obslaws.errors import ExtrapolationWarning, UsageError
from obslaws.plotting import (
    capability_map,
    family_lines,
    label_levels,
    loadings_heatmap,
    score_against_compute,
    scree,
)
from obslaws.query import query
from obslaws.report.figures import family_curve, forecast_figure, save_figure


@pytest.fixture
def asked(small_panel):
    return query(small_panel, "alpha", 22e9)


def test_axes_in_axes_out():
    flop = np.geomspace(1e22, 1e25, 5)
    curve = pd.DataFrame({"train_flop": flop, "forecast": 0.5, "lower": 0.4, "upper": 0.6})
    points = pd.DataFrame({"train_flop": flop, "score": np.linspace(0.3, 0.7, 5), "n_params": 1e9 * np.arange(1, 6)})
    ax = Figure().subplots()
    assert score_against_compute(ax, points, points, curve, curve.iloc[[2]], 0.25) is ax
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "training compute (FLOP)"
    assert ax.get_ylabel() == "score (fraction)"
    assert ax.get_legend() is None
    assert {t.get_text() for t in ax.texts} == {"1B", "2B", "3B", "4B", "5B"}
    assert {"forecast", "curve", "interval", "known members", "guessing"} <= set(ax.get_legend_handles_labels()[1])


def test_members_are_labelled_by_the_size_in_their_names():
    flop = np.array([1e22, 1e23, 1e24])
    curve = pd.DataFrame({"train_flop": flop, "forecast": 0.5, "lower": 0.4, "upper": 0.6})
    facts = {"train_flop": flop, "score": [0.3, 0.5, 0.6], "n_params": [4.94e8, 14.77e9, 72.7e9]}
    points = pd.DataFrame(facts, index=["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-14B", "own"])
    ax = score_against_compute(Figure().subplots(), points, points, curve, curve.iloc[[2]])
    assert {t.get_text() for t in ax.texts} == {"0.5B", "14B", "73B"}


def test_curve_passes_through_the_forecast(line, asked):
    flop = asked["train_flop"].iloc[0]
    curve = family_curve(line, asked, flop / 10, flop * 10, n_points=3)
    point = line.forecast(asked).set_index("benchmark")["forecast"]
    middle = curve[np.isclose(curve["train_flop"], flop)].set_index("benchmark")["forecast"]
    pd.testing.assert_series_equal(middle, point, rtol=1e-12)
    assert len(curve) == 3 * 3


def test_figure_has_a_panel_per_benchmark_and_says_where_data_come_from(line, asked):
    figure = forecast_figure(line, asked, benchmarks=["gsm8k", "mmlu"], caption="snapshot 2026-11-22, obslaws 0.1.0")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["gsm8k", "mmlu"]
    words = " ".join(t.get_text() for t in figure.texts)
    assert "alpha-22B: 22B parameters, 18T training tokens" in words
    assert "snapshot 2026-11-22, obslaws 0.1.0" in words
    assert "forecast, 90 % interval" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_unknown_family_is_drawn_without_members(line, small_panel):
    with pytest.warns(ExtrapolationWarning):
        asked = query(small_panel, "omega", 7e9, 1e12)
    figure = forecast_figure(line, asked, benchmarks=["mmlu"])
    assert not any("known models of" in t.get_text() for t in figure.legends[0].get_texts())


def test_saved_svg_keeps_its_text_and_its_bytes(line, asked, tmp_path):
    for name in ("a.svg", "b.svg"):
        save_figure(forecast_figure(line, asked), tmp_path / name)
    assert "training compute (FLOP)" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(("name", "words"), [("a.bmp", "must end in .png"), ("no/a.png", "there is no folder")])
def test_figure_names_are_checked(line, asked, tmp_path, name, words):
    with pytest.raises(UsageError, match=words):
        save_figure(forecast_figure(line, asked), tmp_path / name)


def test_capability_axes_in_axes_out():
    shares = pd.DataFrame({"capability": ["one", "two"], "share": [0.7, 0.2]})
    ax = Figure().subplots()
    assert scree(ax, shares) is ax
    assert {"70 %", "20 %", "90 % together"} == {t.get_text() for t in ax.texts}
    loadings = pd.DataFrame([[0.5, -0.1], [0.2, np.nan]], ["mmlu", "arc"], ["1", "2"])
    ax = Figure().subplots()
    assert loadings_heatmap(ax, loadings) is ax
    assert [t.get_text() for t in ax.texts] == ["0.50", "-0.10", "0.20"]
    models = pd.DataFrame({"family": ["a", "a", "b"], "n_params": [2e9, 1e9, 1e9], "x": [1.0, 0.0, 2.0], "y": 1.0})
    ax = Figure().subplots()
    assert capability_map(ax, models, "x", "y", ["a"]) is ax
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.0, 1.0])  # by size
    assert ax.get_legend_handles_labels()[1] == ["other families", "a"]


def test_lines_of_families_carry_names():
    models = pd.DataFrame({"family": ["a", "a", "b", "b"], "train_flop": [1e22, 1e23] * 2, "capability": range(4)})
    ax = Figure().subplots()
    assert family_lines(ax, models, models, "b") is ax
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.texts] == ["b", "a"]  # the reference first
    assert ax.lines[1].get_linewidth() > ax.lines[0].get_linewidth()


def test_numbers_on_level_lines_keep_clear_of_dots_and_of_each_other():
    size, tokens = np.geomspace(1e8, 1e12, 30), np.geomspace(1e10, 1e14, 30)
    ax = Figure(figsize=(7, 5)).subplots()
    ax.set(xscale="log", yscale="log", xlim=(1e8, 1e12), ylim=(1e10, 1e14))
    height = np.add.outer(np.log10(tokens) - 10, np.log10(size) - 8) / 8
    drawn = ax.contour(size, tokens, height, levels=np.linspace(0.05, 0.95, 10))
    dots = np.array([(s, t) for s in np.geomspace(3e8, 3e11, 5) for t in np.geomspace(3e11, 3e12, 3)])
    # where the library would have put them: in the middle of the lines, among the dots
    labels = label_levels(ax, drawn, np.vstack([dots, [[np.nan, 1e12]]]), fontsize=8)
    assert len(labels) >= 6
    assert len({label.get_text() for label in labels}) == len(labels)
    at = ax.transAxes.inverted().transform([ax.transData.transform(label.get_position()) for label in labels])
    marks = ax.transAxes.inverted().transform(ax.transData.transform(dots))
    assert ((at > 0.04) & (at < 0.96)).all()
    shape = np.array([1.0, ax.bbox.height / ax.bbox.width])
    apart = np.hypot(*((at[:, None] - marks[None]) * shape).transpose(2, 0, 1))
    assert apart.min() > 0.045
    between = np.hypot(*((at[:, None] - at[None]) * shape).transpose(2, 0, 1))
    assert between[~np.eye(len(at), dtype=bool)].min() > 0.08


def test_a_level_without_room_has_no_number():
    ax = Figure().subplots()
    drawn = ax.contour(np.arange(3.0), np.arange(3.0), np.add.outer(np.arange(3.0), np.arange(3.0)), levels=[2.0, 9.0])
    crowd = np.array([(x, y) for x in np.linspace(0, 2, 40) for y in np.linspace(0, 2, 40)])
    assert label_levels(ax, drawn, crowd, fontsize=8) == []
    assert len(label_levels(ax, drawn, crowd[:0], fontsize=8)) == 1


def test_names_of_lines_do_not_cover_one_another():
    ax = Figure(figsize=(6, 4)).subplots()
    rng = np.random.default_rng(0)
    lines = pd.DataFrame({
        "family": np.repeat([f"family-{i:02}" for i in range(30)], 2),
        "train_flop": np.tile([1e22, 1e23], 30),
        "capability": rng.normal(size=60).round(1),
    })  # fmt: skip
    family_lines(ax, lines, lines, "family-29")
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert "family-29" in [text.get_text() for text in ax.texts] and 5 < len(boxes) < 21
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
