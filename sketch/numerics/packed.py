"""Many small symmetric systems at once, each in packed form: the lower triangle, row by row."""

from __future__ import annotations

import numpy as np

from .kernels import compiled_solves
from .known_rows import Reals

_UNPACKED_BYTES = 32_000_000
_LEAST_RIDGE = 1e-13  # of the mean diagonal: systems that are singular have a small solution


def packed(full: Reals) -> Reals:
    """Return symmetric matrices (p, K, K) in packed form."""
    first, second = np.tril_indices(full.shape[-1])
    return full[:, first, second]


def unpacked(packed: Reals, size: int) -> Reals:
    """Return packed matrices in full, shape (p, K, K)."""
    first, second = np.tril_indices(size)
    full = np.empty((len(packed), size, size))
    full[:, first, second] = full[:, second, first] = packed
    return full


def packed_squares(x: Reals, out: Reals | None = None) -> Reals:
    """Return ``x_i x_i^T`` of all rows in packed form, shape (p, K (K + 1) / 2)."""
    p, size = x.shape
    out = np.empty((p, size * (size + 1) // 2)) if out is None else out
    for k in range(size):
        start = k * (k + 1) // 2
        np.multiply(x[:, : k + 1], x[:, k : k + 1], out=out[:, start : start + k + 1])
    return out


def packed_solve(packed: Reals, right: Reals, diagonal: Reals) -> Reals:
    """Return the solutions of ``(A_i + diag(d_i)) x_i = b_i``.

    Parameters
    ----------
    packed : ndarray, shape (p, K (K + 1) / 2)
        Positive semidefinite matrices.
    right, diagonal : ndarray, shape (p, K)

    Returns
    -------
    ndarray, shape (p, K)
    """
    p, size = right.shape
    out = np.zeros((p, size))
    if not out.size:
        return out
    on_diagonal = np.cumsum(np.arange(1, size + 1)) - 1
    mean = packed[:, on_diagonal].mean(axis=1, keepdims=True)
    diagonal = diagonal + (_LEAST_RIDGE * mean + np.finfo(float).tiny)
    if compiled_solves(p, size, packed, right, diagonal, out):
        return out
    step = max(1, _UNPACKED_BYTES // (8 * size * size))
    for start in range(0, p, step):
        cut = slice(start, start + step)
        full = unpacked(packed[cut], size)
        full[:, range(size), range(size)] += diagonal[cut]
        out[cut] = np.linalg.solve(full, right[cut][:, :, None])[:, :, 0]
    return out
