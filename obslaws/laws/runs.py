"""Training runs that others released, as small tables: the real data behind the catalogue.

Those whose licence allows it travel with the package; the others are read from a folder of upstream copies that the
environment variable OBSLAWS_UPSTREAM names. `python -m obslaws.laws.runs FOLDER` writes the former anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from obslaws.errors import SourceError, UnknownNameError
from obslaws.laws import run_tables
from obslaws.snapshot import data_root

__all__ = ["RUNS", "RunTable", "freeze_runs", "has_runs", "load_runs"]

_VARIABLE = "OBSLAWS_UPSTREAM"


@dataclass(frozen=True)
class RunTable:
    """Where a table of runs comes from.

    Parameters
    ----------
    about : str
    folder : str
        Of the upstream copies.
    source : str
        Repository and revision.
    licence : str
        ``none`` where the repository has no licence file: such a table is not shipped.
    citation : str
    parse : callable
        Folder to frame.
    """

    about: str
    folder: str
    source: str
    licence: str
    citation: str
    parse: Callable[[Path], pd.DataFrame]

    @property
    def shipped(self) -> bool:
        """Whether the table travels with the package."""
        return self.licence != "none"


RUNS = {
    "gadre": RunTable(
        "104 models, three corpora, 5 to 640 tokens per parameter",
        "scaling_gadre", "mlfoundations/scaling@a003c4913793ac2ae7ef87b28ecb562955d026d5", "MIT",
        "Gadre et al. (2024), arXiv:2403.08540", run_tables.gadre,
    ),
    "rectified": RunTable(
        "30 models fine-tuned on 200 to 1,638,400 examples of three tasks",
        "scaling_finetuning_rectified",
        "linhaowei1/Fine-tuning-Scaling-Law@5214568013af65e3cefd03860ecd7bc9358b308c", "Apache-2.0",
        "Lin et al. (2024), arXiv:2402.02314", run_tables.rectified,
    ),
    "routed": RunTable(
        "dense and routed models after 130B tokens",
        "scaling_routing", "google-deepmind/scaling_laws_for_routing@42da0c392b127df2c01fa7b705f72396050d05e5",
        "Apache-2.0 (data CC-BY-4.0)", "Clark et al. (2022), arXiv:2202.01169", run_tables.routed,
    ),
    "gemstones": RunTable(
        "770 checkpoints of 22 shapes up to 2B",
        "scaling_gemstones", "mcleish7/gemstone-scaling-laws@5f420478f6057b0cbb4d13405fb10ca64675bccb", "MIT",
        "McLeish et al. (2025), arXiv:2502.06857", run_tables.gemstones,
    ),
    "ladder": RunTable(
        "16 runs from 190M to 1.3B with every checkpoint, and OLMo 2 7B and 13B",
        "scaling_olmo_ladder", "allenai/OLMo-ladder@67a3f440f787d020da35e3ca8eeae475fae754f5", "Apache-2.0",
        "Bhagia et al. (2024), arXiv:2412.04403", run_tables.ladder,
    ),
    "chinchilla": RunTable(
        "245 Chinchilla runs digitised from a figure",
        "scaling_chinchilla", "epoch-research/analyzing-chinchilla@92258837425e1b5f2851d624287f0120583a3d0e", "none",
        "Besiroglu et al. (2024), arXiv:2404.10102", run_tables.chinchilla,
    ),
    "misfitting": RunTable(
        "261 runs of 12M to 1B, swept learning rates",
        "scaling_misfitting", "hadasah/scaling_laws@1f3708c0a12df0effb0ee906b1da5f9f0ff4f4f1", "none",
        "Li et al. (2025), arXiv:2502.18969", run_tables.misfitting,
    ),
    "openclip": RunTable(
        "OpenCLIP and OpenAI models on four tasks",
        "scaling_openclip", "LAION-AI/scaling-laws-openclip@652b1e7471f7ccf372277f67cb680de5c9fa139d", "none",
        "Cherti et al. (2022), arXiv:2212.07143", run_tables.openclip,
    ),
    "step_law": RunTable(
        "1,911 dense runs over learning rate and batch",
        "scaling_steplaw", "step-law/steplaw@32a8f4c50247695fb56cc6c9117abdf67c97763", "none",
        "Li et al. (2025), arXiv:2503.04715", run_tables.step_law,
    ),
    "loss_to_loss": RunTable(
        "535 runs on six corpora, losses on eight texts",
        "scaling_loss_to_loss", "KempnerInstitute/loss-to-loss-notebooks@457ce81a019019bc3981937c20a70c52f5fad436",
        "none", "Brandfonbrener et al. (2024), arXiv:2411.12925", run_tables.loss_to_loss,
    ),
}  # fmt: skip


def load_runs(name: str) -> pd.DataFrame:
    """Load a table of runs.

    Parameters
    ----------
    name : str
        Key of `RUNS`.

    Returns
    -------
    DataFrame
        Sizes and tokens as plain counts, losses in nats per token unless `obslaws.laws.run_tables` says otherwise.

    Raises
    ------
    UnknownNameError
        No such table.
    SourceError
        The table is not shipped and OBSLAWS_UPSTREAM names no folder that holds it.

    Examples
    --------
    >>> load_runs("gadre").shape
    (104, 6)
    """
    if name not in RUNS:
        raise UnknownNameError("table of runs", name, RUNS)
    table = RUNS[name]
    if table.shipped:
        return pd.read_parquet(_path(name))
    folder = _upstream(table)
    if folder is None:
        raise SourceError(
            f"runs {name!r}: {table.source.partition('@')[0]} states no licence, so the table is not shipped. "
            f"Put its files into a folder {table.folder!r} and name the folder above it in {_VARIABLE}."
        )
    return table.parse(folder)


def has_runs(name: str) -> bool:
    """Tell whether a table can be loaded here."""
    return RUNS[name].shipped or _upstream(RUNS[name]) is not None


def _path(name: str) -> Path:
    return data_root() / "runs" / f"{name}.parquet"


def _upstream(table: RunTable) -> Path | None:
    root = os.environ.get(_VARIABLE)
    folder = Path(root) / table.folder if root else None
    return folder if folder is not None and folder.is_dir() else None


def freeze_runs(upstream: Path, out: Path) -> dict[str, dict[str, object]]:
    """Write the tables that may be shipped, and a manifest.

    Parameters
    ----------
    upstream : Path
        Folder of upstream copies.
    out : Path
        Folder to write to.

    Returns
    -------
    dict
        The manifest: about, source, licence, citation, rows and sha256 per table.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest: dict[str, dict[str, object]] = {}
    for name, table in RUNS.items():
        if not table.shipped:
            continue
        frame, path = table.parse(upstream / table.folder), out / f"{name}.parquet"
        frame.to_parquet(path, compression="zstd", index=False)
        manifest[name] = {
            "about": table.about,
            "source": table.source,
            "licence": table.licence,
            "citation": table.citation,
            "rows": len(frame),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


if __name__ == "__main__":
    for label, entry in freeze_runs(Path(sys.argv[1]), data_root() / "runs").items():
        print(f"{label}: {entry['rows']} rows")
