"""Block Golub-Kahan bidiagonalisation of a matrix of any format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..backend.array import HostArray, quiet, to_host, unit_roundoff
from ..errors import NonFiniteError
from ..numerics.factor_rows import GivenRows
from ..numerics.linalg import adjoint, rescaled, scale_exponent
from ..sources import MatrixSource

Matrix = HostArray

_NEW = 50.0  # roundoffs of a block below which directions of the next one are rounding errors


class Products:
    """Products with a matrix, or with its adjoint in its place, as arrays of the host.

    The matrix is scaled by a power of two, where its first product is so large or small that
    squares are not safe.

    Attributes
    ----------
    exponent : int
        Of the power that products are divided by.
    count : int
        Products of A or of its adjoint with a vector, so far.
    """

    def __init__(self, source: MatrixSource, *, adjoint: bool) -> None:
        self._source, self._adjoint, self.count = source, adjoint, 0
        self.exponent = 0
        self.roundoff = unit_roundoff(source.dtype)

    @classmethod
    def shorter(cls, source: MatrixSource) -> tuple[Products, int]:
        """Return the products that take vectors of the shorter axis, and how long these are."""
        m, n = source.shape
        if m is None or n <= m:
            return cls(source, adjoint=False), n
        return cls(source, adjoint=True), m

    def times(self, x: Matrix) -> Matrix:
        """Return ``A X``."""
        with quiet():  # what is not finite is found in the products
            return self._from_left(x) if self._adjoint else self._from_right(x)

    def adjoint_times(self, y: Matrix) -> Matrix:
        """Return ``A^* Y``."""
        with quiet():
            return self._from_right(y) if self._adjoint else self._from_left(y)

    def _from_right(self, x: Matrix) -> Matrix:
        """Return the data times X."""
        parts = [
            (at[0], to_host(block.right(GivenRows(x[at[1] : at[1] + block.shape[1], :]))).T)
            for at, block in self._source.blocks()
        ]
        return self._put_together(parts, self._source.shape[0], x.shape[1])

    def _from_left(self, y: Matrix) -> Matrix:
        """Return the adjoint of the data times Y."""
        parts = [
            (at[1], adjoint(to_host(block.left(GivenRows(y[at[0] : at[0] + block.shape[0], :])))))
            for at, block in self._source.blocks()
        ]
        return self._put_together(parts, self._source.shape[1], y.shape[1])

    def _put_together(
        self, parts: list[tuple[int, Matrix]], rows: int | None, width: int
    ) -> Matrix:
        """Return the sum of parts that begin at given rows, in double precision."""
        rows = rows or max((start + len(part) for start, part in parts), default=0)
        dtype = np.result_type(np.float64, *(part.dtype for _, part in parts))
        total = np.zeros((rows, width), dtype)
        for start, part in parts:
            total[start : start + len(part)] += part
        if not np.isfinite(total).all():
            raise NonFiniteError("products with the data are not finite: they hold NaN or infinity")
        if not self.count:
            self.exponent = scale_exponent(total)
        self.count += width
        scaled: Matrix = rescaled(total, -self.exponent)
        return scaled


@dataclass(frozen=True)
class Bidiagonal:
    """``A V = U C`` for orthonormal V and U, with a block upper bidiagonal C.

    Attributes
    ----------
    v : ndarray, shape (n, L)
    c : ndarray, shape (L', L)
    behind : ndarray, shape (b, w')
        Of ``A^* U = V C^* + X [0, behind]``, where X is the block that would follow.
    first : int
        Columns of the first block of V.
    steps : int
        Number of blocks.
    """

    v: Matrix
    c: Matrix
    behind: Matrix
    first: int
    steps: int

    def singular_triples(self) -> tuple[Matrix, Matrix, Matrix]:
        """Return singular values of C, approximate right vectors of A, and their residuals.

        These are ``||A^* u - sigma v||``, while ``A v = sigma u`` holds to rounding.
        """
        p, s, qh = np.linalg.svd(self.c, full_matrices=False)
        last = p[len(p) - self.behind.shape[1] :, :]
        return s, self.v @ adjoint(qh), np.linalg.norm(self.behind @ last, axis=0)

    def quadratic_forms(self, r: Matrix, power: float, scale: float) -> tuple[Matrix, Matrix]:
        """Return ``g^* (A^* A / scale^2)^{power/2} g`` for columns g = X r, by two rules.

        Those of Gauss, and of Gauss and Radau with a node at 0, which the part of C behind the last
        block gives without a further product. Derivatives of ``x^{power/2}`` of high order
        alternate in sign, and so do the errors of the rules: the truth is between the two.

        References
        ----------
        .. [1] G. Golub, G. Meurant, "Matrices, Moments and Quadrature with Applications",
           Princeton University Press, 2010, chapters 3 and 6.
        """
        above = adjoint(self.behind)
        none = np.zeros((len(self.c) - len(above), above.shape[1]))
        wider = np.hstack([self.c, np.vstack([none, above])])
        gauss, radau = (self._forms(c, r, power, scale) for c in (self.c, wider))
        return gauss, radau

    def _forms(self, c: Matrix, r: Matrix, power: float, scale: float) -> Matrix:
        """Return the quadratic forms of the first block of ``(C^* C / scale^2)^{power / 2}``."""
        _, s, qh = np.linalg.svd(c, full_matrices=False)
        seen = np.abs(qh[:, : self.first] @ r) ** 2
        forms: Matrix = ((s / scale) ** power) @ seen
        return forms


def bidiagonalized(
    products: Products,
    x: Matrix,
    steps: int,
    deflated: Matrix | None = None,
    enough: Callable[[Bidiagonal], bool] = lambda found: False,
) -> Bidiagonal:
    """Return up to `steps` blocks that begin with orthonormal columns X (n, w).

    Each takes ``2 w`` products. V is orthogonalised against itself, and against `deflated`, right
    vectors that X is orthogonal to; U only within and to its last block [1]_. Fewer blocks where
    the space is invariant, or what was found is enough.

    References
    ----------
    .. [1] H. Simon, H. Zha, "Low-rank matrix approximation using the Lanczos process with
       applications", SISC 21 (2000) 2257-2274.
    """
    avoided = x if deflated is None else np.hstack([deflated, x])
    left, coupling = np.empty((0, 0)), np.empty((0, x.shape[1]))
    blocks: list[tuple[Matrix, Matrix]] = []  # above the diagonal and on it
    size = 0.0
    while True:
        y = products.times(x)
        if blocks:
            y = y - left @ coupling
        size = float(np.hypot(size, np.linalg.norm(y)))
        least = _NEW * products.roundoff * size
        left, r = _orthonormalized(y, least)
        blocks.append((coupling, r))
        z = products.adjoint_times(left) if left.shape[1] else np.empty((len(x), 0), x.dtype)
        for _ in range(2):
            z = z - avoided @ (adjoint(avoided) @ z)
        following, behind = _orthonormalized(z, least)
        v = avoided if deflated is None else avoided[:, deflated.shape[1] :]
        found = Bidiagonal(v, _bidiagonal(blocks), behind, blocks[0][1].shape[1], len(blocks))
        if len(blocks) == steps or not following.shape[1] or enough(found):
            return found
        x, coupling = following, adjoint(behind)
        avoided = np.hstack([avoided, x])


def _orthonormalized(y: Matrix, least: float) -> tuple[Matrix, Matrix]:
    """Return U and R with ``Y = U R``, of as many columns as Y has directions above `least`."""
    q, r = np.linalg.qr(y)
    u, s, vh = np.linalg.svd(r)
    kept = int((s > least).sum())
    return q @ u[:, :kept], s[:kept, None] * vh[:kept, :]


def _bidiagonal(blocks: list[tuple[Matrix, Matrix]]) -> Matrix:
    """Return the matrix with given blocks above and on its diagonal."""
    rows = np.cumsum([0, *(r.shape[0] for _, r in blocks)])
    columns = np.cumsum([0, *(r.shape[1] for _, r in blocks)])
    dtype = np.result_type(*(r.dtype for _, r in blocks))
    c = np.zeros((rows[-1], columns[-1]), dtype)
    for k, (above, r) in enumerate(blocks):
        across = slice(columns[k], columns[k + 1])
        c[rows[k] : rows[k + 1], across] = r
        if k:
            c[rows[k - 1] : rows[k], across] = above
    return c
