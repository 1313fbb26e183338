"""Orthonormal bases of tall sums of which a sketch is at hand as well."""

from __future__ import annotations

import functools
import operator

from ..backend.array import Array, cast, dtype_name, namespace, unit_roundoff
from ..maps import DrawnMatrix
from ..numerics.factorizations import inverse_cholesky, panels
from ..numerics.linalg import adjoint, frobenius_norm, product_into

_MILD = 1e4  # condition, times the dimension: so many roundoffs are lost
_DEPENDENT = 1e3  # roundoffs of the largest column that a column must have of its own
_WELL_CONDITIONED = 1e6  # squared condition, times the dimension, that one Cholesky QR can take


class SketchedBasis:
    """An orthonormal basis ``Q = Y T_1 T_2`` of the columns of a tall matrix, as its factors.

    ``T_1`` inverts the triangular factor of a sketch ``S = Psi^* Y``, which makes Y
    well-conditioned, so that one Cholesky QR gives the rest [1]_. Y is multiplied a few rows at a
    time and Q is never formed; by one factor, ``T_1 T_2``, where the condition of Y is so small
    that this costs few digits.

    Attributes
    ----------
    sketch : array, shape (l, r)
        ``Psi^* Q``.

    References
    ----------
    .. [1] O. Balabanov, "Randomized Cholesky QR factorizations", 2022, arXiv:2210.09953.
    """

    def __init__(self, y: Array, factors: tuple[Array, ...], sketch: Array) -> None:
        self._y, self._factors = y, factors
        self.sketch = sketch

    @classmethod
    def found(cls, y: Array, sketch: Array) -> SketchedBasis | None:
        """Return the basis, or None where columns depend on others or the sketch is too narrow.

        Parameters
        ----------
        y : array, shape (m, r)
        sketch : array, shape (l, r)
            ``Psi^* Y`` with a random Psi and l well above r.
        """
        xp = namespace(y)
        identity = xp.eye(y.shape[1], dtype=y.dtype, device=y.device)
        q, r = xp.linalg.qr(sketch, mode="reduced")
        sizes = xp.abs(xp.linalg.diagonal(r))
        smallest = _DEPENDENT * unit_roundoff(dtype_name(y.dtype)) * float(xp.max(sizes))
        if not float(xp.min(sizes)) > smallest:
            return None
        first = xp.linalg.solve(r, identity)
        parts = (y[rows, :] @ first for rows in panels(y))
        gram = functools.reduce(operator.add, (adjoint(z) @ z for z in parts))
        second = inverse_cholesky(gram, identity)
        if second is None or frobenius_norm(gram) * frobenius_norm(second) ** 2 > _WELL_CONDITIONED:
            return None
        mild = frobenius_norm(r) * frobenius_norm(first) < _MILD
        return cls(y, (first @ second,) if mild else (first, second), q @ second)

    def seen_by(self, matrix: DrawnMatrix) -> Array:
        """Return ``Theta^* Q`` for a further test matrix."""
        return functools.reduce(operator.matmul, self._factors, matrix.adjoint_product(self._y))

    def times(self, x: Array, dtype: str) -> Array:
        """Return ``Q X`` for a small X (r, k), in a dtype."""
        y, (*before, last) = self._y, self._factors
        right = last @ x
        out = namespace(y).empty((y.shape[0], x.shape[1]), dtype=y.dtype, device=y.device)
        for rows in panels(y):
            whitened = functools.reduce(operator.matmul, before, y[rows, :])
            product_into(out[rows, :], whitened, right)
        return cast(out, dtype)
