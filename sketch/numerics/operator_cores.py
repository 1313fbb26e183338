"""Cores of train operators as matrices, sparse ones where that pays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..backend.array import Array, namespace, to_host
from .linalg import product

SPARSE_WORK = 12  # dense products run so many multiply-adds in the time of a sparse one


class OperatorCore:
    """A core A (p, m, n, q) of an operator, and the two matrices that contractions multiply by.

    Parameters
    ----------
    array : array, shape (p, m, n, q)
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    @functools.cached_property
    def by_inputs(self) -> object:
        """The matrix (p m, q n), in compressed rows where it is sparse."""
        return _factor(self.array, (0, 1, 3, 2))

    @functools.cached_property
    def by_outputs(self) -> object:
        """The matrix (m q, p n), in compressed rows where it is sparse."""
        return _factor(self.array, (1, 3, 0, 2))


def times(factor: Any, x: Array) -> Array:
    """Return one of the two matrices times a dense one."""
    return np.asarray(factor @ x) if hasattr(factor, "nnz") else product(factor, x)


def _factor(a: Array, axes: tuple[int, int, int, int]) -> Any:
    """Return a core as a matrix, the first two of the axes against the others.

    In compressed rows where NumPy holds it and so few entries are not zero that this is faster.
    """
    xp = namespace(a)
    moved = xp.permute_dims(a, axes)
    matrix = xp.reshape(moved, (moved.shape[0] * moved.shape[1], -1))
    if not isinstance(a, np.ndarray) or SPARSE_WORK * np.count_nonzero(a) > a.size:
        return matrix
    from scipy.sparse import csr_array

    return csr_array(to_host(matrix))
