"""Repeated sampling, and what it costs."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable


class Coverage(Law):
    """The share of problems solved by at least one of k samples.

    ::

        c = exp(a k^b)

    References
    ----------
    .. [1] Brown et al. (2024), arXiv:2407.21787, equations 2 and 3, table of fits.
    """

    id = "coverage"
    group = "inference"
    variables = (Variable("n_samples", "samples per problem", "count", 1, 1e4),)
    output = Variable("coverage", "share of problems solved", "fraction")
    params = (Param("a", -50.0, -1e-6, start=(-10.0, -0.1)), Param("b", -2.0, -1e-4, start=(-1.0, -0.02)))
    published = tuple(
        Published(name, {"a": a, "b": b}, setting)
        for name, a, b, setting in (
            ("pythia-12b-math", -3.92, -0.35, "Pythia-12B on MATH, 128 problems, 10,000 samples; mean error 0.0189"),
            ("gemma-2b-math", -2.45, -0.38, "Gemma-2B on MATH; mean error 0.0218"),
            ("llama-3-8b-minif2f", -1.33, -0.08, "Llama-3-8B-Instruct on MiniF2F; mean error 0.0297"),
        )
    )

    def curve(self, x, a, b):
        return np.exp(a * np.exp(b * np.log(x["n_samples"])))


class InferenceCost(Law):
    """Work of repeated sampling, memory traffic counted as work; an accounting rule with one constant of the hardware.

    ::

        eFLOP = n (2 P Lo + 2 (2 Li + Lo) Lo H dh) + I 2 (2 Li + Lo n) Lo Hkv dh

    References
    ----------
    .. [1] Sadhukhan et al. (2025), arXiv:2506.05333, cost model of the authors' repository.
    """

    id = "kinetics"
    group = "inference"
    core = False
    variables = (
        Variable("n_params", "parameters", "count", 6e8, 3.2e10),
        Variable("n_prompt_tokens", "tokens of the prompt", "count", 100, 4000),
        Variable("n_output_tokens", "tokens generated per sample", "count", 500, 32_000),
        Variable("n_samples", "samples", "count", 1, 64),
        Variable("n_heads", "query heads", "count", 16, 64),
        Variable("n_kv_heads", "key-value heads", "count", 4, 16),
        Variable("head_width", "width of a head", "count", 64, 128),
    )
    output = Variable("work", "work of one prompt", "FLOP equivalent")
    params = (Param("I", 1.0, 1e5, log=True, linear=True),)
    typical = {"I": 500.0}

    def curve(self, x, intensity):
        prompt, out, n = x["n_prompt_tokens"], x["n_output_tokens"], x["n_samples"]
        work = n * (2 * x["n_params"] * out + 2 * (2 * prompt + out) * out * x["n_heads"] * x["head_width"])
        return work + intensity * 2 * (2 * prompt + out * n) * out * x["n_kv_heads"] * x["head_width"]


class Speculative(Law):
    """Tokens accepted per step grow with the logarithm of a scale. Coefficients not seen.

    ::

        accepted = a + b ln x

    References
    ----------
    .. [1] Yan et al. (2025), arXiv:2505.07858, abstract.
    """

    id = "speculative"
    group = "inference"
    core = False
    verified = False
    space = "linear"
    variables = (Variable("scale", "pre-training tokens, draft parameters, or batch", "any", 1e6, 1e11),)
    output = Variable("accepted", "tokens accepted per step", "token")
    params = (Param("a", -50.0, 50.0, linear=True), Param("b", -10.0, 10.0, linear=True))
    typical = {"a": -2.0, "b": 0.25}

    def curve(self, x, a, b):
        return a + b * np.log(x["scale"])
