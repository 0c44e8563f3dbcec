"""What a law is: a curve with named parameters, their bounds, and the coefficients that others published.

A law is declared in `obslaws.laws.catalogue` as a subclass of `Law`; its docstring carries formula and source.
`Law.fit` hands any of them to the one fitter. Pure arrays in, arrays out; nothing here reads data.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from obslaws.errors import SchemaError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from obslaws.laws.results import LawFit

__all__ = ["GROUPS", "Law", "Param", "Published", "Variable", "numbers"]

Array = NDArray[np.float64]

GROUPS = {
    "loss-scale": "Pre-training loss against size, data and compute",
    "data": "Repetition, filtering and mixtures of data",
    "architecture": "Experts, sparsity, vocabulary, streams",
    "precision": "Training precision and quantisation",
    "optimisation": "Learning rate, batch and schedules",
    "transfer": "Fine-tuning, distillation, loss to loss",
    "downstream": "Errors and benchmark scores from loss, compute and architecture; efficiency over time",
    "inference": "Repeated sampling and the cost of inference",
    "other": "Rewards, games and other modalities",
    "flexible": "Shapes without a theory, as rivals",
}


@dataclass(frozen=True)
class Param:
    """One coefficient of a law.

    Parameters
    ----------
    name : str
        As the source writes it.
    lower, upper : float
        Bounds, in the unit of the coefficient; a fit never leaves them and says so where it ends at one.
    log : bool
        Fitted as its logarithm: a positive scale that may span decades. `lower` must be above 0.
    linear : bool
        The curve is affine in this coefficient when the others are held; starts then solve for it.
    start : (float, float), optional
        Narrower range that starts are drawn from; the bounds by default.
    """

    name: str
    lower: float
    upper: float
    log: bool = False
    linear: bool = False
    start: tuple[float, float] | None = None


@dataclass(frozen=True)
class Variable:
    """One input of a law, or its output.

    Parameters
    ----------
    name : str
        Column: ``n_params``, ``n_tokens``, ``train_flop`` and the like.
    about : str
        What it means here, e.g. whether embeddings count.
    unit : str
        Unit of the column; a curve converts to the unit of its source itself.
    low, high : float
        Range in which the law was studied, or typical; simulations draw from it.
    log : bool
        The range is meant on a logarithmic scale.
    default : float, optional
        Value where the column is left out.
    """

    name: str
    about: str
    unit: str
    low: float = np.nan
    high: float = np.nan
    log: bool = True
    default: float | None = None


@dataclass(frozen=True)
class Published:
    """Coefficients as somebody reported them.

    Parameters
    ----------
    name : str
        Short label of the set, unique within the law.
    params : dict of str to float
        All coefficients, or those that were reported.
    setting : str
        Data, models and range behind them.
    basis : {"read", "recomputed"}
        Read in the source named by the law, or recomputed from runs that its authors released.
    uncertainty : dict of str to float or (float, float)
        Standard errors, or intervals, where they were given.
    """

    name: str
    params: Mapping[str, float]
    setting: str
    basis: str = "read"
    uncertainty: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)


class Law:
    """A curve with named parameters.

    A subclass states its formula in an indented block after ``::`` and its sources under ``References``.

    Attributes
    ----------
    id : str
        Name in the registry.
    group : str
        One of `GROUPS`.
    verified : bool
        False where form or coefficients could not be checked against the source: the law then has no published
        coefficients and stays out of default listings.
    core : bool
        Part of the core of the catalogue, else of the reserve.
    variables : tuple of Variable
        Inputs.
    output : Variable
        What the curve returns.
    params : tuple of Param
        Coefficients in the order that `curve` takes them.
    published : tuple of Published
        The first complete set is the default for `evaluate`.
    typical : dict of str to float
        Round values of plausible size for simulations, where nothing complete was published. Nobody's estimates.
    space : {"log", "linear"}
        Where residuals are taken: of log output, or of the output.
    notes : tuple of str
        What the source says about fit, accuracy, and what we found.
    """

    id: ClassVar[str]
    group: ClassVar[str]
    verified: ClassVar[bool] = True
    core: ClassVar[bool] = True
    variables: ClassVar[tuple[Variable, ...]]
    output: ClassVar[Variable]
    params: ClassVar[tuple[Param, ...]]
    published: ClassVar[tuple[Published, ...]] = ()
    typical: ClassVar[Mapping[str, float]] = {}
    space: ClassVar[str] = "log"
    notes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
        cls.title = text.partition("\n")[0].rstrip(".")
        cls.formula = _block(text)
        cls.source = _references(text)
        units = [*(getattr(cls, "variables", ())), *((cls.output,) if hasattr(cls, "output") else ())]
        told = "\n".join(f"{v.name} : {v.unit}\n    {v.about[:1].upper()}{v.about[1:]}." for v in units)
        head, mark, tail = text.partition("\nReferences\n")
        cls.__doc__ = f"{head}\nUnits\n-----\n{told}\n{mark}{tail}" if told else text

    title: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def curve(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; takes the mapping of inputs, then every parameter in order.

        Must broadcast, and must be analytic in the parameters where derivatives are taken: these come from complex
        steps unless `gradient` is given.
        """
        raise NotImplementedError

    def gradient(self, *args: Any, **kwargs: Any) -> tuple[Any, Any] | None:
        """Compute output and derivatives by parameter, last axis; None: take complex steps."""
        return None

    def derived(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Compute quantities that follow from the parameters, which it takes in order."""
        return {}

    @property
    def param_names(self) -> tuple[str, ...]:
        """Names of the coefficients, in order."""
        return tuple(p.name for p in self.params)

    def points(self, x: Any) -> dict[str, Array]:
        """Take the inputs of the law out of a table.

        Parameters
        ----------
        x : DataFrame or mapping of str to array_like
            Columns, with at least those of `variables` that have no default.

        Returns
        -------
        dict of str to ndarray of shape (n_points,)

        Raises
        ------
        SchemaError
            A column is missing, or holds a value that is no number.
        """
        points: dict[str, Array] = {}
        for variable in self.variables:
            if variable.name in x:
                values = numbers(x[variable.name], f"law {self.id!r}: column {variable.name!r}")
            elif variable.default is not None:
                values = np.asarray(variable.default, dtype=float)
            else:
                raise SchemaError(
                    f"law {self.id!r}: no column {variable.name!r} ({variable.about}, {variable.unit}). "
                    f"Found: {', '.join(map(str, x)) or 'nothing'}."
                )
            if (missing := np.isnan(np.atleast_1d(values))).any():
                raise SchemaError(
                    f"law {self.id!r}: column {variable.name!r} has missing values ({int(missing.sum())}, the first in "
                    f"row {int(np.flatnonzero(missing)[0]) + 2}, below the header); drop these rows."
                )
            points[variable.name] = values
        shape = np.broadcast_shapes(*(v.shape for v in points.values())) if points else ()
        return {name: np.broadcast_to(v, shape or (1,)).ravel() for name, v in points.items()}

    def complete_sets(self) -> list[str]:
        """Name the published sets that give every coefficient.

        Returns
        -------
        list of str
            In the order of `published`; the first is the default of `coefficients`.
        """
        return [s.name for s in self.published if set(s.params) >= set(self.param_names)]

    def coefficients(self, params: str | Mapping[str, float] | None = None) -> dict[str, float]:
        """Resolve a set of coefficients.

        Parameters
        ----------
        params : str or mapping, optional
            Name of a published set, or values by name; the first complete published set by default.

        Returns
        -------
        dict of str to float
            In the order of `params`.

        Raises
        ------
        UnknownNameError
            No such set.
        UsageError
            Nothing complete was published, or a coefficient is missing or unknown.
        """
        complete = {s.name: s for s in self.published if s.name in self.complete_sets()}
        if isinstance(params, str):
            if params not in complete:
                raise UnknownNameError(f"complete published set of law {self.id!r}", params, complete)
            params = complete[params].params
        elif params is None:
            if not complete:
                raise UsageError(
                    f"law {self.id!r}: no complete set of coefficients was published. Give values for "
                    f"{', '.join(self.param_names)}, or fit it to runs of your own."
                )
            params = next(iter(complete.values())).params
        for name in params:
            if name not in self.param_names:
                raise UnknownNameError(f"parameter of law {self.id!r}", name, self.param_names)
        missing = [name for name in self.param_names if name not in params]
        if missing:
            raise UsageError(f"law {self.id!r}: no value for {', '.join(missing)}.")
        return {name: float(params[name]) for name in self.param_names}

    def evaluate(self, x: Any, params: str | Mapping[str, float] | None = None) -> Array:
        """Compute the output of the law.

        Parameters
        ----------
        x : DataFrame or mapping of str to array_like
            Inputs, in the units of `variables`.
        params : str or mapping, optional
            As in `coefficients`.

        Returns
        -------
        ndarray of shape (n_points,)
            In the unit of `output`.
        """
        values = self.coefficients(params)
        points = self.points(x)
        out = np.asarray(self.curve(points, *values.values()), dtype=float)
        return np.broadcast_to(out, np.broadcast_shapes(out.shape, *(v.shape for v in points.values()))).copy()

    def fit(self, x: Any, y: Any, **options: Any) -> LawFit:
        """Fit the law; see `obslaws.laws.fitter.fit_law` for the options."""
        from obslaws.laws.fitter import fit_law

        return fit_law(self, x, y, **options)


def numbers(values: Any, where: str) -> Array:
    """Read a column of numbers; what is missing stays NaN.

    Parameters
    ----------
    values : array_like
        As it stands in a table.
    where : str
        Table and column, for the message.

    Returns
    -------
    ndarray of float
        Same shape.

    Raises
    ------
    SchemaError
        A value is no number; its row is counted as an editor shows a CSV, the header being row 1.

    Examples
    --------
    >>> numbers(["1e9", None], "runs, column 'n_params'").tolist()
    [1000000000.0, nan]
    """
    given = np.asarray(values)
    if given.dtype.kind in "fiub":
        return given.astype(float)
    import pandas as pd

    out = np.full(given.shape, np.nan)
    for at, value in np.ndenumerate(given):
        if pd.isna(value):
            continue
        try:
            out[at] = float(value)
        except (TypeError, ValueError):
            row = f", row {at[0] + 2}" if at else ""
            raise SchemaError(f"{where}{row}: found {str(value)!r}; expected a plain number, e.g. 7e9.") from None
    return out


def _block(text: str) -> str:
    """Take the indented block after ``::``."""
    found = re.search(r"^::\n\n((?:[ ]{4}.*\n|\n)+)", text + "\n", re.MULTILINE)
    return inspect.cleandoc(found[1]).strip() if found else ""


def _references(text: str) -> str:
    found = text.partition("\nReferences\n")[2]
    words = re.sub(r"^-+\n", "", found)
    return " ".join(re.sub(r"\.\. \[\d+\] ?", "", words).split())
