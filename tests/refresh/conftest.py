"""A hub on this machine with the leaderboards as they are published, a home of its own, and a small base snapshot."""

import importlib.util
import os
import sys
from pathlib import Path

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # else the client asks the real hub once a day

import pytest

from obslaws.fetching import Network
from obslaws.freezing import freeze
from obslaws.snapshot import open_snapshot

TESTS = Path(__file__).parents[1]
EXCERPT = TESTS / "fixtures" / "upstream"
_SPEC = importlib.util.spec_from_file_location("published", Path(__file__).with_name("published.py"))
published = importlib.util.module_from_spec(_SPEC)
sys.modules["published"] = published
_SPEC.loader.exec_module(published)


@pytest.fixture
def hub():
    with published.loopback_hub.LoopbackHub() as server:
        yield server


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a test its own folders, so that nothing of the person who runs it is read or written."""
    monkeypatch.setenv("OBSLAWS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OBSLAWS_SNAPSHOT", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    cache = str(tmp_path / "hf")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", cache)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """Freeze the excerpts: a snapshot of a few hundred rows, as a user would have from an earlier day."""
    folder = tmp_path_factory.mktemp("base") / "2026-01-01"
    freeze(EXCERPT, folder, "2026-01-01")
    return open_snapshot(folder)


@pytest.fixture
def board(hub):
    """Publish both leaderboards and Epoch's tables, from the excerpts; give the registry that points there."""
    return published.publish(hub, EXCERPT)


@pytest.fixture
def network(hub):
    return Network(endpoint=hub.url, timeout=1.0, deadline=5.0, tries=2, pause=0.05)


@pytest.fixture
def run_refresh(home, base, board, network):
    """Refresh from the loopback hub on top of the small base."""
    from obslaws.lifecycle.refresh import refresh

    def run(*sources, **options):
        told = {"network": network, "base": base, "registry": board, "date": "2027-02-02"}
        return refresh(sources or ("open-llm-v1", "open-llm-v2"), **{**told, **options})

    return run


@pytest.fixture
def parquet():
    return published.parquet
