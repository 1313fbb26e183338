"""Rows of a tall matrix whose square submatrix has a large volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray

Matrix = HostArray

_GROWTH = 1.05  # of the volume, for which a row is exchanged
_EXCHANGES = 10  # at most, for each row


def dominant_rows(q: Matrix) -> tuple[NDArray[np.intp], Matrix]:
    """Return rows of an orthonormal Q (m, r) and the coefficients ``C = Q Q[rows]^{-1}`` (m, r).

    LU with pivots chooses the first rows; then rows are exchanged while that multiplies the volume
    by more than 1.05, after which no coefficient is larger than that. ``O(m r^2)`` operations, and
    ``O(m r)`` for each exchange.

    References
    ----------
    .. [1] S. Goreinov, I. Oseledets, D. Savostyanov, E. Tyrtyshnikov, N. Zamarashkin, "How to find
       a good submatrix", in Matrix Methods: Theory, Algorithms and Applications (2010) 247-256,
       doi:10.1142/9789812836021_0015.
    """
    from scipy.linalg import lu_factor

    rank, order = q.shape[1], np.arange(len(q))
    for place, other in enumerate(lu_factor(q, check_finite=False)[1].tolist()):
        order[[place, other]] = order[[other, place]]
    rows = order[:rank]
    coefficients = np.linalg.solve(q[rows].T, q.T).T
    for _ in range(_EXCHANGES * rank):
        row, column = np.unravel_index(np.argmax(np.abs(coefficients)), coefficients.shape)
        pivot = coefficients[row, column]
        if not abs(pivot) > _GROWTH:
            break
        change = coefficients[row].copy()  # the row comes in, that of the column goes
        change[column] -= 1
        coefficients -= np.outer(coefficients[:, column], change / pivot)
        rows[column] = row
    return rows, coefficients
