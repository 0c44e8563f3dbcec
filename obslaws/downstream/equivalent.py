"""The equivalent-FLOP line: a law's logit as a line in the compute of one reference family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["EquivalentLine", "equivalent_line"]


@dataclass(frozen=True)
class EquivalentLine:
    """``logit = slope * log10(FLOP / 1e21) + offset`` along one family.

    Parameters
    ----------
    family : str
    slope : float
        Logits per factor of ten in compute.
    offset : float
        Logit at 1e21 FLOP.
    n_models : int
        Members with known compute.
    """

    family: str
    slope: float
    offset: float
    n_models: int

    def flop(self, logit: Array) -> Array:
        """Compute at which the family would reach a logit.

        Parameters
        ----------
        logit : ndarray

        Returns
        -------
        ndarray
            FLOP.
        """
        return np.asarray(1e21 * 10.0 ** ((logit - self.offset) / self.slope))


def equivalent_line(models: pd.DataFrame, logit: Array, family: str | None = None) -> EquivalentLine | None:
    """Fit the line to all members of a family, seen and held out: it is an axis, no forecast uses it.

    Parameters
    ----------
    models : DataFrame of shape (n, n_covariates)
    logit : ndarray of shape (n,)
    family : str, optional
        By default Llama-2, else the family with the most models of known compute.

    Returns
    -------
    EquivalentLine or None
        None where fewer than two members with different, known compute are there.

    References
    ----------
    .. [1] Ruan, Maddison and Hashimoto (2024), arXiv 2405.10938, section 3.4, with Llama-2 as the reference.
    """
    known = models["train_flop"].notna().to_numpy() & np.isfinite(logit)
    if family is None:
        names = {str(name).lower(): str(name) for name in models["family"].dropna().unique()}
        most = models.loc[known, "family"].value_counts()
        family = names.get("llama-2") or (str(most.index[0]) if len(most) else "")
    mine = known & (models["family"] == family).to_numpy()
    log10_flop = np.log10(models["train_flop"].to_numpy(dtype=float)[mine] / 1e21)
    if len(np.unique(log10_flop)) < 2:
        return None
    slope, offset = np.polyfit(log10_flop, logit[mine], 1)
    return EquivalentLine(family, float(slope), float(offset), int(mine.sum()))
