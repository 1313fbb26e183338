"""Entrywise products of trains, kept as pairs of cores."""

from __future__ import annotations

from collections.abc import Sequence

from ..backend.array import Array, silent
from ..backend.protocols import DType
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ._sum import Summable
from ._tensor_train import TensorTrain


class HadamardProduct(Summable):
    """The entrywise product of two trains, as an input of tensor methods.

    Its ranks are products of ranks. `TensorTrain.hadamard` forms the cores of such ranks; a sketch
    of this object works with the two trains instead, and so do inner products.

    Parameters
    ----------
    first, second : TensorTrain
        Of one shape.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Notes
    -----
    For ranks R and blocks of test tensors of rank q, ``n (R^3 r + R^2 r q)`` operations a mode for
    a sketch of r columns instead of ``n R^4 r``. The norm costs ``O(n R^5)`` a mode where the
    product of the ranks exceeds 100, and an entry ``O(d R^2)``.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       section 4.2, doi:10.1137/090752286.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i, j, k = np.ogrid[:6, :7, :8]
    >>> x = sketch.tt_svd(1.0 / (1 + i + j + k), rank=4)
    >>> square = sketch.tensor_train(sketch.HadamardProduct(x, x), rank=5)
    >>> bool(np.abs(square.to_array() - x.to_array() ** 2).max() < 1e-4)
    True
    """

    def __init__(self, first: TensorTrain, second: TensorTrain) -> None:
        if first.shape != second.shape:
            raise ShapeError(f"the shapes {first.shape} and {second.shape} differ")
        self.first, self.second = first, second

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return self.first.shape

    @property
    def ndim(self) -> int:
        """Number of modes."""
        return self.first.ndim

    @property
    def ranks(self) -> tuple[int, ...]:
        """Ranks of the train that it stands for: products of ranks."""
        pairs = zip(self.first.ranks, self.second.ranks, strict=True)
        return tuple(a * b for a, b in pairs)

    @property
    def dtype(self) -> DType:
        """The dtype of products of entries."""
        return (self.first.cores[0][0, :1, 0] * self.second.cores[0][0, :1, 0]).dtype

    def __repr__(self) -> str:
        return f"HadamardProduct({self.first!r}, {self.second!r})"

    @property
    def T(self) -> HadamardProduct:
        """The transpose: the modes in the opposite order."""
        return HadamardProduct(self.first.T, self.second.T)

    def _at_points(self, points: Points) -> Array:
        return self.first._at_points(points) * self.second._at_points(points)

    def _chains(self) -> list[Sequence[Array]]:
        return [self.first.cores, self.second.cores]

    def _constant(self, number: complex) -> TensorTrain:
        return self.first._constant(number)

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
        return self.first.to_array() * self.second.to_array()
