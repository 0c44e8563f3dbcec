"""`obslaws backtest --list`: the protocols and forecasters that there are."""

from __future__ import annotations

import typer

from obslaws.cli.output import Page

__all__ = ["list_names"]


def list_names(wanted: bool) -> None:
    """Print the names of protocols and forecasters with what they are, and stop; nothing unless it is wanted.

    Parameters
    ----------
    wanted : bool
        The value of ``--list``.
    """
    if not wanted:
        return
    import pandas as pd

    from obslaws.backtest import PREDICTORS
    from obslaws.forecasters import FORECASTERS
    from obslaws.protocols import load_protocol, protocol_names

    protocols = [load_protocol(name) for name in protocol_names()]
    shown = pd.DataFrame(
        {
            "<protocol": [one.id for one in protocols],
            "<view": [one.view for one in protocols],
            "<what is hidden": [one.title for one in protocols],
        }
    )
    named = {name: str(kind.__doc__).strip().splitlines()[0] for name, kind in FORECASTERS.items()}
    page = Page("table")
    page.line(f"{len(shown)} protocols; each runs on its view unless --view or --panel names another", bold=True)
    page.line()
    page.frame(shown, shown)
    page.line()
    page.line(f"{len(named)} forecasters", bold=True)
    page.line()
    page.frame(*[pd.DataFrame({"<forecaster": list(named), "<what it is": list(named.values())})] * 2)
    page.line()
    page.line(f"Protocols with targets (ruan2024-...) also take a predictor: {', '.join(PREDICTORS)}, or a benchmark.")
    raise typer.Exit
