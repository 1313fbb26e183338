"""Rows of a test matrix that share an orthogonal transform in groups of eight."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray, cuts
from .kernels import HashedRows, compiled_kernels, touched_zeros, worth_compiling

GROUP = 8
_TWO = np.array([[1.0, 1.0], [1.0, -1.0]])
HADAMARD: HostArray = np.kron(_TWO, np.kron(_TWO, _TWO))

LINE = 64  # bytes of the vectors that the compiled loops work in
_GROUPED_FROM = 16  # columns, from which on the dense product takes longer: measured
_WINDOWS = 64  # whose sums are added up in the precision of the data before they go to double
_STRIPE_BYTES = 8192  # of a row that are transformed at once: measured
_COPIED_BYTES = 64_000_000  # of a matrix whose rows or columns do not lie in memory as such


@dataclass(frozen=True)
class GroupedRows:
    """Rows ``signs[g, t] * H[t, h] * scales[g, h]`` in ``columns[g, h]``, H the Hadamard matrix.

    Attributes
    ----------
    members : ndarray of int, shape (groups, 8)
        Which row is in slot t of group g, -1 where it is not among these rows.
    signs : ndarray, shape (groups, 8)
        What row t of the group is multiplied by.
    columns : ndarray of int32, shape (groups, 8)
        Where output h of the group goes.
    scales : ndarray, shape (groups, 8)
        What output h is multiplied by.
    rows, width : int
        Of the matrix.
    window : int
        Groups to which each run of neighbouring rows belongs.
    """

    members: NDArray[np.intp]
    signs: HostArray
    columns: NDArray[np.int32]
    scales: HostArray
    rows: int
    width: int
    window: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        drawn = self.members.nbytes + self.columns.nbytes
        return drawn + self.signs.nbytes + self.scales.nbytes

    def conj(self) -> GroupedRows:
        """Return the complex conjugate."""
        return dataclasses.replace(self, signs=self.signs.conj())

    def astype(self, dtype: str) -> GroupedRows:
        """Return the rows in another precision."""
        return dataclasses.replace(self, signs=self.signs.astype(dtype, copy=False))

    def hashed(self) -> HashedRows:
        """Return the same rows one by one."""
        group, slot = np.nonzero(self.members >= 0)
        row = self.members[group, slot]
        columns = np.empty((self.rows, GROUP), np.int32)
        values = np.empty((self.rows, GROUP), self.signs.dtype)
        columns[row] = self.columns[group]
        values[row] = self.signs[group, slot, None] * HADAMARD[slot] * self.scales[group]
        return HashedRows(columns, values, self.width)

    def product_of_dense(self, a: object) -> HostArray | None:
        """Return ``X^T A`` for a dense A (m, n), or None where a plain product is as fast.

        Compiled for NumPy arrays, in ``4 m n`` additions. Rows or columns that lie in memory as
        such are read in place, others are copied by and by.
        """
        if not isinstance(a, np.ndarray) or self.width < _GROUPED_FROM or not a.size:
            return None
        if not worth_compiling(a.size * self.width):
            return None
        dtype = np.result_type(a.dtype, self.signs.dtype)
        a = np.asarray(a)  # of a memory map
        if a.dtype == dtype and a.flags.aligned and a.itemsize in a.strides:
            return self._summed(a)
        out = np.empty((self.width, a.shape[1]), dtype)
        for part in cuts(a.shape[1], max(1, _COPIED_BYTES // (a.shape[0] * dtype.itemsize))):
            out[:, part] = self._summed(np.ascontiguousarray(a[:, part], dtype))
        return out

    def _summed(self, a: HostArray) -> HostArray:
        """Return the product with a matrix whose rows or columns lie in memory as such."""
        total: HostArray | None = None
        for groups in cuts(len(self.members), _WINDOWS * self.window):
            out = touched_zeros((self.width, a.shape[1]), a.dtype)
            self._add(a, groups, out)
            total = out if total is None else np.add(total, out, dtype=np.result_type(out, "f8"))
        assert total is not None
        return total

    def _add(self, a: HostArray, groups: slice, out: HostArray) -> None:
        members, columns = self.members[groups], self.columns[groups].astype(np.intp)
        there = members >= 0
        signs = np.where(there, self.signs[groups], 0).astype(a.dtype, copy=False)
        scales = self.scales[groups].astype(a.real.dtype, copy=False)
        with compiled_kernels() as kernels:
            from . import block_kernels

            if a.strides[1] == a.itemsize:
                some = there.any(axis=1)
                # in place of an absent row, zero times another one
                members = np.where(there, members, members.max(axis=1, keepdims=True))[some]
                block_kernels.rows_of_dense(
                    a,
                    members * a.strides[0],
                    signs[some],
                    out,
                    columns[some] * out.strides[0],
                    scales[some],
                    _stripe(a, kernels.threads()),
                )
                return
            slots = np.arange(members.size).reshape(members.shape) % (GROUP * self.window)
            first = int(members[there].min())
            places = np.empty(first + np.count_nonzero(there), np.intp)
            places[members[there]] = slots[there]
            present = there.reshape(-1, GROUP * self.window).sum(axis=1)
            block_kernels.columns_of_dense(
                a.T,
                first + np.concatenate([[0], np.cumsum(present)]),
                places,
                slots * LINE,
                signs,
                out,
                columns * LINE,
                scales,
            )


def _stripe(a: HostArray, threads: int) -> int:
    """Return how many columns of A a thread takes at once, each thread as many of them."""
    parts = threads * -(-a.shape[1] * a.itemsize // (threads * _STRIPE_BYTES))
    items = LINE // a.itemsize
    return int(items * -(-a.shape[1] // (parts * items)))
