"""Benchmark scores against what leaderboards tell of a model: compute, or size and tokens."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Variable

_FLOOR = Variable("score_floor", "expected score of guessing", "fraction", 0.25, 0.25, log=False, default=0.0)
_SCORE = Variable("score", "benchmark score", "fraction")


def _between(floor, ceiling, eta):
    return floor + (ceiling - floor) * 0.5 * (1 + np.tanh(0.5 * eta))


class ComputeSigmoid(Law):
    """A benchmark score is a logistic function of log compute, between guessing and a ceiling.

    ::

        score = floor + (ceiling - floor) / (1 + exp(-slope (log10 C - midpoint)))

    References
    ----------
    .. [1] Owen (2024), arXiv:2401.04757, sigmoid of aggregate and single benchmarks.
    """

    id = "compute_sigmoid"
    group = "downstream"
    core = False
    space = "linear"
    variables = (Variable("train_flop", "training compute", "FLOP", 1e20, 1e25), _FLOOR)
    output = _SCORE
    params = (
        Param("slope", 0.0, 20.0, start=(0.2, 5.0)),
        Param("midpoint", 15.0, 32.0, start=(20.0, 26.0)),
        Param("ceiling", 0.3, 1.0, linear=True, start=(0.6, 1.0)),
    )
    typical = {"slope": 1.6, "midpoint": 23.5, "ceiling": 0.95}
    notes = ("Coefficients per benchmark were not transcribed; `obslaws.laws.board.compute` fits them.",)

    def curve(self, x, slope, midpoint, ceiling):
        return _between(x["score_floor"], ceiling, slope * (np.log10(x["train_flop"]) - midpoint))


class SizeTokensSigmoid(Law):
    """A benchmark score is a logistic function of log size and log tokens, between guessing and 1.

    ::

        score = floor + (1 - floor) / (1 + exp(-(a + b ln(N / 1e9) + c ln(D / 1e12))))

    References
    ----------
    .. [1] Owen (2024), arXiv:2401.04757, with size and tokens in the place of compute.
    """

    id = "size_tokens_sigmoid"
    group = "downstream"
    core = False
    space = "linear"
    variables = (
        Variable("n_params", "parameters", "count", 1e8, 1e11),
        Variable("n_tokens", "training tokens", "count", 1e11, 1e13),
        _FLOOR,
    )
    output = _SCORE
    params = (
        Param("a", -20.0, 20.0, start=(-4.0, 2.0)),
        Param("b", 0.0, 10.0, start=(0.2, 2.0)),
        Param("c", 0.0, 10.0, start=(0.2, 2.0)),
    )
    typical = {"a": -1.0, "b": 0.7, "c": 0.6}

    def curve(self, x, a, b, c):
        eta = a + b * np.log(x["n_params"] / 1e9) + c * np.log(x["n_tokens"] / 1e12)
        return _between(x["score_floor"], 1.0, eta)
