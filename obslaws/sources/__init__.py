"""One leaderboard or paper per file: `parse` is pure and gives tidy tables; `SOURCES` lists them by precedence.

In: upstream files as text frames. Out: rows of ``scores`` and ``facts`` with canonical model ids.
"""

from obslaws.sources import (
    aider,
    base_families,
    benchpress,
    bigcodebench,
    datadecide,
    epoch,
    epoch_benchmarks,
    evalplus,
    every_eval_ever,
    helm,
    hub,
    hub_boards,
    hub_models,
    livebench,
    lmarena,
    mmlu_by_task,
    mmlu_pro_board,
    obsscaling,
    obsscaling_downstream,
    obsscaling_instruct,
    open_llm_v1,
    open_llm_v2,
    open_llm_v2_results,
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
    lmarena,
    every_eval_ever,
    epoch_benchmarks,
    livebench,
    aider,
    evalplus,
    bigcodebench,
    benchpress,
    mmlu_pro_board,
    open_llm_v2_results,
    helm,
    datadecide,
    hub_models,
    hub_boards,
    obsscaling_downstream,
    obsscaling_instruct,
)
SOURCES: dict[str, Source] = {module.SOURCE.id: module.SOURCE for module in _MODULES}
