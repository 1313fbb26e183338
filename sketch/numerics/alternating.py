"""Alternating least squares over known entries: normal equations as sums, solved row by row.

The model of an entry is ``level + scale (a_i + c_j + <u_i, v_j>)``. Rows ``(u_i, a_i)`` are solved
for with columns ``(v_j, 1)``, columns ``(v_j, c_j)`` with rows ``(u_i, 1)``: both sides carry a
bias beside their factor, and are treated alike. The normal equations of one side are a product of
the pattern of what is known with packed squares of the other [1]_.

References
----------
.. [1] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, "Large-scale parallel collaborative filtering
   for the Netflix prize", AAIM 2008, LNCS 5034, 337-348.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backend.array import cuts
from .known_rows import KnownRows, Reals
from .packed import packed_solve, packed_squares

_PANEL_BYTES = 32_000_000  # of the normal equations that are held at once


@dataclass(frozen=True)
class Ridge:
    """How factors are kept small, and the units of entries.

    Attributes
    ----------
    weight : float
        Of the squares of factors, for each known entry: lambda over `scale`.
    bias_weight : float or None
        Of the square of a bias, whatever the number of entries; None where there are no biases.
    level : float
        What is taken off every entry.
    scale : float
        By which it is divided then.
    """

    weight: float
    bias_weight: float | None
    level: float
    scale: float

    def solved(self, equations: Reals, size: int) -> Reals:
        """Return the factors and biases of normal equations.

        ``(G + lambda n I) w = h`` for each, with lambda n replaced by its own weight for the bias.
        Without any known entry, w is zero.

        Parameters
        ----------
        equations : ndarray, shape (p, size (size + 1) / 2 + size)
            Packed G, of which the last entry is the number n of known entries, and h.
        size : int
            Of factor and bias together.

        Returns
        -------
        ndarray, shape (p, size)
        """
        split = equations.shape[1] - size
        n = equations[:, split - 1]
        diagonal = np.empty((len(equations), size))
        diagonal[:, :-1] = np.where(n > 0, self.weight * n, 1.0)[:, None]
        diagonal[:, -1] = np.where(n > 0, self.bias_weight or 0.0, 1.0)
        if self.bias_weight is None:  # G of the factor alone comes first in packed form
            short = equations[:, : size * (size - 1) // 2]
            solved = packed_solve(short, equations[:, split:-1], diagonal[:, :-1])
            return np.concatenate([solved, np.zeros((len(equations), 1))], axis=1)
        return packed_solve(equations[:, :split], equations[:, split:], diagonal)


def width(size: int) -> int:
    """Return how many numbers the normal equations of a factor with its bias take."""
    return size * (size + 1) // 2 + size


class OtherSide:
    """Factors of one side as the other side's equations need them.

    Parameters
    ----------
    factors : ndarray, shape (p, K)
        With their bias at the end.
    ridge : Ridge
    """

    def __init__(self, factors: Reals, ridge: Ridge) -> None:
        self.design = factors.copy()
        self.design[:, -1] = 1.0
        self.offsets = factors[:, -1]
        self.ridge = ridge
        offset = ridge.level / ridge.scale + self.offsets
        p, size = self.design.shape
        self.known = np.empty((p, width(size)))  # packed squares, and what offsets take off
        packed_squares(self.design, self.known[:, :-size])
        np.multiply(offset[:, None], self.design, out=self.known[:, -size:])

    def equations(self, products: tuple[Reals, Reals]) -> Reals:
        """Return normal equations from the products of the pattern and of the values."""
        equations, moments = products
        size = self.design.shape[1]
        moments *= 1 / self.ridge.scale
        np.subtract(moments, equations[:, -size:], out=equations[:, -size:])
        return equations


def row_factors(rows: KnownRows, columns: OtherSide) -> Reals:
    """Return the factors of rows with their biases, shape (m, K), for fixed columns."""
    m, size = rows.shape[0], columns.design.shape[1]
    out = np.empty((m, size))
    step = max(1, _PANEL_BYTES // (8 * columns.known.shape[1]))
    for start in range(0, m, step):
        panel = rows[start : start + step] if step < m else rows
        equations = columns.equations(panel.right(columns.known, columns.design))
        out[start : start + step] = columns.ridge.solved(equations, size)
    return out


def column_equations(rows: KnownRows, factors: Reals, ridge: Ridge) -> Reals:
    """Return what rows with their factors add to the equations of all columns, (n, width)."""
    m, size = factors.shape
    step = max(1, _PANEL_BYTES // (8 * width(size)))
    total: Reals | None = None
    for start in range(0, max(1, m), step):
        panel = rows[start : start + step] if step < m else rows
        side = OtherSide(factors[start : start + step], ridge)
        more = side.equations(panel.left(side.known, side.design))
        total = more if total is None else np.add(total, more, out=total)
    assert total is not None
    return total


def entries_at(
    rows: NDArray[np.intp], columns: NDArray[np.intp], left: Reals, right: Reals
) -> Reals:
    """Return ``<left_i, right_j>`` at places (i, j), for factors that lie row by row."""
    out = np.empty(len(rows))
    for cut in cuts(len(rows), max(1, _PANEL_BYTES // (16 * left.shape[1]))):
        out[cut] = np.einsum("pk,pk->p", left[rows[cut]], right[columns[cut]])
    return out
