"""Scores on a part of the questions: counted, weighed, or refused."""

import json
import re

import pandas as pd
import pytest

from obslaws.errors import MeasurementWarning, SchemaError
from obslaws.forecasters import forecaster
from obslaws.known_scores import doubtful_scores, known_scores
from obslaws.panel import Panel
from obslaws.simulate import simulate_panel


@pytest.fixture(scope="module")
def panel():
    found = simulate_panel(n_families=8, random_state=0).panel
    found.benchmarks["n_items"] = 1000.0
    return found


@pytest.fixture(scope="module")
def fitted(panel):
    return forecaster("skill").fit(panel)


@pytest.fixture
def query(panel):
    return panel.models.tail(1).rename(index=lambda name: "acme/new")


def write(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def spread(fitted, query, given):
    answer = fitted.forecast(query, given).set_index("benchmark")
    return answer["upper"] - answer["lower"], answer["forecast"]


def test_fewer_questions_say_less(fitted, panel, query, tmp_path):
    first = str(panel.scores.columns[0])
    prior_width, prior = spread(fitted, query, None)
    score = float(prior[first])  # a surprise would be doubted the more, the more questions stand behind it
    widths = {}
    for n in (20, 200, 1000):
        file = write(tmp_path / f"{n}.csv", {"benchmark": [first], "score": [score], "n_items": [n]})
        if n < 1000:
            with pytest.warns(MeasurementWarning, match=rf"weigh less: {first} \({n} of 1,000\)"):
                given = known_scores(file, panel, "acme/new")
            assert given.attrs["n_items"] == {first: n}
        else:
            given = known_scores(file, panel, "acme/new")
            assert "n_items" not in given.attrs
        widths[n] = spread(fitted, query, given)[0]
    listed = known_scores(f"{first}={score}", panel, "acme/new")
    assert widths[1000].equals(spread(fitted, query, listed)[0]), "the whole test is what a plain score is taken for"
    others = panel.scores.columns[1:]
    assert (widths[20][others] > widths[200][others]).all()
    assert (widths[200][others] > widths[1000][others]).all()
    # twenty questions tell next to nothing; the factor for one told score is learned apart from that for none
    assert (widths[20][others] < prior_width[others] * 1.01).all()


def harness(panel, **more):
    benchmark = "hellaswag"
    return {"results": {benchmark: {"acc_norm,none": 0.72, **more.pop("stderr", {})}}, "configs": {},
            "n-shot": {benchmark: 10}, "config": {"model_args": "pretrained=acme/new", **more}}  # fmt: skip


@pytest.fixture
def hellaswag(panel):
    from dataclasses import replace

    names = {panel.scores.columns[0]: "hellaswag"}
    return replace(panel, scores=panel.scores.rename(columns=names), benchmarks=panel.benchmarks.rename(index=names))


@pytest.mark.parametrize(
    ("more", "n"),
    [
        ({"limit": 50}, 50.0),
        ({"limit": 0.1, "stderr": {"acc_norm_stderr,none": 0.045}}, 0.72 * 0.28 / 0.045**2),
    ],
)
def test_a_limit_or_a_standard_error_counts_the_questions(hellaswag, tmp_path, more, n):
    file = tmp_path / "results.json"
    file.write_text(json.dumps(harness(hellaswag, **more)))
    with pytest.warns(MeasurementWarning):
        given = known_scores(file, hellaswag, "acme/new")
    assert given.attrs["n_items"]["hellaswag"] == pytest.approx(n)


def test_a_partial_run_that_counts_nothing_is_refused(hellaswag, tmp_path):
    file = tmp_path / "results.json"
    file.write_text(json.dumps(harness(hellaswag, limit=0.1)))
    with (
        pytest.warns(MeasurementWarning, match="a partial run"),
        pytest.raises(
            SchemaError, match=r"does not say how many questions of 'hellaswag' it asked\. Run it without a limit"
        ),
    ):
        known_scores(file, hellaswag, "acme/new")


@pytest.mark.parametrize(
    ("score", "n_items", "words"),
    [
        (0.60, None, None),
        (0.0060, None, r"lies outside 0.500 to 0.700, .*, and lies below 0.250, what guessing scores. .* mean 0.6\?"),
        (0.40, None, "=0.4 lies outside .* Check family, size, tokens, shots and metric"),
        (0.80, None, "=0.8 lies outside .* whether the test was trained on"),
        (0.20, None, "lies below 0.250, .* the answers were probably not read"),
        (0.20, 20, "=0.2 lies outside 0.500 to 0.700, the 99.8 % interval without the scores given. Check"),
    ],
)
def test_scores_that_can_hardly_be_are_named_with_a_cure(panel, score, n_items, words):
    name = str(panel.scores.columns[0])
    facts = panel.benchmarks.assign(score_floor=0.25, n_items=1000.0)
    given = pd.DataFrame({name: [score]}, index=["acme/new"])
    if n_items is not None:
        given.attrs["n_items"] = {name: n_items}
    expected = pd.DataFrame({"benchmark": [name], "lower": [0.5], "upper": [0.7]})
    told = doubtful_scores(given, Panel("some", panel.models, panel.scores, facts), expected)
    assert len(told) == (words is not None)
    if words is not None:
        assert re.search(words, told[0])


def test_below_guessing_is_named_even_inside_a_wide_interval(panel):
    name = str(panel.scores.columns[0])
    facts = panel.benchmarks.assign(score_floor=0.25, n_items=1000.0)
    expected = pd.DataFrame({"benchmark": [name], "lower": [0.05], "upper": [0.9]})
    given = pd.DataFrame({name: [0.1]}, index=["acme/new"])
    told = doubtful_scores(given, Panel("some", panel.models, panel.scores, facts), expected)
    assert told[0].startswith(f"{name}=0.1 lies below 0.250")
