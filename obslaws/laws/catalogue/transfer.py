"""Fine-tuning, transfer, and one loss from another."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_LOSS = Variable("loss", "test cross-entropy after fine-tuning", "nats/token")


class RectifiedFinetuning(Law):
    """Fine-tuning starts with what pre-training was worth, then follows a power of the examples.

    ::

        L = B / (D_l + D^beta) + E

    References
    ----------
    .. [1] Lin et al. (2024), arXiv:2402.02314, main equation.
    """

    id = "rectified_sft"
    group = "transfer"
    variables = (Variable("n_examples", "fine-tuning examples", "count", 2e2, 1.7e6),)
    output = _LOSS
    params = (
        Param("B", 1e-3, 1e9, log=True, linear=True, start=(1e-1, 1e5)),
        Param("D_l", 1e-6, 1e9, log=True, start=(1e0, 1e5)),
        Param("beta", 0.01, 3.0, start=(0.1, 1.2)),
        Param("E", 0.0, 20.0, linear=True),
    )
    typical = {"B": 3e3, "D_l": 800.0, "beta": 0.7, "E": 0.8}
    notes = (
        "Mean root mean squared error of log loss 0.0065 (FLAN), 0.0052 (Gigaword), 0.0123 (WMT19), against 0.0358, "
        "0.0106 and 0.0629 of a plain power law.",
    )

    def curve(self, x, b, d_l, beta, e):
        return b / (d_l + np.exp(beta * np.log(x["n_examples"]))) + e


class FinetuningJoint(Law):
    """Loss after fine-tuning is a product of powers of the base's scale and of the examples.

    ::

        L = A / (X^alpha D_f^beta) + E

    References
    ----------
    .. [1] Zhang et al. (2024), arXiv:2402.17193, table 4.
    """

    id = "finetune_joint"
    group = "transfer"
    variables = (
        Variable("scale", "parameters, or pre-training tokens, of the base", "count", 1e9, 1.6e10),
        Variable("n_examples", "fine-tuning examples", "count", 8e3, 2e7),
    )
    output = _LOSS
    params = (
        Param("A", 1e-3, 1e12, log=True, linear=True, start=(1e0, 1e7)),
        Param("alpha", 0.0, 2.0, start=(0.05, 1.0)),
        Param("beta", 0.0, 2.0, start=(0.01, 0.5)),
        Param("E", 0.0, 20.0, linear=True),
    )
    published = tuple(
        Published(
            f"{task}/{method}/{scale}",
            {"A": a, "alpha": alpha, "beta": beta, "E": e},
            f"{task}, {method} tuning, against {'parameters' if scale == 'size' else 'pre-training tokens'}",
        )
        for task, betas, rests, rows in (
            (
                "en-de", (0.15, 0.051, 0.081), (0.75, 0.62, 0.62),
                (("size", (1.2e5, 3.9e3, 2.1e3), (0.52, 0.4, 0.36)), ("data", (630, 270, 140), (0.21, 0.21, 0.18))),
            ),
            (
                "en-zh", (0.14, 0.015, 0.025), (1.0, 0.77, 0.73),
                (("size", (3.3e3, 850, 660), (0.34, 0.33, 0.31)), ("data", (240, 200, 130), (0.17, 0.2, 0.18))),
            ),
            (
                "mlsum", (0.087, 0.025, 0.03), (0.98, 0.00051, 0.2),
                (("size", (330, 23, 26), (0.24, 0.1, 0.11)), ("data", (42, 16, 17), (0.11, 0.069, 0.073))),
            ),
        )
        for scale, scales, alphas in rows
        for method, a, alpha, beta, e in zip(("full", "prompt", "lora"), scales, alphas, betas, rests, strict=True)
    )  # fmt: skip
    notes = ("Held-out mean absolute deviation 0.0048, against 0.0079 of an additive form.",)

    def curve(self, x, a, alpha, beta, e):
        return a * np.exp(-alpha * np.log(x["scale"]) - beta * np.log(x["n_examples"])) + e


class TranslationScore(Law):
    """A translation score grows as a power of the logarithm of pre-training data.

    ::

        f = (ln(A D_p^alpha))^beta

    References
    ----------
    .. [1] Isik et al. (2024), arXiv:2402.04177, log law of the score.
    """

    id = "bleu_log"
    group = "transfer"
    space = "linear"
    variables = (Variable("n_tokens", "pre-training tokens", "count", 1e8, 5e11),)
    output = Variable("score", "BLEU, ROUGE or COMET", "point")
    params = (
        Param("A", 1e-12, 1e12, log=True, start=(1e-6, 1e6)),
        Param("alpha", 1e-4, 5.0, start=(0.01, 1.0)),
        Param("beta", 0.05, 10.0, start=(0.2, 3.0)),
    )
    typical = {"A": 1e-3, "alpha": 0.6, "beta": 1.4}
    notes = ("Error at most 0.061 BLEU where languages agree; the law fails where they do not.",)

    def curve(self, x, a, alpha, beta):
        return (np.log(a) + alpha * np.log(x["n_tokens"])) ** beta


class LossToLoss(Law):
    """The loss on one text is a shifted power of the loss on another.

    ::

        L_y = K (L_x - E_x)^kappa + E_y

    References
    ----------
    .. [1] Brandfonbrener et al. (2024), arXiv:2411.12925, shifted power law.
    .. [2] Mayilvahanan et al. (2025), arXiv:2502.12120, the same for public models.
    """

    id = "loss_to_loss"
    group = "transfer"
    variables = (Variable("loss_x", "cross-entropy on the first text", "nats/token", 2.6, 4.5, log=False),)
    output = Variable("loss_y", "cross-entropy on the second text", "nats/token")
    params = (
        Param("K", 1e-3, 1e3, log=True, linear=True, start=(0.1, 10.0)),
        Param("kappa", 0.05, 5.0, start=(0.4, 2.0)),
        Param("E_x", 0.0, 20.0, start=(0.0, 2.5)),
        Param("E_y", 0.0, 20.0, linear=True, start=(0.0, 3.0)),
    )
    typical = {"K": 1.1, "kappa": 0.9, "E_x": 1.8, "E_y": 1.5}
    notes = (
        "E_x and E_y are meant to come from loss laws of their own; K and kappa then follow per pair.",
        "The data set sets the line; tokenizer, architecture, size and optimiser matter little, say the authors.",
    )

    def curve(self, x, k, kappa, e_x, e_y):
        gap = x["loss_x"] - e_x
        return k * np.exp(kappa * np.log(np.where(np.real(gap) > 0, gap, np.nan))) + e_y


class CapacityGap(Law):
    """The best teacher is a fixed multiple of its student's size. The multiple was not read.

    ::

        N_teacher = k N_student

    References
    ----------
    .. [1] Zhang et al. (2023), arXiv:2311.07052, abstract.
    """

    id = "capacity_gap"
    group = "transfer"
    core = False
    verified = False
    variables = (Variable("n_params", "parameters of the student", "count", 1e8, 7e9),)
    output = Variable("n_teacher_params", "parameters of the best teacher", "count")
    params = (Param("k", 0.5, 20.0, linear=True),)
    typical = {"k": 3.0}

    def curve(self, x, k):
        return k * x["n_params"]
