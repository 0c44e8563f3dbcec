"""Size of the vocabulary, and streams that run in parallel."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable


class Vocabulary(Law):
    """Vocabulary parameters are a scale of their own.

    ::

        L_u = -E + A1 / N_nv^beta + A2 / N_v^alpha2 + B / D^beta,  N_v = V d

    N_nv in millions, V and d in thousands, D in billions, as in the source.

    References
    ----------
    .. [1] Tao et al. (2024), arXiv:2407.13623, approach 3; constants of the authors' repository.
    """

    id = "vocabulary"
    group = "architecture"
    space = "linear"
    variables = (
        Variable("n_nonvocab_params", "parameters outside embedding and head", "count", 3e7, 3e9),
        Variable("vocab_size", "entries of the vocabulary", "count", 4096, 100_000),
        Variable("width", "hidden size", "count", 512, 3200),
        Variable("n_tokens", "training tokens", "count", 1e9, 1.3e11),
    )
    output = Variable("unigram_loss", "cross-entropy less that of a unigram model; negative", "nats/token")
    params = (
        Param("E", 0.0, 20.0, linear=True),
        Param("A1", 1e-3, 1e4, log=True, linear=True, start=(0.1, 10.0)),
        Param("A2", 1e-4, 1e4, log=True, linear=True, start=(0.01, 10.0)),
        Param("B", 1e-3, 1e4, log=True, linear=True, start=(0.1, 10.0)),
        Param("beta", 0.05, 2.0, start=(0.1, 1.0)),
        Param("alpha2", 0.05, 2.0, start=(0.1, 1.0)),
    )
    published = (
        Published(
            "slimpajama",
            {
                "E": 5.53278468033, "A1": 1.83138515596, "A2": 0.195842383987, "B": 2.12411231201,
                "beta": 0.44660634152, "alpha2": 0.67073746799,
            },
            "33M and more outside the vocabulary, up to 500B characters, rows from 2.18e17 FLOP",
        ),
    )  # fmt: skip
    notes = ("The exponents of size and of data were tied, alpha1 = beta.",)

    def curve(self, x, e, a1, a2, b, beta, alpha2):
        words = np.log(x["vocab_size"] / 1e3 * (x["width"] / 1e3))
        rest = a1 * (x["n_nonvocab_params"] / 1e6) ** -beta + b * (x["n_tokens"] / 1e9) ** -beta
        return -e + rest + a2 * np.exp(-alpha2 * words)


class ParallelStreams(Law):
    """P parallel streams count as a logarithmically larger model.

    ::

        L = E + (A / (N (k ln P + 1)))^alpha

    N in billions.

    References
    ----------
    .. [1] Chen et al. (2025), arXiv:2505.10475, fit table (k); the rest recomputed with the authors' script.
    """

    id = "parscale"
    group = "architecture"
    variables = (
        Variable("n_params", "parameters without embeddings", "count", 5e8, 4.5e9),
        Variable("n_streams", "parallel streams", "count", 1, 8),
    )
    output = Variable("loss", "cross-entropy on held-out text", "nats/token")
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("A", 1e-8, 1e4, log=True, start=(1e-3, 1e1)),
        Param("alpha", 0.01, 2.0, start=(0.05, 0.5)),
        Param("k", 0.0, 10.0, start=(0.05, 2.0)),
    )
    published = (
        Published(
            "stack-python",
            {"E": 0.6912, "A": 0.011307, "alpha": 0.1894, "k": 0.3935},
            "Stack-V2 Python, 42B tokens, 24 points; k was read",
            "recomputed",
        ),
        Published(
            "pile",
            {"E": 1.2886, "A": 0.19752, "alpha": 0.1963, "k": 0.3344},
            "Pile, 24 points; k was read",
            "recomputed",
        ),
    )

    def curve(self, x, e, a, alpha, k):
        return e + (a * 1e9 / (x["n_params"] * (k * np.log(x["n_streams"]) + 1))) ** alpha
