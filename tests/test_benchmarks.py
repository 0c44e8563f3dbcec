"""Scripts in benchmarks/ start: what they import is there, and their first steps run. Nothing is timed."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from obslaws.forecasters.skill import SkillForecaster
from obslaws.panel import load_panel

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
# scripts that fit the panel they load; the others ask for minutes, a browser or more arguments, and are imported only
RUN = (
    "between_siblings", "development", "interval_shape", "known_ceilings", "leave_benchmark_out", "new_benchmarks",
    "replays",
)  # fmt: skip


class EnoughError(Exception):
    """The script has come far enough."""


def test_what_scripts_import_is_there():
    code = f"import importlib\nfor name in {SCRIPTS!r}:\n    importlib.import_module(name)"
    path = os.pathsep.join([str(FOLDER), *filter(None, [str(FOLDER.parent), os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_functions_of_scripts_import_is_there(script):
    for node in ast.walk(ast.parse((FOLDER / f"{script}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("obslaws"):
            module = importlib.import_module(str(node.module))
            for one in node.names:
                assert hasattr(module, one.name) or importlib.util.find_spec(f"{node.module}.{one.name}"), one.name


@pytest.fixture
def script(monkeypatch, request):
    """A script as a module, which is given six families in place of whole panels."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = set(sys.modules)
    module = importlib.import_module(request.param)

    def some_families(view="core", *_):
        panel = load_panel(view)
        most = panel.models["family"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:6]
        return panel.select(panel.models["family"].isin(most).to_numpy())

    if hasattr(module, "load_panel"):
        monkeypatch.setattr(module, "load_panel", some_families)
    with joblib.parallel_config(backend="sequential"):
        yield module
    for name in (set(sys.modules) - before) & set(SCRIPTS):
        del sys.modules[name]


@pytest.mark.parametrize("script", RUN, indirect=True)
def test_a_script_comes_to_its_second_fit(script, monkeypatch):
    plain, done = SkillForecaster._fit, []

    def fit(self, panel):
        if done:
            raise EnoughError
        done.append(panel)
        return plain(self, panel)

    monkeypatch.setattr(SkillForecaster, "_fit", fit)
    with pytest.raises(EnoughError):
        script.main()


@pytest.mark.parametrize("script", ["leave_benchmark_out"], indirect=True)
def test_a_fold_is_asked_for_every_count(script, monkeypatch, capsys):
    plan = script.plan
    monkeypatch.setattr(script, "plan", lambda *asked: list(plan(*asked))[:1])
    monkeypatch.setattr(script, "LEVELS", (0.9,))
    script.main(counts=(3, 4))
    out = capsys.readouterr().out
    assert "k=3 level=0.9" in out and "k=4 level=0.9" in out
