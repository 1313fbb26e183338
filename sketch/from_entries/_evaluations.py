"""The entries of a function of multi-indices: evaluated once each, checked, kept and counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from ..backend.array import accumulator_dtype, compute_dtype, cuts, promote
from ..errors import ArgumentError, SketchError
from ..numerics.index_keys import IndexKeys, KeyedValues, Points
from ._function_block import FunctionBlock, Values

Map = Callable[[Callable[[Points], Any], Sequence[Points]], Iterable[Any]]


class BudgetSpent(SketchError):
    """More entries were asked for than may be evaluated."""


class Evaluations:
    """A function as a tensor, of which some entries are known.

    Parameters
    ----------
    block : FunctionBlock
        Evaluates multi-indices (p, d).
    shape : tuple of int
    mapped : callable
        ``mapped(block, some)`` returns the values at each of some arrays of multi-indices, or
        futures of them, in order.
    block_points : int
        Multi-indices in one of those.
    most : int or None
        How many entries may be evaluated.
    spare : int
        How many of these are kept for those who ask for them.
    tell : callable
        Is told how many more were evaluated.

    Attributes
    ----------
    dtype : str
        The precision of the values so far.
    """

    def __init__(
        self,
        block: FunctionBlock,
        shape: tuple[int, ...],
        *,
        mapped: Map,
        block_points: int,
        most: int | None,
        spare: int,
        tell: Callable[[int], object],
    ) -> None:
        self.shape, self.dtype = shape, "float32"
        self._block, self._mapped = block, mapped
        self._block_points, self._tell = block_points, tell
        self.most, self._spare = most, spare
        self._keys_of = IndexKeys(shape)
        self._known = KeyedValues()

    @property
    def count(self) -> int:
        """How many entries were evaluated."""
        return len(self._known)

    def __call__(self, points: Points, spare: int | None = None) -> Values:
        """Return the values (p,) at multi-indices (p, d), in double precision.

        Raises
        ------
        BudgetSpent
            If that needs more evaluations than may be made; none is made then.
        """
        keys = self._keys_of(points)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        is_first = np.ones(len(keys), bool)
        is_first[1:] = keys[1:] != keys[:-1]
        values, there = self._known.at(keys)
        new = np.flatnonzero(is_first & ~there)
        left = math.inf if self.most is None else self.most - self.count
        if len(new) > left - (self._spare if spare is None else spare):
            raise BudgetSpent
        if len(new):
            asked = np.argsort(order[new])  # f sees them in the order that they are asked for
            found = self._evaluated(points[order[new[asked]]])
            fresh = np.empty_like(found)
            fresh[asked] = found
            self._known.add(keys[new], fresh)
            values = values.astype(np.result_type(values, fresh))
            values[~there] = fresh[np.searchsorted(keys[new], keys[~there])]
        out = np.empty_like(values)
        out[order] = values
        return out

    def _evaluated(self, points: Points) -> Values:
        blocks = [points[cut] for cut in cuts(len(points), self._block_points)]
        found = []
        mapped = self._mapped(self._block, blocks)
        for values, block in zip_longest(mapped if isinstance(mapped, Iterable) else (), blocks):
            values = values.result() if hasattr(values, "result") else values
            if block is None or np.shape(values) != (len(block),):
                raise ArgumentError(
                    "map should return what the function gave for each block of multi-indices, in "
                    f"order, as Python's map does; expected {len(blocks)} arrays of values"
                )
            name = compute_dtype(values.dtype)
            self.dtype = promote(self.dtype, name)
            found.append(values.astype(accumulator_dtype(name)))
            self._tell(len(values))
        return np.concatenate(found)
