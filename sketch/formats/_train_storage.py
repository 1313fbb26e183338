"""What a tensor train is as an object: how it is made, held, shown and stored."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .._checks import Ranks, checked_list
from ..backend.array import (
    Array,
    Device,
    cast,
    dtype_name,
    namespace,
    promote,
    quiet,
    to_host,
    unit_roundoff,
    widened,
)
from ..backend.dtypes import compute_dtype, target_dtype
from ..backend.plain import plain
from ..backend.protocols import DType
from ..errors import NonFiniteError, ShapeError
from ..files import archive
from ..numerics.linalg import frobenius_norm
from ._frozen import FrozenList
from ._seeded import Seeded, carrying_seeds
from ._sum import Summable
from ._terms import with_terms
from ._train_algebra import summed
from ._train_makers import ones_cores, random_cores
from ._train_sweeps import distance


@carrying_seeds("with_error", "astype")
class TrainStorage(Summable, Seeded):
    """The cores of a train, put together when they are asked for where it is a sum."""

    def __init__(self, cores: Sequence[Array], *, error: Any = None) -> None:
        cores = [plain(core) for core in checked_list(cores, "cores", "arrays (r, n, r')")]
        _check_cores(cores)
        cores = [with_terms(core, (0, 2)) for core in cores]
        dtype = promote(*(compute_dtype(core.dtype) for core in cores))
        self._parts: tuple[Sequence[Array], ...] = ([cast(core, dtype) for core in cores],)
        self._error = error

    @classmethod
    def _sum(cls, parts: tuple[Sequence[Array], ...]) -> Self:
        """Return the sum of trains, whose cores are put together when they are asked for."""
        total = cls(parts[0])
        total._parts = parts
        return total

    @property
    def cores(self) -> list[Array]:
        """The cores, in a list that cannot be changed."""
        dtype = dtype_name(self.dtype)
        if len(self._parts) > 1 or not isinstance(self._parts[0], FrozenList):
            self._parts = (FrozenList(summed(self._parts, dtype)),)
        return self._parts[0]  # type: ignore[return-value]

    @property
    def error(self) -> Any:
        """The estimate of the error, or None."""
        return self._error

    @classmethod
    def zeros(cls, shape: Sequence[int], *, dtype: str = "float64", device: Device = None) -> Self:
        """Return the train of zeros of a shape, of rank 1.

        Parameters
        ----------
        shape : sequence of int
        dtype : str
        device : str or array, optional
            Where to put it: ``"gpu"``, ``"gpu:1"``, or an array that lives there.

        Examples
        --------
        >>> import sketch
        >>> sketch.TensorTrain.zeros((3, 4, 5)).norm()
        0.0
        """
        return cls([0.0 * core for core in ones_cores(shape, dtype, device)])

    @classmethod
    def ones(cls, shape: Sequence[int], *, dtype: str = "float64", device: Device = None) -> Self:
        """Return the train of ones of a shape, of rank 1; arguments as for `zeros`.

        Parameters
        ----------
        shape : sequence of int
        dtype : str
        device : str or array, optional

        Examples
        --------
        >>> import sketch
        >>> sketch.TensorTrain.ones((3, 4, 5)).sum()
        60.0
        """
        return cls(ones_cores(shape, dtype, device))

    @classmethod
    def random(
        cls,
        shape: Sequence[int],
        rank: Ranks,
        *,
        seed: int | None = 0,
        dtype: str = "float64",
        device: Device = None,
    ) -> Self:
        """Return a train of Gaussian cores, whose entries have mean square 1.

        Parameters
        ----------
        shape : sequence of int
        rank : int or sequence of d - 1 int
        seed : int or None
            The same train for the same seed on every machine, a fresh one for None.
        dtype : str
        device : str or array, optional
            Where to put it: ``"gpu"``, ``"gpu:1"``, or an array that lives there.

        Raises
        ------
        RankError
            If a rank is no integer or not positive.
        ArgumentError
            If the seed is no integer.

        Examples
        --------
        >>> import sketch
        >>> x = sketch.TensorTrain.random((3, 4, 5), rank=2)
        >>> x.ranks, x.seed is None
        ((2, 2), True)
        """
        return cls(random_cores(shape, rank, seed, dtype, device))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return tuple(int(core.shape[1]) for core in self._parts[0])

    @property
    def ndim(self) -> int:
        """Number of modes d."""
        return len(self._parts[0])

    @property
    def ranks(self) -> tuple[int, ...]:
        """The d - 1 inner ranks."""
        bonds = range(self.ndim - 1)
        return tuple(sum(int(cores[bond].shape[2]) for cores in self._parts) for bond in bonds)

    @property
    def dtype(self) -> DType:
        """The dtype of the cores."""
        first, *others = [cores[0].dtype for cores in self._parts]
        if all(other == first for other in others):
            return first
        name = promote(*(dtype_name(cores[0].dtype) for cores in self._parts))
        found: DType = getattr(namespace(self._parts[0][0]), name)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all cores."""
        return sum(core.size * np.dtype(dtype_name(core.dtype)).itemsize for core in self.cores)

    def __repr__(self) -> str:
        shape = self.shape if self.ndim <= 8 else f"order {self.ndim}"
        ranks = self.ranks if self.ndim <= 8 else f"up to {max(self.ranks)}"
        error = ""
        if self.error is not None:
            how = f"({self.error.kind}, {self.error.method})"
            error = f", relative error={self.error.relative:.3g} {how}"
        return f"TensorTrain(shape={shape}, ranks={ranks}, dtype={dtype_name(self.dtype)}{error})"

    def with_error(self, error: object) -> Self:
        """Return the same train with an error estimate.

        Parameters
        ----------
        error : ErrorEstimate or None

        Returns
        -------
        TensorTrain
            Which shares the cores.

        Examples
        --------
        >>> import sketch
        >>> sketch.TensorTrain.ones((3, 4)).with_error(None).error is None
        True
        """
        return type(self)(self.cores, error=error)

    def astype(self, dtype: object) -> Self:
        """Return the train in another precision; its error follows.

        Parameters
        ----------
        dtype : str or dtype
            ``"float32"``, ``"float64"``, ``"complex64"`` or ``"complex128"``.

        Returns
        -------
        TensorTrain

        Raises
        ------
        DtypeError
            If it is no floating dtype of single or double precision, or would lose imaginary parts.
        NonFiniteError
            If entries of the cores are beyond its range.
        """
        dtype = target_dtype(dtype, self.dtype)
        with quiet():
            cores = [cast(core, dtype) for core in self.cores]
        if unit_roundoff(dtype) <= unit_roundoff(dtype_name(self.dtype)):
            return type(self)(cores, error=self.error)
        if not all(math.isfinite(frobenius_norm(widened(core))) for core in cores):
            raise NonFiniteError(f"entries of the cores are beyond the range of {dtype}")
        error = self.error
        if error is not None:
            error = error.rounded(distance(self.cores, cores))
        return type(self)(cores, error=error)

    def _archived(self) -> tuple[archive.Header, archive.Arrays]:
        error = None if self.error is None else self.error.to_header()
        arrays = {f"core_{mode}": to_host(core) for mode, core in enumerate(self.cores)}
        return {"error": error, "n_evaluations": self.n_evaluations}, arrays

    @classmethod
    def from_archive(
        cls, header: archive.Header, arrays: archive.Arrays, error: object = None
    ) -> Self:
        """Rebuild a train from the cores that `save` wrote by name, and its error."""
        return cls([arrays[f"core_{mode}"] for mode in range(len(arrays))], error=error)


def _check_cores(cores: list[Any]) -> None:
    if not cores or any(getattr(core, "ndim", 0) != 3 for core in cores):
        raise ShapeError("a tensor train needs one core of three axes (r, n, r') for each mode")
    shapes = [tuple(core.shape) for core in cores]
    bonds = itertools.pairwise(shapes)
    if shapes[0][0] != 1 or shapes[-1][2] != 1 or any(x[2] != y[0] for x, y in bonds):
        raise ShapeError(
            "cores must fit together, (1, n, r), (r, n', r'), ..., (r'', n'', 1); got shapes "
            f"{shapes if len(shapes) <= 8 else shapes[:8]}"
        )
