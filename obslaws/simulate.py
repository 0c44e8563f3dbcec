"""Panels whose truth is known, for tests and notebooks: scores drawn from the skill model itself.

In: how many families, benchmarks and skills, and what is to be missing. Out: a `Panel` like those of the snapshot, and
the numbers it was drawn from. Sizes and tokens cover the decades of the public leaderboards; base and chat models of a
series share a base family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.errors import UsageError
from obslaws.links import inverse
from obslaws.panel import COVARIATES, Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "TRUE_COVARIATES",
    "BoardTruth",
    "SimulatedBoard",
    "SimulatedPanel",
    "Truth",
    "simulate_board",
    "simulate_panel",
    "true_covariates",
]

TRUE_COVARIATES = ("size", "tokens", "sparsity", "chat", "size_x_tokens")
CENTRE_PARAMS, CENTRE_TOKENS = 7e9, 2e12


@dataclass(frozen=True)
class Truth:
    """What a simulated panel was drawn from; M models, J benchmarks, d skills, F families, B base families.

    Parameters
    ----------
    scores : ndarray of shape (M, J)
        What would have been measured, before any cell was hidden; fractions.
    expected : ndarray of shape (M, J)
        Scores without noise, fractions.
    logits : ndarray of shape (M, J)
        ``intercepts + own_intercepts of the base family + skills @ loadings.T``.
    skills : ndarray of shape (M, d)
        ``covariates @ slopes`` + effect of the family + residual of the model.
    covariates : ndarray of shape (M, 5)
        `true_covariates` of every model, also where the panel does not tell them.
    slopes : ndarray of shape (5, d)
        Skill per decade, per chat tuning, and per decade squared; in the order of `TRUE_COVARIATES`.
    intercepts : ndarray of shape (J,)
    loadings : ndarray of shape (J, d)
    family_effects : ndarray of shape (F, d)
        Effects of `families`, those of their base families included.
    base_effects : ndarray of shape (B, d)
        Effects of `base_families`.
    own_intercepts : ndarray of shape (B, J)
        What `base_families` score on each benchmark beyond their skills, logits.
    floors, ceilings : ndarray of shape (J,)
        Asymptotes, fractions; the floor is the score of guessing.
    model_var, family_var, base_var : ndarray of shape (d, d)
        Covariances of residuals, of families around their base family, of base families.
    noise_var : ndarray of shape (J,)
        Squared scale of the noise beyond item sampling, squared fractions.
    n_items : ndarray of shape (J,)
    families, base_families : tuple of str
    """

    scores: Array
    expected: Array
    logits: Array
    skills: Array
    covariates: Array
    slopes: Array
    intercepts: Array
    loadings: Array
    family_effects: Array
    base_effects: Array
    own_intercepts: Array
    floors: Array
    ceilings: Array
    model_var: Array
    family_var: Array
    base_var: Array
    noise_var: Array
    n_items: Array
    families: tuple[str, ...]
    base_families: tuple[str, ...]


@dataclass(frozen=True)
class SimulatedPanel:
    """A panel with its truth.

    Parameters
    ----------
    panel : Panel
    truth : Truth
        Rows and columns as in the panel.
    """

    panel: Panel
    truth: Truth


@dataclass(frozen=True)
class BoardTruth:
    """What a simulated board was drawn from, as in `Truth` but without anything of models times benchmarks.

    Parameters
    ----------
    skills : ndarray of shape (M, d)
    covariates : ndarray of shape (M, 5)
    slopes : ndarray of shape (5, d)
    intercepts : ndarray of shape (J,)
    loadings : ndarray of shape (J, d)
    floors, ceilings, noise_var, n_items : ndarray of shape (J,)
    own : float
        Standard deviation of the own intercepts of base families, logits.
    """

    skills: Array
    covariates: Array
    slopes: Array
    intercepts: Array
    loadings: Array
    floors: Array
    ceilings: Array
    noise_var: Array
    n_items: Array
    own: float


@dataclass(frozen=True)
class SimulatedBoard:
    """A large sparse panel with its truth.

    Parameters
    ----------
    panel : Panel
    truth : BoardTruth
    """

    panel: Panel
    truth: BoardTruth


def simulate_panel(
    n_families: int = 12,
    n_benchmarks: int = 6,
    n_skills: int = 2,
    missing: float = 0.0,
    unknown: float = 0.0,
    moe: float = 0.0,
    own: float = 0.15,
    noise: float = 0.012,
    dof: float = 6.0,
    random_state: int | np.random.Generator = 0,
) -> SimulatedPanel:
    """Draw a panel from the skill model.

    Two of three families are base models; every second of these has a chat family of the same sizes beside it.

    Parameters
    ----------
    n_families, n_benchmarks, n_skills : int
        At least 1 each.
    missing : float
        Share of cells that were not evaluated, at random; every model keeps one score.
    unknown : float
        Share of families whose token count is not told, and share of models whose size is not told.
    moe : float
        Share of base families that are mixtures of experts, with a quarter of the parameters active.
    own : float
        Standard deviation of the own intercepts of base families, logits.
    noise : float
        Scale of the noise beyond item sampling, fraction.
    dof : float
        Degrees of freedom of the Student-t noise.
    random_state : int or Generator
        Same number, same panel.

    Returns
    -------
    SimulatedPanel

    Raises
    ------
    UsageError
        A count below 1 or a share outside [0, 1].

    Examples
    --------
    >>> simulated = simulate_panel(n_families=3, n_benchmarks=4, random_state=1)
    >>> list(simulated.panel.models["family"].unique())
    ['series-00', 'series-00-chat', 'series-01']
    >>> simulated.truth.loadings.shape
    (4, 2)
    """
    for label, count in (("n_families", n_families), ("n_benchmarks", n_benchmarks), ("n_skills", n_skills)):
        if count < 1:
            raise UsageError(f"{label} is {count}; expected at least 1.")
    for label, share in (("missing", missing), ("unknown", unknown), ("moe", moe)):
        if not 0.0 <= share <= 1.0:
            raise UsageError(f"{label} is {share}; expected a share between 0 and 1.")
    rng = np.random.default_rng(random_state)
    models = _models(n_families, moe, rng)
    x = true_covariates(models)
    families, family = np.unique(models["family"].to_numpy(dtype=str), return_inverse=True)
    bases, base_of_model = np.unique(models["base_family"].to_numpy(dtype=str), return_inverse=True)
    base_of_family = np.zeros(len(families), dtype=int)
    base_of_family[family] = base_of_model

    loadings, slopes = _loadings_and_slopes(n_benchmarks, n_skills, rng)
    eye = np.eye(n_skills)
    model_var, family_var, base_var = 0.12**2 * eye, 0.2**2 * eye, 0.4**2 * eye
    base_effects = rng.normal(0.0, 0.4, (len(bases), n_skills))
    family_effects = base_effects[base_of_family] + rng.normal(0.0, 0.2, (len(families), n_skills))
    skills = x @ slopes + family_effects[family] + rng.normal(0.0, 0.12, (len(models), n_skills))

    intercepts, floors, ceilings, n_items, noise_var = _curves(n_benchmarks, noise, rng)
    own_intercepts = rng.spawn(1)[0].normal(0.0, own, (len(bases), n_benchmarks))
    logits = intercepts + own_intercepts[base_of_model] + skills @ loadings.T
    expected = inverse(logits, floors, ceilings)
    scale = np.sqrt(noise_var + expected * (1.0 - expected) / n_items)
    scores = np.clip(expected + scale * rng.standard_t(dof, expected.shape), 0.0, 1.0)

    hidden = rng.random(scores.shape) < missing
    hidden[np.arange(len(scores)), rng.integers(n_benchmarks, size=len(scores))] = False
    benchmarks = _benchmarks(floors, n_items)
    measured = pd.DataFrame(np.where(hidden, np.nan, scores), models.index, benchmarks.index)
    panel = Panel("simulated", _untold(models, unknown, rng), measured, benchmarks, {"simulated": True})
    truth = Truth(
        scores=scores, expected=expected, logits=logits, skills=skills, covariates=x, slopes=slopes,
        intercepts=intercepts, loadings=loadings, family_effects=family_effects, base_effects=base_effects,
        own_intercepts=own_intercepts, floors=floors, ceilings=ceilings,
        model_var=model_var, family_var=family_var, base_var=base_var, noise_var=noise_var,
        n_items=n_items, families=tuple(families), base_families=tuple(bases),
    )  # fmt: skip
    return SimulatedPanel(panel, truth)


def simulate_board(
    n_models: int = 10_000,
    n_benchmarks: int = 100,
    n_skills: int = 3,
    fill: float = 0.05,
    own: float = 0.15,
    noise: float = 0.012,
    dof: float = 6.0,
    random_state: int | np.random.Generator = 0,
) -> SimulatedBoard:
    """Draw a large sparse panel from the skill model; beside the table of scores all work is per observed cell.

    Base families have one to three families of three to six sizes each; all but the first are tuned to chat.

    Parameters
    ----------
    n_models, n_benchmarks, n_skills : int
        At least 1 each.
    fill : float
        Expected share of cells that were evaluated, at random.
    own, noise, dof, random_state
        As in `simulate_panel`.

    Returns
    -------
    SimulatedBoard

    Raises
    ------
    UsageError
        A count below 1 or a share outside [0, 1].

    Examples
    --------
    >>> simulate_board(n_models=300, n_benchmarks=40).panel.n_cells
    619
    """
    for label, count in (("n_models", n_models), ("n_benchmarks", n_benchmarks), ("n_skills", n_skills)):
        if count < 1:
            raise UsageError(f"{label} is {count}; expected at least 1.")
    if not 0.0 <= fill <= 1.0:
        raise UsageError(f"fill is {fill}; expected a share between 0 and 1.")
    rng = np.random.default_rng(random_state)
    models, family, base = _board_models(n_models, rng)
    n_families, n_bases = family[-1] + 1, base[-1] + 1
    x = true_covariates(models)
    loadings, slopes = _loadings_and_slopes(n_benchmarks, n_skills, rng)
    intercepts, floors, ceilings, n_items, noise_var = _curves(n_benchmarks, noise, rng)
    skills = x @ slopes + rng.normal(0.0, 0.12, (n_models, n_skills))
    skills += rng.normal(0.0, 0.4, (n_bases, n_skills))[base] + rng.normal(0.0, 0.2, (n_families, n_skills))[family]
    measured = np.full((n_models, n_benchmarks), np.nan, order="F")
    for j in range(n_benchmarks):
        seen = np.flatnonzero(rng.random(n_models) < fill)
        drawn = rng.normal(0.0, own, n_bases)[base[seen]]
        expected = inverse(intercepts[j] + drawn + skills[seen] @ loadings[j], floors[j], ceilings[j])
        scale = np.sqrt(noise_var[j] + expected * (1.0 - expected) / n_items[j])
        measured[seen, j] = np.clip(expected + scale * rng.standard_t(dof, len(seen)), 0.0, 1.0)
    benchmarks = _benchmarks(floors, n_items)
    scores = pd.DataFrame(measured, models.index, benchmarks.index, copy=False)
    panel = Panel("simulated", models, scores, benchmarks, {"simulated": True})
    truth = BoardTruth(skills, x, slopes, intercepts, loadings, floors, ceilings, noise_var, n_items, own)
    return SimulatedBoard(panel, truth)


def _loadings_and_slopes(n_benchmarks: int, n_skills: int, rng: np.random.Generator) -> tuple[Array, Array]:
    loadings = rng.normal(0.0, 0.5, (n_benchmarks, n_skills))
    loadings[:, 0] = rng.normal(1.2, 0.25, n_benchmarks)
    slopes = rng.normal([[0.5], [0.4], [0.2], [0.2], [0.0]], [[0.2], [0.2], [0.1], [0.2], [0.1]], (5, n_skills))
    slopes[:, 0] += [0.5, 0.3, 0.0, 0.0, 0.0]
    return loadings, slopes


def _curves(n_benchmarks: int, noise: float, rng: np.random.Generator) -> tuple[Array, Array, Array, Array, Array]:
    intercepts = rng.normal(0.0, 0.8, n_benchmarks)
    floors = rng.choice([0.0, 0.1, 0.25], n_benchmarks)
    ceilings = np.where(np.arange(n_benchmarks) % 2, 1.0, rng.uniform(0.75, 0.98, n_benchmarks))
    n_items = rng.choice([500.0, 1319.0, 10042.0], n_benchmarks)
    noise_var = (noise * rng.uniform(0.5, 1.5, n_benchmarks)) ** 2
    return intercepts, floors, ceilings, n_items, noise_var


def _benchmarks(floors: Array, n_items: Array) -> pd.DataFrame:
    names = [f"benchmark_{i}" for i in range(len(floors))]
    facts = {
        "title": names, "metric": "accuracy", "unit": "fraction",
        "score_floor": floors, "ceiling": np.nan, "n_items": n_items,
    }  # fmt: skip
    return pd.DataFrame(facts, index=pd.Index(names, name="benchmark"))


def _board_models(n_models: int, rng: np.random.Generator) -> tuple[pd.DataFrame, NDArray[np.intp], NDArray[np.intp]]:
    """Models with the number of their family and of their base family, both ascending."""
    most = n_models // 3 + 1
    n_sizes, first_of_base = rng.integers(3, 7, most), rng.random(most) < 0.6
    first_of_base[0] = True
    base_of_family = np.cumsum(first_of_base) - 1
    family = np.repeat(np.arange(most), n_sizes)[:n_models]
    base = base_of_family[family]
    rank = np.arange(n_models) - np.searchsorted(family, family)
    chat = ~first_of_base[family]
    smallest, tokens = rng.uniform(8.2, 9.6, most)[base], 10.0 ** rng.uniform(11.5, 13.2, most)[base]
    size = 10.0 ** (smallest + rank * rng.uniform(0.25, 0.5, most)[base])
    days = rng.integers(900, size=most)[base].astype("timedelta64[D]")
    series = np.char.add("series-", np.char.zfill(base.astype(str), 5))
    name = np.char.add(np.char.add("family-", np.char.zfill(family.astype(str), 5)), np.where(chat, "-chat", ""))
    org = np.char.add("org-", (base // 4).astype(str))
    ids = np.char.add(np.char.add(np.char.add(np.char.add(org, "/"), name), "-"), rank.astype(str))
    models = pd.DataFrame(
        {
            "org": org, "family": name, "base_family": series, "variant": np.where(chat, "chat", "base"),
            "base_model": None, "n_params": size, "n_active_params": size, "n_tokens": tokens,
            "train_flop": 6.0 * size * tokens, "release_date": np.datetime64("2023-01-01", "ns") + days,
        },
        index=pd.Index(ids, name="model"),
    )  # fmt: skip
    return models[[*COVARIATES]], family, base


def true_covariates(models: pd.DataFrame) -> Array:
    """Covariates in the units that simulated slopes are stated in.

    Parameters
    ----------
    models : DataFrame of shape (n, n_covariates)
        Covariate columns of a panel.

    Returns
    -------
    ndarray of shape (n, 5)
        Decades of active parameters from 7e9, decades of tokens from 2e12, decades of total over active parameters,
        chat (0 or 1), and the product of the first two.
    """
    active = models["n_active_params"].to_numpy(dtype=float)
    size = np.log10(active / CENTRE_PARAMS)
    tokens = np.log10(models["n_tokens"].to_numpy(dtype=float) / CENTRE_TOKENS)
    sparsity = np.log10(models["n_params"].to_numpy(dtype=float) / active)
    chat = (models["variant"] != "base").to_numpy(dtype=float)
    return np.column_stack([size, tokens, sparsity, chat, size * tokens])


def _models(n_families: int, moe: float, rng: np.random.Generator) -> pd.DataFrame:
    """Series of three to six sizes, each some 2.5 times the one before, all trained on the same tokens."""
    rows: list[dict[str, object]] = []
    for number in range(n_families):
        series, place = divmod(number, 3)
        chat = place == 1
        base_family = f"series-{2 * series + (place == 2):02d}"
        if not chat:
            sizes = 10 ** rng.uniform(8.2, 9.6) * np.cumprod(np.r_[1.0, rng.uniform(1.8, 3.2, rng.integers(2, 6))])
            n_tokens = 10 ** rng.uniform(11.5, 13.2)
            date = pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(rng.integers(900)))
            active = np.where(rng.random() < moe, 0.25, 1.0)
        for rank, size in enumerate(sizes):
            rows.append(
                {
                    "model": f"org-{base_family[-2:]}/{base_family}-{rank}{'-chat' if chat else ''}",
                    "org": f"org-{base_family[-2:]}",
                    "family": f"{base_family}{'-chat' if chat else ''}",
                    "base_family": base_family,
                    "variant": "chat" if chat else "base",
                    "base_model": f"org-{base_family[-2:]}/{base_family}-{rank}" if chat else None,
                    "n_params": size,
                    "n_active_params": size * active,
                    "n_tokens": n_tokens,
                    "train_flop": 6.0 * size * active * n_tokens,
                    "release_date": date,
                }
            )
    return pd.DataFrame(rows).set_index("model")[[*COVARIATES]]


def _untold(models: pd.DataFrame, unknown: float, rng: np.random.Generator) -> pd.DataFrame:
    no_tokens = models["family"].map({name: rng.random() < unknown for name in models["family"].unique()}).astype(bool)
    no_size = rng.random(len(models)) < unknown
    return models.assign(
        n_params=models["n_params"].mask(no_size),
        n_active_params=models["n_active_params"].mask(no_size),
        n_tokens=models["n_tokens"].mask(no_tokens),
        train_flop=models["train_flop"].mask(no_size | no_tokens),
    )
