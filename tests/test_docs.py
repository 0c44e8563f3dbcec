"""The documentation builds without a warning, and links to notebooks that there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_documentation_builds_without_warning(tmp_path):
    pytest.importorskip("sphinx", reason="the documentation needs dependency group docs")
    pytest.importorskip("furo")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", tmp_path / "trees",
               ROOT / "docs", tmp_path / "html"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "api.html").read_text(encoding="utf-8")
    assert "SkillForecaster" in page and "explorer_data" in page


def test_every_notebook_is_listed():
    text = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    listed = set(re.findall(r'href="(\w+)\.html"', text)) - {"explorer"}
    assert listed == {p.stem for p in (ROOT / "notebooks").glob("*.py")}
