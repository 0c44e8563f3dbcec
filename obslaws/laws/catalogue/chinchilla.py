"""Loss as a sum of powers of size and data, and its relatives."""

from __future__ import annotations

from math import exp
from typing import ClassVar

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

SIZE = Variable("n_params", "parameters", "count", 4e7, 1e10)
TOKENS = Variable("n_tokens", "training tokens", "count", 5e8, 5e11)
LOSS = Variable("loss", "cross-entropy on held-out text", "nats/token")


class Chinchilla(Law):
    """Loss falls as two powers, of size and of data, towards an irreducible rest.

    ::

        L = E + A / N^alpha + B / D^beta

    References
    ----------
    .. [1] Hoffmann et al. (2022), arXiv:2203.15556, approach 3.
    .. [2] Besiroglu et al. (2024), arXiv:2404.10102, table of estimates and appendix.
    """

    id = "chinchilla"
    group = "loss-scale"
    variables = (SIZE, TOKENS)
    output = LOSS
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("A", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("B", 1e-3, 1e12, log=True, linear=True, start=(1e1, 1e5)),
        Param("alpha", 0.01, 2.0, start=(0.1, 1.0)),
        Param("beta", 0.01, 2.0, start=(0.1, 1.0)),
    )
    published: ClassVar[tuple[Published, ...]] = (
        Published(
            "besiroglu-2024",
            {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
            "240 of the 245 Chinchilla runs digitised from a figure, the five of highest loss dropped",
            uncertainty={"E": 0.03, "A": 124.58, "B": 1293.23, "alpha": 0.02, "beta": 0.02},
        ),
        Published(
            "besiroglu-2024-all",
            {"E": 1.89, "A": 463.3, "B": 12530.0, "alpha": 0.345, "beta": 0.452},
            "all 245 digitised Chinchilla runs",
        ),
        Published(
            "hoffmann-2022",
            {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849},
            "Chinchilla runs; fits the digitised points significantly worse than the re-estimates",
        ),
    )
    notes: ClassVar[tuple[str, ...]] = (
        "Source's fit: Huber loss, delta 1e-3, on log loss; starts alpha, beta in {0, .5, 1, 1.5, 2}, log E in "
        "{-1, -.5, 0, .5, 1}, log A, log B in {0, 5, ..., 25}. Averaging the Huber terms stopped the original early.",
        "Compute-optimal exponent a = beta / (alpha + beta): 0.5126, standard error 0.018.",
    )

    def curve(self, x, E, A, B, alpha, beta):
        return E + A * np.exp(-alpha * np.log(x["n_params"])) + B * np.exp(-beta * np.log(x["n_tokens"]))

    def gradient(self, x, E, A, B, alpha, beta):
        log_n, log_d = np.log(x["n_params"]), np.log(x["n_tokens"])
        by_a, by_b = np.exp(-alpha * log_n), np.exp(-beta * log_d)
        size, data = A * by_a, B * by_b
        return E + size + data, (np.ones_like(size), by_a, by_b, -size * log_n, -data * log_d)

    def derived(self, E, A, B, alpha, beta):
        exponent = beta / (alpha + beta)
        flop = 5.76e23
        size = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (flop / 6) ** exponent
        return {"size_exponent": exponent, "tokens_per_param_at_5.76e23": flop / 6 / size**2}


class Gemstones(Chinchilla):
    """Loss falls as two powers of size and of data, fitted over shapes and checkpoints of one suite.

    ::

        L = E + A / N^alpha + B / D^beta

    References
    ----------
    .. [1] McLeish et al. (2025), arXiv:2502.06857, approach 3; coefficients from the authors' repository, delta 1e-4.
    """

    id = "gemstones"
    published = (
        Published(
            "all-tokens",
            {"E": exp(0.6655), "A": exp(4.8762), "B": exp(12.6984), "alpha": 0.2576, "beta": 0.5909},
            "22 shapes up to 2B, constant-rate checkpoints up to 350B tokens",
        ),
        Published(
            "up-to-100B-tokens",
            {"E": exp(0.7663), "A": exp(5.4575), "B": exp(14.972), "alpha": 0.2989, "beta": 0.6928},
            "the same, checkpoints up to 100B tokens",
        ),
    )
    notes = (
        "The source reports logarithms of E, A and B.",
        "Point of the paper: prescriptions vary widely with design choices; exponent of the optimal size 0.458 by "
        "approach 1 and 0.697 by approach 3.",
    )


class GemstonesShape(Law):
    """Loss falls as powers of width, depth, size and data.

    ::

        L = eps + sum over x in {width, depth, N, D} of c_x / x^e_x

    References
    ----------
    .. [1] McLeish et al. (2025), arXiv:2502.06857, width-depth form; coefficients from the authors' repository.
    """

    id = "gemstones_shape"
    group = "loss-scale"
    core = False
    variables = (
        Variable("width", "hidden size", "count", 256, 3072),
        Variable("depth", "layers", "count", 3, 80),
        SIZE,
        TOKENS,
    )
    output = LOSS
    params = (
        Param("eps", 0.0, 10.0, linear=True),
        *(Param(f"c_{n}", 1e-4, 1e9, log=True, linear=True, start=(1e-1, 1e5)) for n in "wdNT"),
        *(Param(f"e_{n}", 0.01, 2.0, start=(0.1, 1.0)) for n in "wdNT"),
    )
    published = (
        Published(
            "width-depth",
            {
                "eps": exp(0.3925),
                **dict(zip(("c_w", "c_d", "c_N", "c_T"), map(exp, (1.452, -0.0781, 7.97, 10.0594)), strict=True)),
                **dict(zip(("e_w", "e_d", "e_N", "e_T"), (0.2447, 0.3872, 0.5001, 0.4761), strict=True)),
            },
            "22 shapes up to 2B",
        ),
    )

    def curve(self, x, eps, c_w, c_d, c_n, c_t, e_w, e_d, e_n, e_t):
        terms = zip((c_w, c_d, c_n, c_t), (e_w, e_d, e_n, e_t), ("width", "depth", "n_params", "n_tokens"), strict=True)
        return eps + sum(c * np.exp(-e * np.log(x[name])) for c, e, name in terms)


def chinchilla_grid():
    """List the 4,500 starts of the original fit: exponents, log scales and log rest on a grid.

    Returns
    -------
    ndarray of shape (4500, 5)
        E, A, B, alpha, beta.

    References
    ----------
    .. [1] Hoffmann et al. (2022), arXiv:2203.15556, section D.3.
    """
    exponents, scales = np.arange(0, 2.5, 0.5), np.arange(0, 30, 5.0)
    e, a, b, alpha, beta = np.meshgrid(np.arange(-1, 1.5, 0.5), scales, scales, exponents, exponents, indexing="ij")
    return np.stack([np.exp(e), np.exp(a), np.exp(b), alpha, beta], axis=-1).reshape(-1, 5)
