"""Loading of the newest snapshot, with pandas and pyarrow imported, beside a plain read of its parquet files."""

import statistics
import time

import pandas as pd
from table import show

from obslaws.panel import load_panel
from obslaws.snapshot import data_root, load_snapshot


def seconds(work, runs=7):
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        out.append(time.perf_counter() - start)
    return out[0], statistics.median(out)


def load():
    """Load the three tables that panels are made of; each is read when it is first asked for."""
    snapshot = load_snapshot()
    return snapshot.models, snapshot.benchmarks, snapshot.scores


def main():
    newest = sorted((data_root() / "snapshots").iterdir())[-1]
    files = [newest / f"{table}.parquet" for table in ("models", "benchmarks", "scores")]
    plain = seconds(lambda: [pd.read_parquet(file) for file in files])  # also warms pyarrow's import
    rows = [["its three parquet files", "", *plain, 1.0]]
    for label, limit, work in (("load_snapshot()", "0.3", load), ("load_panel('core')", "", load_panel)):
        first, median = seconds(work)
        rows.append([label, limit, first, median, median / plain[1]])
    show([f"snapshot {newest.name}", "limit", "first, s", "median of 7, s", "ratio"], rows)


if __name__ == "__main__":
    main()
