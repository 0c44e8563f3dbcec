"""README and docs pages show what their commands print."""

import hashlib
import importlib.util
import pickle
import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from obslaws.cli.app import app
from obslaws.forecasters.skill import SkillForecaster

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


@pytest.fixture(scope="module", autouse=True)
def shared_fits():
    """Fit a panel once for all examples, most of which ask the default forecaster about the same one."""
    plain, known = SkillForecaster.fit, {}

    def fit(self, panel):
        key = hashlib.sha256(pickle.dumps((type(self), vars(self), panel))).digest()
        found = known.pop(key, None) or plain(self, panel)
        known[key] = found
        while len(known) > 4:
            del known[next(iter(known))]
        vars(self).update(vars(found))
        return self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SkillForecaster, "fit", fit)
        yield


@pytest.fixture
def shown_by(run, capsys, monkeypatch):
    """Run an example in this process, which has its imports behind it; a piece of Python knows nothing of others."""
    monkeypatch.chdir(ROOT)

    def shown_by(kind, code):
        if kind == "console":
            program, *arguments = shlex.split(code)
            assert program == "obslaws"
            ran = run(*arguments)
            assert ran.code == 0, ran.err
            return ran.out
        exec(compile(code, "example", "exec"), {"__name__": "__main__"})
        return capsys.readouterr().out

    yield shown_by
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "kind", "code", "shown"),
    EXAMPLES,
    ids=[f"{page}: {code.strip().splitlines()[-1][:60]}" for page, _, code, _ in EXAMPLES],
)
def test_page_shows_what_its_code_prints(page, kind, code, shown, shown_by):
    assert shown.strip(), "make readme fills the outputs in"
    now, then = words(shown_by(kind, code)), words(shown)
    assert [len(row) for row in now] == [len(row) for row in then]
    for row, old in zip(now, then, strict=True):
        for one, other in zip(row, old, strict=True):
            assert same(other, one), f"{page} shows {' '.join(old)}; now {' '.join(row)}. Run make readme."


def test_make_readme_runs_an_example_in_a_process_of_its_own():
    assert "obslaws" in readme.run_command("obslaws --version")
    assert readme.run_python("import obslaws; print(obslaws.__name__)") == "obslaws\n"
    with pytest.raises(ValueError, match="cannot run 'rm'"):
        readme.run_command("rm -rf nothing")


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
