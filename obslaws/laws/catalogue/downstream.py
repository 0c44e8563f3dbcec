"""Benchmark scores from loss, compute or architecture."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_FLOP = Variable("train_flop", "training compute", "FLOP", 1e18, 1e22)


class AnswerSigmoid(Law):
    """Accuracy is a logistic function of the answer's loss.

    ::

        acc = a / (1 + exp(-k (l - l0))) + b

    a is negative: accuracy falls as loss rises. b + a is the level of guessing, b the most.

    References
    ----------
    .. [1] Bhagia et al. (2024), arXiv:2412.04403, step 2.
    .. [2] Magnusson et al. (2025), arXiv:2504.11393, baselines, step 2.
    """

    id = "answer_sigmoid"
    group = "downstream"
    core = False
    space = "linear"
    variables = (Variable("answer_loss", "loss of the right answer", "bit or nat per byte", 0.3, 2.0, log=False),)
    output = Variable("accuracy", "accuracy", "fraction")
    params = (
        Param("a", -1.0, 0.0, linear=True, start=(-1.0, -0.1)),
        Param("k", 0.01, 200.0, log=True, start=(1.0, 30.0)),
        Param("l0", 0.0, 20.0, start=(0.3, 2.0)),
        Param("b", 0.0, 1.0, linear=True),
    )
    typical = {"a": -0.7, "k": 6.0, "l0": 0.9, "b": 0.95}

    def curve(self, x, a, k, l0, b):
        return a * 0.5 * (1 + np.tanh(0.5 * k * (x["answer_loss"] - l0))) + b


class TwoStage(Law):
    """Accuracy from compute, through the loss of the answer.

    ::

        l = A / C^alpha + E
        acc = a / (1 + exp(-k (l - l0))) + b

    Both stages at once: only k A and k (E - l0) count, so that a fit holds two of these four.
    `obslaws.laws.two_stage` fits the stages one after the other, which needs the answer's loss.

    References
    ----------
    .. [1] Magnusson et al. (2025), arXiv:2504.11393, baselines.
    .. [2] Bhagia et al. (2024), arXiv:2412.04403, task table.
    """

    id = "two_stage"
    group = "downstream"
    space = "linear"
    variables = (_FLOP,)
    output = Variable("accuracy", "accuracy", "fraction")
    params = (
        Param("A", 1e-6, 1e12, log=True, start=(1e0, 1e6)),
        Param("alpha", 0.01, 2.0, start=(0.05, 0.4)),
        Param("E", 0.0, 20.0, start=(0.2, 1.0)),
        Param("a", -1.0, 0.0, linear=True, start=(-1.0, -0.1)),
        Param("k", 0.01, 200.0, log=True, start=(1.0, 30.0)),
        Param("l0", 0.0, 20.0, start=(0.5, 2.0)),
        Param("b", 0.0, 1.0, linear=True),
    )
    typical = {"A": 300.0, "alpha": 0.13, "E": 0.5, "a": -0.7, "k": 6.0, "l0": 0.9, "b": 0.95}
    notes = (
        "Ladder: mean absolute error 3.8 points (7B, 4T tokens) and 4.2 (13B, 5T); default of DataDecide 2.6 points.",
        "No variant orders recipes better than a single small size does, about 80 % of pairs at 150M.",
    )

    def curve(self, x, a_loss, alpha, e, a, k, l0, b):
        loss = a_loss * np.exp(-alpha * np.log(x["train_flop"])) + e
        return a * 0.5 * (1 + np.tanh(0.5 * k * (loss - l0))) + b


class PerformanceLaw(Law):
    """MMLU is linear in the logarithms of depth, widths and data, each discounted where the shape is unstable.

    ::

        MMLU = w1 ln(u N) + w2 ln(u h) + w3 ln(u d) + w4 ln(u T') + b
        u = exp(-((10 / d + 20 / h) g N)^2);  T' = min(T, S)

    N layers, h hidden size, d feed-forward size, T trillions of tokens, S billions of parameters.

    References
    ----------
    .. [1] Wu and Tang (2024), arXiv:2408.09895, main equation and released script.
    """

    id = "performance_law"
    group = "downstream"
    space = "linear"
    variables = (
        Variable("n_layers", "layers", "count", 16, 128),
        Variable("width", "hidden size", "count", 1024, 16384),
        Variable("ffn_width", "intermediate size of the feed-forward", "count", 2816, 53248),
        Variable("n_tokens", "training tokens", "count", 1e12, 1.8e13),
        Variable("n_params", "parameters", "count", 5e8, 4e11),
        Variable("precision_factor", "g, 1 without loss of precision", "ratio", 1.0, 1.0, default=1.0),
    )
    output = Variable("mmlu", "MMLU", "point of 100")
    params = (
        *(Param(f"w{i}", -50.0, 50.0, linear=True) for i in range(1, 5)),
        Param("b", -200.0, 200.0, linear=True),
    )
    published = (
        Published(
            "dense",
            {"w1": 13.95018192, "w2": 0.23072027, "w3": -0.48523402, "w4": 5.39801689, "b": 9.19541064893},
            "dense models of 2024",
        ),
    )
    notes = (
        "The released script puts results below 25 at 25, and squeezes those above 90: 90 + 10 tanh(0.1 x - 9).",
        "A variant for mixtures of experts exists; its exact form was not verified and is left out.",
    )

    def curve(self, x, w1, w2, w3, w4, b):
        layers, width, ffn = x["n_layers"], x["width"], x["ffn_width"]
        log_u = -(((10 / ffn + 20 / width) * x["precision_factor"] * layers) ** 2)
        data = np.minimum(x["n_tokens"] / 1e12, x["n_params"] / 1e9)
        logs = [np.log(v) + log_u for v in (layers, width, ffn, data)]
        return w1 * logs[0] + w2 * logs[1] + w3 * logs[2] + w4 * logs[3] + b


class DensingTrend(Law):
    """The best capability density grows exponentially with time.

    ::

        ln rho = A_t t + B_t

    rho is the size that a reference series needs for a score over the size of the model; see
    `obslaws.laws.board.densing`.

    References
    ----------
    .. [1] Xiao et al. (2024), arXiv:2412.04315, trend section; Nature Machine Intelligence (2025).
    """

    id = "densing"
    group = "downstream"
    variables = (Variable("days", "days since a date", "day", 0.0, 900.0, log=False),)
    output = Variable("density", "capability density", "ratio")
    params = (Param("A_t", 0.0, 0.05, start=(0.0, 0.02)), Param("B_t", -20.0, 20.0, start=(-5.0, 5.0)))
    published = (
        Published("arxiv", {"A_t": 0.007}, "29 open base models since early 2023, five benchmarks"),
        Published("before-chatgpt", {"A_t": 0.0048}, "journal version, before ChatGPT"),
        Published("after-chatgpt", {"A_t": 0.0073}, "journal version, after ChatGPT; doubling in about 3.5 months"),
    )
    typical = {"A_t": 0.007, "B_t": -2.0}

    def curve(self, x, a_t, b_t):
        return np.exp(a_t * x["days"] + b_t)

    def derived(self, a_t, b_t):
        return {"doubling_days": np.log(2.0) / a_t}


class ComputeError(Law):
    """Error of the best model is a power of compute.

    ::

        Err = beta C^alpha

    References
    ----------
    .. [1] Cherti et al. (2022), arXiv:2212.07143, sections 4.1 and 4.2.
    """

    id = "compute_error"
    group = "downstream"
    variables = (Variable("compute", "GMAC per sample times samples seen, or FLOP", "GMAC or FLOP", 1e10, 1e13),)
    output = Variable("error", "1 - accuracy, or 1 - recall at 5", "fraction")
    params = (
        Param("beta", 1e-6, 1e9, log=True, linear=True, start=(1e-1, 1e3)),
        Param("alpha", -2.0, 0.0, start=(-0.5, -0.02)),
    )
    published = (
        Published("openclip-imagenet", {"beta": 5.88, "alpha": -0.111}, "OpenCLIP on LAION, ImageNet", "recomputed"),
        *(
            Published(f"{who}-{task}", {"alpha": alpha}, f"{who}, {about}")
            for task, about, values in (
                ("imagenet-exponent", "ImageNet", (-0.11, -0.16)),
                ("robustness", "five ImageNet variants", (-0.13, -0.24)),
                ("coco", "COCO retrieval", (-0.08, -0.05)),
                ("flickr", "Flickr30k retrieval", (-0.19, -0.10)),
            )
            for who, alpha in zip(("openclip", "openai"), values, strict=True)
        ),
    )

    def curve(self, x, beta, alpha):
        return beta * np.exp(alpha * np.log(x["compute"]))


class ComputeErrorOffset(Law):
    """Error falls as a power of shifted compute towards a rest.

    ::

        Err = A (C + B)^-alpha + E

    References
    ----------
    .. [1] Nezhurina et al. (2025), arXiv:2506.04598, saturating form.
    """

    id = "compute_error_offset"
    group = "downstream"
    core = False
    variables = (Variable("compute", "GMAC per sample times samples seen, or FLOP", "GMAC or FLOP", 1e10, 1e13),)
    output = Variable("error", "1 - accuracy, or 1 - recall at 5", "fraction")
    params = (
        Param("A", 1e-6, 1e9, log=True, linear=True, start=(1e-1, 1e4)),
        Param("B", 1e-6, 1e24, log=True, start=(1e8, 1e12)),
        Param("alpha", 0.01, 2.0, start=(0.05, 0.5)),
        Param("E", 0.0, 1.0, linear=True, start=(0.0, 0.3)),
    )
    typical = {"A": 60.0, "B": 5e10, "alpha": 0.22, "E": 0.1}

    def curve(self, x, a, b, alpha, e):
        return a * np.exp(-alpha * np.log(x["compute"] + b)) + e


class PassUntil(Law):
    """The probability of passing, however small, follows size by a double exponential.

    ::

        PU = exp(-c N^-alpha)

    ln(-ln PU) is linear in ln N; upwards from the line is slower than the law, downwards is acceleration.

    References
    ----------
    .. [1] Hu et al. (2023), arXiv:2310.03262, equations 2 to 4 and definition 1.
    """

    id = "passuntil"
    group = "downstream"
    variables = (Variable("n_params", "parameters", "count", 3e7, 2.4e9),)
    output = Variable("pass_probability", "probability that one sample passes", "fraction")
    params = (Param("c", 1e-6, 1e12, log=True, start=(1e1, 1e6)), Param("alpha", 1e-3, 3.0, start=(0.05, 0.8)))
    typical = {"c": 3000.0, "alpha": 0.33}
    notes = ("HumanEval at 2.4B: 0.05987 predicted, 0.05990 measured.",)

    def curve(self, x, c, alpha):
        return np.exp(-c * np.exp(-alpha * np.log(x["n_params"])))


class BitsPerCharacter(Law):
    """Bits per character of a model are linear in the logarithm of its compute. Coefficients not seen.

    ::

        BPC = a + b ln C

    References
    ----------
    .. [1] Guo (2024), arXiv:2404.19484, abstract.
    """

    id = "bpc_compute"
    group = "downstream"
    core = False
    verified = False
    variables = (Variable("train_flop", "training compute, 6 N D", "FLOP", 1e20, 1e25),)
    output = Variable("bits_per_character", "compression", "bit/character")
    params = (Param("a", -10.0, 50.0, linear=True), Param("b", -5.0, 0.0, linear=True))
    typical = {"a": 2.5, "b": -0.035}

    def curve(self, x, a, b):
        return a + b * np.log(x["train_flop"])


class SkillAllocation(Law):
    """The optimal size for one skill is a power of compute. Exponents not seen.

    ::

        N_opt = k C^a

    References
    ----------
    .. [1] Roberts et al. (2025), arXiv:2503.10061, abstract.
    """

    id = "skills"
    group = "downstream"
    core = False
    verified = False
    variables = (_FLOP,)
    output = Variable("n_params", "compute-optimal parameters for the skill", "count")
    params = (Param("k", 1e-12, 1e6, log=True, linear=True), Param("a", 0.1, 1.0))
    typical = {"k": 0.1, "a": 0.5}

    def curve(self, x, k, a):
        return k * x["train_flop"] ** a
