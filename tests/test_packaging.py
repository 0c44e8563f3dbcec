"""The wheel carries the data, and works where the clone is not."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from obslaws.snapshot import data_root

ROOT = Path(__file__).resolve().parent.parent
PARTS = (".md", ".j2", ".js", ".css")  # notebooks and templates of pages
TEXTS = ("README.md", "CHANGELOG.md", "CITATION.cff", "Makefile", "pyproject.toml", ".ci/run", "docs/readme.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_every_data_file(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"obslaws/_data/{p.relative_to(ROOT / 'data').as_posix()}" for p in (ROOT / "data").rglob("*") if p.is_file()
    }
    assert wanted, "the clone has data"
    assert wanted <= inside
    assert not [name for name in inside if name.startswith(("tests/", "data/"))]
    pages = {p.relative_to(ROOT).as_posix() for p in (ROOT / "obslaws" / "report").rglob("*") if p.suffix in PARTS}
    assert len(pages) > 10 and pages <= inside


@pytest.mark.slow
def test_wheel_works_outside_the_clone(wheel, tmp_path):
    site, home = tmp_path / "site", tmp_path / "elsewhere"
    home.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    command = [sys.executable, "-m", "obslaws", "forecast", "--family", "qwen2.5", "--params", "22B", "--tokens", "18T",
               "--forecaster", "mean", "--format", "csv"]  # fmt: skip
    done = subprocess.run(
        command, cwd=home, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 13
    where = [sys.executable, "-c", "import obslaws.snapshot as s; print(s.data_root())"]
    told = subprocess.run(where, cwd=home, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True)
    assert Path(told.stdout.strip()) == (site / "obslaws" / "_data").resolve()


@pytest.mark.slow
def test_pages_are_written_outside_the_clone(wheel, small_folder, tmp_path):
    """Report, explorer and the report on a scoreboard that the same wheel has just made."""
    pytest.importorskip("jupytext")
    site, home = tmp_path / "site", tmp_path / "elsewhere"
    home.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    asked = ["--races", "sloth-v2-1", "--forecasters", "mean,logit-ols", "--results", "pieces"]
    for command in (
        ["explore", "--panel", str(small_folder), "--output", "explorer.html"],
        ["report", "snapshot", "--output", "snapshot.html"],
        ["scoreboard", *asked, "--output", "scoreboard.csv"],
        ["report", "scoreboard", "--output", "scoreboard.html"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "obslaws", *command],
            cwd=home, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    for name in ("explorer", "snapshot", "scoreboard"):
        page = (home / f"{name}.html").read_text(encoding="utf-8")
        assert page.startswith("<!DOCTYPE html>") and "<table" in page and str(ROOT) not in page, name


def test_clone_reads_its_own_data():
    assert data_root() == ROOT / "data"


def test_texts_name_no_place_of_one_machine():
    for name in TEXTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/])/(home|root|work|tmp|Users|opt)/", text), name


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_make_target_is_explained():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"\.PHONY: (.*)", text)[1].split()
    assert {"forecast", "test", "lint", "types", "golden", "snapshot", "help"} <= set(phony)
    for target in phony:
        assert re.search(rf"^{target}:.*## \w", text, re.MULTILINE), f"make help does not explain {target!r}"
