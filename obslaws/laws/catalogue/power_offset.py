"""A power of one scale above a rest, and a power with a break: the shapes that fit anything once."""

from __future__ import annotations

import numpy as np

from obslaws.laws.base import Law, Param, Published, Variable

_SCALE = Variable("scale", "parameters, tokens, samples or compute", "any", 1e6, 1e12)
_OUT = Variable("y", "loss or error", "any")


class PowerOffset(Law):
    """Loss or error falls as a power of one scale towards an irreducible rest.

    ::

        y = y_inf + k x^-b

    References
    ----------
    .. [1] Hestness et al. (2017), arXiv:1712.00409, domain sections and summary table.
    .. [2] Henighan et al. (2020), arXiv:2010.14701, summary table of exponents.
    """

    id = "power_offset"
    group = "loss-scale"
    variables = (_SCALE,)
    output = _OUT
    params = (
        Param("y_inf", 0.0, 100.0, linear=True),
        Param("k", 1e-12, 1e12, log=True, linear=True, start=(1e-2, 1e4)),
        Param("b", 1e-3, 2.0, start=(0.02, 1.0)),
    )
    published = (
        Published("word-lm", {"k": 11.9, "b": 0.066}, "Hestness et al., word language model against data"),
        Published("translation", {"b": 0.128}, "Hestness et al., neural machine translation against data"),
        Published("imagenet-top1", {"b": 0.309}, "Hestness et al., ImageNet top-1 error against data"),
        Published("speech", {"b": 0.299}, "Hestness et al., speech recognition against data"),
        Published("language-size", {"b": 0.07}, "Henighan et al., language against parameters"),
        Published("language-compute", {"b": 0.048}, "Henighan et al., language against compute"),
    )
    typical = {"y_inf": 1.5, "k": 40.0, "b": 0.2}

    def curve(self, x, y_inf, k, b):
        return y_inf + k * np.exp(-b * np.log(x["scale"]))


class Broken(Law):
    """A power law whose exponent changes once, smoothly; also covers trends that turn.

    ::

        y = a + b x^-c0 (1 + (x / d1)^(1 / f1))^(-c1 f1)

    References
    ----------
    .. [1] Caballero et al. (2022), arXiv:2210.14891, main equation with one break.
    """

    id = "broken"
    group = "flexible"
    core = False
    variables = (_SCALE,)
    output = _OUT
    params = (
        Param("a", -10.0, 10.0, linear=True, start=(0.0, 1.0)),
        Param("b", 1e-12, 1e12, log=True, linear=True, start=(1e-2, 1e2)),
        Param("c0", -5.0, 5.0, start=(-0.5, 0.5)),
        Param("c1", -5.0, 5.0, start=(-1.0, 1.0)),
        Param("d1", 1e-30, 1e30, log=True, start=(1e6, 1e12)),
        Param("f1", 1e-3, 5.0, log=True, start=(0.1, 2.0)),
    )
    typical = {"a": 0.5, "b": 20.0, "c0": 0.1, "c1": 0.3, "d1": 1e9, "f1": 0.5}

    def curve(self, x, a, b, c0, c1, d1, f1):
        log_x = np.log(x["scale"])
        ratio = (log_x - np.log(d1)) / f1
        bent = np.where(np.real(ratio) > 0, ratio, 0) + np.log1p(np.exp(np.where(np.real(ratio) > 0, -ratio, ratio)))
        return a + b * np.exp(-c0 * log_x - c1 * f1 * bent)
