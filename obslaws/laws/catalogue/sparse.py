"""Sparse weights, sparse activations, pruning while training."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_LOSS = Variable("loss", "cross-entropy on held-out text", "nats/token")
_TOKENS = Variable("n_tokens", "training tokens", "count", 1e9, 1e12)
_RATIO = Variable("activation_ratio", "share of active neurons at 1 % more perplexity", "fraction")


class WeightSparsity(Law):
    """Sparsity changes the size term. Coefficients were only seen second-hand.

    ::

        L = (a_S (1 - S)^b_S + c_S) / N^b_N + (a_D / D)^b_D + c

    References
    ----------
    .. [1] Frantar et al. (2023), arXiv:2309.08520 (second-hand, from code that cites its table).
    """

    id = "weight_sparsity"
    group = "architecture"
    core = False
    verified = False
    variables = (
        Variable("sparsity", "share of weights that are zero", "fraction", 0.0, 0.9, log=False),
        Variable("n_nonzero_params", "non-zero parameters", "count", 1e6, 1e9),
        _TOKENS,
    )
    output = _LOSS
    params = (
        Param("a_S", 0.0, 1e6, linear=True, start=(0.0, 100.0)),
        Param("b_S", 0.01, 5.0, start=(0.2, 2.0)),
        Param("c_S", 0.0, 1e6, linear=True, start=(0.0, 100.0)),
        Param("b_N", 0.01, 2.0, start=(0.1, 0.6)),
        Param("a_D", 1.0, 1e15, log=True, start=(1e6, 1e11)),
        Param("b_D", 0.01, 2.0, start=(0.1, 0.6)),
        Param("c", 0.0, 10.0, linear=True),
    )
    typical = {"a_S": 20.0, "b_S": 0.8, "c_S": 40.0, "b_N": 0.25, "a_D": 1e9, "b_D": 0.25, "c": 0.6}

    def curve(self, x, a_s, b_s, c_s, b_n, a_d, b_d, c):
        size = (a_s * (1 - x["sparsity"]) ** b_s + c_s) * x["n_nonzero_params"] ** -b_n
        return size + (a_d / x["n_tokens"]) ** b_d + c


class AverageParams(Law):
    """While pruning, the mean size over training takes the place of size. Form inferred from the abstract.

    ::

        L = E + A / Nbar^alpha + B / D^beta

    References
    ----------
    .. [1] Jin et al. (2025), arXiv:2501.12486, abstract.
    """

    id = "avg_params"
    group = "architecture"
    core = False
    verified = False
    variables = (Variable("n_params_mean", "parameters, mean over training", "count", 1e8, 1e10), _TOKENS)
    output = _LOSS
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("A", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("B", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("alpha", 0.01, 2.0, start=(0.1, 1.0)),
        Param("beta", 0.01, 2.0, start=(0.1, 1.0)),
    )
    typical = {"E": 1.8, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37}

    def curve(self, x, e, a, b, alpha, beta):
        return e + a * x["n_params_mean"] ** -alpha + b * x["n_tokens"] ** -beta


class SparsingRelu(Law):
    """With ReLU the share of active neurons falls with data towards a limit.

    ::

        ratio = exp(-c D^alpha + b) + A0

    D in billions of tokens, a unit that the coefficients imply.

    References
    ----------
    .. [1] Luo et al. (2024), arXiv:2411.02335, table 2.
    """

    id = "sparsing"
    group = "architecture"
    core = False
    variables = (Variable("n_tokens", "training tokens", "count", 1e9, 3e11),)
    output = _RATIO
    params = (
        Param("alpha", 0.01, 3.0, start=(0.05, 1.5)),
        Param("b", -10.0, 10.0, start=(-4.0, 1.0)),
        Param("c", 1e-6, 100.0, log=True, start=(1e-3, 5.0)),
        Param("A0", 0.0, 1.0, linear=True),
    )
    published = tuple(
        Published(f"{size}B", dict(zip(("alpha", "b", "c", "A0"), values, strict=True)), f"ReLU, {size}B")
        for size, values in (
            ("0.1", (0.101, -0.0151, 3.2, 0.0614)),
            ("0.2", (0.449, -3.05, 0.286, 0.0674)),
            ("0.4", (0.683, -3.46, 0.079, 0.069)),
            ("0.8", (1.01, -3.49, 0.00797, 0.0721)),
            ("1.2", (1.33, -3.89, 0.000903, 0.0782)),
        )
    )

    def curve(self, x, alpha, b, c, a0):
        return np.exp(b - c * (x["n_tokens"] / 1e9) ** alpha) + a0


class SparsingSilu(Law):
    """With SiLU the share of active neurons rises with data towards a limit.

    ::

        ratio = A0 - c / D^alpha

    D in billions of tokens, a unit that the coefficients imply.

    References
    ----------
    .. [1] Luo et al. (2024), arXiv:2411.02335, table 2.
    """

    id = "sparsing_silu"
    group = "architecture"
    core = False
    variables = (Variable("n_tokens", "training tokens", "count", 1e9, 3e11),)
    output = _RATIO
    params = (
        Param("alpha", 0.01, 3.0, start=(0.1, 1.5)),
        Param("c", 1e-6, 100.0, log=True, linear=True, start=(1e-3, 1.0)),
        Param("A0", 0.0, 1.0, linear=True),
    )
    published = tuple(
        Published(f"{size}B", {"alpha": alpha, "A0": a0}, f"SiLU, {size}B")
        for size, alpha, a0 in (
            ("0.1", 0.479, 0.409), ("0.2", 0.844, 0.39), ("0.4", 1.03, 0.385),
            ("0.8", 0.995, 0.383), ("1.2", 0.967, 0.382),
        )
    )  # fmt: skip
    typical = {"alpha": 0.8, "c": 0.1, "A0": 0.39}

    def curve(self, x, alpha, c, a0):
        return a0 - c * (x["n_tokens"] / 1e9) ** -alpha
