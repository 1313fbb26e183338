"""Tensor trains: frozen containers with their algebra."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from typing import Any

from .._checks import checked_tol, each_bond, require_rank_or_tol, warn_missed
from ..backend.array import (
    Array,
    cast,
    dtype_name,
    is_array,
    namespace,
    promote,
    quiet,
    to_host,
    unit_roundoff,
)
from ..backend.plain import plain
from ..errors import DtypeError, NonFiniteError, ShapeError
from ..files import archive
from ..numerics.linalg import frobenius_norm, multiple, plain_number
from ..pictures import drawing, html
from ._frozen import FrozenList
from ._rounding import rounded
from ._seeded import Seeded, carrying_seeds
from ._sum import MAX_DENSE_BYTES, Summable, is_number, refuse_large
from ._train_algebra import constant, dense_product, hadamard, representable, summed
from ._train_entries import entries, sliced
from ._train_sweeps import gram_product, orthogonalized, replacement_loss, train_norm


@carrying_seeds(
    *("with_error", "astype", "orthogonalize", "round", "hadamard", "__getitem__"),
    *("__add__", "__sub__", "__mul__", "__truediv__"),
)
class TensorTrain(Summable, Seeded):
    """A tensor train: a chain of small cores, one for each mode.

    ``T[i_1, ..., i_d] = G_1[:, i_1, :] G_2[:, i_2, :] ... G_d[:, i_d, :]``.

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
        self._parts: tuple[Sequence[Array], ...] = ([cast(core, dtype) for core in cores],)
        self._error = error

    @classmethod
    def _sum(cls, parts: tuple[Sequence[Array], ...]) -> TensorTrain:
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

    # ---- sizes ------------------------------------------------------------------------------

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
    def dtype(self) -> Any:
        """The dtype of the cores."""
        first, *others = [cores[0].dtype for cores in self._parts]
        if all(other == first for other in others):
            return first
        name = promote(*(dtype_name(cores[0].dtype) for cores in self._parts))
        return getattr(namespace(self._parts[0][0]), name)

    @property
    def nbytes(self) -> int:
        """Bytes of all cores."""
        return sum(int(core.nbytes) for core in self.cores)

    def __repr__(self) -> str:
        shape = self.shape if self.ndim <= 8 else f"order {self.ndim}"
        ranks = self.ranks if self.ndim <= 8 else f"up to {max(self.ranks)}"
        error = ""
        if self.error is not None:
            how = f"({self.error.kind}, {self.error.method})"
            error = f", relative error={self.error.relative:.3g} {how}"
        return f"TensorTrain(shape={shape}, ranks={ranks}, dtype={dtype_name(self.dtype)}{error})"

    def with_error(self, error: Any) -> TensorTrain:
        """Return the same train with an error estimate."""
        return TensorTrain(self.cores, error=error)

    def astype(self, dtype: str) -> TensorTrain:
        """Return the train in another precision; its error follows.

        Raises
        ------
        NonFiniteError
            If entries of the cores are beyond its range.
        """
        with quiet():
            cores = [cast(core, dtype) for core in self.cores]
        if unit_roundoff(dtype) <= unit_roundoff(dtype_name(self.dtype)):
            return TensorTrain(cores, error=self.error)
        back = [cast(core, dtype_name(self.dtype)) for core in cores]
        if not all(math.isfinite(frobenius_norm(core)) for core in back):
            raise NonFiniteError(f"entries of the cores are beyond the range of {dtype}")
        error = self.error
        if error is not None:
            error = error.rounded(replacement_loss(self.cores, back))
        return TensorTrain(cores, error=error)

    def plot(self, axes: Any = None) -> Any:
        """Draw the train as a tensor diagram with its ranks and sizes; long ones by their ranks.

        Parameters
        ----------
        axes : matplotlib Axes, optional
            Where to draw; new ones by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        SketchError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sketch.tt_svd(np.ones((3, 4, 5)), rank=1).plot().get_title()
        'Tensor train: ranks and sizes'
        """
        (ax,) = drawing.fresh_axes(axes, 1, (max(4.0, 1.1 * min(self.ndim, 12)), 2.2))
        drawing.draw_train(ax, self.shape, self.ranks)
        return ax

    def _repr_html_(self) -> str:
        kept, size = sum(math.prod(core.shape) for core in self.cores), math.prod(self.shape)
        entries = f"{size:,}"
        if size >= 10**15:
            entries = f"about 10^{round(sum(map(math.log10, self.shape)))}"
        facts = {
            "order": f"{self.ndim}, {dtype_name(self.dtype)}",
            "numbers": f"{kept:,} for {entries} entries",
        }
        if self.error is not None:
            facts["error"] = str(self.error)
        return html.card("TensorTrain", facts, html.train_picture(self.shape, self.ranks))

    # a train is iterated neither over its cores nor over its entries: tt.cores, tt[i]
    __iter__ = None

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

    def to_array(self, *, max_bytes: int = MAX_DENSE_BYTES) -> Array:
        """Return the dense tensor.

        Raises
        ------
        ShapeError
            If it would be larger than `max_bytes`.
        """
        refuse_large("tensor", self.shape, dtype_name(self.dtype), max_bytes)
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
        if not isinstance(other, TensorTrain):
            return super().__add__(other)
        self._check_shape(other)
        return TensorTrain._sum(self._parts + other._parts)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, TensorTrain):
            return self + -1.0 * other
        return super().__sub__(other)

    def __mul__(self, factor: Any) -> Any:
        if not is_number(factor):
            return NotImplemented
        error = None if self.error is None else self.error.scaled(plain_number(factor))
        return TensorTrain([multiple(self.cores[0], factor), *self.cores[1:]], error=error)

    def __truediv__(self, divisor: Any) -> Any:
        return self * (1 / plain_number(divisor)) if is_number(divisor) else NotImplemented

    def _plus(self, number: complex) -> TensorTrain:
        return TensorTrain._sum((*self._parts, constant(self.cores, number)))

    def hadamard(self, other: TensorTrain) -> TensorTrain:
        """Return the entrywise product; ranks multiply."""
        self._check_shape(other)
        return TensorTrain(hadamard(self.cores, other.cores))

    def dot(self, other: Any) -> Any:
        """Return ``<self, other> = sum conj(self) * other``.

        Parameters
        ----------
        other : TensorTrain, CPTensor, TuckerTensor, TensorSum of these, or dense array
            Of the same shape. ``O(d n r^3)`` operations for trains, ``O(N r)`` for N dense entries.

        Raises
        ------
        DtypeError
            If there is no inner product with such an object.
        NonFiniteError
            If the value is beyond the range of doubles.
        """
        self._check_shape(other)
        if hasattr(other, "terms"):
            pairs = zip(other.coefficients, other.terms, strict=True)
            return sum(coefficient * self.dot(term) for coefficient, term in pairs)
        if hasattr(other, "to_tensor_train"):
            other = other.to_tensor_train()
        if isinstance(other, TensorTrain):
            value, exponent = gram_product(self.cores, other.cores)
            return representable(value, exponent, "the inner product")
        if is_array(other):
            return dense_product(self.cores, other)
        raise DtypeError(
            f"a tensor train has no inner product with a {type(other).__name__}; give a train, a "
            "CP or Tucker tensor, a sum of these, or a dense array"
        )

    def norm(self) -> float:
        """Return the Frobenius norm by orthogonalisation, accurate however small.

        Raises
        ------
        NonFiniteError
            If the value is beyond the range of doubles; the message has its logarithm.
        """
        value, exponent = train_norm(self.cores)
        return float(representable(value, exponent, "the norm"))

    def orthogonalize(self, mode: int) -> TensorTrain:
        """Return the train with orthogonal cores on both sides of a mode, which carries the norm.

        Parameters
        ----------
        mode : int
            Negative modes count from the end.
        """
        if not -self.ndim <= mode < self.ndim:
            raise ShapeError(f"mode {mode} is out of range for order {self.ndim}")
        done = TensorTrain(orthogonalized(self.cores, mode % self.ndim))
        return done.with_error(self._error_after(0.0))

    def round(self, rank: Any = None, tol: float | None = None) -> TensorTrain:
        """Return a train of smaller ranks, by truncated SVDs of thin matrices.

        Its error is widened by what was lost. Much smaller ranks are found faster by
        ``sketch.tensor_train(tt, rank, method="tt-hmt")``.

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
        ToleranceError
            If `tol` is negative or no number.
        NonFiniteError
            If the cores hold NaN or infinity.

        Warns
        -----
        ToleranceWarning
            If the ranks are too small for `tol`.
        """
        require_rank_or_tol(rank, tol)
        limits, tol = None, checked_tol(tol)
        if rank is not None:
            limits = each_bond(rank, self.ndim - 1, "rank")
        short, lost = self._rounded(limits, tol)
        if tol is not None and lost > max(tol, self._roundoff):
            warn_missed(tol, lost, f"rank {limits}")
        return short

    def _rounded(
        self, limits: Sequence[int] | None, tol: float | None
    ) -> tuple[TensorTrain, float]:
        """Return the rounded train and what was lost, relative to the norm."""
        cores, lost = rounded(self.cores, limits, tol)
        return TensorTrain(cores, error=self._error_after(lost)), lost

    def _error_after(self, lost: float) -> Any:
        """Return the error of a train at a known relative distance, found by orthogonal factors."""
        if self.error is None:
            return None
        norm = self.norm()
        return self.error.widened(lost * norm).rounded(self._roundoff * norm)

    @property
    def _roundoff(self) -> float:
        """What a sweep of decompositions loses to rounding, relative to the norm."""
        widest = max(self.ranks, default=1)
        return 10 * math.sqrt(self.ndim * widest) * unit_roundoff(dtype_name(self.dtype))

    def _check_shape(self, other: Any) -> None:
        shape = tuple(getattr(other, "shape", ()))
        if self.shape != shape:
            raise ShapeError(f"the shapes {self.shape} and {shape} differ")

    # ---- files ------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the train to a file for `sketch.load`."""
        error = None if self.error is None else self.error.to_header()
        arrays = {f"core_{mode}": to_host(core) for mode, core in enumerate(self.cores)}
        header = {"kind": "TensorTrain", "error": error, "seeds": self.seeds}
        header |= {"n_passes": self.n_passes, "n_evaluations": self.n_evaluations}
        archive.write(path, header, arrays)

    @classmethod
    def from_archive(
        cls, header: archive.Header, arrays: archive.Arrays, error: Any = None
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


def rounded_train(tt: TensorTrain, ranks: Sequence[int] | None, tol: float | None) -> TensorTrain:
    """Round like `TensorTrain.round`, to checked ranks and without a word."""
    return tt._rounded(ranks, tol)[0] if tt.ndim > 1 else tt
