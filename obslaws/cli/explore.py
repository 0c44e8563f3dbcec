"""`obslaws explore`: a page that forecasts by itself, with sliders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obslaws.cli.options import AddOption, PanelOption, SnapshotOption, ViewOption, open_fractions, spelled
from obslaws.cli.output import note, progress_bar


def explore(
    output: Annotated[Path | None, typer.Option(help="Where to write the page; explorer.html by default.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Also show it on this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port of --serve; 0 takes a free one.", min=0, max=65535)] = 8765,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
) -> None:
    """Write one HTML file that forecasts any model in the browser: no network, no server.

    Example: obslaws explore --output explorer.html
    """
    from obslaws.forecasters.skill import SkillForecaster
    from obslaws.report.explorer import explorer_data, explorer_page
    from obslaws.report.html import check_page_path, serve_page, write_page
    from obslaws.report.sources import panel_origins

    path = output or (None if serve else Path("explorer.html"))
    if path is not None:
        check_page_path(path)
    asked = {"view": view, "snapshot": snapshot, "panel": panel, "add": add}
    data = open_fractions(view, snapshot, panel, add)
    with progress_bar(f"Fitting skill to {len(data.models)} models"):
        model = SkillForecaster().fit(data)
        origins = panel_origins(data, snapshot)
        told = (None, None) if origins is None else (origins.scores, origins.sources)
        page = explorer_page(explorer_data(model, *told), spelled("explore", **asked))
    if path is not None:
        print(f"Page: {write_page(page, path)} ({len(page.encode()) / 1e6:.1f} MB)")
    if serve:
        with serve_page(page, port) as (server, address):
            note(f"Explorer: {address} (Ctrl-C stops it)")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                note("Stopped.")
