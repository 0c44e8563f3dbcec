"""Over-training: loss from size and tokens with one exponent, and downstream error from loss."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable


class GadreLoss(Law):
    """Loss falls with one exponent of compute, shifted by the tokens per parameter.

    ::

        L = E + p / N^(2 eta) + q / (6^eta D^(2 eta))

    In the source's terms L(C, M) = E + (a M^eta + b M^-eta) C^-eta with C = 6 N D, M = D / N, a = p 6^eta and b = q.

    References
    ----------
    .. [1] Gadre et al. (2024), arXiv:2403.08540, main equation of the loss; protocol from the authors' repository.
    """

    id = "gadre_loss"
    group = "loss-scale"
    variables = (
        Variable("n_params", "parameters", "count", 1e7, 7e9),
        Variable("n_tokens", "training tokens", "count", 5e7, 9e11),
    )
    output = Variable("loss", "cross-entropy on held-out text", "nats/token")
    params = (
        Param("E", 0.0, 10.0, linear=True),
        Param("p", 1e-3, 1e8, log=True, linear=True, start=(1e1, 1e4)),
        Param("q", 1e-3, 1e8, log=True, linear=True, start=(1e1, 1e4)),
        Param("eta", 0.01, 0.5, start=(0.05, 0.3)),
    )
    published = tuple(
        Published(name, {"E": e, "p": p, "q": q, "eta": eta}, f"{name} runs, C4 loss, five fitting runs", "recomputed")
        for name, e, p, q, eta in (
            ("redpajama", 1.8366, 166.2, 366.7, 0.1364),
            ("c4", 1.5083, 113.7, 189.5, 0.1212),
            ("refinedweb", 1.7345, 125.1, 246.2, 0.1272),
        )
    )
    notes = ("Relative error 0.71 % (1.4B, 640 tokens per parameter) and 0.73 % (6.9B, 20) for RedPajama and C4.",)

    def curve(self, x, e, p, q, eta):
        log_n, log_d = np.log(x["n_params"]), np.log(x["n_tokens"])
        return e + p * np.exp(-2 * eta * log_n) + q * np.exp(-eta * (np.log(6.0) + 2 * log_d))


class GadreError(Law):
    """Mean downstream error rises with loss and levels off at guessing.

    ::

        Err = eps - k exp(-gamma L)

    References
    ----------
    .. [1] Gadre et al. (2024), arXiv:2403.08540, equation of the average error.
    """

    id = "gadre_error"
    group = "downstream"
    space = "linear"
    variables = (Variable("loss", "cross-entropy on held-out text", "nats/token", 2.0, 5.0, log=False),)
    output = Variable("error", "mean top-1 error over tasks", "fraction")
    params = (
        Param("eps", 0.0, 1.0, linear=True),
        Param("k", 1e-3, 1e6, log=True, linear=True, start=(1e-1, 1e2)),
        Param("gamma", 0.01, 20.0, start=(0.2, 3.0)),
    )
    published = tuple(
        Published(name, {"eps": eps, "k": k, "gamma": gamma}, setting, "recomputed")
        for name, eps, k, gamma, setting in (
            ("redpajama-17", 0.857, 2.206, 0.7146, "RedPajama, C4 loss, mean of 17 tasks, six fitting runs"),
            ("c4-17", 0.8497, 2.079, 0.7561, "C4, mean of 17 tasks"),
            ("refinedweb-17", 0.8653, 2.215, 0.707, "RefinedWeb, mean of 17 tasks"),
            ("redpajama-46", 0.7608, 1.323, 0.8907, "RedPajama, mean of 46 tasks"),
        )
    )
    notes = ("Relative error 3.64 % (1.4B) and 0.05 % (6.9B) on the mean of 17 tasks; single tasks are far worse.",)

    def curve(self, x, eps, k, gamma):
        return eps - k * np.exp(-gamma * x["loss"])
