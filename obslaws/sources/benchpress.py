"""BenchPress, first edition: what makers and papers report of 83 frontier models on 49 benchmarks, with addresses.

Reported numbers under the reporter's own conditions: the host of the document is the setting, and two documents about
one cell are both kept. Percentages, except ratings and indices, which keep their unit. Percentages below 1 may be
fractions in disguise or very hard tests; they are kept and counted in the notes. Newer editions audit their cells;
those that failed the audit are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from obslaws.errors import SourceError
from obslaws.sources.base import Live, Parsed, Source
from obslaws.sources.boards import as_fraction, board_scores, from_json, named
from obslaws.sources.tidy import claims, stack

__all__ = ["SOURCE", "parse"]

RATINGS = ("codeforces_rating", "chatbot_arena_elo", "gdpval_aa", "aa_intelligence_index")
AUDITED = ("verified", "verified_third_party")


def parse(frames: Mapping[str, pd.DataFrame]) -> Parsed:
    """Read models, benchmarks and cells.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Lines of ``llm_benchmark_data``: an object with the lists models, benchmarks and scores.

    Returns
    -------
    Parsed
        Scores on ``<benchmark>@benchpress``, setting ``reported at <host>``; claims about size and release.
    """
    data = from_json(frames["llm_benchmark_data"], "benchpress")
    if missing := {"models", "benchmarks", "scores"} - set(data):
        raise SourceError(f"benchpress: no {sorted(missing)[0]!r}; found {', '.join(data)}. Adapt its parse().")
    models, cells = pd.DataFrame(data["models"]), pd.DataFrame(data["scores"])
    audited = cells["audit_status"].isin(AUDITED) if "audit_status" in cells else pd.Series(True, index=cells.index)
    kept = cells[audited].merge(models[["id", "provider"]], left_on="model_id", right_on="id", how="left")
    host = kept["reference_url"].fillna("").str.extract(r"^https?://(?:www\.)?([^/]+)")[0].astype("str")
    rated = kept["benchmark_id"].isin(RATINGS)
    score = kept["score"].astype("float64")
    percent = as_fraction(score.where(~rated), percent=True, where="benchpress, score")
    rows = pd.DataFrame({
        "raw": kept["model_id"], "benchmark": kept["benchmark_id"] + "@benchpress",
        "score": score.where(rated, percent), "setting": ("reported at " + host).fillna("reported"),
    })  # fmt: skip
    scores, names, doubled = board_scores(named(rows, kept["provider"]))
    about = named(models.assign(raw=models["id"]), models["provider"])
    open_weights = models["open_weights"].astype("bool")
    size, active = (
        models[c].where(open_weights).astype("float64") * 1e6 for c in ("params_total_M", "params_active_M")
    )
    facts = stack(
        claims(about["model"], "n_params", size, "reported"),
        claims(about["model"], "n_active_params", active.where(active < size), "reported"),
        claims(about["model"], "release_date", pd.to_datetime(models["release_date"]), "reported"),
    )
    dropped = {
        "cell that failed the audit": int((~audited).sum()),
        "the same number in two documents of a host": doubled,
    }
    small = (~rated & score.gt(0) & score.lt(1)).sum()
    notes = {"percentages below 1, kept as they are": int(small)}
    return Parsed(scores, facts, len(cells), dropped, notes, names)


SOURCE = Source(
    id="benchpress",
    title="BenchPress score matrix, first edition",
    url="https://github.com/anadim/llm-benchmark-matrix",
    revision="910d3443a8763367f7c206d5cb70cf8230604af0",
    retrieved="2026-02-24",
    licence="unstated upstream (numbers only; the later edition on the hub is CDLA-2.0)",
    citation="BenchPress (2026). LLM benchmark matrix; the document behind each cell is upstream's reference_url.",
    files=("benchpress_v1/llm_benchmark_data.json",),
    parse=parse,
    live=Live(hub="microsoft/benchpress-score-matrix", files={"llm_benchmark_data": "data/llm_benchmark_data.json"}),
)
