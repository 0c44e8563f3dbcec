"""Boards add models and scores beside the panels: with and without them, every view is the same to the last digit."""

import os
from pathlib import Path

import pandas as pd
import pytest

from obslaws.freezing import assemble, entry_of, write_snapshot
from obslaws.snapshot import open_snapshot
from obslaws.sources import SOURCES
from obslaws.views import list_views, view_panel

UPSTREAM = os.environ.get("OBSLAWS_UPSTREAM", "")
pytestmark = pytest.mark.skipif(not UPSTREAM, reason="OBSLAWS_UPSTREAM is not set")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    parsed = {s.id: s.parse(s.read(Path(UPSTREAM))) for s in SOURCES.values() if s.bundled}
    without = {s: p for s, p in parsed.items() if p.names.empty}
    assert len(without) < len(parsed)

    def made(chosen):
        entries = {s: entry_of(SOURCES[s], p, {}) for s, p in chosen.items()}
        folder = tmp_path_factory.mktemp("snapshot")
        write_snapshot(assemble(chosen, entries), entries, folder, "2026-11-22")
        return open_snapshot(folder)

    return made(without), made(parsed)


def _is_hub(model):
    return not model.startswith(("openai/", "anthropic/"))


@pytest.mark.parametrize("view", list(list_views()))
def test_a_view_is_the_same_with_and_without_boards(both, view):
    plain, more = (view_panel(view, data) for data in both)
    # of closed models only boards know the day of release: it may be added, not changed
    day = plain.models["release_date"]
    known = more.models.assign(release_date=more.models["release_date"].where(day.notna() | day.index.map(_is_hub)))
    pd.testing.assert_frame_equal(plain.models, known)
    pd.testing.assert_frame_equal(plain.scores, more.scores)
    pd.testing.assert_frame_equal(plain.benchmarks, more.benchmarks)
