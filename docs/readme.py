"""Run what README and docs pages show, and write down what came out: `make readme`.

A ``console`` block holds one command after ``$`` and then its output. A ``python`` block is followed by a ``text``
block with what it prints. Only stdout is shown. A figure is drawn by the command that the page names in backticks,
ending in ``--plot docs/...`` or ``--figure docs/...``. A page without such blocks stays as it is.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
FIGURE = re.compile(r"`((?:obslaws [a-z]+|python docs/pages\.py) (?:[^`]* )?--(?:plot|figure) docs/[^`]*)`")
CONSOLE = re.compile(r"^```console\n\$ (?P<code>[^\n]*)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(
    r"^```python\n(?P<code>.*?)^```\n\n```text\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL
)  # fmt: skip


def run_command(command: str) -> str:
    """Run a command of a page in the environment of this Python; give back its stdout."""
    program, *arguments = shlex.split(command)
    if program == "python":
        return _run([sys.executable, *arguments])
    if program != "obslaws":
        raise ValueError(f"docs: cannot run {program!r}; console blocks start with 'obslaws'.")
    return _run([sys.executable, "-m", "obslaws", *arguments])


def run_python(code: str) -> str:
    """Run a piece of Python in a fresh interpreter; give back its stdout."""
    return _run([sys.executable, "-c", code])


def examples(text: str) -> list[tuple[str, str, str]]:
    """List the blocks of a page as (kind, code, output shown), in their order."""
    found = [(m.start(), kind, m["code"], m["output"]) for kind, p in KINDS for m in p.finditer(text)]
    return [(kind, code, output) for _, kind, code, output in sorted(found)]


def rewrite(text: str) -> str:
    """Replace every output block by what its code prints now."""
    for kind, pattern in KINDS:
        text = pattern.sub(lambda m, kind=kind: _with_output(m, RUNNERS[kind](m["code"])), text)
    return text


def _with_output(match: re.Match[str], output: str) -> str:
    start, end = match.start("output") - match.start(), match.end("output") - match.start()
    return match[0][:start] + output.strip("\n") + "\n" + match[0][end:]


def _run(command: list[str]) -> str:
    print(f"$ {shlex.join(command[1:])[:150]}", file=sys.stderr)
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MPLBACKEND": "Agg"}, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode("utf-8")


KINDS = (("console", CONSOLE), ("python", PYTHON))
RUNNERS = {"console": run_command, "python": run_python}

if __name__ == "__main__":
    wanted = [Path(name).resolve() for name in sys.argv[1:]] or PAGES
    for page in wanted:
        told = page.read_text(encoding="utf-8")
        for command in FIGURE.findall(told):
            run_command(command)
        page.write_text(rewrite(told), encoding="utf-8")
