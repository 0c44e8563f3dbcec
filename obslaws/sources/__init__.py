"""One leaderboard or paper per file: `parse` is pure and gives tidy tables; `SOURCES` lists them by precedence.

In: upstream files as text frames. Out: rows of ``scores`` and ``facts`` with canonical model ids.
"""

from obslaws.sources import (
    base_families,
    epoch,
    hub,
    mmlu_by_task,
    obsscaling,
    open_llm_v1,
    open_llm_v2,
    sloth,
    statistical_scaling_law,
    tott,
)
from obslaws.sources.base import Parsed, Source

__all__ = ["SOURCES", "Parsed", "Source"]

_MODULES = (
    base_families,
    open_llm_v2,
    hub,
    tott,
    obsscaling,
    sloth,
    statistical_scaling_law,
    epoch,
    open_llm_v1,
    mmlu_by_task,
)
SOURCES: dict[str, Source] = {module.SOURCE.id: module.SOURCE for module in _MODULES}
