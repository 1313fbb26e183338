"""Train operators made of matrices and trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from .._checks import Ranks, checked_tol, each_bond
from ..backend.array import Array, beside, cast, compute_dtype, namespace
from ..errors import ShapeError
from ._operator_algebra import as_matrix, as_paired_modes, kronecker_sum_cores, split
from ._tensor_train import TensorTrain
from ._train_makers import checked_sizes
from ._tt_svd import tt_svd_cores


class OperatorBuilders:
    """The class methods that make a `TTOperator`."""

    def __init__(self, cores: Sequence[Array]) -> None:
        raise NotImplementedError

    @classmethod
    def identity(cls, shape: Sequence[int], dtype: str = "float64") -> Self:
        """Return the identity on tensors of a shape, of rank 1.

        Parameters
        ----------
        shape : sequence of int
            Sizes of the modes, which are the same on both sides.
        dtype : str

        Returns
        -------
        TTOperator
            Of ``sum_k n_k^2`` numbers.

        Examples
        --------
        >>> import sketch
        >>> sketch.TTOperator.identity((3, 4))
        TTOperator((3, 4) <- (3, 4), ranks=(1,), dtype=float64)
        """
        return cls.kronecker([np.eye(n, dtype=dtype) for n in checked_sizes(shape)])

    @classmethod
    def diagonal(cls, train: TensorTrain) -> Self:
        """Return the operator that multiplies entrywise with a train, of its ranks.

        Parameters
        ----------
        train : TensorTrain
            The diagonal, as a tensor.

        Returns
        -------
        TTOperator

        Examples
        --------
        >>> import numpy as np, sketch
        >>> weights = sketch.TensorTrain.random((3, 4), rank=2)
        >>> operator = sketch.TTOperator.diagonal(weights)
        >>> bool(np.allclose(operator.to_dense(), np.diag(weights.to_array().ravel())))
        True
        """
        cores = []
        for core in train.cores:
            xp = namespace(core)
            eye = xp.eye(core.shape[1], **beside(core))
            cores.append(core[:, :, None, :] * eye[None, :, :, None])
        return cls(cores)

    @classmethod
    def kronecker(cls, matrices: Sequence[object]) -> Self:
        """Return ``A_1 x ... x A_d``, of rank 1.

        Parameters
        ----------
        matrices : sequence of array or sparse matrix, shapes (m_k, n_k)

        Returns
        -------
        TTOperator

        Raises
        ------
        DtypeError, ShapeError
            If one of them is no matrix of numbers.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> a, b = np.ones((2, 3)), np.eye(4)
        >>> bool(np.allclose(sketch.TTOperator.kronecker([a, b]).to_dense(), np.kron(a, b)))
        True
        """
        return cls([as_matrix(matrix)[None, :, :, None] for matrix in matrices])

    @classmethod
    def kronecker_sum(cls, matrices: Sequence[object]) -> Self:
        """Return ``A_1 x I x ... x I + ... + I x ... x I x A_d``, of rank 2.

        Parameters
        ----------
        matrices : sequence of array or sparse matrix, shapes (n_k, n_k)

        Returns
        -------
        TTOperator

        Raises
        ------
        ShapeError
            If there are none, or one of them is not square.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> second = 2 * np.eye(5) - np.eye(5, k=1) - np.eye(5, k=-1)
        >>> sketch.TTOperator.kronecker_sum([second] * 10).shape
        (9765625, 9765625)
        """
        dense = [as_matrix(matrix) for matrix in matrices]
        shapes = [tuple(matrix.shape) for matrix in dense]
        if not dense or any(m != n for m, n in shapes):
            raise ShapeError(f"a Kronecker sum needs square matrices, got shapes {shapes}")
        return cls(kronecker_sum_cores(dense))

    @classmethod
    def from_dense(
        cls,
        matrix: object,
        out_shape: Sequence[int],
        in_shape: Sequence[int] | None = None,
        *,
        rank: Ranks | None = None,
        tol: float | None = 1e-12,
    ) -> Self:
        """Return a matrix as an operator, by `tt_svd`.

        Parameters
        ----------
        matrix : array or sparse matrix, shape (M, N)
            With M the product of `out_shape`, N that of `in_shape`.
        out_shape, in_shape : sequence of int
            Sizes of the modes; both are the same by default.
        rank : int or sequence of d - 1 int, optional
            At most these ranks.
        tol : float, optional
            Relative error in the Frobenius norm.

        Returns
        -------
        TTOperator

        Raises
        ------
        ShapeError
            If the shapes have different numbers of modes, or do not multiply to that of the matrix.
        RankError, ToleranceError
            If a rank is not positive, or `tol` negative or no number.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> a = np.kron(np.ones((2, 3)), np.ones((4, 5)))
        >>> sketch.TTOperator.from_dense(a, (2, 4), (3, 5))
        TTOperator((2, 4) <- (3, 5), ranks=(1,), dtype=float64)
        """
        limits, tol = None, checked_tol(tol)
        rows = tuple(map(int, out_shape))
        columns = rows if in_shape is None else tuple(map(int, in_shape))
        if len(rows) != len(columns):
            raise ShapeError(f"the shapes {rows} and {columns} need the same number of modes")
        if rank is not None:
            limits = each_bond(rank, len(rows) - 1, "rank")
        whole = as_paired_modes(as_matrix(matrix), rows, columns)
        cores, _ = tt_svd_cores(cast(whole, compute_dtype(whole.dtype)), limits, tol)
        return cls([split(core, m, n) for core, m, n in zip(cores, rows, columns, strict=True)])
