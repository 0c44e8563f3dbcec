"""Turn tables of training runs, as their authors released them, into our columns. Pure: folder in, frame out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = [
    "chinchilla",
    "gadre",
    "gemstones",
    "ladder",
    "loss_to_loss",
    "misfitting",
    "openclip",
    "rectified",
    "routed",
    "step_law",
]

_LADDER_TASKS = {
    "mmlu": [f"mmlu_{part}_test" for part in ("stem", "humanities", "social_sciences", "other")],
    "hellaswag": ["hellaswag_val"],
    "arc_challenge": ["arc_challenge_test"],
    "arc_easy": ["arc_easy_test"],
    "piqa": ["piqa_val"],
    "csqa": ["csqa_val"],
    "socialiqa": ["socialiqa_val"],
    "openbookqa": ["openbookqa_test"],
}


def gadre(folder: Path) -> pd.DataFrame:
    """Read the 104 models of Gadre et al. (2024): loss on C4, mean errors over tasks.

    Their 17 tasks are those on which a model of 154M, whatever its data and tokens, is 10 points above guessing.
    """
    runs = pd.read_csv(folder / "derived_gadre_models.csv")
    facts = pd.read_csv(folder / "eval_metadata.csv").set_index("Eval Task")
    tasks = [c for c in runs.columns if c.startswith("acc__")]
    floors = facts.loc[[t.removeprefix("acc__") for t in tasks], "Random baseline"].to_numpy() / 100
    small = runs.loc[runs["params"].between(1.5e8, 1.6e8), tasks].max().to_numpy()
    seventeen = [t for t, good in zip(tasks, small - floors > 0.1, strict=True) if good]
    return pd.DataFrame(
        {
            "dataset": runs["dataset"].map({"c4_original": "c4", "rpj": "redpajama", "rw_original": "refinedweb"}),
            "n_params": runs["params"].astype(float),
            "n_tokens": runs["tokens"].astype(float),
            "loss": runs["loss__c4_val"],
            "error_17": 1 - runs[seventeen].mean(axis=1),
            "error_46": 1 - runs[tasks].mean(axis=1, skipna=False),
        }
    )


def rectified(folder: Path) -> pd.DataFrame:
    """Read the fine-tuning runs of Lin et al. (2024): 30 models, three tasks, 14 sizes of the training set."""
    parts = []
    for task in ("flan", "gigaword", "wmt19"):
        wide = pd.read_csv(folder / f"{task}.csv").rename(columns={"config name": "model", "size": "n_params"})
        sizes = [c for c in wide.columns if c.isdigit() and int(c) > 0]
        long = wide.melt(["model", "family", "n_params"], sizes, var_name="n_examples", value_name="loss")
        parts.append(long.assign(task=task, n_examples=long["n_examples"].astype(float)))
    out = pd.concat(parts, ignore_index=True)
    return out[["task", "model", "family", "n_params", "n_examples", "loss"]].astype({"n_params": float})


def routed(folder: Path) -> pd.DataFrame:
    """Read the last point of every curve of Clark et al. (2022): one expert per token, every other layer, seed 42."""
    curves = pd.read_parquet(folder / "derived_curves.parquet")
    keep = (curves["routing_frequency"] == 0.5) & (curves["k"] == 1) & (curves["seed"] == 42)
    last = curves[keep].sort_values("step", kind="stable").groupby("hyper_id").tail(1)
    return pd.DataFrame(
        {
            "router": last["router_type"].astype(str).replace({"S-Base": "S-BASE"}),
            "n_dense_params": last["dense_parameter_count"].astype(float),
            "n_experts": last["num_experts"].astype(float),
            "loss": last["loss_validation"],
        }
    ).reset_index(drop=True)


def gemstones(folder: Path) -> pd.DataFrame:
    """Read the checkpoints of McLeish et al. (2025): shapes, tokens, losses on two texts, mean error of nine tasks."""
    edu, dclm = (pd.read_json(folder / f"fineweb_{text}_losses_combined.jsonl", lines=True) for text in ("edu", "dclm"))
    both = edu.merge(dclm[["run_name", "step", "final_loss"]], on=["run_name", "step"], suffixes=("", "_dclm"))
    errors = 1 - pd.read_parquet(folder / "light_eval_df.parquet").mean(axis=1)
    name = errors.index.to_series().str.extract(r"^(?P<run>.*)-(?:step_)?(?P<step>main|\d+)$")
    last = both.groupby("run_name")["step"].max()
    steps = [int(s) if s != "main" else int(last[r]) for r, s in zip(name["run"], name["step"], strict=True)]
    told = pd.DataFrame({"run_name": name["run"].to_numpy(), "step": steps, "error": errors.to_numpy()})
    both = both.merge(told.drop_duplicates(["run_name", "step"]), on=["run_name", "step"], how="left")
    return pd.DataFrame(
        {
            "run": both["run_name"],
            "n_params": both["params_active_precise"].astype(float),
            "width": both["width"].astype(float),
            "depth": both["depth"].astype(float),
            "n_tokens": both["tokens"].astype(float),
            "loss": both["final_loss"],
            "loss_dclm": both["final_loss_dclm"],
            "error": both["error"],
        }
    )


def ladder(folder: Path) -> pd.DataFrame:
    """Read the ladder of Bhagia et al. (2024): 16 small runs and the two targets, every checkpoint, eight tasks."""
    runs = pd.read_parquet(folder / "derived_ladder_runs.parquet")
    final = pd.read_csv(folder / "derived_ladder_final_step.csv")
    sizes = {label: facts["n"] for label, facts in json.loads((folder / "final.json").read_text()).items()}
    sizes["1B"] = sizes["1.3B"]
    small = [f"{size}-{times}xC" for size in ("190M", "370M", "760M", "1B") for times in (1, 2, 5, 10)]
    targets = {"peteish7_eval_anneal": ("7B-4T", 3.945e12), "peteish13_eval_final": ("13B-5T", 5.0e12)}
    both = pd.concat([runs[runs["run"].isin(small)], final[final["run"].isin(targets)]])
    parts = []
    for task, names in _LADDER_TASKS.items():
        part = pd.DataFrame({"run": both["run"], "step": both["_step"], "task": task})
        part["answer_loss"] = both[[f"eval/downstream_bpb/{n}_rc_5shot_bpb" for n in names]].mean(axis=1)
        part["accuracy"] = both[[f"eval/downstream/{n}_rc_5shot_len_norm" for n in names]].mean(axis=1)
        parts.append(part.dropna(subset=["answer_loss", "accuracy"]))
    out = pd.concat(parts, ignore_index=True)
    label = out["run"].map({run: label for run, (label, _) in targets.items()})
    size = label.fillna(out["run"].str.partition("-")[0])
    times = out["run"].str.extract(r"-(\d+)xC$")[0].astype(float)
    out["n_params"] = size.map(sizes).astype(float)
    tokens = 20.0 * times * out["n_params"]
    out["n_tokens"] = tokens.where(times.notna(), out["run"].map({r: t for r, (_, t) in targets.items()}))
    out["run"] = label.fillna(out["run"])
    return out[["run", "task", "n_params", "n_tokens", "step", "answer_loss", "accuracy"]]


def chinchilla(folder: Path) -> pd.DataFrame:
    """Read the 245 points that Besiroglu et al. (2024) took from a figure; tokens are compute / 6 / size."""
    points = pd.read_csv(folder / "svg_extracted_data.csv")
    size, flop = points["Model Size"], points["Training FLOP"]
    return pd.DataFrame({"n_params": size, "n_tokens": flop / (6 * size), "loss": points["loss"]})


def misfitting(folder: Path) -> pd.DataFrame:
    """Read the last checkpoints of Li et al. (2025): sizes with and without embeddings, swept learning rates."""
    runs = pd.read_csv(folder / "scaling_results_last_ckpt_only.csv")
    names = {"N": "n_params", "N_no_emb": "n_nonembedding_params", "D": "n_tokens", "peak_lr": "learning_rate"}
    return runs.rename(columns=names)[[*names.values(), "loss"]].dropna().astype(float).reset_index(drop=True)


def openclip(folder: Path) -> pd.DataFrame:
    """Read the models of Cherti et al. (2022): compute, and error on ImageNet, its variants, and two retrieval sets."""
    runs = pd.read_csv(folder / "zeroshot_results.csv")
    sets = {
        "imagenet1k": "imagenet",
        "imagenet_robustness": "robustness",
        "mscoco_captions": "coco",
        "flickr30k": "flickr",
    }
    runs = runs[runs["downstream_dataset"].isin(sets)]
    retrieval = runs["downstream_dataset"].isin(["mscoco_captions", "flickr30k"])
    return pd.DataFrame(
        {
            "task": runs["downstream_dataset"].map(sets),
            "data": np.where(runs["upstream_dataset"].eq("CLIP-WIT"), "openai", "openclip"),
            "compute": runs["gmacs_total"].astype(float),
            "error": 1 - runs["image_retrieval_recall@5"].where(retrieval, runs["acc1"]),
        }
    ).reset_index(drop=True)


def step_law(folder: Path) -> pd.DataFrame:
    """Read the dense runs of Li et al. (2025): learning rate, batch in tokens (sequences of 2,048), smoothed loss."""
    runs = pd.read_csv(folder / "dense_lr_bs_loss.csv")
    return pd.DataFrame(
        {
            "n_params": runs["N"].astype(float),
            "n_tokens": runs["D"].astype(float),
            "learning_rate": runs["lr"],
            "batch_tokens": 2048.0 * runs["bs"],
            "loss": runs["smooth loss"],
        }
    )


def loss_to_loss(folder: Path) -> pd.DataFrame:
    """Read the runs of Brandfonbrener et al. (2024): six training corpora, losses on eight texts; 3.3B ones marked."""
    parts = [
        pd.read_csv(folder / f"{name}.csv").assign(held=held) for name, held in (("sweep", 0), ("extrapolation", 1))
    ]
    runs = pd.concat(parts, ignore_index=True)
    ending = "_val/CrossEntropyLoss"
    texts = {c: c.removeprefix("eval/").removesuffix(ending) for c in runs.columns if c.endswith(ending)}
    names = {"data": "corpus", "params": "n_params", "tokens": "n_tokens", "held": "is_extrapolation"}
    out = runs.rename(columns={**texts, **names})[[*names.values(), *texts.values()]]
    return out.astype({"n_params": float, "n_tokens": float, "is_extrapolation": bool})
