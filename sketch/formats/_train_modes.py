"""Modes of a train one at a time: multiplied by matrices, and added up."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from ..backend.array import Array, is_array, namespace, silent
from ..backend.plain import plain
from ..errors import ShapeError
from ..numerics.linalg import plain_number
from ._seeded import carrying_seeds
from ._train_algebra import chained, mode_multiplied


@carrying_seeds("mode_dot", "sum")
class TrainModes:
    """The part of `TensorTrain` that takes modes away, or other sizes for them."""

    if TYPE_CHECKING:

        @property
        def cores(self) -> list[Array]: ...
        def __init__(self, cores: Sequence[Array]) -> None: ...
        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def ndim(self) -> int: ...

    @silent
    def mode_dot(self, matrix: Array, mode: int) -> Any:
        """Return the product of a matrix with a mode: ``n_k`` becomes the number of its rows.

        Parameters
        ----------
        matrix : array, shape (m, n_k), or (n_k,)
            A vector takes the mode away; without conjugation.
        mode : int
            Negative modes count from the end.

        Returns
        -------
        TensorTrain or number
            Of the same ranks; a number where the last mode is gone.

        Raises
        ------
        ShapeError
            If the mode does not exist, or is of another size.

        Notes
        -----
        ``m n r^2`` operations.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> x = sketch.TensorTrain.random((3, 4, 5), rank=2)
        >>> x.mode_dot(np.ones((7, 4)), 1).shape, x.mode_dot(np.ones(4), 1).shape
        ((3, 7, 5), (3, 5))
        """
        (mode,) = self._modes(mode)
        matrix = plain(matrix)
        if (
            not is_array(matrix)
            or matrix.ndim not in (1, 2)
            or matrix.shape[-1] != self.shape[mode]
        ):
            raise ShapeError(
                f"mode {mode} of size {self.shape[mode]} takes a matrix (m, {self.shape[mode]}) or "
                f"a vector, got {getattr(matrix, 'shape', type(matrix).__name__)}"
            )
        parts: list[Array] = list(self.cores)
        parts[mode] = mode_multiplied(parts[mode], matrix)
        return self._of_parts(parts)

    @silent
    def sum(self, axis: int | Sequence[int] | None = None, *, out: None = None) -> Any:
        """Return the sum over some modes, or over all of them.

        Parameters
        ----------
        axis : int or sequence of int, optional
            Modes to add up; all by default.
        out : None
            For ``numpy.sum``, which passes it on.

        Returns
        -------
        TensorTrain or float or complex

        Raises
        ------
        ShapeError
            If a mode does not exist, or comes twice.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> x = sketch.TensorTrain.ones((3, 4, 5))
        >>> x.sum(), x.sum(axis=1).shape, float(x.sum(axis=(0, -1))[0])
        (60.0, (3, 5), 15.0)
        """
        if out is not None:
            raise ShapeError("the sum over modes of a train is another train; leave out= away")
        gone = self._modes(*(range(self.ndim) if axis is None else np.atleast_1d(axis).tolist()))
        parts = [
            namespace(core).sum(core, axis=1) if mode in gone else core
            for mode, core in enumerate(self.cores)
        ]
        return self._of_parts(parts)

    def _of_parts(self, parts: list[Array]) -> Any:
        """Return the train of cores, and of matrices where modes are gone, or the number."""
        found = chained(parts)
        return type(self)(found) if isinstance(found, list) else plain_number(found)

    def _modes(self, *modes: SupportsIndex) -> tuple[int, ...]:
        """Return modes as integers that are not negative."""
        try:
            checked = tuple(operator.index(mode) for mode in modes)
        except TypeError:
            raise ShapeError(f"a mode is an integer, got {modes}") from None
        if any(not -self.ndim <= mode < self.ndim for mode in checked):
            raise ShapeError(f"modes {checked} are out of range for order {self.ndim}")
        checked = tuple(mode % self.ndim for mode in checked)
        if len(set(checked)) < len(checked):
            raise ShapeError(f"a mode comes twice in {checked}")
        return checked
