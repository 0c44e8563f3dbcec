"""The benchmarks' facts: what is counted, by whom, with what floor and how many questions (``benchmarks.csv``)."""

from __future__ import annotations

import pandas as pd

from obslaws.names.spelling import hand_table

__all__ = ["benchmarks_table"]


def benchmarks_table() -> pd.DataFrame:
    """Give the table of benchmarks, in the order in which tables and figures show them.

    Returns
    -------
    DataFrame of shape (n_benchmarks, n_columns)
        Columns of the schema's ``benchmarks``, as text; `obslaws.schema.check_table` types them.
    """
    return hand_table("benchmarks")
