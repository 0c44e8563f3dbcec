"""Killed at any moment, a refresh leaves the old snapshot whole, and the next run completes."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from obslaws.lifecycle.validate import validate
from obslaws.snapshot import load_snapshot

# imports once, then forks a refresh per moment and kills it; two unharmed ones set the span
CHILD = """
    import json, os, random, signal, sys, time
    from dataclasses import replace
    from pathlib import Path
    from obslaws.fetching import Network
    from obslaws.lifecycle.refresh import refresh
    from obslaws.lifecycle.validate import validate
    from obslaws.snapshot import load_snapshot, open_snapshot
    from obslaws.sources import SOURCES
    # what a refresh imports on its way: else every child spends most of its time on that
    import asyncio, filelock, huggingface_hub.file_download, huggingface_hub.hf_api, pyarrow.dataset, pyarrow.parquet

    told = json.loads(sys.argv[1])
    live = replace(SOURCES["epoch"].live, files=told["epoch"])
    few = ("base-families", "open-llm-v2", "open-llm-v1")  # so that fifty runs take a minute
    registry = {s: SOURCES[s] for s in few}
    registry["epoch"] = replace(SOURCES["epoch"], live=live)
    network = Network(endpoint=told["url"], timeout=2, deadline=20, tries=2, pause=0.05)

    def child():
        pid = os.fork()
        if pid:
            return pid
        try:
            refresh(["open-llm-v1", "open-llm-v2", "epoch"], base=open_snapshot(Path(told["base"])), network=network,
                    registry=registry, date="2027-02-02")
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)

    spans = []
    for _ in range(2):  # the first one fetches, the second one has it all
        start = time.monotonic()
        assert os.waitpid(child(), 0)[1] == 0
        spans.append(time.monotonic() - start)
    moments, killed = random.Random(0), 0
    for i in range(25):  # two at a time, which are in each other's way as well
        if i % 5 == 0:
            os.system(f"rm -rf {told['cache']} {told['hf']}")  # every fifth pair has to fetch as well
        pids = [child(), child()]
        waits = sorted(moments.uniform(0, spans[i % 5 > 0]) for _ in pids)
        for pid, wait in zip(pids, (waits[0], waits[1] - waits[0])):
            time.sleep(wait)
            os.kill(pid, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        assert load_snapshot("2027-02-02").hash == told["hash"]
    print(json.dumps({"killed": killed, "spans": spans}))
"""


@pytest.mark.slow
def test_fifty_random_moments(home, hub, board, base, tmp_path):
    hf = tmp_path / "hf-home"
    snapshots = home / "snapshots"
    told = {"url": hub.url, "epoch": dict(board["epoch"].live.files), "base": str(base.folder), "hash": base.hash,
            "cache": str(home / "cache"), "hf": str(hf)}  # fmt: skip
    code = textwrap.dedent(CHILD)
    script = tmp_path / "child.py"
    script.write_text(code)
    (snapshots / "2027-02-02").parent.mkdir(parents=True)
    shutil.copytree(base.folder, snapshots / "2027-02-02")
    before = {p.name: p.read_bytes() for p in (snapshots / "2027-02-02").iterdir()}
    env = {**os.environ, "HF_HOME": str(hf), "HF_HUB_DISABLE_TELEMETRY": "1",
           "PYTHONPATH": str(Path(__file__).parents[2])}  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(told)], capture_output=True, text=True, env=env, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["killed"] >= 25
    assert {p.name: p.read_bytes() for p in (snapshots / "2027-02-02").iterdir()} == before
    for path in snapshots.glob("2*"):  # the unharmed one, and those that were faster than their killer
        validate(path)
    again = subprocess.run(
        [sys.executable, "-c", code.split("spans = []", 1)[0] + "assert os.waitpid(child(), 0)[1] == 0",
         json.dumps(told)],
        capture_output=True, text=True, env=env, timeout=120,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-3000:]
    assert not list(snapshots.glob(".aside*")), "what killed ones left behind is swept"
    validate(load_snapshot("latest").folder)
