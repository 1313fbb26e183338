"""Lazy sums: ``a + b`` of any mix of formats, never formed."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._checks import checked_list
from ..backend.array import (
    Array,
    HostArray,
    compute_dtype,
    dtype_name,
    gathered,
    is_dask,
    moved,
    silent,
    to_host,
)
from ..errors import DtypeError, ShapeError
from ..numerics.index_keys import Points
from ..numerics.linalg import finite_factor, multiple
from ._elements import at_points, checked_points, dense_numbers, transposed
from ._foreign import as_ours
from ._inner import inner_product
from ._norms import norm

if TYPE_CHECKING:
    from ._tensor_train import TensorTrain

MAX_DENSE_BYTES = 2_000_000_000


class Summable:
    """Arithmetic that builds a `TensorSum`; NumPy and SciPy leave their side of it to us.

    Where NumPy asks for an array it gets the dense one, up to 2 GB.
    """

    __array_ufunc__ = None  # array + self calls self.__radd__
    __array_priority__ = 1000.0

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[int, ...]: ...
        def to_tensor_train(self) -> TensorTrain: ...

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> HostArray:
        if 8 * math.prod(self.shape) > MAX_DENSE_BYTES:
            raise ShapeError(
                f"as a dense array of shape {self.shape} this is larger than "
                f"{MAX_DENSE_BYTES / 1e9:g} GB; take entries or slices, or call to_array(); "
                "(x - y).norm() compares without dense arrays"
            )
        return np.asarray(to_host(gathered(self.to_array())), dtype=dtype)

    def __add__(self, other: object) -> Summable:
        if is_number(other):
            return self if other == 0 else self._plus(other)
        return TensorSum.of(self).__add__(other)

    def __radd__(self, other: object) -> Summable:
        return self + other if is_number(other) else TensorSum.of(other) + self

    def __sub__(self, other: object) -> Summable:
        return self + -other if is_number(other) else TensorSum.of(self).__sub__(other)

    def __rsub__(self, other: object) -> Summable:
        return -self + other if is_number(other) else TensorSum.of(other) - self

    def __mul__(self, factor: object) -> Summable:
        return TensorSum.of(self) * factor

    def __rmul__(self, factor: object) -> Summable:
        return self * factor

    def __truediv__(self, divisor: object) -> Summable:
        return TensorSum.of(self) / divisor

    def __neg__(self) -> Self:
        return self * -1.0  # type: ignore[return-value]  # a format times a number is of that format

    def __matmul__(self, other: object) -> Any:
        refuse_product(other)
        return NotImplemented

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name in self.__dict__:
            raise AttributeError(
                f"{name} of a frozen {type(self).__name__} cannot be changed; make another one"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Array]:
        raise TypeError(
            f"a {type(self).__name__} is iterated neither over its parts nor over its entries; "
            "name what you want: its cores, factors or terms, entries(indices), or to_array()"
        )

    @silent
    def to_array(self) -> Array:
        """Return the dense tensor; refused beyond 2 GB like that of a `TensorTrain`.

        Returns
        -------
        array, shape (n_1, ..., n_d)

        Raises
        ------
        ShapeError
            If it would be larger than that.
        """
        return self.to_tensor_train().to_array()

    @silent
    def entries(self, indices: ArrayLike) -> Array:
        """Return single entries.

        Parameters
        ----------
        indices : array_like of int, shape (n_points, d)
            Negative indices count from the end.

        Returns
        -------
        array, shape (n_points,)

        Raises
        ------
        ShapeError
            If indices are no integers or out of bounds.
        DtypeError
            If a term of a sum is neither a structured nor a sparse tensor nor an array in memory.

        Notes
        -----
        At most ``O(d r^2)`` operations each for trains of rank r; fewer where there are many, since
        neighbouring modes are joined then. ``O(d R)`` for CP tensors of R terms, the size of the
        core for Tucker tensors. Sums are taken term by term.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> grid = sketch.TuckerTensor(np.ones((1, 1)), [np.arange(3.0)[:, None]] * 2)
        >>> (grid + 1).entries([[2, 2], [-1, 0]])
        array([5., 1.])
        """
        return self._at_points(checked_points(indices, tuple(self.shape)))

    @silent
    def dot(self, other: object) -> Any:
        """Return ``<self, other> = sum conj(self) * other``.

        Parameters
        ----------
        other : structured tensor, sum of these, sparse tensor or dense array
            Of the same shape.

        Returns
        -------
        float or complex

        Raises
        ------
        ShapeError
            If the shapes differ.
        DtypeError
            If there is no inner product with such an object.
        NonFiniteError
            If the value is beyond the range of doubles.

        Notes
        -----
        ``O(d n r^3)`` operations for trains of rank r, ``O(d n R^2)`` for CP tensors of R terms,
        ``O(d n r^5)`` for two entrywise products of trains, ``O(N r)`` for N dense entries, and
        ``O(d r^2)`` for each that a sparse tensor stores. Sums are taken term by term.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> ones = sketch.CPTensor(None, [np.ones((n, 1)) for n in (3, 4, 5)])
        >>> ones.dot(ones + 2 * np.ones((3, 4, 5)))
        180.0
        """
        return inner_product(self, other)

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm.

        Returns
        -------
        float

        Raises
        ------
        DtypeError
            If a term of a sum is neither a structured nor a sparse tensor nor an array in memory.
        NonFiniteError
            If the value, or its square where that is needed, is beyond the range of doubles.

        Notes
        -----
        Structured tensors whose ranks add up to 100 at most are put together to one train, whose
        norm is accurate however small the difference is. Sums with dense arrays are formed. All
        else is the root of ``<x, x>``, which loses half of the digits: differences below
        ``1e-8`` of the largest term are rounding.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> ones = sketch.CPTensor(None, [np.ones((n, 1)) for n in (3, 4, 3)])
        >>> round(ones.norm(), 12), round((ones - 3 * ones).norm(), 12)
        (6.0, 12.0)
        """
        return norm(self)

    def _chains(self) -> list[Sequence[Array]]:
        """Return the chains whose entrywise product the tensor is, see `inner_product`."""
        return [self.to_tensor_train().cores]

    def _at_points(self, points: Points) -> Array:
        """Return the entries at checked points (n_points, d)."""
        return self.to_tensor_train()._at_points(points)

    def _constant(self, number: complex) -> Summable:
        """Return a constant tensor of the same shape, where the format can hold one."""
        raise TypeError(
            f"cannot add the number {number} to a {type(self).__name__}: it would be added to "
            "every entry; add an array of that shape"
        )

    def _plus(self, number: complex) -> Summable:
        """Return the sum with a number that is added to every entry."""
        return self + self._constant(number)


def refuse_large(
    what: str, shape: Sequence[int], dtype: str, max_bytes: int = MAX_DENSE_BYTES
) -> None:
    """Refuse to make a dense array of more than so many bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > max_bytes:
        raise ShapeError(
            f"the dense {what} of shape {shape} needs {size / 1e9:.3g} GB, more than "
            f"max_bytes={max_bytes / 1e9:.3g} GB; take entries or slices, or raise the limit"
        )


def refuse_product(other: object) -> None:
    """Say what a product of two tensors is called, where ``*`` and ``@`` do not stand for it."""
    if isinstance(other, Summable):
        raise TypeError(
            "tensors are multiplied by numbers alone; the entrywise product of two trains is "
            "x.hadamard(y), or lazily sketch.HadamardProduct(x, y), an inner product x.dot(y)"
        )


def is_number(x: object) -> TypeGuard[complex]:
    """Whether x is a plain number of Python or of an array library."""
    return isinstance(x, numbers.Number | np.number) or getattr(x, "shape", None) == ()


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

    Notes
    -----
    Nothing is computed until a method asks for products, each of which costs what the terms cost
    together; sums of sums are one sum. `norm`, `dot` and `entries` go term by term.

    References
    ----------
    .. [1] H. Al Daas, G. Ballard, P. Cazeaux, E. Hallman, A. Miedlar, M. Pasha, T. Reid, A.
       Saibaba, "Randomized algorithms for rounding in the tensor-train format", SISC 45 (2023)
       A74-A95, arXiv:2110.04393 (why a sum need not be formed to be rounded).

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp, sketch
    >>> noise = sp.random_array((50, 40), density=0.1, random_state=0)
    >>> total = sketch.TensorSum([np.ones((50, 40)), noise], [2.0, -1.0])
    >>> total.shape, len(total.terms)
    ((50, 40), 2)
    """

    def __init__(
        self, terms: Iterable[object], coefficients: Iterable[complex] | None = None
    ) -> None:
        given = checked_list(terms, "terms", "arrays and tensors")
        summed: list[Any] = [as_ours(x) for x in given]
        if coefficients is None:
            coefficients = [1.0] * len(summed)
        coefficients = checked_list(coefficients, "coefficients", "numbers")
        if not summed or len(summed) != len(coefficients):
            raise ShapeError(
                f"a sum needs terms and one coefficient for each, got {len(summed)} terms and "
                f"{len(coefficients)} coefficients"
            )
        for term in summed:
            _check_shape(term)
        shapes = [tuple(term.shape) for term in summed]
        if len(set(shapes)) > 1:
            raise ShapeError(f"the terms of a sum must share one shape, got {shapes}")
        self.terms: tuple[Any, ...] = tuple(summed)
        self.coefficients: tuple[complex, ...] = tuple(coefficients)
        self.shape: tuple[int, ...] = shapes[0]

    @classmethod
    def of(cls, term: object) -> TensorSum:
        """Return `term` as a sum; nested sums become one.

        Parameters
        ----------
        term : array, sparse matrix or structured tensor

        Returns
        -------
        TensorSum

        Raises
        ------
        TypeError
            If it is none of these.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> len(sketch.TensorSum.of(np.ones((3, 4))).terms)
        1
        """
        return term if isinstance(term, TensorSum) else cls([term])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        kinds = " + ".join(type(term).__name__ for term in self.terms)
        return f"TensorSum(shape={self.shape}: {kinds})"

    def __add__(self, other: object) -> TensorSum:
        if is_number(other):
            return TensorSum.of(super().__add__(other))
        other = TensorSum.of(other)
        return TensorSum(self.terms + other.terms, self.coefficients + other.coefficients)

    def __sub__(self, other: object) -> TensorSum:
        return self + -(other if is_number(other) else TensorSum.of(other))

    def __mul__(self, factor: object) -> TensorSum:
        if not is_number(factor):
            refuse_product(factor)
            return NotImplemented
        number = finite_factor(factor)
        return TensorSum(self.terms, [number * c for c in self.coefficients])

    def __truediv__(self, divisor: object) -> TensorSum:
        if not is_number(divisor):
            return NotImplemented
        number = finite_factor(divisor)
        return TensorSum(self.terms, [c / number for c in self.coefficients])

    @property
    def T(self) -> TensorSum:
        """The transpose: the axes of every term in the opposite order."""
        return TensorSum(map(transposed, self.terms), self.coefficients)

    def _at_points(self, points: Points) -> Array:
        terms = zip(self.coefficients, self.terms, strict=True)
        return _total([multiple(at_points(term, points), c) for c, term in terms])

    def _constant(self, number: complex) -> Summable:
        known = [term for term in self.terms if isinstance(term, Summable)]
        return known[0]._constant(number) if known else super()._constant(number)

    @silent
    def to_array(self) -> Array:
        """Return the sum as a dense array; for small ones only.

        Returns
        -------
        array, shape (n_1, ..., n_d)

        Raises
        ------
        ShapeError
            If a term would be larger than 2 GB.
        """
        terms = zip(self.terms, self.coefficients, strict=True)
        return _total([multiple(_dense(term), c) for term, c in terms])


def _dense(term: Any) -> Array:
    """Return a term as a dense array of a dtype that is computed with."""
    if is_dask(term):
        dtype = compute_dtype(dtype_name(term.dtype))
        lazy: Array = term.map_blocks(_dense, dtype=dtype, meta=np.empty((0,) * term.ndim, dtype))
        return lazy
    for method in ("to_array", "toarray", "to_dense", "todense"):
        if hasattr(term, method):
            term = getattr(term, method)()
            break
    return dense_numbers(term)


def _total(arrays: Sequence[Array]) -> Array:
    """Return the sum of arrays, where the first lives that is not NumPy's."""
    like = next((x for x in arrays if not isinstance(x, np.ndarray)), arrays[0])
    first, *others = arrays if is_dask(like) else [moved(x, like) for x in arrays]
    return sum(others, first)


def _check_shape(term: object) -> None:
    """Refuse a term that is no array and no tensor."""
    if not hasattr(term, "shape") or isinstance(term, type):
        raise DtypeError(f"cannot add a {type(term).__name__}: it is no array and no tensor")
