"""Regression of a wide matrix on a few columns, with its residual at hand but never stored."""

from __future__ import annotations

from ..backend.array import Array, cuts, dtype_name, namespace, unit_roundoff
from ..numerics.factorizations import thin_svd, wide_svd
from ..numerics.linalg import adjoint

_PANEL_COLUMNS = 4096  # of the wide matrix that are worked on at once


class LeastSquares:
    """Solution of ``min ||C X - W||`` for a tall C by QR, or by an SVD where C is nearly square.

    Parameters
    ----------
    c : array, shape (l, r)
        With ``l >= r``.
    w : array, shape (l, n)

    Attributes
    ----------
    pinv : array, shape (r, l)
        The pseudo-inverse of C, for the error estimate.

    Notes
    -----
    A Gaussian C with ``l >= r + max(5, r / 4)`` is well conditioned and needs no threshold. Closer
    to a square, singular values below ``l * u`` times the largest are cut.
    """

    def __init__(self, c: Array, w: Array) -> None:
        self._w = w
        self._q, self._inverse = _factors(c)
        self._projected = adjoint(self._q) @ w
        self.pinv = self._inverse @ adjoint(self._q)

    def svd(self) -> tuple[Array, Array, Array]:
        """Return the thin SVD of X, which is not formed itself."""
        return wide_svd(self._projected, self._inverse)

    def residual_times(self, y: Array) -> tuple[Array, Array]:
        """Return ``(C X - W) Y`` for Y (n, k), and the norms of the rows of ``C X - W``.

        The residual is computed by projection, and so is accurate however small.
        """
        xp, w = namespace(y), self._w
        total = xp.zeros((w.shape[0], y.shape[1]), dtype=w.dtype, device=y.device)
        squares = xp.zeros(w.shape[0], dtype=xp.float64, device=y.device)
        for columns in cuts(int(w.shape[1]), _PANEL_COLUMNS):
            residual = self._q @ self._projected[:, columns] - w[:, columns]
            total += residual @ y[columns, :]
            squares += xp.sum(xp.abs(residual) ** 2, axis=1)
        return total, xp.sqrt(squares)


def _factors(c: Array) -> tuple[Array, Array]:
    """Return Q and T with ``C^+ = T Q^*`` and Q a basis of C's range, or of what is kept of it."""
    xp = namespace(c)
    l, r = c.shape  # noqa: E741
    if l >= r + max(5, r // 4) or r == 0:
        q, t = xp.linalg.qr(c, mode="reduced")
        return q, xp.linalg.solve(t, xp.eye(r, dtype=t.dtype, device=t.device))
    q, s, vh = thin_svd(c)
    cut = s > l * unit_roundoff(dtype_name(c.dtype)) * s[0]
    inverse = xp.where(cut, 1 / xp.where(cut, s, xp.ones_like(s)), xp.zeros_like(s))
    return q * xp.astype(cut, c.dtype), adjoint(vh) * inverse
