"""The README and the pages of the skill model show what their commands print."""

import importlib.util
import re
from pathlib import Path

import pytest

from obslaws.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
_SPEC = importlib.util.spec_from_file_location("readme", ROOT / "docs" / "readme.py")
readme = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(readme)

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    example for page in (readme.README, *readme.PAGES) for example in readme.examples(page.read_text(encoding="utf-8"))
]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$")


def words(output):
    """Split an output into rows of words; seconds and the version depend on machine and installation, so they go."""
    rows, seconds = [], None
    for line in output.splitlines():
        row = re.sub(r"obslaws \S+", "obslaws", line).split()
        if row and row[-1] == "seconds":
            seconds = len(row)
        if seconds is not None and len(row) == seconds:
            row = row[:-1]
        rows.append([word for word in row if set(word) != {"─"}])
    return [row for row in rows if row]


def same(shown, now):
    if NUMBER.match(shown) and NUMBER.match(now):
        # another BLAS rounds another way, so a fit may stop a step earlier: half a point of a score, else one per cent
        return float(shown) == pytest.approx(float(now), abs=0.005, rel=0.01)
    return shown == now


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "code", "shown"), EXAMPLES, ids=[code.strip().splitlines()[-1][:60] for _, code, _ in EXAMPLES]
)
def test_readme_shows_what_its_code_prints(kind, code, shown):
    assert shown.strip(), "make readme fills the outputs in"
    now, then = words(readme.RUNNERS[kind](code)), words(shown)
    assert [len(row) for row in now] == [len(row) for row in then]
    for row, old in zip(now, then, strict=True):
        for one, other in zip(row, old, strict=True):
            assert same(other, one), f"README shows {' '.join(old)}; now {' '.join(row)}. Run make readme."


def test_readme_names_every_command_and_the_test_command():
    for command in [c.name or c.callback.__name__ for c in app.registered_commands] + [
        g.name for g in app.registered_groups
    ]:
        assert f"obslaws {command}" in TEXT
    assert "make test" in TEXT
    assert "make forecast" in TEXT


def test_figure_of_the_readme_is_committed_and_its_command_is_named():
    file = re.search(r"!\[[^]]*\]\((docs/[^)]*)\)", TEXT)[1]
    assert (ROOT / file).is_file()
    assert any(command.endswith(f"--plot {file}") for command in readme.FIGURE.findall(TEXT))
