"""`obslaws families`: which families a panel knows, and what is known of their members, from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from obslaws.cli.options import AddOption, Format, FormatOption, PanelOption, SnapshotOption, ViewOption, open_panel
from obslaws.cli.output import Page, number

if TYPE_CHECKING:
    import pandas as pd

_ORIGINS = ("n_params_basis", "n_params_source", "n_tokens_basis", "n_tokens_source", "release_date_source")


def families(
    name: Annotated[str | None, typer.Argument(help="A family or base family; all families when left out.")] = None,
    view: ViewOption = None,
    snapshot: SnapshotOption = None,
    panel: PanelOption = None,
    add: AddOption = None,
    format: FormatOption = Format.table,
) -> None:
    """List the known families, or the members of one with their size, tokens, date and scores.

    Example: obslaws families qwen2.5
    """
    from obslaws.families import family_members, family_table
    from obslaws.report.captions import data_caption

    data = open_panel(view, snapshot, panel, add)
    if name is None:
        table = family_table(data)
        shown = _all_for_people(table)
    else:
        members = family_members(data, name)
        if panel is None:
            members = _with_origins(members, snapshot)
        table = members.reset_index()
        shown = _members_for_people(members, data.scores.loc[members.index].notna().sum(axis=1))
    page = Page(format)
    page.line(data_caption(data), bold=True)
    page.line()
    page.frame(table, shown)


def _with_origins(members: pd.DataFrame, snapshot: str | None) -> pd.DataFrame:
    from obslaws.snapshot import load_snapshot

    origins = load_snapshot(snapshot).models.set_index("model")[[*_ORIGINS]].reindex(members.index)
    covariates = list(members.columns)[: list(members.columns).index("release_date") + 1]
    return members[covariates].join(origins).join(members.drop(columns=covariates))


def _all_for_people(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    from obslaws.quantities import format_count

    return pd.DataFrame(
        {
            "<family": table["family"],
            "<base family": table["base_family"],
            "<variant": table["variant"],
            "<org": table["org"].fillna("-"),
            "models": table["n_models"],
            "smallest": table["n_params_min"].map(format_count),
            "largest": table["n_params_max"].map(format_count),
            "most tokens": table["n_tokens_max"].map(format_count),
            "scores": table["n_scores"],
        }
    )


def _members_for_people(members: pd.DataFrame, n_scores: pd.Series) -> pd.DataFrame:
    import pandas as pd

    from obslaws.quantities import format_count

    shown = pd.DataFrame(
        {
            "<model": members.index,
            "<family": members["family"].to_numpy(),
            "params": members["n_params"].map(format_count).to_numpy(),
            "tokens": members["n_tokens"].map(format_count).to_numpy(),
            "FLOP": [number(f, ".2g") for f in members["train_flop"]],
            "<released": [str(d.date()) if d == d else "-" for d in members["release_date"]],
            "scores": n_scores.to_numpy(),
        }
    )
    if "n_params_source" in members:
        for column, label in (("n_params", "<size from"), ("n_tokens", "<tokens from")):
            pairs = zip(members[f"{column}_source"], members[f"{column}_basis"], strict=True)
            shown[label] = [f"{source} ({basis})" if source == source else "-" for source, basis in pairs]
    return shown
