"""Which models to evaluate: the subset that pins a law on capabilities down best for a budget.

In: capabilities of candidate models, their families and compute. Out: a `Selection`. The candidates' own standard
benchmarks are known already; what the budget buys is evaluations on a new, costly task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from obslaws.errors import UnknownNameError, UsageError
from obslaws.quantities import known_as
from obslaws.select.design import Design, make_design
from obslaws.select.search import Found, search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Selection", "select_models"]


@dataclass(frozen=True)
class Selection:
    """A subset of models, and how good it is.

    Parameters
    ----------
    criterion : {"V", "A", "D", "I"}
    unit : {"family", "model"}
    budget : float
    budget_unit : {"models", "flop"}
    units : tuple of str
        Families or models chosen, in the order of the candidates.
    models : DataFrame of shape (n_chosen, 3 + k)
        Indexed by model: family, n_params, train_flop and the capabilities.
    objective : float
        Of the criterion; smaller is better. The paper prints minus V.
    bound : float
        No subset within the budget has a smaller one.
    is_exact : bool
        The subset is proven best.
    method : str
        How it was found; see `obslaws.select.search`.
    efficiency : float
        What the subset tells per coefficient, as a share of what all candidates would tell: 0 to 1.
    cost : float
        Of the chosen models, in the budget's unit.
    n_candidates, n_units : int
    n_left_out : int
        Models without capabilities, or without compute under a budget of compute.
    n_sets, n_nodes : int
        Work done: sets judged, relaxations solved.
    """

    criterion: str
    unit: str
    budget: float
    budget_unit: str
    units: tuple[str, ...]
    models: pd.DataFrame
    objective: float
    bound: float
    is_exact: bool
    method: str
    efficiency: float
    cost: float
    n_candidates: int
    n_units: int
    n_left_out: int
    n_sets: int
    n_nodes: int

    @property
    def gap(self) -> float:
        """How much smaller the objective of another subset could be at most; 0 for a proven best."""
        return self.objective - self.bound


def select_models(
    capabilities: pd.DataFrame,
    models: pd.DataFrame,
    budget: float | None = None,
    budget_flop: float | None = None,
    unit: Literal["family", "model"] = "family",
    criterion: Literal["V", "A", "D", "I"] = "V",
    require: Iterable[str] = (),
    exclude: Iterable[str] = (),
    max_nodes: int = 500,
) -> Selection:
    """Choose models to evaluate.

    Parameters
    ----------
    capabilities : DataFrame of shape (n, k)
        Of the candidates, indexed by model. A rescaling or rotation of capabilities changes A and I, not V and D.
    models : DataFrame
        Indexed by model: family, n_params, train_flop (FLOP); as in a `Panel`.
    budget : float, optional
        Most models.
    budget_flop : float, optional
        Most training compute of the chosen models together, FLOP: evaluation costs grow with it at equal tokens.
        One of the two budgets has to be given.
    unit : {"family", "model"}
        Whole families in or out, or single models.
    criterion : {"V", "A", "D", "I"}
        See `obslaws.select.design`.
    require, exclude : iterable of str
        Families or models that are in, or out; case does not matter for families. Excluded models are no candidates:
        they are not averaged over either.
    max_nodes : int
        Most relaxations of the search.

    Returns
    -------
    Selection

    Raises
    ------
    UsageError
        No budget or two, a unit required and excluded, or a budget that cannot be met.
    UnknownNameError
        A required or excluded name is no candidate; the nearest is offered.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 5.
    """
    if (budget is None) == (budget_flop is None):
        raise UsageError("give one budget: a number of models, or training compute in FLOP.")
    if unit not in ("family", "model"):
        raise UsageError(f"unit is {unit!r}; expected 'family' or 'model'.")
    facts = models.loc[capabilities.index, ["family", "n_params", "train_flop"]]
    frame = facts.join(capabilities)
    needed = [*capabilities.columns, *(["train_flop"] if budget is None else [])]
    known = frame.dropna(subset=needed)
    if unit == "family":
        known = known.dropna(subset=["family"])
    dropped = _named(known, exclude, "exclude")
    candidates = known[~dropped]
    if len(candidates) < 2:
        raise UsageError(f"{len(candidates)} candidates are left of {len(frame)}; expected at least 2.")
    wanted = _named(candidates, require, "require") if len(set(require)) else np.zeros(len(candidates), dtype=bool)
    labels = candidates["family"].astype(str) if unit == "family" else candidates.index.to_series().astype(str)
    codes, names = pd.factorize(labels)
    cost = np.ones(len(candidates)) if budget is not None else candidates["train_flop"].to_numpy(dtype=float)
    required = np.bincount(codes, wanted, len(names)) > 0
    s = candidates[capabilities.columns].to_numpy(dtype=float)
    design = make_design(s, codes, cost, criterion, required)
    limit = float(budget if budget is not None else budget_flop or 0.0)
    found = search(design, limit, max_nodes)
    chosen = candidates[found.chosen[codes]]
    return Selection(
        criterion=criterion,
        unit=unit,
        budget=limit,
        budget_unit="models" if budget is not None else "flop",
        units=tuple(str(name) for name in names[found.chosen]),
        models=chosen,
        objective=found.loss,
        bound=found.bound,
        is_exact=found.is_exact,
        method=found.method,
        efficiency=_efficiency(design, found),
        cost=float(design.cost[found.chosen].sum()),
        n_candidates=len(candidates),
        n_units=len(names),
        n_left_out=len(frame) - len(known),
        n_sets=found.n_sets,
        n_nodes=found.n_nodes,
    )


def _named(frame: pd.DataFrame, names: Iterable[str], word: str) -> NDArray[np.bool_]:
    """Mark models that are named, or whose family is."""
    out = np.zeros(len(frame), dtype=bool)
    families = frame["family"].astype(str).str.lower()
    for name in names:
        rows = (families == name.lower()) | (frame.index.str.lower() == name.lower())
        if not rows.any():
            rows = frame["family"] == known_as([name], frame["family"].dropna().unique(), "family", stacklevel=4)[name]
        if not rows.any():
            known = {*frame["family"].dropna().astype(str), *frame.index}
            raise UnknownNameError(f"candidate family or model to {word}", name, known)
        out |= rows.to_numpy()
    return out


def _efficiency(design: Design, found: Found) -> float:
    everything = design.exact_loss(np.ones(len(design.cost), dtype=bool))
    if design.criterion == "D":
        return float(np.exp((everything - found.loss) / design.k))
    return everything / found.loss
