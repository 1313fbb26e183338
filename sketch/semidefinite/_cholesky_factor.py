"""The factor of a partial Cholesky decomposition, which grows by random pivots."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..backend.array import (
    Array,
    brought,
    dtype_name,
    namespace,
    to_host,
    unit_roundoff,
    widened,
)
from ..errors import NotSemidefiniteError
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..numerics.random import uniform_rows
from ._kernel_matrix import Indices, SemidefiniteMatrix

_STREAM = 7  # of random numbers, beside those of test matrices and seeds
_PROPOSALS = 64  # pivots proposed at once
_SAMPLES = 10  # columns that the error is estimated from
_NOISE = 100.0  # roundoffs that a residual may be below zero
_LEAST = 4.0  # roundoffs of the trace, at which nothing is left


class CholeskyFactor:
    """``A ~ F F^*`` of a semidefinite matrix, where ``A - F F^*`` is semidefinite too.

    Parameters
    ----------
    matrix : SemidefiniteMatrix
        ``2**exponent A``, shape (n, n).
    seed : int

    Attributes
    ----------
    exponent : int
        Of the power of two that keeps squares of A within the range of numbers.
    rest : ndarray, shape (n,)
        The diagonal of ``A - F F^*``.
    norm : float
        Frobenius norm of ``F F^*``.
    rounding : float
        About what rounding errors add up to in the diagonal.
    """

    def __init__(self, matrix: SemidefiniteMatrix, seed: int) -> None:
        diagonal = matrix.diagonal()
        self.dtype = dtype_name(diagonal.dtype)
        self.roundoff = unit_roundoff(self.dtype)
        self.exponent = scale_exponent(diagonal)
        diagonal = self._scaled(diagonal)
        self.rest = to_host(diagonal).real.copy()
        self.norm, self.rounding, self.width = 0.0, 0.0, 0
        self._matrix, self._seed, self._rounds = matrix, seed, 0
        self._diagonal, self._loss = self.rest.copy(), 0.0
        self._blocks: list[Array] = []
        self._none = diagonal[:, None][:, :0]
        if self.rest.size and self.rest.min() < 0:
            raise self._not_semidefinite(int(self.rest.argmin()), self.rest)

    @property
    def trace(self) -> float:
        """What is left of the trace of A: no norm of the residual is larger."""
        return float(self.rest.sum())

    @property
    def is_exhausted(self) -> bool:
        """Whether the residual is zero but for rounding errors."""
        return self.trace <= _LEAST * self.roundoff * float(self._diagonal.sum())

    def whole(self) -> Array:
        """Return F, shape (n, width)."""
        return namespace(self._none).concat([self._none, *self._blocks], axis=1)

    def grow(self, most: int) -> int:
        """Add columns, no more than make `most`, and return how many."""
        from scipy.linalg import solve_triangular

        count = min(_PROPOSALS, most - self.width)
        chance = uniform_rows(self._seed, _STREAM, self._rounds, self._rounds + 1, 2 * _PROPOSALS)
        self._rounds += 1
        chosen = _drawn(self.rest, chance[0, :count])
        block = self._residual_block(chosen)
        kept, lower = accepted(block, self.rest[chosen], chance[0, _PROPOSALS:])
        if not kept:  # rounding errors were all that was left there
            known = np.maximum(block.diagonal().real, 0.0)
            self.rest[chosen] = np.minimum(self.rest[chosen], known)
            return 0
        pivots = chosen[kept]
        columns = self._explained(self._scaled(self._matrix.columns(pivots)), pivots)
        inverse = solve_triangular(lower, np.eye(len(kept)), lower=True)
        new = columns @ adjoint(brought(inverse, columns))  # (n, b), F L^-*
        self._take_away(new, pivots, inverse)
        self._follow_norm(new)
        self._blocks.append(new)
        self.width += len(kept)
        return len(kept)

    def missed_by(self, vh: Array, s: Array) -> tuple[float, float, float]:
        """Return what ``R = A - V diag(s) V^*`` is, semidefinite: an estimate, and its least norm.

        Columns j are drawn with chances p by the diagonal of R: the mean of ``|R e_j|^2 / p_j`` is
        ``|R|^2``, and none is larger than the square of its trace.

        Returns
        -------
        norm, least, trace : float
            Of R: an estimate of the Frobenius norm, what that is at least, and the trace.
        """
        xp = namespace(vh)
        known = to_host(xp.sum(s[:, None] * xp.abs(vh) ** 2, axis=0))
        rest = np.maximum(self._diagonal - known, 0.0)
        trace = float(rest.sum())
        if trace <= _LEAST * self.roundoff * float(self._diagonal.sum()):
            return 0.0, 0.0, trace
        chance = uniform_rows(self._seed, _STREAM + 1, 0, 1, _SAMPLES)[0]
        which = _drawn(rest, chance)
        columns = self._scaled(self._matrix.columns(which))
        left = columns - (adjoint(vh) * s) @ _columns(vh, which)
        squares = to_host(xp.sum(xp.abs(left) ** 2, axis=0))
        norm = math.sqrt(float(np.mean(squares * (trace / rest[which]))))
        return norm, float(np.linalg.norm(rest)), trace

    def _explained(self, columns: Array, which: Indices) -> Array:
        """Return columns of ``A - F F^*`` from those of A."""
        for block in self._blocks:
            columns = columns - block @ adjoint(_rows(block, which))
        return columns

    def _residual_block(self, which: Indices) -> NDArray[np.complex128]:
        """Return rows and columns of ``A - F F^*``, on the host."""
        rows = to_host(self._scaled(self._matrix.block(which)))
        for block in self._blocks:
            known = to_host(_rows(block, which))
            rows = rows - known @ known.conj().T
        gap = np.abs(rows - rows.conj().T).max()
        if gap > _NOISE * self.roundoff * self._diagonal[which].max() * (1 + self.width):
            raise NotSemidefiniteError(
                "the matrix is not symmetric (Hermitian): entries across differ by "
                f"{rescaled(float(gap), self.exponent):.2g}. Give a symmetric kernel, or use svd"
            )
        return rows

    def _take_away(self, new: Array, pivots: Indices, inverse: NDArray[np.complex128]) -> None:
        """Subtract what new columns of F explain from the diagonal.

        Rounding errors of A are magnified by L^{-1}, and stay in what further columns explain.
        """
        xp = namespace(new)
        rest = self.rest - to_host(xp.sum(xp.abs(new) ** 2, axis=1))
        rest[pivots] = 0.0
        self._loss += np.sqrt(self._diagonal[pivots].max()) * np.linalg.norm(inverse, 2)
        noise = _NOISE * self.roundoff * max(1.0, self._loss) * self._diagonal
        if np.any(rest < -noise):
            raise self._not_semidefinite(int(np.argmin(rest + noise)), rest)
        self.rounding += self.roundoff * float(self._diagonal.sum())
        self.rest = np.maximum(rest, 0.0)

    def _scaled(self, entries: Array) -> Array:
        """Return entries of A of those that the matrix gave."""
        return rescaled(widened(entries), -self.exponent)

    def _not_semidefinite(self, index: int, rest: NDArray[np.float64]) -> NotSemidefiniteError:
        left = rescaled(float(rest[index]), self.exponent)
        return NotSemidefiniteError(
            f"the matrix is not positive semidefinite: what is left of its diagonal at {index} is "
            f"{left:.3g}. Check the kernel, or use svd"
        )

    def _follow_norm(self, new: Array) -> None:
        """Add what new columns make of the norm: ``|F F^*| = |F^* F|``."""
        beside = (math.sqrt(2) * frobenius_norm(adjoint(old) @ new) for old in self._blocks)
        self.norm = math.hypot(self.norm, frobenius_norm(adjoint(new) @ new), *beside)


def accepted(
    block: NDArray[np.complex128], proposed: NDArray[np.float64], chance: NDArray[np.float64]
) -> tuple[list[int], NDArray[np.complex128]]:
    """Return which proposals are pivots, and the Cholesky factor of their block.

    Parameters
    ----------
    block : ndarray, shape (b, b)
        Of the residual before any of them.
    proposed : ndarray, shape (b,)
        By which they were drawn: its diagonal.
    chance : ndarray, shape (b or more,)
        Uniform in [0, 1).

    Notes
    -----
    A proposal is kept with the probability by which its entry has fallen since.
    """
    rest = block.copy()
    lower = np.zeros_like(block)
    kept: list[int] = []
    for i in range(len(block)):
        left = float(rest[i, i].real)
        if not left > 0 or chance[i] * proposed[i] >= left:
            continue
        column = rest[:, i] / math.sqrt(left)
        column[kept] = 0.0
        rest -= np.outer(column, column.conj())
        lower[:, i] = column
        kept.append(i)
    return kept, np.tril(lower[np.ix_(kept, kept)])


def _drawn(weights: NDArray[np.float64], chance: NDArray[np.float64]) -> Indices:
    """Return indices drawn by their weights."""
    reach = np.cumsum(weights / weights.max())
    drawn: Indices = np.searchsorted(reach, chance * reach[-1], side="right")
    return drawn


def _rows(x: Array, which: Indices) -> Array:
    xp = namespace(x)
    return xp.take(x, xp.asarray(which, device=x.device), axis=0)


def _columns(x: Array, which: Indices) -> Array:
    xp = namespace(x)
    return xp.take(x, xp.asarray(which, device=x.device), axis=1)
