"""Regression of a wide matrix on a few columns, with its residual at hand but never stored."""

from __future__ import annotations

from collections.abc import Iterator

from .._array import Array, cuts, dtype_name, namespace, unit_roundoff
from .._linalg import adjoint, thin_svd

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
    x : array, shape (r, n)
    pinv : array, shape (r, l)
        The pseudo-inverse of C, for the error estimate.
    residuals : array, shape (l,)
        Norms of the rows of ``C X - W``, computed by projection and so accurate however small.

    Notes
    -----
    A Gaussian C with ``l >= r + max(5, r / 4)`` is well conditioned and needs no threshold. Closer
    to a square, singular values below ``l * u`` times the largest are cut.
    """

    def __init__(self, c: Array, w: Array) -> None:
        xp = namespace(c)
        self._w = w
        self._q, inverse = _factors(c)
        self.pinv = inverse @ adjoint(self._q)
        self.x = xp.empty((c.shape[1], w.shape[1]), dtype=w.dtype, device=w.device)
        squares = xp.zeros(c.shape[0], dtype=xp.float64, device=w.device)
        for columns, projected, residual in self._panels():
            self.x[:, columns] = inverse @ projected
            squares += xp.sum(xp.abs(residual) ** 2, axis=1)
        self.residuals = xp.sqrt(squares)

    def residual_times(self, y: Array) -> Array:
        """Return ``(C X - W) Y`` for Y (n, k)."""
        xp = namespace(y)
        total = xp.zeros((self._w.shape[0], y.shape[1]), dtype=self._w.dtype, device=y.device)
        for columns, _, residual in self._panels():
            total += residual @ y[columns, :]
        return total

    def _panels(self) -> Iterator[tuple[slice, Array, Array]]:
        """Yield some columns, their part of ``Q^* W`` and of the residual."""
        for columns in cuts(int(self._w.shape[1]), _PANEL_COLUMNS):
            w = self._w[:, columns]
            projected = adjoint(self._q) @ w
            yield columns, projected, self._q @ projected - w


def _factors(c: Array) -> tuple[Array, Array]:
    """Return Q and T with ``C^+ = T Q^*`` and Q a basis of C's range, or of what is kept of it."""
    xp = namespace(c)
    l, r = c.shape  # noqa: E741
    if l >= r + max(5, r // 4):
        q, t = xp.linalg.qr(c, mode="reduced")
        return q, xp.linalg.solve(t, xp.eye(r, dtype=t.dtype, device=t.device))
    q, s, vh = thin_svd(c)
    cut = s > l * unit_roundoff(dtype_name(c.dtype)) * s[0]
    inverse = xp.where(cut, 1 / xp.where(cut, s, xp.ones_like(s)), xp.zeros_like(s))
    return q * xp.astype(cut, c.dtype), adjoint(vh) * inverse
