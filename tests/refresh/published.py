"""The leaderboards as the hub publishes them: parquet in the live layouts, made from the CSV copies."""

import dataclasses
import importlib.util
import io
import json
from pathlib import Path

import pandas as pd

from obslaws.sources import SOURCES

_SPEC = importlib.util.spec_from_file_location("loopback_hub", Path(__file__).parents[1] / "loopback_hub.py")
loopback_hub = importlib.util.module_from_spec(_SPEC)
__import__("sys").modules.setdefault("loopback_hub", loopback_hub)
_SPEC.loader.exec_module(loopback_hub)

V2 = "open-llm-leaderboard/contents"
V1 = "open-llm-leaderboard-old/contents"
V2_FILE = "data/train-00000-of-00001.parquet"
V1_FILE = "data/train-00000-of-00001-96886cb34a7bc800.parquet"
TYPES = {
    "pretrained": "🟢 pretrained", "continuouslypretrained": "🟩 continuously pretrained",
    "fine-tunedondomain-specificdatasets": "🔶 fine-tuned on domain-specific datasets",
    "chatmodels": "💬 chat models (RLHF, DPO, IFT, ...)", "basemergesandmoerges": "🤝 base merges and moerges",
    "multimodal": "🌸 multimodal",
}  # fmt: skip
BOARDS = {
    "IFEval": "ifeval",
    "BBH": "bbh",
    "MATH Lvl 5": "math",
    "GPQA": "gpqa",
    "MUSR": "musr",
    "MMLU-PRO": "mmlu_pro",
}


def read(path):
    return pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])


def truth(values, inverted=False):
    return values.map({"TRUE": not inverted, "FALSE": inverted})


def link(names):
    return '<a target="_blank" href="https://huggingface.co/' + names + '" style="color: blue;">' + names + "</a>"


def v2_contents(csv, early=False):
    """Undo what the CSV copy did to the table; `early` gives the layout of 2024-07."""
    out = pd.DataFrame({"eval_name": csv["id"].str.replace("/", "_"), "Precision": csv["model_precision"]})
    out["Type"] = csv["model_type"].map(TYPES).fillna("❓ other")
    out["T"] = out["Type"].str[0]
    out["Weight type"], out["Architecture"] = csv["model_weight_type"], csv["model_architecture"]
    out["Model"], out["fullname"], out["Model sha"] = link(csv["model_name"]), csv["model_name"], csv["model_sha"]
    out["Average ⬆️"] = csv["model_average_score"].astype(float)
    out["Hub License"], out["Hub ❤️"] = csv["metadata_hub_license"], csv["metadata_hub_hearts"].astype(int)
    out["#Params (B)"] = csv["metadata_params_billions"].astype(float)
    out["Available on the hub"] = truth(csv["features_is_not_available_on_hub"])
    out["MoE"] = truth(csv["features_is_moe"], early)
    out["Flagged"] = truth(csv["features_is_flagged"], early)
    out["Chat Template"] = truth(csv["model_has_chat_template"])
    out["CO₂ cost (kg)"] = csv["metadata_co2_cost"].astype(float)
    for title, stem in BOARDS.items():
        out[f"{title} Raw"] = csv[f"evaluations_{stem}_value"].astype(float)
        out[title] = csv[f"evaluations_{stem}_normalized_score"].astype(float)
    out["Not_Merged" if early else "Merged"] = truth(csv["features_is_merged"], early)
    if not early:
        out["Official Providers"] = truth(csv["features_is_official_provider"])
    out["Upload To Hub Date"] = csv["metadata_upload_date"]
    out["Submission Date"] = csv["metadata_submission_date"]
    if not early:
        out["Generation"], out["Base Model"] = csv["metadata_generation"].astype(int), csv["metadata_base_model"]
    return out


def v1_contents(csv):
    titles = {"t": "T", "average": "Average ⬆️", "arc": "ARC", "hellaswag": "HellaSwag", "mmlu": "MMLU",
              "truthfulqa": "TruthfulQA", "winogrande": "Winogrande", "gsm8k": "GSM8K", "type": "Type",
              "architecture": "Architecture", "weight_type": "Weight type", "precision": "Precision",
              "merged": "Merged", "hub_license": "Hub License", "params_b": "#Params (B)", "hub_hearts": "Hub ❤️",
              "available_on_the_hub": "Available on the hub", "model_sha": "Model sha", "flagged": "Flagged",
              "moe": "MoE", "date": "date", "fullname": "fullname"}  # fmt: skip
    out = csv[list(titles)].rename(columns=titles)
    for column in ("Average ⬆️", "ARC", "HellaSwag", "MMLU", "TruthfulQA", "Winogrande", "GSM8K"):
        out[column] = out[column].astype(float)
    for column in ("Merged", "Flagged", "MoE", "Available on the hub"):
        out[column] = truth(out[column])
    out["#Params (B)"] = out["#Params (B)"].astype(float)
    out.insert(1, "Model", link(csv["fullname"]))
    return out


def parquet(frame):
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()


def publish(hub, upstream, early=False):
    """Put both boards and Epoch's tables on a loopback hub; give a registry whose addresses lead there."""
    folder = upstream / "open_llm_leaderboard"
    readme = b"---\nlicense: other\n---\n"
    hub.commit(V2, {V2_FILE: parquet(v2_contents(read(folder / "huggingface_v2.csv"), early)), "README.md": readme})
    hub.commit(V1, {V1_FILE: parquet(v1_contents(read(folder / "huggingface_v1.csv"))), "README.md": readme})
    epoch = SOURCES["epoch"]
    stems = {Path(name).stem: upstream / name for name in epoch.files}
    urls = {stem: hub.put(f"data/{stem}.csv", path.read_bytes()) for stem, path in stems.items()}
    live = dataclasses.replace(epoch.live, files=urls)
    return {**SOURCES, "epoch": dataclasses.replace(epoch, live=live)}


if __name__ == "__main__":  # a server of its own, for benchmarks: python published.py UPSTREAM
    import sys
    import time

    with loopback_hub.LoopbackHub() as server:
        told = publish(server, Path(sys.argv[1]))
        print(json.dumps({"url": server.url, "epoch": dict(told["epoch"].live.files)}), flush=True)
        while True:
            time.sleep(3600)
