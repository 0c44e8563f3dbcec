"""Rewards that are optimised too far, board games, diffusion transformers."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_DISTANCE = Variable("kl_root", "square root of the divergence from the first policy", "sqrt(nat)", 0.5, 3.2, log=False)
_REWARD = Variable("gold_reward", "reward by the gold model, 0 for the first policy", "1")
_REWARD_PARAMS = (
    Param("alpha", -10.0, 10.0, linear=True),
    Param("beta", -10.0, 10.0, linear=True),
)


class BestOfReward(Law):
    """Choosing the best of n by a proxy reward first helps, then hurts.

    ::

        R = d (alpha - beta d);  KL of best-of-n = ln n - (n - 1) / n

    References
    ----------
    .. [1] Gao et al. (2022), arXiv:2210.10760, introduction and section 2.
    """

    id = "reward_overopt"
    group = "other"
    core = False
    space = "linear"
    variables = (_DISTANCE,)
    output = _REWARD
    params = _REWARD_PARAMS
    typical = {"alpha": 1.0, "beta": 0.25}
    notes = ("Direct alignment follows the same forms (Rafailov et al. 2024, arXiv:2406.02900).",)

    def curve(self, x, alpha, beta):
        return x["kl_root"] * (alpha - beta * x["kl_root"])


class PolicyReward(Law):
    """Optimising a policy against a proxy reward first helps, then hurts.

    ::

        R = d (alpha - beta ln d)

    References
    ----------
    .. [1] Gao et al. (2022), arXiv:2210.10760, introduction.
    """

    id = "reward_overopt_rl"
    group = "other"
    core = False
    space = "linear"
    variables = (_DISTANCE,)
    output = _REWARD
    params = _REWARD_PARAMS
    typical = {"alpha": 1.0, "beta": 0.6}

    def curve(self, x, alpha, beta):
        return x["kl_root"] * (alpha - beta * np.log(x["kl_root"]))


class BoardGames(Law):
    """Strength at Hex rises with the logarithm of compute, less on larger boards, until it reaches a plateau.

    ::

        Elo = m_f log10(C) + m_b board + c

    References
    ----------
    .. [1] Jones (2021), arXiv:2104.03113, table of parameters (incline).
    """

    id = "boardgames"
    group = "other"
    core = False
    space = "linear"
    variables = (
        Variable("train_flop", "training compute", "FLOP-second", 1e11, 1e16),
        Variable("board_size", "side of the board", "count", 3, 9, log=False),
    )
    output = Variable("elo", "strength relative to perfect play", "Elo point")
    params = (
        Param("m_f", 0.0, 5000.0, linear=True),
        Param("m_b", -5000.0, 0.0, linear=True),
        Param("c", -1e5, 1e5, linear=True),
    )
    published = (Published("hex", {"m_f": 510.0, "m_b": -430.0, "c": -4400.0}, "AlphaZero-type agents on Hex"),)
    notes = (
        "The plateau is -270 board + 570.",
        "Trade-off: log10 of test compute = -1.2 log10 of training compute + 0.004 Elo + 29.",
    )

    def curve(self, x, m_f, m_b, c):
        return m_f * np.log10(x["train_flop"]) + m_b * x["board_size"] + c


_DIT_FLOP = Variable("train_flop", "training compute", "FLOP", 1e17, 6e18)
_DIT_SETTING = "diffusion transformers, 1e17 to 6e18 FLOP"


class DiffusionLoss(Law):
    """Loss of the best diffusion transformer is a power of compute.

    ::

        L = a C^b

    References
    ----------
    .. [1] Liang et al. (2024), arXiv:2410.08184, fits of the main text.
    """

    id = "dit"
    group = "other"
    core = False
    variables = (_DIT_FLOP,)
    output = Variable("loss", "rectified-flow loss", "1")
    params = (Param("a", 1e-6, 1e6, log=True, linear=True), Param("b", -2.0, 0.0, start=(-0.3, 0.0)))
    published = (Published("loss", {"a": 2.3943, "b": -0.0273}, _DIT_SETTING),)

    def curve(self, x, a, b):
        return a * np.exp(b * np.log(x["train_flop"]))


class DiffusionSize(Law):
    """The best size of a diffusion transformer is a power of compute.

    ::

        N_opt = c C^p

    References
    ----------
    .. [1] Liang et al. (2024), arXiv:2410.08184, fits of the main text.
    """

    id = "dit_size"
    group = "other"
    core = False
    variables = (_DIT_FLOP,)
    output = Variable("n_params", "compute-optimal parameters", "count")
    params = (Param("c", 1e-12, 1e6, log=True, linear=True), Param("p", 0.0, 2.0))
    published = (Published("size", {"c": 0.0009, "p": 0.5681}, _DIT_SETTING),)

    def curve(self, x, c, p):
        return c * np.exp(p * np.log(x["train_flop"]))


class DiffusionData(Law):
    """The best number of tokens of a diffusion transformer is a power of compute.

    ::

        D_opt = e C^q

    References
    ----------
    .. [1] Liang et al. (2024), arXiv:2410.08184, fits of the main text.
    """

    id = "dit_data"
    group = "other"
    core = False
    variables = (_DIT_FLOP,)
    output = Variable("n_tokens", "compute-optimal tokens", "count")
    params = (Param("e", 1e-6, 1e9, log=True, linear=True), Param("q", 0.0, 2.0))
    published = (Published("data", {"e": 186.8535, "q": 0.4319}, _DIT_SETTING),)

    def curve(self, x, e, q):
        return e * np.exp(q * np.log(x["train_flop"]))
