"""Sparse tensors of any order: coordinates grouped by index, one small product for each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._array import Array, compute_dtype
from ._tensor_base import TensorBlock


class SparseTensorBlock(TensorBlock):
    """Coordinates (d, nnz) and values; interfaces have one row for each nonzero.

    Explicit zeros and duplicates are allowed: duplicates add up. The dense size may exceed 2**63.
    """

    def __init__(self, sparse: Any) -> None:
        coords = sparse.coords if hasattr(sparse, "coords") else sparse.tocoo().coords
        self.coords = [np.asarray(index) for index in coords]
        self.dtype = compute_dtype(sparse.dtype)
        self.data: NDArray[Any] = np.asarray(sparse.data).astype(self.dtype, copy=False)
        self.shape = tuple(int(n) for n in sparse.shape)
        self.nbytes = self.data.nbytes + sum(index.nbytes for index in self.coords)
        self._order = [np.argsort(index, kind="stable") for index in self.coords]

    def like(self) -> Array:
        """Return the values."""
        return self.data

    def right_interfaces(self, cores: Sequence[Array]) -> list[Array]:
        """Return the (nnz, r) interfaces; ``nnz r^2`` operations each."""
        right = np.ones((self.data.size, 1), self.data.dtype)
        interfaces = [right]
        for mode in range(len(self.shape) - 1, 0, -1):
            right = self._moved(right, mode, cores[mode].transpose(2, 1, 0))
            interfaces.append(right)
        return interfaces[::-1]

    def left_start(self) -> Array:
        """Return the values as one column."""
        return self.data[:, None]

    def extend_left(self, left: Array, mode: int, core: Array) -> Array:
        """Return the (nnz, l) interface behind the mode."""
        return self._moved(left, mode, core)

    def psi(self, mode: int, left: Array, right: Array) -> Array:
        """Return the sum of the outer products of the rows, sorted by the index of the mode."""
        joint = np.result_type(left.dtype, right.dtype)
        seen = np.zeros((self.shape[mode], left.shape[1], right.shape[1]), joint)
        for index, rows in self._groups(mode):
            seen[index] = left[rows].T @ right[rows]
        return seen.transpose(1, 0, 2)

    def _moved(self, interface: Array, mode: int, core: Array) -> Array:
        """Return ``interface[e] @ core[:, i(e), :]`` for every nonzero e."""
        joint = np.result_type(interface.dtype, core.dtype)
        moved = np.empty((self.data.size, core.shape[2]), joint)
        for index, rows in self._groups(mode):
            moved[rows] = interface[rows] @ core[:, index, :]
        return moved

    def _groups(self, mode: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield each index that occurs in a mode with the nonzeros that have it."""
        order = self._order[mode]
        indices = self.coords[mode][order]
        cuts = np.flatnonzero(np.diff(indices)) + 1
        for rows in np.split(order, cuts) if order.size else []:
            yield int(self.coords[mode][rows[0]]), rows

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the index of a NaN or an infinity."""
        bad = np.flatnonzero(~np.isfinite(self.data))
        return tuple(int(index[bad[0]]) for index in self.coords) if bad.size else None
