"""Sparse tensors of any order: coordinates grouped by index, one product for groups of a length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._array import Array, compute_dtype
from .._cores import Core
from .._kernels import EntryGroups, Workspace, compiles
from ._tensor_base import Contraction, TensorBlock, TensorSource

_RUN_ENTRIES = 40_000  # whose interfaces stay in cache
_RUN_PER_INDEX = 16  # and more, where a mode is so long that its groups get short
_GROUPED_BYTES = 16_000_000
_LONG_GROUP = 4  # from here on a product with a whole slice beats one for each block of it

_Entries = NDArray[np.intp]


class SparseTensorSource(TensorSource):
    """Coordinates (d, nnz) and values, worked on in runs of entries.

    Explicit zeros and duplicates are allowed: duplicates add up. The dense size may exceed 2**63.
    """

    def __init__(self, sparse: Any) -> None:
        coords = sparse.coords if hasattr(sparse, "coords") else sparse.tocoo().coords
        self._coords = [np.asarray(index) for index in coords]
        self._data = np.asarray(sparse.data)
        self.dtype = compute_dtype(sparse.dtype)
        self.shape = tuple(int(n) for n in sparse.shape)
        self.nbytes = self._data.nbytes + sum(index.nbytes for index in self._coords)
        self._kept: list[SparseTensorBlock] | None = None
        self._workspace = Workspace() if compiles(self._data.size) else None

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield runs of the entries; the runs live on from pass to pass."""
        if self._kept is None:
            step = max(_RUN_ENTRIES, _RUN_PER_INDEX * max(self.shape, default=0))
            runs = range(0, max(1, self._data.size), step)
            self._kept = [self._run(slice(start, start + step)) for start in runs]
        for block in self._kept:
            yield (0,) * len(self.shape), block

    def _run(self, run: slice) -> SparseTensorBlock:
        values = self._data[run].astype(self.dtype, copy=False)
        coords = [index[run] for index in self._coords]
        return SparseTensorBlock(coords, values, self.shape, self._workspace)


class SparseTensorBlock(TensorBlock):
    """A run of the entries of a sparse tensor; by compiled loops where it has a workspace."""

    def __init__(
        self,
        coords: list[NDArray[Any]],
        data: NDArray[Any],
        shape: tuple[int, ...],
        workspace: Workspace | None,
    ) -> None:
        self.coords, self.data, self.shape, self.workspace = coords, data, shape, workspace
        self.dtype = str(data.dtype)
        self.nbytes = data.nbytes + sum(index.nbytes for index in coords)
        self._groups: dict[int, Groups] = {}

    def like(self) -> Array:
        """Return the values."""
        return self.data

    def groups(self, mode: int) -> Groups:
        """Return the entries grouped by their index in a mode."""
        if mode not in self._groups:
            self._groups[mode] = Groups(self.coords[mode])
        return self._groups[mode]

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; with blocks of rank q ``nnz r q`` operations a mode."""
        return SparseContraction(self, rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the index of a NaN or an infinity."""
        bad = np.flatnonzero(~np.isfinite(self.data))
        return tuple(int(index[bad[0]]) for index in self.coords) if bad.size else None


class Groups:
    """Entries with equal indices, in batches of groups that have equally many."""

    def __init__(self, indices: NDArray[Any]) -> None:
        if indices.max(initial=0) < 2**16:  # so small, they are sorted by their digits
            indices = indices.astype(np.uint16)
        order = np.argsort(indices, kind="stable")
        ordered = indices[order]
        inner = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        edges = np.concatenate([[0] if order.size else [], inner, [order.size]]).astype(np.intp)
        counts = np.diff(edges)
        self.entries = EntryGroups(ordered[edges[:-1]].astype(np.intp), order, edges)
        self._counts = counts
        by_count = np.argsort(counts, kind="stable")
        cuts = np.flatnonzero(np.diff(counts[by_count])) + 1
        self._batches = np.split(by_count, cuts) if counts.size else []

    def batches(self, bytes_each: int) -> Iterator[tuple[_Entries, _Entries]]:
        """Yield ``(indices (k,), entries (k, count))``, a few groups at a time.

        `bytes_each` is what the work on one entry takes.
        """
        for groups in self._batches:
            count = int(self._counts[groups[0]])
            step = max(1, _GROUPED_BYTES // (bytes_each * count))
            for start in range(0, groups.size, step):
                some = groups[start : start + step]
                rows = self.entries.edges[some][:, None] + np.arange(count)
                yield self.entries.indices[some], self.entries.order[rows]


class SparseContraction(Contraction):
    """Interfaces have a row for each entry, (nnz, l) on the left and (nnz, r) on the right."""

    def __init__(self, block: SparseTensorBlock, rights: Sequence[Core]) -> None:
        self._groups, self._shape, self._workspace = block.groups, block.shape, block.workspace
        self._mode = 0
        self._left = block.data[:, None]
        right = np.ones((block.data.size, 1), block.data.dtype)
        self._rights = [right]
        for mode in range(len(self._shape) - 1, 0, -1):
            right = self._absorbed(right, mode, rights[mode])
            self._rights.append(right)
        self._rights.reverse()

    def seen(self) -> Array:
        """Return the sums of the outer products of the rows that share an index."""
        left, right = self._left, self._rights[self._mode]
        if self._workspace is not None:
            groups = self._groups(self._mode).entries
            return groups.outer_sums(left, right, self._shape[self._mode]).transpose(1, 0, 2)
        dtype = np.result_type(left, right)
        seen = np.zeros((self._shape[self._mode], left.shape[1], right.shape[1]), dtype)
        each = 8 * (left.shape[1] + right.shape[1])
        for indices, entries in self._groups(self._mode).batches(each):
            seen[indices] = left[entries].transpose(0, 2, 1) @ right[entries]
        return seen.transpose(1, 0, 2)

    def advance(self, core: Core) -> None:
        """Multiply every row of the left interface by its slice."""
        self._left = self._absorbed(self._left, self._mode, core)
        self._mode += 1

    def _absorbed(self, interface: Array, mode: int, core: Core) -> Array:
        """Return ``interface[e] @ slice i(e)`` for every entry e."""
        if self._workspace is not None:
            groups = self._groups(mode).entries
            slices = _sorted_slices(core, groups.indices)
            return groups.times_slices(interface, slices, self._workspace)
        out: Array | None = None
        width = core.outer_size
        for indices, entries in self._groups(mode).batches(8 * width * (interface.shape[1] or 1)):
            slices = _sorted_slices(core, indices)
            if out is None:
                dtype = np.result_type(interface, slices)
                out = np.empty((interface.shape[0], width), dtype)
            out[entries] = _times_slices(interface[entries], slices)
        return np.empty((interface.shape[0], width), interface.dtype) if out is None else out


def _sorted_slices(core: Core, indices: _Entries) -> Array:
    """Return slices (k, B, inner, outer)."""
    return core.slices(indices).transpose(2, 0, 1, 3)


def _times_slices(rows: Array, slices: Array) -> Array:
    """Return rows (k, count, B inner) times slices (k, B, inner, outer): (k, count, B outer)."""
    groups, blocks, inner, outer = slices.shape
    count, width = rows.shape[1:]
    if width == inner:  # one block that all others share
        whole = slices.transpose(0, 2, 1, 3).reshape(groups, inner, blocks * outer)
        return rows @ whole
    if count < _LONG_GROUP:
        split = rows.reshape(groups, count, blocks, inner)
        return np.einsum("kcbi,kbio->kcbo", split, slices).reshape(groups, count, -1)
    diagonal = np.zeros((groups, blocks, inner, blocks, outer), slices.dtype)
    every = np.arange(blocks)
    diagonal[:, every, :, every, :] = slices.transpose(1, 0, 2, 3)
    return rows @ diagonal.reshape(groups, width, math.prod(diagonal.shape[3:]))
