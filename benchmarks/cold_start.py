"""Time the command line from a cold start: `python benchmarks/cold_start.py`; the best of five, in seconds."""

import subprocess
import sys
import time

COMMANDS = {
    "--help": ["--help"],
    "forecast": ["forecast", "--family", "qwen2.5", "--params", "22B", "--tokens", "18T"],
    "forecast, baseline": [
        "forecast",
        "--family",
        "qwen2.5",
        "--params",
        "22B",
        "--tokens",
        "18T",
        "--forecaster",
        "mean",
    ],
    "families": ["families", "qwen2.5"],
    "snapshot info": ["snapshot", "info"],
}


def seconds(arguments):
    """Wall time of one run of the program in a fresh process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "obslaws", *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    for name, arguments in COMMANDS.items():
        print(f"{name:20s} {min(seconds(arguments) for _ in range(5)):5.2f} s")
