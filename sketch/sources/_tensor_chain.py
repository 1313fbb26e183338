"""Chains of cores between two test tensors: trains, and products of trains that are not formed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..backend.array import Array, namespace
from ..numerics.cores import Core, absorb_left, absorb_right, side_by_side, trivial_interface
from ..numerics.linalg import product
from ._tensor_base import Contraction


class Link(Protocol):
    """The core (a, n, b) of one mode, whatever it is made of."""

    def from_right(self, right: Array) -> Array:
        """Return the core times an interface (B, b, r) behind it: (B, a, n, r)."""

    def from_left(self, left: Array) -> Array:
        """Return an interface (B, l, a) before the core times it: (B, l, n, b)."""


class ChainContraction(Contraction):
    """Interfaces are matrices (B, l, a) on the left and (B, b, r) on the right of each core."""

    def __init__(self, links: Sequence[Link], like: Array, rights: Sequence[Core]) -> None:
        self._links, self._mode = links, 0
        right = trivial_interface(like)
        self._rights = [right]
        for link, core in zip(links[:0:-1], rights[:0:-1], strict=True):
            right = absorb_right(link.from_right(right), core.array())
            self._rights.append(right)
        self._rights.reverse()
        self._moved = links[0].from_left(trivial_interface(like))

    def seen(self) -> Array:
        """Return what the mode sees: the core between both interfaces."""
        xp = namespace(self._moved)
        blocks, columns, n, b = self._moved.shape
        right = side_by_side(self._rights[self._mode])
        seen = product(xp.reshape(self._moved, (-1, b)), right)
        return xp.reshape(seen, (blocks * columns, n, right.shape[1]))

    def advance(self, core: Core) -> None:
        """Contract the core and its interface with the test tensor's core."""
        self._mode += 1
        self._moved = self._links[self._mode].from_left(absorb_left(self._moved, core.array()))
