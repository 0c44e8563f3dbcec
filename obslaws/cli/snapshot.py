"""`obslaws snapshot`: what the tables hold, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from obslaws.cli.options import Format, FormatOption, RecordFormat, RecordFormatOption, SnapshotOption
from obslaws.cli.output import Page, number, records
from obslaws.cli.snapshot_lifecycle import diff, export, validate

if TYPE_CHECKING:
    import pandas as pd

    from obslaws.snapshot import Snapshot

snapshot = typer.Typer(
    help="Say what the tables hold, and from where; compare, check, export them.", no_args_is_help=True
)
snapshot.command()(diff)
snapshot.command()(validate)
snapshot.command()(export)


@snapshot.command()
def info(snapshot: SnapshotOption = None, format: FormatOption = Format.table) -> None:
    """List the sources of a snapshot with their rows, revision and licence.

    Example: obslaws snapshot info
    """
    import pandas as pd

    from obslaws.snapshot import load_snapshot

    data = load_snapshot(snapshot)
    columns = ("title", "scores", "facts", "retrieved", "revision", "licence", "url", "citation")
    sources = pd.DataFrame(
        [{"source": k, **{c: v.get(c) for c in columns}} for k, v in data.manifest["sources"].items()]
    )
    shown = pd.DataFrame(
        {
            "<source": sources["source"],
            **{c: [number(n, ",.0f") for n in sources[c].astype(float)] for c in ("scores", "facts")},
            "<retrieved": sources["retrieved"],
            "<licence": sources["licence"],
        }
    )
    page = Page(format)
    rows = ", ".join(f"{table['rows']:,} {name}" for name, table in data.manifest["tables"].items())
    page.line(_caption(data), bold=True)
    page.line(rows)
    page.line()
    page.frame(sources, shown.fillna("-"))


@snapshot.command("list")
def list_all(format: FormatOption = Format.table) -> None:
    """Name the snapshots that are here, and the views that can be made of them.

    Example: obslaws snapshot list
    """
    import pandas as pd

    from obslaws.snapshot import load_snapshot, open_snapshot, snapshot_folders
    from obslaws.views import list_views

    rows = []
    for name, folder in snapshot_folders().items():
        tables = open_snapshot(folder).manifest["tables"]
        rows.append(("snapshot", name, f"{tables['models']['rows']:,} models, {tables['scores']['rows']:,} scores"))
    rows += [("view", name, title) for name, title in list_views().items()]
    frame = pd.DataFrame(rows, columns=["kind", "name", "title"])
    page = Page(format)
    page.line(_caption(load_snapshot()), bold=True)
    page.line()
    page.frame(frame, frame.rename(columns=lambda name: f"<{name}"))


@snapshot.command()
def show(
    model: Annotated[str, typer.Argument(help="Id of a model, or the part after the slash.")],
    snapshot: SnapshotOption = None,
    format: RecordFormatOption = RecordFormat.table,
) -> None:
    """Show all that is known of a model: what holds, who claims what, and its scores.

    Example: obslaws snapshot show Qwen2.5-7B
    """
    from obslaws.query import find_model
    from obslaws.snapshot import load_snapshot

    data = load_snapshot(snapshot)
    name = find_model(data.models["model"], model)
    row = data.models[data.models["model"] == name].drop(columns="model").iloc[0]
    claims = data.facts[data.facts["model"] == name].drop(columns="model")
    scores = data.scores[data.scores["model"] == name].drop(columns="model")
    page = Page(format)
    page.line(name, bold=True)
    page.line(_caption(data))
    known = _attributes(row)
    if format is RecordFormat.json:
        page.record({"model": name, "attributes": known, "claims": records(claims), "scores": records(scores)})
        return
    for title, frame in (("What holds", _known_frame(known)), ("Who claims what", claims), ("Scores", scores)):
        page.line()
        page.line(title, bold=True)
        page.line()
        page.frame(frame, _for_people(frame))


def _caption(data: Snapshot) -> str:
    from obslaws import __version__

    return f"snapshot {data.name} ({data.hash}), obslaws {__version__}"


def _attributes(row: pd.Series) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for name in (c for c in row.index if not str(c).endswith(("_source", "_basis"))):
        stem = "flop" if name == "train_flop" else name
        told = {"value": row[name], "basis": row.get(f"{stem}_basis"), "source": row.get(f"{stem}_source")}
        out[str(name)] = {k: _missing_to_none(v) for k, v in told.items()}
    return out


def _missing_to_none(value: Any) -> Any:
    if value is None or value != value:
        return None
    return (
        value.date().isoformat() if hasattr(value, "isoformat") else (value.item() if hasattr(value, "item") else value)
    )


def _known_frame(known: dict[str, dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([{"attribute": k, **v} for k, v in known.items()]).astype(object)


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame.astype(object).loc[:, frame.notna().any()]
    return kept.map(_word).rename(columns=lambda name: f"<{name}")


def _word(value: Any) -> str:
    if _missing_to_none(value) is None:
        return "-"
    if hasattr(value, "isoformat"):
        return str(value.date())
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1.5 else f"{value:.4g}"
    text = str(value)
    return f"{text[:12]}..." if len(text) == 40 and " " not in text else text
