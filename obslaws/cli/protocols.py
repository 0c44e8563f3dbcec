"""`obslaws backtest --list`: the protocols and forecasters that there are."""

from __future__ import annotations

from obslaws.cli.output import Page, records

__all__ = ["list_names"]


def list_names(format: str) -> None:
    """Print the names of protocols and forecasters with what they are.

    Parameters
    ----------
    format : {"table", "json"}
    """
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
    page = Page(format)
    if format == "json":
        page.record(
            {
                "protocols": records(shown.set_axis(["protocol", "view", "title"], axis=1)),
                "forecasters": [{"forecaster": name, "title": title} for name, title in named.items()],
                "predictors": list(PREDICTORS),
            }
        )
        return
    page.line(f"{len(shown)} protocols; each runs on its view unless --view or --panel names another", bold=True)
    page.line()
    page.frame(shown, shown)
    page.line()
    page.line(f"{len(named)} forecasters", bold=True)
    page.line()
    page.frame(*[pd.DataFrame({"<forecaster": list(named), "<what it is": list(named.values())})] * 2)
    page.line()
    page.line(f"Protocols with targets (ruan2024-...) also take a predictor: {', '.join(PREDICTORS)}, or a benchmark.")
