"""The house: data flows one way, rooms import only from rooms above, `import obslaws` brings nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import obslaws

PACKAGE = Path(obslaws.__file__).parent

# top to bottom; a room is a module or a folder, rooms of one row may not import each other
ROOMS = (
    ("_version", "errors"),
    ("days",),
    ("folders", "quantities", "schema", "links", "matching", "metrics", "parallel", "reading", "writing"),
    ("plotting",),
    ("names",),
    ("sources", "results"),
    ("fetching", "naming"),
    ("lineage",),
    ("claims",),
    ("snapshot",),
    ("freezing", "panel"),
    ("views", "families", "known_scores", "units"),
    ("domains", "query", "targets"),
    ("forecasters.base",),
    ("capability", "peers", "laws"),
    ("skill",),
    ("downstream",),
    ("simulate", "pass_at_k"),
    ("folds",),
    ("forecasters", "protocols"),
    ("questions",),
    ("cutoffs", "diagnostics"),
    ("splits",),
    ("outcomes",),
    ("backtest", "observe"),
    ("lifecycle", "registry", "audit", "scoreboard"),
    ("report",),
    ("select",),
    ("cli",),
    ("__main__",),
)
# front doors: a function of the upper room opens the lower one when it is called, never at import
FRONT_DOORS = {("panel", "views"), ("snapshot", "freezing")}
FLOOR = {room: at for at, row in enumerate(ROOMS) for room in row}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "_data" not in p.parts and p != PACKAGE / "__init__.py")


def room_of(module):
    """The interface of all forecasters is a room of its own: whoever predicts stands below it."""
    return module if module in FLOOR else module.partition(".")[0]


def module_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or parts[0]


def imports(path):
    """List (module, whether only a function opens it) of every import that runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            at_root = node.module == "obslaws"
            names = [_home(alias.name) for alias in node.names] if at_root else [node.module]
        above, up = [], node
        while up in parents:
            up = parents[up]
            above.append(up)
        if not any(isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test) for n in above):
            inside = any(isinstance(n, ast.FunctionDef) for n in above)
            inside |= any(isinstance(n, ast.If) and "__main__" in ast.unparse(n.test) for n in above)
            found += [(name.removeprefix("obslaws."), inside) for name in names if name.startswith("obslaws.")]
    return found


def _home(name):
    return "obslaws._version" if name == "__version__" else obslaws._ROOM.get(name, f"obslaws.{name}")


def test_every_room_has_its_floor():
    assert {room_of(module_of(path)) for path in FILES} <= set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_come_from_above(path):
    room = room_of(module_of(path))
    for module, inside in imports(path):
        other = room_of(module)
        if other == room or (inside and (room, other) in FRONT_DOORS):
            continue
        if path.name == "__init__.py" and other.startswith(f"{room}."):
            continue
        assert FLOOR[other] < FLOOR[room], f"{room} imports {other}, which lies below or beside it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_modules_open_with_what_they_are_for_and_stay_short(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 450, "a file that wants a table of contents wants to be two"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_ties_are_sorted_alike_on_every_machine(path):
    """Several keys are sorted stably as they are; one key is not, unless that is asked for."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = getattr(getattr(call, "func", None), "attr", None)
        if name not in ("sort_values", "argsort"):
            continue
        several = name == "sort_values" and any(isinstance(key, ast.List) for key in call.args)
        kind = [k.value.value for k in call.keywords if k.arg == "kind" and isinstance(k.value, ast.Constant)]
        assert several or kind == ["stable"], f"{path.name}:{call.lineno}: {name} without kind='stable'"


def test_nobody_keeps_a_drawer():
    assert not [p for p in FILES if p.stem in {"utils", "helpers", "common", "misc"}]


@pytest.mark.parametrize("statement", ["import obslaws", "import obslaws.cli.app"])
def test_import_is_cheap(statement):
    heavy = ("statsmodels", "seaborn", "sklearn", "scipy.optimize", "pandera", "matplotlib", "pandas")
    code = f"{statement}; import sys; sys.exit(str([m for m in {heavy!r} if m in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() in ("", "[]")


def test_a_panel_and_its_forecast_need_no_drawing_library(small_folder):
    code = f"""
import sys, obslaws
from obslaws.query import query
panel = obslaws.load_panel({str(small_folder)!r})
obslaws.forecaster("logit-ols").fit(panel).forecast(query(panel, "alpha", 22e9))
sys.exit(str([m for m in ("seaborn", "matplotlib", "statsmodels") if m in sys.modules] or ''))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_public_names_exist():
    for name in obslaws.__all__:
        assert getattr(obslaws, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        obslaws.nonsense  # noqa: B018
