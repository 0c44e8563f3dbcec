"""Your own evaluation results as input: one file per format, one table of rules from tasks to benchmarks.

In: a file that an evaluation harness wrote. Out: `Results`, tidy scores under this package's benchmark ids, and a list
of everything that became none. Called by `obslaws import` and by `obslaws forecast --scores`.
"""

from obslaws.results.base import Identity, Results, Unmapped
from obslaws.results.formats import FORMATS
from obslaws.results.read import read_results

__all__ = ["FORMATS", "Identity", "Results", "Unmapped", "read_results"]
