"""Compute-optimal size, and the loss that it reaches."""

from __future__ import annotations

from obslaws.laws.base import Law, Param, Published, Variable

_FLOP = Variable("train_flop", "training compute", "FLOP", 1e17, 1e20)


class PorianSize(Law):
    """The optimal size is a power of compute, its exponent near one half when tuning is done right.

    ::

        N_opt = k C^a

    References
    ----------
    .. [1] Porian et al. (2024), arXiv:2406.19146, table of exponents; repository summaries.
    """

    id = "porian_alloc"
    group = "loss-scale"
    variables = (_FLOP,)
    output = Variable("n_params", "compute-optimal parameters, head included", "count")
    params = (Param("k", 1e-12, 1e6, log=True, linear=True), Param("a", 0.2, 1.0))
    published = (
        Published("refinedweb-tuned", {"k": 0.118, "a": 0.497}, "RefinedWeb, everything tuned"),
        Published("openwebtext2-tuned", {"a": 0.518}, "OpenWebText2, everything tuned"),
        *(
            Published(f"refinedweb-{stage}", {"a": a}, f"RefinedWeb, {about}")
            for stage, a, about in (
                ("kaplan", 0.835, "as Kaplan et al."),
                ("head-flop", 0.706, "head counted"),
                ("warmup", 0.602, "warm-up mended as well"),
                ("cosine", 0.571, "cosine to the end as well"),
            )
        ),
    )
    notes = ("Parabolas through isoFLOP minima of the released runs give 0.865, 0.692, 0.593, 0.552, 0.501 instead.",)

    def curve(self, x, k, a):
        return k * x["train_flop"] ** a


class PorianLoss(Law):
    """The loss of the compute-optimal model falls as a power of compute towards a rest.

    ::

        L_opt = E + k_L C^-b

    References
    ----------
    .. [1] Porian et al. (2024), arXiv:2406.19146, table of exponents; repository summaries.
    """

    id = "porian_loss"
    group = "loss-scale"
    core = False
    variables = (_FLOP,)
    output = Variable("loss", "cross-entropy of the compute-optimal model", "nats/token")
    params = (
        Param("E", 0.0, 4.0, linear=True),
        Param("k_L", 1e-3, 1e8, log=True, linear=True, start=(1e0, 1e4)),
        Param("b", 0.01, 1.0, start=(0.03, 0.3)),
    )
    published = (
        Published("refinedweb-tuned", {"E": 2.0056, "k_L": 128.93, "b": 0.106}, "RefinedWeb, everything tuned"),
    )

    def curve(self, x, e, k, b):
        return e + k * x["train_flop"] ** -b
