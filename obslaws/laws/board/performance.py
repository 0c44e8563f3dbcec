"""Performance Law on the leaderboard: MMLU from architecture and tokens, and how far off it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from obslaws.errors import FitError
from obslaws.laws.registry import law
from obslaws.panel import Panel
from obslaws.snapshot import data_root

__all__ = ["PerformanceError", "architectures", "mmlu_from_architecture", "performance_error"]


def architectures() -> pd.DataFrame:
    """Read layers, hidden size and feed-forward size of well-known dense base models.

    From the configuration files that the models are published with; kept by hand.

    Returns
    -------
    DataFrame
        Indexed by model: n_layers, width, ffn_width.
    """
    return pd.read_csv(data_root() / "laws" / "architectures.csv").set_index("model")


def mmlu_from_architecture(panel: Panel) -> pd.DataFrame:
    """Predict MMLU with the published coefficients for every model whose architecture and tokens are known.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    DataFrame
        model, family, year, n_params, n_tokens, n_layers, width, ffn_width, mmlu (measured, points of 100), predicted,
        error (predicted less measured). Predictions below 25 are 25 and those above 90 squeezed, as in the source's
        script.
    """
    known = panel.models.join(architectures(), how="inner")
    mmlu = 100 * panel.scores["mmlu"].reindex(known.index)
    known = known[mmlu.notna() & known["n_tokens"].notna() & known["n_params"].notna()]
    raw = law("performance_law").evaluate(known)
    told = np.where(raw > 90, 90 + 10 * np.tanh(0.1 * raw - 9), np.maximum(raw, 25.0))
    out = known[["family", "n_params", "n_tokens", "n_layers", "width", "ffn_width"]].assign(
        year=pd.to_datetime(known["release_date"]).dt.year, mmlu=mmlu.reindex(known.index), predicted=told
    )
    out["error"] = out["predicted"] - out["mmlu"]
    return out.rename_axis("model").reset_index()


@dataclass(frozen=True)
class PerformanceError:
    """How far the law is off.

    Parameters
    ----------
    overall : dict
        n_models, n_families, mae, mae_lower, mae_upper, bias, bias_lower, bias_upper (points; families resampled),
        refit_mae (coefficients refitted, each family predicted from the others), mean_mae (the others' mean).
    by_year : DataFrame
        year, n_models, mae, bias.
    models : DataFrame
    """

    overall: dict[str, Any]
    by_year: pd.DataFrame
    models: pd.DataFrame


def performance_error(panel: Panel, level: float = 0.9, n_draws: int = 2000, random_state: int = 0) -> PerformanceError:
    """Compare the law's MMLU with the measured one.

    Parameters
    ----------
    panel : Panel
    level : float
    n_draws : int
    random_state : int

    Returns
    -------
    PerformanceError

    Raises
    ------
    FitError
        Fewer than 8 models are known.
    """
    models = mmlu_from_architecture(panel)
    if len(models) < 8:
        raise FitError(f"performance law: architecture, tokens and MMLU are known of {len(models)} models, expected 8.")
    error = models["error"].to_numpy()
    codes, families = pd.factorize(models["family"])
    rng = np.random.default_rng(random_state)
    weights = rng.multinomial(len(families), np.full(len(families), 1 / len(families)), size=n_draws)[:, codes]
    total = weights.sum(axis=1)
    ends = [(1 - level) / 2, (1 + level) / 2]
    mae = np.quantile(weights @ np.abs(error) / total, ends)
    bias = np.quantile(weights @ error / total, ends)
    refit, mean = _left_out(models, codes)
    overall = {
        "n_models": len(models), "n_families": len(families), "level": level,
        "mae": float(np.abs(error).mean()), "mae_lower": float(mae[0]), "mae_upper": float(mae[1]),
        "bias": float(error.mean()), "bias_lower": float(bias[0]), "bias_upper": float(bias[1]),
        "refit_mae": refit, "mean_mae": mean,
    }  # fmt: skip
    grouped = models.groupby("year")["error"]
    by_year = pd.DataFrame(
        {"n_models": grouped.size(), "mae": grouped.apply(lambda e: e.abs().mean()), "bias": grouped.mean()}
    )
    return PerformanceError(overall, by_year.reset_index(), models)


def _left_out(models: pd.DataFrame, codes: np.ndarray) -> tuple[float, float]:
    """Refit the five coefficients without a family and predict it, family by family."""
    one = law("performance_law")
    refit, mean = np.empty(len(models)), np.empty(len(models))
    for code in np.unique(codes):
        out = codes == code
        fit = one.fit(models[~out], models.loc[~out, "mmlu"], delta=np.inf, n_starts=5)
        refit[out] = np.clip(one.evaluate(models[out], fit.coefficients), 0, 100)
        mean[out] = models.loc[~out, "mmlu"].mean()
    measured = models["mmlu"].to_numpy()
    return float(np.abs(refit - measured).mean()), float(np.abs(mean - measured).mean())
