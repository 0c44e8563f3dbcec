"""Spellings decided by hand: models, families, benchmarks.

In: what a leaderboard or a paper calls a model. Out: the canonical ``org/name``, its family and the benchmarks' facts.
The CSV files beside this module are the decisions, each with its reason; the functions only look them up.
"""

from obslaws.names.benchmarks import benchmarks_table
from obslaws.names.kinship import Kinship, kinship, size_in_name
from obslaws.names.spelling import canonical, hand_table, refuted_claims

__all__ = ["Kinship", "benchmarks_table", "canonical", "hand_table", "kinship", "refuted_claims", "size_in_name"]
