"""Lazy sums: ``a + b`` of any mix of formats, never formed."""

from __future__ import annotations

from typing import Any

from .._array import namespace
from .._linalg import multiple
from ..errors import ShapeError


class Summable:
    """Arithmetic that builds a `TensorSum`; NumPy and SciPy leave their side of it to us."""

    __array_ufunc__ = None  # array + self calls self.__radd__
    __array_priority__ = 1000.0

    def __add__(self, other: Any) -> TensorSum:
        return TensorSum.of(self).__add__(other)

    def __radd__(self, other: Any) -> TensorSum:
        return TensorSum.of(other) + self

    def __sub__(self, other: Any) -> TensorSum:
        return TensorSum.of(self).__sub__(other)

    def __rsub__(self, other: Any) -> TensorSum:
        return TensorSum.of(other) - self

    def __mul__(self, factor: complex) -> TensorSum:
        return TensorSum.of(self) * factor

    __rmul__ = __mul__

    def __neg__(self) -> TensorSum:
        return -TensorSum.of(self)


class TensorSum(Summable):
    """A lazy linear combination of matrices or tensors of one shape, in any formats.

    Made by ``+``, ``-`` and ``*`` of structured objects with each other, with arrays and with
    sparse matrices, or from a list. Sketching it costs the sum of what its terms cost.

    Parameters
    ----------
    terms : sequence
        Arrays, sparse matrices, structured tensors or sums, all of one shape.
    coefficients : sequence of numbers, optional
        One for each term; all 1 by default.

    Raises
    ------
    ShapeError
        If there is no term or the shapes differ.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp, sketch
    >>> noise = sp.random_array((50, 40), density=0.1, random_state=0)
    >>> total = sketch.TensorSum([np.ones((50, 40)), noise], [2.0, -1.0])
    >>> total.shape, len(total.terms)
    ((50, 40), 2)
    """

    def __init__(self, terms: Any, coefficients: Any = None) -> None:
        terms = list(terms)
        coefficients = [1.0] * len(terms) if coefficients is None else list(coefficients)
        if not terms or len(terms) != len(coefficients):
            raise ShapeError(
                f"a sum needs terms and one coefficient for each, got {len(terms)} terms and "
                f"{len(coefficients)} coefficients"
            )
        shapes = [tuple(term.shape) for term in terms]
        if len(set(shapes)) > 1:
            raise ShapeError(f"the terms of a sum must share one shape, got {shapes}")
        self.terms: tuple[Any, ...] = tuple(terms)
        self.coefficients: tuple[complex, ...] = tuple(coefficients)
        self.shape: tuple[int, ...] = shapes[0]

    @classmethod
    def of(cls, term: Any) -> TensorSum:
        """Return `term` as a sum; nested sums become one."""
        return term if isinstance(term, TensorSum) else cls([term])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        kinds = " + ".join(type(term).__name__ for term in self.terms)
        return f"TensorSum(shape={self.shape}: {kinds})"

    def __add__(self, other: Any) -> TensorSum:
        other = TensorSum.of(other)
        return TensorSum(self.terms + other.terms, self.coefficients + other.coefficients)

    def __sub__(self, other: Any) -> TensorSum:
        return self + -TensorSum.of(other)

    def __rsub__(self, other: Any) -> TensorSum:
        return TensorSum.of(other) + -self

    def __mul__(self, factor: complex) -> TensorSum:
        return TensorSum(self.terms, [factor * c for c in self.coefficients])

    __rmul__ = __mul__

    def __neg__(self) -> TensorSum:
        return self * -1.0

    def to_array(self) -> Any:
        """Return the sum as a dense array; for small ones only."""
        terms = zip(self.terms, self.coefficients, strict=True)
        dense = [multiple(_dense(term), c) for term, c in terms]
        total = dense[0]
        for array in dense[1:]:
            total = total + array
        return total


def _dense(term: Any) -> Any:
    for method in ("to_array", "toarray"):
        if hasattr(term, method):
            return getattr(term, method)()
    namespace(term)
    return term
