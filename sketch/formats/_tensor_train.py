"""Tensor trains: frozen containers with their algebra."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _archive
from .._array import (
    Array,
    beside,
    cast,
    dtype_name,
    is_complex,
    namespace,
    promote,
    to_host,
)
from .._linalg import multiple
from .._plain import plain
from ..errors import DtypeError, NonFiniteError, RankError, ShapeError
from ._rounding import rounded
from ._seeded import Seeded, carrying_seeds
from ._sum import Summable
from ._train_entries import entries, sliced
from ._train_sweeps import (
    gram_product,
    orthogonalized,
    train_norm,
)

_MAX_DENSE_BYTES = 2_000_000_000


@carrying_seeds(
    *("with_error", "astype", "orthogonalize", "round", "hadamard", "__getitem__"),
    *("__add__", "__sub__", "__mul__", "__rmul__", "__neg__"),
)
class TensorTrain(Summable, Seeded):
    """The tensor ``T[i_1, ..., i_d] = G_1[:, i_1, :] G_2[:, i_2, :] ... G_d[:, i_d, :]``.

    Sums and differences of trains are trains, with ranks that add; with anything else they are
    lazy (`TensorSum`).

    Parameters
    ----------
    cores : sequence of array, shapes (r_{j-1}, n_j, r_j)
        With ``r_0 = r_d = 1``.

    Attributes
    ----------
    cores : list of array
    error : ErrorEstimate or None
        Of the Frobenius norm of (data - train), where the train came from data.

    Raises
    ------
    ShapeError
        If the cores do not fit together.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       doi:10.1137/090752286.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> tt = sketch.TensorTrain([np.ones((1, 3, 2)), np.ones((2, 4, 1))])
    >>> tt.shape, tt.ranks, float(tt[0, 1])
    ((3, 4), (2,), 2.0)
    """

    def __init__(self, cores: Sequence[Array], *, error: Any = None) -> None:
        cores = [plain(core) for core in cores]
        _check_cores(cores)
        dtype = promote(*(dtype_name(core.dtype) for core in cores))
        if dtype not in ("float32", "float64", "complex64", "complex128"):
            dtype = "float64"
        self.cores: list[Array] = [cast(core, dtype) for core in cores]
        self.error = error

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return tuple(int(core.shape[1]) for core in self.cores)

    @property
    def ndim(self) -> int:
        """Number of modes d."""
        return len(self.cores)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The d - 1 inner ranks."""
        return tuple(int(core.shape[2]) for core in self.cores[:-1])

    @property
    def dtype(self) -> Any:
        """The dtype of the cores."""
        return self.cores[0].dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all cores."""
        return sum(int(core.nbytes) for core in self.cores)

    def __repr__(self) -> str:
        shape = self.shape if self.ndim <= 8 else f"order {self.ndim}"
        ranks = self.ranks if self.ndim <= 8 else f"up to {max(self.ranks)}"
        error = "" if self.error is None else f", relative error={self.error.relative:.3g}"
        return f"TensorTrain(shape={shape}, ranks={ranks}, dtype={dtype_name(self.dtype)}{error})"

    def with_error(self, error: Any) -> TensorTrain:
        """Return the same train with an error estimate."""
        return TensorTrain(self.cores, error=error)

    def astype(self, dtype: str) -> TensorTrain:
        """Return the train in another precision."""
        return TensorTrain([cast(core, dtype) for core in self.cores], error=self.error)

    # ---- entries ----------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        """Return an entry for integers, a train of the slices otherwise."""
        found = sliced(self.cores, index)
        return TensorTrain(found) if isinstance(found, list) else found

    def entries(self, indices: Any) -> Array:
        """Return single entries, O(d r^2) operations each.

        Parameters
        ----------
        indices : array_like of int, shape (n_points, d)
            Negative indices count from the end.

        Returns
        -------
        array, shape (n_points,)
        """
        return entries(self.cores, indices)

    def to_array(self, *, max_bytes: int = _MAX_DENSE_BYTES) -> Array:
        """Return the dense tensor.

        Raises
        ------
        ShapeError
            If it would be larger than `max_bytes`.
        """
        size = math.prod(self.shape) * np.dtype(dtype_name(self.dtype)).itemsize
        if size > max_bytes:
            raise ShapeError(
                f"the dense tensor of shape {self.shape} needs {size / 1e9:.3g} GB, more than "
                f"max_bytes={max_bytes / 1e9:.3g} GB; take entries or slices, or raise the limit"
            )
        xp = namespace(self.cores[0])
        dense = xp.reshape(self.cores[0], (-1, self.cores[0].shape[2]))
        for core in self.cores[1:]:
            a, n, b = core.shape
            dense = xp.reshape(dense @ xp.reshape(core, (a, n * b)), (-1, b))
        return xp.reshape(dense, self.shape)

    def matrix_factors(self) -> tuple[Array, Array]:
        """Return the two factors of a train of order 2, so that matrix methods take it."""
        if self.ndim != 2:
            raise ShapeError(f"expected a matrix, got a tensor train of shape {self.shape}")
        return self.cores[0][0, :, :], self.cores[1][:, :, 0]

    # ---- algebra ----------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        return _sum(self, other) if isinstance(other, TensorTrain) else super().__add__(other)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, TensorTrain):
            return _sum(self, -1.0 * other)
        return super().__sub__(other)

    def __mul__(self, factor: Any) -> Any:
        if not isinstance(factor, int | float | complex | np.number):
            return NotImplemented
        return TensorTrain([multiple(self.cores[0], factor), *self.cores[1:]])

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self * -1.0

    def hadamard(self, other: TensorTrain) -> TensorTrain:
        """Return the entrywise product; ranks multiply."""
        self._check_shape(other)
        xp = namespace(self.cores[0])
        cores = []
        for x, y in zip(self.cores, other.cores, strict=True):
            (a, n, b), (c, _, d) = x.shape, y.shape
            product = x[:, None, :, :, None] * y[None, :, :, None, :]  # (a, c, n, b, d)
            cores.append(xp.reshape(product, (a * c, n, b * d)))
        return TensorTrain(cores)

    def dot(self, other: TensorTrain) -> Any:
        """Return ``<self, other> = sum conj(self) * other``, O(d n r^3) operations.

        Raises
        ------
        NonFiniteError
            If the value is beyond the range of doubles.
        """
        self._check_shape(other)
        value, exponent = gram_product(self.cores, other.cores)
        return _representable(value, exponent, "the inner product")

    def norm(self) -> float:
        """Return the Frobenius norm by orthogonalisation, accurate however small.

        Raises
        ------
        NonFiniteError
            If the value is beyond the range of doubles; the message has its logarithm.
        """
        value, exponent = train_norm(self.cores)
        return float(_representable(value, exponent, "the norm"))

    def orthogonalize(self, mode: int) -> TensorTrain:
        """Return the train with orthogonal cores on both sides of a mode, which carries the norm.

        Parameters
        ----------
        mode : int
            Negative modes count from the end.
        """
        if not -self.ndim <= mode < self.ndim:
            raise ShapeError(f"mode {mode} is out of range for order {self.ndim}")
        return TensorTrain(orthogonalized(self.cores, mode % self.ndim), error=self.error)

    def round(self, rank: Any = None, tol: float | None = None) -> TensorTrain:
        """Return a train of smaller ranks, by truncated SVDs of thin matrices.

        Much smaller ranks are found faster by ``sketch.tensor_train(tt, rank, method="tt-hmt")``.

        Parameters
        ----------
        rank : int or sequence of d - 1 int, optional
            At most these ranks.
        tol : float, optional
            Relative error to stay within: each bond may lose ``tol / sqrt(d - 1)``.

        Raises
        ------
        RankError
            If neither is given, or ranks are not positive.
        """
        if rank is None and tol is None:
            raise RankError("give a rank, a tolerance, or both")
        if tol is not None and not tol >= 0:
            raise ValueError(f"tol must be a relative error of at least 0, got {tol}")
        limits = None if rank is None else _ranks(rank, self.ndim - 1)
        return TensorTrain(rounded(self.cores, limits, tol), error=self.error)

    def _check_shape(self, other: TensorTrain) -> None:
        if self.shape != other.shape:
            raise ShapeError(f"the shapes {self.shape} and {other.shape} differ")

    # ---- files ------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the train to a file for `sketch.load`."""
        error = None if self.error is None else self.error.to_header()
        arrays = {f"core_{mode}": to_host(core) for mode, core in enumerate(self.cores)}
        header = {"kind": "TensorTrain", "error": error, "seeds": self.seeds}
        _archive.write(path, header, arrays)

    @classmethod
    def from_archive(
        cls, header: _archive.Header, arrays: _archive.Arrays, error: Any = None
    ) -> TensorTrain:
        """Rebuild a train from what `save` wrote."""
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
    for core in cores:
        if dtype_name(core.dtype) in ("object", "str"):
            raise DtypeError(f"cores must be numeric, got dtype {core.dtype}")


def _ranks(rank: Any, bonds: int) -> list[int]:
    ranks = list(rank) if hasattr(rank, "__len__") else [rank] * bonds
    if len(ranks) != bonds or any(r != int(r) or r < 1 for r in ranks):
        raise RankError(f"rank needs positive integers for {bonds} bonds, got {rank!r}")
    return [int(r) for r in ranks]


def _sum(x: TensorTrain, y: TensorTrain) -> TensorTrain:
    """Return the exact sum: block cores."""
    x._check_shape(y)
    if x.ndim == 1:
        return TensorTrain([x.cores[0] + y.cores[0]])
    xp = namespace(x.cores[0], y.cores[0])
    dtype = promote(dtype_name(x.dtype), dtype_name(y.dtype))
    cores = []
    for mode, (a, b) in enumerate(zip(x.cores, y.cores, strict=True)):
        first, last = mode == 0, mode == x.ndim - 1
        if first or last:
            cores.append(xp.concat([cast(a, dtype), cast(b, dtype)], axis=2 if first else 0))
            continue
        upper = xp.zeros((a.shape[0], a.shape[1], b.shape[2]), **beside(a, dtype))
        lower = xp.zeros((b.shape[0], a.shape[1], a.shape[2]), **beside(a, dtype))
        rows = [xp.concat([cast(a, dtype), upper], axis=2)]
        rows.append(xp.concat([lower, cast(b, dtype)], axis=2))
        cores.append(xp.concat(rows, axis=0))
    return TensorTrain(cores)


def _representable(value: complex, exponent: int, what: str) -> Any:
    """Return ``value * 2**exponent`` or say by how much it is out of range."""
    size = abs(value)
    if size == 0:
        return value
    log2 = math.log2(size) + exponent
    if not -1074 < log2 < 1024:
        raise NonFiniteError(
            f"{what} is 2**{log2:.1f}, beyond the range of double precision; scale a core"
        )
    half = exponent // 2
    scaled = value * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)
    return scaled if is_complex(type(value).__name__) else float(scaled.real)
