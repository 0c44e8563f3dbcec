"""Every notebook runs on the bundled snapshot, from top to bottom."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", notebook],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_pages_say_where_their_numbers_come_from():
    root = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location("pages", root / "docs" / "pages.py")
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    told = {path.stem: pages.notebook_caption(path) for path in NOTEBOOKS}
    made_up = {name for name, caption in told.items() if caption.startswith("made-up data")}
    assert made_up == {"09_your_own_leaderboard"}
    assert all("snapshot 20" in told[name] for name in told if name not in made_up)
    assert "snapshot" not in told["09_your_own_leaderboard"]


def test_every_figure_of_made_up_data_says_so():
    text = next(path for path in NOTEBOOKS if path.stem.startswith("09")).read_text(encoding="utf-8")
    assert text.count("caption=MADE_UP") == text.count("_figure(") == 2
    assert "All data here are made up" in " ".join(text.replace("\n#", " ").split())
