"""Parametrised notebooks to pages: run a notebook cell by cell, keep what it shows, drop the code.

In: a notebook of ``obslaws/report/notebooks`` or any other, and its parameters. Out: one HTML document. Needs the extra
``notebook``; PDF needs a Chromium on the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from markupsafe import Markup

from obslaws.errors import UsageError
from obslaws.report.html import picture_html, render

__all__ = ["NOTEBOOKS", "notebook_page", "run_notebook", "write_pdf"]

NOTEBOOKS = Path(__file__).resolve().parent / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_TAG = "parameters"
# without it a figure shows as its name; SVG is sharp on any screen, and its colours can be exchanged on a dark page
_INLINE = """%matplotlib inline
%config InlineBackend.figure_formats = ['svg']
%config InlineBackend.print_figure_kwargs = {'bbox_inches': 'tight', 'metadata': {'Date': None}}
%config InlineBackend.rc = {'svg.hashsalt': 'obslaws'}"""


def run_notebook(path: Path, parameters: Mapping[str, Any] | None = None, timeout: float = 600) -> Any:
    """Run a notebook in a fresh kernel of this Python.

    Parameters
    ----------
    path : Path
        Markdown or percent-format script; the cell tagged ``parameters`` holds the defaults.
    parameters : mapping of str to object, optional
        Plain values that replace the defaults.
    timeout : float
        Seconds for one cell.

    Returns
    -------
    nbformat.NotebookNode
        With outputs.

    Raises
    ------
    UsageError
        The extra is not installed, a cell failed, or the notebook has no parameters to set.
    """
    try:
        import jupytext
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from nbformat.v4 import new_code_cell
        from traitlets.config import Config
    except ImportError as error:
        raise UsageError(
            f"Reports are notebooks, and {error.name!r} is not installed. "
            "Install the extra: pip install 'obslaws[notebook]'."
        ) from None
    notebook = jupytext.read(path)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if parameters:
        at = [i for i, cell in enumerate(notebook.cells) if _TAG in cell.metadata.get("tags", [])]
        if not at:
            raise UsageError(f"Notebook {path.name} has no cell tagged {_TAG!r}; it takes no parameters.")
        lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        notebook.cells.insert(at[0] + 1, new_code_cell(lines))
    notebook.cells.insert(0, new_code_cell(_INLINE))
    home = Path(__file__).resolve().parents[2]
    known = [str(home), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, known)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    environment.pop("MPLBACKEND", None)  # the kernel's own, which shows figures in the notebook
    folder = {"metadata": {"path": str(Path.cwd())}}
    with tempfile.TemporaryDirectory(prefix="obslaws-") as private:
        # sockets of a private folder where the system has them: nobody else can listen, and two reports never meet
        sockets = {} if os.name == "nt" else {"transport": "ipc", "ip": str(Path(private) / "kernel")}
        config = Config({"KernelManager": sockets})
        client = NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=folder, config=config)
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            last = textwrap.shorten(f"{error.ename}: {error.evalue}", 400)
            raise UsageError(f"Notebook {path.name} failed: {last}") from error
    del notebook.cells[0]
    return notebook


def notebook_page(notebook: Any, title: str, caption: str, code: bool = False, command: str = "") -> str:
    """Write a notebook with outputs as one page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        From `run_notebook`.
    title, caption, command : str
        As `obslaws.report.html.render`.
    code : bool
        Whether the code is shown.

    Returns
    -------
    str
        HTML that needs no network.
    """
    from nbconvert import HTMLExporter
    from nbconvert.filters import strip_ansi

    exporter = HTMLExporter(template_name="basic", exclude_input=not code, exclude_input_prompt=True)
    exporter.exclude_output_prompt = True
    exporter.register_filter("ansi2html", lambda text: Markup.escape(strip_ansi(text)))
    body, _ = exporter.from_notebook_node(_pictured(notebook))
    return render("report.html.j2", title=title, caption=caption, command=command, body=Markup(body))


def _pictured(notebook: Any) -> Any:
    """Show figures as `obslaws.report.html.figure_html` does, for light and for dark pages."""
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            svg = output.get("data", {}).pop("image/svg+xml", None)
            if svg is not None:
                output["data"]["text/html"] = str(picture_html(svg, "Figure; the text beside it says what it shows."))
    return notebook


def write_pdf(page: Path, path: Path) -> Path:
    """Print a page to PDF with a Chromium of this machine.

    Parameters
    ----------
    page : Path
        HTML file.
    path : Path
        Ends in ``.pdf``.

    Returns
    -------
    Path

    Raises
    ------
    UsageError
        No Chromium is found, or it fails.
    """
    program = find_browser()
    if program is None:
        raise UsageError(
            f"PDF is printed by a Chromium, and none is here (looked for {', '.join(BROWSERS)}). "
            "Install one, or leave --pdf out and print the HTML page from any browser."
        )
    with tempfile.TemporaryDirectory() as profile:
        command = [
            program, "--headless", "--disable-gpu", "--no-sandbox", "--no-pdf-header-footer", "--disable-extensions",
            f"--user-data-dir={profile}", f"--print-to-pdf={path.resolve()}", page.resolve().as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode or not path.is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UsageError(f"PDF: {Path(program).name} failed: {last}")
    return path


def find_browser() -> str | None:
    """Find a Chromium on the path of this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
