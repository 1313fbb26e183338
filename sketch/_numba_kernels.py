"""The products of `_kernels`, compiled by numba. Imported only where it pays.

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


@_jit
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


@_jit
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
