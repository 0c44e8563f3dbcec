"""HELM's own release files: lite, capabilities, MMLU and classic, straight from the project's storage.

A file is a list of tables (accuracy, efficiency, general information); only the first is read. Its headings are
``<scenario> - <metric>``; the mean win rate depends on the company and the mean score follows from the columns. A cell
without a value is an empty one (Every Eval Ever codes it -1). The model is named in the names of its runs
(``model=openai_gpt-4-0613``), the first column is for people and counts only where no run is named, as in classic. The
tests are those of `every_eval_ever`, with all digits and with the columns that get lost there (subjects of MMLU whose
names begin with the same word).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from obslaws.errors import SourceError
from obslaws.names import benchmarks_table
from obslaws.sources.base import Live, Parsed, Source
from obslaws.sources.boards import as_fraction, board_scores, from_json, named
from obslaws.sources.every_eval_ever import helm_test
from obslaws.sources.tidy import stack

__all__ = ["SOURCE", "parse"]

STORAGE = "https://storage.googleapis.com/crfm-helm-public"
BOARDS = {
    "helm_lite": ("helm-lite", "lite/benchmark_output/releases/v1.13.0/groups/core_scenarios.json"),
    "helm_capabilities": (
        "helm-capabilities",
        "capabilities/benchmark_output/releases/v1.15.0/groups/core_scenarios.json",
    ),
    "helm_mmlu": ("helm-mmlu", "mmlu/benchmark_output/releases/v1.13.0/groups/mmlu_subjects.json"),
    "helm_classic": ("helm-classic", "benchmark_output/releases/v0.4.0/groups/core_scenarios.json"),
}  # fmt: skip
_MODEL = re.compile(r"(?:^|[:,])model=([^,]+)")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read the accuracy table of each board.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Lines of ``helm_lite``, ``helm_capabilities``, ``helm_mmlu``, ``helm_classic``; fractions, WildBench rescaled to
        them by HELM.

    Returns
    -------
    Parsed
        Scores on ``<test>@<board>``; no claims.
    """
    rows: list[dict[str, Any]] = []
    n_rows, empty, relative = 0, 0, 0
    for stem, lines in frames.items():
        where = f"helm, {stem}"
        if stem not in BOARDS:
            raise SourceError(f"{where}: no such board. Known: {', '.join(BOARDS)}.")
        accuracy = _accuracy(from_json(lines, where), where)
        for row in accuracy["rows"]:
            model = _model(row)
            for heading, cell in zip(accuracy["header"][1:], row[1:], strict=False):
                scenario, _, metric = str(heading["value"]).partition(" - ")
                n_rows += 1
                if not metric or heading.get("lower_is_better"):
                    relative += 1
                elif cell.get("value") is None or cell["value"] < 0:
                    empty += 1
                else:
                    test = helm_test(scenario, BOARDS[stem][0])
                    rows.append({"raw": model, "benchmark": test, "score": float(cell["value"])})
    table = pd.DataFrame(rows, columns=["raw", "benchmark", "score"])
    table["score"] = as_fraction(table["score"].astype("float64"), percent=False, where="helm, value")
    strange = ~table["benchmark"].isin(benchmarks_table()["benchmark"])
    table = table[~strange]
    maker = table["raw"].where(table["raw"].str.contains("/")).str.partition("/")[0]
    scores, names, doubled = board_scores(named(table, maker))
    dropped = {
        "win rate, mean of the board, or lower is better": relative,
        "cell without a value": empty,
        "test that is not in names/benchmarks.csv": int(strange.sum()),
        "the same result again": doubled,
    }
    return Parsed(scores, stack(), n_rows, dropped, {}, names)


def _accuracy(tables: Any, where: str) -> dict[str, Any]:
    found = [t.get("title") for t in tables] if isinstance(tables, list) else []
    for table in tables if isinstance(tables, list) else []:
        if str(table.get("title", "")).lower() in ("accuracy", "mmlu subjects") and table.get("header"):
            return dict(table)
    raise SourceError(
        f"{where}: no table 'Accuracy'; found {', '.join(map(str, found[:4])) or 'none'}. Adapt its parse()."
    )


def _model(row: list[dict[str, Any]]) -> str:
    for cell in row:
        for run in cell.get("run_spec_names") or []:
            if found := _MODEL.search(run):
                return found[1].replace("_", "/", 1)
    return re.sub(r"\s+", "-", re.sub(r"[()]", "", str(row[0].get("value", ""))).strip())


SOURCE = Source(
    id="helm",
    title="HELM releases: lite, capabilities, MMLU, classic",
    url=f"{STORAGE}/{BOARDS['helm_lite'][1]}",
    revision="live",
    retrieved="live",
    licence="Apache-2.0 (framework); the numbers' terms are unstated",
    citation="Liang et al. (2023). Holistic evaluation of language models. arXiv 2211.09110.",
    files=tuple(f"helm/{stem}.json" for stem in BOARDS),
    parse=parse,
    live=Live({stem: f"{STORAGE}/{path}" for stem, (_, path) in BOARDS.items()}),
    bundled=False,
)
