"""Loss whose data exponent itself depends on size. Form and coefficients were only seen second-hand."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Variable


class Farseer(Law):
    """Loss falls with data at a rate that depends on size.

    ::

        L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1))

    References
    ----------
    .. [1] Li et al. (2025), arXiv:2506.10972, main equation (second-hand).
    """

    id = "farseer"
    group = "loss-scale"
    verified = False
    variables = (
        Variable("n_params", "parameters", "count", 1e8, 6.4e9),
        Variable("n_tokens", "training tokens", "count", 2e9, 2e11),
    )
    output = Variable("loss", "compression loss, probably per character", "nats/character (inferred)")
    params = (
        Param("a1", -50.0, 0.0, start=(-0.5, 0.0)),
        Param("alpha", 1e-3, 1.0, start=(0.03, 0.4)),
        Param("b1", -10.0, 10.0, start=(-2.0, 2.0)),
        Param("a2", 0.0, 500.0, start=(10.0, 200.0)),
        Param("beta", -1.0, -1e-3, start=(-0.3, -0.03)),
        Param("b2", -20.0, 20.0, start=(-12.0, 2.0)),
        Param("a3", -50.0, 0.0, start=(-0.2, 0.0)),
        Param("gamma", 1e-3, 1.0, start=(0.03, 0.4)),
        Param("b3", -10.0, 10.0, start=(-2.0, 2.0)),
    )
    typical = {
        "a1": -0.1, "alpha": 0.15, "b1": 0.4, "a2": 90.0, "beta": -0.1, "b2": -6.0,
        "a3": -0.02, "gamma": 0.2, "b3": -0.1,
    }  # fmt: skip

    def curve(self, x, a1, alpha, b1, a2, beta, b2, a3, gamma, b3):
        log_n, log_d = np.log(x["n_params"]), np.log(x["n_tokens"])
        rate = np.exp(a1 * np.exp(alpha * log_n) + b1)
        return np.exp(a3 * np.exp(gamma * log_n) + b3) + np.exp(a2 * np.exp(beta * log_n) + b2 - rate * log_d)
