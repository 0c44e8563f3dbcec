"""Files appear whole or not at all, and before the page that speaks of them."""

import os
import subprocess
import sys

import pytest

from obslaws.errors import StorageError
from obslaws.writing import write_whole


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "rows.csv"
    assert write_whole(path, "a\nß\n") == path
    assert path.read_bytes() == "a\nß\n".encode()
    path.chmod(0o640)
    write_whole(path, "b\n")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("b\n", 0o640)
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]


def test_what_stops_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text("old")

    def full(at):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="not written: No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]
    with pytest.raises(StorageError, match="not written"):
        write_whole(tmp_path / "none" / "rows.csv", "new")


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_whole(tmp_path / "link.csv", "new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_rows_are_there_though_the_reader_hung_up(small_folder, tmp_path):
    rows, figure = tmp_path / "rows.csv", tmp_path / "lines.svg"
    command = [sys.executable, "-m", "obslaws", "efficiency", "--panel", small_folder, "--components", "1",
               "--output", rows, "--plot", figure]  # fmt: skip
    reader, writer = os.pipe()
    os.close(reader)
    try:
        subprocess.run([str(part) for part in command], stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert rows.read_text().startswith("family,")
    assert figure.is_file()
