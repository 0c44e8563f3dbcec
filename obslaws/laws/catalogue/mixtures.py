"""Proportions of domains in the training data."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_SIZE = Variable("n_params", "parameters", "count", 5e7, 8e9)
_TOKENS = Variable("n_tokens", "training tokens", "count", 1e9, 3e11)
_LOSS = Variable("loss", "cross-entropy on one validation domain", "nats/token")


def _share(name, about, low, high, default=None):
    return Variable(name, about, "fraction", low, high, log=False, default=default)


class DataMixing(Law):
    """Loss on a domain is exponential in the proportions of the training mixture.

    ::

        L = c + k exp(t_1 r_1 + t_2 r_2)

    Three training domains; the share of the third is what the first two leave, and its coefficient is in k.

    References
    ----------
    .. [1] Ye et al. (2024), arXiv:2403.16952, mixture equation; repository for the fits.
    """

    id = "data_mixing"
    group = "data"
    variables = (
        _share("share_1", "share of the first domain", 0.0, 0.5),
        _share("share_2", "share of the second domain", 0.0, 0.5, default=0.0),
    )
    output = _LOSS
    params = (
        Param("c", 0.0, 20.0, linear=True),
        Param("k", 1e-6, 1e3, log=True, linear=True, start=(1e-2, 1e1)),
        Param("t_1", -50.0, 50.0, start=(-5.0, 5.0)),
        Param("t_2", -50.0, 50.0, start=(-5.0, 5.0)),
    )
    published = (
        Published(
            "github-70M",
            {"c": 1.110, "k": float(np.exp(-0.682)), "t_1": -1.643},
            "two domains (GitHub, Pile-CC), 70M, 30k steps, GitHub loss",
            "recomputed",
        ),
        Published(
            "pile-cc-70M",
            {"c": 3.423, "k": float(np.exp(-0.623)), "t_1": -2.598},
            "the same, Pile-CC loss",
            "recomputed",
        ),
    )
    typical = {"c": 1.5, "k": 0.8, "t_1": -2.0, "t_2": 0.7}

    def curve(self, x, c, k, t_1, t_2):
        return c + k * np.exp(t_1 * x["share_1"] + t_2 * x["share_2"])


class OptimalMixtures(Law):
    """A loss law of size and data with a term of the domain weights.

    ::

        L = E + 1 / (C_1 h_1^gamma_1 + C_2 h_2^gamma_2) + A / N^alpha + B / D^beta

    The additive form with two domains, h_2 = 1 - h_1.

    References
    ----------
    .. [1] Shukor et al. (2025), arXiv:2507.09404, additive law.
    """

    id = "optimal_mixtures"
    group = "data"
    core = False
    variables = (_share("share_1", "weight of the first domain", 0.05, 0.95), _SIZE, _TOKENS)
    output = _LOSS
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("C_1", 1e-6, 1e6, log=True, start=(1e-1, 1e2)),
        Param("gamma_1", -3.0, 3.0, start=(0.1, 1.5)),
        Param("C_2", 1e-6, 1e6, log=True, start=(1e-1, 1e2)),
        Param("gamma_2", -3.0, 3.0, start=(0.1, 1.5)),
        Param("A", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("alpha", 0.01, 2.0, start=(0.1, 1.0)),
        Param("B", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("beta", 0.01, 2.0, start=(0.1, 1.0)),
    )
    typical = {
        "E": 1.5, "C_1": 3.0, "gamma_1": 0.6, "C_2": 1.5, "gamma_2": 0.4,
        "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37,
    }  # fmt: skip
    notes = ("Mean relative errors 0.31 % (C4) to 4.45 % (Wikipedia); coefficients not transcribed.",)

    def curve(self, x, e, c_1, gamma_1, c_2, gamma_2, a, alpha, b, beta):
        own = c_1 * x["share_1"] ** gamma_1 + c_2 * (1 - x["share_1"]) ** gamma_2
        return e + 1 / own + a * x["n_params"] ** -alpha + b * x["n_tokens"] ** -beta


class DomainContinued(Law):
    """Loss after continued pre-training, given the share of domain data.

    ::

        L = E + A / N^alpha + B r^eta / D^beta + C / (r + eps)^gamma

    References
    ----------
    .. [1] Que et al. (2024), arXiv:2406.01375, D-CPT law.
    """

    id = "dcpt"
    group = "data"
    core = False
    variables = (_SIZE, _TOKENS, _share("share", "share of domain data", 0.05, 0.95))
    output = _LOSS
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("A", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("alpha", 0.01, 2.0, start=(0.1, 1.0)),
        Param("B", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("eta", -5.0, 5.0, start=(-1.0, 1.0)),
        Param("beta", 0.01, 2.0, start=(0.1, 1.0)),
        Param("C", 0.0, 1000.0, linear=True, start=(0.0, 2.0)),
        Param("gamma", 0.0, 5.0, start=(0.1, 2.0)),
        Param("eps", 1e-6, 1.0, log=True, start=(1e-2, 1.0)),
    )
    typical = {
        "E": 1.2, "A": 300.0, "alpha": 0.32, "B": 2500.0, "eta": -0.3, "beta": 0.36, "C": 0.4, "gamma": 0.6, "eps": 0.1,
    }  # fmt: skip
    notes = ("Mean R2 0.997 on general and 0.980 on domain text; coefficients not transcribed.",)

    def curve(self, x, e, a, alpha, b, eta, beta, c, gamma, eps):
        share = x["share"]
        data = b * share**eta * x["n_tokens"] ** -beta
        return e + a * x["n_params"] ** -alpha + data + c * (share + eps) ** -gamma
