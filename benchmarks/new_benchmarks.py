"""Benchmarks that core does not hold (code completion) from k scored models of core; five draws of the models told."""

import numpy as np
import pandas as pd

from obslaws.forecasters.onboarding import OnboardingForecaster
from obslaws.metrics import interval_metrics, point_metrics
from obslaws.panel import load_panel
from obslaws.questions.onboard import forecast_new, with_benchmark
from obslaws.snapshot import load_snapshot

NEW = {"humaneval": ("obsscaling", 0.0, 164), "bigcodebench_complete": ("bigcodebench", 0.0, 1140)}


def main():
    panel, scores = load_panel("core"), load_snapshot().scores
    for name, (source, floor, n_items) in NEW.items():
        table = scores[(scores["benchmark"] == name) & scores["model"].isin(panel.models.index)]
        if (table["source"] == source).any():
            table = table[table["source"] == source]
        known = table.drop_duplicates("model").set_index("model")["score"]
        for k in (3, 5, 10, 20):
            parts = []
            for seed in range(5):
                told = known.iloc[np.random.default_rng(seed).choice(len(known), k, replace=False)]
                grown = with_benchmark(panel, name, told, floor, n_items)
                answer = forecast_new(OnboardingForecaster(new=[name]).fit(grown), name)
                answer = answer.assign(score=known.reindex(answer["model"]).to_numpy()).dropna(subset="score")
                parts.append(answer)
            all_ = pd.concat(parts)
            told_ = point_metrics(all_["score"], all_["forecast"])
            told_ |= interval_metrics(all_["score"], all_["lower"], all_["upper"])
            print(
                f"{name} k={k:2d} of {len(known)}: mae={told_['mae']:.2f} bias={told_['bias']:+.2f} "
                f"width={told_['width']:.1f} coverage={told_['coverage']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
