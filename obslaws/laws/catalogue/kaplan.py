"""Loss as one power of a combined scale, or of one scale alone."""

from __future__ import annotations

from obslaws.laws.base import Law, Param, Published, Variable

_LOSS = Variable("loss", "test cross-entropy", "nats/token")


class KaplanSizeData(Law):
    """Loss falls as a power of a scale that size and data limit together.

    ::

        L = ((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D

    References
    ----------
    .. [1] Kaplan et al. (2020), arXiv:2001.08361, table 2 (joint fit).
    """

    id = "kaplan_nd"
    group = "loss-scale"
    variables = (
        Variable("n_params", "parameters without embeddings", "count", 1e6, 1.5e9),
        Variable("n_tokens", "training tokens", "count", 2e7, 2.3e10),
    )
    output = _LOSS
    params = (
        Param("alpha_N", 0.01, 1.0, start=(0.03, 0.3)),
        Param("alpha_D", 0.01, 1.0, start=(0.03, 0.3)),
        Param("N_c", 1e8, 1e20, log=True, start=(1e11, 1e16)),
        Param("D_c", 1e8, 1e20, log=True, start=(1e11, 1e16)),
    )
    published = (
        Published(
            "webtext2",
            {"alpha_N": 0.076, "alpha_D": 0.103, "N_c": 6.4e13, "D_c": 1.8e13},
            "WebText2 transformers up to 1.5B parameters without embeddings, stopped early",
        ),
    )
    notes = ("Little overfitting while D exceeds about 5e3 N^0.74.",)

    def curve(self, x, alpha_n, alpha_d, n_c, d_c):
        return ((n_c / x["n_params"]) ** (alpha_n / alpha_d) + d_c / x["n_tokens"]) ** alpha_d


class KaplanSingle(Law):
    """Loss falls as a power of one scale while nothing else limits it.

    ::

        L = (X_c / X)^alpha

    References
    ----------
    .. [1] Kaplan et al. (2020), arXiv:2001.08361, summary section.
    """

    id = "kaplan_single"
    group = "loss-scale"
    core = False
    variables = (
        Variable(
            "scale", "parameters without embeddings, tokens, or minimal compute in PF-days", "as the set", 1e6, 1e10
        ),
    )
    output = _LOSS
    params = (Param("X_c", 1e2, 1e20, log=True), Param("alpha", 0.01, 1.0))
    published = (
        Published("size", {"X_c": 8.8e13, "alpha": 0.076}, "WebText2, not limited by data"),
        Published("data", {"X_c": 5.4e13, "alpha": 0.095}, "WebText2, large models stopped early"),
        Published("compute", {"X_c": 3.1e8, "alpha": 0.05}, "WebText2, minimal compute, PF-days"),
    )

    def curve(self, x, x_c, alpha):
        return (x_c / x["scale"]) ** alpha
