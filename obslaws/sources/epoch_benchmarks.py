"""Epoch AI's benchmarking hub: one file per benchmark, its own runs and results collected elsewhere.

Units differ by file and the heading does not tell: ``Win Rate (%)`` and ``% Score`` hold fractions, ``Score`` of
OSWorld percentages, METR minutes, the web arena Elo. `TESTS` states each and `parse` refuses a column that left its
unit. A model has several rows: effort (suffix ``_high``, ``_16K``), shots, agent and the document are the setting.
Left out: copies of boards that are sources here (Aider, LiveBench) or whose terms forbid it (SWE-bench), tests of
images and video, parameters of the index. Collected results of MMLU or GSM8K come from papers with different shots.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Live, Parsed, Source, need_columns
from obslaws.sources.boards import as_fraction, board_scores, join_settings, named
from obslaws.sources.tidy import claims, numbers, stack

__all__ = ["SOURCE", "TESTS", "parse"]

TESTS: dict[str, tuple[str, str, str]] = {
    # file: test, column, unit as upstream has it (percent becomes a fraction; ratings, minutes and points stay)
    "adversarial_nli_external": ("anli", "Score", "fraction"),
    "apex_agents_external": ("apex_agents", "Pass@1 score", "fraction"),
    "arc_agi_2_external": ("arc_agi_2", "Score", "fraction"),
    "arc_agi_external": ("arc_agi", "Score", "fraction"),
    "arc_ai2_external": ("arc", "Challenge score", "fraction"),
    "balrog_external": ("balrog", "Average progress", "fraction"),
    "bbh_external": ("bbh", "Average", "fraction"),
    "bool_q_external": ("boolq", "Score", "fraction"),
    "cad_eval_external": ("cad_eval", "Overall pass (%)", "fraction"),
    "chess_puzzles": ("chess_puzzles", "mean_score", "fraction"),
    "common_sense_qa_2_external": ("csqa2", "Score", "fraction"),
    "cybench_external": ("cybench", "Unguided % Solved", "fraction"),
    "deepresearchbench_external": ("deepresearchbench", "Average score", "fraction"),
    "epoch_capabilities_index": ("eci", "ECI Score", "eci"),
    "fictionlivebench_external": ("fictionlivebench_120k", "120k token score", "fraction"),
    "frontiermath": ("frontiermath", "mean_score", "fraction"),
    "frontiermath_tier_4": ("frontiermath_tier_4", "mean_score", "fraction"),
    "gdpval_external": ("gdpval", "Win Rate (%)", "fraction"),
    "gpqa_diamond": ("gpqa_diamond", "mean_score", "fraction"),
    "gsm8k_external": ("gsm8k", "EM", "fraction"),
    "gso_external": ("gso", "Score OPT@1", "fraction"),
    "hella_swag_external": ("hellaswag", "Overall accuracy", "fraction"),
    "hle_external": ("hle", "Accuracy", "fraction"),
    "lambada_external": ("lambada", "Score", "fraction"),
    "lech_mazur_writing_external": ("lech_mazur_writing", "Mean score", "points"),
    "math_level_5": ("math_level_5", "mean_score", "fraction"),
    "metr_time_horizons_external": ("metr_horizon", "Time horizon", "minutes"),
    "mmlu_external": ("mmlu", "EM", "fraction"),
    "open_book_qa_external": ("openbookqa", "Accuracy", "fraction"),
    "os_world_external": ("osworld", "Score", "percent"),
    "otis_mock_aime_2024_2025": ("otis_mock_aime", "mean_score", "fraction"),
    "piqa_external": ("piqa", "Score", "fraction"),
    "posttrainbench_external": ("posttrainbench", "Average (%)", "fraction"),
    "simplebench_external": ("simplebench", "Score (AVG@5)", "fraction"),
    "simpleqa_verified": ("simpleqa_verified", "mean_score", "fraction"),
    "superglue_external": ("superglue", "Score", "fraction"),
    "terminalbench_external": ("terminalbench", "Accuracy mean", "fraction"),
    "the_agent_company_external": ("the_agent_company", "% Score", "fraction"),
    "trivia_qa_external": ("triviaqa", "EM", "fraction"),
    "webdev_arena_external": ("webdev_arena", "Arena Score", "elo"),
    "weirdml_external": ("weirdml", "Accuracy", "fraction"),
    "wino_grande_external": ("winogrande", "Accuracy", "fraction"),
}
ERRORS = {"balrog_external": "Average Standard error", "hle_external": "Accuracy Standard Error",
          "terminalbench_external": "Accuracy SE", "weirdml_external": "Accuracy SE"}  # fmt: skip
LEAST = {"elo": 200.0, "eci": 20.0}  # below this it is another unit


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read every file that `TESTS` knows.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        One per benchmark, keyed by the stem of the file, text.

    Returns
    -------
    Parsed
        Scores on ``<test>@epoch``; claims about release date and training compute.
    """
    parts, facts, n_rows, empty = [], [], 0, 0
    for stem in sorted(set(frames) & set(TESTS)):
        test, column, unit = TESTS[stem]
        where = f"epoch-benchmarks, {stem}"
        raw = frames[stem]
        need_columns(raw, ["Model version", column, "Release date", "Training compute (FLOP)"], where)
        n_rows += len(raw)
        score = numbers(raw[column])
        lost = score.isna() | raw["Model version"].isna()
        empty += int(lost.sum())
        if unit in ("fraction", "percent"):
            score = as_fraction(score, unit == "percent", f"{where}, {column}")
        elif (score < LEAST.get(unit, 0.0)).any():
            raise SourceError(
                f"{where}: found {score.min():g} in {column!r}, expected {unit}. The unit changed upstream."
            )
        frame = named(
            raw.assign(raw=raw["Model version"].fillna(""), setting=_setting(raw)), _column(raw, "Organization")
        )
        error = _column(raw, ERRORS.get(stem, "stderr")).pipe(numbers)
        part = frame[["raw", "model", "setting"]].assign(benchmark=f"{test}@epoch", score=score, stderr=error)
        parts.append(part[~lost])
        made = frame["model"][~lost]
        released = pd.to_datetime(raw["Release date"], errors="coerce")[~lost]
        compute = numbers(raw["Training compute (FLOP)"])[~lost]
        facts.append(claims(made, "release_date", released, "reported", "https://epoch.ai/benchmarks"))
        facts.append(claims(made, "train_flop", compute, "reported", "https://epoch.ai/benchmarks"))
    if not parts:
        raise SourceError(f"epoch-benchmarks: none of the files is known; found {', '.join(sorted(frames)[:5])}.")
    scores, names, doubled = board_scores(pd.concat(parts, ignore_index=True))
    notes = {"files that are not read": len(set(frames) - set(TESTS))}
    dropped = {"row without score": empty, "the same result again": doubled}
    return Parsed(scores, stack(*facts).drop_duplicates(), n_rows, dropped, notes, names)


def _column(raw: pd.DataFrame, name: str) -> pd.Series:
    return raw[name] if name in raw else pd.Series(None, index=raw.index, dtype="str")


def _setting(raw: pd.DataFrame) -> pd.Series:
    shots = numbers(_column(raw, "Shots")).map(lambda n: f"{n:g}-shot", na_action="ignore").astype("str")
    told = [_column(raw, c) for c in ("Agent", "Scaffold", "METR version", "Source")]
    return join_settings(shots, *told)


SOURCE = Source(
    id="epoch-benchmarks",
    title="Epoch AI, benchmarking hub",
    url="https://epoch.ai/benchmarks",
    revision="export of about 2026-05-01",
    retrieved="2026-05-01",
    licence="CC BY 4.0",
    citation="Epoch AI (2026). AI benchmarking hub. https://epoch.ai/benchmarks",
    files=tuple(f"epoch/benchmark_data/{stem}.csv" for stem in TESTS),
    parse=parse,
    live=Live(files={"benchmark_data": "https://epoch.ai/data/benchmark_data.zip"}),
)
