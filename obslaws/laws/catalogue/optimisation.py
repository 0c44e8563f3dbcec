"""Learning rate, batch, their schedules, and training spread over replicas."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_SIZE = Variable("n_params", "parameters without embeddings", "count", 6e7, 1e9)
_TOKENS = Variable("n_tokens", "training tokens", "count", 2e9, 1e11)


class StepLawRate(Law):
    """The best peak learning rate is a power of size and of data.

    ::

        lr = c1 N^p D^q

    References
    ----------
    .. [1] Li et al. (2025), arXiv:2503.04715, main equation; bootstrap fits of the authors' repository.
    """

    id = "step_law"
    group = "optimisation"
    variables = (_SIZE, _TOKENS)
    output = Variable("learning_rate", "best peak learning rate", "1")
    params = (
        Param("c1", 1e-3, 1e3, log=True, linear=True),
        Param("p", -2.0, 0.0),
        Param("q", -1.0, 2.0),
    )
    published = (
        Published(
            "dense-and-moe",
            {"c1": 1.79, "p": -0.713, "q": 0.307},
            "3,700 runs, 60M to 1B dense, up to 100B tokens; uncertainty of c1 is that of its logarithm",
            uncertainty={"p": 0.03, "q": 0.019},
        ),
    )
    notes = ("Loss within 0.09 % of the optimum of the grid.",)

    def curve(self, x, c1, p, q):
        return c1 * np.exp(p * np.log(x["n_params"]) + q * np.log(x["n_tokens"]))


class StepLawBatch(Law):
    """The best batch is a power of data alone.

    ::

        B = c2 D^r

    References
    ----------
    .. [1] Li et al. (2025), arXiv:2503.04715, main equation; bootstrap fits of the authors' repository.
    """

    id = "step_law_batch"
    group = "optimisation"
    variables = (_TOKENS,)
    output = Variable("batch_tokens", "best batch", "token")
    params = (Param("c2", 1e-6, 1e6, log=True, linear=True), Param("r", 0.0, 2.0))
    published = (
        Published(
            "dense-and-moe",
            {"c2": 0.58, "r": 0.571},
            "3,700 runs, up to 100B tokens; uncertainty of c2 is that of its logarithm, 0.44",
            uncertainty={"r": 0.019},
        ),
    )

    def curve(self, x, c2, r):
        return c2 * np.exp(r * np.log(x["n_tokens"]))


class Annealing(Law):
    """Loss along a schedule falls with the sum of rates, and again as the rate is taken back.

    ::

        L = L0 + A / S1^alpha - C S2
        S1 = sum of lr_i;  S2 = sum over i of sum over k <= i of (lr_(k-1) - lr_k) lambda^(i - k)

    `annealing_areas` computes S1 and S2 of a schedule for one lambda (0.99 to 0.999).

    References
    ----------
    .. [1] Tissue et al. (2024), arXiv:2408.11029, main equation.
    """

    id = "lr_annealing"
    group = "optimisation"
    variables = (
        Variable("s1", "sum of learning rates so far", "1", 0.5, 30.0),
        Variable("s2", "annealing area so far", "1", 0.0, 0.3, log=False),
    )
    output = Variable("loss", "cross-entropy on held-out text", "nats/token")
    params = (
        Param("L0", 0.0, 10.0, linear=True),
        Param("A", 1e-4, 1e4, log=True, linear=True, start=(1e-2, 1e1)),
        Param("alpha", 0.01, 3.0, start=(0.1, 1.5)),
        Param("C", 0.0, 1000.0, linear=True, start=(0.0, 10.0)),
    )
    typical = {"L0": 2.6, "A": 0.5, "alpha": 0.5, "C": 0.4}
    notes = (
        "Constants of the paper were not verified and are left out. On released curves of 25M, 100M and 400M models "
        "the form predicts six unseen schedules to 0.13, 0.15 and 0.24 %.",
    )

    def curve(self, x, l0, a, alpha, c):
        return l0 + a * np.exp(-alpha * np.log(x["s1"])) - c * x["s2"]


def annealing_areas(learning_rate, decay=0.999):
    """Sum a schedule for `lr_annealing`.

    Parameters
    ----------
    learning_rate : array_like of shape (n_steps,)
        Rate at every step.
    decay : float
        lambda of the law.

    Returns
    -------
    (ndarray, ndarray), each of shape (n_steps,)
        S1 and S2 after every step.

    Examples
    --------
    >>> s1, s2 = annealing_areas([1.0, 1.0, 0.5], decay=0.9)
    >>> s1.tolist(), s2.tolist()
    ([1.0, 2.0, 2.5], [0.0, 0.0, 0.5])
    """
    from scipy.signal import lfilter

    rate = np.asarray(learning_rate, dtype=float)
    momentum = lfilter([1.0], [1.0, -decay], -np.diff(rate, prepend=rate[0]))
    return np.cumsum(rate), np.cumsum(momentum)


class Replicas(Law):
    """Loss of training on replicas that seldom talk is a power of size and of their number.

    ::

        L = A N^alpha M^beta

    References
    ----------
    .. [1] Charles et al. (2025), arXiv:2503.09799, tables 7 to 10.
    """

    id = "diloco"
    group = "optimisation"
    core = False
    variables = (
        Variable("n_params", "parameters", "count", 3e7, 1e10),
        Variable("n_replicas", "replicas", "count", 1, 8),
    )
    output = Variable("loss", "cross-entropy on held-out text", "nats/token")
    params = (
        Param("A", 1e-3, 1e4, log=True, linear=True),
        Param("alpha", -1.0, 0.0),
        Param("beta", -1.0, 1.0),
    )
    published = (
        Published("joint", {"A": 19.226, "alpha": -0.0985, "beta": 0.0116}, "below 4B fitted; 4B and 10B held out"),
        Published("data-parallel", {"A": 18.129, "alpha": -0.0953, "beta": 0.0}, "data-parallel, no replicas"),
        *(
            Published(f"M={m}", {"A": a, "alpha": alpha, "beta": 0.0}, f"separate fit, {m} replicas")
            for m, a, alpha in (
                (1, 18.363, -0.0961), (2, 18.768, -0.0969), (4, 19.762, -0.0992), (8, 21.051, -0.1018),
            )
        ),
    )  # fmt: skip

    def curve(self, x, a, alpha, beta):
        return a * np.exp(alpha * np.log(x["n_params"]) + beta * np.log(x["n_replicas"]))


class Timescale(Law):
    """The best time-scale of AdamW, in epochs, is a power of tokens per parameter.

    ::

        tau = c (D / N)^m,  tau = B / (lr wd D)

    References
    ----------
    .. [1] Bergsma et al. (2025), arXiv:2505.13738, interval of the exponent.
    """

    id = "batch_laws"
    group = "optimisation"
    core = False
    variables = (
        Variable("n_params", "parameters", "count", 1.1e8, 3.3e9),
        Variable("n_tokens", "training tokens", "count", 2e9, 1e12),
    )
    output = Variable("timescale", "best AdamW time-scale", "epoch")
    params = (Param("c", 1e-4, 100.0, log=True, linear=True), Param("m", -2.0, 0.0))
    published = (
        Published(
            "power-lines",
            {"m": -0.518},
            "111M to 3.3B; middle and half-width of the interval (-0.529, -0.507)",
            uncertainty={"m": (-0.529, -0.507)},
        ),
    )
    typical = {"c": 1.0, "m": -0.52}

    def curve(self, x, c, m):
        return c * np.exp(m * np.log(x["n_tokens"] / x["n_params"]))
