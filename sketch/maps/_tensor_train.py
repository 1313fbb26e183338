"""Tensor-train test tensors: random interfaces of every order at the price of small cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._array import Array, from_host
from .._random import normal_rows

_SIDES = {"left": 1 << 32, "right": 2 << 32, "error": 3 << 32}


@dataclass(frozen=True)
class TensorTrainMap:
    """A random tensor train whose interfaces sketch all unfoldings of a tensor at once.

    The *left* one is contracted with the leading modes, the *right* one with the trailing ones.
    Cores have independent normal entries of variance one over the rank they are contracted with
    first, so that every entry of every interface has mean square 1. Slices are drawn by mode and
    index: a chunk of the tensor draws its own.

    Attributes
    ----------
    seed : int
    side : {"left", "right", "error"}
        Which independent draw; ``"error"`` is oriented like ``"right"``.
    order : int
        Number of modes d.
    rank : int
        Of all inner bonds; at least 1.25 d keeps the variance of norms bounded in d.
    number : int
        Tells several maps of one side apart.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.
    .. [2] Z. Bujanović, D. Kressner, Olić, "Stochastic trace estimation with tensor train random
       vectors", 2026, arXiv:2606.15679.
    """

    seed: int
    side: Literal["left", "right", "error"]
    order: int
    rank: int
    number: int = 0

    def bonds(self, mode: int) -> tuple[int, int]:
        """Return the ranks before and behind the core of a mode."""
        if self.side == "left":
            return (1 if mode == 0 else self.rank), self.rank
        return self.rank, (1 if mode == self.order - 1 else self.rank)

    def core(self, mode: int, start: int, stop: int, like: Array) -> Array:
        """Draw slices ``start:stop`` of a core, shape (rank before, stop - start, rank behind)."""
        before, behind = self.bonds(mode)
        stream = _SIDES[self.side] + (self.number << 16) + mode
        drawn = normal_rows(self.seed, stream, start, stop, before * behind)
        inner = before if self.side == "left" else behind
        core = drawn.reshape(stop - start, before, behind) * inner**-0.5
        return from_host(np.ascontiguousarray(core.transpose(1, 0, 2)), like)

    def cores(self, at: tuple[int, ...], shape: tuple[int, ...], like: Array) -> list[Any]:
        """Draw the cores for a block of the tensor."""
        windows = zip(range(self.order), at, shape, strict=True)
        return [self.core(mode, start, start + size, like) for mode, start, size in windows]

    def sample(self) -> NDArray[Any]:
        """Return a few slices, by which installations compare what they draw."""
        return np.asarray(self.core(0, 0, 2, np.empty(0)))
