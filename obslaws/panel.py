"""Models x benchmarks with what is known of each model: the one thing that every forecaster is fitted to.

In: a view of the snapshot, or a folder with the user's own three tables. Out: a `Panel`. Called by forecasters,
backtests, figures and the command line. A missing score is NaN ("not evaluated") and stays missing.
"""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.errors import AssumptionWarning, SchemaError, UnknownNameError
from obslaws.quantities import known_as, spelling_key, spelt_alike
from obslaws.reading import read_csv
from obslaws.schema import check_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["COVARIATES", "Panel", "complete_benchmarks", "complete_models", "load_panel", "read_panel"]

COVARIATES = (
    "org", "family", "base_family", "variant", "base_model",
    "n_params", "n_active_params", "n_tokens", "train_flop", "release_date",
)  # fmt: skip
_FEW = 4  # scores of a benchmark from which on its floor can be doubted


@dataclass(frozen=True)
class Panel:
    """Scores of models on benchmarks, with the models' covariates.

    Parameters
    ----------
    name : str
        View or folder that it came from.
    models : DataFrame of shape (n_models, n_covariates)
        Indexed by model id; the columns of `COVARIATES`. Unknown sizes, tokens, compute and dates are missing.
    scores : DataFrame of shape (n_models, n_benchmarks)
        Raw fractions, NaN where a model was not evaluated; same index as `models`.
    benchmarks : DataFrame of shape (n_benchmarks, n_facts)
        Indexed by benchmark id, in the order of the columns of `scores`; at least score_floor, ceiling, n_items, unit.
    provenance : dict
        Snapshot date and hash, or folder, for captions.
    """

    name: str
    models: pd.DataFrame
    scores: pd.DataFrame
    benchmarks: pd.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models.index.equals(self.scores.index):
            raise SchemaError(f"panel {self.name!r}: models and scores have different rows.")
        if not self.benchmarks.index.equals(self.scores.columns):
            raise SchemaError(f"panel {self.name!r}: benchmarks and the columns of scores differ.")

    @property
    def n_cells(self) -> int:
        """Count of observed scores."""
        return int(self.scores.notna().to_numpy().sum())

    def select(
        self, models: Iterable[str] | np.ndarray | None = None, benchmarks: Sequence[str] | None = None
    ) -> Panel:
        """Keep some models and benchmarks.

        Parameters
        ----------
        models : iterable of str or boolean mask, optional
            Model ids in the order wanted, or a mask over the rows.
        benchmarks : sequence of str, optional
            Benchmark ids in the order wanted.

        Returns
        -------
        Panel
            The rest is gone, nothing else changes.

        Raises
        ------
        UnknownNameError
            With the nearest known name.
        """
        rows: Any = slice(None)
        if models is not None:
            rows = (
                models
                if isinstance(models, np.ndarray) and models.dtype == bool
                else _known("model", list(models), self.models.index)
            )
        every = self.scores.columns
        columns = list(every) if benchmarks is None else _known("benchmark", list(benchmarks), every)
        return replace(
            self,
            models=self.models.loc[rows],
            scores=self.scores.loc[rows, columns],
            benchmarks=self.benchmarks.loc[columns],
        )

    def hide(self, cells: np.ndarray) -> Panel:
        """Make cells unobserved.

        Parameters
        ----------
        cells : ndarray of bool, shape (n_models, n_benchmarks)
            True where the score is to be hidden.

        Returns
        -------
        Panel
            Same rows and columns, NaN in the hidden cells.
        """
        return replace(self, scores=self.scores.mask(cells))

    def join(self, other: Panel) -> Panel:
        """Add the models of another panel, and the benchmarks that it alone has.

        Parameters
        ----------
        other : Panel
            For instance a lab's own checkpoints, from `read_panel`. Scores on a benchmark of the same name count as
            measured in the same way.

        Returns
        -------
        Panel
            Named as this one; the models of this one first. A family that this panel knows under another spelling
            takes the spelling, the series and the organisation that are known. ``provenance["added"]`` lists (name,
            models) of what was joined.

        Raises
        ------
        SchemaError
            A model is in both, or a benchmark of the same name has another unit or another score of guessing.

        Examples
        --------
        >>> from obslaws.simulate import simulate_panel
        >>> both = simulate_panel(n_families=2, random_state=0).panel
        >>> one, two = both.select(both.models.index[:3]), both.select(both.models.index[3:])
        >>> one.join(two).scores.equals(both.scores)
        True
        """
        _check_joinable(self, other)
        _warn_of_near_names(self, other)
        new = other.benchmarks.loc[[b for b in other.benchmarks.index if b not in self.benchmarks.index]]
        benchmarks = self.benchmarks
        if len(new):
            benchmarks = pd.concat([benchmarks, new.reindex(columns=benchmarks.columns)])
            benchmarks.index.name = self.benchmarks.index.name
            benchmarks = benchmarks.astype({c: t for c, t in self.benchmarks.dtypes.items() if t == "float64"})
        models = pd.concat([self.models, _settled(other.models, self.models)[self.models.columns]])
        models.index.name = self.models.index.name
        scores = pd.concat([self.scores, other.scores]).reindex(index=models.index, columns=benchmarks.index)
        scores = scores.astype("float64")
        scores.columns.name = self.scores.columns.name
        added = [*self.provenance.get("added", ()), (other.name, len(other.models))]
        return Panel(self.name, models, scores, benchmarks, {**self.provenance, "added": added})


def _known(kind: str, names: list[str], index: pd.Index) -> list[str]:
    for name in names:
        if name not in index:
            raise UnknownNameError(kind, name, index)
    return names


def _check_joinable(panel: Panel, other: Panel) -> None:
    known = {str(m).casefold(): str(m) for m in panel.models.index}
    for model in map(str, other.models.index):
        if model.casefold() in known:
            alike = known[model.casefold()]
            called = "" if alike == model else f", as {alike!r}"
            raise SchemaError(
                f"panel {other.name!r}: model {model!r} is also in {panel.name!r}{called}. "
                "Take it out of models and scores, or give your own model another name."
            )
    for name in other.benchmarks.index.intersection(panel.benchmarks.index, sort=False):
        mine, theirs = (p.benchmarks.loc[name] for p in (other, panel))
        # no floor of one's own is a floor of zero, and then the known one holds; so it does without a ceiling
        for fact, differs in (
            ("unit", mine.get("unit", "fraction") != theirs.get("unit", "fraction")),
            ("score_floor", mine["score_floor"] > 0 and abs(mine["score_floor"] - theirs["score_floor"]) > 1e-3),
            ("ceiling", pd.notna(most := mine.get("ceiling")) and most != theirs.get("ceiling")),
        ):
            if differs:
                here = "none" if pd.isna(theirs.get(fact)) else theirs[fact]
                raise SchemaError(
                    f"panel {other.name!r}: benchmark {name!r} has {fact} {mine[fact]}, and {here} in {panel.name!r}. "
                    f"Leave {fact} empty if it is the same test, or give yours another name."
                )


def _warn_of_near_names(panel: Panel, other: Panel) -> None:
    """Ask about benchmarks that only the newcomer has, where one of the panel's is called almost the same.

    Names that differ in digits alone are of other editions: `aime_2025` is no slip for `aime_2024`.
    """
    known = {spelling_key(name): str(name) for name in panel.scores.columns}
    alike = {}
    for name in map(str, other.scores.columns):
        key = spelling_key(name)
        others = [one for one in known if one == key or _letters(one) != _letters(key)]
        near = difflib.get_close_matches(key, others, n=1, cutoff=0.85)
        if name not in panel.scores.columns and near:
            alike[name] = known[near[0]]
    if alike:
        asked = ", ".join(f"{name!r} (did you mean {near!r}?)" for name, near in alike.items())
        warnings.warn(
            f"panel {other.name!r}: taken for benchmarks of its own, that nobody else was scored on: {asked}.",
            AssumptionWarning,
            stacklevel=3,
        )


def _letters(key: str) -> str:
    return "".join(sign for sign in key if not sign.isdigit())


def _settled(models: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Give models of known families the spelling, series and organisation by which these are known."""
    names: dict[str, set[str]] = {}
    for name in known["family"].dropna().unique():
        names.setdefault(spelling_key(name), set()).add(str(name))
    facts = known.drop_duplicates("family").set_index("family")
    family, base, org = (models[column].astype(object).tolist() for column in ("family", "base_family", "org"))
    for row, given in enumerate(family):
        alike = {given} if given in facts.index else names.get(spelling_key(given), set())
        if len(alike) != 1:
            continue
        family[row] = next(iter(alike))
        if base[row] == given:  # nothing said of the series
            base[row] = facts.at[family[row], "base_family"]
        if pd.isna(org[row]):
            org[row] = facts.at[family[row], "org"]
    told = {"family": family, "base_family": base, "org": org}
    return models.assign(**{c: pd.Series(v, models.index, dtype=models[c].dtype) for c, v in told.items()})


def load_panel(view: str | Path = "core", snapshot: str | None = None) -> Panel:
    """Load a panel: a named view of a snapshot, or a folder with the tables `models`, `scores` and `benchmarks`.

    Parameters
    ----------
    view : str or Path
        Name of a view (``core``, ``sloth``, ...), or a folder.
    snapshot : str, optional
        Date of the snapshot; the newest by default. Ignored for a folder.

    Returns
    -------
    Panel

    Raises
    ------
    UnknownNameError
        No such view; the nearest is offered.
    SchemaError
        A table breaks the schema; the message names file, row, column and cure.

    Examples
    --------
    >>> load_panel("core").scores.shape[1]
    12
    """
    if isinstance(view, Path) or Path(view).is_dir():
        return read_panel(Path(view))
    from obslaws.views import view_panel

    return view_panel(view, snapshot)


def read_panel(folder: Path) -> Panel:
    """Read the user's own tables, each as CSV or parquet.

    Parameters
    ----------
    folder : Path
        Holds models, scores and, optionally, benchmarks; columns as in `obslaws.schema`.

    Returns
    -------
    Panel
        Named after the folder. Models without any score stay, with missing cells.

    Warns
    -----
    AssumptionWarning
        Names that differ only in case or separators: of benchmarks, of families, of scores and what they belong to.

    Raises
    ------
    SchemaError
        A file is missing, a column or value is wrong, a score belongs to no model or lies above its benchmark's
        ceiling, or the panel is empty.
    """
    models, models_file = _read_table(folder, "models")
    scores, scores_file = _read_table(folder, "scores")
    benchmarks, benchmarks_file = _read_table(folder, "benchmarks", required=False)
    models = check_table(models, "models", models_file)
    if benchmarks is None:
        benchmarks = (
            pd.DataFrame({"benchmark": pd.unique(scores["benchmark"].dropna())})
            if "benchmark" in scores
            else pd.DataFrame()
        )
        benchmarks_file = scores_file
    if len(benchmarks) or "benchmark" in benchmarks:
        benchmarks = check_table(benchmarks, "benchmarks", benchmarks_file)
    units = (
        dict(zip(benchmarks["benchmark"], benchmarks["unit"].fillna("fraction"), strict=True))
        if len(benchmarks)
        else {}
    )
    scores = check_table(scores, "scores", scores_file, units=units)
    for column, known, kind in (
        ("model", models["model"], "models"),
        ("benchmark", benchmarks["benchmark"], "benchmarks"),
    ):
        scores[column] = scores[column].map(known_as(scores[column], known, column, scores_file, stacklevel=4))
        strange = ~scores[column].isin(known)
        if strange.any():
            at = int(np.flatnonzero(strange)[0])
            raise SchemaError(
                f"{scores_file}, row {at + 2}, column {column!r}: "
                f"{UnknownNameError(column, scores[column].iloc[at], known)} "
                f"Add it to {kind!r} or correct the name."
            )
    if scores.empty:
        raise SchemaError(f"{scores_file}: no rows. A panel needs at least one score.")
    doubled = scores.duplicated(["model", "benchmark"])
    if doubled.any():
        at = int(np.flatnonzero(doubled)[0])
        raise SchemaError(
            f"{scores_file}, row {at + 2}: a second score of {scores['model'].iloc[at]} "
            f"on {scores['benchmark'].iloc[at]}. "
            "A panel folder holds one score per model and benchmark: keep the one you trust."
        )
    most = scores["benchmark"].map(benchmarks.set_index("benchmark")["ceiling"].astype(float))
    beyond = (scores["score"] > most).to_numpy(dtype=bool)
    if beyond.any():
        at = int(np.flatnonzero(beyond)[0])
        raise SchemaError(
            f"{scores_file}, row {at + 2}: {scores['model'].iloc[at]} scores {scores['score'].iloc[at]:g} on "
            f"{scores['benchmark'].iloc[at]}, above its ceiling of {most.iloc[at]:g} in {benchmarks_file}. Correct one "
            "of the two, or leave the ceiling empty."
        )
    _warn_of_high_floors(scores, benchmarks, benchmarks_file)
    _warn_of_spellings(folder.name, "benchmarks", benchmarks["benchmark"])
    _warn_of_spellings(folder.name, "families", models["family"])
    _warn_of_spellings(folder.name, "models", models["model"])
    models = complete_models(models)
    benchmarks = complete_benchmarks(benchmarks)
    wide = scores.pivot(index="model", columns="benchmark", values="score")
    wide = wide.reindex(index=models.index, columns=benchmarks.index)
    return Panel(folder.name, models, wide, benchmarks, {"folder": folder.name})


def _warn_of_high_floors(scores: pd.DataFrame, benchmarks: pd.DataFrame, file: str) -> None:
    """Tell of benchmarks where most models do worse than guessing: a wrong floor, or answers that did not parse."""
    floor = scores["benchmark"].map(benchmarks.set_index("benchmark")["score_floor"].astype(float))
    below = (scores["score"] < floor).groupby(scores["benchmark"], sort=False).agg(["sum", "size"])
    for name, (worse, seen) in below[below["sum"] > below["size"] / 2].iterrows():
        if seen >= _FEW:
            told = float(floor[scores["benchmark"] == name].iloc[0])
            warnings.warn(
                f"{file}: {worse} of {seen} scores on {name!r} lie below its score_floor of {told:g}. Unless answers "
                "failed to parse guessing scores less there: correct or leave out the score_floor.",
                AssumptionWarning,
                stacklevel=3,
            )


def _warn_of_spellings(panel: str, kind: str, names: pd.Series) -> None:
    if doubled := spelt_alike(map(str, names.dropna().unique()), kind == "models"):
        words = f"panel {panel!r}: {kind} {', '.join(doubled)} differ only in case or separators and are taken for "
        warnings.warn(f"{words}different ones. Write them alike if they are not.", AssumptionWarning, stacklevel=3)


def complete_models(models: pd.DataFrame) -> pd.DataFrame:
    """Index a checked table of models by id and fill in what follows from the other columns.

    Parameters
    ----------
    models : DataFrame
        A checked `models` table.

    Returns
    -------
    DataFrame of shape (n_models, n_covariates)
        Columns of `COVARIATES`. A missing base family is the family; active parameters default to the total;
        compute is 6 x active parameters x tokens where it is not given (Kaplan et al. 2020, section 2.1).
    """
    out = models.set_index("model")[[*COVARIATES]].copy()
    out["base_family"] = out["base_family"].fillna(out["family"])
    out["variant"] = out["variant"].fillna("unknown")
    out["n_active_params"] = out["n_active_params"].fillna(out["n_params"])
    out["train_flop"] = out["train_flop"].fillna(6.0 * out["n_active_params"] * out["n_tokens"])
    return out


def complete_benchmarks(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Index a checked table of benchmarks by id; an unknown floor is 0, an unknown unit is a fraction.

    Parameters
    ----------
    benchmarks : DataFrame
        A checked `benchmarks` table.

    Returns
    -------
    DataFrame of shape (n_benchmarks, n_facts)
    """
    out = benchmarks.set_index("benchmark")
    return out.assign(
        score_floor=out["score_floor"].fillna(0.0),
        unit=out["unit"].fillna("fraction"),
        title=out["title"].fillna(out.index.to_series()),
    )


def _read_table(folder: Path, name: str, required: bool = True) -> tuple[Any, str]:
    for ending, read in ((".csv", _read_csv), (".parquet", pd.read_parquet)):
        path = folder / f"{name}{ending}"
        if path.exists():
            return read(path), path.name
    if required:
        found = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise SchemaError(f"{folder}: no {name}.csv or {name}.parquet; found {found}. Columns: see `obslaws.schema`.")
    return None, f"{name}.csv"


def _read_csv(path: Path) -> pd.DataFrame:
    # text first: pandas would turn a model called "1e3" or "NaN" into a number, and hide which cell held text
    text = {"dtype": "str", "keep_default_na": False, "na_values": [""], "skip_blank_lines": False}
    table = read_csv(path, f"a CSV with the columns of {path.stem}, see `obslaws.schema`", **text)
    # a blank that nobody sees would make a name of its own
    return table.rename(columns=lambda name: str(name).strip()).apply(
        lambda column: column.str.strip().replace("", None)
    )
