"""CP tensors: frozen containers, inputs of every tensor method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._checks import checked_list
from ..backend.array import Array, beside, compute_dtype, dtype_name, namespace, silent
from ..backend.protocols import DType
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ..numerics.linalg import multiple
from ._elements import rows_at
from ._factored import FactoredTensor, jointly_cast, plain_array
from ._interchange import tensorly_cp
from ._norms import chain_cores, norm
from ._tensor_train import TensorTrain
from ._terms import all_with_terms


class CPTensor(FactoredTensor):
    """A CP tensor: a weighted sum of rank-one tensors.

    ``sum_j w_j v_j^(1) o ... o v_j^(d)``.

    Parameters
    ----------
    weights : array, shape (R,), or None
        None stands for ones.
    factors : sequence of array, shapes (n_k, R)
        Weights and factors are kept in their joint floating dtype; of no terms, one of zeros.

    Raises
    ------
    ShapeError
        If the factors do not share R columns.
    DtypeError, NonFiniteError
        If they are not numbers, or masked.

    Notes
    -----
    ``R (1 + sum_k n_k)`` numbers. As a train it has rank R, but is contracted in its own form: for
    sizes l and r of a sketch and test trains of rank q, ``n R (q (l + r) + l r)`` operations a mode
    instead of ``n R (R + q) (l + r)``. An entry costs ``O(d R)``, an inner product ``O(d n R^2)``.

    References
    ----------
    .. [1] T. Kolda, B. Bader, "Tensor decompositions and applications", SIAM Rev. 51 (2009)
       455-500, doi:10.1137/07070111X.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> t = sketch.CPTensor(None, [np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 2))])
    >>> t.shape, float(t.to_array()[0, 0, 0])
    ((3, 4, 5), 2.0)
    """

    def __init__(self, weights: Array | None, factors: Sequence[Array]) -> None:
        kept = [plain_array(f) for f in checked_list(factors, "factors", "arrays (n_k, R)")]
        if not kept or any(f.ndim != 2 for f in kept):
            shapes = [tuple(f.shape) for f in kept]
            raise ShapeError(f"a CP tensor needs one factor (n_k, R) for each mode, got {shapes}")
        terms = int(kept[0].shape[1])
        if weights is None:
            weights = namespace(*kept).ones(
                (terms,), **beside(kept[0], compute_dtype(kept[0].dtype))
            )
        weights = plain_array(weights)
        if weights.ndim != 1 or {terms} != {
            int(n) for n in (*weights.shape, *(f.shape[1] for f in kept))
        }:
            raise ShapeError(
                f"weights (R,) and factors (n_k, R) must share one number of terms, got weights of "
                f"shape {tuple(weights.shape)} and factors {[tuple(f.shape) for f in kept]}"
            )
        self.weights: Array
        self.weights, self.factors = jointly_cast(*all_with_terms(weights, kept))

    @property
    def dtype(self) -> DType:
        """The dtype of weights and factors."""
        return self.factors[0].dtype

    def __repr__(self) -> str:
        return f"CPTensor(shape={self.shape}, terms={self.weights.shape[0]})"

    def _left_factor(self) -> Array:
        return self.factors[0] * self.weights

    @silent
    def to_tensor_train(self) -> TensorTrain:
        """Return the exact train of rank R, with diagonal inner cores.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2)), np.eye(5, 2)])
        >>> cp.to_tensor_train().ranks
        (2, 2)
        """
        (chain,) = self._chains()
        return TensorTrain(chain_cores(chain))

    def to_tensorly(self) -> Any:
        """Return a ``CPTensor`` of TensorLy, of the same arrays.

        Returns
        -------
        tensorly.cp_tensor.CPTensor

        Raises
        ------
        SketchError
            If TensorLy is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2))])
        >>> cp.to_tensorly().shape  # doctest: +SKIP
        (3, 4)
        """
        return tensorly_cp(self.weights, self.factors)

    @property
    def T(self) -> CPTensor:
        """The transpose: the modes in the opposite order."""
        return CPTensor(self.weights, self.factors[::-1])

    @property
    def _numbers_of_an_entry(self) -> int:
        return int(self.weights.shape[0])

    def _entries(self, points: Points) -> Array:
        terms = self.weights[None, :]  # (points, R)
        for factor, places in zip(self.factors, points.T, strict=True):
            terms = terms * rows_at(factor, places)
        return namespace(terms).sum(terms, axis=1)

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm, see `TensorSum.norm`.

        By triangular factors of the factors, of R rows at most: ``O(d n R^2 + d R^4)`` operations,
        without the last term beyond 100 terms.
        """
        return norm(CPTensor(self.weights, self._triangles()))

    def _chains(self) -> list[Sequence[Array]]:
        return [[self.factors[0] * self.weights, *self.factors[1:]]]

    def _constant(self, number: complex) -> CPTensor:
        return constant_like(self, self.factors[0], number)


def constant_like(x: Any, like: Array, number: complex) -> CPTensor:
    """Return a constant of the shape of x, in the library of `like`."""
    xp, home = namespace(like), beside(like, dtype_name(like.dtype))
    return CPTensor(
        multiple(xp.ones((1,), **home), number), [xp.ones((n, 1), **home) for n in x.shape]
    )
