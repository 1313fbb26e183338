"""The entries of a sparse tensor as a tree of their leading indices: compressed sparse fibers."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray, to_host
from ..numerics.cores import Core
from ..numerics.kernels import Workspace, compiled_kernels, touched_zeros

_SUBTREE_ENTRIES = 512  # after which every fiber is cut, so that threads have parents to share
_SORTED_FOR = 1 / 8  # of a node less for each entry
_GROUPED_BYTES = 16_000_000
_LONG_GROUP = 4  # from here on a product with a whole slice beats one for each block of it

_Places = NDArray[np.intp]


class FiberLevel:
    """The nodes of one level: runs of consecutive entries whose indices agree up to a mode.

    What depends on the leading indices alone is computed once for each node, and the entries of a
    node are summed up before they are multiplied by what they share [1]_. Entries in any order make
    a tree; it is the smaller the better they are sorted.

    Attributes
    ----------
    indices : ndarray of int, shape (k,)
        In the mode of the level.
    size : int
        Of the mode.
    edges : ndarray of int, shape (parents + 1,)
        Node p of the level above has the children ``edges[p]:edges[p + 1]``.

    References
    ----------
    .. [1] S. Smith, G. Karypis, "Tensor-matrix products with a compressed sparse tensor", IA3
       2015, doi:10.1145/2833179.2833183.
    """

    def __init__(
        self, indices: HostArray, size: int, edges: _Places, workspace: Workspace | None = None
    ) -> None:
        self.indices, self.size, self.edges = indices, size, edges
        self._workspace = workspace

    @functools.cached_property
    def parents(self) -> _Places:
        """The parent of each node."""
        return np.repeat(np.arange(self.edges.size - 1), np.diff(self.edges))

    @functools.cached_property
    def groups(self) -> Groups:
        """The nodes grouped by their index."""
        return Groups(self.indices)

    def descend(self, rows: HostArray, core: Core) -> HostArray:
        """Return ``rows[parent of e] @ slice(e)`` for every node e."""
        if self._workspace is None:
            return self._times_slices(rows[self.parents], core)
        slices, numbers = self._numbered_slices(core, rows.shape[1])
        out = self._zeros(self.indices.size, core, rows, slices)
        with compiled_kernels() as compiled:
            compiled.descend(np.ascontiguousarray(rows), self.parents, numbers, slices, out)
        return out

    def ascend(self, rows: HostArray, core: Core) -> HostArray:
        """Return the sums of ``rows[e] @ slice(e)`` over the children e of every parent."""
        if self._workspace is None:
            return np.add.reduceat(self._times_slices(rows, core), self.edges[:-1], axis=0)
        slices, numbers = self._numbered_slices(core, rows.shape[1])
        out = self._zeros(self.edges.size - 1, core, rows, slices)
        with compiled_kernels() as compiled:
            compiled.ascend(np.ascontiguousarray(rows), self.edges, numbers, slices, out)
        return out

    def between(self, left: HostArray, right: HostArray) -> HostArray:
        """Return the sums of ``left[parent of e]^T right[e]`` by index, shape (size, l, r)."""
        shape = (self.size, left.shape[1], right.shape[1])
        seen = touched_zeros(shape, np.result_type(left, right))
        if self._workspace is not None:
            left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
            groups = self.groups
            with compiled_kernels() as compiled:
                compiled.between(
                    left, self.parents, right, groups.order, groups.edges, groups.indices, seen
                )
            return seen
        for indices, nodes in self.groups.batches(8 * (left.shape[1] + right.shape[1])):
            seen[indices] = left[self.parents[nodes]].transpose(0, 2, 1) @ right[nodes]
        return seen

    def _numbered_slices(self, core: Core, width: int) -> tuple[HostArray, HostArray]:
        """Return slices (k, B, inner, outer) and which of them belongs to each node."""
        if self.size <= self.indices.size:
            return _block_slices(core, np.arange(self.size), width), self.indices
        return _block_slices(core, self.groups.indices, width), self.groups.numbers

    def _times_slices(self, rows: HostArray, core: Core) -> HostArray:
        """Return ``rows[e] @ slice(e)`` for every node e."""
        width = core.outer_size
        out: HostArray | None = None
        for indices, nodes in self.groups.batches(8 * width * (rows.shape[1] or 1)):
            slices = _block_slices(core, indices, rows.shape[1])
            if out is None:
                out = np.empty((rows.shape[0], width), np.result_type(rows, slices))
            out[nodes] = _times_slices(rows[nodes], slices)
        return np.empty((rows.shape[0], width), rows.dtype) if out is None else out

    def _zeros(self, count: int, core: Core, rows: HostArray, slices: HostArray) -> HostArray:
        assert self._workspace is not None
        return self._workspace.zeros((count, core.outer_size), np.result_type(rows, slices))


def fiber_levels(
    coords: Sequence[HostArray], shape: Sequence[int], workspace: Workspace | None = None
) -> list[FiberLevel]:
    """Return the levels of the tree of entries, one for each mode; the last has all entries.

    Compiled where there is a workspace.
    """
    starts = np.zeros(min(1, coords[0].size), np.intp)  # the root's, where its entries begin
    levels = []
    for begins, index, size in zip(_begins(coords[:-1]), coords, shape, strict=False):
        nodes = np.flatnonzero(begins)
        edges = np.append(np.searchsorted(nodes, starts), nodes.size)
        levels.append(FiberLevel(index[nodes], size, edges, workspace))
        starts = nodes
    edges = np.append(starts, coords[-1].size)
    return [*levels, FiberLevel(coords[-1], shape[-1], edges, workspace)]


def _begins(coords: Sequence[HostArray]) -> Iterator[NDArray[np.bool]]:
    """Yield where the nodes of each level begin, in one array that goes on to the next level."""
    begins = np.zeros(coords[0].size if coords else 0, bool)
    begins[::_SUBTREE_ENTRIES] = True
    for index in coords:
        begins[1:] |= index[1:] != index[:-1]
        yield begins


def fiber_count(coords: Sequence[HostArray]) -> int:
    """Return how many nodes the last level but one has, 1 at least."""
    count = 1
    for begins in _begins(coords[:-1]):
        count = max(1, int(np.count_nonzero(begins)))
    return count


def lexical_order(coords: Sequence[HostArray], shape: Sequence[int]) -> _Places | None:
    """Return the order in which the entries make a small tree, or None where they do already.

    By as many leading indices as tell most of them apart, and where that saves nodes enough.
    """
    count, prefixes, depth, scattered = coords[0].size, 1, 0, False
    for begins, n in zip(_begins(coords), shape, strict=False):
        prefixes, depth = prefixes * n, depth + 1
        saved = int(np.count_nonzero(begins)) - prefixes
        scattered = scattered or saved > _SORTED_FOR * count
        if prefixes >= count:
            break
    return _sorted_places(coords[:depth]) if scattered else None


def _sorted_places(keys: Sequence[HostArray]) -> _Places:
    """Return the stable order of entries by keys, the first one before all others.

    By digits of 16 bits, which are sorted without comparisons.
    """
    digits = [
        (key >> shift).astype(np.uint16)
        for key in reversed(keys)
        for shift in range(0, max(1, int(key.max(initial=0)).bit_length()), 16)
    ]
    return np.lexsort(digits)


class Groups:
    """Nodes with equal indices: group g is ``order[edges[g]:edges[g + 1]]``, of ``indices[g]``.

    Attributes
    ----------
    indices : ndarray, shape (k,)
        Sorted.
    order : ndarray, shape (nodes,)
    edges : ndarray, shape (k + 1,)
    """

    def __init__(self, indices: HostArray) -> None:
        self.order = _sorted_places([indices])
        ordered = indices[self.order]
        inner = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        first = np.zeros(min(1, ordered.size), np.intp)
        self.edges = np.concatenate([first, inner, [ordered.size]]).astype(np.intp)
        self.indices: _Places = ordered[self.edges[:-1]].astype(np.intp)

    @functools.cached_property
    def numbers(self) -> _Places:
        """The group of each node."""
        numbers = np.empty(self.order.size, np.intp)
        numbers[self.order] = np.repeat(np.arange(self.indices.size), np.diff(self.edges))
        return numbers

    @functools.cached_property
    def _batches(self) -> list[_Places]:
        """The groups that have equally many nodes."""
        counts = np.diff(self.edges)
        by_count = np.argsort(counts, kind="stable")
        cuts = np.flatnonzero(np.diff(counts[by_count])) + 1
        return np.split(by_count, cuts) if counts.size else []

    def batches(self, bytes_each: int) -> Iterator[tuple[_Places, _Places]]:
        """Yield ``(indices (k,), nodes (k, count))``, a few groups at a time.

        `bytes_each` is what the work on one node takes.
        """
        for groups in self._batches:
            count = int(self.edges[groups[0] + 1] - self.edges[groups[0]])
            step = max(1, _GROUPED_BYTES // (bytes_each * count))
            for start in range(0, groups.size, step):
                some = groups[start : start + step]
                yield self.indices[some], self.order[self.edges[some][:, None] + np.arange(count)]


def _block_slices(core: Core, indices: _Places, width: int) -> HostArray:
    """Return slices (k, B, inner, outer); as one block, where all share rows of the given width."""
    slices = to_host(core.slices(indices))
    blocks, inner, count, outer = slices.shape
    if width == inner:
        return slices.transpose(2, 1, 0, 3).reshape(count, 1, inner, blocks * outer)
    return np.ascontiguousarray(slices.transpose(2, 0, 1, 3))


def _times_slices(rows: HostArray, slices: HostArray) -> HostArray:
    """Return rows (k, count, B inner) times slices (k, B, inner, outer): (k, count, B outer)."""
    groups, blocks, inner, outer = slices.shape
    count, width = rows.shape[1:]
    if blocks == 1:
        return rows @ slices[:, 0]
    if count < _LONG_GROUP:
        split = rows.reshape(groups, count, blocks, inner)
        made: HostArray = np.einsum("kcbi,kbio->kcbo", split, slices)
        return made.reshape(groups, count, -1)
    diagonal = np.zeros((groups, blocks, inner, blocks, outer), slices.dtype)
    every = np.arange(blocks)
    diagonal[:, every, :, every, :] = slices.transpose(1, 0, 2, 3)
    return rows @ diagonal.reshape(groups, width, math.prod(diagonal.shape[3:]))
