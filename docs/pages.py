"""Render what the documentation links to: notebooks with outputs, the explorer, the figure of the concepts.

``python docs/pages.py`` writes build/pages; ``python docs/pages.py --plot docs/levels.png`` draws it.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "build" / "pages"


def notebook_caption(path: Path) -> str:
    """Say what the numbers of a notebook are: of the snapshot, or made up on the spot."""
    from obslaws import __version__, load_panel
    from obslaws.report.captions import data_caption

    if "obslaws.simulate" in path.read_text(encoding="utf-8"):
        return f"made-up data: models, families and scores are simulated, none is real; obslaws {__version__}"
    return f"{data_caption(load_panel('core')).partition(', view')[0]}, obslaws {__version__}"


def notebooks() -> None:
    from obslaws.report.html import write_page
    from obslaws.report.notebook import notebook_page, run_notebook

    for path in sorted((ROOT / "notebooks").glob("*.py")):
        print(path.name, file=sys.stderr)
        notebook = run_notebook(path)
        # the page has its own heading: the notebook's first line
        first = notebook.cells[0]
        title, _, first.source = first.source.removeprefix("# ").partition("\n")
        page = notebook_page(notebook, title, notebook_caption(path), code=True, command="make docs")
        write_page(page, PAGES / f"{path.stem}.html")


def explorer() -> None:
    from obslaws.cli.app import main

    main(["explore", "--output", str(PAGES / "explorer.html")])


def figure(path: Path) -> None:
    from obslaws import SkillForecaster, load_panel
    from obslaws.query import query
    from obslaws.report.captions import data_caption
    from obslaws.report.figures import save_figure
    from obslaws.report.model_figures import levels_figure

    panel = load_panel("core")
    skill = SkillForecaster().fit(panel)
    asked = query(panel, "qwen2.5", n_params=22e9, n_tokens=18e12)
    save_figure(levels_figure(skill, asked, "mmlu_pro", data_caption(panel)), path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plot"]:
        figure(Path(sys.argv[2]))
    else:
        PAGES.mkdir(parents=True, exist_ok=True)
        notebooks()
        try:
            explorer()
        except SystemExit as left:
            sys.exit(left.code)
