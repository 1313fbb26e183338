"""The products of `kernels`, compiled by numba. Imported only where it pays.

Threads share the rows of the result. In products from the left these are the columns of A, so that
each thread goes through all of A and takes the entries of its own columns.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable

import numba
import numpy as np

from ..running.fork import threads_are_lost

_CHUNK_ROWS = 512
_CHUNK_PARENTS = 16

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("loops are not compiled under NUMBA_DISABLE_JIT")


class Kernel:
    """A loop, compiled when it is called: for all threads, or for one in a child without them."""

    def __init__(self, loop: Callable[..., None]) -> None:
        self._loop = loop
        self._compiled: dict[bool, Callable[..., None]] = {}

    def __call__(self, *arguments: object) -> None:
        """Run the loop."""
        parallel = not threads_are_lost()
        if parallel not in self._compiled:
            self._compiled[parallel] = self._cached(parallel)
        try:
            self._compiled[parallel](*arguments)
        except Exception:  # whatever a cache raises that is full or damaged, before the loop runs
            self._compiled[parallel] = _compiled(self._loop, parallel, cache=False)
            self._compiled[parallel](*arguments)

    def _cached(self, parallel: bool) -> Callable[..., None]:
        loop = self._loop
        if not parallel:  # by a name of its own: the name is what the cache knows a loop by
            loop = types.FunctionType(loop.__code__, loop.__globals__, loop.__name__)
            loop.__qualname__ = f"{self._loop.__qualname__}_alone"
        try:
            return _compiled(loop, parallel, cache=True)
        except RuntimeError:  # there is no place to keep it
            return _compiled(loop, parallel, cache=False)


def _compiled(loop: Callable[..., None], parallel: bool, cache: bool) -> Callable[..., None]:
    return numba.njit(parallel=parallel, cache=cache, fastmath={"contract"}, nogil=True)(loop)


def threads() -> int:
    """Return how many threads share a loop."""
    return 1 if threads_are_lost() else int(numba.get_num_threads())


@Kernel
def dense(indptr, indices, data, x, out):  # type: ignore[no-untyped-def]
    """``out += A X`` with A in CSR."""
    m, k = out.shape
    for chunk in numba.prange((m + _CHUNK_ROWS - 1) // _CHUNK_ROWS):
        for i in range(chunk * _CHUNK_ROWS, min(m, (chunk + 1) * _CHUNK_ROWS)):
            for p in range(indptr[i], indptr[i + 1]):
                v = data[p]
                j = indices[p]
                for c in range(k):
                    out[i, c] += v * x[j, c]


@Kernel
def transposed_dense(indptr, indices, data, y, out, shares):  # type: ignore[no-untyped-def]
    """``out += A^T Y`` with A in CSR, columns ``shares[t]:shares[t + 1]`` of A by one thread."""
    k = out.shape[1]
    m = len(indptr) - 1
    for part in numba.prange(len(shares) - 1):
        first, last = shares[part], shares[part + 1]
        for i in range(m):
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if first <= j < last:
                    v = data[p]
                    for c in range(k):
                        out[j, c] += v * y[i, c]


@Kernel
def hashed(indptr, indices, data, columns, values, out):  # type: ignore[no-untyped-def]
    """``out += A X`` with A in CSR and X in hashed rows."""
    m = out.shape[0]
    nnz = columns.shape[1]
    for chunk in numba.prange((m + _CHUNK_ROWS - 1) // _CHUNK_ROWS):
        for i in range(chunk * _CHUNK_ROWS, min(m, (chunk + 1) * _CHUNK_ROWS)):
            for p in range(indptr[i], indptr[i + 1]):
                v = data[p]
                j = indices[p]
                for t in range(nnz):
                    out[i, columns[j, t]] += v * values[j, t]


@Kernel
def transposed_hashed(indptr, indices, data, columns, values, out, shares):  # type: ignore[no-untyped-def]
    """``out += A^T Y`` in the same way, Y in hashed rows."""
    m, nnz = columns.shape
    for part in numba.prange(len(shares) - 1):
        first, last = shares[part], shares[part + 1]
        for i in range(m):
            for p in range(indptr[i], indptr[i + 1]):
                j = indices[p]
                if first <= j < last:
                    v = data[p]
                    for t in range(nnz):
                        out[j, columns[i, t]] += v * values[i, t]


@Kernel
def hashed_rows_of_dense(a, columns, values, out, stripe):  # type: ignore[no-untyped-def]
    """``out += X^T A`` with a dense A in C order and X in hashed rows, a stripe of columns each."""
    m, n = a.shape
    nnz = columns.shape[1]
    for part in numba.prange((n + stripe - 1) // stripe):
        first = part * stripe
        last = min(n, first + stripe)
        for i in range(m):
            row = a[i, first:last]
            for t in range(nnz):
                v = values[i, t]
                target = out[columns[i, t], first:last]
                for j in range(last - first):
                    target[j] += v * row[j]


@Kernel
def hashed_columns_of_dense(a, columns, values, out):  # type: ignore[no-untyped-def]
    """``out += A X`` with a dense A in C order and X in hashed rows, four rows at once."""
    m, n = a.shape
    nnz = columns.shape[1]
    for part in numba.prange(m // 4):
        i = 4 * part
        for j in range(n):
            for t in range(nnz):
                c = columns[j, t]
                v = values[j, t]
                out[i, c] += a[i, j] * v
                out[i + 1, c] += a[i + 1, j] * v
                out[i + 2, c] += a[i + 2, j] * v
                out[i + 3, c] += a[i + 3, j] * v
    for i in range(m // 4 * 4, m):
        for j in range(n):
            for t in range(nnz):
                out[i, columns[j, t]] += a[i, j] * values[j, t]


@Kernel
def descend(rows, parents, groups, slices, out):  # type: ignore[no-untyped-def]
    """``out[e] = rows[parents[e]] @ slices[groups[e]]``, block by block.

    Threads take consecutive nodes: were they to take groups, they would write to the same cache
    lines.
    """
    blocks, inner, outer = slices.shape[1:]
    nodes = len(parents)
    for chunk in numba.prange((nodes + _CHUNK_ROWS - 1) // _CHUNK_ROWS):
        for e in range(chunk * _CHUNK_ROWS, min(nodes, (chunk + 1) * _CHUNK_ROWS)):
            p, g = parents[e], groups[e]
            for b in range(blocks):
                for a in range(inner):
                    x = rows[p, b * inner + a]
                    for c in range(outer):
                        out[e, b * outer + c] += x * slices[g, b, a, c]


@Kernel
def ascend(rows, edges, groups, slices, out):  # type: ignore[no-untyped-def]
    """``out[p] += rows[e] @ slices[groups[e]]``, e in ``edges[p]:edges[p + 1]``."""
    blocks, inner, outer = slices.shape[1:]
    parents = len(edges) - 1
    for chunk in numba.prange((parents + _CHUNK_PARENTS - 1) // _CHUNK_PARENTS):
        for p in range(chunk * _CHUNK_PARENTS, min(parents, (chunk + 1) * _CHUNK_PARENTS)):
            for e in range(edges[p], edges[p + 1]):
                g = groups[e]
                for b in range(blocks):
                    for a in range(inner):
                        x = rows[e, b * inner + a]
                        for c in range(outer):
                            out[p, b * outer + c] += x * slices[g, b, a, c]


@Kernel
def between(left, parents, right, nodes, edges, indices, out):  # type: ignore[no-untyped-def]
    """``out[indices[g]] += left[parents[e]]^T right[e]``, e in ``nodes[edges[g]:edges[g + 1]]``."""
    rows, columns = out.shape[1:]
    for g in numba.prange(len(indices)):
        i, first, last = indices[g], edges[g], edges[g + 1]
        fours = first + (last - first) // 4 * 4
        for p in range(first, fours, 4):
            e0, e1, e2, e3 = nodes[p], nodes[p + 1], nodes[p + 2], nodes[p + 3]
            p0, p1, p2, p3 = parents[e0], parents[e1], parents[e2], parents[e3]
            for a in range(rows):
                x0, x1, x2, x3 = left[p0, a], left[p1, a], left[p2, a], left[p3, a]
                for c in range(columns):
                    out[i, a, c] += (x0 * right[e0, c] + x1 * right[e1, c]) + (
                        x2 * right[e2, c] + x3 * right[e3, c]
                    )
        for p in range(fours, last):
            e = nodes[p]
            for a in range(rows):
                x = left[parents[e], a]
                for c in range(columns):
                    out[i, a, c] += x * right[e, c]


@Kernel
def solve_packed(packed, right, diagonal, out):  # type: ignore[no-untyped-def]
    """``out[i]`` solves ``(A_i + diag(diagonal[i])) x = right[i]``, A_i packed, by Cholesky."""
    p, size = out.shape
    for chunk in numba.prange((p + _CHUNK_ROWS - 1) // _CHUNK_ROWS):
        low = np.empty((size, size))
        for i in range(chunk * _CHUNK_ROWS, min(p, (chunk + 1) * _CHUNK_ROWS)):
            at = 0
            for r in range(size):
                for c in range(r + 1):
                    s = packed[i, at]
                    at += 1
                    if r == c:
                        s += diagonal[i, r]
                    for t in range(c):
                        s -= low[r, t] * low[c, t]
                    low[r, c] = math.sqrt(s) if r == c else s / low[c, c]
                s = right[i, r]
                for t in range(r):
                    s -= low[r, t] * out[i, t]
                out[i, r] = s / low[r, r]
            for r in range(size - 1, -1, -1):
                s = out[i, r]
                for t in range(r + 1, size):
                    s -= low[t, r] * out[i, t]
                out[i, r] = s / low[r, r]
