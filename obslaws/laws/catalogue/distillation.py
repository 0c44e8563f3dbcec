"""Students that learn from a teacher, and the supervised law that they are measured against."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_SIZE = Variable("n_params", "parameters without embeddings", "count", 1.4e8, 1.2e10)
_TOKENS = Variable("n_tokens", "training tokens", "count", 2e9, 5e11)
_EXPONENTS = (
    Param("alpha", 0.01, 2.0, start=(0.2, 0.8)),
    Param("beta", 0.01, 2.0, start=(0.2, 0.8)),
    Param("gamma", 0.01, 3.0, start=(0.2, 1.2)),
)


class SupervisedGamma(Law):
    """Loss of supervised training, the two powers under a common exponent.

    ::

        L = E + (A / N^alpha + B / D^beta)^gamma

    References
    ----------
    .. [1] Busbridge et al. (2025), arXiv:2502.08606, table 6 (90 % bootstrap intervals).
    """

    id = "distillation_supervised"
    group = "transfer"
    core = False
    variables = (_SIZE, _TOKENS)
    output = Variable("loss", "cross-entropy on held-out text", "nats/token")
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("A", 1.0, 1e8, log=True, start=(1e1, 1e6)),
        Param("B", 1.0, 1e8, log=True, start=(1e1, 1e6)),
        *_EXPONENTS,
    )
    published = (
        Published(
            "supervised",
            {"E": 1.22, "A": 3355.0, "B": 18186.0, "alpha": 0.408, "beta": 0.431, "gamma": 0.452},
            "73 supervised runs",
            uncertainty={
                "E": (1.19, 1.247), "A": (3346, 3360), "B": (18157, 18236),
                "alpha": (0.405, 0.411), "beta": (0.428, 0.433), "gamma": (0.442, 0.461),
            },
        ),
    )  # fmt: skip

    def curve(self, x, e, a, b, alpha, beta, gamma):
        inner = a * np.exp(-alpha * np.log(x["n_params"])) + b * np.exp(-beta * np.log(x["n_tokens"]))
        return e + np.exp(gamma * np.log(inner))


class Distillation(Law):
    """Loss of a student approaches its teacher's, and gains nothing from a teacher far better than itself.

    ::

        L_S = L_T + L_T^-c0 (1 + (L_T / (Ltilde_S d1))^(1 / f1))^(-c1 f1) (A / N^alpha + B / D^beta)^gamma

    Ltilde_S is what the student would reach supervised.

    References
    ----------
    .. [1] Busbridge et al. (2025), arXiv:2502.08606, table 6 (90 % bootstrap intervals).
    """

    id = "distillation"
    group = "transfer"
    variables = (
        _SIZE,
        _TOKENS,
        Variable("teacher_loss", "cross-entropy of the teacher", "nats/token", 1.8, 2.6, log=False),
        Variable(
            "supervised_loss", "cross-entropy that the student would reach alone", "nats/token", 1.9, 3.2, log=False
        ),
    )
    output = Variable("loss", "cross-entropy of the student", "nats/token")
    params = (
        Param("c0", 0.0, 20.0, start=(1.0, 5.0)),
        Param("c1", 0.0, 5000.0, start=(50.0, 1000.0)),
        Param("f1", 1e-3, 5.0, log=True, start=(0.03, 0.4)),
        Param("d1", 0.1, 10.0, start=(0.9, 2.0)),
        Param("A", 1.0, 1e8, log=True, start=(1e2, 1e5)),
        Param("B", 1.0, 1e8, log=True, start=(1e2, 1e6)),
        *_EXPONENTS,
    )
    published = (
        Published(
            "students",
            {
                "c0": 2.549, "c1": 522.6, "f1": 0.09, "d1": 1.315,
                "A": 2243.0, "B": 24181.0, "alpha": 0.321, "beta": 0.637, "gamma": 0.764,
            },
            "697 distillation runs",
            uncertainty={
                "c0": (2.425, 2.615), "f1": (0.088, 0.093), "d1": (1.302, 1.327), "A": (2227, 2255),
                "B": (24084, 24266), "alpha": (0.319, 0.324), "beta": (0.634, 0.64), "gamma": (0.732, 0.788),
            },
        ),
    )  # fmt: skip
    notes = ("About 1 % relative error or better.",)

    def curve(self, x, c0, c1, f1, d1, a, b, alpha, beta, gamma):
        teacher = x["teacher_loss"]
        ratio = np.log(teacher / x["supervised_loss"]) - np.log(d1)
        gap = np.exp(-c1 * f1 * np.log1p(np.exp(ratio / f1)))
        inner = a * np.exp(-alpha * np.log(x["n_params"])) + b * np.exp(-beta * np.log(x["n_tokens"]))
        return teacher + np.exp(-c0 * np.log(teacher)) * gap * np.exp(gamma * np.log(inner))
