"""Observational scaling laws over public LLM leaderboards.

The heavy rooms are imported on first use, so that ``import obslaws`` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from obslaws._version import __version__

if TYPE_CHECKING:
    from obslaws.forecasters import FORECASTERS, forecaster
    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.panel import Panel, load_panel
    from obslaws.results import read_results
    from obslaws.snapshot import Snapshot, load_snapshot

__all__ = [
    "FORECASTERS",
    "Panel",
    "SkillForecaster",
    "Snapshot",
    "__version__",
    "forecaster",
    "load_panel",
    "load_snapshot",
    "read_results",
]

_ROOM = {
    "FORECASTERS": "obslaws.forecasters",
    "Panel": "obslaws.panel",
    "SkillForecaster": "obslaws.forecasters.skill",
    "Snapshot": "obslaws.snapshot",
    "forecaster": "obslaws.forecasters",
    "load_panel": "obslaws.panel",
    "load_snapshot": "obslaws.snapshot",
    "read_results": "obslaws.results",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOM:
        raise AttributeError(f"module 'obslaws' has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOM[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
