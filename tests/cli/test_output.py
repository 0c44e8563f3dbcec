"""Tables on terminals of all widths: columns go below each other, and no number is ever cut."""

import io
import sys

import pandas as pd
import pytest

from obslaws.cli.output import Page


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("width", "n_parts"), [(200, 1), (80, 2), (30, 11), (10, 11)])
def test_a_narrow_terminal_gets_the_table_in_parts(monkeypatch, width, n_parts):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", Terminal())
    shown = pd.DataFrame({"<forecaster": ["size-tokens"]} | {f"column_{n}": [f"{n}.25"] for n in range(11)})
    Page("table").frame(shown, shown)
    told = sys.stdout.getvalue()
    assert "…" not in told
    assert all(f"{n}.25" in told and f"column_{n}" in told for n in range(11))
    assert told.count("size-tokens") == n_parts
