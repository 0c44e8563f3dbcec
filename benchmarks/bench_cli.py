"""Cold start of the command line: each run is a new process; beside a bare interpreter and one that imports pandas."""

import statistics
import subprocess
import sys
import time

from table import show

OBSLAWS = [sys.executable, "-m", "obslaws"]
ASK = ["forecast", "--family", "qwen2.5", "--params", "22B", "--tokens", "18T", "--format", "json"]
COMMANDS = {
    "python": ([sys.executable, "-c", "pass"], ""),
    "python, import pandas": ([sys.executable, "-c", "import pandas"], ""),
    "obslaws --help": ([*OBSLAWS, "--help"], ""),
    "obslaws forecast": ([*OBSLAWS, *ASK], "4"),
    "obslaws forecast --forecaster mean": ([*OBSLAWS, *ASK, "--forecaster", "mean"], ""),
}


def seconds(command, runs=5):
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        out.append(time.perf_counter() - start)
    return out[0], statistics.median(out)


def main():
    rows, bare = [], None
    for label, (command, limit) in COMMANDS.items():
        first, median = seconds(command)
        bare = bare or median
        rows.append([label, limit, first, median, f"{median / bare:.0f}"])
    show(["process", "limit", "first, s", "median of 5, s", "ratio"], rows)


if __name__ == "__main__":
    main()
