"""Linear operators on tensors as trains of cores with two modes each."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, overload

from .._checks import Ranks
from ..backend.array import Array, cast, dtype_name, is_complex, namespace, silent
from ..backend.plain import plain
from ..backend.protocols import DType
from ..errors import ShapeError
from ..numerics.operator_cores import OperatorCore
from ._frozen import FrozenList
from ._operator_algebra import composed, dense_matrix, products, split
from ._operator_builders import OperatorBuilders
from ._operator_product import OperatorProduct
from ._sum import MAX_DENSE_BYTES, TensorSum, is_number, refuse_large
from ._tensor_train import TensorTrain

Sizes = tuple[int, ...]


class TTOperator(OperatorBuilders):
    """A linear operator on tensors, as a train of cores: a matrix product operator.

    ``A[i_1 ... i_d, j_1 ... j_d] = G_1[:, i_1, j_1, :] ... G_d[:, i_d, j_d, :]``, a matrix whose
    rows are all output indices and whose columns all input indices, in the order of ``reshape``.

    Sums, products and transposes of operators are operators, with ranks that add and multiply;
    `round` makes them small again. ``A @ train`` is lazy, an `OperatorProduct`: give it, or a sum
    of many, to `tensor_train`, which never forms its large ranks.

    Parameters
    ----------
    cores : sequence of array, shapes (r_{k-1}, m_k, n_k, r_k)
        With ``r_0 = r_d = 1``; m_k are the sizes of the output, n_k those of the input.

    Attributes
    ----------
    cores : list of array
    out_shape, in_shape : tuple of int
        Of the tensors that come out and go in.

    Raises
    ------
    ShapeError
        If the cores do not fit together.
    DtypeError
        If they are not numbers.

    Notes
    -----
    ``sum_k r_{k-1} m_k n_k r_k`` numbers. For d modes of size n, ranks P of the operator and R of a
    train, a product costs ``O(d n^2 P^2 R^2)`` operations when it is formed, one of two operators
    ``O(d n^3 P^4)``, and `round` as that of a train with modes of ``n^2``.

    References
    ----------
    .. [1] I. Oseledets, "Approximation of 2^d x 2^d matrices using tensor decomposition", SIAM J.
       Matrix Anal. Appl. 31 (2010) 2130-2145, doi:10.1137/090757861.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a, b = np.diag([1.0, 2.0]), np.ones((3, 3))
    >>> operator = sketch.TTOperator.kronecker_sum([a, b])
    >>> operator
    TTOperator((2, 3) <- (2, 3), ranks=(2,), dtype=float64)
    >>> bool(np.allclose(operator.to_dense(), np.kron(a, np.eye(3)) + np.kron(np.eye(2), b)))
    True
    """

    __array_ufunc__ = None  # number * operator calls operator.__rmul__

    def __init__(self, cores: Sequence[Array]) -> None:
        cores = [plain(core) for core in cores] if isinstance(cores, Iterable) else []
        _check_cores(cores)
        self._out = tuple(int(core.shape[1]) for core in cores)
        self._in = tuple(int(core.shape[2]) for core in cores)
        self._train = TensorTrain([_paired(core) for core in cores])

    @classmethod
    def _of(cls, train: TensorTrain, out_shape: Sizes, in_shape: Sizes) -> TTOperator:
        """Return the operator of a train whose modes are pairs (m_k, n_k)."""
        operator = object.__new__(cls)
        operator._train, operator._out, operator._in = train, out_shape, in_shape
        return operator

    def _with(self, train: TensorTrain) -> TTOperator:
        return TTOperator._of(train, self._out, self._in)

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def cores(self) -> list[Array]:
        """The cores (r, m_k, n_k, r'), in a list that cannot be changed."""
        modes = zip(self._train.cores, self._out, self._in, strict=True)
        return FrozenList(split(core, m, n) for core, m, n in modes)

    def factors(self, dtype: str) -> list[OperatorCore]:
        """Return the cores in a dtype, with the matrices that contractions multiply by.

        Parameters
        ----------
        dtype : str

        Returns
        -------
        list of OperatorCore

        Examples
        --------
        >>> import sketch
        >>> len(sketch.TTOperator.identity((3, 4)).factors("float64"))
        2
        """
        if dtype != dtype_name(self.dtype):
            return [OperatorCore(cast(core, dtype)) for core in self.cores]
        return self._factors

    @functools.cached_property
    def _factors(self) -> list[OperatorCore]:
        return list(map(OperatorCore, self.cores))

    @property
    def out_shape(self) -> Sizes:
        """Sizes m_k of the modes of what comes out."""
        return self._out

    @property
    def in_shape(self) -> Sizes:
        """Sizes n_k of the modes of what goes in."""
        return self._in

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix that it stands for."""
        return math.prod(self._out), math.prod(self._in)

    @property
    def order(self) -> int:
        """Number of modes d."""
        return len(self._out)

    @property
    def ranks(self) -> Sizes:
        """The d - 1 inner ranks."""
        return self._train.ranks

    @property
    def dtype(self) -> DType:
        """The dtype of the cores."""
        return self._train.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all cores."""
        return self._train.nbytes

    def __repr__(self) -> str:
        sizes = f"{self._out} <- {self._in}" if self.order <= 8 else f"order {self.order}"
        ranks = self.ranks if self.order <= 8 else f"up to {max(self.ranks)}"
        return f"TTOperator({sizes}, ranks={ranks}, dtype={dtype_name(self.dtype)})"

    # ---- algebra ----------------------------------------------------------------------------

    def __add__(self, other: object) -> TTOperator:
        if is_number(other) and other == 0:  # where sum() begins
            return self
        if not isinstance(other, TTOperator):
            return NotImplemented
        if (self._out, self._in) != (other._out, other._in):
            raise ShapeError(
                f"operators {self._out} <- {self._in} and {other._out} <- {other._in} cannot be "
                "added: their shapes differ"
            )
        return self._with(self._train + other._train)

    __radd__ = __add__

    def __sub__(self, other: object) -> TTOperator:
        return self + -other if isinstance(other, TTOperator) else NotImplemented

    @silent
    def __mul__(self, factor: object) -> TTOperator:
        return self._with(self._train * factor) if is_number(factor) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, divisor: object) -> TTOperator:
        return self._with(self._train / divisor) if is_number(divisor) else NotImplemented

    def __neg__(self) -> TTOperator:
        return self * -1.0

    @silent
    def __matmul__(self, other: object) -> Any:
        """Return the product with an operator, or with a tensor: then it is lazy.

        Parameters
        ----------
        other : TTOperator, TensorTrain, CPTensor, TuckerTensor, OperatorProduct, or sum of these

        Returns
        -------
        TTOperator, OperatorProduct or TensorSum
            An operator has products of ranks, as the operator of a product of three has.
        """
        if isinstance(other, TTOperator):
            return self._after(other)
        if isinstance(other, OperatorProduct):
            return self._after(other.operator) @ other.train
        if isinstance(other, TensorSum):
            return TensorSum([self @ term for term in other.terms], other.coefficients)
        if hasattr(other, "to_tensor_train"):
            other = other.to_tensor_train()
        if isinstance(other, TensorTrain):
            return OperatorProduct(self, other)
        raise TypeError(
            f"a TTOperator cannot be applied to a {type(other).__name__}; give a train, a CP or "
            "Tucker tensor, or a sum of these: tt_svd(array, tol=1e-12) makes a train of an array"
        )

    def _after(self, other: TTOperator) -> TTOperator:
        """Return the product, the other one applied first."""
        if self._in != other._out:
            raise ShapeError(
                f"an operator for tensors of shape {self._in} cannot follow one that gives tensors "
                f"of shape {other._out}"
            )
        return TTOperator(products(composed, self.cores, other.cores))

    @property
    def T(self) -> TTOperator:
        """The transpose."""
        cores = [namespace(core).permute_dims(core, (0, 2, 1, 3)) for core in self.cores]
        return TTOperator(cores)

    @property
    def H(self) -> TTOperator:
        """The conjugate transpose."""
        cores = self.T.cores
        if not is_complex(dtype_name(self.dtype)):
            return TTOperator(cores)
        return TTOperator([namespace(core).conj(core) for core in cores])

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm, see `TensorTrain.norm`."""
        return self._train.norm()

    @overload
    def round(self, rank: Ranks | None, tol: float | None = None) -> TTOperator: ...
    @overload
    def round(self, *, tol: float | None) -> TTOperator: ...
    @silent
    def round(self, rank: Ranks | None = None, tol: float | None = None) -> TTOperator:
        """Return an operator of smaller ranks, close in the Frobenius norm.

        See `TensorTrain.round`, of which it has arguments, errors and warnings.

        Parameters
        ----------
        rank : int or sequence of d - 1 int, optional
        tol : float, optional

        Returns
        -------
        TTOperator
        """
        return self._with(self._train.round(rank, tol))

    @silent
    def to_dense(self, *, max_bytes: int = MAX_DENSE_BYTES) -> Array:
        """Return the matrix, shape (M, N).

        Parameters
        ----------
        max_bytes : int
            By default 2 GB.

        Returns
        -------
        array, shape (M, N)

        Raises
        ------
        ShapeError
            If it would be larger than `max_bytes`.
        """
        refuse_large("matrix", self.shape, dtype_name(self.dtype), max_bytes)
        return dense_matrix(self.cores)


def _paired(core: Array) -> Array:
    """Return a core (r, m, n, r') with one mode for each pair: (r, m n, r')."""
    r, m, n, behind = core.shape
    return namespace(core).reshape(core, (r, m * n, behind))


def _check_cores(cores: Sequence[Array]) -> None:
    shapes = [tuple(getattr(core, "shape", ())) for core in cores]
    if not cores or any(len(shape) != 4 for shape in shapes):
        raise ShapeError(
            "a train operator needs one core of four axes (r, m, n, r') for each mode, got shapes "
            f"{shapes[:8]}"
        )
