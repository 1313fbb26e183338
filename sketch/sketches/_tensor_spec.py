"""Specs of tensor sketches: sizes for every bond, from which all test tensors follow."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from .._checks import checked_size, each_bond
from ..backend.array import compute_dtype
from ..errors import RankError
from ..files.archive import Header
from ..maps import (
    StackedTrains,
    TensorFamilyName,
    TensorTrainMap,
    TestTensorFamily,
    as_tensor_family,
    family_from_header,
    family_to_header,
    probe_bonds,
    stacked_bonds,
)
from ..numerics.seeds import checked_seed
from ..sources import TensorSource, as_tensor_source
from ._method import Sum
from ._spec import checked_axes, named_dtype

Sizes = tuple[int, ...]

_PROBE_COLUMNS = 64  # of all probes together, at least


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """What two tensor sketches must share to be combined.

    Attributes
    ----------
    shape : tuple
        Sizes of the d modes; one may be None, a mode that grows.
    rank : tuple of int
        The d - 1 ranks of the result.
    left_sizes, right_sizes : tuple of int
        Columns of the left and right test tensors at the d - 1 bonds, right ones at least as many.
    seed : int
    dtype : str or None
        Dtype of the data, or None to follow them.
    error_probes : int
        Independent test tensors that estimate the error.
    test_tensor : TestTensorFamily
        Family of the left and right test tensors.
    panel_sizes : tuple of (tuple of int, tuple of int)
        Left and right sizes of the panels of both test tensors, where they were widened.
    """

    sides: ClassVar[tuple[Literal["left", "right"], ...]] = ("left", "right")

    shape: tuple[int | None, ...]
    rank: Sizes
    left_sizes: Sizes
    right_sizes: Sizes
    seed: int
    dtype: str | None
    error_probes: int
    test_tensor: TestTensorFamily
    panel_sizes: tuple[tuple[Sizes, Sizes], ...] = ()

    @property
    def order(self) -> int:
        """Number of modes d."""
        return len(self.shape)

    @property
    def full(self) -> Sizes:
        """The largest rank that each unfolding can have."""
        return tuple(map(min, *_unfolding_sizes(self.shape)))

    @property
    def error_rank(self) -> int:
        """Inner rank of the error probes; few of them are wider, so that they vary less."""
        wide = _PROBE_COLUMNS // max(1, self.error_probes)
        return max(8, wide, math.ceil(1.25 * self.order))

    def maps(self) -> dict[str, TensorTrainMap]:
        """Return the test tensors that a sketch contracts its data with."""
        maps: dict[str, TensorTrainMap] = {side: self.stacked(side) for side in self.sides}
        if self.error_probes:
            bonds = probe_bonds(self.shape, self.error_probes, self.error_rank)
            maps["error"] = TensorTrainMap(self.seed, "error", bonds, StackedTrains())
        return maps

    def as_source(self, chunk: object) -> TensorSource:
        """Return the adapter of a chunk."""
        return as_tensor_source(chunk)

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, TensorTrainMap]) -> int:
        """Return about how many bytes sums, their rounding and test tensors take."""
        left, right = (1, *self.left_sizes), (*self.right_sizes, 1)
        modes = zip(left, shape, right, strict=True)
        sums = sum(rows * n * columns for rows, n, columns in modes)
        cores = sum(m.entries(shape) for m in maps.values())
        return 8 * (3 * sums + cores)

    def bond_sums(self) -> dict[str, Sum]:
        """Return what all bonds see between both test tensors: Omega_k (l_k, r_k)."""
        bonds = zip(self.left_sizes, self.right_sizes, strict=True)
        return {f"omega_{bond}": Sum(None, sizes) for bond, sizes in enumerate(bonds)}

    def probe_sums(self) -> dict[str, Sum]:
        """Return the contractions with the error probes."""
        size = self.error_probes * self.error_rank
        return {"probe": Sum(None, (size, 1))} if size else {}

    def stacked(self, side: Literal["left", "right"]) -> TensorTrainMap:
        """Return the test tensor of a side."""
        sizes = tuple(panel[side == "right"] for panel in self._all_panels)
        ranks = self.test_tensor.block_ranks(self.order)
        bonds = stacked_bonds(self.shape, sizes, ranks, side)
        return TensorTrainMap(self.seed, side, bonds, self.test_tensor, sizes)

    def widened(self, rank: object) -> Self:
        """Return the spec of a wider sketch, of the same test tensors and a further panel of each.

        Sizes are those of a rank, the right ones in proportion to the left ones.
        """
        limits = _unfolding_sizes(self.shape)
        ranks = tuple(map(min, each_bond(rank, self.order - 1, "rank"), self.full))
        left = tuple(map(min, map(max, _widened(ranks), self.left_sizes), self.full))
        known = zip(self.left_sizes, self.right_sizes, limits[1], left, strict=True)
        right = tuple(max(r, min(most, math.ceil(r * new / old))) for old, r, most, new in known)
        further = _less(left, self.left_sizes), _less(right, self.right_sizes)
        return dataclasses.replace(
            self,
            rank=ranks,
            left_sizes=left,
            right_sizes=right,
            panel_sizes=(*self._all_panels, further),
        )

    @property
    def _all_panels(self) -> tuple[tuple[Sizes, Sizes], ...]:
        return self.panel_sizes or ((self.left_sizes, self.right_sizes),)

    def to_header(self) -> Header:
        """Describe the spec in plain values, for a state file."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**values, "test_tensor": family_to_header(self.test_tensor)}

    @classmethod
    def from_header(cls, header: Header) -> Self:
        """Rebuild a spec from `to_header`."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in header.items()
        }
        values["test_tensor"] = family_from_header(TestTensorFamily, header["test_tensor"])
        values["panel_sizes"] = tuple(
            tuple(map(tuple, panel)) for panel in header.get("panel_sizes", ())
        )
        return cls(**values)


def tensor_fields(
    shape: object,
    rank: object,
    sketch_rank: object,
    corange_rank: object,
    seed: object,
    dtype: object,
    probes: object,
    test_tensor: TestTensorFamily | TensorFamilyName,
) -> dict[str, Any]:
    """Check the arguments that all tensor sketches share and return them as spec fields.

    By default the left size is ``max(rank + 10, 2 rank)`` and the right one 1.5 times as much;
    both are trimmed to what the unfoldings can hold.
    """
    shape = checked_axes(shape)
    ranks, left, right = _sizes(shape, rank, sketch_rank, corange_rank)
    order = len(shape)
    family = as_tensor_family(test_tensor)
    family.check_order(order)
    default_probes = 16 if order <= 10 else 8 if order <= 25 else 4
    return {
        "shape": shape,
        "rank": ranks,
        "left_sizes": left,
        "right_sizes": right,
        "seed": checked_seed(seed),
        "dtype": None if dtype is None else compute_dtype(named_dtype(dtype)),
        "error_probes": default_probes if probes is None else checked_size(probes, "error_probes"),
        "test_tensor": family,
    }


def _sizes(
    shape: Sequence[int | None], rank: object, sketch_rank: object, corange_rank: object
) -> tuple[Sizes, Sizes, Sizes]:
    """Return for each bond the rank of the result, and the sizes of the left and right sketches."""
    bonds = len(shape) - 1
    left_limit, right_limit = _unfolding_sizes(shape)
    both = [min(pair) for pair in zip(left_limit, right_limit, strict=True)]
    ranks = tuple(map(min, each_bond(rank, bonds, "rank"), both))
    left = _widened(ranks)
    if sketch_rank is not None:
        left = tuple(map(min, each_bond(sketch_rank, bonds, "sketch_rank"), _widened(both)))
    right = tuple(math.ceil(1.5 * size) for size in left)
    if corange_rank is not None:
        right = each_bond(corange_rank, bonds, "corange_rank")
    left, right = tuple(map(min, left, both)), tuple(map(min, right, right_limit))
    for r, s, c in zip(ranks, left, right, strict=True):
        if not r <= s <= c:
            raise RankError(
                f"sizes must not decrease from rank to sketch_rank to corange_rank, got {r}, {s} "
                f"and {c} at one bond"
            )
    return ranks, left, right


def _widened(ranks: Sequence[int]) -> Sizes:
    """Return the left sizes for ranks."""
    return tuple(max(r + 10, 2 * r) for r in ranks)


def _less(sizes: Sizes, known: Sizes) -> Sizes:
    return tuple(a - b for a, b in zip(sizes, known, strict=True))


def _unfolding_sizes(shape: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Return the rows and columns of every unfolding; a growing mode counts as endless."""
    sizes = [2**62 if n is None else max(1, n) for n in shape]
    rows = list(itertools.accumulate(sizes[:-1], lambda a, b: a * b))
    columns = list(itertools.accumulate(sizes[:0:-1], lambda a, b: a * b))[::-1]
    return rows, columns
