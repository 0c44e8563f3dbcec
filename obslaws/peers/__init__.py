"""Numerics of the models that others published, each fitted to its own objective by an optimiser of ours.

Pure functions of arrays: no panel, no names. Called by the forecasters that carry the peers' names, and by benchmarks.
"""
