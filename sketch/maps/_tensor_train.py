"""Tensor-train test tensors: random interfaces of every order at the price of small cores."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..backend.array import Array, HostArray, brought, namespace
from ..numerics.device_bits import bits_for
from ..numerics.random import HOST, Bits, normal_rows
from ..running.cache import RecentValues
from ._tensor_family import TestTensorFamily

_SIDES = {"left": 1 << 32, "right": 2 << 32, "error": 3 << 32}
_PANEL = 1 << 40  # between the streams of two panels
_WHOLE_BYTES = 32_000_000  # of larger cores only the slices that are needed are drawn
_KEPT_BYTES = 256_000_000  # of each test tensor, the cores drawn last


@dataclass(frozen=True)
class Bond:
    """A bond of a test tensor: blocks of some rank.

    A *whole* bond is the identity: it keeps all that the modes on its inner side can hold, which is
    less than the columns that a sketch has there.
    """

    blocks: int
    rank: int
    whole: bool = False


END = Bond(1, 1, whole=True)
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class TensorTrainMap:
    """Random tensor trains whose interfaces sketch all unfoldings of a tensor at once.

    The *left* one is contracted with the leading modes, the *right* one with the trailing ones; it
    is a stack of independent trains. Cores have independent entries of variance one over their
    inner rank, so that every entry of every interface has mean square 1. Slices are drawn by mode
    and index: a chunk of the tensor draws its own.

    A stack that was widened consists of panels, each of them drawn from a stream of its own: the
    columns before it stay what they were.

    Attributes
    ----------
    seed : int
    side : {"left", "right", "error"}
        Which independent draw; ``"error"`` is oriented like ``"right"``.
    bonds : tuple of Bond
        The d + 1 bonds before, between and behind the modes; contractions begin at `END`.
    family : TestTensorFamily
        The distribution of the entries.
    sizes : tuple of tuple of int
        By panel: how many of its columns a sketch keeps at each bond between modes.
    first_panel : int
        Number of the first one.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.
    .. [2] P. Cazeaux, M.-S. Dupuy, R. Figueroa Justiniano, "Linear-scaling tensor train sketching",
       2026, arXiv:2603.11009 (independent blocks).
    .. [3] Z. Bujanović, D. Kressner, Olić, "Stochastic trace estimation with tensor train random
       vectors", 2026, arXiv:2606.15679 (blocks of rank d).
    """

    seed: int
    side: Literal["left", "right", "error"]
    bonds: tuple[Bond, ...]
    family: TestTensorFamily
    sizes: tuple[Sizes, ...] = ()
    first_panel: int = 0
    _kept: RecentValues = field(
        default_factory=lambda: RecentValues(_KEPT_BYTES), init=False, repr=False, compare=False
    )

    def cores(self, at: Sequence[int], shape: Sequence[int], like: Array) -> list[DrawnCore]:
        """Return the cores for a block of the tensor, not yet drawn."""
        windows = zip(at, shape, strict=True)
        return [DrawnCore(self, k, start, size, like) for k, (start, size) in enumerate(windows)]

    def whole_core(self, mode: int, shape: Sequence[int], like: Array) -> DrawnCore:
        """Return the core of a mode for all of a tensor."""
        return DrawnCore(self, mode, 0, shape[mode], like)

    def inner_outer(self, mode: int) -> tuple[Bond, Bond]:
        """Return the bonds on both sides of a mode."""
        before, behind = self.bonds[mode], self.bonds[mode + 1]
        return (before, behind) if self.side == "left" else (behind, before)

    def last_panel(self) -> TensorTrainMap:
        """Return the last panel of the stack alone."""
        sizes = self.sizes[-1]
        bonds = tuple(b if b.whole else Bond(_blocks(sizes, b.rank), b.rank) for b in self.bonds)
        number = self.first_panel + len(self.sizes) - 1
        return dataclasses.replace(self, bonds=bonds, sizes=(sizes,), first_panel=number)

    def wanted(self, x: Array, bond: int, axis: int) -> Array:
        """Return what a sketch keeps of columns of the interface at a bond, along an axis of x."""
        if not 0 < bond < len(self.bonds) - 1:
            return x
        here, parts, start = self.bonds[bond], [], 0
        for sizes in self.sizes:
            at = [slice(None)] * x.ndim
            at[axis] = slice(start, start + sizes[bond - 1])
            parts.append(x[tuple(at)])
            start += sizes[bond - 1] if here.whole else _blocks(sizes, here.rank) * here.rank
        return parts[0] if len(parts) == 1 else namespace(x).concat(parts, axis=axis)

    def entries(self, shape: Sequence[int]) -> int:
        """Return how many numbers the cores for data of a shape hold."""
        bonds = map(self.inner_outer, range(len(shape)))
        pairs = zip(bonds, shape, strict=True)
        return sum(a.rank * n * b.rank * b.blocks for (a, b), n in pairs)

    def window(self, mode: int, start: int, stop: int, like: Array) -> Array:
        """Return slices ``start:stop`` of a core, kept at hand for a while."""
        key = (mode, start, stop, str(like.dtype), type(like), str(getattr(like, "device", "")))
        return self._kept.get(
            key,
            lambda: brought(self.draw(mode, start, stop, bits_for(like)), like),
            lambda core: 8 * math.prod(core.shape),
        )

    def draw(self, mode: int, start: int, stop: int, bits: Bits = HOST) -> HostArray:
        """Draw slices ``start:stop`` of a core, shape (B, inner, stop - start, outer)."""
        inner, outer = self.inner_outer(mode)
        if outer.whole:
            kept = np.zeros((1, inner.rank, stop - start, outer.rank))
            first, index = np.ogrid[: inner.rank, : stop - start]
            kept[0, first, index, (index + start) * inner.rank + first] = 1.0
            return kept
        blocks = [_blocks(sizes, outer.rank) for sizes in self.sizes[1:]]
        blocks.insert(0, outer.blocks - sum(blocks))
        panels = []
        for number, count in enumerate(blocks, self.first_panel):
            stream = _SIDES[self.side] + mode + number * _PANEL
            width = count * inner.rank * outer.rank
            drawn = self.family.draw(self.seed, stream, start, stop, width, bits)
            drawn = drawn.reshape(stop - start, count, inner.rank, outer.rank)
            panels.append(drawn.transpose(1, 2, 0, 3))
        core: HostArray = bits.xp.ascontiguousarray(bits.xp.concatenate(panels))
        if not inner.whole:  # whose rows have norm 1 already
            core *= inner.rank**-0.5
        return core

    def sample(self) -> HostArray:
        """Return a few numbers, by which installations compare what they draw."""
        return normal_rows(self.seed, _SIDES[self.side], 0, 2, 4)


@dataclass(frozen=True)
class DrawnCore:
    """A window of a core of a test tensor, drawn when it is asked for."""

    map: TensorTrainMap
    mode: int
    start: int
    size: int
    like: Array

    @property
    def outer_size(self) -> int:
        """Columns of the interface behind the core."""
        outer = self.map.inner_outer(self.mode)[1]
        return outer.blocks * outer.rank

    def array(self) -> Array:
        """Return all slices, shape (B, inner, n, outer)."""
        return self.map.window(self.mode, self.start, self.start + self.size, self.like)

    def slices(self, indices: NDArray[np.intp]) -> Array:
        """Return the slices at sorted indices, and draw no more than runs of them."""
        inner = self.map.inner_outer(self.mode)[0]
        if 8 * self.size * inner.rank * self.outer_size <= _WHOLE_BYTES:
            return self.array()[:, :, indices, :]
        breaks = np.flatnonzero(np.diff(indices) > 1) + 1
        runs = [
            self.map.draw(self.mode, self.start + int(run[0]), self.start + int(run[-1]) + 1)
            for run in np.split(indices, breaks)
        ]
        return brought(np.concatenate(runs, axis=2), self.like)


def _blocks(sizes: Sizes, rank: int) -> int:
    """Return how many trains of a rank have as many columns as the most that are wanted."""
    return -(-max(sizes) // rank)


def stacked_bonds(
    shape: Sequence[int | None], panels: Sequence[Sizes], block_ranks: range, side: str
) -> tuple[Bond, ...]:
    """Return the bonds of a left or right test tensor for sketches of the given sizes.

    Parameters
    ----------
    shape : sequence of int or None
        Sizes of the d modes, None for one that grows.
    panels : sequence of tuple of int
        Columns that the d - 1 sketches take, of each panel.
    block_ranks : range
        Ranks that each train of the stack may have; the one is taken that divides the sizes of the
        first panel best.
    side : {"left", "right"}
    """
    sizes = panels[0]
    if not sizes:
        return END, END
    left = side == "left"
    widest = max(sizes)
    rank = min(block_ranks, key=lambda r: (-widest % r, r))
    stack = Bond(sum(_blocks(further, rank) for further in panels), rank)
    inner, held = [END], 1
    for n, size in zip(
        shape[:-1] if left else shape[:0:-1], sizes if left else sizes[::-1], strict=True
    ):
        held = held * (2**62 if n is None else max(1, n))
        whole = inner[-1].whole and held <= size
        inner.append(Bond(1, held, whole=True) if whole else stack)
    inner.append(stack)
    return tuple(inner if left else inner[::-1])


def probe_bonds(shape: Sequence[int | None], probes: int, rank: int) -> tuple[Bond, ...]:
    """Return the bonds of error probes: open before the first mode, narrow in the middle.

    Dense tensors are contracted across their most even unfolding, so the bond there sets the price
    of the probes; a rank of 2 costs a quarter of a rank of 8 for half as much variance again.
    """
    sizes = [math.log(max(1, n or 2**62)) for n in shape]
    total = sum(sizes)
    middle = min(range(1, len(sizes)), key=lambda k: abs(2 * sum(sizes[:k]) - total), default=0)
    bonds = [Bond(probes, rank)] * len(sizes)
    if middle:
        bonds[middle] = Bond(probes, 2)
    return (*bonds, END)
