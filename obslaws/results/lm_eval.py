"""Results files of lm-evaluation-harness, 0.4 and newer: ``results_<date>.json``.

Quirks, all handled in `parse`: a metric's key is ``metric,filter`` (bare ``metric`` before 0.4); standard errors may be
the text "N/A"; a group that averages nothing holds only a blank key; `alias`, `name` and sample counts stand among the
metrics; `model_args` is text or a mapping; an unknown size is -1; `limit` cuts a run short.
"""

from __future__ import annotations

from typing import Any

from obslaws.results.base import Identity, Measurement, Reading, plain, plain_id
from obslaws.results.cells import count, day, day_in_name, integer, mapping, number
from obslaws.results.document import Document

__all__ = ["NAME", "SHAPE", "matches", "parse"]

NAME = "lm-eval"
SHAPE = "lm-evaluation-harness results JSON (keys results, configs, n-shot)"
_NO_METRIC = {"alias", "name", "sample_len", "sample_count", "samples", "task_hash"}


def matches(document: Document) -> bool:
    """Recognise the file by its keys."""
    if "results" not in document.keys or "config_general" in document.keys:
        return False
    marks = {"configs", "n-shot", "lm_eval_version", "git_hash", "n-samples", "higher_is_better", "group_subtasks"}
    return isinstance(document.data["results"], dict) and bool(marks & document.keys)


def parse(document: Document) -> Reading:
    """Read every metric of every task and group.

    Parameters
    ----------
    document : Document

    Returns
    -------
    Reading
        Values are fractions; a group has the shots and version that its tasks agree on.
    """
    data = document.data
    config = mapping(data.get("config"))
    identity = _identity(data, config)
    parts = mapping(data.get("group_subtasks"))
    subtasks = {g: [str(t) for t in tasks] for g, tasks in parts.items() if isinstance(tasks, list) and tasks}
    groups = set(mapping(data.get("groups"))) | set(subtasks)
    about = _Facts(data, subtasks)
    setting = _setting(data)
    date = day(data.get("date")) or day_in_name(document.name)
    found: list[Measurement] = []
    for task, entry in {**mapping(data.get("groups")), **data["results"]}.items():
        for key, value in mapping(entry).items():
            metric, _, filter = key.strip().partition(",")
            if not metric or metric in _NO_METRIC or metric.endswith("_stderr"):
                continue
            error = entry.get(f"{metric}_stderr,{filter}" if filter else f"{metric}_stderr")
            lower = mapping(mapping(data.get("higher_is_better")).get(task)).get(metric) is False
            found.append(
                Measurement(
                    plain(task), plain(metric), value, plain(filter) or "none", number(error), about.n_items(task),
                    about.n_shots(task), about.version(task), 1.0, "lower is better" if lower else "",
                    model=identity.model, setting=setting, date=date, is_group=task in groups,
                )
            )  # fmt: skip
    notes = [f"lm-evaluation-harness {plain(data['lm_eval_version'])}"] if data.get("lm_eval_version") else []
    notes += [f"run with a {part}" for part in setting.split(", ") if part == "chat-template"]
    cautions = tuple(_cautions(data, config))
    return Reading(tuple(found), identity, tuple(notes), cautions, about.parents, is_partial=bool(cautions))


class _Facts:
    """What the file says of a task beside its scores; a group has what its tasks agree on."""

    def __init__(self, data: dict[str, Any], subtasks: dict[str, list[str]]) -> None:
        self._data = data
        self._subtasks = subtasks
        self.parents = {task: group for group, tasks in subtasks.items() for task in tasks}

    def leaves(self, task: str) -> list[str]:
        seen, waiting, found = {task}, [task], []
        while waiting:
            name = waiting.pop()
            parts = self._subtasks.get(name, [])
            waiting += [part for part in dict.fromkeys(parts) if part not in seen]
            seen.update(parts)
            if not parts:
                found.append(name)
        return found or [task]

    def n_shots(self, task: str) -> int | None:
        def own(name: str) -> int | None:
            shots = integer(mapping(self._data.get("n-shot")).get(name))
            return integer(mapping(mapping(self._data.get("configs")).get(name)).get("num_fewshot"), shots)

        seen = {own(leaf) for leaf in self.leaves(task)}
        return seen.pop() if len(seen) == 1 else None

    def version(self, task: str) -> float | None:
        versions = mapping(self._data.get("versions"))
        seen = {number(versions.get(leaf)) for leaf in self.leaves(task)}
        only = seen.pop() if len(seen) == 1 else number(versions.get(task))
        return None if only != only else only

    def n_items(self, task: str) -> float:
        """Questions asked; where the file does not count them, a limit in questions does (one below 1 is a share)."""
        samples = mapping(self._data.get("n-samples"))
        limit = count(mapping(self._data.get("config")).get("limit"))
        least = limit if limit >= 1 else float("nan")
        asked = [count(mapping(samples.get(leaf)).get("effective")) for leaf in self.leaves(task)]
        return sum(least if n != n else n for n in asked)


def _identity(data: dict[str, Any], config: dict[str, Any]) -> Identity:
    args = config.get("model_args")
    if isinstance(args, str):
        args = {k.strip(): v.strip() for k, eq, v in (part.partition("=") for part in args.split(",")) if eq}
    args = mapping(args)
    name = args.get("pretrained") or args.get("model") or data.get("model_name") or args.get("path") or ""
    revision = config.get("model_sha") or config.get("model_revision") or args.get("revision") or ""
    precision = config.get("model_dtype") or args.get("dtype") or ""
    return Identity(
        plain_id(name),
        plain(revision),
        plain(precision).removeprefix("torch."),
        count(config.get("model_num_parameters")),
    )


def _setting(data: dict[str, Any]) -> str:
    parts = ["chat-template"] if data.get("chat_template") else []
    parts += ["multi-turn"] if parts and data.get("fewshot_as_multiturn") else []
    parts += ["system-prompt"] if data.get("system_instruction") else []
    return ", ".join(parts)


def _cautions(data: dict[str, Any], config: dict[str, Any]) -> list[str]:
    if config.get("limit") is not None:
        return [f"a partial run: limited to {plain(config['limit'])} questions per task, so its scores are rough"]
    cut = []
    for task, samples in mapping(data.get("n-samples")).items():
        effective, original = count(mapping(samples).get("effective")), count(mapping(samples).get("original"))
        if effective < original:
            cut.append(f"{plain(task)} ({effective:g} of {original:g})")
    more = f" and {len(cut) - 3} more tasks" if len(cut) > 3 else ""
    return [f"a partial run: not all questions were asked in {', '.join(cut[:3])}{more}"] if cut else []
