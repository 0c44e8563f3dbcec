import json
import multiprocessing
from itertools import pairwise

import pytest

from obslaws.errors import RegistryError
from obslaws.registry.chain import NOTHING, append, read_chain, verify


@pytest.fixture
def chain(tmp_path):
    path = tmp_path / "deep" / "registry.jsonl"
    for at in range(3):
        append(path, [{"kind": "forecast", "value": at / 10, "name": "Ä"}, {"kind": "forecast", "value": -at}])
    return path


def test_what_is_appended_can_be_read_in_order(chain):
    records = read_chain(chain)
    assert [r["line"] for r in records] == [1, 2, 3, 4, 5, 6]
    assert [r["value"] for r in records] == [0.0, 0, 0.1, -1, 0.2, -2]
    assert records[0]["previous"] == NOTHING
    assert all(b["previous"] == a["seal"] for a, b in pairwise(records))


def changed(lines, at):
    record = json.loads(lines[at])
    record["value"] = 0.9
    lines[at] = json.dumps(record)


TAMPERING = {
    "a value": (lambda lines: changed(lines, 2), r"line 3: its content does not fit its seal"),
    "a line removed": (lambda lines: lines.pop(1), r"line 2: does not follow line 1"),
    "the first removed": (lambda lines: lines.pop(0), r"line 1: does not follow line 0"),
    "two swapped": (lambda lines: lines.insert(2, lines.pop(3)), r"line 3: does not follow line 2"),
    "one doubled": (lambda lines: lines.insert(4, lines[3]), r"line 5: does not follow line 4"),
    "no JSON": (lambda lines: lines.__setitem__(5, "{"), r"line 6: not JSON"),
    "a foreign line": (
        lambda lines: lines.append('{"value": 1}'),
        r"line 7: expected an object with line, previous, seal",
    ),
    "an empty line": (lambda lines: lines.insert(1, ""), r"line 2: not JSON"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_at_its_line(chain, how):
    lines = chain.read_text(encoding="utf-8").splitlines()
    change, words = TAMPERING[how]
    change(lines)
    chain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(RegistryError, match=words):
        verify(chain)
    with pytest.raises(RegistryError, match=words):
        append(chain, [{"value": 1}])  # a broken chain grows no further


def test_a_line_resealed_breaks_the_next_one(chain):
    """Whoever knows how seals are made still has to rewrite everything after."""
    lines = chain.read_text(encoding="utf-8").splitlines()
    forged = chain.parent / "forged.jsonl"
    append(forged, [{"kind": "forecast", "value": 0.77, "name": "Ä"}])
    lines[0] = forged.read_text(encoding="utf-8").strip()
    chain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(RegistryError, match="line 2: does not follow line 1"):
        verify(chain)


def test_a_cut_end_is_found_by_the_seal_that_was_noted(chain):
    seal = read_chain(chain)[-1]["seal"]
    assert len(verify(chain, seal[:12])) == 6
    lines = chain.read_text(encoding="utf-8").splitlines()
    chain.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    assert len(verify(chain)) == 5
    with pytest.raises(RegistryError, match="none of its 5 lines has the seal"):
        verify(chain, seal)


def test_a_writer_that_was_stopped_is_named(chain):
    text = chain.read_bytes()
    chain.write_bytes(text[:-20])
    with pytest.raises(RegistryError, match="line 6: does not end"):
        append(chain, [{"value": 1}])
    chain.write_bytes(text[:30] + b"\xff" + text[31:])
    with pytest.raises(RegistryError, match="line 1: not UTF-8"):
        verify(chain)


def test_a_missing_registry_says_how_to_make_one(tmp_path):
    with pytest.raises(RegistryError, match="`obslaws register` makes one"):
        verify(tmp_path / "none.jsonl")


def _write(path, writer):
    for at in range(15):
        append(path, [{"writer": writer, "at": at}, {"writer": writer, "at": -at - 1}])


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    path = tmp_path / "registry.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, w)) for w in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    records = verify(path)
    assert len(records) == 4 * 15 * 2
    for w in range(4):
        assert [r["at"] for r in records if r["writer"] == w] == [x for at in range(15) for x in (at, -at - 1)]
    # a pair stays a pair
    assert all(a["writer"] == b["writer"] for a, b in zip(records[::2], records[1::2], strict=True))
