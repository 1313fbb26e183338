"""Tucker tensors: frozen containers, inputs of every tensor method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .._checks import checked_list
from ..backend.array import Array, namespace, silent
from ..backend.protocols import DType
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ..numerics.linalg import frobenius_norm
from ._cp import CPTensor, constant_like
from ._elements import rows_at
from ._factored import FactoredTensor, jointly_cast, plain_array
from ._interchange import tensorly_tucker
from ._tensor_train import TensorTrain
from ._terms import all_with_terms


class TuckerTensor(FactoredTensor):
    """A core tensor multiplied by a factor in each mode.

    Parameters
    ----------
    core : array, shape (m_1, ..., m_d)
    factors : sequence of array, shapes (n_k, m_k)
        Core and factors are kept in their joint floating dtype.

    Raises
    ------
    ShapeError
        If a factor does not fit the core.
    DtypeError, NonFiniteError
        If they are not numbers, or masked.

    Notes
    -----
    ``prod_k m_k + sum_k n_k m_k`` numbers. An entry costs as many operations as the core has
    numbers, the norm as many times the largest m_k, and the train is found by QR decompositions of
    the core; its ranks may be as large as products of the m_k.

    References
    ----------
    .. [1] T. Kolda, B. Bader, "Tensor decompositions and applications", SIAM Rev. 51 (2009)
       455-500, doi:10.1137/07070111X.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> t = sketch.TuckerTensor(np.ones((1, 2)), [np.ones((3, 1)), np.ones((4, 2))])
    >>> t.shape, float(t.to_array()[0, 0])
    ((3, 4), 2.0)
    """

    def __init__(self, core: Array, factors: Sequence[Array]) -> None:
        factors = checked_list(factors, "factors", "arrays (n_k, m_k)")
        core, kept = plain_array(core), [plain_array(f) for f in factors]
        columns = tuple(int(f.shape[1]) if f.ndim == 2 else -1 for f in kept)
        if columns != tuple(core.shape) or not kept:
            raise ShapeError(
                f"factors (n_k, m_k) must match the core of shape {tuple(core.shape)}, got columns "
                f"{columns}"
            )
        self.core: Array
        self.core, self.factors = jointly_cast(*all_with_terms(core, kept))

    @property
    def dtype(self) -> DType:
        """The dtype of core and factors."""
        return self.core.dtype

    def __repr__(self) -> str:
        return f"TuckerTensor(shape={self.shape}, core={tuple(self.core.shape)})"

    def _left_factor(self) -> Array:
        return self.factors[0] @ self.core

    @silent
    def to_tensor_train(self) -> TensorTrain:
        """Return the exact train, by QR decompositions of the core and no truncation."""
        xp = namespace(self.core)
        rest = self.core
        cores: list[Array] = []
        for mode, factor in enumerate(self.factors):
            m = factor.shape[1]
            before = 1 if mode == 0 else cores[-1].shape[2]
            core = xp.reshape(rest, (before * m, -1))
            if mode < self.ndim - 1:
                core, rest = xp.linalg.qr(core, mode="reduced")
            moved = xp.tensordot(xp.reshape(core, (before, m, -1)), factor, axes=((1,), (1,)))
            cores.append(xp.permute_dims(moved, (0, 2, 1)))
        return TensorTrain(cores)

    def to_tensorly(self) -> Any:
        """Return a ``TuckerTensor`` of TensorLy, of the same arrays.

        Returns
        -------
        tensorly.tucker_tensor.TuckerTensor

        Raises
        ------
        SketchError
            If TensorLy is not installed.
        """
        return tensorly_tucker(self.core, self.factors)

    @property
    def T(self) -> TuckerTensor:
        """The transpose: the modes in the opposite order."""
        xp = namespace(self.core)
        core = xp.permute_dims(self.core, tuple(reversed(range(self.ndim))))
        return TuckerTensor(core, self.factors[::-1])

    @property
    def _numbers_of_an_entry(self) -> int:
        return math.prod(self.core.shape[1:])

    def _entries(self, points: Points) -> Array:
        xp = namespace(self.core)
        rest = self.core[None, ...]  # (points, this mode, later modes)
        for mode, (factor, places) in enumerate(zip(self.factors, points.T, strict=True)):
            later = math.prod(self.core.shape[mode + 1 :])
            rest = xp.reshape(rest, (rest.shape[0], factor.shape[1], later))
            rest = (rows_at(factor, places)[:, None, :] @ rest)[:, 0, :]
        return rest[:, 0]

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm: that of the core times triangular factors of the factors."""
        return frobenius_norm(TuckerTensor(self.core, self._triangles()).to_array())

    def _constant(self, number: complex) -> CPTensor:
        return constant_like(self, self.core, number)

    @silent
    def to_array(self) -> Array:
        """Return the dense tensor.

        Returns
        -------
        array, shape (n_1, ..., n_d)
        """
        xp = namespace(self.core)
        dense = self.core
        for factor in self.factors:  # the first axis goes to the end, multiplied
            dense = xp.tensordot(dense, factor, axes=((0,), (1,)))
        return dense
