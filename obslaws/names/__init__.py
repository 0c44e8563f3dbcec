"""Spellings decided by hand: models, families, benchmarks.

In: what a leaderboard or a paper calls a model. Out: the canonical ``org/name``, its family and the benchmarks' facts.
The CSV files beside this module are the decisions, each with its reason; the functions only look them up.
"""

from obslaws.names.benchmarks import benchmarks_table
from obslaws.names.identity import model_id, model_ids, split_effort
from obslaws.names.kinship import Kinship, kinship, size_in_name
from obslaws.names.resolution import CERTAIN, DOUBTFUL, resolve_names
from obslaws.names.specialty import SPECIALTIES, specialty
from obslaws.names.spelling import canonical, hand_table, refuted_claims

__all__ = [
    "CERTAIN", "DOUBTFUL", "SPECIALTIES", "Kinship", "benchmarks_table", "canonical", "hand_table", "kinship",
    "model_id", "model_ids", "refuted_claims", "resolve_names", "size_in_name", "specialty", "split_effort",
]  # fmt: skip
