"""What is known of a model, as standardised covariates; what is not known, as an expectation with a covariance.

In: the covariate columns of a panel. Out: translog covariates learned on the training models and applied to any others.
An unknown size, token count or date is not a reason to drop a model: it is integrated out through the normal
distribution that the known values of all training models follow.

One covariate compares a model with its siblings: the smallest models of a family fall short of the line in log size
that runs through the larger ones, so a forecast from a small sibling would be too low without it. Three tell what its
family was made for: code or mathematics, reasoning, or other languages than English.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from obslaws.names import specialty

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Columns = pd.DataFrame | Mapping[str, NDArray[Any]]

__all__ = ["NAMES", "CovariateScale", "Siblings", "made_for", "raw_covariates"]

NAMES = (
    "size", "tokens", "sparsity", "chat", "release", "smallest sibling", "formal", "reasoning", "language",
    "size x tokens",
)  # fmt: skip
# mathematics and code as one: few boards hold three series made for mathematics
_MADE_FOR = (("code", "math"), ("reasoning",), ("language",))

_EPOCH = np.datetime64("2023-01-01", "D")
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Siblings:
    """The smallest model of each family of the training data.

    Parameters
    ----------
    family, base : dict of str to float
        Active parameters of the smallest model, by family and by base family.
    usual : float
        Mean of `share` over the models of families with several sizes: what is taken of a family that nothing is known
        of. NaN where no family has several.
    """

    family: dict[str, float]
    base: dict[str, float]
    usual: float

    @classmethod
    def learn(cls, models: pd.DataFrame) -> Siblings:
        """Learn from the covariate columns of the training models."""
        size = np.asarray(models["n_active_params"], dtype=float)
        kin = [np.asarray(models[name], dtype=object) for name in ("family", "base_family")]
        known = np.flatnonzero(np.isfinite(size))
        falling = known[np.argsort(-size[known], kind="stable")]
        family, base = ({str(names[i]): float(size[i]) for i in falling} for names in kin)  # the smallest comes last
        share = np.array([family[name] for name in kin[0][known]]) / size[known]
        several = set(kin[0][known][share < 1.0])
        shares = [one for name, one in zip(kin[0][known], share, strict=True) if name in several]
        return cls(family, base, float(np.mean(shares)) if shares else np.nan)

    def share(self, models: Columns) -> Array:
        """Size of the smallest known model of the family, or else of the base family, as a share of each model's own.

        1 for the smallest, and for what is smaller still; NaN where the model's size is unknown; shape (n,).
        """
        kin = (np.asarray(models[name], dtype=object) for name in ("family", "base_family"))
        smallest = np.array([self.family.get(f, self.base.get(b, np.nan)) for f, b in zip(*kin, strict=True)])
        size = np.asarray(models["n_active_params"], dtype=float)
        share = np.where(np.isnan(smallest), self.usual, np.minimum(smallest / size, 1.0))
        return np.where(np.isnan(size), np.nan, share)


def raw_covariates(models: Columns, siblings: Siblings | None = None) -> Array:
    """Take logs of sizes and tokens, tell whether a model is tuned to chat, count years to its release, see its family.

    Parameters
    ----------
    models : DataFrame of shape (n, n_covariates), or mapping of str to ndarray of shape (n,)
        Covariate columns of a panel.
    siblings : Siblings, optional
        Of the training data.

    Returns
    -------
    ndarray of shape (n, 9)
        ln active parameters, ln tokens, ln (total / active parameters), chat (0 or 1; NaN when the variant is unknown),
        years from the start of 2023 to the release, size of the smallest sibling over the model's own, and
        whether its family was made for code or mathematics, for reasoning, for other languages (0 or 1). NaN where
        unknown.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        active, tokens, total = (
            np.log(np.asarray(models[name], dtype=float)) for name in ("n_active_params", "n_tokens", "n_params")
        )
        sparsity = total - active
    variant = np.asarray(models["variant"], dtype=object)
    chat = np.where(variant == "unknown", np.nan, (variant != "base").astype(float))
    nothing = np.full(len(active), np.nan)
    years = _years(models["release_date"]) if "release_date" in models else nothing
    share = nothing if siblings is None else siblings.share(models)
    out = np.column_stack([active, tokens, sparsity, chat, years, share, made_for(models["family"])])
    return np.where(np.isfinite(out), out, np.nan)


def made_for(families: ArrayLike) -> Array:
    """Tell what families were made for beyond general English text, by their names.

    Parameters
    ----------
    families : array-like of str, shape (n,)

    Returns
    -------
    ndarray of shape (n, 3)
        1 for code or mathematics, for reasoning, for other languages; else 0.
    """
    told = np.array([specialty(name) for name in np.asarray(families, dtype=object)], dtype=object)
    return np.column_stack([np.isin(told, some) for some in _MADE_FOR]).astype(float)


def _years(dates: pd.Series | NDArray[Any]) -> Array:
    """Years from the start of 2023, NaN for no date; shape (n,)."""
    released = np.asarray(dates).astype("datetime64[D]")
    return np.where(np.isnat(released), np.nan, (released - _EPOCH).astype(float) / _DAYS_PER_YEAR)


@dataclass(frozen=True)
class CovariateScale:
    """Centre, spread and dependence of the covariates of the training models.

    Parameters
    ----------
    centre, scale : ndarray of shape (9,)
        Mean and standard deviation of the raw covariates.
    cov : ndarray of shape (9, 9)
        Correlation of the standardised covariates.
    used : ndarray of bool, shape (10,)
        Which of the covariates vary enough to carry a slope: those, and size x tokens.
    product_scale : float
        Standard deviation of the product of standardised size and tokens.
    """

    centre: Array
    scale: Array
    cov: Array
    used: NDArray[np.bool_]
    product_scale: float
    product_centre: float

    @classmethod
    def learn(cls, raw: Array) -> CovariateScale:
        """Learn from the raw covariates of the training models, shape (n, 9), NaN unknown."""
        known = np.isfinite(raw)
        n_known = known.sum(axis=0)
        filled = np.where(known, raw, 0.0)
        centre = filled.sum(axis=0) / np.maximum(n_known, 1)
        spread = np.sqrt((np.where(known, raw - centre, 0.0) ** 2).sum(axis=0) / np.maximum(n_known, 1))
        varies = (spread > 1e-6) & (n_known >= 3)
        scale = np.where(varies, spread, 1.0)
        z = (raw - centre) / scale
        cov = _normal_em(np.where(varies, z, 0.0))
        both = known[:, 0] & known[:, 1]
        product = z[both, 0] * z[both, 1]
        product_scale = float(product.std()) if both.any() else 0.0
        product_centre = float(product.mean()) if both.any() else 0.0
        interacts = bool(varies[0] and varies[1] and product_scale > 1e-6 and both.sum() >= 8)
        return cls(centre, scale, cov, np.r_[varies, interacts], product_scale if interacts else 1.0, product_centre)

    @property
    def n_covariates(self) -> int:
        """Count of covariates in use."""
        return int(self.used.sum())

    def columns(self, names: Sequence[str]) -> tuple[int, ...]:
        """Where covariates, called as in `NAMES`, stand among those in use; those not in use are left out."""
        used = [name for name, use in zip(NAMES, self.used, strict=True) if use]
        return tuple(used.index(name) for name in names if name in used)

    def apply(self, raw: Array) -> tuple[Array, Array]:
        """Standardised covariates with the covariance of what is unknown.

        Parameters
        ----------
        raw : ndarray of shape (n, 9)
            Raw covariates, NaN unknown.

        Returns
        -------
        tuple of ndarray
            Expectations of shape (n, p) and covariances of shape (n, p, p); the translog term by the delta method.
        """
        z = (raw - self.centre) / self.scale
        z[:, ~self.used[:-1]] = 0.0
        mean, cov = _Patterns(z).expect(self.cov)
        n, width = z.shape
        jacobian = np.zeros((n, width + 1, width))
        jacobian[:, np.arange(width), np.arange(width)] = 1.0
        jacobian[:, width, 0] = mean[:, 1] / self.product_scale
        jacobian[:, width, 1] = mean[:, 0] / self.product_scale
        product = mean[:, 0] * mean[:, 1] + cov[:, 0, 1]
        full = np.column_stack([mean, (product - self.product_centre) / self.product_scale])
        spread = jacobian @ cov @ np.swapaxes(jacobian, 1, 2)
        return full[:, self.used], spread[:, self.used][:, :, self.used]


class _Patterns:
    """Rows grouped by what is unknown in them, and the expectation of that given the rest.

    Parameters
    ----------
    z : ndarray of shape (n, p)
        Standardised covariates, NaN unknown.
    """

    def __init__(self, z: Array) -> None:
        self.z = z
        unknown = ~np.isfinite(z)
        code = unknown @ (1 << np.arange(z.shape[1]))
        rows = (np.flatnonzero(code == number) for number in sorted({*code.tolist()} - {0}))
        self.groups = [(at, ~unknown[at[0]], unknown[at[0]]) for at in rows]

    def expect(self, cov: Array) -> tuple[Array, Array]:
        """Fill in the unknown entries given the known ones: expectations (n, p), covariances (n, p, p)."""
        (n, p), mean = self.z.shape, np.where(np.isfinite(self.z), self.z, 0.0)
        out = np.zeros((n, p, p))
        for rows, seen, pattern in self.groups:
            gain = np.linalg.lstsq(cov[np.ix_(seen, seen)], cov[np.ix_(seen, pattern)], rcond=None)[0]
            mean[np.ix_(rows, pattern)] = self.z[np.ix_(rows, seen)] @ gain
            rest = cov[np.ix_(pattern, pattern)] - cov[np.ix_(pattern, seen)] @ gain
            out[np.ix_(rows, pattern, pattern)] = rest
        return mean, out


def _normal_em(z: Array, rounds: int = 25, tol: float = 1e-4) -> Array:
    """Estimate the covariance of centred, partly observed normal rows by EM, a little shrunk to independence."""
    n, p = z.shape
    cov, patterns = np.eye(p), _Patterns(z)
    for _ in range(rounds):
        mean, spread = patterns.expect(cov)
        old, cov = cov, (mean.T @ mean + spread.sum(axis=0) + np.eye(p)) / (n + 1.0)
        if np.abs(cov - old).max() < tol or not patterns.groups:
            break
    return cov
