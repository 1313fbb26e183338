"""Sparse tensors of any order, contracted along the tree of their leading indices."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, HostArray, accumulator_dtype, compute_dtype, to_host
from ..numerics.cores import Core, FixedCore
from ..numerics.index_keys import IndexKeys
from ..numerics.kernels import Workspace, compiles
from ._fibers import FiberLevel, fiber_count, fiber_levels, lexical_order
from ._tensor_base import Contraction, TensorBlock, TensorSource

_RUN_FIBERS = 40_000  # whose interfaces stay in cache
_LONGEST_FIBER = 4  # entries of a fiber that a run makes room for
_RUN_PER_INDEX = 16  # and more, where a mode is so long that its groups get short


class SparseTensorSource(TensorSource):
    """Coordinates (d, nnz) and values, worked on in runs of entries.

    Explicit zeros and duplicates are allowed: duplicates add up. The dense size may exceed 2**63.
    """

    def __init__(self, sparse: Any) -> None:
        entries = sparse.tocoo() if hasattr(sparse, "tocoo") else sparse
        self._coords = [np.asarray(index) for index in entries.coords]
        self._data = np.asarray(entries.data)
        self.dtype = compute_dtype(entries.dtype)
        self.shape = tuple(int(n) for n in entries.shape)
        self.nbytes = self._data.nbytes + sum(index.nbytes for index in self._coords)
        self._kept: list[SparseTensorBlock] | None = None
        self._is_summed = False
        self._workspace = Workspace() if compiles(self._data.size) else None

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield runs of the entries; the runs live on from pass to pass.

        Entries in no order are copied in a better one, unless that takes more than the limit.
        """
        if self._kept is None:
            if limit is None or self.nbytes <= limit:
                self._order()
            each = max(1, min(_LONGEST_FIBER, self._data.size // fiber_count(self._coords)))
            step = max(each * _RUN_FIBERS, _RUN_PER_INDEX * max(self.shape, default=0))
            runs = range(0, max(1, self._data.size), step)
            self._kept = [self._run(slice(start, start + step)) for start in runs]
        for block in self._kept:
            yield (0,) * len(self.shape), block

    def without_duplicates(self) -> SparseTensorSource:
        """Return the tensor with one value for each place, or itself where that is so.

        Sums are in double precision.
        """
        if self._is_summed:
            return self
        keys = IndexKeys(self.shape)(np.stack(self._coords, axis=1))
        order = np.argsort(keys, kind="stable")  # which gains from runs
        ordered = keys[order]
        first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        self._is_summed = first.size >= keys.size
        if self._is_summed:
            return self
        summed, places = copy.copy(self), order[first]
        summed._coords = [index[places] for index in self._coords]
        values = self._data[order].astype(accumulator_dtype(self.dtype), copy=False)
        summed._data = np.add.reduceat(values, first)
        summed.dtype = compute_dtype(summed._data.dtype)
        summed._kept, summed._is_summed = None, True
        return summed

    def _order(self) -> None:
        order = lexical_order(self._coords, self.shape)
        if order is not None:
            self._coords = [index[order] for index in self._coords]
            self._data = self._data[order]

    def _run(self, run: slice) -> SparseTensorBlock:
        values = self._data[run].astype(self.dtype, copy=False)
        coords = [index[run] for index in self._coords]
        return SparseTensorBlock(coords, values, self.shape, self._workspace)


class SparseTensorBlock(TensorBlock):
    """A run of the entries of a sparse tensor; by compiled loops where it has a workspace."""

    def __init__(
        self,
        coords: list[HostArray],
        data: HostArray,
        shape: tuple[int, ...],
        workspace: Workspace | None,
    ) -> None:
        self.coords, self.data, self.shape, self.workspace = coords, data, shape, workspace
        self.dtype = str(data.dtype)
        self.nbytes = data.nbytes + sum(index.nbytes for index in coords)

    def like(self) -> Array:
        """Return the values."""
        return self.data

    @functools.cached_property
    def levels(self) -> list[FiberLevel]:
        """The entries as a tree of their leading indices."""
        return fiber_levels(self.coords, self.shape, self.workspace)

    def entries_of(self, cores: Sequence[Array]) -> HostArray:
        """Return the entries of a train at the places of this tensor's, along the same tree."""
        ours = [to_host(core) for core in cores]
        rows: HostArray = np.ones((1, 1), ours[0].dtype)
        for level, core in zip(self.levels, ours, strict=True):
            rows = level.descend(rows, FixedCore(core))
        return rows.ravel()

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; with blocks of rank q ``nnz r q`` operations a mode."""
        return SparseContraction(self, rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the index of a NaN or an infinity."""
        bad = np.flatnonzero(~np.isfinite(self.data))
        return tuple(int(index[bad[0]]) for index in self.coords) if bad.size else None


class SparseContraction(Contraction):
    """Interfaces have a row for each node of the tree, (k, l) on the left and (k, r) on the right.

    A row on the right is the sum over the entries of the node.
    """

    def __init__(self, block: SparseTensorBlock, rights: Sequence[Core]) -> None:
        self._levels = block.levels
        self._mode = 0
        self._left = np.ones((1, 1), block.data.dtype)
        right = block.data[:, None]
        self._rights = [right]
        for mode in range(len(self._levels) - 1, 0, -1):
            right = self._levels[mode].ascend(right, rights[mode])
            self._rights.append(right)
        self._rights.reverse()

    def seen(self) -> Array:
        """Return the sums of the outer products of the rows that share an index."""
        mode = self._mode
        seen = self._levels[mode].between(self._left, self._rights[mode])
        return seen.transpose(1, 0, 2)

    def advance(self, core: Core) -> None:
        """Multiply every row of the left interface by its slice."""
        self._left = self._levels[self._mode].descend(self._left, core)
        self._mode += 1
