"""Families, base families and labs of models: their names, and who belongs to whom in numbers.

In: models with their covariate columns. Out: what the skill model nests its effects by. Called by `skill`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.skill.tree import Nesting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obslaws.forecasters.told import Name
    from obslaws.panel import Panel
    from obslaws.skill.covariates import Columns

__all__ = ["by_family", "kin_names", "nesting_of"]


def kin_names(models: Iterable[str], queries: Columns) -> list[Name]:
    """Name, family, base family and lab of models; a model of no known lab counts as the only one of its own.

    Parameters
    ----------
    models : iterable of str
        Names of n models.
    queries : DataFrame of shape (n, n_covariates), or mapping of str to ndarray of shape (n,)
        Their covariate columns.
    """
    family, base, lab = (np.asarray(queries[name], dtype=object) for name in ("family", "base_family", "org"))
    own = [f"lab of {name}" for name in base]
    return list(zip(models, family, base, np.where(pd.isna(lab), own, lab), strict=True))


def by_family(panel: Panel) -> Panel:
    """Order the models by family: products over those of a family then need no copies."""
    family, base = (np.asarray(panel.models[name], dtype=object) for name in ("family", "base_family"))
    order = np.lexsort((family.astype(str), np.where(pd.isna(base), family, base).astype(str)))
    return dataclasses.replace(panel, models=panel.models.iloc[order], scores=panel.scores.iloc[order])


def nesting_of(models: pd.DataFrame) -> tuple[dict[str, int], dict[str, int], dict[str, int], Nesting]:
    """Give numbers to families, base families and labs; what lies below several belongs to the most common one."""
    _, family_of, base_of_model, lab_of_model = zip(*kin_names(models.index, models), strict=True)
    base_of, lab_of = _parents(family_of, base_of_model), _parents(base_of_model, lab_of_model)
    families = {name: i for i, name in enumerate(sorted(base_of, key=lambda name: (base_of[name], name)))}
    bases = {name: i for i, name in enumerate(sorted(set(base_of.values())))}
    labs = {name: i for i, name in enumerate(sorted({lab_of[name] for name in bases}))}
    family = np.array([families[name] for name in models["family"]], dtype=np.intp)
    base = np.array([bases[base_of[name]] for name in families], dtype=np.intp)
    lab = np.array([labs[lab_of[name]] for name in bases], dtype=np.intp)
    return families, bases, labs, Nesting(family, base, lab)


def _parents(children: Iterable[str], parents: Iterable[str]) -> dict[str, str]:
    """Find the most common parent of each child, the first by name where two are as common."""
    pairs = Counter(zip(children, parents, strict=True))
    return dict(sorted(pairs, key=lambda pair: (-pairs[pair], pair), reverse=True))
