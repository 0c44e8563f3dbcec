import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from obslaws.audit.expected import Expected, expect
from obslaws.audit.faults import FAULTS, detection, inject
from obslaws.audit.findings import FINDING_COLUMNS, findings, tail_probabilities
from obslaws.errors import UnknownNameError
from obslaws.simulate import simulate_panel


@pytest.fixture(scope="module")
def clean():
    return simulate_panel(n_families=8, random_state=4).panel


@pytest.fixture(scope="module")
def faulty(clean):
    """One score a hundredth, one far too high, and the smallest and largest model of a family exchanged."""
    scores = clean.scores.copy()
    largest = clean.models["n_params"].groupby(clean.models["family"]).idxmax().iloc[2]
    smallest = clean.models["n_params"].groupby(clean.models["family"]).idxmin().iloc[2]
    scores.loc[[largest, smallest]] = scores.loc[[smallest, largest]].to_numpy()
    free = [m for m in clean.models.index if m not in (largest, smallest)]
    unit = scores.loc[free].iloc[:, 0].idxmax()
    scores.loc[unit, scores.columns[0]] /= 100
    high = scores.loc[[m for m in free if m != unit]].iloc[:, 1].idxmin()
    scores.loc[high, scores.columns[1]] = 0.95
    return replace(clean, scores=scores), {"unit": unit, "high": high, "swapped": (largest, smallest)}


@pytest.fixture(scope="module")
def seen(faulty):
    return expect(faulty[0])


@pytest.mark.slow
def test_faults_are_found_and_named(faulty, seen):
    panel, who = faulty
    found = findings(panel, seen)
    assert list(found.columns) == list(FINDING_COLUMNS)
    assert found["p"].is_monotonic_increasing and (found["q"] <= 0.05).all()
    cells = found[found["kind"] == "score"].set_index("model")
    assert cells.loc[who["unit"], "reason"].startswith("unit: 100 times")
    assert "above" in cells.loc[who["high"], "reason"]
    models = found[found["kind"] == "model"].set_index("model")
    assert set(models.index) >= set(who["swapped"])
    assert all("size mislabelled" in reason for reason in models.loc[list(who["swapped"]), "reason"])
    assert len(found) <= 8  # four faults, six cells or models that they touch
    assert len(findings(panel, seen, top=10)) == 10


@pytest.mark.slow
def test_a_forecast_has_not_seen_its_score(small_panel):
    """A score moves its own deviate; its own forecast stays where it was."""
    panel = small_panel.select(benchmarks=["mmlu", "gsm8k"])
    scores = panel.scores.copy()
    scores.iloc[3, 1] = 0.5
    one, other = expect(panel), expect(replace(panel, scores=scores))
    assert other.point[3, 1] == pytest.approx(one.point[3, 1], abs=1e-9), "to where iterations stop"
    assert other.deviate[3, 1] != one.deviate[3, 1]


def test_probabilities_follow_the_middle():
    z = ndtri((np.arange(1000) + 0.5) / 1000)
    np.testing.assert_allclose(tail_probabilities(2 * z), tail_probabilities(z), atol=0.01)
    assert tail_probabilities(np.array([0.0, np.nan]))[0] == 1.0
    wild = tail_probabilities(np.r_[2 * z, np.full(50, 12.0)])
    assert wild[-1] < 1e-6  # one in twenty wrong does not become the rule


@pytest.mark.parametrize("fault", FAULTS)
def test_injected_faults_are_where_they_are_said_to_be(clean, fault):
    faulty, wrong = inject(clean, fault, share=0.1, random_state=1)
    changed = ~np.isclose(faulty.scores.to_numpy(), clean.scores.to_numpy(), equal_nan=True)
    assert wrong.any() and (changed <= wrong).all()
    again, _ = inject(clean, fault, share=0.1, random_state=1)
    pd.testing.assert_frame_equal(faulty.scores, again.scores)
    if fault == "inflated":
        gain = (faulty.scores - clean.scores).to_numpy()[wrong]
        assert (gain > 0.0499).all() and (gain < 0.1501).all() and (faulty.scores.max().max() <= 1)
    if fault == "x100":
        np.testing.assert_allclose(100 * faulty.scores.to_numpy()[wrong], clean.scores.to_numpy()[wrong])
    if fault == "swapped":
        assert sorted(map(tuple, faulty.scores.to_numpy())) == sorted(map(tuple, clean.scores.to_numpy()))
    with pytest.raises(UnknownNameError, match="No fault named 'swaped'"):
        inject(clean, "swaped")


def test_detection_counts_at_the_false_alarms_allowed(clean):
    rng = np.random.default_rng(0)
    deviate = rng.normal(size=clean.scores.shape)
    wrong = np.zeros(deviate.shape, dtype=bool)
    wrong[:2] = True
    deviate[0], deviate[1] = 30.0, 0.0
    row = np.r_[9.0, 0.0, rng.normal(size=len(deviate) - 2)]
    nothing = np.full_like(deviate, 0.5)
    seen = Expected(nothing, nothing, nothing, deviate, row, np.ones(len(row)))
    told = detection(clean, seen, wrong).set_index("judged")
    assert told.loc["score", "found"] == told.loc["model", "found"] == 0.5
    assert told.loc["score", "n_reported_right"] == deviate.shape[1]


def _expected(panel, row_deviate=0.0, size_factor=1.0):
    """Everything as expected, save one score far too high and the first model as a whole."""
    deviate = np.where(panel.scores.notna(), 0.1, np.nan)
    deviate[5, 0] = 12.0
    half = np.full(panel.scores.shape, 0.5)
    rows, factors = np.zeros(len(panel.models)), np.ones(len(panel.models))
    rows[0], factors[0] = row_deviate, size_factor
    return Expected(half, half - 0.2, half + 0.2, deviate, rows, factors)


def test_only_what_is_below_the_rate_is_called_suspicious(run, small_panel, small_folder, monkeypatch):
    monkeypatch.setattr("obslaws.audit.expected.expect", lambda panel, progress=None: _expected(panel))
    out = run("audit", "--panel", small_folder, "--top", "4").out
    assert out.startswith("Audit: 1 suspicious, 3 next in rank")
    assert "Next in rank: q above 0.05" in out
    alone = run("audit", "--panel", small_folder).out
    assert alone.startswith("Audit: 1 suspicious\n") and "Next in rank" not in alone
    assert "Deviate: how far off it is, in standard deviations" in alone
    assert "--top is -1; expected 1 or more rows" in run("audit", "--panel", small_folder, "--top", "-1").err


@pytest.mark.parametrize(
    ("deviate", "factor", "mislabelled"), [(9.0, 4.0, True), (-9.0, 0.2, True), (9.0, 0.01, False), (-9.0, 5.0, False)]
)
def test_a_size_is_doubted_only_on_the_side_of_the_scores(clean, deviate, factor, mislabelled):
    found = findings(clean, _expected(clean, deviate, factor)).set_index("kind")
    reason = found.loc["model", "reason"]
    assert reason.startswith("size mislabelled") == mislabelled
    assert ("above" if deviate > 0 else "below") in reason
    assert ("as if of" in reason) == mislabelled


@pytest.mark.slow
def test_the_command(run, small_folder):
    at = ("--panel", small_folder, "--benchmarks", "mmlu,gsm8k")
    done = run("audit", *at, "--top", "3", "--format", "json")
    assert [set(one) for one in json.loads(done.out)] == [set(FINDING_COLUMNS)] * 3
    done = run("audit", *at, "--inject", "x100")
    assert done.code == 0 and "found at 5 % false alarms" in done.out
    assert run("audit", *at, "--inject", "nothing").code == 1
