"""README and docs pages show what their commands print."""

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
EXAMPLES = [(page.name, *one) for page in readme.PAGES for one in readme.examples(page.read_text(encoding="utf-8"))]
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
    ("page", "kind", "code", "shown"),
    EXAMPLES,
    ids=[f"{page}: {code.strip().splitlines()[-1][:60]}" for page, _, code, _ in EXAMPLES],
)
def test_page_shows_what_its_code_prints(page, kind, code, shown):
    assert shown.strip(), "make readme fills the outputs in"
    now, then = words(readme.RUNNERS[kind](code)), words(shown)
    assert [len(row) for row in now] == [len(row) for row in then]
    for row, old in zip(now, then, strict=True):
        for one, other in zip(row, old, strict=True):
            assert same(other, one), f"{page} shows {' '.join(old)}; now {' '.join(row)}. Run make readme."


def test_readme_names_every_command_and_the_test_command():
    for command in [c.name or c.callback.__name__ for c in app.registered_commands] + [
        g.name for g in app.registered_groups
    ]:
        assert f"obslaws {command}" in TEXT
    assert "make test" in TEXT
    assert "make forecast" in TEXT


def test_figures_are_committed_and_their_commands_are_named():
    for page in readme.PAGES:
        text = page.read_text(encoding="utf-8")
        for file in re.findall(r"!\[[^]]*\]\(([^)]*)\)", text):
            drawn = (page.parent / file).resolve().relative_to(ROOT).as_posix()
            assert (ROOT / drawn).is_file()
            redrawn = readme.FIGURE.findall(text)
            measured = re.findall(r"`python (benchmarks/\w+\.py)[^`]*` draws the figure", text)  # for minutes: by hand
            assert any(command.endswith((f"--plot {drawn}", f"--figure {drawn}")) for command in redrawn) or any(
                Path(drawn).name in (ROOT / script).read_text(encoding="utf-8") for script in measured
            )
    assert re.search(r"!\[[^]]*\]\(docs/", TEXT)
