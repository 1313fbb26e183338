"""Sums of rows and of their squares: what a block adds, and how a state holds them."""

from __future__ import annotations

import math
from typing import Any

from ..backend.array import Array, accumulator_dtype, beside, cast, dtype_name, namespace
from ..finalize import ShiftedSums
from ..maps import DrawnMatrix
from ..numerics.factor_rows import FactorRows, GivenRows
from ..numerics.linalg import adjoint
from ..sources import CentredBlock, DenseSource, MatrixBlock
from ._part import Part
from ._state import State

_PARTS = ("gram", "total", "energy", "count")
_FACTS = ("exponent", "rounding", "total_rounding", "count_rounding")


def shifted_sums(state: State) -> ShiftedSums | None:
    """Return the sums of a state as one value, None before there are any."""
    if not state.parts:
        return None
    assert state.shift is not None
    gram, total, energy, count = [state.parts[name].values for name in _PARTS]
    facts: dict[str, Any] = dict(state.facts)
    if "squares" in state.parts:
        facts["squares"] = state.parts["squares"].values
    return ShiftedSums(gram, total, float(energy[0, 0]), float(count[0, 0]), state.shift, **facts)


def holding(state: State, sums: ShiftedSums) -> State:
    """Return a state with other sums."""
    zero = namespace(sums.gram).zeros((1, 1), **beside(sums.gram, "float64"))
    values = (sums.gram, sums.total, zero + sums.energy, zero + sums.count)
    arrays = dict(zip(_PARTS, values, strict=True))
    if sums.squares is not None:
        arrays["squares"] = sums.squares
    return state.having(
        parts={name: Part.of(x) for name, x in arrays.items()},
        shift=sums.shift,
        facts={name: getattr(sums, name) for name in _FACTS},
    )


def sums_about(rows: CentredBlock, matrix: DrawnMatrix | None) -> ShiftedSums:
    """Return the sums of a block of rows about its shift."""
    block = rows.block
    m, n = block.shape
    omega = None if matrix is None else matrix.rows(0, n)
    both = _all_squares(block, rows.shift) if omega is None else _squares(block, omega)
    wide = accumulator_dtype(dtype_name(both.dtype))
    return ShiftedSums(
        cast(both[:-1, :], wide),
        cast(both[-1:, :], wide),
        rows.norm**2,
        float(m),
        rows.shift,
        rows.exponent,
        rows.roundoff * rows.norm**2 + (2 * rows.norm + rows.rounding) * rows.rounding,
        (rows.roundoff * rows.norm + rows.rounding) * math.sqrt(m),
    )


def _squares(block: MatrixBlock, omega: FactorRows) -> Array:
    """Return ``(A Omega)^* A``, and the sum of the rows below it."""
    y = block.right(omega)
    xp = namespace(y)
    ones = xp.ones((1, block.shape[0]), **beside(y))
    return block.left(GivenRows(xp.concat([y, ones], axis=0).T))


def _all_squares(block: MatrixBlock, like: Array) -> Array:
    """Return ``A^* A``, and the sum of the rows below it.

    Dense rows are not multiplied by the identity, and of the product of a real NumPy array with its
    own transpose BLAS takes one half.
    """
    if not isinstance(block, DenseSource):
        xp = namespace(like)
        return _squares(block, GivenRows(xp.eye(block.shape[1], **beside(like, "float64"))))
    a = block.array
    xp = namespace(a)
    return xp.concat([adjoint(a) @ a, xp.sum(a, axis=0)[None, :]], axis=0)
