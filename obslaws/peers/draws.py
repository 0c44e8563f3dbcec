"""Random numbers as torch draws them on a CPU: a seed of the Sloth paper's code gives the start that it gave there.

A Mersenne twister seeded by one number, single precision from 24 bits, and Box and Muller's transform in blocks of 16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws"]

Array = NDArray[np.float64]

BLOCK = 16
WORD = 2**32


class Draws:
    """A stream of random numbers.

    Parameters
    ----------
    seed : int
        As in ``torch.manual_seed``; its lower 32 bits count.

    Examples
    --------
    >>> Draws(42).normal(3).round(4)
    array([0.3367, 0.1288, 0.2345])
    """

    def __init__(self, seed: int) -> None:
        key = [seed % WORD]
        for i in range(1, 624):
            key.append((1812433253 * (key[-1] ^ (key[-1] >> 30)) + i) % WORD)
        self._bits = np.random.MT19937()
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": np.array(key, dtype=np.uint32), "pos": len(key)},
        }
        self._spare: list[float] = []

    def uniform(self, *shape: int) -> Array:
        """Draw numbers from 0 to below 1."""
        drawn = self._bits.random_raw(int(np.prod(shape))) % 2**24
        return drawn.reshape(shape) / 2.0**24

    def normal(self, *shape: int) -> Array:
        """Draw standard normal numbers."""
        size = int(np.prod(shape))
        if size < BLOCK:
            return np.array([self._one() for _ in range(size)]).reshape(shape)
        out = self.uniform(size)
        whole = size - size % BLOCK
        out[:whole] = _turned(out[:whole])
        if whole < size:  # the last block is drawn again, over the end of the one before
            out[-BLOCK:] = _turned(self.uniform(BLOCK))
        return out.reshape(shape)

    def _one(self) -> float:
        """Draw a pair in double precision; the other one waits, even for another call."""
        if self._spare:
            return self._spare.pop()
        high, low, high_2, low_2 = (int(word) for word in self._bits.random_raw(4))
        angle, far = (((a * WORD + b) % 2**53) / 2.0**53 for a, b in ((high, low), (high_2, low_2)))
        radius = np.sqrt(-2.0 * np.log1p(-far))
        self._spare.append(float(radius * np.sin(2.0 * np.pi * angle)))
        return float(radius * np.cos(2.0 * np.pi * angle))


def _turned(uniform: Array) -> Array:
    """Turn blocks of 16 uniform numbers into normal ones: the first eight are distances, the others angles."""
    first, second = uniform.reshape(-1, 2, BLOCK // 2).transpose(1, 0, 2)
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - first)), 2.0 * np.pi * second
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
