"""Matrices: their error, our methods, those of scikit-learn and SciPy, and the bare products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..decompose import svd
from ._work import Data, Method

if TYPE_CHECKING:  # old packages, which run this too, have other modules
    from ..backend.array import HostArray


def normal_matrix(m: int, n: int) -> HostArray:
    """Return a matrix of random normal numbers whose columns fade: singular values close to 1/i."""
    a = np.random.default_rng(0).standard_normal((m, n))
    a /= math.sqrt(m) * np.arange(1, n + 1)
    return a


def fading_entries(m: int, n: int, nnz: int) -> object:
    """Return a sparse matrix with entries at random places that fade with their row and column."""
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    i, j = rng.integers(0, m, nnz), rng.integers(0, n, nnz)
    values = rng.standard_normal(nnz) / np.sqrt((1.0 + i) * (1.0 + j))
    return sp.csr_array((values, (i, j)), shape=(m, n))


def matrix_error(rank: int) -> Callable[[object], Callable[[object], float]]:
    """Return the relative error in the Frobenius norm of U, s and Vh, or V, of a rank."""

    def of(a: Data) -> Callable[[object], float]:
        norm = math.sqrt(sum(_squares(a[rows]) for rows in _blocks(a)))

        def error(result: Any) -> float:
            u, s, vh = (np.asarray(x) for x in result)
            vh = vh if vh.shape[1] == a.shape[1] else vh.T
            left, vh = (u[:, :rank] * s[:rank]).astype(float), vh[:rank].astype(float)
            return math.sqrt(max(0.0, sum(_lost(a, r, left[r], vh) for r in _blocks(a)))) / norm

        return error

    return of


def _blocks(a: Data) -> list[slice]:
    step = max(1, 10**7 // a.shape[1])
    return [slice(start, start + step) for start in range(0, a.shape[0], step)]


def _squares(block: HostArray) -> float:
    values = np.asarray(block.data if hasattr(block, "tocsr") else block, dtype=float).ravel()
    return float(values @ values)


def _lost(a: Data, rows: slice, left: HostArray, vh: HostArray) -> float:
    """Return the squared norm of what is missing in some rows."""
    block = a[rows]
    if not hasattr(block, "tocsr"):
        return _squares(block - left @ vh)
    cross = float(((block @ vh.T) * left).sum())
    return _squares(block) - 2 * cross + float(((left.T @ left) * (vh @ vh.T)).sum())


def ours(rank: int, **options: Any) -> Method:
    """Return `svd` with options."""
    return Method(lambda a: lambda: svd(a, rank, **options))


def scikit_learn(rank: int, steps: Any, columns: int = 10) -> Method:
    """Return its randomized SVD with some power steps and columns beyond the rank."""

    def prepare(a: object) -> Callable[[], object]:
        from sklearn.utils.extmath import randomized_svd

        options = {"n_iter": steps, "n_oversamples": columns, "random_state": 0}
        return lambda: randomized_svd(a, rank, **options)

    # by default seven steps below a tenth of the size, as here
    return Method(prepare, "sklearn", 2 + 2 * (7 if steps == "auto" else steps))


def scipy_svds(rank: int) -> Method:
    """Return SciPy's iteration to full accuracy."""

    def prepare(a: Data) -> Callable[[], object]:
        from scipy.sparse.linalg import svds

        return lambda: svds(a, k=rank)

    return Method(prepare)


def products(right: int, left: int, times: int = 1) -> Method:
    """Return the bare products with a number of columns from either side, in their faster forms."""

    def prepare(a: Data) -> Callable[[], object]:
        rng, (m, n) = np.random.default_rng(1), a.shape
        omega, psi = (rng.standard_normal(s).astype(a.dtype) for s in ((right, n), (left, m)))
        return lambda: [(omega @ a.T, psi @ a) for _ in range(times)]

    return Method(prepare, readings=2 * times, approximates=False)
