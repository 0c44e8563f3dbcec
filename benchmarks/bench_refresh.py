"""How long a refresh of the whole Open LLM Leaderboard v2 takes, and how much memory: the loopback hub serves it.

Run from the clone: ``python benchmarks/bench_refresh.py UPSTREAM``, with the folder of upstream copies. The hub runs in
a process of its own, so that its memory is not counted; the base is the embedded snapshot with all its rows.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"seconds": 10.0, "megabytes": 600.0}


def measure(source: str) -> dict[str, float]:
    start, used = time.perf_counter(), time.process_time()
    from obslaws.lifecycle.refresh import refresh

    done = refresh([source])
    if done.failed or done.folder is None:
        raise SystemExit(f"failed: {[o.cause for o in done.failed]}")
    rows = next(o.n_rows for o in done.outcomes if o.source == source)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    return {"rows": rows, "seconds": wall, "cpu seconds": cpu, "megabytes": peak}


def run(upstream: Path) -> int:
    server = [sys.executable, str(ROOT / "tests" / "refresh" / "published.py"), str(upstream)]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as hub, tempfile.TemporaryDirectory() as folder:
        try:
            url = json.loads(hub.stdout.readline())["url"] if hub.stdout else ""
            env = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": f"{folder}/hf", "OBSLAWS_HOME": f"{folder}/home",
                   "HF_HUB_DISABLE_TELEMETRY": "1"}  # fmt: skip
            told = []
            for what in ("first", "second, files cached"):
                command = [sys.executable, __file__, "--measure"]
                out = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
                told.append(json.loads(out))
                print(f"{what:<22}" + "  ".join(f"{k} {v:,.1f}" for k, v in told[-1].items()))
                shutil.rmtree(Path(folder, "home", "snapshots"))  # so that the embedded one is the base again
        finally:
            hub.terminate()
    over = [f"{k} {t[k]:.1f} > {most}" for t in told for k, most in LIMITS.items() if t[k] > most]
    print("over the limit: " + ", ".join(over) if over else "within the limits")
    return bool(over)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("upstream", type=Path, nargs="?")
    parser.add_argument("--measure", action="store_true", help="one refresh in this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure("open-llm-v2")))
    elif options.upstream is None:
        parser.error("name the folder of upstream copies")
    else:
        sys.exit(run(options.upstream))
