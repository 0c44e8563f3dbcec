"""Results files of lighteval, and of the Open LLM Leaderboard v1, which wrote the same shape.

A task's key is ``suite|task|shots`` (``harness|arc:challenge|25`` on the leaderboard), ``task|shots`` since 0.13, with
a fourth part for truncation in some early files. Averages (``task:_average|shots``, ``all``) are nobody's benchmark.
"""

from __future__ import annotations

from typing import Any

from obslaws.results.base import Identity, Measurement, Reading, plain, plain_id
from obslaws.results.cells import count, day_in_name, integer, mapping, number
from obslaws.results.document import Document

__all__ = ["NAME", "SHAPE", "matches", "parse"]

NAME = "lighteval"
SHAPE = "lighteval or Open LLM Leaderboard v1 results JSON (keys results, config_general)"


def matches(document: Document) -> bool:
    """Recognise the file by its keys, or by the bars in its tasks' names."""
    results = document.data.get("results") if isinstance(document.data, dict) else None
    if not isinstance(results, dict):
        return False
    return "config_general" in document.keys or any("|" in str(task) for task in results)


def parse(document: Document) -> Reading:
    """Read every metric of every task.

    Parameters
    ----------
    document : Document

    Returns
    -------
    Reading
        Values are fractions; `filter` is the suite, ``-`` where the file names none.
    """
    data = document.data
    general = mapping(data.get("config_general"))
    identity = _identity(general)
    found: list[Measurement] = []
    averages = []
    most = count(general.get("max_samples"))
    for key, entry in data["results"].items():
        suite, task, n_shots = _parts(str(key))
        if task == "all" or task.endswith(":_average"):
            averages.append(plain(key))
            continue
        n_items = count(mapping(mapping(data.get("config_tasks")).get(key)).get("effective_num_docs"))
        n_items = most if n_items != n_items else n_items
        found += [
            Measurement(
                plain(task), plain(metric), value, suite, number(entry.get(f"{metric}_stderr")), n_items, n_shots,
                scale=1.0, model=identity.model, date=day_in_name(document.name),
            )
            for metric, value in mapping(entry).items()
            if not metric.endswith("_stderr")
        ]  # fmt: skip
    notes = [f"averages over tasks left out: {', '.join(averages)}"] if averages else []
    limit = general.get("max_samples")
    cautions = [] if limit is None else [f"a partial run: at most {plain(limit)} questions per task, so it is rough"]
    return Reading(tuple(found), identity, tuple(notes), tuple(cautions), is_partial=limit is not None)


def _parts(key: str) -> tuple[str, str, int | None]:
    parts = key.split("|")
    if len(parts) == 4:
        parts = parts[:3]
    n_shots = integer(parts[-1]) if len(parts) > 1 else None
    names = parts if n_shots is None else parts[:-1]
    return (names[0] if len(names) > 1 else "-", names[-1], n_shots)


def _identity(general: dict[str, Any]) -> Identity:
    config = mapping(general.get("model_config"))
    name = general.get("model_name") or config.get("model_name") or config.get("pretrained") or ""
    revision = general.get("model_sha") or config.get("revision") or ""
    precision = general.get("model_dtype") or config.get("dtype") or ""
    return Identity(plain_id(name), plain(revision), plain(precision).removeprefix("torch."))
