"""A train operator times a train, kept as pairs of cores."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..backend.array import Array, dtype_name, silent
from ..backend.protocols import DType
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ..numerics.operator_cores import AppliedCore
from ._operator_algebra import applied, products
from ._sum import Summable
from ._tensor_train import TensorTrain

if TYPE_CHECKING:
    from ._tt_operator import TTOperator


class OperatorProduct(Summable):
    """What ``operator @ train`` gives: the product, as an input of tensor methods.

    Its ranks are products of ranks. `to_tensor_train` forms the cores of such ranks; a sketch of
    this object multiplies with one core after the other wherever that is cheaper, and uses the
    zeros of the operator's cores: for ranks R of the train and P of the operator, z of its
    ``P m n P`` entries not zero, and r columns, ``r (n R^2 P + z R)`` operations a mode instead of
    ``r m P^2 R^2``.

    Parameters
    ----------
    operator : TTOperator
    train : TensorTrain
        Of the shape that the operator takes.

    Raises
    ------
    ShapeError
        If it is of another shape.

    Notes
    -----
    Nothing is computed when it is made. Inner products with trains and other products go through
    one core after the other; `norm` of small ranks and `entries` form the train once, whose ranks
    are products.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       section 4.3, doi:10.1137/090752286.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> second = np.diag(np.full(7, 2.0)) - np.eye(7, k=1) - np.eye(7, k=-1)
    >>> laplacian = sketch.TTOperator.kronecker_sum([second, second, second])
    >>> x = sketch.TensorTrain([np.ones((1, 7, 1))] * 3)
    >>> product = laplacian @ x
    >>> type(product).__name__, product.shape
    ('OperatorProduct', (7, 7, 7))
    >>> sketch.tensor_train(product - x, rank=2).error.relative < 1e-14
    True
    """

    def __init__(self, operator: TTOperator, train: TensorTrain) -> None:
        if operator.in_shape != train.shape:
            raise ShapeError(
                f"an operator for trains of shape {operator.in_shape} cannot be applied to one of "
                f"shape {train.shape}"
            )
        self.operator, self.train = operator, train

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return self.operator.out_shape

    @property
    def ndim(self) -> int:
        """Number of modes."""
        return self.train.ndim

    @property
    def ranks(self) -> tuple[int, ...]:
        """Ranks of the train that it stands for: products of ranks."""
        pairs = zip(self.operator.ranks, self.train.ranks, strict=True)
        return tuple(p * r for p, r in pairs)

    @property
    def dtype(self) -> DType:
        """The dtype of products of entries."""
        x = self.operator.cores[0][0, :1, 0, 0]
        return (x * self.train.cores[0][0, :1, 0]).dtype

    def __repr__(self) -> str:
        return f"OperatorProduct({self.operator!r} @ {self.train!r})"

    @silent
    def to_tensor_train(self) -> TensorTrain:
        """Return the exact train, whose ranks are products.

        Examples
        --------
        >>> import sketch
        >>> x = sketch.TensorTrain.random((3, 4, 5), rank=2)
        >>> (sketch.TTOperator.identity(x.shape) @ x).to_tensor_train().ranks
        (2, 2)
        """
        return self._formed

    @functools.cached_property
    def _formed(self) -> TensorTrain:
        return TensorTrain(products(applied, self.operator.cores, self.train.cores))

    @property
    def T(self) -> TensorTrain:
        """The transpose: the exact train with its modes in the opposite order."""
        return self.to_tensor_train().T

    def _at_points(self, points: Points) -> Array:
        return self._formed._at_points(points)

    def _chains(self) -> list[Sequence[Array]]:
        return self._formed._chains()

    def _links(self) -> list[AppliedCore]:
        """Return the cores that are not formed, see `inner_product`."""
        factors = self.operator.factors(dtype_name(self.dtype))
        return [AppliedCore(a, x) for a, x in zip(factors, self.train.cores, strict=True)]

    def _constant(self, number: complex) -> TensorTrain:
        return self.to_tensor_train()._constant(number)
