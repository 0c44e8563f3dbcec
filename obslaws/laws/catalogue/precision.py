"""Bits: of training, of rounding after training, of floating-point formats."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_SIZE = Variable("n_params", "parameters", "count", 3e7, 2e9)
_TOKENS = Variable("n_tokens", "training tokens", "count", 1.5e9, 1e11)
_LOSS = Variable("loss", "cross-entropy on held-out text", "nats/token")
_FULL = 1e3  # bits that nothing is lost to


def _bits(name, about, low=3, high=12):
    return Variable(name, about, "bit", low, high, log=False, default=_FULL)


class Precision(Law):
    """Low precision in training shrinks the effective size; rounding afterwards adds a loss of its own.

    ::

        L = A / N_eff^alpha + B / D^alpha + E + C_T D^g_D / N^g_N exp(-P_post / g)
        N_eff = N product over x in {w, a, kv} of (1 - exp(-(P_x / gamma_x + n_x)))

    References
    ----------
    .. [1] Kumar et al. (2024), arXiv:2411.04330, table 2 and appendix K.
    """

    id = "precision"
    group = "precision"
    variables = (
        _SIZE,
        _TOKENS,
        _bits("weight_bits", "bits of weights while training"),
        _bits("activation_bits", "bits of activations while training"),
        _bits("kv_bits", "bits of the key-value cache while training", 1),
        _bits("post_bits", "bits after training", 2, 8),
    )
    output = _LOSS
    params = (
        Param("A", 1e-3, 1e8, log=True, start=(1e2, 1e5)),
        Param("alpha", 0.01, 2.0, start=(0.2, 0.8)),
        Param("B", 1e-3, 1e8, log=True, start=(1e2, 1e6)),
        Param("E", 0.0, 10.0, linear=True),
        *(
            Param(f"{kind}_{x}", low, high, start=start)
            for x in ("w", "a", "kv")
            for kind, low, high, start in (("gamma", 0.05, 20.0, (0.5, 4.0)), ("n", -5.0, 10.0, (0.0, 3.0)))
        ),
        Param("C_T", 0.0, 10.0, linear=True, start=(0.0, 0.2)),
        Param("g_D", 0.0, 3.0, start=(0.2, 1.0)),
        Param("g_N", 0.0, 3.0, start=(0.2, 1.0)),
        Param("g", 0.05, 20.0, start=(0.3, 2.0)),
    )
    published = (
        Published(
            "all-runs",
            {
                "A": 4299.0, "alpha": 0.4965, "B": 18060.0, "E": 2.7648, "gamma_w": 2.6745, "n_w": 0.3037,
                "gamma_a": 2.2102, "n_a": 1.4072, "gamma_kv": 0.9578, "n_kv": 2.4185,
                "C_T": 0.0598, "g_D": 0.5068, "g_N": 0.3439, "g": 0.5907,
            },
            "more than 465 runs up to 1.7B parameters and 26B tokens; exponents tied",
        ),
    )  # fmt: skip
    notes = ("Rounding term R2 0.90 over more than 1,000 points; optimal training precision about 7 to 8 bits.",)

    def curve(self, x, a, alpha, b, e, gamma_w, n_w, gamma_a, n_a, gamma_kv, n_kv, c_t, g_d, g_n, g):
        share = 1.0
        for name, gamma, n in (
            ("weight_bits", gamma_w, n_w),
            ("activation_bits", gamma_a, n_a),
            ("kv_bits", gamma_kv, n_kv),
        ):
            share = share * -np.expm1(-(x[name] / gamma + n))
        log_n, log_d = np.log(x["n_params"]), np.log(x["n_tokens"])
        rounding = c_t * np.exp(g_d * log_d - g_n * log_n - x["post_bits"] / g)
        return a * (x["n_params"] * share) ** -alpha + b * np.exp(-alpha * log_d) + e + rounding


class QuantisationLoss(Law):
    """Loss added by rounding weights grows with data and falls with size and bits.

    ::

        dL = k D^beta / (N^alpha P^gamma)

    References
    ----------
    .. [1] Ouyang et al. (2024), arXiv:2411.17691, figure 6 and unified equation.
    """

    id = "qid"
    group = "precision"
    variables = (
        Variable("n_params", "parameters", "count", 1.6e8, 1.2e10),
        Variable("n_tokens", "training tokens", "count", 1e9, 3e11),
        Variable("bits", "bits per weight after rounding", "bit", 2, 8, log=False),
    )
    output = Variable("loss_increase", "added cross-entropy", "nats/token")
    params = (
        Param("k", 1e-8, 1e4, log=True, linear=True, start=(1e-4, 1e1)),
        Param("beta", 0.0, 3.0, start=(0.1, 1.0)),
        Param("alpha", 0.0, 3.0, start=(0.1, 1.0)),
        Param("gamma", 0.0, 20.0, start=(1.0, 10.0)),
    )
    published = (
        Published(
            "gptq-pythia",
            {"k": 0.017, "beta": 0.5251, "alpha": 0.2261, "gamma": 5.4967},
            "GPTQ on Pythia checkpoints",
        ),
    )

    def curve(self, x, k, beta, alpha, gamma):
        return k * np.exp(beta * np.log(x["n_tokens"]) - alpha * np.log(x["n_params"]) - gamma * np.log(x["bits"]))


class FloatFormat(Law):
    """Training in a float format adds a loss that its exponent and mantissa bits lower.

    ::

        L = n / N^alpha + d / D^beta + eps + D^beta / N^alpha log2(B) / (gamma (E + 0.5)^delta (M + 0.5)^nu)

    References
    ----------
    .. [1] Sun et al. (2025), arXiv:2501.02423, table 2 and unified equation.
    """

    id = "fp_quant"
    group = "precision"
    variables = (
        Variable("n_params", "parameters", "count", 4e7, 1.2e9),
        Variable("n_tokens", "training tokens", "count", 1e10, 1e11),
        Variable("exponent_bits", "bits of the exponent", "bit", 1, 5, log=False),
        Variable("mantissa_bits", "bits of the mantissa", "bit", 1, 5, log=False),
        Variable("block_size", "values that share a scaling factor", "count", 32, 512),
    )
    output = _LOSS
    params = (
        Param("n", 1e-3, 1e6, log=True, linear=True, start=(1e0, 1e4)),
        Param("alpha", 0.01, 2.0, start=(0.1, 0.6)),
        Param("d", 1e-3, 1e9, log=True, linear=True, start=(1e2, 1e7)),
        Param("beta", 0.01, 2.0, start=(0.2, 0.8)),
        Param("eps", 0.0, 10.0, linear=True),
        Param("gamma", 1e-3, 1e9, log=True, start=(1e2, 1e6)),
        Param("delta", 0.0, 10.0, start=(1.0, 5.0)),
        Param("nu", 0.0, 10.0, start=(1.0, 5.0)),
    )
    published = (
        Published(
            "llama-type",
            {
                "n": 69.2343, "alpha": 0.2368, "d": 68973.0621, "beta": 0.5162, "eps": 1.9061,
                "gamma": 11334.5197, "delta": 3.1926, "nu": 2.9543,
            },
            "41M to 679M fitted, 1.2B for validation, 10.5B tokens and more",
        ),
    )  # fmt: skip
    notes = ("A second source prints gamma inside the logarithm; in the denominator it has a sensible magnitude.",)

    def curve(self, x, n, alpha, d, beta, eps, gamma, delta, nu):
        log_n, log_d = np.log(x["n_params"]), np.log(x["n_tokens"])
        worth = gamma * (x["exponent_bits"] + 0.5) ** delta * (x["mantissa_bits"] + 0.5) ** nu
        added = np.exp(beta * log_d - alpha * log_n) * np.log2(x["block_size"]) / worth
        return n * np.exp(-alpha * log_n) + d * np.exp(-beta * log_d) + eps + added


class TotalBits(Law):
    """Accuracy against the bits of the whole model. The form of the curve was not seen; a line is assumed.

    ::

        acc = a + b log2(N P)

    References
    ----------
    .. [1] Dettmers and Zettlemoyer (2022), arXiv:2212.09720, abstract.
    """

    id = "kbit"
    group = "precision"
    core = False
    verified = False
    space = "linear"
    variables = (
        Variable("n_params", "parameters", "count", 1e7, 2e11),
        Variable("bits", "bits per weight", "bit", 3, 16, log=False),
    )
    output = Variable("accuracy", "mean zero-shot accuracy", "fraction")
    params = (Param("a", -10.0, 10.0, linear=True), Param("b", -10.0, 10.0, linear=True))
    typical = {"a": -0.6, "b": 0.035}

    def curve(self, x, a, b):
        return a + b * np.log2(x["n_params"] * x["bits"])
