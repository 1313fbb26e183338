"""The four sparse products of `_kernels`, compiled by numba. Imported only where it pays.

Products from the right share the rows of the result among threads. Those from the left scatter into
rows of the result, so each thread sums into an array of its own.
"""

from __future__ import annotations

import numba

_jit = numba.njit(parallel=True, cache=True, fastmath={"contract"}, nogil=True)
_CHUNK_ROWS = 512


@_jit
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


@_jit
def transposed_dense(indptr, indices, data, y, partial):  # type: ignore[no-untyped-def]
    """``partial[t] += A_t^T Y_t`` for the t-th share of the rows of a CSR matrix A."""
    parts, _, k = partial.shape
    m = len(indptr) - 1
    for part in numba.prange(parts):
        out = partial[part]
        for i in range(part * m // parts, (part + 1) * m // parts):
            for p in range(indptr[i], indptr[i + 1]):
                v = data[p]
                j = indices[p]
                for c in range(k):
                    out[j, c] += v * y[i, c]


@_jit
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


@_jit
def transposed_hashed(indptr, indices, data, columns, values, partial):  # type: ignore[no-untyped-def]
    """``partial[t] += A_t^T Y_t`` for the t-th share of the rows of A, Y in hashed rows."""
    parts = len(partial)
    m, nnz = columns.shape
    for part in numba.prange(parts):
        out = partial[part]
        for i in range(part * m // parts, (part + 1) * m // parts):
            for p in range(indptr[i], indptr[i + 1]):
                v = data[p]
                j = indices[p]
                for t in range(nnz):
                    out[j, columns[i, t]] += v * values[i, t]
